"""What a notebook holds: periods, attributes, and what reaches the page and the file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from customer_value import figures
from customer_value.chapter import Chapter
from customer_value.errors import SettingsError
from customer_value.stats.result import Result
from customer_value.strategy.findings import Finding
from marts_fixtures import build_marts

ROWS = [
    {"customer_id": f"c{number:02d}", "start_date": "2023-01-10", "end_date": None, "mrr": 100, "product": "Basic"}
    for number in range(40)
]
CONTEXT = {"locale": "en-GB", "currency": "GBP", "chapters": ["one"], "front_page": "front"}


@pytest.fixture
def opened(tmp_path: Path) -> Chapter:
    run = tmp_path / "run"
    run.mkdir()
    customers = [{"customer_id": row["customer_id"], "channel": "web"} for row in ROWS]
    build_marts(
        run,
        as_of="2024-06-30",
        observed_from="2022-12-31",
        subscriptions=ROWS,
        customers=customers,
        attributes={"channel": {"table": "customers", "known_at": "signup", "label": "Channel", "kind": "text"}},
    )
    (run / "run.json").write_text(json.dumps(CONTEXT), encoding="utf-8")
    return Chapter("one", run, published=True)


def made() -> Result:
    table = pd.DataFrame({"level": ["a", "b"], "estimate": [0.5, np.nan], "low": [0.4, np.nan], "high": [0.6, np.nan],
                          "n": [40, 3]})  # fmt: skip
    return Result(name="made", table=table, keys=("level",), unit="share", level=0.95, n_of="accounts", suppressed=1)


def test_the_period_is_the_last_year_unless_asked_otherwise(opened: Chapter) -> None:
    assert (opened.period().start, opened.period().end) == (date(2023, 6, 30), date(2024, 6, 30))
    assert opened.period("2024-01-31", "2024-02-29").start == date(2024, 1, 31)
    with pytest.raises(SettingsError, match="year-month-day"):
        opened.period("last year")


def test_attributes_come_as_text_and_leave_out_what_accounts_began_with(opened: Chapter) -> None:
    assert opened.attributes() == ["plan", "term", "mrr_band", "channel"]
    assert opened.attributes("plan, channel,plan") == ["plan", "channel"]
    assert opened.attributes(["first_plan"]) == ["first_plan"]


def test_an_unknown_attribute_is_told_the_nearest(opened: Chapter) -> None:
    with pytest.raises(SettingsError, match="did you mean channel\\?"):
        opened.attributes("plan,chanel")
    with pytest.raises(SettingsError, match="There are: plan, term"):
        opened.attributes("zzz")


def test_the_page_shows_a_selection_and_the_file_has_everything(opened: Chapter, shown) -> None:
    page = made().with_table(made().table.head(1))
    opened.show(made(), "levels", caption="Levels.", page=page)
    file = pd.read_csv(opened._folder / "tables" / "levels.csv")
    assert list(file["level"]) == ["a", "b"]
    assert "too few" not in shown()
    opened.show(made(), "all", caption="Levels.")
    assert "too few" in shown()


def test_nothing_to_say_says_nothing(opened: Chapter, shown) -> None:
    opened.say("")
    opened.callout("note", "Empty", None)
    nothing = made().with_table(made().table.tail(1))
    opened.draw(figures.intervals, nothing, label="none", caption="None.")
    opened.show(made(), "none", caption="None.", page=made().with_table(made().table.head(0)))
    assert shown() == ""
    with pytest.raises(SettingsError, match="callout is one of"):
        opened.callout("shout", "Empty", "Text")


@pytest.fixture
def shown(monkeypatch):
    """Everything displayed since it was last asked for, as one text."""
    texts: list[str] = []
    monkeypatch.setattr("customer_value.chapter.display", lambda output: texts.append(output.data))

    def since() -> str:
        text = "\n".join(texts)
        texts.clear()
        return text

    return since


def test_in_jupyterlab_findings_reach_the_strategy_notebook(
    opened: Chapter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    alone = Chapter("one", run, published=False)
    alone.record(Finding(id="x", chapter="one", kind="not_studied", subject="a question", needs=("costs",)))
    alone.say("::: {.lead}\nA sentence.\n:::")
    assert [finding.id for finding in Chapter("strategy", run, published=False).findings()] == ["x"]
    assert ":::" not in capsys.readouterr().out
