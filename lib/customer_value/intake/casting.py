"""Casting: the contract's types given to text, and every value that does not fit named with its row.

Nothing is guessed. Dates are ISO (2026-06-30) unless the mapping gives a format; numbers are plain; what does not fit
stops the run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import duckdb

from customer_value.errors import DataError
from customer_value.intake.contract import Column, Table
from customer_value.intake.sources import literal, quote

NULL_WORDS = ("null", "nan", "nat", "none", "n/a", "na", "#n/a", "\\n")
"""Words that mean an empty cell in a column of dates, numbers or truth values (text columns keep them)."""

TRUE, FALSE = ("true", "yes", "y", "t", "1"), ("false", "no", "n", "f", "0")
EARLIEST, LATEST = "1970-01-01", "2100-12-31"

_ISO = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|UTC|[+-]\d{2}(:?\d{2})?))?)?"
_CLOCK = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
DECIMAL_COMMA = r"[+-]?(\d+|\d{1,3}(\.\d{3})+),(\d{1,2}|\d{4,})"
"""Surely a decimal comma: three digits after it could as well be a thousands separator."""
_WHOLE = r"[+-]?\d+(\.0*)?"

FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d", "%d/%m/%y", "%m/%d/%y",
    "%d.%m.%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%b %Y", "%B %Y", "%m/%Y",
    "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S",
    "%m/%d/%y %H:%M", "%d/%m/%y %H:%M", "%m/%d/%Y %I:%M %p", "%d/%m/%Y %I:%M %p", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S",
)  # fmt: skip
"""Date formats that are offered as remedies and in drafts; never applied unasked."""


def formats_fitting(values: list[str]) -> list[str]:
    """The known formats by which every one of these texts is a date."""

    def fits(value: str, form: str) -> bool:
        try:
            datetime.strptime(value, form)
        except ValueError:
            return False
        return True

    return [form for form in FORMATS if values and all(fits(value, form) for value in values)]


def expression(column: Column, text: str) -> str:
    """SQL that turns text into the column's type; null where it does not fit."""
    if column.kind in ("id", "text"):
        return f"lower({text})" if column.values else text
    given = f"CASE WHEN lower({text}) NOT IN ({', '.join(map(literal, NULL_WORDS))}) THEN {text} END"

    def where_it_fits(pattern: str, value: str) -> str:
        return f"CASE WHEN regexp_full_match({given}, {literal(pattern)}) THEN {value} END"

    match column.kind:
        case "date":
            return where_it_fits(_ISO, f"try_cast(left({text}, 10) AS DATE)")
        case "month":
            day = f"try_cast(CASE WHEN length({text}) = 7 THEN {text} || '-01' ELSE left({text}, 10) END AS DATE)"
            return where_it_fits(_ISO + r"|\d{4}-\d{2}", f"date_trunc('month', {day})::DATE")
        case "time":
            clock = f"replace(regexp_extract({text}, {literal(_CLOCK)}), 'T', ' ')"
            return where_it_fits(_ISO, f"try_cast({clock} AS TIMESTAMP)")
        case "money" | "number":
            return where_it_fits(_NUMBER, f"try_cast({text} AS {column.sql_type})")
        case "count":
            whole = f"regexp_replace({text}, '\\.0*$', '')"
            return where_it_fits(_WHOLE, f"try_cast({whole} AS BIGINT)")
        case "boolean":
            yes, no = (", ".join(map(literal, words)) for words in (TRUE, FALSE))
            return f"CASE WHEN lower({text}) IN ({yes}) THEN true WHEN lower({text}) IN ({no}) THEN false END"
    raise ValueError(f"unknown kind of column: {column.kind!r}")


def _bad(column: Column, text: str) -> str:
    """SQL that is true where a value is there but does not fit."""
    if column.kind in ("id", "text"):
        allowed = ", ".join(map(literal, column.values))
        return f"lower({text}) NOT IN ({allowed})" if column.values else "false"
    empty = ", ".join(map(literal, NULL_WORDS))
    return f"{text} IS NOT NULL AND lower({text}) NOT IN ({empty}) AND ({expression(column, text)}) IS NULL"


def cast(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    columns: tuple[Column, ...],
    *,
    relation: str,
    formats: Mapping[str, str] | None = None,
    commas: frozenset[str] = frozenset(),
) -> str:
    """The query that types a table of text, after checking every value.

    Parameters
    ----------
    relation : a relation of the connection with text columns and ``_row``, the row's number in the source
    columns : the columns to give, the contract's and declared attributes; those the relation lacks become null
    formats : the date formats of the mapping, by column; only for saying by which one a value could not be read
    commas : columns declared to have a decimal comma, for the same end

    Raises
    ------
    DataError : a value is of the wrong type, in a mixed or unknown date format, or a date outside 1970 to 2100
    """
    present = {row[0] for row in connection.execute(f"DESCRIBE {relation}").fetchall()}
    typed = [column for column in columns if column.name in present]
    checks = []
    for column in typed:
        text = quote(column.name)
        tests = [_bad(column, text)]
        if column.kind in ("date", "month", "time"):
            day = f"({expression(column, text)})::DATE"
            tests.append(f"({day} < DATE '{EARLIEST}' OR {day} > DATE '{LATEST}')")
        for test in tests:
            checks.append(f"count(*) FILTER (WHERE {test}), arg_min({text}, _row, 3) FILTER (WHERE {test})")
            checks.append(f"min(_row, 3) FILTER (WHERE {test})")
    if checks:
        found = iter(connection.execute(f"SELECT {', '.join(checks)} FROM {relation}").fetchone())
        for column in typed:
            wrong = next(found), next(found) or [], next(found) or []
            if wrong[0]:
                raise _wrong_type(
                    connection,
                    table,
                    column,
                    relation,
                    *wrong,
                    form=(formats or {}).get(column.name),
                    comma=column.name in commas,
                )
            if column.kind in ("date", "month", "time"):
                outside = next(found), next(found) or [], next(found) or []
                if outside[0]:
                    raise DataError(
                        "A date lies outside 1970 to 2100",
                        table=table.name,
                        column=column.name,
                        count=outside[0],
                        examples=_examples(outside[1], outside[2]),
                        remedy="correct it, or if it stands for 'none' map it to empty: values: {'9999-12-31': ''}",
                    )
    cells = [
        f"{expression(column, quote(column.name))} AS {quote(column.name)}"
        if column.name in present
        else f"NULL::{column.sql_type} AS {quote(column.name)}"
        for column in columns
    ]
    return f"SELECT {', '.join(cells)} FROM {relation}"


def _examples(values: list[str], rows: list[int]) -> tuple[str, ...]:
    return tuple(f"{value.removeprefix('?')!r} in row {row}" for value, row in zip(values, rows, strict=True))


def _shape(value: str) -> str:
    return "".join("9" if sign.isdigit() else "a" if sign.isalpha() else sign for sign in value)


def _wrong_type(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    column: Column,
    relation: str,
    count: int,
    values: list,
    rows: list,
    *,
    form: str | None,
    comma: bool,
) -> DataError:
    text = quote(column.name)
    described = {
        "date": "a date such as 2026-06-30",
        "month": "a month such as 2026-06 or a date in it",
        "time": "a time such as 2026-06-30 14:05",
        "money": "an amount such as 1234.50",
        "number": "a number such as 12.5",
        "count": "a whole number such as 12",
        "boolean": "true or false (or yes/no, 1/0)",
    }.get(column.kind, f"one of {', '.join(column.values)}")
    first = f"row {rows[0]} has {values[0].removeprefix('?')!r}"
    rule = f"Every value must be {described}; {first}"
    if column.kind in ("date", "month", "time"):
        bad = [
            row[0].removeprefix("?")
            for row in connection.execute(
                f"SELECT DISTINCT {text} FROM {relation} WHERE {_bad(column, text)} ORDER BY 1 LIMIT 5000"
            ).fetchall()
        ]
        good = connection.execute(
            f"SELECT count(*) FROM {relation} WHERE {text} IS NOT NULL AND NOT ({_bad(column, text)})"
        ).fetchone()[0]
        shapes = Counter(_shape(value) for value in bad)
        fitting = formats_fitting(bad)
        if form:
            rule = f"Every value must be a date by the mapping's format {form!r}; {first}"
            if good:
                rule = f"Every date must fit the mapping's format {form!r}; {good:,} do and {count:,} do not: {first}"
                remedy = "bring the column into one format, best 2026-06-30, or split the two by SQL in the mapping"
            elif all(re.fullmatch(_ISO, value) for value in bad):
                remedy = f"dates written 2026-06-30 need no format: {column.name}: {{from: …}}"
            elif fitting:
                remedy = f"correct the format in the mapping: {' or '.join(map(repr, fitting))} would fit"
            else:
                remedy = "correct the format in the mapping; %d is the day, %m the month, %Y the year"
        elif good or (len(shapes) > 1 and not fitting):
            rule = f"Dates must all be in one format; {good:,} can be read and {count:,} cannot: {first}"
            remedy = "bring the column into one format, best 2026-06-30, or split the two by SQL in the mapping"
        elif len(fitting) > 1:
            remedy = (
                f"several formats fit, {' and '.join(map(repr, fitting))}; say which in the mapping, such as"
                f" {column.name}: {{from: …, format: '{fitting[0]}'}}"
            )
        elif fitting:
            remedy = f"give the format in the mapping: {column.name}: {{from: …, format: '{fitting[0]}'}}"
        else:
            remedy = f"give the format in the mapping, such as {column.name}: {{from: …, format: '%d/%m/%Y'}}"
    elif column.kind in ("money", "number", "count") and comma:
        rule = f"Every value must be a number with a decimal comma, such as 1234,50 or 1.234,50; {first}"
        remedy = f"correct it, or take `decimal: ','` out of the mapping if {column.name} has decimal points"
    elif column.kind in ("money", "number", "count") and all(re.fullmatch(DECIMAL_COMMA, v) for v in values):
        remedy = (
            f"if these are decimal commas, say so in the mapping: {column.name}: {{from: …, decimal: ','}},"
            " or `decimal: ','` once for the whole table"
        )
    elif column.kind in ("money", "number", "count"):
        remedy = (
            "write numbers plainly: a point for decimals (or `decimal: ','` in the mapping), no thousands separator,"
            " no currency sign, no unit"
        )
    else:
        remedy = f"translate it in the mapping: {column.name}: {{from: …, values: {{theirs: ours}}}}"
    return DataError(
        rule, table=table.name, column=column.name, count=count, examples=_examples(values, rows), remedy=remedy
    )
