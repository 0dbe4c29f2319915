"""Quality: rules over the contract's tables, after the cut at the as-of date.

Each rule stops the run, sets rows aside (with their reason, in a file) or warns. All rules of a table are counted in
one aggregate query. Rules are data: the list is what the data-quality chapter and the documentation show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import duckdb
import pandas as pd

from customer_value.errors import DataError, SettingsError
from customer_value.intake.contract import BY_NAME, KEY_TABLES, Table
from customer_value.intake.sources import did_you_mean, quote

Severity = Literal["stop", "set_aside", "warn"]

LIMITS: dict[str, float] = {"subscriptions": 0.01, "other": 0.20}
"""Largest share of a table's rows that may be set aside before the run stops; snapshots and flat go by the first."""

OPENING_STOCK_RATIO = 5
"""A first month with more than this many times the next month's first starts is an opening stock."""

VOLUME_RATIO = 5
"""A month whose count is this many times above or below the median of all months is a sudden change."""

FEW_STARTS = 10
"""A growing firm's first months, with fewer starts than this each, are not compared with its later ones."""

FRESH_DAYS, BLIND_DAYS = 45, 366
"""Days without any start, end or event before the as-of date: beyond the first warn, beyond the second stop."""


@dataclass(frozen=True)
class Rule:
    """What must hold, how it is tested and what follows if it does not.

    Attributes
    ----------
    id : identifier without digits
    table, column : where; column is empty for rules about whole rows
    severity : what follows
    meaning : one sentence, plain, of what is wrong
    remedy : what to do
    test : SQL, true on a row of `marked` that breaks the rule; or a whole scalar SELECT giving the number of rows
    example : SQL giving what to show of such a row; or a whole SELECT of examples
    """

    id: str
    table: str
    column: str
    severity: Severity
    meaning: str
    remedy: str
    test: str
    example: str = "customer_id"

    @property
    def scalar(self) -> bool:
        """Whether the test is a query of its own."""
        return self.test.startswith("(SELECT")


@dataclass(frozen=True)
class Context:
    """What the rules depend on besides the rows."""

    as_of: str | None
    grace_days: int
    opening_stock_declared: bool
    has_customers: bool
    currency: str | None
    unknown_columns: dict[str, tuple[str, ...]]
    hints: dict[str, str]
    snapshots: bool
    observed_from: str | None = None
    has_rates: bool = False
    currency_known: bool = True
    locate: Callable[[str, str, str], tuple[str, ...]] = lambda table, rule, column: ()


def limits(given: dict[str, float] | None) -> dict[str, float]:
    """The limits in force, the given ones over `LIMITS`.

    Raises
    ------
    SettingsError : a key is neither a table nor ``other``, or a value is no share
    """
    given = given or {}
    for name, share in given.items():
        if name not in BY_NAME and name != "other":
            raise SettingsError(f"max_set_aside: unknown table {name!r}; {did_you_mean(name, (*BY_NAME, 'other'))}")
        if not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share <= 1:
            raise SettingsError(f"max_set_aside.{name} must be a share from 0 to 1, got: {share!r}")
    return LIMITS | given


def limit_of(table: str, limits: dict[str, float]) -> float:
    """The share of this table's rows that may be set aside."""
    return limits.get(table, limits["subscriptions" if table in KEY_TABLES else "other"])


def _common(table: Table, context: Context) -> list[Rule]:
    key_table = table.name in KEY_TABLES
    strict: Severity = "stop" if key_table or table.name in ("customers", "exchange_rates") else "set_aside"
    first = table.names[0]
    rules = [
        Rule(
            "empty_table", table.name, "", "stop" if key_table else "warn", "The table has no rows.",
            "Bring rows, or leave the table out.", f"(SELECT (count(*) = 0)::INT FROM cut.{table.name})", "",
        )
    ]  # fmt: skip
    for name in table.required:
        rules.append(
            Rule(
                "missing_key" if name == "customer_id" or name in table.key else "missing_value",
                table.name, name, strict,
                f"A row has no {name}.", "Fill it in or leave such rows out in the mapping.",
                f"{quote(name)} IS NULL", quote(first),
            )
        )  # fmt: skip
    for column in table.columns:
        if column.low is None and column.high is None:
            continue
        tests = [f"{quote(column.name)} < {column.low}"] if column.low is not None else []
        tests += [f"{quote(column.name)} > {column.high}"] if column.high is not None else []
        low = "" if column.low is None else f"below {column.low:g}"
        high = "" if column.high is None else f"above {column.high:g}"
        rules.append(
            Rule(
                "out_of_range", table.name, column.name, strict,
                f"A value of {column.name} is {' or '.join(filter(None, (low, high)))}.",
                "Check the column's unit and scale.", f"({' OR '.join(tests)})", quote(column.name),
            )
        )  # fmt: skip
    keyed = ", ".join(table.key)
    if table.name in ("customers", "flat"):
        rules.append(
            Rule(
                "duplicate_key", table.name, keyed, "stop", "Two rows have the same customer_id.",
                "Keep one row an account, by SQL in the mapping if need be.", "_twin > 1", quote(first),
            )
        )  # fmt: skip
    else:
        rules.append(
            Rule(
                "duplicate_row", table.name, "", "set_aside", "The row repeats another one in every column.",
                "None needed: one of them is kept.", "_copy > 1", quote(first),
            )
        )  # fmt: skip
        if table.key:
            rules.append(
                Rule(
                    "duplicate_key", table.name, keyed, "stop",
                    f"Two rows have the same {keyed.replace(', ', ' and ')} but differ otherwise.",
                    "Say which one holds, or add them up, by SQL in the mapping.", "_copy = 1 AND _twin > 1",
                    quote(first),
                )
            )  # fmt: skip
    if key_table:
        rules.append(
            Rule(
                "no_currency", table.name, "mrr", "warn",
                "No currency is declared: amounts carry the settings' currency.",
                "Say which it is with `currency:` in the mapping; until then it is that of report.yml.",
                f"(SELECT {int(not context.currency_known)})", "",
            )
        )  # fmt: skip
    if table.of_customers and table.clock and table.name not in KEY_TABLES:
        rules.append(
            Rule(
                "unknown_account", table.name, "customer_id", "set_aside",
                "The row belongs to no account known at the as-of date.",
                "Check that both exports are whole and use the same ids.", "_orphan",
            )
        )  # fmt: skip
    unknown = context.unknown_columns.get(table.name, ())
    what = "no attributes until you declare them" if table.attributes else "not used"
    shown = "; ".join(
        f"{name}{f' (meant: {context.hints[name]}?)' if context.hints.get(name) else ''}" for name in unknown
    )
    rules.append(
        Rule(
            "unknown_column", table.name, "", "warn", f"Columns of the source that nothing reads are {what}.",
            "Declare them as attributes, or rename them, in a mapping."
            if table.attributes
            else "Rename them in a mapping if they matter.",
            f"(SELECT {len(unknown)})", f"(SELECT [{_sql(shown)}])" if unknown else "",
        )
    )  # fmt: skip
    return rules


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _currency_remedy(context: Context) -> str:
    """What is missing for prices in several currencies to be added up."""
    if context.has_rates and context.currency:
        return f"exchange_rates lacks a rate to {context.currency} for these currencies: add one row for each."
    if context.has_rates:
        return "exchange_rates is there; say with `currency:` in the mapping which currency it leads to."
    if context.currency:
        return (
            f"`currency: {context.currency}` is declared; bring exchange_rates, one rate to {context.currency} for each"
            " other currency, and map it."
        )
    return "Bring exchange_rates (one rate a currency) and set `currency:` in the mapping, or bring one currency."


def _currency_rules(table: str, context: Context) -> list[Rule]:
    """Prices in several currencies stop; a row that names none is taken to be in the report's, and that is said."""
    reference = f"coalesce({_sql(context.currency) if context.currency else 'NULL'}, _currency)"
    return [
        Rule(
            "several_currencies", table, "currency", "stop", "Prices are in several currencies and cannot be added.",
            _currency_remedy(context),
            f"currency <> {reference}", "customer_id || ': ' || currency || ' beside ' || " + reference,
        ),
        Rule(
            "currency_missing", table, "currency", "warn",
            "A row names no currency where others do: its price is taken to be in the report's.",
            "Fill the currency in, if it is another one.", "currency IS NULL AND _currency IS NOT NULL",
        ),
    ]  # fmt: skip


def _rate_rules(context: Context) -> list[Rule]:
    own = _sql(context.currency) if context.currency else "NULL"
    return [
        Rule(
            "rate_of_own_currency", "exchange_rates", "rate", "stop",
            "The report's own currency has a rate other than 1: these rates lead to another currency.",
            "Give rates to the currency that the mapping declares with `currency:`, or declare the one they lead to.",
            f"currency = {own} AND rate <> 1", "currency || ': ' || rate",
        ),
    ]  # fmt: skip


def _subscription_rules(context: Context) -> list[Rule]:
    t = "subscriptions"
    as_of = f"DATE '{context.as_of}'"
    # Starts by whole month, months without any included. Before the declared day only those who stayed are seen.
    since = f"AND date_trunc('month', start_date) >= DATE '{context.observed_from}'" if context.observed_from else ""
    months = f"""(SELECT date_trunc('month', start_date)::DATE AS month, count(*) AS n FROM cut.{t}
        WHERE start_date < date_trunc('month', {as_of} + 1) {since} GROUP BY 1)"""
    every_month = f"""(SELECT unnest(generate_series((SELECT min(month) FROM {months}),
        (SELECT max(month) FROM {months}), INTERVAL 1 MONTH))::DATE AS month)"""
    odd = f"""(SELECT month, n FROM (
        SELECT r.month, coalesce(m.n, 0) AS n, median(coalesce(m.n, 0)) OVER () AS middle,
            min(r.month) OVER () AS first,
            max(coalesce(m.n, 0)) OVER (ORDER BY r.month) AS peak
        FROM {every_month} r LEFT JOIN {months} m ON m.month = r.month)
        WHERE month > first AND middle >= 10 AND peak >= {FEW_STARTS}
            AND (n > {VOLUME_RATIO} * middle OR n * {VOLUME_RATIO} < middle))"""
    firsts = f"""(SELECT date_trunc('month', first)::DATE AS month, count(*) AS n FROM
        (SELECT min(start_date) AS first FROM cut.{t} GROUP BY customer_id) GROUP BY 1)"""
    # The month after the first must be over before the two can be compared.
    stock = f"""(SELECT month, n FROM (
        SELECT s.month, s.n, coalesce(next.n, 0) AS after FROM {firsts} s
        LEFT JOIN {firsts} next ON next.month = s.month + INTERVAL 1 MONTH ORDER BY s.month LIMIT 1)
        WHERE n > {OPENING_STOCK_RATIO} * greatest(after, 1)
            AND last_day((month + INTERVAL 1 MONTH)::DATE) <= {as_of})"""
    ledger = f"""(SELECT customer_id, min(total) AS low, arg_min(day, total) AS day FROM (
        SELECT customer_id, day, sum(change) OVER (PARTITION BY customer_id ORDER BY day) AS total FROM (
            SELECT customer_id, day, sum(change) AS change FROM (
                SELECT customer_id, start_date AS day, mrr AS change FROM cut.{t}
                WHERE end_date IS NULL OR end_date > start_date
                UNION ALL SELECT customer_id, end_date, -mrr FROM cut.{t} WHERE end_date > start_date)
            GROUP BY ALL)) GROUP BY 1 HAVING min(total) < 0)"""
    rules = [
        Rule(
            "no_price", t, "mrr", "stop",
            "A row has no price: neither mrr, nor amount with billing_months or both dates.",
            "Fill it in; a free plan has mrr 0.", "mrr IS NULL",
        ),
        Rule(
            "end_before_start", t, "end_date", "stop", "A row ends before it starts.",
            "Correct the dates; end_date is the first day no longer covered.", "end_date < start_date",
            "customer_id || ': ' || start_date || ' to ' || end_date",
        ),
        Rule(
            "negative_total", t, "mrr", "stop", "An account's total recurring revenue is negative at some time.",
            "A discount row needs the row it reduces at the same time; credits and refunds are not recurring revenue.",
            f"(SELECT count(*) FROM {ledger})",
            f"(SELECT min(customer_id || ': ' || low::DECIMAL(18,2) || ' from ' || day, 3) FROM {ledger})",
        ),
        *_currency_rules(t, context),
        Rule(
            "one_account", t, "customer_id", "stop", "All rows belong to one account.",
            "A report needs several accounts; check what customer_id is mapped to.",
            f"(SELECT CASE WHEN count(DISTINCT customer_id) = 1 THEN count(*) ELSE 0 END FROM cut.{t})",
            f"(SELECT min(customer_id, 1) FROM cut.{t})",
        ),
        Rule(
            "zero_length", t, "end_date", "set_aside", "A row ends on the day it starts, so it never held.",
            "None needed if these are cancelled orders.", "end_date = start_date",
        ),
        Rule(
            "overlap", t, "", "warn",
            "Two rows of the same product on an account overlap in time; their prices add up.",
            "If the later replaces the earlier, end the earlier where the later starts.",
            "start_date < _held_until AND _copy = 1 AND end_date IS DISTINCT FROM start_date",
            "customer_id || ': ' || product || ' ' || start_date",
        ),
        Rule(
            "short_gap", t, "", "warn",
            f"An account paused for at most {context.grace_days} days; that is one stay, and its last price carries.",
            "None needed; the length is the setting grace_days.",
            f"_account_until < start_date AND start_date <= _account_until + {context.grace_days}",
            "customer_id || ': ' || _account_until || ' to ' || start_date",
        ),
        Rule(
            "opening_stock", t, "start_date", "warn",
            "The first month has more than five times the starts of the next: those accounts are probably older than"
            " the data.",
            "Say when the data begin with `observed_from:` in the mapping, and bring sign-up dates if you can.",
            "(SELECT 0)" if context.opening_stock_declared else f"(SELECT max(n) FROM {stock})",
            "" if context.opening_stock_declared else f"(SELECT [min(month)::VARCHAR] FROM {stock})",
        ),
        Rule(
            "sudden_change", t, "start_date", "warn",
            "A month in which five times as many rows start as is usual, or a fifth of it (months are counted).",
            "Check that the export is whole in these months.",
            f"(SELECT count(*) FROM {odd})", f"(SELECT min(month || ': ' || n, 3) FROM {odd})",
        ),
    ]  # fmt: skip
    if context.has_customers:
        rules.append(
            Rule(
                "unknown_account", t, "customer_id", "set_aside", "The row belongs to no account in customers.",
                "Check that both exports are whole and use the same ids.", "_orphan",
            )
        )  # fmt: skip
    return rules


def _customer_rules() -> list[Rule]:
    t = "customers"
    return [
        Rule(
            "signup_after_start", t, "signup_date", "warn",
            "An account signed up after its first subscription started.",
            "Check which date signup_date is.", "signup_date > _first_start",
            "customer_id || ': ' || signup_date || ' after ' || _first_start",
        ),
        Rule(
            "never_subscribed", t, "customer_id", "warn",
            "An account has no subscription by the as-of date; it is in no figure.",
            "None needed if these are prospects.", "_first_start IS NULL",
        ),
    ]  # fmt: skip


def _snapshot_rules(context: Context) -> list[Rule]:
    t = "mrr_snapshots"
    months = f"(SELECT DISTINCT month FROM cut.{t})"
    missing = f"""(SELECT month::DATE AS month FROM (SELECT unnest(generate_series((SELECT min(month) FROM {months}),
        (SELECT date_trunc('month', day + 1) - INTERVAL 1 MONTH FROM settled), INTERVAL 1 MONTH)) AS month)
        WHERE month::DATE NOT IN {months})"""
    return [
        Rule(
            "missing_month", t, "month", "stop", "A whole month is missing: every account would seem to have left.",
            "Bring the month, or an earlier as-of date.",
            f"(SELECT count(*) FROM {missing})", f"(SELECT min(month::VARCHAR, 3) FROM {missing})",
        ),
        Rule(
            "negative_total", t, "mrr", "stop", "An account's recurring revenue is negative.",
            "Credits and refunds are not recurring revenue.", "mrr < 0", "customer_id || ': ' || month",
        ),
        Rule(
            "month_gap", t, "month", "warn", "An account is absent for a month or more and then back.",
            "None needed if it really paused. Up to grace_days (a setting) it is a pause and the last price"
            " carries; a longer one counts as leaving and coming back.",
            "_previous_month < month - INTERVAL 1 MONTH", "customer_id || ': ' || month",
        ),
        *_currency_rules(t, context),
    ]  # fmt: skip


def _usage_rules(table: Table) -> list[Rule]:
    t, clock = table.name, table.clock
    months = f"(SELECT DISTINCT date_trunc('month', {clock})::DATE AS month FROM cut.{t} WHERE {clock} IS NOT NULL)"
    silent = f"""(SELECT month::DATE AS month FROM (SELECT unnest(generate_series((SELECT min(month) FROM {months}),
        (SELECT max(month) FROM {months}), INTERVAL 1 MONTH)) AS month) WHERE month::DATE NOT IN {months})"""
    rules = [
        Rule(
            "silent_month", t, clock, "warn",
            "In a whole month no use of any account is recorded: all of them count as not having used anything.",
            "Check that the export is whole in that month.",
            f"(SELECT count(*) FROM {silent})", f"(SELECT min(month::VARCHAR, 3) FROM {silent})",
        ),
    ]  # fmt: skip
    if "active_days" not in table.names:
        return rules
    return [
        *rules,
        Rule(
            "impossible_days", t, "active_days", "set_aside", "A row has more days of use than its month has days.",
            "Days add up neither over features nor over users; count distinct days.",
            "active_days <= 31 AND active_days > date_diff('day', month, (month + INTERVAL 1 MONTH)::DATE)",
            "customer_id || ': ' || active_days || ' in ' || month",
        ),
        Rule(
            "use_contradicts", t, "events", "warn",
            "A row states use on some day but no events, or events but no day of use.",
            "Check the export; events decide whether there was use of a feature.",
            "(events = 0) <> (active_days = 0)", "customer_id || ': ' || month",
        ),
    ]  # fmt: skip


def _flat_rules() -> list[Rule]:
    return [
        Rule(
            "one_account", "flat", "customer_id", "stop", "There is one account only.",
            "A report needs several accounts.", "(SELECT (count(*) = 1)::INT FROM cut.flat)",
            "(SELECT min(customer_id, 1) FROM cut.flat)",
        ),
        Rule(
            "negative_total", "flat", "mrr", "stop", "An account's recurring revenue is negative.",
            "Credits and refunds are not recurring revenue.", "mrr < 0",
        ),
        Rule(
            "zero_tenure", "flat", "tenure", "warn",
            "An account has tenure 0: it is counted, but no whole month was seen.",
            "None needed.", "tenure = 0",
        ),
    ]  # fmt: skip


def rules_for(table: str, context: Context) -> list[Rule]:
    """The rules of a table, those that stop first."""
    rules = _common(BY_NAME[table], context)
    if table == "subscriptions" and not context.snapshots:
        rules += _subscription_rules(context)
    elif table == "subscriptions":
        # Snapshots cannot show who started within their first month: the marts say so whatever the numbers.
        keep = ("one_account", "sudden_change")
        rules = [rule for rule in _subscription_rules(context) if rule.id in keep]
    elif table == "customers":
        rules += _customer_rules()
    elif table == "mrr_snapshots":
        rules += _snapshot_rules(context)
    elif table == "exchange_rates":
        rules += _rate_rules(context)
    elif table == "flat":
        rules += _flat_rules()
    elif table in ("usage_events", "feature_usage_monthly", "activity_monthly"):
        rules += _usage_rules(BY_NAME[table])
    order = ("stop", "set_aside", "warn")
    return sorted(rules, key=lambda rule: order.index(rule.severity))


def _marked(table: Table, columns: list[str], context: Context) -> str:
    """A table with the columns that rules about several rows need."""
    every = ", ".join(quote(name) for name in columns)
    extra = [f"row_number() OVER (PARTITION BY {every}) AS _copy"]
    if table.key:
        extra.append(f"row_number() OVER (PARTITION BY {', '.join(map(quote, table.key))} ORDER BY {every}) AS _twin")
    if table.name == "subscriptions":
        until = "coalesce(end_date, DATE '9999-12-31')"
        order = f"ORDER BY start_date, {until}, mrr ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
        extra += [
            f"max({until}) OVER (PARTITION BY customer_id, product {order}) AS _held_until",
            f"max({until}) OVER (PARTITION BY customer_id {order}) AS _account_until",
            "min(currency) OVER () AS _currency",
        ]
        if context.has_customers:
            extra.append("customer_id NOT IN (SELECT customer_id FROM known) AS _orphan")
    elif table.name == "mrr_snapshots":
        extra.append("lag(month) OVER (PARTITION BY customer_id ORDER BY month) AS _previous_month")
        extra.append("min(currency) OVER () AS _currency")
    elif table.name == "customers":
        extra.append("(SELECT first FROM firsts WHERE firsts.customer_id = t.customer_id) AS _first_start")
    elif table.of_customers and table.clock:
        extra.append("customer_id NOT IN (SELECT customer_id FROM known) AS _orphan")
    return f"(SELECT *, {', '.join(extra)} FROM cut.{table.name} t)"


def check(connection: duckdb.DuckDBPyConnection, table: str, context: Context, *, limit: float) -> pd.DataFrame:
    """Count a table's rules, stop if one of them stops, and put rows to be set aside into ``aside.<table>``.

    Rows that stay are in ``kept.<table>`` afterwards.

    Returns
    -------
    The quality table's rows, as in `quality.parquet`.

    Raises
    ------
    DataError : a rule that stops is broken, or more rows than allowed are to be set aside
    """
    contract = BY_NAME[table]
    rules = rules_for(table, context)
    # Materialised because window functions over it would otherwise run once for each use.
    names = _columns(connection, table)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE marked AS SELECT * FROM {_marked(contract, names, context)}")
    cells = ["count(*)"]
    for rule in rules:
        if rule.scalar:
            cells += [f"coalesce({rule.test}, 0)", rule.example or "NULL"]
        else:
            where = f"FILTER (WHERE {rule.test})"
            cells += [f"count(*) {where}", f"min(CAST({rule.example} AS VARCHAR), 3) {where}"]
    counted = connection.execute(f"SELECT {', '.join(cells)} FROM marked").fetchone()
    total, results = counted[0], list(zip(counted[1::2], counted[2::2], strict=True))
    frame = pd.DataFrame(
        [
            {
                "rule": rule.id,
                "table": table,
                "column": rule.column,
                "severity": rule.severity,
                "rows": int(rows),
                "share": rows / total if total else 0.0,
                "examples": "; ".join(str(value) for value in examples or ()) if rows else "",
                "meaning": rule.meaning,
                "remedy": rule.remedy,
            }
            for rule, (rows, examples) in zip(rules, results, strict=True)
        ]
    )
    stops = [
        (rule, *result) for rule, result in zip(rules, results, strict=True) if rule.severity == "stop" and result[0]
    ]
    if stops:
        rule, rows, examples = stops[0]
        examples = context.locate(table, rule.id, rule.column) or examples
        further = f" (also: {', '.join(other.id for other, *_ in stops[1:])})" if len(stops) > 1 else ""
        raise DataError(
            rule.meaning, table=table, column=rule.column or None, count=int(rows), examples=examples or (),
            remedy=rule.remedy + further,
        )  # fmt: skip
    aside = [(rule, result[0]) for rule, result in zip(rules, results, strict=True) if rule.severity == "set_aside"]
    broken = [(rule, rows) for rule, rows in aside if rows]
    columns = ", ".join(quote(name) for name in names)
    if not broken:
        connection.execute(f"CREATE TABLE kept.{table} AS SELECT * FROM cut.{table}")
        return frame
    condition = " OR ".join(f"coalesce({rule.test}, false)" for rule, _ in broken)
    reason = "CASE " + " ".join(f"WHEN {rule.test} THEN {_sql(rule.meaning)}" for rule, _ in broken) + " END"
    connection.execute(f"CREATE TABLE kept.{table} AS SELECT {columns} FROM marked WHERE NOT ({condition})")
    connection.execute(
        f"CREATE TABLE aside.{table} AS SELECT {columns}, {reason} AS reason FROM marked WHERE {condition} ORDER BY ALL"
    )
    count = connection.execute(f"SELECT count(*) FROM aside.{table}").fetchone()[0]
    if total and count / total > limit:
        rule, rows = max(broken, key=lambda pair: pair[1])
        examples = results[rules.index(rule)][1]
        raise DataError(
            f"{count / total:.1%} of the rows would be set aside, more than the {limit:.1%} allowed;"
            f" mostly: {rule.meaning}",
            table=table, column=rule.column or None, count=count, examples=examples or (),
            remedy=f"{rule.remedy} Or allow more with the setting max_set_aside.",
        )  # fmt: skip
    return frame


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [row[0] for row in connection.execute(f"DESCRIBE cut.{table}").fetchall()]
