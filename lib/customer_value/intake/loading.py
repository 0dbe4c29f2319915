"""Loading: source, mapping, casts, the cut at the as-of date, quality, and the files that marts read.

The order matters. Types are checked on every row; rows after the as-of date are cut before quality counts anything, so
that a future appended to the data changes no byte; whatever is written is ordered by all its columns, so that the
source's row order does not matter either.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import duckdb
import pandas as pd

from customer_value.csv_safe import write_csv
from customer_value.errors import DataError
from customer_value.intake import mapping as mappings
from customer_value.intake import quality as checks
from customer_value.intake.casting import NULL_WORDS, cast
from customer_value.intake.contract import BY_NAME, KEY_TABLES, PRICES, SUBSCRIPTION_OUTPUT, Column, Table
from customer_value.intake.sources import Relation, Sources, cause, did_you_mean, literal, nearest, quote

Shape = Literal["subscriptions", "snapshots", "flat"]

_EVIDENCE = (
    "subscriptions", "mrr_snapshots", "usage_events", "feature_usage_monthly", "activity_monthly", "nps_responses",
    "csat_responses", "support_tickets", "milestones",
)  # fmt: skip
"""Tables whose latest row shows how far the data reach; targets, costs and due dates may lie ahead of it."""


@dataclass(frozen=True)
class Attribute:
    """A declared attribute of the account.

    Attributes
    ----------
    table : customers or flat
    known_at : ``signup`` if it was fixed then, else ``current``: barred where it would leak the outcome
    label : what readers see
    kind : text, number or boolean
    """

    table: str
    known_at: Literal["signup", "current"]
    label: str
    kind: Literal["text", "number", "boolean"]


@dataclass(frozen=True)
class Conversion:
    """A currency that prices came in and that the report does not speak.

    Attributes
    ----------
    rate : units of the report's currency for one of it, the same throughout
    accounts : accounts with a price in it
    """

    rate: float
    accounts: int


@dataclass(frozen=True)
class Intake:
    """What was loaded: the declarations of `intake.json` and where the tables are.

    Attributes
    ----------
    folder : holds ``<table>.parquet``, ``intake.json``, ``quality.parquet`` and ``set_aside/``
    shape : of the source; the tables are subscriptions even where the source had snapshots
    as_of : close of this day; None for a flat table
    as_of_given : whether it was asked for or derived from the data
    observed_from : when the data begin, if declared
    observation, snapshot_window : what a flat table is, if declared; window in months
    currency : of all prices, if known
    attributes : by name
    features : columns of the flat table that are features
    tables : rows written, by table
    fingerprint : SHA-256 of the tables and declarations
    conversions : currencies that were brought into the report's, by code
    changed_currency : accounts with prices in more than one currency
    month_rows : rows of `mrr_snapshots` that the subscriptions were made of; None for another shape, and for a folder
        opened again
    """

    folder: Path
    shape: Shape
    as_of: date | None
    as_of_given: bool
    observed_from: date | None
    observation: Literal["followed_from_start", "snapshot"] | None
    snapshot_window: int | None
    currency: str | None
    attributes: dict[str, Attribute]
    features: tuple[str, ...]
    tables: dict[str, int]
    fingerprint: str
    conversions: dict[str, Conversion] = field(default_factory=dict)
    changed_currency: int = 0
    month_rows: int | None = None

    @classmethod
    def open(cls, folder: str | Path) -> Intake:
        """Read what an earlier `load` wrote."""
        folder = Path(folder)
        given = json.loads((folder / "intake.json").read_text(encoding="utf-8"))
        given["attributes"] = {name: Attribute(**value) for name, value in given["attributes"].items()}
        given["features"] = tuple(given["features"])
        converted = given.get("conversions", {})
        given["conversions"] = {code: Conversion(**value) for code, value in converted.items()}
        for name in ("as_of", "observed_from"):
            given[name] = date.fromisoformat(given[name]) if given[name] else None
        return cls(folder=folder, **given)

    def path(self, table: str) -> Path:
        """The Parquet file of a table."""
        return self.folder / f"{table}.parquet"

    def quality(self) -> pd.DataFrame:
        """One row a rule checked: rule, table, column, severity, rows, share, examples, meaning, remedy."""
        return pd.read_parquet(self.folder / "quality.parquet")


def load(
    data: str | Path,
    *,
    mapping: str | Path | None = None,
    out: str | Path,
    as_of: date | None = None,
    grace_days: int = 31,
    max_set_aside: dict[str, float] | None = None,
) -> Intake:
    """Bring a company's tables into the contract and write them to a folder.

    Parameters
    ----------
    data : folder of CSV, Parquet or JSON lines (text also gzipped), one such file, a DuckDB file, or the http(s)
        address of one file
    mapping : YAML; without one, files and columns must bear contract names
    out : folder to write; what an earlier load left there is replaced, and only once all checks have passed
    as_of : close of this day; by default the last day of the last month complete by the latest start, event or answer
    grace_days : pauses up to this length are reported as such and count as one stay
    max_set_aside : largest share of rows that may be set aside, by table name, or ``other``

    Raises
    ------
    DataError : the data break the contract
    SettingsError : the mapping or an option cannot be used
    """
    limits = checks.limits(max_set_aside)
    out = Path(out)
    with Sources(data) as sources, duckdb.connect(config={"threads": 2}) as connection:
        unknown: dict[str, tuple[str, ...]] = {}
        if mapping is None:
            declared, unknown = mappings.as_is(sources)
        else:
            declared = mappings.read(mapping)
        relations = mappings.load_relations(declared, sources)
        if mapping is not None:
            unknown = mappings.unused(declared, relations)
        columns = _take(sources, declared, relations, connection)
        return _settle(
            connection,
            declared,
            columns,
            unknown,
            out,
            as_of,
            grace_days,
            limits,
            as_is=mapping is None,
            locate=partial(_locate, sources.connection, declared),
        )


def _locate(
    connection: duckdb.DuckDBPyConnection, declared: mappings.Mapping, table: str, rule: str, column: str
) -> tuple[str, ...]:
    """Where in the source's file a rule about keys or required values is broken; empty where rows have no number."""
    if declared.tables[table].sql is not None or rule not in ("missing_key", "missing_value", "duplicate_key"):
        return ()
    mapped = f"mapped_{table}"
    if rule != "duplicate_key":
        words = ", ".join(map(literal, NULL_WORDS)) if BY_NAME[table].column(column).kind not in ("id", "text") else ""
        empty = f"{quote(column)} IS NULL" + (f" OR lower({quote(column)}) IN ({words})" if words else "")
        found = connection.execute(f"SELECT _row FROM {mapped} WHERE {empty} ORDER BY 1 LIMIT 3").fetchall()
        return tuple(f"row {row}" for (row,) in found)
    keys = ", ".join(map(quote, BY_NAME[table].key))
    found = connection.execute(
        f"SELECT concat_ws(' ', {keys}), list(_row ORDER BY _row) FROM {mapped} GROUP BY {keys} HAVING count(*) > 1"
        " ORDER BY min(_row) LIMIT 3"
    ).fetchall()
    return tuple(f"{key} in rows {' and '.join(map(str, rows[:3]))}" for key, rows in found)


def _columns_of(table: Table, declared: mappings.TableMapping) -> tuple[Column, ...]:
    extra = [(name, reading.kind) for name, reading in declared.attributes.items()]
    extra += [(feature.name, feature.kind) for feature in declared.features]
    return (*table.columns, *(Column(name, kind, "") for name, kind in sorted(extra)))


def _take(
    sources: Sources,
    declared: mappings.Mapping,
    relations: dict[str, Relation | None],
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, tuple[Column, ...]]:
    """Map and cast every table into schema ``raw`` of the second connection.

    Two connections, because the one that runs the mapping's SQL is barred from files for good.
    """
    for schema in ("raw", "cut", "kept", "aside"):
        connection.execute(f"CREATE SCHEMA {schema}")
    sources.lock()
    columns: dict[str, tuple[Column, ...]] = {}
    for name, relation in relations.items():
        table, table_mapping = BY_NAME[name], declared.tables[name]
        query = mappings.select(name, table_mapping, relation, sources)
        mapped = f"mapped_{name}"
        try:
            sources.connection.execute(f"CREATE TEMP TABLE {mapped} AS {query}")
        except duckdb.Error as error:
            raise DataError(
                f"The mapping cannot be applied: {cause(error)}",
                table=name,
                remedy="a value cannot be cast as the SQL asks; use try_cast, or clean it first: replace(fee, ',', '')",
            ) from None
        present = {row[0] for row in sources.connection.execute(f"DESCRIBE {mapped}").fetchall()}
        offered = relation.columns if relation else tuple(sorted(present - {"_row"}))
        _require(table, present, offered)
        columns[name] = _columns_of(table, table_mapping)
        typed = cast(
            sources.connection,
            table,
            columns[name],
            relation=mapped,
            formats=table_mapping.formats,
            commas=table_mapping.commas(table),
        )
        reader = sources.connection.execute(typed).to_arrow_reader(200_000)
        connection.register("incoming", reader)
        connection.execute(f"CREATE TABLE raw.{name} AS SELECT * FROM incoming")
        connection.unregister("incoming")
    return columns


def _require(table: Table, present: set[str], offered: tuple[str, ...]) -> None:
    for name in table.required:
        if name not in present and not (table.name == "mrr_snapshots" and name == "month" and "month" in present):
            raise DataError(
                f"The column {name!r} is missing",
                table=table.name,
                column=name,
                remedy=f"map one of the source's columns to it; {did_you_mean(name, offered)}",
            )
    if table.name == "subscriptions" and not any(present.issuperset(price) for price in PRICES):
        raise DataError(
            "A price is missing: mrr, or amount with billing_months, or amount with end_date",
            table=table.name,
            column="mrr",
            remedy=f"map the price; {did_you_mean('mrr', offered)}",
        )
    if table.name == "mrr_snapshots" and "mrr" not in present:
        raise DataError(
            "The column 'mrr' is missing",
            table=table.name,
            column="mrr",
            remedy="map it, or `wide:` for a column a month",
        )


def _settle(
    connection: duckdb.DuckDBPyConnection,
    declared: mappings.Mapping,
    columns: dict[str, tuple[Column, ...]],
    unknown: dict[str, tuple[str, ...]],
    out: Path,
    as_of: date | None,
    grace_days: int,
    limits: dict[str, float],
    *,
    as_is: bool,
    locate: Callable[[str, str, str], tuple[str, ...]],
) -> Intake:
    tables = [name for name in BY_NAME if name in columns]
    shape: Shape = {"subscriptions": "subscriptions", "mrr_snapshots": "snapshots", "flat": "flat"}[
        next(name for name in KEY_TABLES if name in tables)
    ]
    key_table = next(name for name in KEY_TABLES if name in tables)
    if not connection.execute(f"SELECT count(*) FROM raw.{key_table}").fetchone()[0]:
        raise DataError("The table has no rows", table=key_table, count=0, remedy="check the export and the mapping")
    given = as_of is not None
    if shape == "flat":
        as_of = None
    else:
        as_of = _as_of(connection, tables, as_of)
        connection.execute(f"CREATE TEMP TABLE settled AS SELECT DATE '{as_of}' AS day")
        _check_observed_from(connection, key_table, declared.observed_from, as_of)
    if shape == "subscriptions":
        _price(connection)
    if shape != "flat":
        _convert(connection, key_table, declared.currency, has_rates="exchange_rates" in tables)
    for name in sorted(tables, key=lambda table: table != key_table):
        connection.execute(f"CREATE TABLE cut.{name} AS {_cut(BY_NAME[name], columns[name], as_of)}")
        if name == key_table:
            # Snapshot rows without a price are months in which the account was no customer.
            if shape == "snapshots":
                connection.execute("DELETE FROM cut.mrr_snapshots WHERE mrr IS NULL OR mrr = 0")
            connection.execute(f"CREATE TEMP TABLE members AS SELECT DISTINCT customer_id FROM cut.{name}")
    context = checks.Context(
        as_of=as_of.isoformat() if as_of else None,
        grace_days=grace_days,
        opening_stock_declared=declared.observed_from is not None,
        has_customers="customers" in tables,
        currency=declared.currency,
        unknown_columns=unknown,
        hints={
            column: close
            for name, others in unknown.items()
            for column in others
            # Where columns are mapped, whoever wrote the mapping has decided which is which.
            if as_is and (close := nearest(column, BY_NAME[name].names)) and len(close) > 3
        },
        snapshots=shape == "snapshots",
        observed_from=declared.observed_from.isoformat() if declared.observed_from else None,
        has_rates="exchange_rates" in tables,
        locate=locate,
        currency_known=_currency_known(connection, declared, key_table, columns[key_table]),
    )
    frames = _check(connection, tables, shape, as_of, context, limits)
    written = [name for name in BY_NAME if name in tables and name != "mrr_snapshots"]
    if shape == "snapshots":
        written = ["subscriptions", *(name for name in written if name != "subscriptions")]
    quality = pd.concat(frames, ignore_index=True)
    attributes = {
        name: Attribute(table, reading.known_at, reading.label or name.replace("_", " ").capitalize(), reading.kind)
        for table in tables
        for name, reading in sorted(declared.tables[table].attributes.items())
    }
    features = tuple(sorted(f.name for f in declared.tables["flat"].features)) if shape == "flat" else ()
    currency = declared.currency
    if shape != "flat" and currency is None:
        currency = connection.execute(f"SELECT min(currency) FROM kept.{key_table}").fetchone()[0]
    conversions, changed = ({}, 0) if shape == "flat" else _conversions(connection, key_table, as_of)
    rows = {name: connection.execute(f"SELECT count(*) FROM kept.{name}").fetchone()[0] for name in written}
    month_rows = None
    if shape == "snapshots":
        month_rows = connection.execute("SELECT count(*) FROM kept.mrr_snapshots").fetchone()[0]
    written_intake = _write(
        connection,
        out,
        quality,
        aside=[row[0] for row in connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'aside' ORDER BY 1"
        ).fetchall()],
        intake=Intake(
            folder=out, shape=shape, as_of=as_of, as_of_given=given and as_of is not None,
            observed_from=declared.observed_from, observation=declared.observation,
            snapshot_window=declared.snapshot_window, currency=currency, attributes=attributes, features=features,
            tables=rows, fingerprint="", conversions=conversions, changed_currency=changed,
        ),
    )  # fmt: skip
    return replace(written_intake, month_rows=month_rows)


def _as_of(connection: duckdb.DuckDBPyConnection, tables: list[str], given: date | None) -> date:
    """The as-of date: the one asked for, if possible, else the last day of the last month known to be complete."""
    start = "subscriptions" if "subscriptions" in tables else "mrr_snapshots"
    clock = BY_NAME[start].clock
    first = connection.execute(f"SELECT min({clock}) FROM raw.{start}").fetchone()[0]
    if first is None:
        raise DataError("No row has a date", table=start, column=clock, remedy="check the mapping of that column")
    if given is None:
        latest = []
        for name in _EVIDENCE:
            if name in tables:
                day = f"max({BY_NAME[name].clock})::DATE"
                # A month's snapshot is taken of the whole month; a month of usage may have been exported half-way.
                latest.append(f"last_day({day})" if name == "mrr_snapshots" else day)
        found = connection.execute(
            "SELECT max(day) FROM (" + " UNION ALL ".join(
                f"SELECT {day} AS day FROM raw.{name}"
                for day, name in zip(latest, (n for n in _EVIDENCE if n in tables), strict=True)
            ) + ")"
        ).fetchone()[0]  # fmt: skip
        next_day = found + timedelta(days=1)
        given = found if next_day.day == 1 else found.replace(day=1) - timedelta(days=1)
        if given < first:
            raise DataError(
                "The data cover no whole month, so no as-of date can be derived",
                table=start,
                column=clock,
                examples=(f"{first} to {found}",),
                remedy="bring more months, or give an as-of date",
            )
    if given < first:
        raise DataError(
            f"The as-of date {given} lies before the first start {first}: nothing was known then",
            table=start,
            column=clock,
            remedy="give a later as-of date",
        )
    return given


def _currency_known(
    connection: duckdb.DuckDBPyConnection, declared: mappings.Mapping, table: str, columns: tuple[Column, ...]
) -> bool:
    """Whether mapping or data say in which currency the prices are; a flat table without prices needs none."""
    if declared.currency is not None:
        return True
    names = [column.name for column in columns]
    if "currency" in names:
        return connection.execute(f"SELECT count(currency) > 0 FROM raw.{table}").fetchone()[0]
    return connection.execute(f"SELECT count(mrr) = 0 FROM raw.{table}").fetchone()[0]


def _check_observed_from(
    connection: duckdb.DuckDBPyConnection, table: str, observed_from: date | None, as_of: date
) -> None:
    """Stop where the declared beginning leaves nothing to observe."""
    if observed_from is None:
        return
    days = "last_day(month)" if table == "mrr_snapshots" else "greatest(start_date, end_date)"
    latest = connection.execute(f"SELECT max({days}) FROM raw.{table}").fetchone()[0]
    late = f"the as-of date {as_of}" if observed_from > as_of else f"the last day in the data, {latest}"
    if observed_from > min(as_of, latest):
        raise DataError(
            f"observed_from {observed_from} lies after {late}: nothing would have been observed",
            table=table,
            column="observed_from",
            remedy="correct `observed_from:` in the mapping: it is the day from which the data are complete",
        )


def _price(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill ``mrr`` on raw subscriptions.

    Runs before the cut: the price of a contract for a period is its amount over the period agreed at its start.
    """
    whole = "datesub('month', start_date, end_date)"
    anchor = f"(start_date + to_months({whole}::INT))::DATE"
    length = (
        f"({whole} + (end_date - {anchor})::DOUBLE / ((start_date + to_months({whole}::INT + 1))::DATE - {anchor}))"
    )
    connection.execute(
        f"""UPDATE raw.subscriptions SET
            mrr = coalesce(mrr,
                CASE WHEN billing_months > 0 THEN (amount::DOUBLE / billing_months)::DECIMAL(18,4) END,
                CASE WHEN end_date > start_date THEN (amount::DOUBLE / {length})::DECIMAL(18,4) END),
            kind = coalesce(kind, 'plan'),
            product = coalesce(product, 'subscription')"""
    )


def _convert(connection: duckdb.DuckDBPyConnection, table: str, currency: str | None, *, has_rates: bool) -> None:
    """Bring the prices of a raw table into the report's currency where rates are given: one rate for all time.

    What each row's currency was stays in the temporary table ``given_currency``.
    """
    day = "start_date" if table == "subscriptions" else "last_day(month)"
    connection.execute(f"UPDATE raw.{table} SET currency = upper(currency)")
    connection.execute(
        f"CREATE TEMP TABLE given_currency AS SELECT customer_id, currency, {day} AS day FROM raw.{table}"
    )
    connection.execute("CREATE TEMP TABLE rates (currency VARCHAR, rate DOUBLE)")
    if not has_rates:
        return
    connection.execute("UPDATE raw.exchange_rates SET currency = upper(currency)")
    if not currency:
        return
    connection.execute(
        """INSERT INTO rates SELECT currency, min(rate) FROM raw.exchange_rates
           WHERE currency <> $1 AND rate IS NOT NULL GROUP BY 1""",
        [currency],
    )
    listed = ", list_mrr = (s.list_mrr::DOUBLE * r.rate)::DECIMAL(18,4)" if table == "subscriptions" else ""
    connection.execute(
        f"""UPDATE raw.{table} AS s SET mrr = (s.mrr::DOUBLE * r.rate)::DECIMAL(18,4){listed}, currency = $1
            FROM rates r WHERE s.currency = r.currency""",
        [currency],
    )


def _conversions(connection: duckdb.DuckDBPyConnection, table: str, as_of: date) -> tuple[dict[str, Conversion], int]:
    """The currencies that were converted, and how many accounts have prices in more than one."""
    known = f"""(SELECT customer_id, currency FROM given_currency
        WHERE day <= DATE '{as_of}' AND currency IS NOT NULL
            AND customer_id IN (SELECT customer_id FROM kept.{table}))"""
    found = connection.execute(
        f"""SELECT currency, any_value(rate), count(DISTINCT customer_id) FROM {known} JOIN rates USING (currency)
            GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    changed = connection.execute(
        f"SELECT count(*) FROM (SELECT customer_id FROM {known} GROUP BY 1 HAVING count(DISTINCT currency) > 1)"
    ).fetchone()[0]
    return {code: Conversion(rate, accounts) for code, rate, accounts in found}, changed


def _cut(table: Table, columns: tuple[Column, ...], as_of: date | None) -> str:
    """The rows and cells of a raw table that were known at the close of the as-of day."""
    if as_of is None:
        return f"SELECT {', '.join(quote(column.name) for column in columns)} FROM raw.{table.name}"
    day = f"DATE '{as_of}'"
    hidden = {name: column.name for column in columns if column.known_later for name in (column.name, *column.clears)}
    cells = []
    for column in columns:
        if table.name == "subscriptions" and column.name not in SUBSCRIPTION_OUTPUT:
            continue
        name = quote(column.name)
        if column.name in hidden:
            cells.append(f"CASE WHEN {quote(hidden[column.name])}::DATE > {day} THEN NULL ELSE {name} END AS {name}")
        else:
            cells.append(name)
    where = "true"
    member = "customer_id IN (SELECT customer_id FROM members)"
    if table.clock and table.column(table.clock).kind == "month":
        where = f"({table.clock} IS NULL OR last_day({table.clock}) <= {day})"
    elif table.clock:
        where = f"({table.clock} IS NULL OR {table.clock}::DATE <= {day})"
    elif table.name == "customers":
        where = f"(customer_id IS NULL OR signup_date <= {day} OR {member})"
    elif table.of_customers:
        # No date tells whether such a row was known; that its account was is the next best.
        where = member
    return f"SELECT {', '.join(cells)} FROM raw.{table.name} WHERE {where}"


def _check(
    connection: duckdb.DuckDBPyConnection,
    tables: list[str],
    shape: Shape,
    as_of: date | None,
    context: checks.Context,
    limits: dict[str, float],
) -> list[pd.DataFrame]:
    """Run every table's rules, the ones that others refer to first."""

    def check(name: str) -> pd.DataFrame:
        return checks.check(connection, name, context, limit=checks.limit_of(name, limits))

    frames = [_passed(tables)]
    if shape == "flat":
        return [*frames, check("flat")]
    if shape == "snapshots":
        frames.append(check("mrr_snapshots"))
        connection.execute(f"CREATE TABLE cut.subscriptions AS {_RUNS}")
    connection.execute(
        "CREATE TEMP TABLE firsts AS SELECT customer_id, min(start_date) AS first FROM cut.subscriptions GROUP BY 1"
    )
    known = "raw.customers" if "customers" in tables else "cut.subscriptions"
    connection.execute(
        f"CREATE TEMP TABLE known AS SELECT DISTINCT customer_id FROM {known} WHERE customer_id IS NOT NULL"
    )
    frames.append(check("subscriptions"))
    if "customers" in tables:
        frames.append(check("customers"))
        # From here on an account is one known at the as-of date, so that a later one cannot adopt earlier rows.
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE known AS SELECT customer_id FROM cut.customers WHERE customer_id IS NOT NULL"
        )
    done = (*KEY_TABLES, "customers")
    frames += [check(name) for name in tables if name not in done]
    frames.append(_freshness(connection, tables, as_of))
    return frames


def _passed(tables: list[str]) -> pd.DataFrame:
    """The rules that the casts have held: had one been broken, the run would have stopped there."""
    sentences = {
        "wrong_type": ("A value is of the wrong type.", "Correct it or translate it in the mapping."),
        "date_out_of_range": ("A date lies outside 1970 to 2100.", "Correct it or map it to empty."),
    }
    return pd.DataFrame(
        [
            {"rule": rule, "table": table, "column": "", "severity": "stop", "rows": 0, "share": 0.0, "examples": "",
             "meaning": meaning, "remedy": remedy}
            for table in tables
            for rule, (meaning, remedy) in sentences.items()
        ]
    )  # fmt: skip


def _freshness(connection: duckdb.DuckDBPyConnection, tables: list[str], as_of: date) -> pd.DataFrame:
    """How long before the as-of date anything last happened; stops when the data say nothing about the last year."""
    parts = ["SELECT max(start_date) AS day FROM cut.subscriptions", "SELECT max(end_date) FROM cut.subscriptions"]
    for name in _EVIDENCE:
        if name in tables and name != "subscriptions":
            clock = BY_NAME[name].clock
            parts.append(f"SELECT max({'last_day(month)' if clock == 'month' else clock})::DATE FROM cut.{name}")
    latest = connection.execute(f"SELECT max(day) FROM ({' UNION ALL '.join(parts)})").fetchone()[0]
    silent = (as_of - latest).days
    if silent > checks.BLIND_DAYS:
        raise DataError(
            f"The as-of date {as_of} lies {silent:,} days after the last thing the data know of ({latest})",
            table="subscriptions",
            column="start_date",
            remedy="give an earlier as-of date, or bring newer data",
        )
    stale = silent > checks.FRESH_DAYS
    return pd.DataFrame(
        [
            {
                "rule": "stale", "table": "subscriptions", "column": "start_date", "severity": "warn",
                "rows": int(stale), "share": 0.0, "examples": str(latest) if stale else "",
                "meaning": "Nothing starts, ends or happens for more than a month and a half before the as-of date.",
                "remedy": "Check that the export reaches the as-of date.",
            }
        ]
    )  # fmt: skip


_RUNS = """
WITH month_rows AS (
    SELECT customer_id, month, mrr, plan, seats,
        row_number() OVER (PARTITION BY customer_id ORDER BY month)
            - date_diff('month', DATE '1970-01-01', month) AS unbroken
    FROM kept.mrr_snapshots
), changes AS (
    SELECT *, CASE WHEN (mrr, plan, seats, unbroken) IS DISTINCT FROM
        lag((mrr, plan, seats, unbroken)) OVER (PARTITION BY customer_id ORDER BY month) THEN 1 ELSE 0 END AS change
    FROM month_rows
), runs AS (
    SELECT *, sum(change) OVER (PARTITION BY customer_id ORDER BY month) AS run FROM changes
)
SELECT customer_id, coalesce(any_value(plan), 'subscription') AS product, 'plan' AS kind, min(month) AS start_date,
    -- A run that reaches the last whole month before the as-of date is still open.
    CASE WHEN (max(month) + INTERVAL 1 MONTH)::DATE < date_trunc('month', (SELECT day FROM settled) + 1)::DATE
        THEN (max(month) + INTERVAL 1 MONTH)::DATE END AS end_date,
    any_value(mrr) AS mrr, NULL::DECIMAL(18,4) AS list_mrr, any_value(seats) AS quantity,
    CASE WHEN any_value(seats) IS NOT NULL THEN 'seats' END AS unit, NULL::DOUBLE AS billing_months,
    NULL::VARCHAR AS currency, NULL::VARCHAR AS end_reason, NULL::VARCHAR AS end_kind
FROM runs GROUP BY customer_id, run
"""
"""Month rows as subscriptions: one row an account and run of months with the same price, plan and seats."""


def _write(
    connection: duckdb.DuckDBPyConnection, out: Path, quality: pd.DataFrame, *, aside: list[str], intake: Intake
) -> Intake:
    """Write everything, in an order and with settings that give the same bytes wherever it runs."""
    out.mkdir(parents=True, exist_ok=True)
    for old in (*out.glob("*.parquet"), out / "intake.json"):
        old.unlink(missing_ok=True)
    shutil.rmtree(out / "set_aside", ignore_errors=True)
    # With several threads the row groups of a Parquet file may be cut differently from run to run.
    connection.execute("SET threads = 1")
    digest = hashlib.sha256()
    for name in sorted(intake.tables):
        path = intake.path(name)
        target = str(path).replace("'", "''")
        connection.execute(
            f"COPY (SELECT * FROM kept.{name} ORDER BY ALL) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )
        digest.update(name.encode() + b"\0" + path.read_bytes())
    for name in aside:
        write_csv(
            connection.execute(f"SELECT * FROM aside.{name} ORDER BY ALL").df(), out / "set_aside" / f"{name}.csv"
        )
    connection.register("quality_frame", quality)
    target = str(out / "quality.parquet").replace("'", "''")
    connection.execute(
        f'COPY (SELECT * REPLACE ("rows"::BIGINT AS "rows") FROM quality_frame) TO \'{target}\' (FORMAT parquet)'
    )
    declared = asdict(intake)
    del declared["folder"], declared["fingerprint"], declared["month_rows"]
    if not intake.conversions:
        del declared["conversions"], declared["changed_currency"]
    declared |= {
        "as_of": intake.as_of.isoformat() if intake.as_of else None,
        "observed_from": intake.observed_from.isoformat() if intake.observed_from else None,
    }
    digest.update(json.dumps(declared, sort_keys=True).encode())
    declared["fingerprint"] = digest.hexdigest()
    text = json.dumps(declared, sort_keys=True, indent=2, ensure_ascii=False)
    (out / "intake.json").write_text(text + "\n", encoding="utf-8")
    return Intake.open(out)
