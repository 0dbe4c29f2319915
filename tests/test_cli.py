"""The command line as a newcomer and as CI meet it: help, exit codes, and clear words for every kind of bad input."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from customer_value import cli
from customer_value.report import request as request_module

HEADER = "customer_id,start_date,end_date,mrr"
ROWS = [f"c{number:02d},2023-0{number % 9 + 1}-05,,100" for number in range(40)]


@pytest.fixture
def home(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository elsewhere, with a good report in place and good data to spoil."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("report.yml", "_quarto.yml", "requirements.lock"):
        shutil.copy(root / name, folder / name)
    shutil.copytree(root / "notebooks", folder / "notebooks")
    (folder / "reports" / "mine").mkdir(parents=True)
    (folder / "reports" / "mine" / "manifest.json").write_text("the last good report", encoding="utf-8")
    monkeypatch.setattr(request_module, "repository", lambda: folder)
    monkeypatch.chdir(folder)
    write(folder / "mine", "subscriptions.csv", HEADER, *ROWS)
    return folder


def write(folder: Path, name: str, *lines: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """Exit code and everything printed."""
    monkeypatch.setattr(sys, "argv", ["customer-value", *arguments])
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def subscriptions(*extra: str, header: str = HEADER, rows: list[str] = ROWS):
    return {"subscriptions.csv": [header, *rows, *extra]}


MAPPING_TO_NOWHERE = """
tables:
  subscriptions:
    from: subscriptions.csv
    columns: {customer_id: customer, start_date: start_date, mrr: mrr}
"""
SQL_OF_TWO = """
tables:
  subscriptions:
    sql: "DROP TABLE subscriptions; SELECT 1"
"""
SQL_THAT_WRITES = """
tables:
  subscriptions:
    sql: "COPY (SELECT 1) TO 'x.csv'"
"""

BAD_DATA = {
    "a missing column": (subscriptions(header="customer_id,begin,end_date,mrr"), (), ["start_date"]),
    "a wrong type in a row": (
        subscriptions("c90,2023-01-01,,a hundred"), (), ["subscriptions", "mrr", "a hundred", "41|42"],
    ),
    "a null key": (subscriptions(",2023-01-01,,100"), (), ["customer_id"]),
    "a duplicate key": (
        subscriptions() | {"customers.csv": ["customer_id", *(f"c{n:02d}" for n in range(40)), "c00"]},
        (), ["customers", "customer_id", "c00"],
    ),
    "an end before its start": (
        subscriptions("c90,2023-05-01,2023-04-01,100"), (), ["subscriptions", "end_date|start_date", "c90|2023-04-01"],
    ),
    "a negative account": (subscriptions("c90,2023-05-01,,-100"), (), ["negative|below zero|less than", "c90"]),
    "a date out of range": (subscriptions("c90,1901-01-01,,100"), (), ["1970", "2100", "1901"]),
    "mixed date formats": (subscriptions("c90,31/12/2023,,100"), (), ["start_date", "31/12/2023", "format"]),
    "an empty table": (subscriptions(rows=[]), (), ["subscriptions", "empty|no rows"]),
    "one account only": (
        subscriptions(rows=["c1,2023-01-01,2023-06-01,100", "c1,2023-06-01,,120"]), (), ["one account"],
    ),
    "an as-of date before the data": (subscriptions(), ("--as-of", "1999-01-01"), ["1999-01-01"]),
    "a mapping to a column that is not there": (
        subscriptions() | {"m.yml": MAPPING_TO_NOWHERE.splitlines()}, ("--mapping", "mine/m.yml"),
        ["customer", "customer_id"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_get_a_clear_error_and_lose_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    files, options, expected = BAD_DATA[case]
    for name, lines in files.items():
        write(home / "mine", name, *lines)
    code, printed = call(capsys, monkeypatch, "run", "--data", "mine", *options)
    assert code == 3, printed
    assert "Traceback" not in printed
    for pattern in expected:
        assert any(word in printed for word in pattern.split("|")), f"{pattern!r} not in: {printed}"
    assert "remedy" in printed, printed
    assert (home / "reports/mine/manifest.json").read_text(encoding="utf-8") == "the last good report"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--data", "nowhere"), "no such file or folder"),
        (("--data", "mine", "--mapping", "nowhere.yml"), "no such mapping"),
        (("--data", "mine", "-p", "horizn=12"), "Did you mean horizon"),
        (("--data", "mine", "-p", "confidence=high"), "confidence must be a number"),
        (("--data", "mine", "-p", "confidence"), "name=value"),
        (("--data", "mine", "--as-of", "2024-02-31"), "AS_OF must be a date"),
        (("--data", "mine", "--as-of", "31/01/2024"), "AS_OF must be a date"),
        (("--data", "mine", "--as-of", "2300-01-01"), "AS_OF must lie between"),
        (("--data", "mine", "--name", "../x"), "NAME must be"),
        (("--data", "mine", "--engine", "word"), "auto, quarto or embedded"),
    ],
)
def test_a_wrong_setting_stops_before_anything_starts(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    expected: str,
) -> None:
    code, printed = call(capsys, monkeypatch, "run", *arguments)
    assert code == 4, printed
    assert expected in printed
    assert "Traceback" not in printed
    assert (home / "reports/mine/manifest.json").read_text(encoding="utf-8") == "the last good report"


@pytest.mark.parametrize("text", [SQL_OF_TWO, SQL_THAT_WRITES], ids=["two statements", "a statement that writes"])
def test_sql_that_is_not_one_select_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    write(home / "mine", "m.yml", text)
    code, printed = call(capsys, monkeypatch, "run", "--data", "mine", "--mapping", "mine/m.yml")
    assert code == 4, printed
    assert "exactly one SELECT" in printed
    assert "remedy" in printed
    assert not (home / "x.csv").exists()


def test_a_misspelt_setting_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = home / "report.yml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("grace_days:", "grace_day:"), encoding="utf-8")
    code, printed = call(capsys, monkeypatch, "run", "--data", "mine")
    assert code == 4
    assert "Did you mean grace_days?" in printed


def test_check_drafts_a_mapping_from_strange_headers(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / "theirs", "abos.csv", "Account ID,Start,End,Monthly price", *(row for row in ROWS))
    code, printed = call(capsys, monkeypatch, "check", "--data", "theirs")
    assert code == 3
    draft = home / "data" / "mappings" / "theirs.draft.yml"
    assert str(draft.relative_to(home)) in printed
    assert "Account ID" in draft.read_text(encoding="utf-8")


def test_check_says_what_it_found(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, printed = call(capsys, monkeypatch, "check", "--data", "mine", "--as-of", "2024-06-30")
    assert code == 0, printed
    assert "subscriptions" in printed
    assert "40" in printed


def test_list_names_chapters_and_reports(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, printed = call(capsys, monkeypatch, "list")
    assert code == 0
    assert "cohort_survival" in printed
    assert "mine" in printed


@pytest.mark.parametrize("command", ["run", "check", "sample", "publish", "list"])
def test_every_command_has_help_and_is_in_the_documents(command: str, root: Path) -> None:
    result = CliRunner().invoke(cli.app, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.split()) > 12


def test_an_unknown_option_is_wrong_usage(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, _ = call(capsys, monkeypatch, "run", "--dat", "x")
    assert code == 2
