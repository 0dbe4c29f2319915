"""What the chapter on length of stay found, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.wording import Words, known

Reading = Literal["followed", "undeclared", "snapshot"]
"""What a curve means: accounts followed from their start, a flat table that does not say, or rates of one snapshot."""

NOT_STATED = "not stated"
"""The level of accounts of which the data do not say it."""

FEW_FOLLOWED = 100
"""Below so many still followed the limits say that the range is wide."""

HEADS: Mapping[str, str] = LABELS | {
    "age": "Months",
    "estimate": "Still here",
    "n": "Still followed",
    "cohort": "Began in",
    "first": "Group",
    "second": "Against",
    "median": "Half have left by",
    "restricted_mean": "Average over the months looked at",
}
"""`LABELS` as this chapter's tables need them."""


def heads(reading: Reading) -> Mapping[str, str]:
    """`HEADS` for what a curve means: of a snapshot nobody was followed, and nobody has left by an age."""
    return HEADS | ({"n": "Of that age", "median": "Half would have left by"} if reading == "snapshot" else {})


_MARK = {
    "followed": "are still here after",
    "undeclared": "are shown as still here after",
    "snapshot": "would still be here after",
}


def reading(*, shape: str, observation: str | None) -> Reading:
    """What a curve from data of this shape means.

    Parameters
    ----------
    shape, observation : as the marts' meta says them
    """
    if shape != "flat" or observation == "followed_from_start":
        return "followed"
    return "snapshot" if observation == "snapshot" else "undeclared"


def ages(*, compare_age: int, horizon: int, follow: int) -> list[int]:
    """The ages of the table: every half-year to the horizon, every year beyond, and the ages named."""
    return sorted({*range(6, horizon + 1, 6), *range(12, follow + 1, 12), compare_age, horizon})


def reach(curve: Result, *, horizon: int) -> int:
    """The last age up to the horizon that the curve reaches."""
    age = curve.table.loc[curve.table["age"] <= horizon, "age"]
    return int(age.max()) if len(age) else 0


def headline(at_ages: Result, *, age: int, reading: Reading, words: Words) -> str:
    """The share still here at the age compared, or at the last age reached before it."""
    row = _first(at_ages, age)
    if row is None and reading == "snapshot":
        return "Too few accounts of any one age to say how long they stay"
    if row is None:
        return "Too few accounts have been followed to say how long they stay"
    share, after = words.share(row["estimate"]), words.months(row["age"])
    match reading:
        case "undeclared":
            return f"The data show {share} of accounts still here after {after}; that may not be retention"
        case "snapshot":
            return f"At the rates of the snapshot, {share} of accounts would still be here after {after}"
    return f"{share} of accounts are still here after {after}{_whom(row, words)}"


def detail(
    at_ages: Result, stayed: Result, *, age: int, horizon: int, reading: Reading, as_of: date | None, words: Words
) -> str:
    """The same out of a hundred, later on, and when half have left; in whom, and as of when."""
    row, accounts = _first(at_ages, age), stayed.row(measure="median")["n"]
    counted = f"Measured on {words.plural(accounts, 'account')} whose start is known"
    if reading == "snapshot":
        counted = f"Measured on {words.plural(accounts, 'account')}, each seen during the snapshot's window only"
    seen = f", seen as of {words.date(as_of)}" if as_of else ""
    ranges = f"; ranges hold with {words.share(at_ages.level or 0.95)} confidence." if at_ages.level else "."
    sentences = ["This may not be retention, since the table does not say how its accounts were observed."]
    sentences = sentences if reading == "undeclared" else []
    if row is not None:
        outcome = f"{_MARK[reading]} {words.months(row['age'])}"
        sentences.append(f"{_upper(words.out_of_100(row['estimate'], row['low'], row['high'], outcome))}.")
        later = _latest(at_ages, horizon)
        if later["age"] > row["age"]:
            share = words.interval(later["estimate"], later["low"], later["high"], "share")
            sentences.append(f"After {words.months(later['age'])} it is {share}.")
    return " ".join(part for part in [*sentences, _half(stayed, reading, words), f"{counted}{seen}{ranges}"] if part)


def who(curve: Result, stayed: Result, *, warning: str | None, grace_days: int | None, words: Words) -> str:
    """Who is in the study and who is not.

    Parameters
    ----------
    warning : the note that stands at the top of the page already
    grace_days : the longest pause; None for a table that has no pauses
    """
    accounts = stayed.row(measure="median")["n"]
    sentences = [f"**Who is in the study.** {_upper(words.plural(accounts, 'account'))} of known age."]
    sentences += [note for note in curve.notes if note != warning]
    if grace_days is not None:
        sentences.append(
            f"A gap of at most {words.plural(grace_days, 'day')} is a pause; a longer one is an end, and whoever comes "
            "back later is still counted as having left."
        )
    return " ".join(sentences)


def curve_caption(
    curve: Result, at_ages: Result, *, age: int, reading: Reading, as_of: date | None, words: Words
) -> str:
    """The share still here, then what is measured, in whom and as of when."""
    row = _first(at_ages, age)
    said = ""
    if row is not None:
        share = words.interval(row["estimate"], row["low"], row["high"], "share")
        said = f"**{share} {_MARK[reading]} {words.months(row['age'])}.** "
    most = words.number(curve.table["n"].max())
    seen = f", as of {words.date(as_of)}" if as_of else ""
    if reading == "snapshot":
        return (
            f"{said}Share of accounts that would still be here by months since their start; at most {most} were of one "
            "age. The band is the range the data allow, the numbers beneath are the accounts of each age."
        )
    return (
        f"{said}Share of accounts still here by months since their start{seen}; at most {most} are followed at one "
        "age. The band is the range the data allow, the numbers beneath are those still followed."
    )


def how_to_read(reading: Reading) -> str:
    """What a fall, a step and the end of the curve mean."""
    shape = (
        "**How to read it.** The curve falls at the ages at which accounts leave. A steep beginning points to the "
        "first months: wrong customers, a poor start. Steps one contract term apart are renewals: under contract "
        "nobody can leave between them, so a flat stretch is no sign of contentment. "
    )
    if reading == "snapshot":
        return (
            f"{shape}Where few accounts are of an age the band widens, and the curve stops before they are too few to "
            "speak of.\n\nAge is counted from each account's own beginning. Each account tells only whether one of its "
            "age left during the snapshot's window; the rates of all ages are put end to end."
        )
    return (
        f"{shape}Where few are still followed the band widens, and the curve stops before too few are left to speak "
        "of.\n\nAge is counted from each account's own beginning. Accounts that are still here count for as long as "
        "they have been watched and no longer: they are neither losses nor proof of loyalty."
    )


def terms(curves: Result, *, words: Words) -> str:
    """The section on contract terms as it opens; one sentence where there are no two terms to set side by side."""
    levels = list(dict.fromkeys(curves.table["level"]))
    heading = "## By first contract term {#terms}\n\n"
    if levels == [NOT_STATED]:
        return f"{heading}The data state no contract terms, so accounts cannot be set side by side by them."
    if len(levels) < 2:
        only = f"“{words.escape(levels[0])}”" if levels else "none"
        return (
            f"{heading}All accounts began with the same contract term ({only}), so there is nothing to set it beside."
        )
    return (
        f"{heading}An account can leave only when its term ends. Contracts are therefore compared at the same age, "
        "never by one ratio over all ages; and accounts chose their contract, so a difference between terms is not "
        "what a change of term would bring."
    )


def side_by_side(groups: Result, curves: Result) -> Result:
    """The groups where there are at least two; else nothing, so that neither figure nor table stands there."""
    return groups if curves.table["level"].nunique() > 1 else groups.with_table(groups.table.head(0))


def reached(at_ages: Result) -> Result:
    """Only the ages that the curve reaches."""
    return at_ages.with_table(at_ages.table[at_ages.table["estimate"].notna()])


def ages_caption(at_ages: Result, *, reading: Reading, as_of: date | None, words: Words) -> str:
    """The last age reached, then what the table shows."""
    shown = at_ages.table[at_ages.table["estimate"].notna()]
    said = ""
    if len(shown):
        last = shown.iloc[-1]
        said = f"**{words.share(last['estimate'])} {_MARK[reading]} {words.months(last['age'])}.** "
    seen = f", as of {words.date(as_of)}" if as_of else ""
    if reading == "snapshot":
        return f"{said}Share of accounts that would still be here at each age, with its range and all of that age."
    return f"{said}Share of accounts still here at each age{seen}, with its range and the accounts still followed."


def groups_caption(groups: Result, *, age: int, words: Words) -> str:
    """Each group's share still here at the age compared, then what is measured."""
    rows = groups.table[(groups.table["age"] == age) & groups.table["estimate"].notna()]
    shares = [f"“{words.escape(row.level)}” {words.share(row.estimate)}" for row in rows.itertuples()]
    said = f"**Still here after {words.months(age)}: {words.list(shares)}.** " if shares else ""
    return f"{said}Share of accounts still here by months since their start, by the contract term they began with."


def groups_shown(groups: Result, curves: Result, *, words: Words) -> Result:
    """Only ages that a group has reached; groups too small to show are named in one note.

    Parameters
    ----------
    groups, curves : `studies.cohort_survival.survival_at` and ``curves`` by the same attribute; the latter knows how
        many accounts a group has that cannot be shown
    """
    notes = without_hidden(quietly(curves), group="level", words=words).notes
    shown = quietly(reached(groups))
    drawn = curves.table[curves.table["estimate"].notna()].groupby("level", sort=False)["age"].max()
    shorter = drawn[~drawn.index.isin(shown.table["level"])]
    if len(shorter):
        ends = words.list(f"{level} (to {words.months(age)})" for level, age in shorter.items())
        notes = (*notes, f"Followed in numbers that can be shown for less long than this: {ends}.")
    return shown.noting(*notes)


def without_hidden(result: Result, *, group: str, words: Words) -> Result:
    """The result without groups of which nothing can be shown; one note names them and how many accounts they have.

    Parameters
    ----------
    group : the key column that names groups
    """
    table = result.table
    hidden = table.groupby(group, sort=False)["estimate"].transform(lambda values: values.notna().sum()) == 0
    if not hidden.any():
        return result
    sizes = table[hidden].groupby(group, sort=False)["n"].max()
    named = words.list(f"{name} ({words.number(n)})" for name, n in sizes.items())
    return result.with_table(table[~hidden]).noting(f"Too few accounts to show: {named}.")


def quietly(result: Result) -> Result:
    """The same without the study's notes, where the page's own text says them."""
    return Result(**{**vars(result), "notes": ()})


def differences(tests: Result, *, labels: Mapping[str, str], confidence: float, words: Words) -> str:
    """Which of the attributes known at the start go with a different rate of leaving."""
    tested = tests.table.drop_duplicates("attribute")
    if tested.empty and labels:
        return (
            "Too few accounts to compare: of what was known at the start, nothing has two groups large enough to show."
        )
    if tested.empty:
        return (
            "Here nothing is declared as known at the start (`known_at: signup` in the mapping), so there is nothing "
            "to compare."
        )
    clear = [
        f"“{words.escape(labels[row.attribute])}”" for row in tested.itertuples() if row.p_adjusted <= 1 - confidence
    ]
    many = f"Of {words.plural(len(tested), 'attribute')} tested, "
    said = (
        f"{words.list(clear)} {'goes' if len(clear) == 1 else 'go'} with a different rate of leaving, after allowing "
        "for the number of attributes looked at."
        if clear
        else "none goes with a clearly different rate of leaving."
    )
    return f"{many}{said} These are raw comparisons: groups differ in more than what names them."


def pairs(compared: Result, *, labels: Mapping[str, str]) -> Result:
    """Every two groups, the clearest first, attributes by their labels; nothing where no two could be compared."""
    table = compared.table if compared.table["estimate"].notna().any() else compared.table.head(0)
    named = table.assign(attribute=table["attribute"].map(labels)).sort_values(
        ["p_at_age_adjusted", "p_at_age"], kind="stable"
    )
    return quietly(compared).with_table(named)


def pairs_caption(compared: Result, *, age: int, words: Words) -> str:
    """How many pairs are clear, then what the columns measure."""
    level = compared.level or 0.95
    clear = int((compared.table["p_at_age_adjusted"] <= 1 - level).sum())
    tested = int(compared.table["estimate"].notna().sum())
    left_out = len(compared.table) - tested
    after = words.months(age)
    if not tested:
        said = f"No pair can be compared at {after}: one group or both are not followed so long"
    elif tested == 1:
        said = f"The one pair that can be compared {'differs clearly' if clear else 'does not clearly differ'} in the "
        said += f"share still here at {after}"
    else:
        said = f"{words.count(clear, tested)} pairs clearly differ in the share still here at {after}"
    if tested and left_out:
        said += f"; {words.plural(left_out, 'further pair')} cannot be compared"
    return (
        f"**{said}.** "
        "Difference in percentage points, first group less second. The adjusted p is of that difference, corrected for "
        "the number of pairs of an attribute; the file also has the log-rank test, which compares the two curves over "
        "all ages. A dash: one of the two is not followed so long in numbers that can be shown."
    )


def cohorts(halves: Result, *, age: int, min_group: int, words: Words) -> str:
    """How far half-yearly cohorts lie apart, and why no trend is read off."""
    shown = halves.table.dropna(subset=["estimate"])
    after = words.months(age)
    if shown.empty:
        return f"No half-yearly cohort of at least {words.plural(min_group, 'account')} has reached {after} yet."
    caution = halves.notes[-1]
    if len(shown) == 1:
        return f"Only one half-yearly cohort has reached {after} in numbers that can be shown. {caution}"
    best, worst = shown.loc[shown["estimate"].idxmax()], shown.loc[shown["estimate"].idxmin()]
    return (
        f"At {after}, half-yearly cohorts lie between {words.share(worst['estimate'])} ({worst['cohort']}) and "
        f"{words.share(best['estimate'])} ({best['cohort']}). {caution}"
    )


def cohorts_shown(halves: Result, *, words: Words) -> Result:
    """Only cohorts with a share to show; the others are named in one note."""
    return without_hidden(quietly(halves), group="cohort", words=words)


def triangle_caption(triangle: Result, *, age: int, words: Words) -> str:
    """Lowest and highest cohort at the age, then what is measured."""
    what, verb, how = {
        "logos_triangle": ("accounts", "are still here", ""),
        "gross_triangle": ("first MRR", "is still paid", ", growth not counted"),
        "net_triangle": ("first MRR", "is paid", ", growth included"),
    }[triangle.name]
    rows = triangle.table[(triangle.table["age"] == age) & triangle.table["estimate"].notna()]
    said = ""
    if len(rows) > 1:
        ends = words.shares(rows["estimate"].min(), rows["estimate"].max())
        said = f"**After {words.months(age)}, {ends} of {what} {verb}{how}, from the lowest cohort to the highest.** "
    pooling = " ".join(note for note in triangle.notes if "pooled" in note)
    measured = f"Share of each cohort's {what} that {verb}{how}, by months since sign-up; blank is not yet observed."
    return f"{said}{measured} {pooling}".strip()


def at_age(triangle: Result, *, age: int, words: Words) -> Result:
    """The cohorts at one age; those too small to show are named in one note."""
    return without_hidden(quietly(triangle).where(age=age), group="cohort", words=words)


def time_stayed(stayed: Result, *, horizon: int, reading: Reading, words: Words) -> str:
    """How long accounts stay on average within the horizon, and when half have left."""
    mean = stayed.row(measure="restricted_mean")
    if not known(mean["followed_to"]):
        return "At no age are there enough accounts to say how long they stay."
    half = _half(stayed, reading, words)
    if not known(mean["estimate"]):
        return f"{half} Too few have been followed for {words.months(horizon)} to average over them."
    start = mean["start"]
    since = f"from {words.months(start)} on " if start else ""
    verb = {"followed": "stays", "undeclared": "is shown to stay", "snapshot": "would stay"}[reading]
    span = (
        f" ({words.number(mean['low'], 1)} to {words.number(mean['high'], 1)})"
        if known(mean["low"]) and known(mean["high"])
        else ""
    )
    return (
        f"Over the first {words.months(horizon)} {since}an account {verb} {words.months(mean['estimate'], 1)} on "
        f"average{span}, of {words.months(horizon - start)} possible. {half} An average over whole lives would need "
        "the curve beyond what was observed, so none is given."
    )


def limits(at_ages: Result, *, age: int, reading: Reading, dated: bool, words: Words) -> str:
    """What the ranges leave out, and what would change the answer.

    Parameters
    ----------
    dated : whether the data have dates, so that there are pauses and groups known at the start
    """
    row = _first(at_ages, age)
    sentences = []
    if reading == "undeclared":
        sentences.append("This may not be retention, since the table does not say how its accounts were observed.")
    if reading == "snapshot":
        sentences.append("No group was followed through these ages: the rates of one snapshot are put end to end.")
    if row is not None and row["n"] < FEW_FOLLOWED:
        seen = "accounts were of" if reading == "snapshot" else "are still followed at"
        sentences.append(f"Fewer than {words.number(FEW_FOLLOWED)} {seen} this age, so the range is wide.")
    sentences.append(
        "Ranges are of chance alone: they take accounts as independent, and a price rise or a failure that hits many "
        "in one month moves them together."
    )
    if dated:
        sentences.append(
            "Differences between groups are raw. An end that is undone within the pause allowed is no end, so the "
            "latest months may yet look better."
        )
    sentences.append(
        "The answer would change if ends were dated late in the source, if trials were counted as accounts, or if "
        "accounts that are not in these data left at another rate than those that are."
    )
    return " ".join(sentences)


def _first(at_ages: Result, age: int) -> pd.Series | None:
    """The row at the age, else at the last age before it that the curve reaches; None if it reaches none."""
    shown = at_ages.table[at_ages.table["estimate"].notna() & (at_ages.table["age"] <= age)]
    return shown.sort_values("age").iloc[-1] if len(shown) else None


def _latest(at_ages: Result, horizon: int) -> pd.Series:
    """The row at the last age up to the horizon that the curve reaches."""
    shown = at_ages.table[at_ages.table["estimate"].notna() & (at_ages.table["age"] <= horizon)]
    return shown.sort_values("age").iloc[-1]


def _half(stayed: Result, reading: Reading, words: Words) -> str:
    middle = stayed.row(measure="median")
    would = "would have" if reading == "snapshot" else "have"
    if known(middle["estimate"]):
        return f"Half {would} left by {words.months(middle['estimate'])}."
    if not known(middle["followed_to"]):
        return ""
    last = words.months(middle["followed_to"])
    return f"Fewer than half {would} left by {last}, the last age with enough accounts to tell."


def _whom(row: pd.Series, words: Words) -> str:
    start = row["start"]
    return f" of those that had reached {words.months(start)}" if known(start) and start > 0 else ""


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
