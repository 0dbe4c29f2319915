"""Checking data against the contract without running the report, and drafting a mapping for strange headers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pandas as pd

from customer_value import intake
from customer_value.errors import DataError
from customer_value.intake.draft import draft
from customer_value.report.prepare import data_of, mapping_of
from customer_value.report.request import Request

Say = Callable[[str], object]


def check(request: Request, *, say: Say) -> None:
    """Load the data as a run would and say what was found; draft a mapping where there is none and loading fails.

    Parameters
    ----------
    request : the run that would follow
    say : called with each line for the reader

    Raises
    ------
    DataError : the data break a rule of the contract; where no mapping was given, a draft was written first
    """
    places, chosen = request.places, request.settings
    with places.alone():
        data = data_of(request)
        mapping = mapping_of(request, data)
        try:
            taken = intake.load(
                data,
                mapping=mapping,
                out=places.work / "check",
                as_of=chosen.as_of,
                grace_days=chosen.grace_days,
                max_set_aside=chosen.max_set_aside.model_dump(),
            )
        except DataError as error:
            if mapping is not None or request.is_sample:
                raise
            raise _with_draft(request, data, error) from error
    seen = f", as of the close of {taken.as_of}" if taken.as_of else ""
    say(f"The data can be used{seen}.")
    tables = taken.tables
    if taken.month_rows is not None:
        # The months are what was brought; the subscriptions made of them are nobody's to check.
        tables = {"mrr_snapshots": taken.month_rows} | {n: rows for n, rows in tables.items() if n != "subscriptions"}
    for table, rows in tables.items():
        say(f"  {table:<24} {rows:>10,} rows")
    _say_rules(taken.quality(), say)


def _with_draft(request: Request, data: str | Path, error: DataError) -> DataError:
    """The same error, its remedy a draft mapping that now lies there."""
    target, kept = save_draft(request.root / "data" / "mappings", request.places.name, draft(data))
    shown = _shown(target)
    older = f"            {_shown(kept)} is another draft and was left as it is\n" if kept else ""
    return DataError(
        error.rule,
        table=error.table,
        column=error.column,
        count=error.count,
        examples=error.examples,
        remedy=f"{error.remedy}\n"
        f"  draft:    if your columns have other names, settle the TODOs in {shown}, then\n"
        f"            make check DATA={request.settings.data} MAPPING={shown}\n{older}".rstrip(),
    )


def save_draft(folder: Path, name: str, text: str) -> tuple[Path, Path | None]:
    """Write a draft where no other one lies: someone may be half-way through settling its TODOs.

    Parameters
    ----------
    folder : of the mappings; made if it is not there
    name : of the report
    text : the draft

    Returns
    -------
    The file that holds the text, ``<name>.draft.yml`` or the first free ``<name>.2.draft.yml`` and so on; and the last
    draft with other content that was left alone, if any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept: Path | None = None
    for number in count(1):
        target = folder / f"{name}{'' if number == 1 else f'.{number}'}.draft.yml"
        try:
            with target.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            if target.is_dir() or target.read_text(encoding="utf-8", errors="replace") != text:
                kept = target
                continue
        return target, kept
    raise AssertionError("counting does not end")


def _unit(rule: str, count: int) -> str:
    """What a rule counts, for the few that do not count rows."""
    unit = {"sudden_change": "month", "unknown_column": "column", "no_currency": "table"}.get(rule, "row")
    return unit if count == 1 else f"{unit}s"


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _say_rules(quality: pd.DataFrame, say: Say) -> None:
    broken = quality[quality["rows"] > 0]
    if broken.empty:
        say(f"All {len(quality)} rules hold.")
        return
    say(f"{len(broken)} of {len(quality)} rules found something:")
    for rule in broken.itertuples():
        place = ".".join(part for part in (rule.table, rule.column) if part)
        counted = f"{rule.rows:,} {_unit(rule.rule, rule.rows)}"
        say(f"  {rule.severity.replace('_', ' ')}: {place}: {rule.meaning} ({counted})")
        if rule.examples:
            say(f"      such as {rule.examples}")
        if rule.remedy:
            say(f"      remedy: {rule.remedy}")
