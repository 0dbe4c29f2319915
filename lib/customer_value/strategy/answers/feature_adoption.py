"""What the feature adoption chapter found, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.wording import NO_BREAK, Words, known

MOST_DRAWN = 12
"""Features in a figure; the file has all."""
MOST_NAMED = 4
"""Features named in a sentence."""
FOUR_FIFTHS = 0.8

_LINKED = (
    "linked to retention and to expansion",
    "linked to retention",
    "linked to expansion",
    "linked to leaving",
    "linked to less expansion",
)
_DOES = {"leaving": "leave", "expansion": "expand"}
_NOUN = {"leaving": "leaving", "expansion": "expansion"}


def who(adoption: Result, lagged: Result, *, words: Words) -> str:
    """Which accounts and months are in the study, and which are left out."""
    main = _main(lagged, "leaving")
    everyone = adoption.table[adoption.table["metric"] == "using"]
    active = words.plural(everyone["n"].iloc[0], "account") if len(everyone) else "the accounts"
    features = words.plural(main["feature"].nunique(), "feature")
    if main.empty or not main["n"].max() > 0:
        return f"How far {features} have spread is counted among {active} active at the end of the last whole month."
    most = main.loc[main["n"].idxmax()]
    return (
        f"How far {features} have spread is counted among {active} active at the end of the last whole month. What use "
        f"is linked to is studied in up to {words.plural(most['n'], 'account')} and "
        f"{words.plural(most['person_months'], 'month')} of their lives in which it is known who used what "
        f"{_earlier(most['lag'], words)}, until an account first left; in these months "
        f"{words.plural(most['events'], 'account')} left."
    )


def headline(verdicts: Result, *, words: Words) -> str:
    """Which features are linked to what, by name while they are few."""
    table = verdicts.table
    if table.empty:
        return "No feature is used by any account"
    linked = table[table["verdict"].isin(_LINKED)]
    if linked.empty:
        if not table["estimate"].notna().any():
            return "Too little evidence to say what any feature is linked to"
        if table["verdict"].isin(["table stakes", "no detectable effect"]).all():
            return "No feature makes a difference that these data can see"
        return "No feature is clearly linked to staying, leaving or growing"
    parts = []
    for name, group in linked.groupby("verdict", sort=False):
        to = name.removeprefix("linked ")
        if len(linked) <= MOST_NAMED:
            features = words.list(_feature(row, words) for _, row in group.iterrows())
        else:
            features = words.plural(len(group), "feature")
        verb = f"{'is' if len(group) == 1 else 'are'} linked " if not parts else ""
        parts.append(f"{features} {verb}{to}")
    text = words.list(parts)
    return f"Regular use of {text}" if len(linked) == 1 else text


def detail(verdicts: Result, lagged: Result, *, words: Words) -> str:
    """The clearest link in numbers, what a hidden cause would take, and how many features got which verdict."""
    table = verdicts.table
    main = lagged.table[lagged.table["main"]]
    tested = main["p"].notna()
    if table.empty:
        return "No account used any feature while it was a customer, so there is nothing to compare."
    text = []
    linked = table[table["verdict"].isin(_LINKED)]
    if len(linked):
        clear = _linked_rows(lagged, verdicts).sort_values(["p_adjusted", "p", "feature"], kind="stable")
        best = clear.iloc[0]
        text.append(_sentence(best, words))
        text.append(_hidden(best, words))
    counts = table["verdict"].value_counts()
    said = [f"{words.number(counts[name])} {name}" for name in dict.fromkeys(table["verdict"])]
    text.append(
        f"Each of {words.plural(len(table), 'feature')} was compared for leaving and for expansion, "
        f"{words.plural(int(tested.sum()), 'comparison')} in all. Verdicts: {words.list(said)}."
    )
    if not len(linked):
        text.append("That is no proof that use does not matter.")
    return " ".join(part for part in text if part)


def to_draw(naive: Result, landmark: Result, lagged: Result, verdicts: Result, *, outcome: str) -> Result:
    """The three ways of comparing, for the features whose estimates say most, at most `MOST_DRAWN`.

    Keyed by ``feature, view``; views ``naive``, ``landmark`` and ``lagged`` (the main lag).
    """
    views = {"naive": naive.table, "landmark": landmark.table, "lagged": lagged.table[lagged.table["main"]]}
    parts = [table[table["outcome"] == outcome].assign(view=view) for view, table in views.items()]
    # Where hardly anyone never adopted, a comparison with them would only stretch the axis.
    parts[0] = parts[0].assign(estimate=parts[0]["estimate"].where(parts[0]["overlap"]))
    every = pd.concat(parts, ignore_index=True)
    order = _order(every[every["view"] == "lagged"], verdicts)
    every = _marked(every, verdicts, outcome)
    return _picked(lagged, every, "view", order, name="three_comparisons")


def lags_to_draw(lagged: Result, verdicts: Result, *, outcome: str) -> Result:
    """The estimates at every lag, for the same features. Keyed by ``feature, view``, a view being a lag."""
    every = lagged.table[lagged.table["outcome"] == outcome]
    every = every.sort_values("lag", kind="stable")
    every = _marked(every.assign(view=every["lag"].map(lambda lag: f"lag_{lag:.0f}")), verdicts, outcome)
    order = _order(every[every["main"]], verdicts)
    return _picked(lagged, every, "view", order, name="by_lag")


def views(lagged: Result, *, age: int, words: Words) -> Mapping[str, str]:
    """What the marks of both figures are called."""
    table = lagged.table
    main = table.loc[table["main"], "lag"]
    at = words.months(main.iloc[0], 0) if len(main) else "some months"
    names = {
        "naive": "ever used it: misleading",
        "landmark": f"had adopted it at {words.months(age, 0)} of age",
        "lagged": f"regular use, {at} earlier",
    }
    return {**LABELS, **names, **{f"lag_{lag:.0f}": f"{words.months(lag, 0)} earlier" for lag in set(table["lag"])}}


def main_lag(lagged: Result) -> str:
    """The view of the main lag in `lags_to_draw`."""
    return f"lag_{lagged.table.loc[lagged.table['main'], 'lag'].iloc[0]:.0f}" if len(lagged.table) else "lag_0"


def drawn_caption(drawn: Result, *, outcome: str, words: Words) -> str:
    """What the naive comparison would have said beside what is left of it, then what is measured."""
    table = drawn.table
    kept = table[table["estimate"].notna()].pivot(index="feature", columns="view", values="estimate")
    said = "What a plain comparison says is not what is left of it"
    if {"naive", "lagged"} <= set(kept.columns) and len(kept.dropna(subset=["naive", "lagged"])):
        both = kept.dropna(subset=["naive", "lagged"])
        naive, honest = both["naive"].median(), both["lagged"].median()
        said = (
            f"Compared plainly, accounts that ever used a feature {_often(naive, outcome, words)} than those that "
            f"never did; by what they used {_at(drawn, words)} they {_often(honest, outcome, words)}"
        )
    return (
        f"**{said}** (the middle feature). Each mark is a ratio of how often accounts {_DOES[outcome]} in a month, at "
        "equal size, plan, term and other known traits; the bar is its range. In colour: linked by the rule below."
    )


def lags_caption(drawn: Result, lagged: Result, *, outcome: str, words: Words) -> str:
    """Whether links shrink as use is read longer before, then what is measured."""
    flagged = _flagged(lagged, outcome)
    tested = drawn.table.loc[drawn.table["estimate"].notna(), "feature"].nunique()
    if len(flagged):
        names = words.list(flagged_name(name, words) for name in flagged[:MOST_NAMED])
        said = f"{names}: half of the link is gone when use is read {_at(drawn, words)}"
    else:
        said = f"Of {words.plural(tested, 'feature')} none loses half of its link as use is read longer before"
    return (
        f"**{said}.** The same comparison with use read longer and longer before the month in which accounts "
        f"{_DOES[outcome]} or do not. Those about to leave stop using things first, which makes any use look "
        "protective at a short distance."
    )


def errors(naive: Result, landmark: Result, lagged: Result, *, words: Words) -> str:
    """How large both errors are here: survivors' and leavers'."""
    first = lagged.table["lag"].min() if len(lagged.table) else float("nan")
    main = _main(lagged, "leaving").set_index("feature")["estimate"]
    plain = _leaving(naive.table)
    beside = _leaving(landmark.table)
    short = _leaving(lagged.table[lagged.table["lag"] == first])
    both = pd.DataFrame({"plain": plain, "beside": beside, "short": short, "main": main})
    known_both = both.dropna(subset=["plain", "main"])
    if known_both.empty:
        return "Too few accounts left to show how large these errors are here."
    naive_kept, main_kept = (int((known_both[name] < FOUR_FIFTHS).sum()) for name in ("plain", "main"))
    text = (
        f"Here the plain comparison makes {words.count(naive_kept, len(known_both))} features look as if they kept "
        f"accounts (less than four fifths as many leave); by regular use {_at(lagged, words)}, "
        f"{words.count(main_kept, len(known_both))} do. The middle ratio goes from "
        f"{words.number(known_both['plain'].median(), 2)} to {words.number(known_both['main'].median(), 2)}."
    )
    pairs = both.dropna(subset=["short", "main"])
    if len(pairs) and first < _main(lagged, "leaving")["lag"].iloc[0]:
        flagged = _flagged(lagged, "leaving")
        text += (
            f" Read only {words.months(first, 0)} before, the middle ratio would be "
            f"{words.number(pairs['short'].median(), 2)}."
        )
        if flagged:
            text += (
                f" {words.count(len(flagged), len(pairs))} features lose half of the link or more by the main "
                "distance: there, falling use is a warning sign, not shown to be a benefit."
            )
    return text


def missing_lags(lagged: Result, *, words: Words) -> str:
    """Which distances the data are too short for."""
    table = lagged.table
    if table.empty:
        return ""
    empty = table.groupby("lag")["person_months"].max()
    gone = [words.months(lag, 0) for lag in empty.index[empty == 0]]
    if not gone:
        return ""
    return (
        f"The use that is recorded does not reach back far enough to be read {words.list(gone)} before; no feature can "
        "be called linked without the longest of these distances."
    )


def verdict_page(verdicts: Result, *, words: Words) -> Result:
    """The verdicts as the page shows them: one row a feature, both ratios with their ranges in words."""
    table = verdicts.table
    page = pd.DataFrame(
        {
            "feature": table["feature"],
            "verdict": table["verdict"],
            "estimate": table["estimate"],
            "leaving": [_range(row, "estimate", "low", "high", words) for _, row in table.iterrows()],
            "expansion": [
                _range(row, "expansion", "expansion_low", "expansion_high", words) for _, row in table.iterrows()
            ],
            "n": table["n"],
            "remark": [_remark(row, words) for _, row in table.iterrows()],
        }
    )
    return Result(**{**vars(verdicts), "table": page, "notes": (*_intensity_note(table, words), *verdicts.notes)})


def adoption_page(adoption: Result) -> Result:
    """How far each feature has spread: one row a feature, its measures side by side, widest use first."""
    table = adoption.table
    wide = table.pivot(index="feature", columns="metric", values="estimate")
    using = table[table["metric"] == "using"].set_index("feature")
    order = [name for name in dict.fromkeys(table["feature"]) if name in using.index and name != "all features"]
    page = using.loc[order, ["estimate", "low", "high", "n"]].reset_index()
    for metric in ("adopted", "months_to_adopt", "continued", "depth", "licences"):
        values = wide[metric] if metric in wide else pd.Series(dtype=float)
        page[_COLUMNS[metric]] = values.reindex(page["feature"]).to_numpy(float)
    return Result(
        name="adoption_by_feature",
        table=page,
        keys=("feature",),
        unit="share",
        level=adoption.level,
        n_of=adoption.n_of,
        suppressed=int(page["estimate"].isna().sum()),
        method=adoption.method,
        notes=adoption.notes,
    )


_COLUMNS = {
    "adopted": "adopted_share",
    "months_to_adopt": "months_to_adopt",
    "continued": "continued_share",
    "depth": "events_a_day",
    "licences": "licences_share",
}


ADOPTION_HEADS: Mapping[str, str] = {
    "feature": "Feature",
    "estimate": "Use it now",
    "adopted_share": "Adopted it",
    "months_to_adopt": "Month in which half have",
    "continued_share": "Adopters still using it",
    "events_a_day": "Events a day",
    "licences_share": "Licences in use",
}
"""Heads of the adoption table."""


def spread_caption(adoption: Result, *, words: Words) -> str:
    """What the columns of the adoption table mean, of which accounts."""
    text = (
        "Of accounts active at the end of the last month on record: who used the feature in one of its last three "
        "months, and who ever used it in two. The month of an account’s life by which half have adopted it is missing "
        "where half never did; events a day are those of the accounts that use it."
    )
    licences = adoption.table[(adoption.table["metric"] == "licences") & (adoption.table["feature"] == "all features")]
    if len(licences) and known(licences["estimate"].iloc[0]):
        text += f" Of all licences sold {words.share(licences['estimate'].iloc[0])} were in use in the last month."
    return text


def margin_label(margin: tuple[float, float], *, words: Words) -> str:
    """What the shaded band of a figure says."""
    low, high = (words.number(end, 2) for end in margin)
    return f"Shaded: between {low} and {high} times a difference is too small to matter."


def adoption_columns(page: Result) -> list[str]:
    """The columns of the adoption table that there is something in."""
    table = page.table
    return ["feature", "estimate", "interval", *[name for name in _COLUMNS.values() if table[name].notna().any()][:4]]


def adoption_drawn(adoption: Result, metric: str = "using") -> Result:
    """The share using each feature, at most `MOST_DRAWN` of them, widest use first."""
    table = adoption.table
    mine = table[(table["metric"] == metric) & (table["feature"] != "all features")]
    mine = mine.sort_values("estimate", ascending=False, kind="stable").head(MOST_DRAWN)
    return Result(
        name="using",
        table=mine.drop(columns="unit").reset_index(drop=True),
        keys=("feature",),
        unit="share",
        level=adoption.level,
        n_of=adoption.n_of,
        suppressed=int(mine["estimate"].isna().sum()),
        method=adoption.method,
    )


def adoption_caption(adoption: Result, *, words: Words) -> str:
    """The most and the least used feature, then what is measured."""
    drawn = adoption_drawn(adoption).table.dropna(subset=["estimate"])
    breadth = adoption.table[adoption.table["metric"] == "breadth"]
    said = "Too few accounts to show"
    if len(drawn) == 1:
        said = f"{_feature(drawn.iloc[0], words)} is used by {words.share(drawn.iloc[0]['estimate'])} of accounts"
    elif len(drawn):
        first, last = drawn.iloc[0], drawn.iloc[-1]
        said = (
            f"From {words.share(first['estimate'])} of accounts for {_feature(first, words)} to "
            f"{words.share(last['estimate'])} for {_feature(last, words)}"
        )
    text = (
        f"**{said}.** Share of the accounts active at the end of the last whole month that used the feature in at "
        "least one of its last three months; the bar is the range."
    )
    if len(breadth) and known(breadth["estimate"].iloc[0]):
        text += f" The average account uses {words.number(breadth['estimate'].iloc[0], 1)} features."
    return text


def health(lagged: Result, verdicts: Result, *, words: Words) -> str:
    """How strong a hidden cause would have to be to explain the links away."""
    main = _linked_rows(lagged, verdicts)
    main = main[main["e_value_limit"].notna()]
    text = (
        "Accounts in good health both use more and stay longer. Reading use earlier and comparing like with like does "
        "not remove that: in a simulated business where health alone is behind both, these methods call an idle "
        "feature linked."
    )
    if main.empty:
        return text
    weakest = main.loc[main["e_value_limit"].idxmin()]
    return (
        f"{text} A hidden cause would have to raise both the use of {_feature(weakest, words)} and its outcome "
        f"{words.number(weakest['e_value'], 1)} times over to explain that link wholly, and "
        f"{words.number(weakest['e_value_limit'], 1)} times to make it unclear (the E-value)"
        f"{'; for the other links, more' if len(main) > 1 else ''}."
    )


def _linked_rows(lagged: Result, verdicts: Result) -> pd.DataFrame:
    """The estimates at the main lag of the features and outcomes that the rule calls linked."""
    table = lagged.table[lagged.table["main"]]
    said = verdicts.table.set_index("feature")
    linked = [
        bool(said.loc[feature, f"{outcome}_linked"])
        for feature, outcome in zip(table["feature"], table["outcome"], strict=True)
    ]
    return table[pd.Series(linked, index=table.index, dtype=bool)]


def _flagged(lagged: Result, outcome: str) -> list[str]:
    main = _main(lagged, outcome)
    return list(main.loc[main["wind_down"].astype(bool), "feature"])


def flagged_name(name: str, words: Words) -> str:
    """A feature's name, quoted and safe for Markdown."""
    return f"“{words.escape(name)}”"


def _leaving(table: pd.DataFrame) -> pd.Series:
    return table[table["outcome"] == "leaving"].set_index("feature")["estimate"]


def _main(lagged: Result, outcome: str) -> pd.DataFrame:
    return lagged.table[lagged.table["main"] & (lagged.table["outcome"] == outcome)]


def _order(main: pd.DataFrame, verdicts: Result) -> list[str]:
    """Features with an estimate: those linked to the outcome first, then by the ratio."""
    said = verdicts.table.set_index("feature")
    shown = main[main["estimate"].notna()]
    last = [
        not said.loc[feature, f"{outcome}_linked"]
        for feature, outcome in zip(shown["feature"], shown["outcome"], strict=True)
    ]
    ordered = shown.assign(last=last).sort_values(["last", "p", "feature"], kind="stable")
    # The clearest are chosen by p and then laid out by value.
    chosen = ordered.head(MOST_DRAWN).sort_values(["last", "estimate", "feature"], kind="stable")
    return list(chosen["feature"])


def _marked(every: pd.DataFrame, verdicts: Result, outcome: str) -> pd.DataFrame:
    """With ``linked``: whether the rule calls the feature linked to the outcome."""
    linked = verdicts.table.set_index("feature")[f"{outcome}_linked"]
    return every.assign(linked=every["feature"].map(linked).astype(bool))


def _picked(lagged: Result, every: pd.DataFrame, view: str, order: list[str], *, name: str) -> Result:
    place = {feature: number for number, feature in enumerate(order)}
    chosen = every[every["feature"].isin(order) & every["estimate"].notna()]
    # Every mark keeps its shape, also where the first feature lacks one.
    chosen = chosen.assign(**{view: pd.Categorical(chosen[view], categories=list(dict.fromkeys(every[view])))})
    chosen = chosen.sort_values("feature", key=lambda names: names.map(place), kind="stable")
    return Result(
        name=name,
        table=chosen.reset_index(drop=True),
        keys=("feature", view),
        unit="ratio",
        level=lagged.level,
        n_of=lagged.n_of,
        family=lagged.family,
        method=lagged.method,
    )


def _feature(row: pd.Series, words: Words) -> str:
    return flagged_name(row["feature"], words)


def _earlier(lag: float, words: Words) -> str:
    return f"{words.months(lag, 0)} earlier"


def _at(drawn: Result, words: Words) -> str:
    main = drawn.table.loc[drawn.table["main"].eq(True), "lag"] if "lag" in drawn.table else []
    return _earlier(main.iloc[0], words) if len(main) else "some months earlier"


def _often(ratio: float, outcome: str, words: Words) -> str:
    """A ratio as a sentence says it: "leave 38% less often", "expand as often"."""
    verb = _DOES[outcome]
    if ratio >= 2:
        return f"{verb} {words.number(ratio, 1)} times as often"
    if abs(ratio - 1) < 0.005:
        return f"{verb} no more and no less often"
    return f"{verb} {words.share(abs(1 - ratio))} {'less' if ratio < 1 else 'more'} often"


def _sentence(row: pd.Series, words: Words) -> str:
    """One link in plain numbers."""
    used, than = f"used {_feature(row, words)} in each of three months", "those that did not use it"
    if row["exposure"] == "intensity":
        used, than = f"were in the third that used {_feature(row, words)} most", "those in the third that used it least"
    span = f"{words.range(row['low'], row['high'], 'ratio')} times as often"
    return (
        f"In a month, accounts that {used} {_often(row['estimate'], row['outcome'], words)} than {than}, with use read "
        f"{_earlier(row['lag'], words)} and at equal size, plan, term and other use ({span}; "
        f"{words.plural(row['n'], 'account')}, {_events(row, words)})."
    )


def _events(row: pd.Series, words: Words) -> str:
    if row["outcome"] == "leaving":
        return f"of which {words.number(row['events'])} left"
    return words.plural(row["events"], "expansion")


def _hidden(row: pd.Series, words: Words) -> str:
    if not known(row["e_value"]):
        return ""
    return (
        "Good health may lie behind both: a hidden cause tied to use and to the outcome by ratios of "
        f"{words.number(row['e_value'], 1)} each would explain it wholly."
    )


def _range(row: pd.Series, estimate: str, low: str, high: str, words: Words) -> str:
    if not known(row[estimate]):
        return "too few"
    if not known(row[low]) or not known(row[high]):
        return words.number(row[estimate], 2)
    text = f"{words.number(row[estimate], 2)} ({words.range(row[low], row[high], 'ratio')})"
    return text.replace(" ", NO_BREAK)


def _remark(row: pd.Series, words: Words) -> str:
    """What a link is worth at most; where little can be said, what it would take to say more."""
    if row["verdict"] in _LINKED:
        if not row["leaving_linked"] or not known(row["money_low"]):
            return ""
        return f"{words.money_range(max(row['money_low'], 0), row['money_high'])} a year at most"
    if row["verdict"] != "too little evidence":
        return ""
    if row["wind_down"] and known(row["estimate"]):
        return "use falls before accounts leave: a warning sign"
    if not known(row["events_needed"]):
        return "too few accounts to compare"
    needed = row["events_needed"]
    rounded = words.number(round(needed, -1) if needed < 1000 else round(needed, -2))
    what = "accounts that leave" if row["scarce"] == "leaving" else "expansions"
    return f"needs about {rounded} {what}, had {words.number(row['events'])}"


def _intensity_note(table: pd.DataFrame, words: Words) -> list[str]:
    named = table.loc[table["exposure"] == "intensity", "feature"]
    if named.empty:
        return []
    names = words.list([f"“{name}”" for name in named][:MOST_NAMED])
    rest = len(named) - MOST_NAMED
    if rest > 0:
        names += f" and {words.plural(rest, 'other')}"
    return [
        f"More than nine in ten accounts adopt {names}: there, accounts that use it most are compared with those that "
        "use it least (thirds)."
    ]
