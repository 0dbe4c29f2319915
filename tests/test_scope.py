"""docs/scope.md says what the report can do, where it shows and what proves it: every reference must exist."""

from __future__ import annotations

import ast
import importlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "scope.md").read_text(encoding="utf-8")
COLUMNS = ("what", "shown", "function", "proof")
ROW = re.compile(r"^\| (?P<id>[A-Z]\d+) " + "".join(rf"\| (?P<{name}>[^|]+) " for name in COLUMNS) + r"\|$")


def rows() -> list[dict[str, str]]:
    """The rows of the tables, one a capability."""
    return [match.groupdict() for match in map(ROW.match, TEXT.splitlines()) if match]


def quoted(cell: str) -> list[str]:
    """What a cell names in code style."""
    return re.findall(r"`([^`]+)`", cell)


def defined(path: Path) -> set[str]:
    """Names of the tests in a file, those of a class behind its name."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return found


def test_every_row_of_the_tables_is_read() -> None:
    assert len(rows()) == len(re.findall(r"^\| [A-Z]\d+ \|", TEXT, flags=re.MULTILINE)) > 0


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["id"])
def test_functions_exist(row: dict[str, str]) -> None:
    names = quoted(row["function"])
    assert names
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(f"customer_value.{module}"), attribute), name


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["id"])
def test_proofs_exist(row: dict[str, str]) -> None:
    names = quoted(row["proof"])
    assert names
    for name in names:
        file, _, test = name.partition("::")
        assert test in defined(ROOT / "tests" / file), name


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["id"])
def test_places_exist(row: dict[str, str]) -> None:
    """``page#label`` is a page's figure, table or heading of that label; other places are files."""
    names = quoted(row["shown"])
    assert names
    for name in names:
        page, hash_sign, label = name.partition("#")
        if not hash_sign:
            assert (ROOT / page).exists(), name
            continue
        cells = json.loads((ROOT / "notebooks" / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells)
        assert re.search(rf'"{label}"|\{{#{label}[ }}]', text) or label == "answer", name
