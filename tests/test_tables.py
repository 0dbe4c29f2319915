"""Tables print the result's own numbers, alike in HTML and in Markdown, with other people's names made harmless."""

from __future__ import annotations

import datetime as dt
import inspect
import math
from html.parser import HTMLParser

import pandas as pd
import pypandoc
import pytest

from customer_value import tables
from customer_value.stats.result import Result
from customer_value.strategy.wording import Words

WORDS = Words(currency="GBP")
NASTY = "<script>alert(1)</script> **b** | `c` $d$ [e](f)"


def plans() -> Result:
    table = pd.DataFrame(
        {
            "plan": [NASTY, "Pro", "Tiny", "Last"],
            "month": [dt.date(2024, 1, 1)] * 4,
            "estimate": [0.84, 0.7, math.nan, 0.5],
            "low": [0.82, 0.6, math.nan, 0.4],
            "high": [0.85, 0.8, math.nan, 0.6],
            "n": [1664, 50, 12, 40],
            "p_adjusted": [0.0001, 0.2, math.nan, 0.04],
        }
    )
    notes = ("Only <b>whole</b> months.",)
    return Result("retention", table, ("plan", "month"), "share", 0.95, "accounts", suppressed=1, notes=notes)


class Reader(HTMLParser):
    """Cells by row, and the attributes of every tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.open = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.open = False

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


def html_rows(result: Result, **options: object) -> list[list[str]]:
    return Reader(tables.html(result, words=WORDS, id="tbl-x", **options)).rows


def pipe_rows(result: Result, **options: object) -> list[list[str]]:
    """The pipe table as pandoc reads it, so that the escapes are undone by the reader of record."""
    markdown = tables.pipe(result, words=WORDS, **options)
    return Reader(pypandoc.convert_text(markdown, "html", "markdown", extra_args=["--wrap=none"])).rows


def test_cells():
    rows = html_rows(plans(), labels={"plan": "Plan"})
    assert rows[0] == ["Plan", "Month", "Share", "95% interval", "Accounts", "p, adjusted"]
    assert rows[1] == [NASTY, "Jan 2024", "84%", "82 to 85%", "1,664", "under 0.001"]
    assert rows[3] == ["Tiny", "Jan 2024", "too few (12)", "", "12", "–"]


def test_both_forms_hold_the_same_cells():
    assert pipe_rows(plans()) == html_rows(plans())


def test_names_of_others_are_text():
    page = tables.html(plans(), words=WORDS, id="tbl-x", labels={"plan": "<i>"}, caption='A "quote" & <b>')
    assert "<script" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "`" not in page  # could end the raw block around it
    converted = pypandoc.convert_text(tables.pipe(plans(), words=WORDS), "html", "markdown")
    for markup in ("<script", "<strong", "<code", "<a ", 'class="math', "<b>"):
        assert markup not in converted


def test_page_can_style_it():
    page = tables.html(plans(), words=WORDS, id="tbl-x")
    assert "<style" not in page
    assert "#" not in page.replace("&#", "")  # no colour of its own
    assert "http" not in page
    assert 'class="interval gt_row gt_right"' in page


def test_it_is_accessible():
    page = Reader(tables.html(plans(), words=WORDS, id="tbl-x", caption="Retention by plan"))
    region = page.tags[0][1]
    assert (region["class"], region["role"], region["tabindex"]) == ("table-scroll", "region", "0")
    assert region["aria-label"] == "Retention by plan"
    scopes = [attributes["scope"] for tag, attributes in page.tags if tag == "th"]
    assert scopes == ["col"] * 6 + ["row"] * 4
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "tbl-x" not in ids  # the page's figure has it
    for tag, attributes in page.tags:
        if tag == "td":
            assert set(attributes["headers"].split()) <= set(ids)


def test_it_repeats():
    assert tables.html(plans(), words=WORDS, id="tbl-x") == tables.html(plans(), words=WORDS, id="tbl-x")


def test_no_blank_line_ends_a_raw_block():
    assert "\n\n" not in tables.html(plans(), words=WORDS, id="tbl-x")


def test_top_says_what_is_left_out():
    assert len(html_rows(plans(), top=2)) == 3
    assert "The first 2 of 4 rows." in tables.html(plans(), words=WORDS, id="t", top=2)
    assert "The first" not in tables.html(plans(), words=WORDS, id="t", top=4)


def test_columns_in_their_order_with_labels_for_values():
    rows = html_rows(plans(), columns=["n", "plan", "high"], labels={"n": "Customers", "Pro": "Professional"})
    assert rows[0] == ["Customers", "Plan", "High"]
    assert rows[2] == ["50", "Professional", "80%"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [(["colour"], "has no column"), ([], "one to 7"), (["n"] * 8, "one to 7")],
)
def test_impossible_columns_are_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        tables.html(plans(), words=WORDS, id="t", columns=columns)


def test_units_by_row():
    table = pd.DataFrame(
        {
            "metric": ["grr", "arr", "lifetime", "gap", "customers", "ratio"],
            "estimate": [0.912, 1_234_567.0, 14.0, -0.031, 1200.0, 1.5],
            "unit": ["share", "money", "months", "points", "count", "ratio"],
        }
    )
    rows = html_rows(Result("kpis", table, ("metric",), "by row", None, "accounts"))
    printed = [row[1].replace("\N{NO-BREAK SPACE}", " ") for row in rows[1:]]
    assert printed == ["91%", "£1,234,567", "14 months", "−3.1 percentage points", "1,200", "1.50"]


def test_decimals_are_alike_down_a_column():
    table = pd.DataFrame({"level": ["a", "b", "c"], "estimate": [0.912, 0.92, 0.951]})
    rows = html_rows(Result("r", table, ("level",), "share", None, "accounts"))
    assert [row[1] for row in rows[1:]] == ["91.2%", "92.0%", "95.1%"]


def test_further_columns_take_their_unit_from_their_name_or_the_caller():
    table = pd.DataFrame(
        {"name": ["a"], "estimate": [-1234.5], "opening_mrr": [5000.0], "arr_share": [0.25], "x": [0.5]}
    )
    result = Result("movers", table, ("name",), "money", None, "accounts")
    columns = ["name", "estimate", "opening_mrr", "arr_share", "x"]
    assert html_rows(result, columns=columns)[1] == ["a", "−£1,235", "£5,000", "25%", "0.50"]
    assert html_rows(result, columns=columns, units={"x": "share"})[1][-1] == "50%"


def test_empty_result():
    empty = plans().with_table(plans().table.head(0))
    assert "There is nothing to list." in tables.html(empty, words=WORDS, id="t")
    assert len(html_rows(empty)) == 1


def test_input_is_not_changed():
    result = plans()
    before = result.table.copy(deep=True)
    tables.html(result, words=WORDS, id="t")
    tables.pipe(result, words=WORDS)
    pd.testing.assert_frame_equal(result.table, before)


def test_no_option_is_swallowed():
    for function in (tables.html, tables.pipe):
        kinds = {one.kind for one in list(inspect.signature(function).parameters.values())[1:]}
        assert kinds == {inspect.Parameter.KEYWORD_ONLY}
