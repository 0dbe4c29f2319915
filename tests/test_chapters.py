"""What of a chapter can be shown where tables are missing."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from customer_value.report import chapters
from customer_value.report.settings import Chapter
from customer_value.strategy import findings

EITHER = "usage_events or feature_usage_monthly"


@pytest.fixture
def chapter(tmp_path: Path) -> Chapter:
    cells = [
        nbformat.v4.new_raw_cell("---\ntitle: Use\n---"),
        nbformat.v4.new_markdown_cell("What is used?"),
        nbformat.v4.new_code_cell("raise RuntimeError"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "use.ipynb")
    return Chapter("use", tmp_path / "use.ipynb", ("subscriptions", EITHER), {})


@pytest.mark.parametrize(
    ("tables", "missing"),
    [
        (set(), ["subscriptions", EITHER]),
        ({"subscriptions"}, [EITHER]),
        ({"usage_events"}, ["subscriptions"]),
        ({"subscriptions", "usage_events"}, []),
        ({"subscriptions", "feature_usage_monthly"}, []),
    ],
)
def test_one_of_several_tables_is_enough(chapter: Chapter, tables: set[str], missing: list[str]) -> None:
    assert chapters.missing_tables(chapter, tables) == missing


def test_the_short_page_names_every_table_that_would_do(chapter: Chapter, tmp_path: Path) -> None:
    made = tmp_path / "made"
    chapters.execute(chapter, made, tables={"subscriptions"}, stamp="x", log=tmp_path / "log")
    page = nbformat.read(made / "notebook.ipynb", as_version=4)
    assert [cell.cell_type for cell in page.cells] == ["raw", "markdown", "markdown"]
    said = page.cells[-1].source
    assert "the data have no table `usage_events` or `feature_usage_monthly`" in said
    assert "This chapter needs `usage_events` or `feature_usage_monthly`." in said
    (record,) = findings.read_file(made / "findings.json")
    assert record.needs == (EITHER,)


@pytest.mark.parametrize(
    ("tags", "tables", "left_out"),
    [
        ([], set(), False),
        (["needs-flat"], {"flat"}, False),
        (["needs-flat"], {"customers"}, True),
        (["needs-usage_events|activity_monthly"], {"activity_monthly"}, False),
        (["needs-usage_events|activity_monthly"], {"customers"}, True),
        (["needs-customers", "needs-usage_events|activity_monthly"], {"usage_events"}, True),
    ],
)
def test_a_cell_is_left_out_where_none_of_its_tables_is_there(
    tags: list[str], tables: set[str], left_out: bool
) -> None:
    cell = nbformat.v4.new_code_cell("1", metadata={"tags": tags})
    assert chapters._unanswerable(cell, tables) is left_out
