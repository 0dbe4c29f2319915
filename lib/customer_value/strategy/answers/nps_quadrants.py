"""What the satisfaction chapter found, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from statistics import NormalDist
from typing import Protocol

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.wording import Words, known

NAMES: Mapping[str, str] = {
    **LABELS,
    "estimate": "Score",
    "group": "Group",
    "level": "Group",
    "all": "All accounts",
    "counted": "Counted",
    "superseded": "Followed by a later one of the same respondent",
    "leaving": "From a survey sent to those who are leaving",
    "former": "On or after the end of the account's stay",
    "prospect": "Before the account paid anything",
    "promoter": "Promoters",
    "passive": "Passives",
    "detractor": "Detractors",
    "promoters": "Promoters",
    "passives": "Passives",
    "detractors": "Detractors",
    "champions": "Champions",
    "sleepers": "Sleepers",
    "hostages": "Hostages",
    "at_risk": "At risk",
    "no_answer": "Did not answer",
    "no_use": "Answered, use then not known",
    "left": "Left",
    "mrr": "MRR",
    "mrr_share": "Share of MRR",
    "answers": "Answers",
    "score": "Score",
    "usage": "Use a day",
    "raw": "As they are",
    "adjusted": "At equal size, plan and term",
    "reweighted": "Weighted to all accounts of today",
    "accounts": "Accounts of today that answered, each once",
    "group_now": "Now",
    "rest_share": "All others that answered",
}
"""What keys, columns and measures of these results are called on the page."""

COUNT_NAMES: Mapping[str, str] = {**NAMES, "estimate": "Accounts"}
ANSWER_NAMES: Mapping[str, str] = {**NAMES, "group": "Answers", "estimate": "Number", "all": "All answers"}
ROW_NAMES: Mapping[str, str] = {**NAMES, "estimate": "Value"}
BASIS_NAMES: Mapping[str, str] = {**NAMES, "basis": "Basis", "answers": "As answered"}
CUT_NAMES: Mapping[str, str] = {
    **NAMES,
    "usage_quantile": "Use high from",
    "satisfied_from": "Satisfied from",
    "usage_lag": "Months after use",
    "estimate": "Difference",
}
RATE_NAMES: Mapping[str, Mapping[str, str]] = {
    "invitations": {**NAMES, "estimate": "Share", "events": "Answered", "n": "Invitations"},
    "accounts": {**NAMES, "estimate": "Share", "events": "Answered", "n": "Accounts"},
}
"""The same under the heads of single tables; of rates by what they are shares of."""

QUADRANTS = ("champions", "sleepers", "hostages", "at_risk")

USAGE_TABLES = ("activity_monthly", "usage_events", "feature_usage_monthly")

TO_DO: Mapping[str, str] = {
    "champions": "use it and like it: leave them in peace, ask for references, and listen for what would make it worth "
    "more to them.",
    "sleepers": "like it and hardly use it: find out whether they have little need of it or never got going, and help "
    "those who never got going.",
    "hostages": "use it a lot and are not satisfied: ask what is wrong and mend it before an alternative turns up.",
    "at_risk": "neither use it much nor like it: speak with them soon, and part on good terms where the fit is wrong.",
}
"""What each quadrant suggests; what really keeps them is for a test to show."""

_OUTCOMES: Mapping[str, str] = {
    "logo_retention": "the share of accounts kept",
    "grr": "gross revenue retention",
    "expansion_rate": "the share of accounts that grew",
}
_PLURALS: Mapping[str, str] = {
    "promoter": "promoters",
    "detractor": "detractors",
    "champions": "champions",
    "sleepers": "sleepers",
    "hostages": "hostages",
    "at_risk": "accounts at risk",
}


# -- the score --------------------------------------------------------------------------------------------------------


def headline(scores: Result, *, words: Words) -> str:
    """The score with its range; that nobody answered, or that few did."""
    row = scores.row(attribute="all", level="all")
    if not known(row["estimate"]):
        return "No customer has answered in this period"
    if row["n"] < 30:
        return (
            f"With answers from {words.plural(row['n'], 'account')} the net promoter score could be anything from "
            f"{_range(row, words)}"
        )
    return f"The net promoter score is {words.number(row['estimate'])} ({_range(row, words)})"


def detail(scores: Result, counts: Result, *, start: date, end: date, words: Words) -> str:
    """Who answered what, how the score follows, and which answers do not count."""
    row = scores.row(attribute="all", level="all")
    span = f"between the closes of {words.date(start)} and {words.date(end)}"
    left_out = _left_out(counts, words)
    if not known(row["estimate"]):
        return f"No account that was a customer gave an answer {span}. {left_out}".strip()
    return (
        f"{words.plural(row['answers'], 'answer')} from {words.plural(row['n'], 'account')} {span}: "
        f"{words.plural(row['promoters'], 'promoter')} (a score of nine or ten), "
        f"{words.plural(row['passives'], 'passive')} (seven or eight) and "
        f"{words.plural(row['detractors'], 'detractor')} (six or less). The score is the share of promoters less the "
        f"share of detractors, from minus one hundred to one hundred. {left_out}"
    ).strip()


def _left_out(counts: Result, words: Words) -> str:
    """Answers that enter no score, each with its reason."""
    of = counts.table.set_index("group")["estimate"]
    reasons = {
        "superseded": "followed by a later one of the same respondent",
        "former": "given on or after the day the account's stay ended",
        "leaving": "from a survey sent to those who are leaving",
        "prospect": "given before the account paid anything",
    }
    said = [f"{words.number(of[name])} {reason}" for name, reason in reasons.items() if of.get(name, 0) > 0]
    if not said:
        return ""
    one = sum(of.get(name, 0) for name in reasons) == 1
    return f"Not counted {'is' if one else 'are'} {words.list(said)}."


def by_group(scores: Result, *, words: Words) -> str:
    """Where the score is highest and where lowest, among groups large enough; no test is made of it."""
    table = scores.table
    groups = table[(table["attribute"] != "all") & (table["known_at"] != "current") & table["estimate"].notna()]
    if len(groups) < 2:
        return "No two groups have answers from enough accounts to be set side by side."
    best, worst = groups.loc[groups["estimate"].idxmax()], groups.loc[groups["estimate"].idxmin()]
    if best["estimate"] == worst["estimate"]:
        return f"**{words.number(best['estimate'])} in every group.** Answers by rating; the score, with its range."
    return (
        f"**From {words.number(worst['estimate'])} for {_level(worst, words)} to {words.number(best['estimate'])} "
        f"for {_level(best, words)}.** Answers by rating; the score, in points, with its range. The highest and lowest "
        "of many groups stray furthest by chance; none of these differences is tested."
    )


def over_time(trend: Result, *, words: Words) -> str:
    """Whether the score has clearly moved from the first time to the last."""
    shown = trend.table[trend.table["estimate"].notna()]
    if len(shown) < 2:
        return ""
    first, last = shown.iloc[0], shown.iloc[-1]
    ends = f"{words.number(first['estimate'])} at first and {words.number(last['estimate'])} at last"
    if last["low"] > first["high"]:
        said = f"The score has risen: {ends}"
    elif last["high"] < first["low"]:
        said = f"The score has fallen: {ends}"
    else:
        said = f"No clear move from first to last: {ends}"
    return f"**{said}.** Net promoter score; the band is the range. {' '.join(trend.notes)}"


def to_draw(scores: Result) -> Result:
    """All accounts, then surveys, the state when the answer was given, and the year in which the account came."""
    drawn = ("all", "survey", "plan", "term", "mrr_band", "cohort_year")
    return scores.with_table(scores.table[scores.table["attribute"].isin(drawn)])


def group_names(result: Result) -> dict[str, str]:
    """`NAMES` with the attributes of a result by their labels; all accounts stand under a heading of their own."""
    table = result.table
    return {**NAMES, **dict(zip(table["attribute"], table["attribute_label"], strict=True)), "all": "All"}


# -- who answers ------------------------------------------------------------------------------------------------------


def who_answers(response: Result, *, words: Words) -> str:
    """How many answer, and which kind of accounts least and most."""
    row = response.row(attribute="all", level="all")
    if not row["n"]:
        return "Nobody could answer: there were no customers in this period."
    invited = response.n_of == "invitations"
    what = "invitations were answered" if invited else "accounts active at the close have answered in the period"
    text = f"{words.count(row['events'], row['n'])} {what}: {_share(row, words)}. "
    if not invited:
        text += "Invitations are not recorded, so it is not known who was asked and did not answer. "
    groups = response.table[(response.table["attribute"] != "all") & response.table["estimate"].notna()]
    if len(groups) < 2:
        return text.strip()
    spread = groups.groupby("attribute")["estimate"].agg(lambda rates: rates.max() - rates.min())
    widest = groups[groups["attribute"] == spread.idxmax()]
    least, most = widest.loc[widest["estimate"].idxmin()], widest.loc[widest["estimate"].idxmax()]
    if least["high"] >= most["low"]:
        return f"{text}Between groups the share hardly differs, as far as the numbers tell."
    return (
        f"{text}It differs most by {_lower(words.escape(least['attribute_label']))}: {_share(least, words)} for "
        f"“{words.escape(least['level'])}”, {_share(most, words)} for “{words.escape(most['level'])}”."
    )


def who_answers_caption(response: Result, *, words: Words) -> str:
    """What the figure of answering shows."""
    row = response.row(attribute="all", level="all")
    of = "invitations answered" if response.n_of == "invitations" else "accounts with an answer in the period"
    return f"**{words.share(row['estimate'])} of all.** Share of {of}, by group; the bar is the range."


def who_drawn(response: Result) -> Result:
    """Groups by what was known when they were asked: plan, size, use and age."""
    drawn = ("plan", "mrr_band", "usage", "age")
    return response.with_table(response.table[response.table["attribute"].isin(drawn)])


def weighing(reweighted: Result, *, words: Words) -> str:
    """What weighting the answers to all accounts does to the score."""
    rows = reweighted.table.set_index("basis")
    one, two = rows.loc["accounts"], rows.loc["reweighted"]
    if not known(two["estimate"]):
        return (
            f"{_upper(words.plural(one['n'], 'account'))} of today answered in this period, too few to weight their "
            "answers to all accounts."
        )
    change = two["estimate"] - one["estimate"]
    text = (
        "Weighted so that those who answered are like all accounts of today in size, use and age, the score is "
        f"{words.number(two['estimate'])} ({_range(two, words)}); of the same accounts as they are it is "
        f"{words.number(one['estimate'])}, and of all answers {words.number(rows.loc['answers', 'estimate'])}. "
    )
    if abs(change) < 1:
        text += "By these three traits it makes no difference. "
    else:
        text += (
            f"By these three traits those who answer are {'more' if change < 0 else 'less'} satisfied than the whole, "
            f"by {words.plural(round(abs(change)), 'point')}. "
        )
    return (
        text + "Whether the unhappy answer less than others of their own size, use and age cannot be seen in the data."
    )


# -- what became of them ----------------------------------------------------------------------------------------------


class Followed(Protocol):
    """From which close to which accounts are followed: `studies.nps_quadrants.FollowUp`."""

    start: date
    end: date
    answered: int
    asked_for: bool


class Held(Protocol):
    """For how long an answer holds, where accounts are parted, how much is skipped: `studies.nps_quadrants.Cuts`."""

    window: int
    skip: int
    satisfied_from: float
    usage_months: int
    usage_lag: int


def followed(follow: Followed, cuts: Held, *, with_use: bool, words: Words) -> str:
    """From which close to which accounts are followed, and whose answers count."""
    text = (
        f"Accounts are taken as they stood at the close of {words.date(follow.start)} and followed until the close of "
        f"{words.date(follow.end)}. {_upper(words.plural(follow.answered, 'account'))} had answered in time"
        f"{' and have known use' if with_use else ''}: within {words.plural(cuts.window, 'month')}"
    )
    if cuts.skip:
        text += (
            f", not counting the last {'month' if cuts.skip == 1 else words.plural(cuts.skip, 'month')} before that "
            "close, in which those who are leaving may already say so"
        )
    if not follow.asked_for:
        text += ". Too few had answered when the period of this report began, so they are followed for less time"
    return f"{text}."


def side_by_side(result: Result, *, words: Words) -> Result:
    """One row a group with its outcomes in print, each with its range; keyed ``group``."""
    table = result.table
    sizes = table[table["metric"] == "customers"].set_index("group")["estimate"]
    rows = []
    for group, size in sizes.items():
        found = table[(table["group"] == group) & table["low"].notna()].set_index("metric")
        printed = {
            metric: words.interval(*found.loc[metric, ["estimate", "low", "high"]], "share")
            if metric in found.index
            else "too few"
            for metric in ("logo_retention", "grr", "nrr", "expansion_rate")
        }
        if size > 0:
            rows.append({"group": group, "estimate": size, **printed})
    columns = ["group", "estimate", "logo_retention", "grr", "nrr", "expansion_rate"]
    printed_table = pd.DataFrame(rows, columns=columns)
    return Result(**{**vars(result), "table": printed_table, "keys": ("group",), "unit": "count"})


def cut_rows(sensitivity: Result) -> Result:
    """The differences in accounts kept, by group."""
    table = sensitivity.table[sensitivity.table["metric"] == "logo_retention"]
    return sensitivity.with_table(
        table.sort_values("group", key=lambda names: names.map(QUADRANTS.index), kind="stable")
    )


def later_headline(contrasts: Result, *, words: Words) -> str:
    """Whether what accounts said is linked to what became of them."""
    if not contrasts.table["p"].notna().any():
        return "Too few accounts answered one way and the other to tell whether answers foretell anything"
    clear = _clear(contrasts)
    if clear.empty:
        return "What accounts answered is not clearly linked to what became of them"
    best = clear.iloc[0]
    return f"{_upper(_PLURALS[best['group']])} {_doing(best)}"


def later_detail(contrasts: Result, outcomes: Result, *, words: Words) -> str:
    """The shares kept by rating, then how many comparisons are clear."""
    kept = outcomes.where(metric="logo_retention").table.set_index("group")
    said = []
    for group in ("promoter", "passive", "detractor", "no_answer"):
        row = kept.loc[group]
        if known(row["estimate"]):
            name = _PLURALS.get(group, {"passive": "passives"}.get(group, "accounts that did not answer"))
            said.append(f"{words.count(row['n'] - row['events'], row['n'])} {name} ({words.share(row['estimate'])})")
    text = f"Still here at the end: {words.list(said)}. " if said else "Each group is too small to show. "
    return text + _compared(contrasts, "Promoters, and detractors, were each compared", words)


def quadrant_headline(contrasts: Result, *, words: Words) -> str:
    """Whether any quadrant clearly fares differently."""
    if not contrasts.table["p"].notna().any():
        return "Use and satisfaction: too few accounts have both to compare the four groups"
    clear = _clear(contrasts)
    if clear.empty:
        return "Use and satisfaction: none of the four groups clearly fares differently"
    return f"Use and satisfaction: {_PLURALS[clear.iloc[0]['group']]} {_doing(clear.iloc[0])}"


def quadrant_detail(contrasts: Result, quadrants: Result, cuts: Held, *, words: Words) -> str:
    """How the quadrants are cut, how many accounts stand in none, and how many comparisons are clear."""
    sizes = quadrants.where(metric="customers").table.set_index("group")["estimate"]
    until = "up to that close"
    if cuts.usage_lag:
        months = words.plural(cuts.usage_lag, "month")
        until = f"that end {months} before that close, because use falls before an account leaves"
    text = (
        "High use is the upper part of all accounts by use for each day as a customer, over "
        f"{words.plural(cuts.usage_months, 'whole month')} {until}; satisfied is a score of "
        f"{_score(cuts.satisfied_from, words)} or more. "
    )
    if sizes["no_answer"] > 0:
        silent = words.count(sizes["no_answer"], sizes["all"])
        text += f"{silent} accounts had not answered and stand on a line of their own. "
    if sizes.get("no_use", 0) > 0:
        text += f"Of {words.plural(sizes['no_use'], 'account')} that answered the use of those months is not known. "
    return text + _compared(contrasts, "Each group was compared", words)


def _compared(contrasts: Result, who: str, words: Words) -> str:
    tested = int(contrasts.table["p"].notna().sum())
    if not tested:
        return "No comparison is possible: the groups are below the smallest size that is compared."
    clear = _clear(contrasts)
    text = (
        f"{who} with all other accounts that answered, at equal size, plan and contract term, "
        f"{words.plural(tested, 'comparison')} in all; "
    )
    if clear.empty:
        return f"{text}none is clear once corrected for their number.{_reach(contrasts, words)}"
    best = clear.iloc[0]
    return (
        f"{text}{words.plural(len(clear), 'is', 'are')} clear once corrected for their number. The clearest: "
        f"{_OUTCOMES[best['metric']]} of {_PLURALS[best['group']]} is {_gap(best, words)} than that of the others."
    )


def _reach(contrasts: Result, words: Words) -> str:
    """What the typical comparison of accounts kept could have found: 2.8 standard errors, read off its range."""
    table = contrasts.table
    kept = table[(table["metric"] == "logo_retention") & table["low"].notna()]
    if kept.empty:
        return ""
    quantile = NormalDist().inv_cdf(0.5 + (contrasts.level or 0.95) / 2)
    gap = float(((kept["high"] - kept["low"]) / 2 / quantile * 2.8).median())
    return (
        f" A typical one could have found a difference of {words.points(gap, 0)} in accounts kept four times in five; "
        "smaller ones would mostly go unseen."
    )


def paired(contrasts: Result) -> Result:
    """Every contrast twice, as it is and at equal size, plan and term; keyed ``metric, group, basis``."""
    table = contrasts.table
    raw = table.assign(
        basis="raw", estimate=table["raw"], low=table["raw_low"], high=table["raw_high"], p_adjusted=float("nan")
    )
    both = pd.concat([raw, table.assign(basis="adjusted")]).sort_index(kind="stable")
    both = both[both["metric"] != "expansion_rate"]
    return Result(
        **{
            **vars(contrasts),
            "table": both.sort_values("metric", ascending=False, kind="stable").reset_index(drop=True),
            "keys": ("metric", "group", "basis"),
        }
    )


def paired_caption(contrasts: Result, *, words: Words) -> str:
    """How many of the drawn comparisons are clear, then what dots and bars measure."""
    kept = contrasts.table[contrasts.table["metric"] != "expansion_rate"]
    clear = _clear(contrasts)
    clear = clear[clear["metric"] != "expansion_rate"]
    tested = int(kept["p"].notna().sum())
    said = f"Clear in {words.count(len(clear), tested)} comparisons" if len(clear) else "No comparison is clear"
    return (
        f"**{said}.** Each group less all other "
        "accounts that answered, in percentage points; hollow as they are, filled at equal size, plan and contract "
        "term; the bar is the range. In colour: clear after the correction for the number of comparisons."
    )


def quadrant_picture(quadrants: Result, contrasts: Result) -> Result:
    """The quadrants with the adjusted p of their accounts kept, so that only clear ones are in colour; nothing to draw
    where no quadrant is large enough to show."""
    p = contrasts.where(metric="logo_retention").table.set_index("group")["p_adjusted"]
    table = quadrants.table.copy()
    kept = table["metric"] == "logo_retention"
    table["p_adjusted"] = table["group"].map(p).where(kept)
    # A group of its own that was not compared is no finding, whatever its range.
    table.loc[kept & table["p_adjusted"].isna(), "p_adjusted"] = 1.0
    if table.loc[kept & table["group"].isin(QUADRANTS), "estimate"].isna().all():
        table["estimate"] = float("nan")
    return quadrants.with_table(table)


def quadrant_caption(quadrants: Result, contrasts: Result, *, start: date, end: date, words: Words) -> str:
    """The shares kept at both ends, or that none is clearly apart, then what is measured."""
    kept = quadrants.where(metric="logo_retention").table
    kept = kept[kept["group"].isin(QUADRANTS) & kept["estimate"].notna()]
    span = (
        f"Accounts active at the close of {words.date(start)}, by use and satisfaction then, and the share still here "
        f"at the close of {words.date(end)}. In colour: clear against the others that answered, after correction."
    )
    if len(kept) < 2:
        return f"**Accounts kept by use and satisfaction.** {span}"
    best, worst = kept.loc[kept["estimate"].idxmax()], kept.loc[kept["estimate"].idxmin()]
    if best["estimate"] == worst["estimate"]:
        return f"**Every group keeps {words.share(best['estimate'])}.** {span}"
    if not (_clear(contrasts)["metric"] == "logo_retention").any():
        ends = f"from {words.share(worst['estimate'])} to {words.share(best['estimate'])}"
        return f"**No group keeps clearly more or fewer accounts: {ends}.** {span}"
    said = f"{NAMES[best['group']]} keep {words.share(best['estimate'])}, {_lower(NAMES[worst['group']])} "
    return f"**{said}{words.share(worst['estimate'])}.** {span}"


def what_to_do() -> str:
    """One line a quadrant."""
    lines = [f"- **{NAMES[quadrant]}** {TO_DO[quadrant]}" for quadrant in QUADRANTS]
    return "\n".join(["What each group suggests, until a test shows what keeps it:", "", *lines])


def other_cuts(sensitivity: Result, contrasts: Result, *, words: Words) -> str:
    """Whether what is clear keeps its side under other cuts, and with use taken three months earlier."""
    table = sensitivity.table
    table = table[(table["metric"] == "logo_retention") & table["estimate"].notna()]
    if table.empty:
        return "Under no other cut are the groups large enough to be compared."
    text = (
        "Where use and satisfaction begin to be high is a choice. Use was cut at a third, a half and two thirds of all "
        "accounts, satisfaction at seven and at nine, and use was taken right up to that close as well as three months "
        "earlier. "
    )
    clear = _clear(contrasts)
    clear = clear[clear["metric"] == "logo_retention"]
    if clear.empty:
        beyond = int(((table["low"] > 0) | (table["high"] < 0)).sum())
        count = words.plural(beyond, "has", "have") if beyond else "none has"
        return (
            f"{text}Of {words.plural(len(table), 'such comparison')} of accounts kept, {count} a range that leaves no "
            "doubt of the side, before any correction for their number."
        )
    said = []
    for _, found in clear.iterrows():
        rows = table[table["group"] == found["group"]]
        more = found["estimate"] > 0
        same = rows[(rows["estimate"] > 0) == more]
        beyond = int(((same["low"] > 0) | (same["high"] < 0)).sum())
        said.append(
            f"{_upper(_PLURALS[found['group']])} keep {'more' if more else 'fewer'} accounts than the others in "
            f"{words.count(len(same), len(rows))} ways of cutting; in {words.number(beyond)} the range leaves no doubt "
            "of the side."
        )
    of_clear = table[table["group"].isin(clear["group"])]
    late, near = (
        of_clear.loc[(of_clear["usage_lag"] > 0) == later, "estimate"].abs().mean() for later in (True, False)
    )
    if late < near / 2:
        said.append(
            "With use taken three months earlier the differences are less than half of what they are with use right up "
            "to that close: much of the latter is accounts that were leaving already."
        )
    return text + " ".join(said)


def today_detail(today: Result, *, as_of: date, words: Words) -> str:
    """How many accounts stand in each quadrant now, and what they pay."""
    rows = today.table.set_index("group")
    said = [
        f"{words.number(rows.loc[group, 'estimate'])} {_in_group(group, rows.loc[group, 'estimate'])} "
        f"({words.money(rows.loc[group, 'mrr'])} MRR)"
        for group in QUADRANTS
        if rows.loc[group, "estimate"] > 0
    ]
    waiting = rows.loc["no_answer"]
    close = f"At the close of {words.date(as_of)}"
    if not said:
        return (
            f"{close} no account has both an answer of late and known use: "
            f"{words.plural(waiting['estimate'], 'account')} did not answer."
        )
    rest = f"; {words.number(waiting['estimate'])} did not answer ({words.money(waiting['mrr'])} MRR)"
    return f"{close}: {words.list(said)}{rest if waiting['estimate'] > 0 else ''}."


def moved(moves: Result) -> Result:
    """One row a group when the period began, one column a group of today; keyed ``group``."""
    table = moves.table
    wide = table.pivot(index="group", columns="group_now", values="estimate").reindex(dict.fromkeys(table["group"]))
    columns = [name for name in (*QUADRANTS, "no_answer", "left") if name in wide]
    wide = (
        wide[columns].reset_index().assign(estimate=table.groupby("group")["n"].first().reindex(wide.index).to_numpy())
    )
    return Result(**{**vars(moves), "table": wide, "keys": ("group",)})


def moved_columns(moves: Result) -> list[str]:
    """The columns of `moved`."""
    return [name for name in moved(moves).table.columns if name != "estimate"]


def moved_detail(moves: Result, *, words: Words) -> str:
    """Of each group how many are still in it, and how many left."""
    table = moves.table
    said = []
    for group in QUADRANTS:
        rows = table[table["group"] == group].set_index("group_now")
        if not rows.empty:
            still, left = (float(rows["estimate"].get(name, 0)) for name in (group, "left"))
            n = rows["n"].iloc[0]
            stands = f"{words.number(still)} still are and {words.number(left)} left"
            said.append(f"of {words.number(n)} {_in_group(group, n)} {stands}")
    return f"Since the period began, {'; '.join(said)}." if said else ""


def today_rows(accounts: Result) -> Result:
    """Of the accounts of today those that are not satisfied, the largest first."""
    table = accounts.table
    return accounts.with_table(table[table["group"].isin(("hostages", "at_risk"))])


def without_use(tables: Collection[str]) -> str:
    """What the four groups by use and satisfaction need; nothing where the data have it."""
    if set(tables) & set(USAGE_TABLES):
        return ""
    names = [f"`{name}`" for name in USAGE_TABLES]
    return (
        "## Use and satisfaction together: not studied {#quadrants}\n\nThe four groups by use and satisfaction need "
        f"use by account, one of {', '.join(names[:-1])} or {names[-1]}. What is said above stands without it."
    )


# -- small words ------------------------------------------------------------------------------------------------------


def _clear(contrasts: Result) -> pd.DataFrame:
    """Contrasts that hold after the correction and that no handful of accounts decides, the clearest first."""
    table = contrasts.table
    clear = table[(table["p_adjusted"] <= 1 - (contrasts.level or 0.95)) & ~table["few_accounts"].astype(bool)]
    return clear.sort_values(["p_adjusted", "p"], kind="stable")


def _doing(row: pd.Series) -> str:
    more = row["estimate"] > 0
    match row["metric"]:
        case "logo_retention":
            return f"{'stay' if more else 'leave'} more often than the others that answered"
        case "grr":
            return f"keep {'more' if more else 'less'} of their revenue than the others that answered"
    return f"grow {'more' if more else 'less'} often than the others that answered"


def _gap(row: pd.Series, words: Words) -> str:
    lower = row["estimate"] < 0
    ends = (-row["high"], -row["low"]) if lower else (row["low"], row["high"])
    return f"{words.range(*ends, 'points')} {'lower' if lower else 'higher'}"


def _range(row: pd.Series, words: Words) -> str:
    return words.range(row["low"], row["high"], "count")


def _share(row: pd.Series, words: Words) -> str:
    return words.interval(row["estimate"], row["low"], row["high"], "share")


def _in_group(group: str, n: float) -> str:
    """What accounts of a quadrant are called, after their number."""
    if group == "at_risk":
        return "at risk"
    return group.removesuffix("s") if n == 1 else group


def _score(score: float, words: Words) -> str:
    return words.number(score, 0 if float(score).is_integer() else 1)


def _level(row: pd.Series, words: Words) -> str:
    return f"{_lower(words.escape(row['attribute_label']))} “{words.escape(row['level'])}”"


def _lower(text: str) -> str:
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
