"""Marts: what the contract's tables say about accounts, reduced once for all studies.

Written as Ibis expressions; DuckDB runs them. No statistics here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from customer_value.errors import DataError
from customer_value.marts import costs, ladder, months, progress, risk_months, satisfaction, spells, store, usage
from customer_value.marts.accounts import accounts, check_names
from customer_value.marts.dates import first_of_month, last_whole_month, next_month
from customer_value.marts.parts import shows_discounts
from customer_value.marts.store import Marts, Meta

__all__ = ["Marts", "Meta", "build"]


def build(tables: str | Path, out: str | Path, *, grace_days: int) -> Marts:
    """Turn the contract's tables into marts.

    Parameters
    ----------
    tables : folder that `customer_value.intake.load` wrote
    out : folder for the marts, made if missing; an earlier build in it is replaced
    grace_days : the longest gap, in days, that is a pause; a longer one is churn and return

    Returns
    -------
    The marts, opened.

    Raises
    ------
    DataError : nobody ever paid, or an attribute bears a name that means something else here
    """
    tables, out = Path(tables), Path(out)
    declared: dict[str, Any] = json.loads((tables / "intake.json").read_text(encoding="utf-8"))
    check_names(declared["attributes"])
    out.mkdir(parents=True, exist_ok=True)
    store.clear(out)
    connection = ibis.duckdb.connect()
    try:
        press = _Press(connection, tables, out)
        meta = _flat(press, declared, grace_days) if declared["shape"] == "flat" else _all(press, declared, grace_days)
    finally:
        connection.disconnect()
    store.write(out, meta)
    return Marts.open(out)


class _Press:
    """Reads contract tables and writes marts, all on one connection: tables of two never join."""

    def __init__(self, connection: Backend, tables: Path, out: Path) -> None:
        self.connection, self.tables, self.out = connection, tables, out
        self.rows: dict[str, int] = {}

    def read(self, name: str) -> ir.Table:
        return self.connection.read_parquet(self.tables / f"{name}.parquet", table_name=f"given_{name}")

    def keep(self, name: str, table: ir.Table) -> ir.Table:
        """Compute once what several marts need."""
        return self.connection.create_table(f"kept_{name}", table, temp=True)

    def write(self, name: str, table: ir.Table, *, order: tuple[str, ...]) -> ir.Table:
        """Write a mart in a full order, so that its bytes depend on nothing else; read it back."""
        file = self.out / f"{name}.parquet"
        rest = [column for column in table.columns if column not in order]
        self.connection.to_parquet(table.order_by(*order, *rest), file)
        written = self.connection.read_parquet(file, table_name=name)
        self.rows[name] = int(written.count().execute())
        return written


def _all(press: _Press, declared: Mapping[str, Any], grace_days: int) -> Meta:
    as_of = date.fromisoformat(declared["as_of"])
    observed_from = None if declared["observed_from"] is None else date.fromisoformat(declared["observed_from"])
    subscriptions = press.read("subscriptions")
    customers = press.read("customers") if "customers" in declared["tables"] else None
    stretched = press.keep("stretches", spells.stretches(subscriptions, grace_days=grace_days))
    lines = press.write(
        "lines",
        spells.lines(subscriptions, stretched, grace_days=grace_days),
        order=("customer_id", "start_date", "kind", "product"),
    )
    first_starts = stretched.filter(stretched.stretch == 1).select("customer_id", first_start="start_date")
    if first_starts.count().execute() == 0:
        raise DataError(
            "At least one account must pay something",
            table="subscriptions",
            column="mrr",
            remedy="map the price of the subscriptions: mrr, or amount and billing_months",
        )
    stock = spells.opening_stock(first_starts, shape=declared["shape"], observed_from=observed_from)
    signups = None
    if customers is not None and "signup_date" in customers.columns:
        signups = customers.select("customer_id", "signup_date")
    origin = press.keep(
        "origins",
        spells.origins(first_starts, signups, stock=stock),
    )
    spelled = press.write(
        "spells",
        spells.spells(stretched, lines, origin, as_of=as_of, grace_days=grace_days),
        order=("customer_id", "spell"),
    )
    known = press.write(
        "accounts",
        accounts(
            lines,
            spelled,
            origin,
            customers,
            as_of=as_of,
            stock_until=stock.until,
            attributes=declared["attributes"],
        ),
        order=("customer_id",),
    )
    first_month = next_month(stock.until) if stock.until is not None else first_of_month(stock.data_from)
    last_month = last_whole_month(as_of)
    days = months.closes(first_month, last_month)
    held = press.keep("holdings", months.holdings(months.at_days(lines, months.days_table({"day": days}))))
    by_month = press.write(
        "calendar_months",
        months.calendar_months(held, spelled, known, days=days, discounts=shows_discounts(lines)),
        order=("month", "customer_id"),
    )
    at_risk = risk_months.risk_months(by_month, spelled, known)
    press.write("risk_months", at_risk, order=("customer_id", "month"))
    anniversaries = press.keep("anniversaries", months.anniversaries(known, as_of=as_of))
    press.write("age_months", months.age_months(lines, spelled, known, anniversaries), order=("customer_id", "age"))
    if "plans" in declared["tables"]:
        press.write("plans", press.read("plans"), order=("plan",))
    if "targets" in declared["tables"]:
        press.write("targets", press.read("targets"), order=("month", "metric"))
    press.write(
        "plan_stays", ladder.stays(lines, spelled, known, as_of=as_of), order=("customer_id", "start_date", "plan")
    )
    _progress(press, declared, spelled, known, until=as_of)
    said = _satisfaction(press, declared, lines, spelled, known, as_of)
    _contracts(press, declared)
    said += _spent(press, declared, customers, known)
    recorded = _use(press, declared, spelled, data_from=stock.data_from, last_month=last_month)
    counted = origin.aggregate(
        stock=origin.opening_stock.sum(),
        unknown=origin.origin_date.isnull().sum(),
        late=(origin.entry_month > 0).sum().fill_null(0),
        contradicted=(origin.signup_date > origin.first_start).sum().fill_null(0),
        never_paid=subscriptions.anti_join(first_starts, "customer_id").customer_id.nunique().as_scalar(),
    )
    counts = _Counts(**counted.to_pyarrow().to_pylist()[0])
    return _meta(
        declared,
        press,
        grace_days,
        as_of=as_of,
        last_month=last_month,
        first_month=first_month,
        observed_from=observed_from,
        stock=stock,
        counts=counts,
        recorded=recorded,
        further=said,
    )


def _use(
    press: _Press, declared: Mapping[str, Any], spelled: ir.Table, *, data_from: date, last_month: date
) -> usage.Recorded:
    """Write the marts of use, as far as there is any; returns what is known about it."""
    given = {name: press.read(name) for name in usage.TABLES if name in declared["tables"]}
    if not given or last_month < first_of_month(data_from):
        return usage.Recorded()
    found = usage.use(given, spelled, data_from=data_from, last_month=last_month, keep=press.keep)
    if found.usage_months is not None:
        press.write("usage_months", found.usage_months, order=("customer_id", "month"))
    if found.feature_months is not None:
        # By feature first, because that is how they are read.
        used = press.write("feature_months", found.feature_months, order=("feature", "customer_id", "month"))
        press.write("adoption", usage.adoption(used), order=("feature", "customer_id"))
    return found.recorded


def _progress(press: _Press, declared: Mapping[str, Any], spelled: ir.Table, known: ir.Table, *, until: date) -> None:
    """Write the marts of milestones, goals and days of use, as far as there are any."""
    if "milestones" in declared["tables"]:
        reached = progress.milestones(press.read("milestones"), known)
        press.write("milestones", reached, order=("milestone", "customer_id"))
    if "success_plans" in declared["tables"]:
        agreed = progress.goals(press.read("success_plans"), known)
        press.write("goals", agreed, order=("customer_id", "target_date", "goal"))
    if "usage_events" in declared["tables"]:
        used = progress.days_of_use(press.read("usage_events"), spelled, until=until)
        press.write("use_days", used, order=("customer_id", "day"))


def _satisfaction(
    press: _Press, declared: Mapping[str, Any], lines: ir.Table, spelled: ir.Table, known: ir.Table, as_of: date
) -> tuple[str, ...]:
    """Write the marts of answers and invitations, as far as there are any; returns what to know of them."""
    given = press.read("nps_responses") if "nps_responses" in declared["tables"] else None
    said: tuple[str, ...] = ()
    if given is not None:
        answered = press.write(
            "nps_answers",
            satisfaction.answers(given, lines, spelled, known, as_of=as_of),
            order=("responded_at", "customer_id", "respondent_id", "survey", "score"),
        )
        said = satisfaction.warnings(answered)
    if "surveys_sent" in declared["tables"]:
        press.write(
            "invitations",
            satisfaction.invitations(press.read("surveys_sent"), given, lines, known, as_of=as_of),
            order=("sent_at", "customer_id", "survey", "respondent_id"),
        )
    return said


def _contracts(press: _Press, declared: Mapping[str, Any]) -> None:
    """Write the company's own lists of renewals and of bills, where it brings them, in a full order."""
    for name, order in (("renewals", ("due_date", "customer_id")), ("invoices", ("issued_on", "customer_id"))):
        if name in declared["tables"]:
            press.write(name, press.read(name), order=order)


def _spent(press: _Press, declared: Mapping[str, Any], customers: ir.Table | None, known: ir.Table) -> tuple[str, ...]:
    """Write the marts of costs, as far as there are any; returns what to know of them."""
    recorded = None if customers is None else costs.acquisition_costs(customers, known)
    if recorded is not None:
        press.write("acquisition_costs", recorded, order=("customer_id",))
    if "costs" not in declared["tables"]:
        return ()
    rates = press.read("exchange_rates") if "exchange_rates" in declared["tables"] else None
    spent, left_out = costs.cost_months(press.read("costs"), rates, currency=declared["currency"])
    press.write("cost_months", spent, order=("month", "category", "attribute"))
    if not left_out:
        return ()
    return (f"Costs in a currency without an exchange rate: {left_out:,} rows. They are left out.",)


@dataclass(frozen=True)
class _Counts:
    """Accounts, by what is particular about them."""

    stock: int = 0
    unknown: int = 0
    late: int = 0
    contradicted: int = 0
    never_paid: int = 0


def _warnings(stock: spells.Stock, counts: _Counts) -> tuple[str, ...]:
    said = []
    declare = (
        "To settle this, declare observed_from in the mapping: the last day of that month if they were customers "
        "before, a day before that month if they were new."
    )
    if stock.reason == "snapshot":
        said.append(
            f"Monthly snapshots do not show when the {counts.stock:,} accounts of the first month became customers. "
            f"They are treated as an opening stock and kept out of cohort comparisons. {declare}"
        )
    elif stock.reason:
        said.append(
            f"The data seem to begin with accounts that were customers already: {stock.reason}. They are treated as an "
            f"opening stock and kept out of cohort comparisons. {declare}"
        )
    if counts.unknown:
        said.append(
            f"Accounts of the opening stock whose start is not known: {counts.unknown:,}. They count in revenue and in "
            "calendar months, but not in results by age; their sign-up dates would bring them in."
        )
    if counts.late:
        said.append(
            f"Accounts older than what the data show of them: {counts.late:,}. They enter results by age at the age at "
            "which they come into view, and belong to no cohort."
        )
    if counts.contradicted:
        said.append(
            f"Accounts with a sign-up date after their first paid day: {counts.contradicted:,}. That date is not used."
        )
    if counts.never_paid:
        said.append(f"Accounts that never pay anything: {counts.never_paid:,}. They are not counted as customers.")
    return tuple(said)


def _converted(declared: Mapping[str, Any]) -> tuple[str, ...]:
    """Which prices were converted, at which rate, and of how many accounts the currency changed."""
    own = declared["currency"]
    said = [
        f"Prices in {code} of {about['accounts']:,} account{'s' * (about['accounts'] != 1)} are converted at "
        f"{about['rate']:g} {own} for one {code}, throughout: a rate that moved would move retention."
        for code, about in sorted(declared.get("conversions", {}).items())
    ]
    if changed := declared.get("changed_currency", 0):
        said.append(
            f"Accounts with prices in more than one currency: {changed:,}. What a change of currency did to their "
            "revenue is reckoned at these rates."
        )
    return tuple(said)


def _flat(press: _Press, declared: Mapping[str, Any], grace_days: int) -> Meta:
    given = press.read("flat")
    mrr = given.mrr.cast(spells.MONEY) if "mrr" in given.columns else ibis.null(spells.MONEY)
    extra = dict.fromkeys([*sorted(declared["attributes"]), *declared["features"]])
    flat = given.select("customer_id", given.tenure.cast("int64").name("tenure"), "churned", mrr.name("mrr"), *extra)
    press.write("flat", flat, order=("customer_id",))
    return _meta(declared, press, grace_days)


def _meta(
    declared: Mapping[str, Any],
    press: _Press,
    grace_days: int,
    *,
    as_of: date | None = None,
    last_month: date | None = None,
    first_month: date | None = None,
    observed_from: date | None = None,
    stock: spells.Stock | None = None,
    counts: _Counts | None = None,
    recorded: usage.Recorded | None = None,
    further: tuple[str, ...] = (),
) -> Meta:
    counts, recorded = counts or _Counts(), recorded or usage.Recorded()
    return Meta(
        shape=declared["shape"],
        as_of=as_of,
        last_month=last_month,
        first_month=first_month,
        observed_from=observed_from,
        data_from=stock.data_from if stock else None,
        complete_from=(stock.until or stock.data_from) if stock else None,
        opening_stock=counts.stock,
        opening_stock_declared=stock is not None and stock.declared,
        unknown_start=counts.unknown,
        late_entry=counts.late,
        never_paid=counts.never_paid,
        grace_days=grace_days,
        currency=declared["currency"],
        conversions=declared.get("conversions", {}),
        changed_currency=declared.get("changed_currency", 0),
        observation=declared["observation"],
        snapshot_window=declared["snapshot_window"],
        attributes=declared["attributes"],
        features=tuple(declared["features"]),
        tables=tuple(sorted(declared["tables"])),
        rows=press.rows,
        fingerprint=hashlib.sha256(f"{declared['fingerprint']} {grace_days}".encode()).hexdigest(),
        warnings=(*_warnings(stock, counts), *_converted(declared), *recorded.warnings, *further) if stock else (),
        usage_from=recorded.usage_from,
        usage_until=recorded.usage_until,
        features_from=recorded.features_from,
        features_until=recorded.features_until,
        usage_source=recorded.source,
    )
