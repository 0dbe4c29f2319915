"""From marts to findings and decisions: the notebooks' own code, and the front page's own gate.

Of a notebook only the statements are run that what it records depends on, so that no page is written and nothing drawn;
what is left is what the report does, and cannot drift from it.
"""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import CodeType
from unittest.mock import patch

import nbformat

from customer_value import chapter
from customer_value.marts import Marts
from customer_value.report import chapters, settings
from customer_value.strategy import findings as finding_records
from customer_value.strategy.decisions import Decision, decide
from customer_value.strategy.findings import Finding
from customer_value.strategy.wording import Words

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = settings.load(ROOT / "report.yml")
CHAPTERS = {each.name: each for each in settings.chapters(SETTINGS, ROOT / "notebooks")}
WITHOUT_CONTRASTS = ("data_quality",)
"""Chapters that record no association: they have no say in what is recommended because of one."""

LEFT_OUT = (*WITHOUT_CONTRASTS, SETTINGS.front_page.notebook)
ACTED_ON = ("Do it", "Test first")


def findings(of: Marts) -> list[Finding]:
    """What every chapter that compares anything puts on record."""
    return [finding for name in contrasting(of) for finding in run(of, name)[0]]


def contrasting(of: Marts) -> list[str]:
    """The chapters that compare anything and have the tables to do it, in the report's order."""
    tables = set(of.meta.tables)
    return [name for name, one in CHAPTERS.items() if name not in LEFT_OUT and not chapters.missing_tables(one, tables)]


def recommended(records: list[Finding], of: Marts) -> list[Decision]:
    """Decisions that rest on a contrast and say that something should be done or tested."""
    decisions = decide(records, tables=of.meta.tables).ranked
    return [each for each in decisions if each.lead.kind == "association" and each.certainty in ACTED_ON]


def run(of: Marts, name: str, *, also: tuple[str, ...] = ()) -> tuple[list[Finding], Mapping[str, object]]:
    """Run the statements that a chapter's records, and the variables named besides, depend on.

    Returns
    -------
    What the chapter records, and its variables by name.
    """
    variables: dict[str, object] = dict(CHAPTERS[name].parameters)
    recorded: list[Finding] = []
    with patch.object(chapter, "open", lambda opened: _Silent(opened, of, recorded)):
        exec(_statements(name, frozenset(of.meta.tables), also), variables)
    return recorded, variables


class _Silent(chapter.Chapter):
    """A chapter that shows nothing and keeps what is recorded."""

    def __init__(self, name: str, of: Marts, recorded: list[Finding]) -> None:
        self.name, self.published = name, False
        self.words = Words(locale=SETTINGS.locale, currency=of.meta.currency or "")
        self._recorded = recorded
        self.__dict__ |= {"marts": of, "rules": SETTINGS.segments}

    def say(self, markdown: str) -> None:
        """Nothing."""

    def draw(self, *positional: object, **named: object) -> None:
        """Nothing."""

    def show(self, *positional: object, **named: object) -> None:
        """Nothing."""

    def record(self, found: Finding | list[Finding]) -> None:
        """Keep it, and see that no two have one id, as writing them would."""
        self._recorded += [found] if isinstance(found, Finding) else list(found)
        with tempfile.TemporaryDirectory() as folder:
            finding_records.write(Path(folder) / "findings.json", self._recorded)


@cache
def _statements(name: str, tables: frozenset[str], also: tuple[str, ...] = ()) -> CodeType:
    """The code of a chapter's notebook that its records depend on, without the defaults of its parameters."""
    body: list[ast.stmt] = []
    for cell in nbformat.read(CHAPTERS[name].path, as_version=4).cells:
        given = "parameters" in cell.metadata.get("tags", [])
        if cell.cell_type == "code" and not given and not chapters._unanswerable(cell, set(tables)):
            body += ast.parse(cell.source).body
    needed = set(also)
    kept: list[ast.stmt] = []
    for statement in reversed(body):
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            bound = {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
        if bound & needed or _records(statement):
            kept.append(statement)
            needed |= {node.id for node in names if isinstance(node.ctx, ast.Load)}
    return compile(ast.Module(body=kept[::-1], type_ignores=[]), f"{name}.ipynb", "exec")


def _records(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "record" for node in ast.walk(statement))
