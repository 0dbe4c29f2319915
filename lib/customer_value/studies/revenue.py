"""Where recurring revenue came from and where it went, and how much of it stays.

Two views that answer different questions and must not be mixed. *Movements* add up every account's monthly changes, so
they reconcile with opening and closing MRR to the penny. *Retention* follows one closed group, the accounts active when
the period begins: an account that left at any time counts as gone even if it came back, and accounts won since are left
out.

The period is two closes: the state of the accounts at the end of the day ``start`` and of the day ``end``. Money is
monthly recurring revenue (MRR) unless a column says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import ibis
import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.levels import Levels, attributes, pooled
from customer_value.marts.months import at_day, holdings, states
from customer_value.marts.periods import Period
from customer_value.stats import closed_cohort, intervals
from customer_value.stats.disclosure import shown
from customer_value.stats.jackknife import jackknife_of_sums
from customer_value.stats.result import Result

MOVEMENTS = ("new", "expansion", "reactivation", "contraction", "churn")
"""The five streams, gains first."""

GAINS = ("new", "expansion", "reactivation")

PARTS = ("price", "seats", "plan", "addon")
"""What an expansion or contraction is made of."""

_MONTH_END_NOTE = (
    "The period does not run from month end to month end, so movements are read from the states at its two closes; "
    "changes in between that cancel out are not seen."
)


# -- money that moved ---------------------------------------------------------------------------------------------


def movements(marts: Marts) -> Result:
    """MRR at the open, the five movements and MRR at the close, for every month.

    Returns
    -------
    Result keyed by ``month, movement``, money, signed: ``opening``, the five of `MOVEMENTS`, ``closing``; in each month
    opening plus movements is closing to the penny. ``n`` counts accounts.
    """
    months = marts.table("calendar_months")
    cells = (
        months.group_by(["month", "movement"])
        .agg(
            change=months.change.sum(),
            opening=months.opening_mrr.sum(),
            closing=months.closing_mrr.sum(),
            n=months.count(),
            opening_n=months.opening_active.sum(),
            closing_n=months.closing_active.sum(),
            came_and_went=months.came_and_went.sum(),
        )
        .order_by(["month", "movement"])
        .execute()
    )
    rows = []
    for month, cell in cells.groupby("month", sort=True):
        streams = cell.set_index("movement")
        rows.append((month, "opening", _total(cell["opening"]), cell["opening_n"].sum()))
        for movement in MOVEMENTS:
            moved = movement in streams.index
            change = streams.at[movement, "change"] if moved else Decimal(0)
            rows.append((month, movement, change, streams.at[movement, "n"] if moved else 0))
        rows.append((month, "closing", _total(cell["closing"]), cell["closing_n"].sum()))
    table = pd.DataFrame(rows, columns=["month", "movement", "estimate", "n"])
    brief = int(cells["came_and_went"].sum()) if len(cells) else 0
    notes = (f"{brief} accounts started and ended within one month; they are no movement.",) if brief else ()
    return Result(
        name="mrr_movements",
        table=_money(table),
        keys=("month", "movement"),
        unit="money",
        level=None,
        n_of="accounts",
        method="Change of each account's MRR from month end to month end, one kind an account and month",
        notes=notes,
    )


def waterfall(marts: Marts, *, start: date, end: date) -> Result:
    """From opening to closing MRR over the period.

    Where the period is whole calendar months this is the sum of the monthly movements; otherwise the two closes are
    compared and a note says so.

    Returns
    -------
    Result keyed by ``movement``, money, signed: ``opening``, `MOVEMENTS`, ``closing``; ``share`` is of opening MRR and
    ``n`` counts accounts.
    """
    moved, opening, closing, notes = _moved(marts, Period(start, end))
    by_stream = dict(iter(moved.groupby("movement")))
    rows = [("opening", _total(opening), len(opening))]
    for movement in MOVEMENTS:
        stream = by_stream.get(movement)
        rows.append(
            (movement, Decimal(0), 0)
            if stream is None
            else (movement, _total(stream["change"]), stream["customer_id"].nunique())
        )
    rows.append(("closing", _total(closing), len(closing)))
    table = _money(pd.DataFrame(rows, columns=["movement", "estimate", "n"]))
    table["share"] = table["estimate"] / _positive(table["estimate"].iloc[0])
    return Result(
        name="mrr_waterfall",
        table=table,
        keys=("movement",),
        unit="money",
        level=None,
        n_of="accounts",
        method=f"Movements of MRR from the close of {start} to the close of {end}",
        notes=notes,
    )


def arr_trend(marts: Marts) -> Result:
    """MRR, ARR (twelve times MRR) and active accounts at every month's close.

    Returns
    -------
    Result keyed by ``metric, month`` with metrics ``mrr, arr, accounts``; ``n`` counts active accounts.
    """
    months = marts.table("calendar_months")
    closes = (
        months.group_by("month")
        .agg(mrr=months.closing_mrr.sum(), accounts=months.closing_active.sum())
        .order_by("month")
        .execute()
    )
    mrr, accounts = closes["mrr"].astype(float), closes["accounts"].astype(float)
    values = {"mrr": (mrr, "money"), "arr": (12 * mrr, "money"), "accounts": (accounts, "count")}
    table = pd.concat(
        [
            pd.DataFrame(
                {"metric": metric, "month": closes["month"], "estimate": value, "n": closes["accounts"], "unit": unit}
            )
            for metric, (value, unit) in values.items()
        ],
        ignore_index=True,
    )
    return Result(
        name="arr_trend",
        table=_money(table),
        keys=("metric", "month"),
        unit="by row",
        level=None,
        n_of="accounts",
        method="State at each month's close; ARR is twelve times MRR",
    )


def parts(marts: Marts, *, start: date, end: date) -> Result:
    """What expansions and contractions were made of: price, seats, plan and add-ons.

    Price times seats is split at the midpoint: a change of price is valued at the average of the seats before and
    after, and the other way round, so that no part is left over.

    Returns
    -------
    Result keyed by ``movement, part``, money, signed; the parts of a movement add up to it. A part may run against its
    movement. ``n`` counts the accounts in which the part is not zero; ``share`` is of the movement. Missing where the
    period is not whole calendar months.
    """
    period = Period(start, end)
    months = marts.table("calendar_months")
    rows = []
    known = _by_calendar_month(marts, period)
    for movement in ("expansion", "contraction"):
        if not known:
            rows += [(movement, part, None, 0) for part in PARTS]
            continue
        within = _in_period(months, period).filter(ibis._.movement == movement)
        sums = within.agg(
            **{part: within[f"{part}_part"].sum() for part in PARTS},
            **{f"{part}_n": within.customer_id.nunique(where=within[f"{part}_part"] != 0) for part in PARTS},
        ).execute()
        rows += [(movement, part, sums.at[0, part] or Decimal(0), int(sums.at[0, f"{part}_n"])) for part in PARTS]
    table = _money(pd.DataFrame(rows, columns=["movement", "part", "estimate", "n"]))
    table["share"] = table["estimate"] / table.groupby("movement")["estimate"].transform("sum").replace(0, np.nan)
    return Result(
        name="movement_parts",
        table=table,
        keys=("movement", "part"),
        unit="money",
        level=None,
        n_of="accounts",
        method="Sum of the monthly parts; price and seats split at the midpoint",
        notes=() if known else ("Parts are known by calendar month; choose month ends to see them.",),
    )


def top_movers(marts: Marts, *, start: date, end: date, top: int | None = None) -> Result:
    """The accounts behind every movement of the period, the largest first.

    Parameters
    ----------
    top : at most so many accounts a movement; None for all

    Returns
    -------
    Result keyed by ``movement, customer_id``, money, signed, with ``rank`` within the movement, ``name`` (untrusted
    text), and the account's MRR at the two closes as ``opening_mrr`` and ``closing_mrr``.
    """
    moved, opening, closing, notes = _moved(marts, Period(start, end))
    table = moved.groupby(["movement", "customer_id"], as_index=False)["change"].sum()
    accounts = marts.table("accounts").select("customer_id", "name").execute().set_index("customer_id")["name"]
    table["name"] = table["customer_id"].map(accounts)
    table["opening_mrr"] = table["customer_id"].map(opening).fillna(Decimal(0)).astype(float)
    table["closing_mrr"] = table["customer_id"].map(closing).fillna(Decimal(0)).astype(float)
    table["estimate"] = table["change"].astype(float)
    table["place"] = table["movement"].map(MOVEMENTS.index)
    table["size"] = table["estimate"].abs()
    table = table.sort_values(["place", "size", "customer_id"], ascending=[True, False, True], kind="stable")
    table["rank"] = table.groupby("movement").cumcount() + 1
    if top is not None:
        table = table[table["rank"] <= top]
    table = table.assign(low=np.nan, high=np.nan, n=1)
    columns = ["movement", "rank", "customer_id", "name", "estimate", "low", "high", "n", "opening_mrr", "closing_mrr"]
    return Result(
        name="top_movers",
        table=table[columns].reset_index(drop=True),
        keys=("movement", "customer_id"),
        unit="money",
        level=None,
        n_of="accounts",
        method=f"Sum of each account's movements from the close of {start} to the close of {end}",
        notes=notes,
    )


def quick_ratio(marts: Marts, *, start: date, end: date, confidence: float = 0.95) -> Result:
    """MRR gained (new, expansion, reactivation) for each unit lost (contraction, churn).

    Undefined, not infinite, where nothing was lost.

    Returns
    -------
    Result keyed by ``measure``: ``gains`` and ``losses`` (money, both positive) and ``quick_ratio``.
    """
    moved, _, _, notes = _moved(marts, Period(start, end))
    change = moved["change"].astype(float)
    gained = change.where(moved["movement"].isin(GAINS), 0.0).groupby(moved["customer_id"]).sum()
    lost = -change.where(~moved["movement"].isin(GAINS), 0.0).groupby(moved["customer_id"]).sum()
    rows = [
        {"measure": "gains", "estimate": gained.sum(), "n": int((gained > 0).sum()), "unit": "money"},
        {"measure": "losses", "estimate": lost.sum(), "n": int((lost > 0).sum()), "unit": "money"},
    ]
    ratio = {"measure": "quick_ratio", "estimate": np.nan, "n": len(gained), "unit": "ratio"}
    if lost.sum() > 0:
        found = intervals.ratio_jackknife(gained.to_numpy(), lost.to_numpy(), confidence=confidence)
        ratio |= {"estimate": found.estimate, "low": found.low, "high": found.high}
    else:
        notes = (*notes, "Nothing was lost in the period, so the quick ratio is undefined.")
    return Result(
        name="quick_ratio",
        table=_with_interval(pd.DataFrame([*rows, ratio])),
        keys=("measure",),
        unit="by row",
        level=confidence,
        n_of="accounts that moved",
        method="MRR gained over MRR lost; delete-one jackknife over accounts, t quantile",
        notes=notes,
    )


# -- what stays of a closed group ---------------------------------------------------------------------------------


def retention(marts: Marts, *, start: date, end: date, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Logo, gross and net revenue retention of the accounts active at the close of ``start``.

    Returns
    -------
    Result keyed by ``metric``, shares: ``logo, gross, net`` over all of them; ``logo_due, gross_due, net_due`` among
    those whose contract term came due in the period, who alone were free to leave (absent where the data state no
    terms); ``gross_movements`` from the period's movements, which counts every decrease even where it was later made
    good, and losses of accounts won since; ``returned``, the MRR of accounts that left and came back, over opening MRR
    (in none of the others).
    Columns besides the usual: ``events`` (accounts lost), ``effective_n``, ``largest_share``, ``few_accounts``,
    ``opening_mrr``.

    Raises
    ------
    SettingsError : no account was active at the close of ``start``
    """
    base = period_base(marts, start=start, end=end)
    everyone = _company(base, confidence=confidence)
    due = base[base["due"].astype(bool)]
    among_due = closed_cohort.estimates(
        due["start_mrr"], due["end_mrr"], due["lost"], confidence=confidence, min_group=min_group
    )
    rows = [everyone.loc[metric].to_dict() | {"metric": metric} for metric in ("logo", "gross", "net")]
    stated = bool(base["term"].notna().any())
    if stated:
        rows += [among_due.loc[metric].to_dict() | {"metric": f"{metric}_due"} for metric in ("logo", "gross", "net")]
    opening = base["start_mrr"].sum()
    rows.append(_gross_by_movements(marts, Period(start, end), confidence=confidence))
    came_back = base["returned_mrr"].astype(float) > 0
    rows.append(
        {
            "metric": "returned",
            "estimate": base["returned_mrr"].astype(float).sum() / _positive(opening),
            "n": len(base),
            "events": int(came_back.sum()),
        }
    )
    table = pd.DataFrame(rows)
    table["opening_mrr"] = [opening] * 3 + [due["start_mrr"].sum()] * 3 * stated + [opening] * 2
    return Result(
        name="retention",
        table=_columns(table, "metric", closed_cohort.COLUMNS, "opening_mrr"),
        keys=("metric",),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=_suppressed(table),
        method=closed_cohort.METHOD,
        notes=(*_due_note(base), *_provisional(marts, base, Period(start, end))),
    )


def monthly_trend(marts: Marts, *, months: int = 24, confidence: float = 0.95) -> Result:
    """Logo, gross and net revenue retention of each of the last calendar months.

    Single months, never overlapping twelve-month windows: neighbouring windows share eleven months, and look smooth
    because of it.

    Returns
    -------
    Result keyed by ``metric, month``, shares.
    """
    source = marts.table("calendar_months")
    opened = (
        source.select(
            "month",
            "customer_id",
            "opening_active",
            opening=source.opening_mrr.cast("float64"),
            closing=source.closing_mrr.cast("float64"),
            lost=source.movement == "churn",
        )
        .order_by("month", "customer_id")
        .execute()
    )
    rows = []
    for month in sorted(opened["month"].unique())[-months:]:
        accounts = opened[(opened["month"] == month) & opened["opening_active"]]
        found = closed_cohort.estimates(
            accounts["opening"], accounts["closing"], accounts["lost"], confidence=confidence, min_group=1
        )
        rows += [
            found.loc[metric].to_dict() | {"metric": metric, "month": month} for metric in ("net", "gross", "logo")
        ]
    table = pd.DataFrame(rows, columns=["metric", "month", *closed_cohort.COLUMNS])
    table["place"] = table["metric"].map(("net", "gross", "logo").index)
    table = table.sort_values(["place", "month"], kind="stable").reset_index(drop=True)
    return Result(
        name="monthly_retention",
        table=_columns(table, "metric", "month", closed_cohort.COLUMNS),
        keys=("metric", "month"),
        unit="share",
        level=confidence,
        n_of="accounts",
        method=f"Month end to month end. {closed_cohort.METHOD}",
    )


def decomposition(
    marts: Marts,
    *,
    start: date,
    end: date,
    high_gross: float = 0.90,
    strong_expansion: float = 0.10,
    confidence: float = 0.95,
) -> Result:
    """How net revenue retention arises: what is kept, and what the accounts that stay add.

    The same net figure can come from keeping nearly everything and growing a little, or from losing much and growing a
    lot; the second needs ever more expansion to stand still.

    Parameters
    ----------
    high_gross, strong_expansion : yearly cuts, scaled to the period's length: from here on gross retention is called
        high, and expansion strong

    Returns
    -------
    Result keyed by ``part``, shares of opening MRR: ``gross`` (kept), ``expansion`` (added), ``net`` (their sum);
    ``cut`` is the scaled cut and ``verdict`` is ``high``, ``low`` or ``unclear`` when the interval holds the cut.
    """
    base = period_base(marts, start=start, end=end)
    years = Period(start, end).months / 12
    cuts = {"gross": high_gross**years, "expansion": strong_expansion * years}
    found = _company(base, confidence=confidence)
    rows = [
        found.loc["gross"].to_dict() | {"part": "gross"},
        found.loc["expansion_mrr"].to_dict() | {"part": "expansion"},
        found.loc["net"].to_dict() | {"part": "net"},
    ]
    table = pd.DataFrame(rows)
    table["cut"] = table["part"].map(cuts).astype(float)
    table["verdict"] = [_against(row, row["cut"]) for _, row in table.iterrows()]
    return Result(
        name="net_retention_decomposition",
        table=_columns(table, "part", closed_cohort.COLUMNS, "cut", "verdict"),
        keys=("part",),
        unit="share",
        level=confidence,
        n_of="accounts",
        method=closed_cohort.METHOD,
    )


def headwind_tailwind(
    marts: Marts,
    *,
    start: date,
    end: date,
    by: str | None = None,
    headwind_cut: float | None = None,
    tailwind_cut: float | None = None,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """MRR lost (churn and every decrease) and added (every increase) by the opening accounts, over opening MRR.

    Parameters
    ----------
    by : attribute to group by, known when the period began; None for the whole company only
    money_name : how an amount is written in the names of MRR bands; plain digits when None
    headwind_cut, tailwind_cut : from here on a headwind or tailwind is called high; None takes the whole company's

    Returns
    -------
    Result keyed by ``attribute, level, measure`` with measures ``headwind`` and ``tailwind``; the first rows, level
    ``all``, are the whole company. ``cut`` and ``verdict`` (``high``, ``low`` or ``unclear`` when the interval holds
    the cut) place a level on the diagnosis grid; the whole company has neither when it is the cut itself. Levels of
    fewer than ``min_group`` accounts are pooled.

    Raises
    ------
    SettingsError : the attribute is unknown, or known only as of now
    """
    base = period_base(marts, start=start, end=end)
    groups = [("all", "all", base)]
    if by is not None:
        (attribute,) = attributes(marts.meta, names=[by])
        if attribute.known_at == "current":
            raise SettingsError(
                "Revenue lost and added can be grouped only by what was known when the period began.\n"
                f"  got:      {by!r}, known only as of now\n"
                "  why:      what stands in such a field today may be there because the account stayed\n"
                "  remedy:   choose another attribute, or declare `known_at: signup` if it is never changed afterwards"
            )
        values = base[attribute.column]
        named = pooled(Levels.of(values, kind=attribute.kind, money_name=money_name).name(values), fewest=min_group)
        groups += [(by, level, base[named == level]) for level in named.cat.categories]
    rows = []
    for attribute_name, level, group in groups:
        fewest = 1 if attribute_name == "all" else min_group
        found = closed_cohort.estimates(
            group["start_mrr"], group["end_mrr"], group["lost"], confidence=confidence, min_group=fewest
        )
        for measure, metric in (("headwind", "loss_mrr"), ("tailwind", "expansion_mrr")):
            rows.append({"attribute": attribute_name, "level": level, "measure": measure} | found.loc[metric].to_dict())
    table = pd.DataFrame(rows)
    company = table[table["attribute"] == "all"].set_index("measure")["estimate"]
    given = {"headwind": headwind_cut, "tailwind": tailwind_cut}
    table["cut"] = [
        given[row["measure"]]
        if given[row["measure"]] is not None
        else (np.nan if row["attribute"] == "all" else company[row["measure"]])
        for _, row in table.iterrows()
    ]
    table["cut"] = table["cut"].astype(float)
    table["verdict"] = [_against(row, row["cut"]) for _, row in table.iterrows()]
    return Result(
        name="headwind_tailwind",
        table=_columns(table, "attribute", "level", "measure", closed_cohort.COLUMNS, "cut", "verdict"),
        keys=("attribute", "level", "measure"),
        unit="share",
        level=confidence,
        n_of="accounts",
        reference="all",
        suppressed=_suppressed(table),
        method=closed_cohort.METHOD,
    )


# -- who leaves ---------------------------------------------------------------------------------------------------


def churn_side_by_side(marts: Marts, *, start: date, end: date, confidence: float = 0.95) -> Result:
    """Accounts lost and revenue lost, of the same closed group, with and without downgrades, by kind of end.

    Returns
    -------
    Result keyed by ``measure, end_kind``, shares. Measures ``logo_churn`` (accounts that left), ``revenue_churn``
    (their opening MRR), and with downgrades ``logo_churn_or_downgrade`` (accounts that left or pay less) and
    ``revenue_churn_and_downgrade`` (all MRR lost). ``end_kind`` is ``all``, ``voluntary``, ``involuntary`` or
    ``not stated``; the last three add up to ``all`` for the first two measures, and are absent where the data never say
    why an account left.
    """
    base = period_base(marts, start=start, end=end)
    lost = base["lost"].to_numpy(bool)
    before, after = base["start_mrr"].to_numpy(float), base["end_mrr"].to_numpy(float)
    kind = base["end_kind"].where(base["end_kind"].notna(), "not stated").to_numpy()
    groups = {"all": lost}
    stated = bool((kind[lost] != "not stated").any())
    if stated:
        groups |= {name: lost & (kind == name) for name in ("voluntary", "involuntary", "not stated")}
    options = {"confidence": confidence, "min_group": 1}
    rows = []
    for end_kind, gone in groups.items():
        rows.append(closed_cohort.share(gone, **options) | {"measure": "logo_churn", "end_kind": end_kind})
        rows.append(
            closed_cohort.weighted(np.where(gone, before, 0.0), before, events=int(gone.sum()), **options)
            | {"measure": "revenue_churn", "end_kind": end_kind}
        )
    less = lost | (after < before)
    rows.append(closed_cohort.share(less, **options) | {"measure": "logo_churn_or_downgrade", "end_kind": "all"})
    rows.append(
        closed_cohort.weighted(before - np.minimum(before, after), before, events=int(less.sum()), **options)
        | {"measure": "revenue_churn_and_downgrade", "end_kind": "all"}
    )
    table = pd.DataFrame(rows)
    return Result(
        name="churn_side_by_side",
        table=_columns(table, "measure", "end_kind", closed_cohort.COLUMNS),
        keys=("measure", "end_kind"),
        unit="share",
        level=confidence,
        n_of="accounts",
        method="Accounts: Wilson. Revenue: Wilson on the effective number of accounts",
        notes=(
            *(() if stated else ("The data do not say whether accounts left or were lost to failed payments.",)),
            *_provisional(marts, base, Period(start, end)),
        ),
    )


def leaver_size(marts: Marts, *, start: date, end: date, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Whether the accounts that left paid more or less than the rest of the group: computed, never assumed.

    Revenue churn exceeds logo churn exactly when leavers pay more than the average account.

    Returns
    -------
    Result keyed by ``measure``: ``revenue_minus_logo`` (revenue churn less logo churn, points), ``size_ratio`` (average
    MRR of leavers over that of all opening accounts) and the two averages ``leavers_mrr`` and ``base_mrr`` (money).
    ``n`` is the number of leavers for the measures that divide by it, else of opening accounts.
    """
    base = period_base(marts, start=start, end=end)
    size, lost = base["start_mrr"].to_numpy(float), base["lost"].to_numpy(float)
    n, leavers = len(base), int(lost.sum())
    sums = np.column_stack([np.ones(n), size, lost, size * lost])

    def measured(totals: np.ndarray) -> dict[str, np.ndarray]:
        accounts, mrr, gone, gone_mrr = totals.T
        # No leaver, or no revenue, leaves these without meaning rather than wrong.
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                "revenue_minus_logo": gone_mrr / mrr - gone / accounts,
                "size_ratio": (gone_mrr / gone) / (mrr / accounts),
                "leavers_mrr": gone_mrr / gone,
                "base_mrr": mrr / accounts,
            }

    units = {"revenue_minus_logo": "points", "size_ratio": "ratio", "leavers_mrr": "money", "base_mrr": "money"}
    rows = []
    for measure, unit in units.items():
        by_leavers = measure in ("size_ratio", "leavers_mrr")
        row = {"measure": measure, "n": leavers if by_leavers else n, "events": leavers, "unit": unit}
        if not by_leavers or shown(leavers, min_group):
            found = jackknife_of_sums(sums, lambda totals, m=measure: measured(totals)[m], confidence=confidence)
            row |= {"estimate": found.estimate, "low": found.low, "high": found.high}
        rows.append(row)
    table = pd.DataFrame(rows)
    return Result(
        name="leaver_size",
        table=_with_interval(table),
        keys=("measure",),
        unit="by row",
        level=confidence,
        n_of="accounts",
        suppressed=_suppressed(table),
        method="Delete-one jackknife over accounts, t quantile",
    )


def churn_reasons(marts: Marts, *, start: date, end: date) -> Result:
    """MRR and accounts lost in the period by kind of end and stated reason, the largest first.

    Returns
    -------
    Result keyed by ``end_kind, reason``, money lost (positive); ``share`` is of all MRR lost to churn.
    """
    moved, _, _, notes = _moved(marts, Period(start, end))
    gone = moved[moved["movement"] == "churn"]
    gone = gone.assign(
        end_kind=gone["end_kind"].where(gone["end_kind"].notna(), "not stated"),
        reason=gone["end_reason"].where(gone["end_reason"].notna(), "not stated"),
    )
    table = gone.groupby(["end_kind", "reason"], as_index=False).agg(
        estimate=("change", _total), n=("customer_id", "nunique")
    )
    table["estimate"] = -table["estimate"].astype(float)
    table = table.sort_values(["estimate", "end_kind", "reason"], ascending=[False, True, True], kind="stable")
    table["share"] = table["estimate"] / _positive(table["estimate"].sum())
    return Result(
        name="churn_reasons",
        table=_money(table),
        keys=("end_kind", "reason"),
        unit="money",
        level=None,
        n_of="accounts",
        method="MRR at the last month end before the account left",
        notes=notes,
    )


def influence(marts: Marts, *, start: date, end: date, confidence: float = 0.95) -> Result:
    """How far a few large accounts decide the revenue figures.

    Returns
    -------
    Result keyed by ``measure``: ``effective_n`` (how many equal accounts would carry as much information),
    ``largest_share`` and ``top_ten_share`` of opening MRR, ``gini``, ``net``, and ``net_without_largest``. The column
    ``few_accounts`` says whether a few accounts decide the revenue figures.
    """
    base = period_base(marts, start=start, end=end).sort_values(
        ["start_mrr", "customer_id"], ascending=[False, True], kind="stable"
    )
    size = base["start_mrr"].to_numpy(float)
    total = _positive(size.sum())
    everyone = _company(base, confidence=confidence)
    without = _company(base.iloc[1:], confidence=confidence)
    few = bool(intervals.few_decide(size))
    n = len(base)
    rows = [
        {"measure": "effective_n", "estimate": intervals.effective_n(size), "n": n, "unit": "count"},
        {"measure": "largest_share", "estimate": size[0] / total, "n": n, "unit": "share"},
        {"measure": "top_ten_share", "estimate": size[:10].sum() / total, "n": n, "unit": "share"},
        {"measure": "gini", "estimate": _gini(size), "n": n, "unit": "ratio"},
        everyone.loc["net"].to_dict() | {"measure": "net", "unit": "share"},
        without.loc["net"].to_dict() | {"measure": "net_without_largest", "unit": "share"},
    ]
    table = _with_interval(pd.DataFrame(rows))[["measure", "estimate", "low", "high", "n", "unit"]]
    return Result(
        name="influence",
        table=table.assign(few_accounts=few),
        keys=("measure",),
        unit="by row",
        level=confidence,
        n_of="accounts",
        method="Kish's effective number of accounts, Gini coefficient, net retention without the largest account",
    )


# -- shared by the questions above --------------------------------------------------------------------------------


def _company(base: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Estimates of all opening accounts; the whole company shows however small it is."""
    return closed_cohort.estimates(base["start_mrr"], base["end_mrr"], base["lost"], confidence=confidence, min_group=1)


def _due_note(base: pd.DataFrame) -> tuple[str, ...]:
    if base["term"].isna().all():
        return ("The data state no contract terms, so nothing can be said of accounts that came due.",)
    return () if base["due"].any() else ("No contract term came due in the period.",)


def _provisional(marts: Marts, base: pd.DataFrame, period: Period) -> tuple[str, ...]:
    """How many of the accounts lost could still turn out to have paused."""
    spells = marts.table("spells")
    recent = spells.filter(
        spells.provisional,
        spells.start_date <= ibis.literal(period.start),
        spells.end_date > ibis.literal(period.start),
        spells.end_date <= ibis.literal(period.end),
    )
    recent = recent.select("customer_id").execute()
    count = int(base.loc[base["lost"], "customer_id"].isin(set(recent["customer_id"])).sum())
    if not count:
        return ()
    return (
        f"{count:,} of the {int(base['lost'].sum()):,} accounts lost ended so lately that a return within "
        f"{marts.meta.grace_days} days would make it a pause: these losses are provisional.",
    )


def _by_calendar_month(marts: Marts, period: Period) -> bool:
    """Whether the period is whole months that the marts know the movements of."""
    return (
        period.whole_months
        and marts.meta.first_month <= period.first_month
        and period.last_month <= marts.meta.last_month
    )


def _in_period(months: ibis.Table, period: Period) -> ibis.Table:
    return months.filter(months.month >= period.first_month, months.month <= period.last_month)


def _moved(marts: Marts, period: Period) -> tuple[pd.DataFrame, pd.Series, pd.Series, tuple[str, ...]]:
    """What moved in the period, and MRR by account at its two closes.

    Returns
    -------
    Rows of ``customer_id, movement, end_kind, end_reason, change`` (Decimal, signed), opening and closing MRR (Decimal,
    indexed by account, active accounts only), and notes.
    """
    return marts.once(("moved", period), lambda: _reckoned_moves(marts, period))


def _reckoned_moves(marts: Marts, period: Period) -> tuple[pd.DataFrame, pd.Series, pd.Series, tuple[str, ...]]:
    opening, closing = _state(marts, period.start), _state(marts, period.end)
    if _by_calendar_month(marts, period):
        within = _in_period(marts.table("calendar_months"), period)
        keys = ["customer_id", "movement", "end_kind", "end_reason"]
        moved = within.filter(within.movement.isin(MOVEMENTS))
        moved = moved.group_by(keys).agg(change=moved.change.sum()).order_by(keys).execute()
        return moved, opening, closing, ()
    base = period_base(marts, start=period.start, end=period.end).set_index("customer_id")
    signed_up = marts.table("accounts").select("customer_id", "first_start").execute()
    first_start = pd.to_datetime(signed_up.set_index("customer_id")["first_start"])
    rows = []
    for customer_id in sorted(set(opening.index) | set(closing.index) | set(base.index)):
        before, after = opening.get(customer_id, Decimal(0)), closing.get(customer_id, Decimal(0))
        if customer_id not in base.index:
            known = first_start[customer_id] <= pd.Timestamp(period.start)
            rows.append((customer_id, "reactivation" if known else "new", None, None, after))
        elif base.at[customer_id, "lost"]:
            ended = base.loc[customer_id]
            rows.append((customer_id, "churn", ended["end_kind"], ended["end_reason"], -before))
            if after:
                rows.append((customer_id, "reactivation", None, None, after))
        elif after != before:
            rows.append((customer_id, "expansion" if after > before else "contraction", None, None, after - before))
    moved = pd.DataFrame(rows, columns=["customer_id", "movement", "end_kind", "end_reason", "change"])
    return moved, opening, closing, (_MONTH_END_NOTE,)


def _state(marts: Marts, day: date) -> pd.Series:
    """MRR by account at the close of ``day``, active accounts only."""
    state = states(holdings(at_day(marts.table("lines"), day)))
    state = state.select("customer_id", "mrr").order_by("customer_id").execute()
    return state.set_index("customer_id")["mrr"]


def _gross_by_movements(marts: Marts, period: Period, *, confidence: float) -> dict[str, object]:
    """Gross retention as movements give it: one less every decrease of the period over opening MRR."""
    moved, opening, _, _ = _moved(marts, period)
    losses = moved[moved["movement"].isin(["contraction", "churn"])].groupby("customer_id")["change"].sum()
    accounts = sorted(set(opening.index) | set(losses.index))
    lost = -losses.reindex(accounts).fillna(Decimal(0)).astype(float).to_numpy()
    before = opening.reindex(accounts).fillna(Decimal(0)).astype(float).to_numpy()
    row = {
        "metric": "gross_movements",
        "n": len(opening),
        "events": int((lost > 0).sum()),
        "effective_n": intervals.effective_n(before),
        "largest_share": intervals.largest_share(before),
        "few_accounts": intervals.few_decide(before),
    }
    found = intervals.ratio_jackknife(before - lost, before, confidence=confidence)
    return row | {"estimate": found.estimate, "low": found.low, "high": found.high}


def _against(row: pd.Series, cut: float) -> str | None:
    """Whether an estimate's interval lies above or below a cut."""
    if pd.isna(cut) or pd.isna(row["low"]) or pd.isna(row["high"]):
        return None
    if row["low"] >= cut:
        return "high"
    return "low" if row["high"] < cut else "unclear"


def _gini(size: np.ndarray) -> float:
    """Gini coefficient: 0 when all accounts pay the same, near 1 when one pays everything."""
    ordered = np.sort(size)
    n = len(ordered)
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * _positive(ordered.sum())) - (n + 1) / n)


def _total(amounts: pd.Series) -> Decimal:
    """Exact sum of decimals."""
    return sum(amounts, Decimal(0))


def _positive(amount: float) -> float:
    """The amount as a denominator: missing when it is zero."""
    return amount if amount > 0 else np.nan


def _money(table: pd.DataFrame) -> pd.DataFrame:
    """Amounts as floats, with the columns of an interval that accounting facts do not have."""
    table = table.assign(estimate=table["estimate"].astype(float))
    return _with_interval(table).reset_index(drop=True)


def _with_interval(table: pd.DataFrame) -> pd.DataFrame:
    """The columns low and high, placed behind the estimate; missing where not given."""
    table = table.assign(**{name: np.nan for name in ("estimate", "low", "high") if name not in table})
    others = [column for column in table if column not in ("low", "high")]
    at = others.index("estimate") + 1
    return table[[*others[:at], "low", "high", *others[at:]]]


def _columns(table: pd.DataFrame, *names: str | tuple[str, ...]) -> pd.DataFrame:
    flat = [name for item in names for name in ((item,) if isinstance(item, str) else item)]
    return table.reindex(columns=flat)


def _suppressed(table: pd.DataFrame) -> int:
    """Rows that were too small for an estimate."""
    return int(table["estimate"].isna().sum())
