"""Mapping: how a company's own tables become the contract's, written in YAML.

A mapping is data, not code: columns are renamed, dates given their format, values translated; where that is not enough,
one SELECT a table. Everything is checked against the contract and the source before anything is computed.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import duckdb
import sqlglot
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from sqlglot import exp

from customer_value.errors import DataError, SettingsError
from customer_value.intake.casting import NULL_WORDS
from customer_value.intake.contract import BY_NAME, KEY_TABLES, RESERVED, Table
from customer_value.intake.sources import Relation, Sources, cause, did_you_mean, literal, quote

NUMBERS, DATES = ("money", "number", "count"), ("date", "month", "time")
"""Kinds of columns that can have a decimal comma, and those that can have a format."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


class Strict(BaseModel):
    """A part of the mapping: frozen, and an unknown key is refused with the nearest right one."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        allowed = {field.alias or name for name, field in cls.model_fields.items()}
        for key in given:
            if key not in allowed and key not in cls.model_fields:
                raise ValueError(f"unknown key {key!r}; {did_you_mean(str(key), allowed)}")
        return given


def _signs(form: str) -> str:
    if "%" not in form:
        raise ValueError("a format is written with the signs of strptime, such as '%d/%m/%Y'")
    return form


Format = Annotated[str, AfterValidator(_signs)]
"""A date format; without a sign it would fit nothing, and the data would seem to be at fault."""

Mark = Literal[",", "."]
"""The sign before the decimals of a number."""


class Reading(Strict):
    """Where a column's values come from and how they are read."""

    source: str | None = Field(default=None, alias="from")
    format: Format | None = None
    decimal: Mark | None = None
    values: dict[str, str] = Field(default_factory=dict)
    constant: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Reading:
        if (self.source is None) == (self.constant is None):
            raise ValueError("a column needs either 'from' or 'constant'")
        if self.constant is not None and (self.format or self.values or self.decimal):
            raise ValueError("a constant takes no 'format', 'decimal' or 'values'")
        return self


def _reading(given: Any) -> Any:
    return {"from": given} if isinstance(given, str) else given


class AttributeReading(Strict):
    """An attribute of the account: what is known, and since when."""

    source: str | None = Field(default=None, alias="from")
    decimal: Mark | None = None
    values: dict[str, str] = Field(default_factory=dict)
    known_at: Literal["signup", "current"] = "current"
    label: str | None = None
    kind: Literal["text", "number", "boolean"] = "text"


class FeatureReading(Strict):
    """A feature on the flat table."""

    name: str
    source: str | None = Field(default=None, alias="from")
    decimal: Mark | None = None
    values: dict[str, str] = Field(default_factory=dict)
    kind: Literal["number", "boolean"] = "boolean"


def _feature(given: Any) -> Any:
    return {"name": given} if isinstance(given, str) else given


class Wide(Strict):
    """Months as columns: every column whose header reads as a month by this format."""

    format: Format


class TableMapping(Strict):
    """One contract table's origin."""

    source: str | None = Field(default=None, alias="from")
    optional: bool = False
    decimal: Mark | None = None
    columns: dict[str, Annotated[Reading, BeforeValidator(_reading)]] = Field(default_factory=dict)
    attributes: dict[str, AttributeReading] = Field(default_factory=dict)
    features: list[Annotated[FeatureReading, BeforeValidator(_feature)]] = Field(default_factory=list)
    wide: Wide | None = None
    sql: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> TableMapping:
        if self.sql is None and self.source is None:
            raise ValueError("a table needs 'from' (with 'columns') or 'sql'")
        if self.sql is not None and (self.source or self.columns or self.wide):
            raise ValueError("a table is mapped by 'sql' or by 'from' and 'columns', not both")
        if self.sql is not None and self.decimal:
            raise ValueError("decimal goes with 'from'; in SQL: replace(fee, ',', '.')")
        if self.source is not None and not self.columns:
            raise ValueError("a table with 'from' needs 'columns'")
        return self

    @property
    def formats(self) -> dict[str, str]:
        """Date formats, by the name of our column."""
        return {name: reading.format for name, reading in self.columns.items() if reading.format}

    def commas(self, contract: Table) -> frozenset[str]:
        """Our columns whose numbers have a decimal comma."""
        numbers = {column.name for column in contract.columns if column.kind in NUMBERS}
        readings: dict[str, Reading | AttributeReading | FeatureReading] = {
            name: reading for name, reading in self.columns.items() if name in numbers
        }
        if self.wide:
            readings["mrr"] = Reading(source="mrr")
        readings |= {name: reading for name, reading in self.attributes.items() if reading.kind == "number"}
        readings |= {feature.name: feature for feature in self.features if feature.kind == "number"}
        return frozenset(name for name, reading in readings.items() if (reading.decimal or self.decimal) == ",")


class Mapping(Strict):
    """The whole mapping file."""

    version: Literal[1] = 1
    description: str = ""
    currency: str | None = None
    observed_from: date | None = None
    observation: Literal["followed_from_start", "snapshot"] | None = None
    snapshot_window: int | None = Field(default=None, ge=1, le=120)
    tables: dict[str, TableMapping]

    @model_validator(mode="before")
    @classmethod
    def _version(cls, given: Any) -> Any:
        # Every scalar of the file arrives as text (see `_Loader`); a literal 1 has to be made a number here.
        if isinstance(given, dict) and given.get("version") == "1":
            return {**given, "version": 1}
        return given

    @model_validator(mode="after")
    def _by_contract(self) -> Mapping:
        for name, table in self.tables.items():
            if name not in BY_NAME:
                raise ValueError(f"tables: unknown table {name!r}; {did_you_mean(name, BY_NAME)}")
            _check_table(BY_NAME[name], table)
        present = [name for name in KEY_TABLES if name in self.tables]
        if len(present) != 1:
            got = " and ".join(present) or "none"
            raise ValueError(f"tables: exactly one of {', '.join(KEY_TABLES)} must be mapped, got: {got}")
        if "flat" in self.tables and len(self.tables) > 1:
            raise ValueError("tables: flat stands alone; other tables cannot be mapped beside it")
        if self.observation and "flat" not in self.tables:
            raise ValueError("observation: only a flat table has one")
        if (self.observation == "snapshot") != (self.snapshot_window is not None):
            raise ValueError("snapshot_window (months) goes with observation: snapshot, and only with it")
        if self.currency is not None and not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise ValueError(f"currency: three capital letters such as EUR, got: {self.currency!r}")
        return self


def _check_table(contract: Table, table: TableMapping) -> None:
    for column in table.columns:
        if column not in contract.names:
            raise ValueError(
                f"tables.{contract.name}.columns: unknown column {column!r}; {did_you_mean(column, contract.names)}"
            )
    for column, reading in table.columns.items():
        kind = contract.column(column).kind
        if reading.format and kind not in DATES:
            raise ValueError(f"tables.{contract.name}.columns.{column}: format is for dates, and this is {kind}")
        if reading.decimal and kind not in NUMBERS:
            raise ValueError(f"tables.{contract.name}.columns.{column}: decimal is for numbers, and this is {kind}")
    if (table.attributes or table.features) and not contract.attributes:
        raise ValueError(f"tables.{contract.name}: attributes can be declared on customers and flat only")
    if table.features and contract.name != "flat":
        raise ValueError(f"tables.{contract.name}: features can be listed on flat only")
    if table.wide and contract.name != "mrr_snapshots":
        raise ValueError(f"tables.{contract.name}: wide is for mrr_snapshots only")
    names = [*table.attributes, *(feature.name for feature in table.features)]
    for name in names:
        if not NAME.match(name):
            raise ValueError(
                f"tables.{contract.name}: {name!r} cannot name an attribute; use small letters, digits and underscores,"
                " and `label` for what readers see"
            )
        if name in RESERVED:
            raise ValueError(f"tables.{contract.name}: {name!r} is a name the report uses itself; choose another")
        if names.count(name) > 1:
            raise ValueError(f"tables.{contract.name}: {name!r} is declared twice")


def _check_settled(name: str, table: TableMapping) -> None:
    """Stop at a value whose meaning a draft has left open."""
    readings: dict[str, Reading | AttributeReading | FeatureReading] = {**table.columns, **table.attributes}
    for column, reading in (readings | {feature.name: feature for feature in table.features}).items():
        open_ones = [theirs for theirs, ours in reading.values.items() if ours == "TODO"]
        if open_ones:
            raise DataError(
                "A TODO of the draft is not settled",
                table=name,
                column=column,
                examples=open_ones,
                remedy="settle this TODO: say under `values:` which of our values each of these stands for",
            )


class _Loader(yaml.BaseLoader):
    """YAML with every scalar as text: `Yes: true` keeps its key, and a key given twice is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise SettingsError(f"The mapping names {key!r} twice, at line {node.start_mark.line + 1} and below.")
        return super().construct_mapping(node, deep)


def _nulls(given: Any) -> Any:
    """Empty scalars mean absent, except inside ``values``, where they mean an empty cell."""
    if isinstance(given, dict):
        return {
            key: (value if key == "values" else _nulls(value))
            for key, value in given.items()
            if key == "values" or value not in ("", "null", "~")
        }
    return [_nulls(item) for item in given] if isinstance(given, list) else given


def read(path: str | Path) -> Mapping:
    """Read and check a mapping file.

    Raises
    ------
    SettingsError : the file is missing, is no YAML, or says something the contract does not know
    """
    path = Path(path)
    if not path.is_file():
        raise SettingsError(
            f"The mapping file is not there: {path}\n  remedy:   `check` without a mapping writes a draft"
        )
    return parse(path.read_text(encoding="utf-8-sig"), name=path.name)


def parse(text: str, *, name: str = "mapping") -> Mapping:
    """Check the text of a mapping; ``name`` is used in messages.

    Raises
    ------
    SettingsError : no YAML, or something the contract does not know
    """
    try:
        given = yaml.load(text, _Loader)  # a subclass of BaseLoader: builds text, lists and dicts only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{name} is not YAML{where}: {getattr(error, 'problem', error)}") from None
    if not isinstance(given, dict):
        raise SettingsError(f"{name} must hold keys such as `tables:`, got: {type(given).__name__}")
    try:
        return Mapping.model_validate(_nulls(given))
    except ValidationError as error:
        lines = []
        for fault in error.errors():
            place = ".".join(str(part) for part in fault["loc"])
            message = fault["msg"].removeprefix("Value error, ")
            got = fault.get("input")
            shown = f", got: {got!r}" if isinstance(got, str) else ""
            lines.append(f"  {place + ': ' if place else ''}{message}{shown}")
        raise SettingsError(f"{name} cannot be used:\n" + "\n".join(lines)) from None


_ONE_SELECT_REMEDY = "\n  remedy: write one SELECT over the source's own files, without a semicolon inside"


def _one_select(name: str, sql: str) -> exp.Expression:
    """The parsed statement; both parsers must agree that it is one SELECT."""
    place = f"tables.{name}.sql"
    try:
        kinds = [statement.type for statement in duckdb.extract_statements(sql)]
        parsed = [statement for statement in sqlglot.parse(sql, read="duckdb") if statement is not None]
    except (duckdb.Error, sqlglot.errors.SqlglotError) as error:
        first = str(error).splitlines()[0]
        raise SettingsError(f"{place} is not SQL that DuckDB can read: {first}") from None
    if len(kinds) != 1 or len(parsed) != 1 or kinds[0] != duckdb.StatementType.SELECT:
        got = " and ".join(kind.name for kind in kinds) or "nothing"
        raise SettingsError(f"{place} must be exactly one SELECT statement, got: {got}.{_ONE_SELECT_REMEDY}")
    if not isinstance(parsed[0], exp.Query):
        got = parsed[0].key.upper()
        raise SettingsError(f"{place} must be exactly one SELECT statement, got: {got}.{_ONE_SELECT_REMEDY}")
    return parsed[0]


def _sources_of(statement: exp.Expression) -> list[str]:
    inner = {cte.alias for cte in statement.find_all(exp.CTE)}
    return sorted({table.name for table in statement.find_all(exp.Table) if table.name and table.name not in inner})


def load_relations(mapping: Mapping, sources: Sources) -> dict[str, Relation | None]:
    """Load every source table that the mapping reads, before the connection is locked.

    Returns
    -------
    The relation each contract table is read from; None for one mapped by SQL. Optional tables whose files are not there
    are left out.
    """
    relations: dict[str, Relation | None] = {}
    for name, table in mapping.tables.items():
        wanted = [table.source] if table.sql is None else _sources_of(_one_select(name, table.sql))
        if table.optional and any(sources.find(source) is None for source in wanted):
            continue
        loaded = [sources.relation(source, wanted_by=name) for source in wanted]
        relations[name] = loaded[0] if table.sql is None else None
    return relations


def _text(column: str) -> str:
    return f"nullif(trim(CAST({quote(column)} AS VARCHAR)), '')"


_COMMA = r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?"
"""A number with a decimal comma, its thousands in groups by points or not at all."""


def _or_marked(test: str, text: str, read: str) -> str:
    """SQL: what was read where the test holds; else the text with a mark, so that the cast names it and its row."""
    words = ", ".join(map(literal, NULL_WORDS))
    return f"CASE WHEN {test} THEN {read} WHEN lower({text}) IN ({words}) THEN {text} ELSE '?' || {text} END"


def _plain_number(text: str) -> str:
    """SQL: a number with a decimal comma, written with a point."""
    point = f"replace(replace({text}, '.', ''), ',', '.')"
    return _or_marked(f"regexp_full_match({text}, {literal(_COMMA)})", text, point)


def _value(reading: Reading | AttributeReading | FeatureReading, source: str, *, comma: bool) -> str:
    """SQL for one column's text, its values translated, its date put in ISO form and its number written plainly."""
    text = _text(source)
    if reading.values:
        cases = []
        for given, ours in reading.values.items():
            test = f"{text} IS NULL" if given == "" else f"{text} = {literal(given)}"
            cases.append(f"WHEN {test} THEN " + ("NULL" if ours in ("", "null", "~") else literal(ours)))
        text = f"CASE {' '.join(cases)} ELSE {text} END"
    if isinstance(reading, Reading) and reading.format:
        moment = f"try_strptime({text}, {literal(reading.format)})"
        return _or_marked(f"{moment} IS NOT NULL", text, f"strftime({moment}, '%Y-%m-%d %H:%M:%S')")
    return _plain_number(text) if comma else text


def _source_column(name: str, relation: Relation, place: str) -> str:
    if name in relation.columns:
        return name
    if name == "TODO":
        raise DataError(
            "A TODO of the draft is not settled",
            table=place.split(".")[0],
            column=place.split(".")[-1],
            remedy=f"settle this TODO: write which column of {relation.name!r} it is, or delete the line if none is;"
            f" there are: {', '.join(relation.columns)}",
        )
    raise DataError(
        f"The mapping reads a column {name!r} that {relation.name!r} does not have",
        table=place.split(".")[0],
        column=place.split(".")[-1],
        remedy=did_you_mean(name, relation.columns),
    )


def select(name: str, table: TableMapping, relation: Relation | None, sources: Sources) -> str:
    """The query that gives a contract table its columns as text, with the source's row number in ``_row``.

    Columns of the contract that the mapping does not give are absent.

    Raises
    ------
    DataError : a column is not in the source
    SettingsError : SQL that is not one SELECT or gives columns the contract does not know
    """
    _check_settled(name, table)
    if relation is None:
        return _select_sql(name, table, sources)
    cells = []
    commas = table.commas(BY_NAME[name])
    for column, reading in table.columns.items():
        if reading.constant is not None:
            cells.append(f"{literal(reading.constant)} AS {quote(column)}")
        else:
            source = _source_column(reading.source or column, relation, f"{name}.{column}")
            cells.append(f"{_value(reading, source, comma=column in commas)} AS {quote(column)}")
    extra = [(key, reading) for key, reading in table.attributes.items()]
    extra += [(feature.name, feature) for feature in table.features]
    for key, reading in extra:
        source = _source_column(reading.source or key, relation, f"{name}.{key}")
        cells.append(f"{_value(reading, source, comma=key in commas)} AS {quote(key)}")
    origin = f"main.{quote(relation.name)}"
    if table.wide:
        return _select_wide(table, relation, cells)
    return f"SELECT {', '.join(cells)}, rowid + {relation.first_row} AS _row FROM {origin}"


def _months_of(table: TableMapping, relation: Relation) -> dict[str, str]:
    """The month of every column whose header reads as one."""
    used = {reading.source for reading in table.columns.values()}
    months: dict[str, str] = {}
    for column in relation.columns:
        if column in used:
            continue
        try:
            months[column] = datetime.strptime(column.strip(), table.wide.format).strftime("%Y-%m-01")
        except ValueError:
            continue
    return months


def unused(mapping: Mapping, relations: dict[str, Relation | None]) -> dict[str, tuple[str, ...]]:
    """Columns of the source that no table of the mapping reads, under the first table that reads their file.

    Tables mapped by SQL are not listed, as their statement says what they leave out; what they read counts as read.
    """
    read: dict[str, set[str]] = {}
    for name, relation in relations.items():
        table = mapping.tables[name]
        if relation is None:
            statement = _one_select(name, table.sql)
            mentioned = {column.name for column in statement.find_all(exp.Column)}
            for source in _sources_of(statement):
                read.setdefault(source, set()).update({"*"} if any(statement.find_all(exp.Star)) else mentioned)
            continue
        mine = read.setdefault(relation.name, set())
        mine |= {reading.source for reading in table.columns.values() if reading.source}
        mine |= {reading.source or key for key, reading in table.attributes.items()}
        mine |= {feature.source or feature.name for feature in table.features}
        mine |= set(_months_of(table, relation)) if table.wide else set()
    left: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    for name, relation in relations.items():
        if relation is None or relation.name in seen or "*" in read[relation.name]:
            continue
        seen.add(relation.name)
        if others := tuple(column for column in relation.columns if column not in read[relation.name]):
            left[name] = others
    return left


def _select_wide(table: TableMapping, relation: Relation, cells: list[str]) -> str:
    """One row an account and month from a column a month."""
    months = _months_of(table, relation)
    if not months:
        raise DataError(
            f"No column's header reads as a month by the format {table.wide.format!r}",
            table="mrr_snapshots",
            column="wide",
            examples=relation.columns[:5],
            remedy="give the format of the headers, such as '%Y-%m' for 2026-06 or '%b %Y' for Jun 2026",
        )
    doubled = sorted({month for month in months.values() if list(months.values()).count(month) > 1})
    if doubled:
        raise DataError("Two columns stand for the same month", table="mrr_snapshots", column="wide", examples=doubled)
    comma = "mrr" in table.commas(BY_NAME["mrr_snapshots"])
    parts = [
        f"SELECT {', '.join(cells)}, {literal(month)} AS month,"
        f" {_plain_number(_text(column)) if comma else _text(column)} AS mrr,"
        f" rowid + {relation.first_row} AS _row FROM main.{quote(relation.name)}"
        for column, month in months.items()
    ]
    return " UNION ALL ".join(parts)


def _sql_fails(name: str, sql: str, sources: Sources, error: duckdb.Error) -> DataError:
    """Why a statement that is one SELECT cannot be run, with the remedy for that cause."""
    if isinstance(error, duckdb.PermissionException):
        remedy = f"the SQL can read the folder's own tables only, by their names: {', '.join(sources.names)}"
        return DataError("The SQL of the mapping reads a file by itself, which is barred", table=name, remedy=remedy)
    if isinstance(error, duckdb.BinderException) and (found := re.search(r'column "([^"]+)" not found', str(error))):
        statement = _one_select(name, sql)
        there = {column for source in _sources_of(statement) for column in sources.relation(source).columns}
        return DataError(
            f"The SQL of the mapping names a column {found[1]!r} that its tables do not have",
            table=name,
            column=found[1],
            remedy=did_you_mean(found[1], there),
        )
    return DataError(
        f"The SQL of the mapping cannot be run: {cause(error)}",
        table=name,
        remedy='check the statement; columns of text files are text: cast them, such as "amount"::DECIMAL(18, 4)',
    )


def _select_sql(name: str, table: TableMapping, sources: Sources) -> str:
    contract = BY_NAME[name]
    sql = table.sql.strip().rstrip(";")
    try:
        described = sources.connection.execute(f"DESCRIBE ({sql})").fetchall()
    except duckdb.Error as error:
        raise _sql_fails(name, sql, sources, error) from None
    given = [row[0] for row in described if row[0] != "_row"]
    declared = {reading.source or key: key for key, reading in table.attributes.items()}
    declared |= {feature.source or feature.name: feature.name for feature in table.features}
    readings: dict[str, AttributeReading | FeatureReading] = dict(table.attributes)
    readings |= {feature.name: feature for feature in table.features}
    for column in given:
        if column not in contract.names and column not in declared:
            raise SettingsError(
                f"tables.{name}.sql gives a column {column!r} that the contract does not know;"
                f" {did_you_mean(column, (*contract.names, *declared))}"
            )
    for source, key in declared.items():
        if source not in given:
            raise DataError(
                f"The attribute {key!r} is not among the columns of the SQL",
                table=name,
                column=key,
                remedy=did_you_mean(source, given),
            )
    cells = [f"{_text(column)} AS {quote(column)}" for column in given if column in contract.names]
    cells += [
        f"{_value(readings[key], source, comma=readings[key].decimal == ',')} AS {quote(key)}"
        for source, key in declared.items()
    ]
    return f"SELECT {', '.join(cells)}, row_number() OVER () AS _row FROM ({sql})"


def as_is(sources: Sources) -> tuple[Mapping, dict[str, tuple[str, ...]]]:
    """The mapping for files that already bear contract names.

    Returns
    -------
    The mapping, and by table the columns of the source that the contract does not know.

    Raises
    ------
    DataError : no file bears the name of a table that a report can start from
    """
    tables: dict[str, dict] = {}
    unknown: dict[str, tuple[str, ...]] = {}
    found = [name for name in BY_NAME if sources.find(name) is not None]
    if not any(name in KEY_TABLES for name in found):
        raise DataError(
            f"No file is called {' or '.join(KEY_TABLES)}",
            examples=sources.names[:8],
            remedy="write a mapping; `check` without one writes a draft from your headers",
        )
    for name in found:
        contract, relation = BY_NAME[name], sources.relation(name)
        known = [column for column in contract.names if column in relation.columns]
        others = tuple(column for column in relation.columns if column not in contract.names)
        if others:
            unknown[name] = others
        tables[name] = {"from": name, "columns": {column: column for column in known}}
    for name, table in tables.items():
        if not table["columns"]:
            raise DataError(
                "None of the columns bears a contract name",
                table=name,
                examples=sources.relation(name).columns[:8],
                remedy=f"the contract's columns are: {', '.join(BY_NAME[name].names)}; rename them in a mapping",
            )
    try:
        return Mapping.model_validate({"tables": tables}), unknown
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        shapes = [name for name in found if name in KEY_TABLES]
        if len(shapes) > 1:
            raise DataError(
                f"A report starts from one table, and {' and '.join(shapes)} are there",
                examples=found,
                remedy="keep one of them in the folder, or write a mapping that reads one",
            ) from None
        raise DataError(
            f"The files do not make one report: {message}",
            examples=found,
            remedy="take what does not belong out of the folder, or write a mapping",
        ) from None
