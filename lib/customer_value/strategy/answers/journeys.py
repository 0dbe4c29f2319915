"""What the chapter on how customers develop found, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from statistics import NormalDist

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.alike import alike_in
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.established.segments import HARDLY_OVERLAP
from customer_value.strategy.wording import Words, known

NAMES: Mapping[str, str] = {
    **LABELS,
    "up": "Moved up a plan",
    "down": "Moved down a plan",
    "left": "Left",
    "no named plan": "No named plan",
    "plan_now": "Where they are now",
    "accounts": "Accounts",
    "mrr": "MRR at the start",
    "mrr_now": "MRR now",
    "mrr_share": "Share of MRR",
    "way": "What they did",
    "same": "stayed",
    "aside": "moved beside",
    "unnamed": "no named plan",
    "stays": "Accounts that came onto it",
    "next_plan": "Next plan up",
    "events": "How many",
    "attribute": "Scheme",
    "attribute_label": "Scheme",
    "cohort": "Activated in",
    "all": "All accounts",
    "behaviour": "First days",
    "usage": "Kind of use",
    "journey": "Journey",
    "value": "Value reached",
    "day": "Day",
    "power": "Power users",
    "core": "Core users",
    "light": "Light users",
    "potential": "Potential power users",
    "rapid": "Rapid adopters",
    "steady": "Steady implementers",
    "struggling": "Struggling implementers",
    "stalled": "Stalled implementations",
    "achievers": "Value achievers",
    "seekers": "Value seekers",
    "explorers": "Value explorers",
    "blocked": "Value blocked",
    "cannot tell": "Cannot tell",
}
"""What keys, columns and measures of these results are called on the page."""

PAIR = ("as they are", "made alike")
"""What hollow and filled dots are."""

_OUTCOMES: Mapping[str, str] = {
    "logo_retention": "the share of accounts kept",
    "grr": "gross revenue retention",
}
_POWER = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
"""Standard errors that a difference must measure to be found four times in five."""


# -- the whole page ---------------------------------------------------------------------------------------------------


def headline(behaviours: Result, steps: Result, kinds: Result, *, words: Words) -> str:
    """The clearest thing on the page: a way to begin, else a step of the ladder, else a kind of account."""
    starts, broken, places = _clear(behaviours), hardest_step(steps), _clear(kinds)
    if not starts.empty:
        return behaviour_headline(behaviours, words=words)
    if broken is not None:
        return ladder_headline(steps, words=words)
    if not places.empty:
        return kinds_headline(kinds, words=words)
    if not any(each.table["p"].notna().any() for each in (behaviours, steps, kinds)):
        return "Too few accounts to tell how customers develop"
    return "Neither first days nor plans nor use clearly tell which customers stay"


def detail(
    moves: Result, behaviours: Result, kinds: Result, *, start: date, end: date, months: int, words: Words
) -> str:
    """What was counted and compared, and how much of it is clear."""
    table = moves.table
    sums = table.groupby("way")["accounts"].sum()
    of = table.drop_duplicates("plan")["n"].sum() if len(table) else 0
    text = ""
    if of:
        text = (
            f"Of {words.plural(of, 'account')} on a named plan at the close of {words.date(start)}, "
            f"{words.number(sums.get('up', 0))} stood on a higher one at the close of {words.date(end)}, "
            f"{words.number(sums.get('down', 0))} on a lower one, and {words.number(sums.get('left', 0))} had left. "
        )
    told = [
        _looked(behaviours, "by what accounts did in their first days", words),
        _looked(kinds, "by the kind of account", words),
    ]
    said = [each for each in told if each]
    if said:
        text += f"Of the comparisons of who stayed, {' and '.join(said)} are clear once corrected for their number. "
    if not _clear(behaviours).empty:
        text += f"The clearest start: {_clearest(behaviours, words)}, followed for {words.months(months)}."
    return text.strip()


def _looked(result: Result, by: str, words: Words) -> str:
    tested = int(_adjusted(result)["p"].notna().sum())
    return f"{words.count(len(_clear(result)), tested)} {by}" if tested else ""


# -- the ladder -------------------------------------------------------------------------------------------------------


def hardest_step(steps: Result) -> pd.Series | None:
    """The plan that clearly fewer move up from than from the others, else the one that clearly more leave.

    Clear after the correction, and pointing the same way before groups were made alike; of several the most extreme.
    None where there is none.
    """
    table, alpha = steps.table, 1 - (steps.level or 0.95)
    for metric, worse in (("up", -1.0), ("left", 1.0)):
        rows = table[(table["metric"] == metric) & (table["p_adjusted"] <= alpha)]
        rows = rows[(worse * rows["difference"] > 0) & (worse * rows["raw"] > 0)]
        if len(rows):
            return rows.loc[(worse * rows["difference"]).idxmax()]
    return None


def ladder_headline(steps: Result, *, words: Words) -> str:
    """Where the ladder breaks, or that no step stands out."""
    plans = steps.table["plan"].nunique()
    if plans < 2:
        return "There is one plan only, so there is no ladder to climb" if plans else "No plan is named in the data"
    worst = hardest_step(steps)
    if worst is None:
        ups = steps.table[steps.table["metric"] == "up"]
        if len(ups) < 2:
            return "The plan ladder has one step, so there is none to compare it with"
        if ups["p"].notna().sum() < 2:
            return "Too few accounts to tell where the plan ladder breaks"
        return "No step of the plan ladder is clearly harder than the others"
    plan = words.escape(worst["plan"])
    if worst["metric"] == "up":
        return f"The ladder breaks above {plan}: fewer move up from there than from other plans"
    return f"The ladder breaks at {plan}: more leave there than on other plans, also at equal size, term and age"


def ladder_detail(steps: Result, *, start: date, end: date, words: Words) -> str:
    """Every step in counts, and what the comparison of steps could have found."""
    table = steps.table
    ups = table[(table["metric"] == "up") & table["estimate"].notna()]
    if ups.empty:
        return "" if table.empty else "Every plan with one above it holds too few accounts to show."
    parts = [
        f"from {words.escape(row['plan'])}, {words.count(row['events'], row['n'])} accounts moved up "
        f"({words.range(row['low'], row['high'], 'share')})"
        for _, row in ups.iterrows()
    ]
    text = f"Between the closes of {words.date(start)} and {words.date(end)}: {'; '.join(parts)}."
    tested = ups[ups["p"].notna()]
    if hardest_step(steps) is None and len(tested) > 1:
        quantile = NormalDist().inv_cdf(0.5 + (steps.level or 0.95) / 2)
        gap = ((tested["difference_high"] - tested["difference_low"]) / 2 / quantile * _POWER).median()
        text += (
            " Whether one step is harder than another cannot be told from these counts: a gap of about "
            f"{words.points(gap, 0)} would have been found four times in five, smaller ones mostly not."
        )
    return text


def ladder_caption(moves: Result, *, start: date, end: date, words: Words) -> str:
    """What the cells are."""
    sums = moves.table.groupby("way")["accounts"].sum()
    up, down = (words.number(sums.get(way, 0)) for way in ("up", "down"))
    return (
        f"**{up} accounts moved up a plan, {down} moved down.** A row is the plan at the close of {words.date(start)}, "
        f"the highest at the top; a column is where its accounts were at the close of {words.date(end)}. Whoever left "
        "in between has left, even if it came back."
    )


def steps_caption(steps: Result, *, start: date, end: date, words: Words) -> str:
    """Which plans most and fewest move up from and leave, then what is measured."""
    parts = []
    for metric, verb in (("up", "move up from"), ("left", "leave")):
        rows = steps.table[(steps.table["metric"] == metric) & steps.table["estimate"].notna()]
        if len(rows) > 1:
            most, fewest = rows.loc[rows["estimate"].idxmax()], rows.loc[rows["estimate"].idxmin()]
            parts.append(
                f"{words.share(most['estimate'])} {verb} {words.escape(most['plan'])} and "
                f"{words.share(fewest['estimate'])} {verb} {words.escape(fewest['plan'])}"
            )
    said = f"**{_upper('; '.join(parts))}.** " if parts else ""
    return (
        f"{said}Share of each plan's accounts that moved up, and that left, between the closes of {words.date(start)} "
        f"and {words.date(end)}: the highest and the lowest of each are named. The bar is the range."
    )


def time_detail(time: Result, *, words: Words) -> str:
    """How many have moved up, and left, a year after coming onto a plan, and when half of those who moved up had."""
    table = time.table
    parts = []
    for plan in dict.fromkeys(table["plan"]):
        rows = table[(table["plan"] == plan) & table["estimate"].notna()]
        up, left = rows[rows["way"] == "up"], rows[rows["way"] == "left"]
        if up.empty or left.empty:
            continue
        age = 12 if (up["month"] == 12).any() else int(up["month"].max())
        one, two = (each[each["month"] == age].iloc[0] for each in (up, left))
        half = up.loc[up["estimate"] >= up["estimate"].iloc[-1] / 2, "month"]
        last = up.iloc[-1]
        text = (
            f"out of 100 that came onto {words.escape(plan)}, {words.number(100 * one['estimate'])} had moved up after "
            f"{words.months(age)} ({words.range(one['low'], one['high'], 'share')}) and "
            f"{words.number(100 * two['estimate'])} had left"
        )
        if last["estimate"] > 0:
            within = words.months(last["month"])
            text += f"; half of those that moved up within {within} had done so by month {half.iloc[0]}"
        parts.append(text)
    if not parts:
        return ""
    said = ". ".join([parts[0], *map(_upper, parts[1:])])
    return (
        f"Counted from the day on which an account came onto the plan, {said}. Who left could no longer move up and is "
        "counted as that, not taken for merely unseen. The table above counts all accounts of a plan, however long "
        "they have been on it; so its shares differ."
    )


def time_caption(time: Result, *, words: Words) -> str:
    """The share that has moved up at the last month that curves reach."""
    up = time.table[(time.table["way"] == "up") & time.table["estimate"].notna()]
    if up.empty:
        return "Share that has moved up a plan."
    ends = up.sort_values("month", kind="stable").groupby("plan", sort=False).tail(1)
    best = ends.loc[ends["estimate"].idxmax()]
    return (
        f"**Of accounts that came onto {words.escape(best['plan'])}, "
        f"{words.interval(best['estimate'], best['low'], best['high'], 'share')} had moved up after "
        f"{words.months(best['month'])}.** Share that has moved to a higher plan, by months on the plan; leaving and "
        "moving down compete with it. A curve ends where fewer than the smallest group are left on the plan."
    )


def upgrades(time: Result) -> Result:
    """The shares that have moved up, keyed by ``plan, month``."""
    rows = time.where(way="up")
    return Result(**{**vars(rows), "keys": ("plan", "month")})


def at_a_year(time: Result) -> Result:
    """The rows of the twelfth month on a plan and of the last month that its curve reaches."""
    table = time.table[time.table["estimate"].notna()]
    last = table.groupby(["plan", "way"])["month"].transform("max")
    return time.with_table(table[(table["month"] == 12) | (table["month"] == last)])


def moved(moves: Result) -> Result:
    """The cells with anybody in them, moves before those who stayed, the largest sum of MRR first."""
    table = moves.table[moves.table["accounts"] > 0]
    table = table.assign(stayed=table["way"] == "same").sort_values(["stayed", "mrr"], ascending=[True, False])
    return moves.with_table(table.drop(columns="stayed"))


# -- first days -------------------------------------------------------------------------------------------------------


def behaviour_headline(behaviours: Result, *, words: Words) -> str:
    """Whether a thing done in the first days goes with staying."""
    clear = _clear(behaviours)
    if not clear.empty:
        best = clear.iloc[0]
        more = best["estimate"] > 0
        what = {"logo_retention": ("staying", "leaving"), "grr": ("keeping revenue", "losing revenue")}[best["metric"]]
        return f"“{words.escape(best['level'])}” goes with {what[0] if more else what[1]}"
    if not _adjusted(behaviours)["p"].notna().any():
        return "What accounts do in their first days cannot be compared"
    return "Nothing looked at in the first days clearly tells who stays"


def behaviour_detail(behaviours: Result, *, months: int, words: Words) -> str:
    """Of each behaviour how many did it, and who was still here, at equal covariates."""
    rows = _adjusted(behaviours, "logo_retention")
    parts = []
    for _, row in rows.iterrows():
        name = f"“{words.escape(row['level'])}”"
        if not known(row["estimate"]):
            sizes = f"{words.count(row['n'], row['n'] + row['n_rest'])} accounts did"
            parts.append(f"{name}: {sizes}, too few on one side, or too unlike, to compare.")
            continue
        parts.append(
            f"{name}: {words.count(row['n'], row['n'] + row['n_rest'])} accounts did; of these "
            f"{words.share(row['group_share'])} were still here {words.months(months)} later, of the others "
            f"{words.share(row['rest_share'])}, at equal {alike_in(row['adjusted_for'], words)} "
            f"({_side(row, words)})."
        )
    return "\n\n".join(parts)


def naive(behaviours: Result, *, words: Words) -> str:
    """What the usual question would have given, and why it is none."""
    rows = _adjusted(behaviours, "logo_retention")
    rows = rows[rows["naive"] > rows["estimate"].fillna(0.0).clip(lower=0.0)]
    if rows.empty:
        return ""
    worst = rows.loc[(rows["naive"] - rows["estimate"].fillna(0.0)).idxmax()]
    ours = f"; here it is {words.points(worst['estimate'])}" if known(worst["estimate"]) else ""
    return (
        "Why only the first days count: had we asked who *ever* did it and who is still here, the difference for "
        f"“{words.escape(worst['rule'])}” would be {words.points(worst['naive'])}{ours}. Whoever stays longer has more "
        "time to do anything, so that figure is high even for a behaviour that does nothing. It is no evidence."
    )


def behaviour_caption(behaviours: Result, *, months: int, words: Words) -> str:
    """The clearest difference, then what dots and bars are."""
    clear = _clear(behaviours)
    said = "No start is clearly followed by more or less staying"
    if not clear.empty:
        said = f"{_upper(_clearest(behaviours, words))}"
    return (
        f"**{said}.** Each start against accounts without it, in percentage points, over the {words.months(months)} "
        "from the day they are followed from; hollow as they are, filled made alike; the bar is the range. In colour: "
        "clear after the correction for the number of comparisons."
    )


def unfit(result: Result, *, words: Words) -> str:
    """What the rules ask for and the data do not have."""
    return "\n\n".join(words.escape(note) for note in result.notes if "cannot be told" in note)


# -- kinds ------------------------------------------------------------------------------------------------------------


def kinds_headline(contrasts: Result, *, words: Words) -> str:
    """Whether a kind of account clearly stays or leaves more often than the others."""
    clear = _clear(contrasts)
    if not clear.empty:
        best = clear.iloc[0]
        what = {"logo_retention": ("stay", "leave"), "grr": ("keep revenue", "lose revenue")}[best["metric"]]
        verb = what[0] if best["estimate"] > 0 else what[1]
        return f"{_kind(best)} {verb} more often than others like them"
    if not _adjusted(contrasts)["p"].notna().any():
        return "Kinds of use, journeys and value cannot be compared"
    return "No kind of use, journey or value clearly tells who stays"


_TOLD = (("power", "light"), ("rapid", "stalled"), ("achievers", "blocked"))
"""Of every scheme the kinds that the text names: the one hoped for and the one to worry about."""


def kinds_detail(today: Result, *, as_of: date, words: Words) -> str:
    """How many accounts of today are of the kinds that are hoped for and worried about, and what they pay."""
    rows = today.table.set_index("level")
    parts = []
    for pair in _TOLD:
        named = [
            f"{words.number(rows.loc[level, 'estimate'])} are {NAMES[level].lower()} "
            f"({words.share(rows.loc[level, 'mrr_share'])} of revenue)"
            for level in pair
            if level in rows.index
        ]
        if named:
            parts.append(" and ".join(named))
    if not parts:
        return ""
    return f"Of all accounts at the close of {words.date(as_of)}, {'; '.join(parts)}. The table below has every kind."


def kinds_caption(kinds: Result, *, start: date, end: date, lag: int, words: Words) -> str:
    """The best and the worst kind, then what is measured."""
    rows = kinds.table[(kinds.table["metric"] == "logo_retention") & (kinds.table["attribute"] != "all")]
    rows = rows[rows["estimate"].notna()]
    company = kinds.row(attribute="all", level="all", metric="logo_retention")["estimate"]
    said = f"The whole company keeps {words.share(company)} of its accounts"
    if not rows.empty:
        best, worst = rows.loc[rows["estimate"].idxmax()], rows.loc[rows["estimate"].idxmin()]
        said += (
            f"; kinds keep from {words.share(worst['estimate'])} ({_kind(worst).lower()}) to "
            f"{words.share(best['estimate'])} ({_kind(best).lower()})"
        )
    return (
        f"**{said}.** Share of accounts kept between the closes of {words.date(start)} and {words.date(end)}, by where "
        f"accounts stood at the first; use is that of the months that ended {words.months(lag)} before it, for leavers "
        "use less in their last months. As they are: kinds differ in size, plan and age as well."
    )


def kept(kinds: Result) -> Result:
    """Shares of accounts kept, by scheme and kind."""
    rows = kinds.where(metric="logo_retention")
    return Result(**{**vars(rows), "table": rows.table[rows.table["attribute"] != "all"].reset_index(drop=True)})


# -- activation -------------------------------------------------------------------------------------------------------


def activation_headline(back: Result, *, words: Words) -> str:
    """Out of 100 activated accounts, how many come back."""
    rows = back.table[back.table["rolling"].eq(False) & back.table["estimate"].notna()]
    if rows.empty:
        return "No account has been observed for long enough after its activation"
    parts = [f"{words.number(100 * row['estimate'])} on day {words.number(row['day'])}" for _, row in rows.iterrows()]
    return f"Out of 100 newly activated accounts, {words.list(parts)} use the product again"


def activation_detail(back: Result, *, reach: int, words: Words) -> str:
    """Both definitions, with their ranges, and what activation is."""
    parts = []
    for _, row in back.table.iterrows():
        if not known(row["estimate"]):
            continue
        day = words.number(row["day"])
        when = (
            f"on day {day} or within {words.number(reach)} days after it" if row["rolling"] else f"on day {day} itself"
        )
        share = words.interval(row["estimate"], row["low"], row["high"], "share")
        parts.append(f"{when}, {words.count(row['events'], row['n'])} accounts came back: {share}")
    said = f"{_upper('; '.join(parts))}." if parts else ""
    return f"{said} {' '.join(words.escape(note) for note in back.notes)} That day is day 0.".strip()


def activation_drawn(cohorts: Result, back: Result, *, words: Words) -> Result:
    """The cohorts observed to the end beneath all accounts, keyed by ``cohort, metric``."""
    rows = cohorts.table[cohorts.table["observed"]]
    named = rows.assign(cohort=[_cohort(name, words) for name in rows["cohort"]])
    table = pd.concat([back.table.assign(cohort="all"), named], ignore_index=True)
    return Result(**{**vars(cohorts), "table": table, "keys": ("cohort", "metric"), "reference": "all"})


def activation_caption(cohorts: Result, *, words: Words) -> str:
    """How far cohorts lie apart on the first day looked at, and what is blank."""
    shown = cohorts.table[cohorts.table["estimate"].notna()]
    if shown.empty:
        return "Coming back by time of activation: every cohort is too small to show, or not wholly observed."
    first = shown[shown["metric"] == shown["metric"].iloc[0]]
    low, high = words.share(first["estimate"].min()), words.share(first["estimate"].max())
    said = f"{low} in every cohort" if low == high else f"From {low} to {high} over cohorts"
    return (
        f"**{said}.** Share of a cohort's accounts that used the product again, by when they were activated; the first "
        "column is what the bold words are about. A cohort not observed to the end is blank. Ranges are in the table."
    )


def _cohort(name: str, words: Words) -> str:
    """ "2025-01" as a month, "2025Q1" as a quarter, "2025" as it is."""
    return words.month(f"{name}-01") if "-" in name else name.replace("Q", " Q")


def activation_names(back: Result, *, reach: int, words: Words) -> dict[str, str]:
    """What the measures are called."""
    return {
        row["metric"]: f"Day {words.number(row['day'])}"
        + (f" or within {words.number(reach)} days after it" if row["rolling"] else " itself")
        for _, row in back.table.iterrows()
    }


# -- words that several parts need ------------------------------------------------------------------------------------


def clearest_first(contrasts: Result) -> Result:
    """One row a contrast that could be tested, the smallest adjusted p first; the raw difference as column ``raw``."""
    keys = ["attribute", "level", "metric"]
    raw = contrasts.table[contrasts.table["kind"] == "raw"][[*keys, "estimate"]].rename(columns={"estimate": "raw"})
    rows = _adjusted(contrasts).merge(raw, on=keys)
    rows = rows[rows["p"].notna()].sort_values(["p_adjusted", "p", *keys], kind="stable")
    return Result(**{**vars(contrasts), "table": rows.reset_index(drop=True), "keys": tuple(keys), "notes": ()})


def to_draw(contrasts: Result) -> Result:
    """Raw and adjusted rows of every contrast that was tested, keyed by ``metric, level, kind``."""
    tested = _adjusted(contrasts)
    tested = tested[tested["p"].notna()][["attribute", "level", "metric"]]
    table = tested.merge(contrasts.table, on=["attribute", "level", "metric"], how="left")
    return Result(**{**vars(contrasts), "table": table, "keys": ("metric", "level", "kind")})


def _adjusted(result: Result, metric: str | None = None) -> pd.DataFrame:
    table = result.table
    if "kind" not in table:
        return table
    rows = table[table["kind"] == "adjusted"]
    return rows if metric is None else rows[rows["metric"] == metric]


def _clear(result: Result) -> pd.DataFrame:
    """Contrasts that hold after the correction and that no handful of accounts decides, the clearest first."""
    rows, alpha = _adjusted(result), 1 - (result.level or 0.95)
    clear = rows[(rows["p_adjusted"] <= alpha) & ~rows["few_accounts"].astype(bool)]
    clear = clear[clear["overlap"] >= HARDLY_OVERLAP]
    return clear.sort_values(["p_adjusted", "p"], kind="stable")


def _clearest(result: Result, words: Words) -> str:
    best = _clear(result).iloc[0]
    return f"{_OUTCOMES[best['metric']]} after “{words.escape(best['level'])}” is {_side(best, words)} than without it"


def _side(row: pd.Series, words: Words) -> str:
    """A difference as sizes on its side, or how far it may reach either way."""
    low, high = row["low"], row["high"]
    if low > 0 or high < 0:
        ends = (-high, -low) if high < 0 else (low, high)
        return f"{words.range(*ends, 'points')} {'lower' if high < 0 else 'higher'}"
    return f"no clear difference: from {words.points(-low)} lower to {words.points(high)} higher"


def _kind(row: pd.Series) -> str:
    """A kind by its name; where accounts cannot be placed, by what is not known of them."""
    if row["level"] == "cannot tell":
        return f"{row['attribute_label']} not known"
    return NAMES[str(row["level"])]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
