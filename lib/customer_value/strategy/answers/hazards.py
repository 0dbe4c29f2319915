"""In which way accounts leave, and how fast otherwise equal ones do, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.established import noun
from customer_value.strategy.wording import Words, known

MOST_DRAWN = 10
"""Ratios in one figure."""

MOST_FOLLOWED = 4
"""Groups of an attribute that are drawn by age."""

KINDS: Mapping[str, str] = {
    "voluntary": "By choice",
    "involuntary": "Against their will",
    "kind not stated": "Kind not stated",
}
"""What the ways of leaving are called; against their will is a payment that failed, an insolvency and the like."""

HEADS: Mapping[str, str] = LABELS | {
    "kind": "Left",
    "reference": "Against",
    "band": "Age",
    "method": "Reckoned",
    "counts": "From counts",
    "rows": "Row by row",
    "apart": "Standard errors apart",
    "age": "Months",
    "raw": "as they are",
    "adjusted": "all else equal",
}
"""`LABELS` as these tables need them."""

FEW_LOSSES = 30
"""Losses in a group below which only a large difference would show."""

ALIKE = 0.1
"""Standard errors within which two ways of reckoning a ratio give the same."""

PAIR = {"raw": "as they are", "adjusted": "all else equal"}
"""What hollow and filled marks are."""


# --- in which way -----------------------------------------------------------------------------------------------------


def kinds(by_kind: Result, alone: Result, *, age: int, words: Words) -> str:
    """How many leave by choice and how many against their will, and why the parts are not survival curves.

    Parameters
    ----------
    by_kind, alone : `studies.cohort_survival.leaving_kinds.incidence`, ``one_kind_alone``
    age : in months, of the headline; where the curves end earlier, their last age
    """
    rows = by_kind.table
    if rows.empty:
        return (
            "## In which way they leave {#kinds}\n\nThe data do not say of any account whether it left by choice or "
            "against its will (`end_kind`), so the two cannot be told apart here."
        )
    at = _at(rows, age)
    after = words.months(at["age"].max())
    chosen, forced = (at[at["kind"] == kind].iloc[0] for kind in ("voluntary", "involuntary"))
    said = [
        f"## After {after}, {words.share(chosen['estimate'])} have left by choice and "
        f"{words.share(forced['estimate'])} against their will {{#kinds}}\n\n"
        f"{_upper(words.out_of_100(chosen['estimate'], chosen['low'], chosen['high'], 'have left by choice'))}; "
        f"{words.interval(forced['estimate'], forced['low'], forced['high'], 'share')} against their will: a payment "
        f"that failed, say.{_since(chosen, words)}"
    ]
    unstated = at[at["kind"] == "kind not stated"]
    if len(unstated) and unstated["estimate"].iloc[0] > 0:
        said.append(
            f"Of a further {words.share(unstated['estimate'].iloc[0])} the data do not say which; they stand apart."
        )
    said.append(_trap(alone, words))
    return " ".join(part for part in said if part)


def kinds_caption(by_kind: Result, *, words: Words) -> str:
    """The last age that the curves reach, then what is measured."""
    rows = by_kind.table
    if rows.empty:
        return ""
    last = _at(rows, int(rows["age"].max()))
    parts = [f"{noun(KINDS[row.kind])} {words.share(row.estimate)}" for row in last.itertuples()]
    return (
        f"**Left by {words.months(last['age'].max())}: {words.list(parts)}.** Share of accounts that have left by "
        "months since their start, each way counted beside the others, so that the ways add up to all that have left. "
        "The bands are the ranges the data allow."
    )


def kinds_compared(compared: Result, *, labels: Mapping[str, str], age: int, words: Words) -> str:
    """Which groups leave more in one way or the other."""
    tested = compared.table[compared.table["p"].notna()]
    if tested.empty:
        return ""
    alpha = 1 - (compared.level or 0.95)
    clear = tested[tested["p_adjusted"] <= alpha].sort_values("p", kind="stable")
    said = f"### Who leaves in which way {{#kinds-groups}}\n\nAt {words.months(age)}, each group was set beside all "
    said += f"other accounts. {_clear_of(len(clear), len(tested), words)} once corrected for their number. "
    if len(clear):
        best = clear.iloc[0]
        said += (
            f"The clearest: of accounts with {_group(best, labels, words)}, {words.share(best['group_share'])} have "
            f"left {noun(KINDS[best['kind']])}, of the others {words.share(best['rest_share'])}. "
        )
    over_all = tested.drop_duplicates(["attribute", "kind"])
    over_all = over_all[over_all["gray_p_adjusted"] <= alpha]
    named = []
    for kind, rows in over_all.groupby("kind", sort=False):
        what = words.list(noun(words.escape(labels[name])) for name in rows["attribute"])
        named.append(f"leaving {noun(KINDS[kind])} goes with {what}")
    said += (
        f"Over all ages, {'; '.join(named)}. "
        if named
        else "Over all ages, no attribute clearly goes with a different share of either. "
    )
    return f"{said}These are raw comparisons: groups differ in more than what names them."


def kinds_shown(compared: Result, *, labels: Mapping[str, str]) -> Result:
    """The comparisons that could be made, the clearest first, in words."""
    table = compared.table[compared.table["estimate"].notna()].sort_values(["p_adjusted", "p"], kind="stable")
    return _quiet(compared, table.assign(attribute=table["attribute"].map(labels), kind=table["kind"].map(KINDS)))


def kinds_compared_caption(compared: Result, *, age: int, words: Words) -> str:
    """How many differences are clear, then what the columns are."""
    tested = compared.table[compared.table["p"].notna()]
    clear = int((tested["p_adjusted"] <= 1 - (compared.level or 0.95)).sum())
    return (
        f"**{_clear_of(clear, len(tested), words)}.** Share of accounts that have left each way by "
        f"{words.months(age)}, of the group and of all others; the adjusted p allows for the number of comparisons. "
        "The file also has Gray's test, over all ages."
    )


def _trap(alone: Result, words: Words) -> str:
    """What a survival curve of one way alone would make of the same data."""
    table = alone.table
    if table.empty:
        return ""
    sums = table.groupby("reckoned")["estimate"].sum()
    rows = table.set_index(["kind", "reckoned"])["estimate"]
    if sums["alone"] - sums["counted"] < 0.0005:
        return ""
    one, other = rows["voluntary", "counted"], rows["voluntary", "alone"]
    apart = f"{words.number(100 * one, 1)}%", f"{words.number(100 * other, 1)}%"
    after = words.months(_age_of(alone))
    return (
        f"A survival curve of one way alone overstates it, since it takes whoever left the other way for somebody "
        f"merely lost from sight: by {after} it would put leaving by choice at {apart[1]} instead of {apart[0]}, and "
        f"its parts would add up to {words.number(100 * sums['alone'], 1)}% where "
        f"{words.number(100 * sums['counted'], 1)}% have left."
    )


def _age_of(alone: Result) -> int:
    return int(alone.table["age"].iloc[0])


# --- how fast ---------------------------------------------------------------------------------------------------------


def headline(ratios: Result, *, labels: Mapping[str, str], words: Words) -> str:
    """The clearest group that leaves faster or slower than otherwise equal accounts, if any does."""
    tested = ratios.table[(ratios.table["kind"] == "adjusted") & ratios.table["p"].notna()]
    clear = tested[tested["p_adjusted"] <= 1 - (ratios.level or 0.95)].sort_values("p", kind="stable")
    if tested.empty:
        return "Too few accounts have left to set otherwise equal ones side by side"
    if clear.empty:
        return "No group clearly leaves faster or slower than otherwise equal accounts"
    best = clear.iloc[0]
    return (
        f"All else equal, accounts with {_group(best, labels, words)} leave {_times(best, words)} as fast as those "
        f"with “{words.escape(best['reference'])}”"
    )


def detail(ratios: Result, *, labels: Mapping[str, str], lag: int, words: Words) -> str:
    """How many groups are clear, and how many were before they were made equal."""
    adjusted, raw = (ratios.table[ratios.table["kind"] == kind] for kind in ("adjusted", "raw"))
    if adjusted.empty:
        return " ".join(ratios.notes)
    alpha = 1 - (ratios.level or 0.95)
    tested = adjusted[adjusted["p"].notna()]
    clear, before = (int((rows["p_adjusted"] <= alpha).sum()) for rows in (tested, raw))
    said = (
        f"Month by month, each group was set beside one other of its kind: {words.plural(len(tested), 'comparison')}. "
        f"As they are, {_some(before, words)} clearly differ; made equal in contract term, time since the term began, "
        f"and everything else known of them, {_some(clear, words)} do. Both counts allow for the number of "
        f"comparisons. Size and plan are those of {words.months(lag)} before, as accounts about to leave often cut "
        "down first. Contracts themselves are not in this list: under contract nobody can leave before the term ends, "
        "so no single ratio can compare them."
    )
    gone = _gone(raw, adjusted, labels, alpha, words)
    return f"{said} {gone}".strip()


def limits(ratios: Result, *, words: Words) -> str:
    """What these comparisons cannot tell, and what would."""
    said = [
        "Accounts are made equal only in what the data hold. What is not recorded, such as how well a product fits, "
        "may still set groups apart, so a rate is linked to a group and no proof that the group makes it.",
        "Why an account left is known only where the company writes it down (`end_kind`).",
    ]
    said += [words.escape(note) for note in ratios.notes if note.startswith("Not adjusted for")]
    tested = ratios.table[(ratios.table["kind"] == "adjusted") & ratios.table["p"].notna()]
    few = tested[tested["events"] < FEW_LOSSES]
    if len(few):
        said.append(
            f"{_upper(words.plural(len(few), 'comparison'))} of {len(tested)} "
            f"{'rests' if len(few) == 1 else 'rest'} on fewer than {FEW_LOSSES} losses in the group: of such a group "
            "only a large difference would show."
        )
    endless = ratios.table[(ratios.table["kind"] == "adjusted") & (ratios.table["status"] == "unbounded")]
    if len(endless):
        it = "it" if len(endless) == 1 else "them"
        said.append(
            f"In {words.plural(len(endless), 'group')} large enough to show, nobody left (or nobody stayed) where "
            f"others did, so there is no ratio and no test of {it}: that is not to say that nothing sets {it} apart."
        )
    return "\n".join(f"- {each}" for each in said)


def to_draw(ratios: Result, *, labels: Mapping[str, str]) -> Result:
    """The clearest ratios, raw beside adjusted; at most `MOST_DRAWN`. Keyed by ``group, kind``."""
    tested = ratios.table[(ratios.table["kind"] == "adjusted") & ratios.table["p"].notna()]
    chosen = tested.sort_values(["p_adjusted", "p"], kind="stable").head(MOST_DRAWN)
    # In the order of the table, so that the levels of one attribute stand together.
    chosen = chosen.sort_index()[["attribute", "level"]]
    table = chosen.merge(ratios.table, on=["attribute", "level"], how="left")
    label, level, reference = (table[name].astype(str) for name in ("attribute", "level", "reference"))
    group = label.map(labels).astype(str) + ": " + level + " / " + reference
    drawn = table.assign(group=group)
    return Result(**{**vars(ratios), "table": drawn, "keys": ("group", "kind"), "notes": ()})


def rates_caption(ratios: Result, *, lag: int, words: Words) -> str:
    """How many ratios are clear, then what marks and bars are."""
    tested = ratios.table[(ratios.table["kind"] == "adjusted") & ratios.table["p"].notna()]
    clear = int((tested["p_adjusted"] <= 1 - (ratios.level or 0.95)).sum())
    most = "" if len(tested) <= MOST_DRAWN else f" The {words.number(MOST_DRAWN)} nearest to clear are drawn."
    return (
        f"**{_upper(_some(clear, words))} of {words.plural(len(tested), 'group')} clearly "
        f"{'leaves' if clear < 2 else 'leave'} at another rate, all else equal.** How many times "
        "as fast as the group named second; hollow as they are, filled at equal contract term, time since it began, "
        f"size and plan {words.months(lag)} before, and whatever else was known at the start.{most}"
    )


def rates_table_caption(ratios: Result, *, labels: Mapping[str, str], words: Words) -> str:
    """The clearest ratio, then what the columns are."""
    tested = ratios.table[(ratios.table["kind"] == "adjusted") & ratios.table["p"].notna()]
    if tested.empty:
        return ""
    best = tested.sort_values(["p_adjusted", "p"], kind="stable").iloc[0]
    which = "The clearest" if best["p_adjusted"] <= 1 - (ratios.level or 0.95) else "The nearest to clear"
    return (
        f"**{which}: {_group(best, labels, words)}, {_times(best, words)} as fast as "
        f"“{words.escape(best['reference'])}”.** "
        "Rate of leaving against the group named, all else equal, with the accounts lost; the adjusted p allows for "
        "the number of comparisons. The file also has the ratios as they are, and whether they change with age."
    )


def rates_shown(ratios: Result, *, labels: Mapping[str, str]) -> Result:
    """The adjusted ratios, the clearest first."""
    table = ratios.table[ratios.table["kind"] == "adjusted"].sort_values(["p_adjusted", "p"], kind="stable")
    return _quiet(ratios, table.assign(attribute=table["attribute"].map(labels)))


def not_constant(ratios: Result) -> list[str]:
    """Attributes whose ratio clearly changes with age."""
    adjusted = ratios.table[ratios.table["kind"] == "adjusted"]
    return list(dict.fromkeys(adjusted.loc[~adjusted["proportional"].astype(bool), "attribute"]))


def to_follow(ratios: Result) -> list[str]:
    """Attributes whose ratio is drawn by age: those in which it changes, else the one with the clearest ratio."""
    changing = not_constant(ratios)
    tested = ratios.table[(ratios.table["kind"] == "adjusted") & ratios.table["p"].notna()]
    return changing or list(tested.sort_values("p", kind="stable")["attribute"].head(1))


def ages(ratios: Result, *, labels: Mapping[str, str], words: Words) -> str:
    """Whether one ratio may stand for all ages."""
    adjusted = ratios.table[ratios.table["kind"] == "adjusted"].drop_duplicates("attribute")
    tested = adjusted[adjusted["leaning_p"].notna()]
    if tested.empty:
        return ""
    changing = not_constant(ratios)
    heading = "### Whether one ratio holds at all ages {#rates-ages}\n\n"
    if not changing:
        return (
            f"{heading}Of {words.plural(len(tested), 'attribute')} tested, none has a ratio that clearly changes with "
            "the time since the term began, so one ratio may stand for all ages. That is no proof that it is constant: "
            "the figure shows how far the data can tell, for the attribute with the clearest difference."
        )
    named = words.list(f"“{words.escape(labels[name])}”" for name in changing)
    return (
        f"{heading}For {named} the ratio clearly changes with the time since the term began. There **one ratio "
        "misleads**: it averages a difference that grows, fades or turns round, and depends on how long accounts were "
        "watched. Read the ratio at each age, and the share still here below, instead."
    )


def bands_drawn(by_age: Result, *, labels: Mapping[str, str]) -> Result:
    """A row for each group and band of ages. Keyed by ``group, kind``."""
    table = _followed(by_age).assign(kind="adjusted")
    several = table["attribute"].nunique() > 1
    name = table["level"].astype(str) + ", " + table["band"].astype(str)
    # The levels of one attribute are told apart by themselves; those of several by its name.
    group = (table["attribute"].map(labels).astype(str) + ": " + name) if several else name
    return Result(**{**vars(by_age), "table": table.assign(group=group), "keys": ("group", "kind"), "notes": ()})


def _followed(by_age: Result) -> pd.DataFrame:
    """Of every attribute the groups that lost most, in the table's order."""
    lost = by_age.table.groupby(["attribute", "level"], sort=False)["events"].sum()
    rank = lost.groupby("attribute", sort=False).rank(ascending=False, method="first")
    kept = [rank[row.attribute, row.level] <= MOST_FOLLOWED for row in by_age.table.itertuples()]
    return by_age.table[np.array(kept, dtype=bool)]


def bands_shown(by_age: Result, *, labels: Mapping[str, str]) -> Result:
    """The ratios that are drawn, attributes by their labels."""
    table = _followed(by_age)
    return _quiet(by_age, table.assign(attribute=table["attribute"].map(labels)))


def bands_caption(by_age: Result, *, labels: Mapping[str, str], words: Words) -> str:
    """Against whom, by which ages."""
    if by_age.table.empty:
        return ""
    sides = by_age.table.drop_duplicates("attribute")
    named = words.list(
        f"{noun(words.escape(labels[row.attribute]))} (against “{words.escape(row.reference)}”)"
        for row in sides.itertuples()
    )
    most = by_age.table.groupby("attribute")["level"].nunique().max() > MOST_FOLLOWED
    largest = f" Drawn are the {words.number(MOST_FOLLOWED)} groups that lost most accounts." if most else ""
    lost = " A group of which nobody left in a band has none there." if by_age.table["estimate"].isna().any() else ""
    return (
        f"**How many times as fast accounts leave by age, all else equal: {named}.** Ages are months since the term "
        f"began; in colour where the range leaves 1 out.{largest}{lost}"
    )


def ways_agree(beside: Result, *, words: Words) -> str:
    """How far Cox's model, row by row, is from the counts."""
    apart = beside.table["apart"].dropna()
    if apart.empty:
        return ""
    same = "gives the same ratios" if apart.max() <= ALIKE else "does not give the same ratios throughout"
    return (
        f"Cox's model fitted to the same months row by row {same}: the largest of "
        f"{words.number(len(apart) // 2)} differences is {words.number(apart.max(), 2)} standard errors."
    )


# --- contracts --------------------------------------------------------------------------------------------------------


def contracts(like: Result, *, labels: Mapping[str, str], age: int, words: Words) -> str:
    """What share of otherwise like accounts each contract keeps."""
    rows = like.table[(like.table["attribute"] == "first_term") & (like.table["age"] == age)]
    both = dict(iter(rows.groupby("kind")))
    heading = "### Contracts, and what one ratio cannot say {#like}\n\n"
    if not both or both["adjusted"]["estimate"].isna().all():
        return (
            f"{heading}Contracts cannot be set side by side at {words.months(age)}: there are no two terms with enough "
            "accounts of a kind found under both that began so long ago."
        )
    first = both["adjusted"][both["adjusted"]["estimate"].notna()].iloc[0]
    before = both["raw"].set_index("level").loc[first["level"]]
    gap = words.points(abs(first["estimate"]))
    side = words.compare(first["estimate"], first["low"], first["high"], higher="more", lower="fewer", unclear="")
    found = f"{gap} {side}" if side else f"no clear difference (anything {_span(first, words)})"
    raw_side = "fewer" if before["estimate"] < 0 else "more"
    return (
        f"{heading}Of otherwise like accounts, {words.share(first['group_share'])} are still here after "
        f"{words.months(age)} if they begin with a term of “{words.escape(first['level'])}”, "
        f"{words.share(first['rest_share'])} if with another: {found}. As they are, it is "
        f"{words.points(abs(before['estimate']))} {raw_side}. Accounts chose their contract, so this is not what a "
        "change of term would bring."
    )


def contracts_caption(like: Result, *, words: Words) -> str:
    """How many differences are clear, then what is made alike."""
    tested = like.table[(like.table["kind"] == "adjusted") & like.table["p"].notna()]
    clear = int((tested["p_adjusted"] <= 1 - (like.level or 0.95)).sum())
    return (
        f"**{_clear_of(clear, len(tested), words)}.** Share still here, the group and all others, if "
        "both were alike in first MRR, plan, term and whatever else was known at the start; difference in percentage "
        "points. The file also has them as they are."
    )


def contracts_shown(like: Result, *, labels: Mapping[str, str]) -> Result:
    """The adjusted differences that there are."""
    table = like.table[(like.table["kind"] == "adjusted") & like.table["estimate"].notna()]
    return _quiet(like, table.assign(attribute=table["attribute"].map(labels)))


# --- parts ------------------------------------------------------------------------------------------------------------


def _at(rows: pd.DataFrame, age: int) -> pd.DataFrame:
    """The rows at the age, else at the last one before it that there is."""
    return rows[rows["age"] == rows.loc[rows["age"] <= age, "age"].max()]


def _since(row: pd.Series, words: Words) -> str:
    if not known(row["start"]) or not row["start"]:
        return ""
    return f" Counted are accounts that had reached {words.months(row['start'])}."


def _group(row: pd.Series, labels: Mapping[str, str], words: Words) -> str:
    return f"{noun(words.escape(labels[row['attribute']]))} “{words.escape(row['level'])}”"


def _times(row: pd.Series, words: Words) -> str:
    return f"{words.number(row['estimate'], 2)} times ({words.range(row['low'], row['high'], 'ratio')})"


def _span(row: pd.Series, words: Words) -> str:
    ends = [f"{words.number(abs(end) * 100, 1)} {'fewer' if end < 0 else 'more'}" for end in (row["low"], row["high"])]
    return f"from {ends[0]} to {ends[1]} percentage points"


def _gone(raw: pd.DataFrame, adjusted: pd.DataFrame, labels: Mapping[str, str], alpha: float, words: Words) -> str:
    """Attributes that seem to matter until groups are made equal."""
    before = set(raw.loc[raw["p_adjusted"] <= alpha, "attribute"])
    after = set(adjusted.loc[adjusted["p_adjusted"] <= alpha, "attribute"])
    gone = [name for name in dict.fromkeys(adjusted["attribute"]) if name in before - after]
    if not gone:
        return ""
    named = words.list(f"“{words.escape(labels[name])}”" for name in gone)
    return f"What seems to go with {named} is no longer clear once accounts are made equal."


def _clear_of(clear: int, tested: int, words: Words) -> str:
    """How many of the comparisons are clear, as a sentence without its stop."""
    if tested == 1:
        return f"The one difference is {'clear' if clear else 'not clear'}"
    return f"{_upper(_some(clear, words))} of {words.plural(tested, 'difference')} {'is' if clear < 2 else 'are'} clear"


def _some(count: int, words: Words) -> str:
    """How many, none as a word."""
    return words.number(count) if count else "none"


def _quiet(result: Result, table: pd.DataFrame) -> Result:
    """The same with another table and without the study's notes, where the page's own text says them."""
    return Result(**{**vars(result), "table": table.reset_index(drop=True), "notes": ()})


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
