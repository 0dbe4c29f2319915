"""What the chapter on renewals and contracts found, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from statistics import NormalDist

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.alike import alike_in
from customer_value.strategy.answers.labels import LABELS as COMMON
from customer_value.strategy.wording import Words, known

LABELS: Mapping[str, str] = {
    **COMMON,
    "renewed": "Contracts renewed",
    "revenue_renewed": "Revenue renewed, growth not counted",
    "revenue_after": "Revenue renewed, with growth",
    "renewed_larger": "Renewed, pays more",
    "renewed_alike": "Renewed alike",
    "renewed_smaller": "Renewed, bought less",
    "renewed_discounted": "Renewed, lower price",
    "renewed_other": "Renewed, terms not known",
    "moved_longer": "Moved to a longer term",
    "moved_shorter": "Moved to a shorter term",
    "lapsed": "Not renewed",
    "outcome": "Outcome",
    "group": "Contracts",
    "all": "All",
    "mrr_before": "MRR before",
    "mrr_after": "MRR after",
    "accounts": "Accounts",
    "mrr": "Recurring revenue",
    "flow": "Flow",
    "billed": "Billed",
    "credited": "Credited",
    "recognised": "Earned",
    "collected": "Collected",
    "owed": "Owed at the end",
    "overdue": "Of that, overdue",
    "days_outstanding": "Days of bills that are owed",
    "late": "Bills paid late or not at all",
    "late_amount": "The same, of the amount billed",
    "failed": "Bills whose payment failed",
    "failed_amount": "The same, of the amount billed, failed",
    "band": "Overdue",
    "bills": "Bills",
    "oldest": "Due since",
    "due_date": "Due",
    "term": "Term (months)",
    "plan": "Plan",
    "owner": "Owner",
    "days_left": "Days left",
}
"""What keys, columns and measures of these results are called on a page."""

PAIR = ("as they are", "made alike")
"""What hollow and filled dots are."""

MOST_DRAWN = 8
"""Differences in one figure."""

TERM_LABELS: Mapping[str, str] = {
    **LABELS,
    "all": "All contracts",
    "monthly": "Monthly",
    "quarterly": "Quarterly",
    "half-yearly": "Half-yearly",
    "annual": "Annual",
    "two-year": "Two-year",
    "three-year": "Three-year",
}
"""`LABELS` with contract terms as they head a line or a bar."""


PERIOD_LABELS: Mapping[str, str] = {**LABELS, "all": "The whole period"}
"""`LABELS` where groups are times."""

SHIFT_LABELS: Mapping[str, str] = {
    "term": "Contract term",
    "opening": "At the start",
    "moved_in": "Moved in",
    "moved_out": "Moved out",
    "won": "Won or back",
    "left": "Left",
    "estimate": "At the end",
}
SHIFT_UNITS: Mapping[str, str] = dict.fromkeys(("opening", "moved_in", "moved_out", "won", "left"), "count")
"""Columns of the table of what moved accounts between terms, and their unit."""


# -- renewals --------------------------------------------------------------------------------------------------------


def headline(batting: Result, *, least_term: int, words: Words) -> str:
    """How many of the contracts that ran out were renewed: one short sentence for a heading."""
    row = batting.row(attribute="all", level="all", metric="renewed")
    if not row["n"]:
        longer = " of more than a month" if least_term > 1 else ""
        return f"No contract{longer} ran out, so there was nothing to renew"
    if row["n"] < _FEW_TO_SHARE:
        return f"{words.count(row['n'] - row['events'], row['n'])} contracts that ran out were renewed"
    hundred = words.number(100 * row["estimate"])
    return f"Of 100 contracts that ran out, {hundred} were renewed"


_FEW_TO_SHARE = 30
"""Below it counts say more than a share."""


def detail(batting: Result, outcomes: Result, mix: Result, *, start: date, end: date, words: Words) -> str:
    """The share renewed with its range, what revenue that kept, and how many went on to a shorter term.

    Where nothing fell due, why: no terms stated, all by the month (as ``mix`` has them), or all still running.
    """
    row, kept, after = (
        batting.row(attribute="all", level="all", metric=metric)
        for metric in ("renewed", "revenue_renewed", "revenue_after")
    )
    span = f"between the closes of {words.date(start)} and {words.date(end)}"
    if not row["n"]:
        return f"{_nothing_due(mix)} Looked at {span}."
    text = (
        f"{words.plural(row['n'], 'contract')} ran out {span} and are decided: "
        f"{words.number(row['n'] - row['events'])} were renewed and {words.number(row['events'])} were not. "
        f"{_upper(words.out_of_100(row['estimate'], row['low'], row['high'], 'were renewed', of='contracts'))}. "
    )
    if known(kept["low"]) and known(after["low"]):
        text += (
            f"Of the recurring revenue in them {words.interval(kept['estimate'], kept['low'], kept['high'], 'share')} "
            f"was renewed, {words.interval(after['estimate'], after['low'], after['high'], 'share')} with what those "
            "who renewed added. "
        )
    moved = _row_of(outcomes, "all", "moved_shorter")
    if moved is not None and moved["events"]:
        were = "account is among those" if moved["events"] == 1 else "accounts are among those"
        text += (
            f"{words.number(moved['events'])} {were} renewed but moved to a shorter term, and can now leave sooner. "
        )
    if kept["few_accounts"]:
        text += "A few large accounts decide the revenue figures."
    return text.strip()


def _nothing_due(mix: Result) -> str:
    held = set(mix.table.loc[mix.table["estimate"] > 0, "term"])
    if held <= {"not stated"}:
        return "The data do not state how long contracts run, so it is not known when any of them falls due."
    if held <= {"not stated", "monthly"}:
        return (
            "Accounts pay by the month and can leave at any time; how many stay is the subject of the revenue chapter."
        )
    return "There are contracts of more than a month, and the first of them has yet to run out and be decided."


def outcomes_caption(outcomes: Result, *, words: Words) -> str:
    """The commonest outcome and the losses, then what the bars are."""
    whole = outcomes.where(group="all").table
    if whole["estimate"].isna().all():
        return ""
    top = whole.loc[whole["events"].idxmax()]
    lost = _row_of(outcomes, "all", "lapsed")
    said = f"Most often: {_lower(LABELS[top['outcome']])} ({words.count(top['events'], top['n'])})"
    if lost is not None and top["outcome"] != "lapsed":
        said += f"; {words.number(lost['events'])} were not renewed"
    return (
        f"**{said}.** What became of the contracts that ran out, each by the account's recurring revenue before and "
        "after; at the right how many. First all of the period, then the latest quarters that are decided, each by "
        "the due dates in it."
    )


def whole_period(outcomes: Result) -> Result:
    """The outcomes of all contracts, keyed by ``outcome``."""
    rows = outcomes.where(group="all").table
    return Result(**{**vars(outcomes), "table": rows, "keys": ("outcome",)})


def whole_company(batting: Result) -> Result:
    """The shares of all contracts, keyed by ``metric``; no rows where none ran out."""
    rows = batting.where(attribute="all").table
    rows = rows[rows["n"] > 0].reset_index(drop=True)
    return Result(**{**vars(batting), "table": rows, "keys": ("metric",)})


def money_lost(outcomes: Result, *, words: Words) -> str:
    """What lapses and smaller renewals took, and what larger ones added, in recurring revenue a month."""
    whole = outcomes.where(group="all").table.set_index("outcome")
    change = whole["mrr_after"] - whole["mrr_before"]
    if not whole["mrr_before"].sum() > 0:
        return ""
    parts = []
    if "lapsed" in change.index and change["lapsed"] < 0:
        parts.append(f"contracts not renewed took {words.money(-change['lapsed'])}")
    less = change.reindex(["renewed_smaller", "renewed_discounted"]).fillna(0.0)
    if less.sum() < 0:
        cut = less["renewed_discounted"]
        part = "all" if cut == less.sum() else words.money(-cut)
        cheaper = f" ({part} of it by a lower price)" if cut < 0 else ""
        parts.append(f"smaller renewals {words.money(-less.sum())}{cheaper}")
    if change.get("renewed_larger", 0.0) > 0:
        parts.append(f"larger ones added {words.money(change['renewed_larger'])}")
    if not parts:
        return ""
    return (
        f"Of {words.money(whole['mrr_before'].sum())} of monthly recurring revenue in these contracts, "
        f"{words.list(parts)}."
    )


def over_time(quarters: Result, change: Result, *, words: Words) -> str:
    """Whether the share renewed differs from that of the year before."""
    row = change.table.iloc[0]
    if not known(row["estimate"]):
        if quarters.table["estimate"].notna().sum() == 0:
            return "Single quarters hold too few contracts to show a share."
        return "The data do not reach back far enough, or hold too few contracts, to set this period against the last."
    said = words.compare(row["estimate"], row["low"], row["high"], unclear="not clearly different")
    shares = f"{words.share(row['group_share'])} now, {words.share(row['rest_share'])} then"
    reach = words.range(row["low"], row["high"], "points")
    return (
        f"Against as long a time before, the share renewed is {said} ({shares}; the difference is {reach}). Months "
        "differ by more than chance in single decisions, and the range allows for that."
    )


def quarters_caption(quarters: Result, *, words: Words) -> str:
    """The best and the weakest quarter, then what is drawn."""
    shown = quarters.table[quarters.table["estimate"].notna()]
    if shown.empty:
        return ""
    low, high = shown.loc[shown["estimate"].idxmin()], shown.loc[shown["estimate"].idxmax()]
    said = (
        f"Between {words.share(low['estimate'])} ({low['quarter']}) and {words.share(high['estimate'])} "
        f"({high['quarter']}) of contracts were renewed"
        if len(shown) > 1
        else f"{words.share(low['estimate'])} of contracts were renewed in {low['quarter']}"
    )
    return (
        f"**{said}.** Share of the contracts that ran out in each quarter, at the quarter's first month; the band is "
        "the range of each. Quarters not wholly decided are left out."
    )


def groups(differences: Result, *, words: Words) -> str:
    """Whether any group renews clearly more or less often than others like it."""
    tested = int(_kind(differences)["p"].notna().sum())
    if not tested:
        return "Too few contracts ran out to compare groups."
    text = f"Each group was compared with all other contracts: {words.plural(tested, 'comparison')}. "
    clear = _clear(differences)
    if clear.empty:
        before = len(_clear(differences, kind="raw"))
        looked = (
            f"{words.plural(before, 'comparison is', 'comparisons are')} clear before groups are made alike, none "
            "after."
            if before
            else "None is clear once corrected for their number."
        )
        return f"{text}{looked} That is no proof of sameness.{_reach(differences, words)}"
    best = clear.iloc[0]
    more = "more" if best["estimate"] > 0 else "less"
    size = abs(best["estimate"])
    return (
        f"{text}{words.plural(len(clear), 'is', 'are')} clear once groups are made alike and their number is corrected "
        f"for. The clearest: contracts with {_group(best, words)} are renewed {more} often, by {words.points(size)} "
        f"({_sizes(best, words)}) at equal {alike_in(best['adjusted_for'], words) or 'standing'}."
    )


def by_group_caption(batting: Result, *, words: Words) -> str:
    """The highest and the lowest share among groups, with the caution that goes with them, then what is drawn."""
    rows = batting.where(metric="renewed").table
    shown = rows[(rows["attribute"] != "all") & rows["estimate"].notna()]
    if shown.empty:
        return "**No group is large enough to show.** Share of the contracts that ran out and were renewed."
    low, high = shown.loc[shown["estimate"].idxmin()], shown.loc[shown["estimate"].idxmax()]
    return (
        f"**From {words.share(low['estimate'])} ({_group(low, words)}) to {words.share(high['estimate'])} "
        f"({_group(high, words)}).** Share of the contracts that ran out and were renewed, by what was known when they "
        "did; the bar is the range. The best and the worst of many groups stray far by chance: which truly differ, the "
        "comparison above tells."
    )


def to_draw(differences: Result) -> Result:
    """The clear differences, else those that come nearest, at most `MOST_DRAWN`, keyed by ``group, kind``."""
    chosen = _clear(differences)
    if chosen.empty:
        chosen = clearest_first(differences).table
    chosen = chosen.head(MOST_DRAWN)[["attribute", "level"]]
    table = chosen.merge(differences.table, on=["attribute", "level"], how="left")
    named = table.assign(group=table["attribute_label"] + ": " + table["level"])
    return Result(**{**vars(differences), "table": named.reset_index(drop=True), "keys": ("group", "kind")})


def clearest_first(differences: Result) -> Result:
    """One row a difference that could be tested, the smallest adjusted p first, the raw one as column ``raw``."""
    keys = ["attribute", "level"]
    raw = _kind(differences, "raw")[[*keys, "estimate"]].rename(columns={"estimate": "raw"})
    table = _kind(differences).merge(raw, on=keys)
    tested = table[table["p"].notna()].sort_values(["p_adjusted", "p", *keys], kind="stable")
    return Result(**{**vars(differences), "table": tested.reset_index(drop=True), "keys": tuple(keys)})


def drawn_caption(differences: Result, *, words: Words) -> str:
    """Whether a group stands apart, then what dots and bars measure."""
    clear = _clear(differences)
    said = (
        "No group clearly renews more or less often than others"
        if clear.empty
        else f"Contracts with {_group(clear.iloc[0], words)} are renewed "
        f"{'more' if clear.iloc[0]['estimate'] > 0 else 'less'} often than others like them"
    )
    which = "The differences that come nearest to being clear" if clear.empty else "Every clear difference"
    return (
        f"**{said}.** {which}: share renewed in each group less that of all other contracts, in percentage points; "
        "hollow as they are, filled with groups made alike; the bar is the range."
    )


def sensitivity(outcomes: Result, batting: Result, *, words: Words) -> str:
    """What the share would be if a move to a shorter term were no renewal."""
    row = batting.row(attribute="all", level="all", metric="renewed")
    if not row["n"]:
        return "No contract ran out, so nothing hangs on what counts as a renewal."
    moved = _row_of(outcomes, "all", "moved_shorter")
    if moved is None or not moved["events"]:
        return (
            "A move to a shorter term would count as renewed, because the account stays. Nobody made one in the "
            "period, so nothing hangs on that."
        )
    fewer = row["n"] - row["events"] - moved["events"]
    return (
        f"A move to a shorter term is counted as renewed, because the account stays. Were it not, "
        f"{words.count(fewer, row['n'])} contracts would count as renewed: {words.share(fewer / row['n'])} instead of "
        f"{words.share(row['estimate'])}."
    )


# -- contracts and money billed ahead --------------------------------------------------------------------------------


def mix(shift: Result, *, start: date, end: date, words: Words) -> str:
    """How accounts and revenue are spread over terms now, and what moved that since the period began."""
    table = shift.table
    if table.empty:
        return "There is no account on any term."
    if set(table["term"]) == {"not stated"}:
        return "The data do not state how long contracts run, so there is no mix to show."
    total = table["estimate"].sum()
    now = [
        f"{_lower(str(row['term']))} {words.count(row['estimate'], total)} ({words.share(row['share_closing'])} of "
        "revenue)"
        for _, row in table.iterrows()
    ]
    text = f"Accounts at the close of {words.date(end)} by contract term: {words.list(now)}. "
    gap = table["share_closing"] - table["share_opening"]
    largest = table.loc[gap.abs().idxmax()]
    moved = float(gap.abs().max())
    if len(table) == 1:
        text = f"Every account is on one term: {_lower(str(table['term'].iloc[0]))}. "
    elif moved < 0.005:
        text += f"Their shares of revenue are as they were at the close of {words.date(start)}. "
    else:
        side = "more" if gap[largest.name] > 0 else "less"
        text += (
            f"{_upper(str(largest['term']))} contracts carry {words.points(moved)} {side} of the revenue than at the "
            f"close of {words.date(start)}. "
        )
    switched = int(table["moved_in"].sum())
    return f"{text}{_upper(words.plural(switched, 'account'))} moved from one term to another in between."


def mix_caption(mix_result: Result, *, measure: str, words: Words) -> str:
    """The term with the most of it now, then what is drawn."""
    rows = mix_result.where(measure=measure).table
    last = rows[rows["month"] == rows["month"].max()]
    if last.empty:
        return ""
    top = last.loc[last["estimate"].idxmax()]
    what = "accounts" if measure == "accounts" else "recurring revenue"
    return (
        f"**{_upper(str(top['term']))} contracts hold {words.share(top['estimate'])} of {what}.** Share of {what} on "
        "each contract term at every month's close."
    )


def main_terms(mix_result: Result, *, measure: str, most: int = 4) -> Result:
    """The terms with the most of it in the last month, keyed by ``term, month``; none where there is but one."""
    rows = mix_result.where(measure=measure).table
    last = rows[rows["month"] == rows["month"].max()].nlargest(most, "estimate", keep="first")
    chosen = rows[rows["term"].isin(last.loc[last["estimate"] > 0, "term"]) & (rows["term"].nunique() > 1)]
    return Result(**{**vars(mix_result), "table": chosen.reset_index(drop=True), "keys": ("term", "month")})


def deferred(flows: Result, *, words: Words) -> str:
    """The balance now and a month's flows into and out of it."""
    if flows.table.empty:
        return "The data do not say how often accounts are billed, so what is billed ahead is not known."
    month = flows.table["month"].max()
    row = flows.where(month=month).table.set_index("flow")["estimate"]
    if not abs(row["closing"]) > 0:
        return "Nothing is billed ahead: at the last month's close every bill had been earned."
    credited = f", credited {words.money(row['credited'])}" if row["credited"] else ""
    return (
        f"At the close of {words.month(month)} customers had been billed {words.money(row['closing'])} for time still "
        f"to come: deferred revenue, a debt in service. The month opened with {words.money(row['opening'])}; "
        f"{words.money(row['billed'])} was billed{credited} and {words.money(row['recognised'])} earned, which leads "
        "to the closing balance to the penny."
    )


def latest_flows(flows: Result) -> Result:
    """The last month's flows, in their order, keyed by ``flow``."""
    last = flows.table[flows.table["month"] == flows.table["month"].max()]
    order = ("opening", "billed", "credited", "recognised", "closing")
    last = last.sort_values("flow", key=lambda flow: flow.map(order.index), kind="stable")
    return Result(**{**vars(flows), "table": last.reset_index(drop=True), "keys": ("flow",)})


def schedule_caption(schedule: Result, whole: Result, *, as_of: date, words: Words) -> str:
    """How much of the balance is earned in the first of the months shown, then what is drawn.

    Parameters
    ----------
    schedule, whole : what is drawn, and every month of it
    """
    months = schedule.table.groupby("month")["estimate"].sum()
    total = float(months.sum())
    if not total > 0:
        return ""
    first = float(months.iloc[0])
    part = "All" if first == total else words.money(first)
    beyond = " The last bar holds all later months as well." if len(months) < whole.table["month"].nunique() else ""
    return (
        f"**{part} of the {words.money(total)} billed ahead will be earned in "
        f"{words.month(months.index[0])}.** When the balance at the close of {words.date(as_of)} will be earned if "
        f"every bill runs its course, by month and contract term.{beyond}"
    )


def paid(takings: Result, late: Result, owed: Result, *, words: Words) -> str:
    """Billed against earned against collected, and how bills are paid."""
    sums = takings.table.set_index("measure")["estimate"]
    text = (
        f"Over the whole months of the period {words.money(sums['billed'])} was billed, "
        f"{words.money(sums['recognised'])} earned and {words.money(sums['collected'])} collected. "
    )
    if known(sums.get("owed")):
        text += f"At its end {words.money(sums['owed'])} was owed, {words.money(sums['overdue'])} of it overdue"
        outstanding = sums.get("days_outstanding")
        text += f"; that is {words.number(outstanding)} days of bills. " if known(outstanding) else ". "
    slow, failed = (late.row(measure=measure) for measure in ("late", "failed"))
    if known(slow["estimate"]):
        text += (
            f"{words.count(slow['events'], slow['n'])} bills that fell due were paid late or not at all, "
            f"{words.interval(slow['estimate'], slow['low'], slow['high'], 'share')}; of "
            f"{words.number(failed['events'])} the payment failed. "
        )
    long = owed.row(band="three months or more")
    if long["estimate"] > 0:
        text += (
            f"{words.money(long['estimate'])} has been overdue for three months or more, by "
            f"{words.plural(long['n'], 'account')}."
        )
    return text.strip()


def cash_caption(cash: Result, *, words: Words) -> str:
    """The latest month's three figures, then what is drawn."""
    last = cash.table[cash.table["month"] == cash.table["month"].max()].set_index("stream")["estimate"]
    month = words.month(cash.table["month"].max())
    return (
        f"**In {month} {words.money(last['billed'])} was billed, {words.money(last['recognised'])} earned and "
        f"{words.money(last['collected'])} collected.** Bills and payments by the company's invoices, earnings as "
        "derived from subscriptions, by month. Bills come in lumps, because yearly contracts are billed at once."
    )


# -- what falls due next ---------------------------------------------------------------------------------------------


def due_next(soon: Result, *, as_of: date, words: Words) -> str:
    """How much falls due within each window, and what has fallen due and is still open."""
    rows = soon.table[soon.table["days"] > 0]
    if not rows["n"].sum():
        longest = int(rows["days"].max())
        return f"No contract runs out within {words.number(longest)} days of {words.date(as_of)}."
    parts = [
        f"{words.plural(row['n'], 'account')} with {words.money(row['estimate'])} of monthly recurring revenue "
        f"({words.share(row['share'])} of all) within {words.number(row['days'])} days"
        for _, row in rows.iterrows()
    ]
    text = f"After {words.date(as_of)} contracts run out of {words.list(parts)}. "
    late = soon.row(days=0)
    if late["n"]:
        text += (
            f"{words.plural(late['n'], 'account')} more ({words.money(late['estimate'])} a month) came to the end of a "
            "contract within the last weeks, pay no longer and may still return; they are marked in the list. "
        )
    return text + "Which of them are at risk is not said here: that takes a prediction."


def due_caption(listed: Result, *, words: Words) -> str:
    """The largest, then what the list holds."""
    if listed.table.empty:
        return ""
    top = listed.table.iloc[0]
    return (
        f"The largest contracts that run out next: first {words.escape(top['name'] or top['customer_id'])} with "
        f"{words.money(top['estimate'])} a month, due on {words.date(top['due_date'])}. Negative days: due already, "
        "not paying now. The file lists every account."
    )


# -- parts -----------------------------------------------------------------------------------------------------------


def _row_of(outcomes: Result, group: str, outcome: str) -> pd.Series | None:
    rows = outcomes.table[(outcomes.table["group"] == group) & (outcomes.table["outcome"] == outcome)]
    return rows.iloc[0] if len(rows) else None


def _kind(differences: Result, kind: str = "adjusted") -> pd.DataFrame:
    return differences.table[differences.table["kind"] == kind]


def _clear(differences: Result, *, kind: str = "adjusted") -> pd.DataFrame:
    """Differences that hold after the correction, the clearest first."""
    table = _kind(differences, kind)
    clear = table[table["p_adjusted"] <= 1 - (differences.level or 0.95)]
    return clear.sort_values(["p_adjusted", "p"], kind="stable")


def _reach(differences: Result, words: Words) -> str:
    """What the typical comparison could have found: 2.8 standard errors, read off its range."""
    table = _kind(differences)
    table = table[table["low"].notna()]
    quantile = NormalDist().inv_cdf(0.5 + (differences.level or 0.95) / 2)
    gap = float(((table["high"] - table["low"]) / 2 / quantile * 2.8).median())
    return (
        f" A typical one could have found a difference of {words.points(gap, 0)} four times in five, had it been the "
        "only one."
    )


def _sizes(row: pd.Series, words: Words) -> str:
    ends = (-row["high"], -row["low"]) if row["estimate"] < 0 else (row["low"], row["high"])
    return words.range(*ends, "points").removesuffix(" percentage points")


def _group(row: pd.Series, words: Words) -> str:
    label = row["attribute_label"]
    return f"{words.escape(_lower(label))} “{words.escape(row['level'])}”"


def _lower(text: str) -> str:
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
