"""Settings are refused before anything starts, with the nearest right name."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import nbformat
import pytest

from customer_value.errors import SettingsError
from customer_value.report import settings

GOOD = "title: A report\nfront_page: {notebook: front}\nchapters: [{notebook: one}]\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "report.yml"
    path.write_text(text, encoding="utf-8")
    return path


def notebook(folder: Path, name: str, parameters: str) -> None:
    cell = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}, id="parameters")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / f"{name}.ipynb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    notebook(tmp_path, "front", "confidence = 0.95")
    notebook(tmp_path, "one", 'confidence = 0.95\nmin_group = 30\nperiod_from = ""  # a = b\nraw = False')
    return tmp_path


def test_the_shipped_settings_are_valid(root: Path) -> None:
    chosen = settings.load(root / "report.yml")
    ready = settings.chapters(chosen, root / "notebooks")
    assert [chapter.name for chapter in ready][-1] == "strategy"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "titel: x", r"Unknown setting: \.?titel|Did you mean title\?"),
        (GOOD + "grace_days: soon", "grace_days.*got: 'soon'"),
        (GOOD + "grace_days: -1", "grace_days.*got: -1"),
        (GOOD + "as_of: 2200-01-01", "as_of: must lie between 1970-01-01 and 2100-12-31"),
        (GOOD + "as_of: 2024-02-31", "day is out of range"),
        (GOOD + "locale: fr-FR", "locale: must be one of"),
        (GOOD + "currency: pounds", "currency"),
        (GOOD + "max_set_aside: {other: 2}", "max_set_aside.other"),
        (GOOD.replace("[{notebook: one}]", "[{notebook: one}, {notebook: one}]"), "lists a chapter twice: one"),
        (GOOD.replace("{notebook: one}", "{notebok: one}"), "Did you mean notebook"),
        (GOOD + "segments: {usge: {}}", "segments.usge. Did you mean usage"),
        (GOOD + "segments: {usage: {power: 0.1}}", "segments.usage.power. Did you mean power_share"),
        (GOOD + "segments: {usage: {power_share: 0.7}}", "core_share must be above power_share"),
        (GOOD + "segments: {behaviours: [{name: a, within_days: 9, mileston: b}]}", "Did you mean milestone"),
        (GOOD + "segments: {behaviours: [{name: a, within_days: 9}]}", "exactly one of milestone, feature and usage"),
        (GOOD + "segments: {behaviours: [{name: a, within_days: 9, usage: events}]}", "one of at_least and top_share"),
        ("just text", "keys and values"),
        ("a: [", "no valid YAML"),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings.load(write(tmp_path, text))


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings file is missing"):
        settings.load(tmp_path / "report.yml")


def test_overrides_win_and_none_does_not(tmp_path: Path) -> None:
    chosen = settings.load(write(tmp_path, GOOD + "as_of: 2024-01-01"), as_of=date(2024, 6, 30), data=None)
    assert chosen.as_of == date(2024, 6, 30)
    assert chosen.data is None


def test_precedence_is_default_report_chapter_command_line(folder: Path) -> None:
    text = (
        "title: A report\nparameters: {confidence: 0.9, min_group: 20}\nfront_page: {notebook: front}\n"
        "chapters: [{notebook: one, parameters: {min_group: 10}}]\n"
    )
    chosen = settings.load(write(folder, text))
    one, front = settings.chapters(chosen, folder)
    assert one.parameters == {"confidence": 0.9, "min_group": 10, "period_from": "", "raw": False}
    assert front.parameters == {"confidence": 0.9}
    one, front = settings.chapters(chosen, folder, given={"confidence": "0.8", "raw": "true"})
    assert one.parameters["confidence"] == front.parameters["confidence"] == 0.8
    assert one.parameters["raw"] is True


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"horizn": "12"}, "No chapter declares the parameter horizn"),
        ({"min_gruop": "12"}, "Did you mean min_group"),
        ({"min_group": "many"}, "min_group must be a whole number, got: 'many'"),
        ({"min_group": "0"}, "min_group must lie between"),
        ({"confidence": "nan"}, "confidence must be a number"),
        ({"confidence": "95"}, "confidence must lie between"),
        ({"raw": "maybe"}, "raw must be true or false"),
        ({"period_from": "01/02/2024"}, "period_from must be a date"),
    ],
)
def test_a_wrong_parameter_is_refused(folder: Path, given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings.chapters(settings.load(write(folder, GOOD)), folder, given=given)


def test_a_chapter_without_a_notebook_is_named(folder: Path) -> None:
    (folder / "one.ipynb").unlink()
    with pytest.raises(SettingsError, match=r"notebook is missing"):
        settings.chapters(settings.load(write(folder, GOOD)), folder)


def test_a_chapter_may_need_one_of_several_tables(folder: Path) -> None:
    text = "title: A\nfront_page: {notebook: front}\nchapters: [{notebook: one, needs: [customers, %s]}]\n"
    known = settings.load(write(folder, text % "usage_events or feature_usage_monthly"))
    assert known.chapters[0].needs == ("customers", "usage_events or feature_usage_monthly")
    wrong = "no table of the contract: 'feature_usage_month'. Did you mean feature_usage_monthly?"
    with pytest.raises(SettingsError, match=re.escape(wrong)):
        settings.load(write(folder, text % "usage_events or feature_usage_month"))


def test_an_assignment_needs_a_name_and_an_equals_sign() -> None:
    assert settings.parse_assignment("horizon = 12") == ("horizon", "12")
    for wrong in ("horizon", "=12"):
        with pytest.raises(SettingsError, match="name=value"):
            settings.parse_assignment(wrong)
