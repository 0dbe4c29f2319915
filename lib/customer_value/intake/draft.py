"""A draft mapping, written from headers and a look at the values.

A draft is a start, not an answer: what was recognised is filled in, what was not is listed, and everything that needs a
decision carries a TODO. Nothing is read from it until a person has saved it as a mapping.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from customer_value.intake.casting import DECIMAL_COMMA, FALSE, TRUE, formats_fitting
from customer_value.intake.contract import BY_NAME, KEY_TABLES, RESERVED, Column, Table
from customer_value.intake.sources import Relation, Sources, quote

_LOOK = 2000

_SYNONYMS: dict[str, tuple[str, ...]] = {
    "customer_id": ("account_id", "customer", "account", "client_id", "company_id", "org_id", "organization_id",
                    "tenant_id", "workspace_id", "cust_id", "user_id", "customerid", "accountid", "client",
                    "user", "account_no", "customer_no", "account_number", "customer_number"),
    "start_date": ("start", "started_at", "begin_date", "valid_from", "from_date", "created", "period_start",
                   "start_at", "subscription_start", "contract_start", "start_date_utc", "begin", "begins",
                   "starts", "started"),
    "end_date": ("end", "ended_at", "valid_to", "to_date", "cancelled_at", "canceled_at", "period_end", "churned_at",
                 "expires_at", "subscription_end", "contract_end", "ended_at_utc", "finish", "finished", "ends",
                 "ended"),
    "mrr": ("monthly_recurring_revenue", "monthly_charges", "monthlycharges", "monthly_revenue", "monthly_price",
            "monthly_fee", "mrr_usd", "mrr_eur", "recurring_revenue", "net_mrr", "total_mrr", "fee_per_month",
            "price_per_month", "monthly"),
    "amount": ("price", "total", "bill_amount", "unit_amount", "charge", "amount_due", "fee"),
    "product": ("plan", "plan_name", "product_name", "sku", "package", "tier", "subscription_type"),
    "plan": ("plan_name", "product", "tier"),
    "quantity": ("seats", "licenses", "licences", "users", "units", "qty", "seat_count"),
    "seats": ("quantity", "licenses", "licences", "users"),
    "unit": ("units", "unit_name"),
    "billing_months": ("bill_period_months", "billing_period", "term_months", "interval_months", "billing_cycle",
                       "term"),
    "currency": ("currency_code", "ccy"),
    "end_reason": ("cancellation_reason", "churn_reason", "cancel_reason", "reason"),
    "signup_date": ("signed_up", "signup", "created_at", "created", "created_on", "registered_at", "customer_since"),
    "name": ("customer_name", "account_name", "company", "company_name"),
    "owner": ("account_manager", "csm", "account_owner", "success_manager"),
    "month": ("date", "period", "snapshot_month", "snapshot_date", "as_of_month"),
    "tenure": ("tenure_months", "months", "age_months", "months_active", "months_with_us", "months_as_customer"),
    "churned": ("churn", "is_churned", "left", "exited", "attrition", "cancelled", "canceled"),
    "feature": ("event_type_name", "event", "event_name", "event_type", "feature_name", "action"),
    "event_time": ("timestamp", "occurred_at", "time", "event_at", "ts"),
    "events": ("n_events", "event_count", "count", "uses"),
    "active_days": ("n_days", "days_active", "days"),
    "users": ("n_users", "active_users", "user_count"),
    "score": ("nps", "nps_score", "rating", "csat"),
    "responded_at": ("response_date", "answered_at", "date", "created_at", "submitted_at"),
    "comment": ("feedback", "verbatim", "text"),
    "opened_at": ("created_at", "opened", "created"),
    "closed_at": ("solved_at", "resolved_at", "closed"),
    "severity": ("priority",),
    "issued_on": ("date", "date_utc", "invoice_date", "issued_at", "created_at"),
    "due_on": ("due_date", "due_date_utc"),
    "paid_on": ("paid_at", "paid_at_utc", "payment_date"),
}  # fmt: skip

_EXACT = (
    "account_no",
    "customer_no",
    "account_number",
    "customer_number",
    "monthly",
    "term",
    "user",
    "client",
    "ends",
    "ended",
    "begin",
    "finish",
    "starts",
    "started",
)
"""Synonyms too short to be recognised in words that merely resemble them, such as Month."""

_TABLE_NAMES: dict[str, tuple[str, ...]] = {
    "customers": ("account", "accounts", "customer", "clients", "companies"),
    "subscriptions": ("subscription", "contracts", "contract", "subs"),
    "mrr_snapshots": ("mrr", "mrr_by_month", "snapshots", "monthly_mrr"),
    "invoices": ("invoice", "bills"),
    "support_tickets": ("tickets", "ticket", "support"),
    "nps_responses": ("nps", "nps_survey"),
    "usage_events": ("events", "event", "usage"),
    "feature_usage_monthly": ("event_monthly", "feature_usage"),
    "activity_monthly": ("usage_monthly", "activity"),
    "features": ("event_type", "event_types", "feature"),
    "plans": ("plan", "tiers"),
}

_DRAFTED = (
    "subscriptions", "mrr_snapshots", "flat", "customers", "feature_usage_monthly", "activity_monthly", "usage_events",
    "nps_responses", "csat_responses", "support_tickets", "invoices", "renewals", "milestones", "features", "plans",
)  # fmt: skip
"""Tables a source is compared with; small lookup tables match too much to be guessed from columns alone."""

_BY_NAME_ONLY = ("features", "plans", "renewals", "milestones", "csat_responses")

_MONTHS = ("%Y-%m", "%Y-%m-%d", "%b %Y", "%B %Y", "%m/%Y", "%Y_%m", "%b-%y", "%b %y", "%Y%m", "MRR %Y-%m", "mrr_%Y_%m")


@dataclass(frozen=True)
class _Guess:
    table: Table
    relation: Relation
    columns: dict[str, str]
    score: float
    wide: str | None = None


def _plain(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def _likeness(column: str, source: str) -> float:
    """How well a source's column fits a contract column, from 0 to 1."""
    plain = _plain(source)
    if plain == column:
        return 1.0
    synonyms = _SYNONYMS.get(column, ())
    if plain in synonyms or plain.replace("_", "") in synonyms:
        return 0.95 - 0.01 * synonyms.index(plain if plain in synonyms else plain.replace("_", ""))
    ratio = max(
        difflib.SequenceMatcher(None, plain, other).ratio() for other in (column, *synonyms) if other not in _EXACT
    )
    return ratio if ratio >= 0.82 else 0.0


def _pair(table: Table, relation: Relation) -> dict[str, str]:
    """Contract columns with the source columns that fit them best, each source column once."""
    pairs = sorted(
        ((score, -place, column, source)
         for column in table.names
         for place, source in enumerate(relation.columns)
         if (score := _likeness(column, source)) > 0),
        reverse=True,
    )  # fmt: skip
    chosen: dict[str, str] = {}
    for _, _, column, source in pairs:
        if column not in chosen and source not in chosen.values():
            chosen[column] = source
    if "customer_id" in table.names and "customer_id" not in chosen:
        left = [source for source in relation.columns if source not in chosen.values() and _plain(source) == "id"]
        if left:
            chosen["customer_id"] = left[0]
    return {column: chosen[column] for column in table.names if column in chosen}


def _month_of(header: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(header.strip(), form)
    except ValueError:
        return None


def _month_format(headers: list[str]) -> str | None:
    for form in _MONTHS:
        if sum(_month_of(header, form) is not None for header in headers) >= 3:
            return form
    return None


def _guess(relation: Relation) -> _Guess | None:
    plain = _plain(relation.name)
    months = _month_format(list(relation.columns))
    if months:
        table = BY_NAME["mrr_snapshots"]
        columns = {c: s for c, s in _pair(table, relation).items() if c in ("customer_id", "plan", "seats")}
        return _Guess(table, relation, columns, 3.0, months)
    if plain in BY_NAME and plain not in _DRAFTED:
        table = BY_NAME[plain]
        columns = _pair(table, relation)
        return _Guess(table, relation, columns, 3.0) if set(table.required) <= set(columns) else None
    best: _Guess | None = None
    for name in _DRAFTED:
        table = BY_NAME[name]
        columns = _pair(table, relation)
        named = plain == name or plain in _TABLE_NAMES.get(name, ())
        if name in _BY_NAME_ONLY and not named:
            continue
        needed = set(table.required)
        if name == "subscriptions":
            needed |= {"mrr"} if "amount" not in columns else {"amount"}
        if name == "mrr_snapshots":
            needed |= {"mrr"}
        missing = len(needed - set(columns))
        if missing and not (named and name in KEY_TABLES and missing < len(needed)):
            continue
        # What is required must be there; then a fitting file name counts most, and many columns more than few.
        score = 2.0 * named + len(needed) * 0.5 - missing + 0.1 * len(columns)
        if name == "customers":
            score -= 0.0 if named else 1.0
        if best is None or score > best.score:
            best = _Guess(table, relation, columns, score)
    return best


def _sample(sources: Sources, relation: Relation, column: str) -> list[str]:
    found = sources.connection.execute(
        f"SELECT DISTINCT v FROM (SELECT trim(CAST({quote(column)} AS VARCHAR)) AS v FROM main.{quote(relation.name)}"
        f" LIMIT {_LOOK}) WHERE v <> '' ORDER BY v"
    ).fetchall()
    return [row[0] for row in found]


@dataclass(frozen=True)
class _Look:
    """What the values of a table's columns look like, whatever the headers say."""

    dates: tuple[str, ...]
    numbers: tuple[str, ...]

    @property
    def rank(self) -> tuple[bool, int, int]:
        """How much it looks like subscriptions: dates beside a price, then more dates."""
        return bool(self.dates and self.numbers), min(len(self.dates), 2), min(len(self.numbers), 1)


def _look(sources: Sources, relation: Relation) -> _Look:
    dates, numbers = [], []
    for column in relation.columns:
        values = _sample(sources, relation, column)
        if values and all(re.fullmatch(r"\d{4}-\d{2}-\d{2}([ T].*)?", value) for value in values):
            dates.append(column)
        elif values and all(_numeric(value) or re.fullmatch(DECIMAL_COMMA, value) for value in values):
            # Figures such as 20240131 are numbers to a reader, and ids are; a person picks the price among them.
            numbers.append(column)
        elif formats_fitting(values):
            dates.append(column)
    return _Look(tuple(dates), tuple(numbers))


def _by_look(sources: Sources, relations: list[Relation]) -> _Guess | None:
    """The table that looks most like subscriptions by its values; None if none has dates."""
    table = BY_NAME["subscriptions"]
    looks = [(_look(sources, relation).rank, relation) for relation in relations]
    rank, relation = max(looks, key=lambda pair: pair[0], default=((False, 0, 0), None))
    if relation is None or not rank[0]:
        return None
    return _Guess(table, relation, _pair(table, relation), 0.0)


def _yaml(text: str) -> str:
    """A scalar, quoted where YAML would read it otherwise."""
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_ ().-]*", text) else "'" + text.replace("'", "''") + "'"


def _line(sources: Sources, relation: Relation, column: Column, source: str) -> list[str]:
    """The mapping's lines for one column, with what its values need to be read."""
    plain = f"      {column.name}: {_yaml(source)}"
    values = _sample(sources, relation, source)
    if column.kind in ("date", "month", "time"):
        iso = r"\d{4}-\d{2}(-\d{2}([ T].*)?)?" if column.kind == "month" else r"\d{4}-\d{2}-\d{2}([ T].*)?"
        odd = [value for value in values if not re.fullmatch(iso, value)]
        if not odd:
            return [plain]
        if len(odd) < len(values):
            return [f"{plain}  # TODO: dates in several formats, such as {values[0]!r} and {odd[0]!r}"]
        fitting = formats_fitting(odd)
        form = fitting[0] if fitting else "%d/%m/%Y"
        note = ""
        if len(fitting) > 1:
            note = f"  # TODO: {' and '.join(fitting)} both fit; which is it?"
        elif not fitting:
            note = f"  # TODO: the format of {odd[0]!r}"
        return [f"      {column.name}: {{from: {_yaml(source)}, format: '{form}'}}{note}"]
    if column.kind == "boolean" and any(value.lower() not in TRUE + FALSE for value in values):
        pairs = ", ".join(f"{_yaml(value)}: 'TODO'" for value in values[:6])
        return [f"      {column.name}: {{from: {_yaml(source)}, values: {{{pairs}}}}}  # TODO: 'true' or 'false' each"]
    if column.values and any(value.lower() not in column.values for value in values):
        pairs = ", ".join(f"{_yaml(value)}: 'TODO'" for value in values[:8])
        allowed = " or ".join(column.values)
        return [f"      {column.name}: {{from: {_yaml(source)}, values: {{{pairs}}}}}  # TODO: {allowed} each"]
    if column.kind in ("money", "number", "count") and any(not _numeric(value) for value in values):
        odd = next(value for value in values if not _numeric(value))
        if _has_decimal_commas(values):
            return [f"      {column.name}: {{from: {_yaml(source)}, decimal: ','}}"]
        return [f"{plain}  # TODO: not plain numbers, such as {odd!r}; clean them by SQL"]
    return [plain]


def _has_decimal_commas(values: list[str]) -> bool:
    commas = [value for value in values if re.fullmatch(DECIMAL_COMMA, value)]
    return bool(commas) and all(re.fullmatch(r"[+-]?\d+", value) for value in values if value not in commas)


def _numeric(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _attribute_name(column: str) -> str:
    """The header as a name the report does not use itself."""
    name = _plain(column) or "attribute"
    return f"account_{name}" if name in RESERVED else name


def _attribute(sources: Sources, relation: Relation, column: str, taken: set[str]) -> list[str]:
    """Lines that declare a left-over column as an attribute, commented out unless it has few levels."""
    values = _sample(sources, relation, column)
    name = _attribute_name(column)
    if not values or not name[0].isalpha() or name in taken or not 2 <= len(values) <= 60:
        return []
    lowered = {value.lower() for value in values}
    kind = "boolean" if lowered <= {*TRUE, *FALSE} else "text"
    lines = [f"      {name}:", f"        from: {_yaml(column)}"]
    if kind != "text":
        lines.append(f"        kind: {kind}")
    lines.append("        known_at: current  # TODO: signup, if it was fixed then and never changes")
    return lines


def draft(data: str | Path) -> str:
    """A mapping for these data, as far as headers and values tell.

    Parameters
    ----------
    data : as for `customer_value.intake.load`

    Returns
    -------
    YAML with comments; ``TODO`` marks what a person has to decide.

    Raises
    ------
    DataError : the data are not there or cannot be read
    """
    with Sources(data) as sources:
        relations = [sources.relation(name) for name in sources.names]
        guesses = [guess for relation in relations if (guess := _guess(relation)) is not None]
        best: dict[str, _Guess] = {}
        for guess in sorted(guesses, key=lambda g: (-g.score, g.relation.name)):
            best.setdefault(guess.table.name, guess)
        # One table gives the report its shape; the most telling one wins.
        shapes = [name for name in KEY_TABLES if name in best]
        for name in sorted(shapes, key=lambda n: -best[n].score)[1:]:
            del best[name]
        if not shapes and (found := _by_look(sources, relations)) is not None:
            best = {name: guess for name, guess in best.items() if guess.relation != found.relation}
            best["subscriptions"] = found
        if "flat" in best:
            best = {"flat": best["flat"]}
        lines = [
            "# A draft, made from the headers. Settle every TODO, then run the report with MAPPING=<this file>.",
            "# What the contract's columns mean: data/README.md. Worked examples: docs/your-data.md.",
            "version: 1",
            "# currency: EUR"
            + ("  # TODO: the currency that exchange_rates lead to" if "exchange_rates" in best else ""),
        ]
        if "flat" in best:
            lines += [
                "# TODO: how was this table made? Undeclared, the report warns that its curve may not be retention.",
                "# observation: followed_from_start",
                "# observation: snapshot      (then also snapshot_window: 1, the months in which leaving was counted)",
            ]
        elif best:
            lines.append("# observed_from: 2024-01-01  # TODO: the day the data begin, if some accounts are older")
        if not shapes:
            lines.append("# TODO: no table looks like subscriptions, revenue by month or one row an account; map one.")
        lines.append("tables:")
        used: set[str] = set()
        for name in [name for name in BY_NAME if name in best]:
            lines += _table_lines(sources, best[name])
            used.add(best[name].relation.name)
        if not set(KEY_TABLES) & set(best):
            lines += [
                "  subscriptions:",
                f"    from: {_yaml(relations[0].name)}",
                "    columns:",
                *(f"      {name}: TODO" for name in ("customer_id", "start_date", "end_date", "mrr")),
            ]
        for relation in relations:
            if relation.name not in used:
                lines.append(f"# not used: {relation.name} ({', '.join(relation.columns)})")
        return "\n".join(lines) + "\n"


def _todos(sources: Sources, guess: _Guess, needed: list[str]) -> list[str]:
    """A TODO for each column that is needed and was not recognised, with the columns that could be it."""
    if not needed:
        return []
    left = [column for column in guess.relation.columns if column not in guess.columns.values()]
    if guess.wide:
        left = [column for column in left if _month_of(column, guess.wide) is None]
    looked = _look(sources, guess.relation) if any(name != "customer_id" for name in needed) else _Look((), ())
    lines = []
    for name in needed:
        kind = guess.table.column(name).kind
        like = looked.dates if kind in ("date", "month", "time") else looked.numbers if kind in ("money",) else left
        could = [column for column in left if column in like]
        lines.append(f"      {name}: TODO" + (f"  # perhaps {' or '.join(could[:4])}" if could else ""))
    return lines


def _table_lines(sources: Sources, guess: _Guess) -> list[str]:
    table, relation = guess.table, guess.relation
    lines = [f"  {table.name}:", f"    from: {_yaml(relation.name)}", "    columns:"]
    for name, source in guess.columns.items():
        lines += _line(sources, relation, table.column(name), source)
    if guess.wide:
        if "customer_id" not in guess.columns:
            lines += _todos(sources, guess, ["customer_id"])
        lines += ["    wide:", f"      format: '{guess.wide}'"]
    else:
        needed = [name for name in table.required if name not in guess.columns]
        if table.name == "subscriptions" and not {"mrr", "amount"} & set(guess.columns):
            needed.append("mrr")
        if table.name == "subscriptions" and "amount" in guess.columns and "mrr" not in guess.columns:
            needed += [] if {"billing_months", "end_date"} & set(guess.columns) else ["billing_months"]
        lines += _todos(sources, guess, needed)
    left = [column for column in relation.columns if column not in guess.columns.values()]
    if guess.wide:
        left = []
    if table.attributes and left:
        taken = set(table.names)
        declared: list[str] = []
        for column in left:
            more = _attribute(sources, relation, column, taken)
            declared += more
            if more:
                taken.add(_attribute_name(column))
                left = [other for other in left if other != column]
        if declared:
            lines += ["    attributes:", *declared]
    if left:
        lines.append(f"    # not used: {', '.join(left)}")
    return lines
