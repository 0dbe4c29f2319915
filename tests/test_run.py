"""The runner: all or nothing, the same bytes, nothing twice, and failures that say where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from customer_value.errors import ChapterError, DataError, PublishError, SettingsError
from customer_value.report import run as runner
from customer_value.report import settings
from customer_value.report.request import Request

ONE = """
result = Result(
    name="accounts",
    table=pd.DataFrame({"status": ["active"], "estimate": [float(scale)], "low": [1.0], "high": [9.0], "n": [40]}),
    keys=("status",), unit="count", level=0.95, n_of="accounts",
)
ch.answer("Two accounts", "Counted.")
ch.show(result, "accounts", caption="Accounts by status.")
"""
OPEN = "import pandas as pd\nfrom customer_value import chapter\nfrom customer_value.stats.result import Result\n"


def notebook(folder: Path, name: str, *code: str, parameters: str = "scale = 3") -> None:
    cells = [
        nbformat.v4.new_raw_cell(f"---\ntitle: {name.title()}\ndescription: About {name}\n---", id="front"),
        nbformat.v4.new_markdown_cell("Why does it matter?", id="why"),
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}, id="parameters"),
        nbformat.v4.new_code_cell(f'{OPEN}ch = chapter.open("{name}")', id="open"),
        *(nbformat.v4.new_code_cell(text, id=f"cell-{number}") for number, text in enumerate(code)),
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / f"{name}.ipynb")


def write_data(folder: Path, *, until: str = "", extra: str = "") -> None:
    folder.mkdir(exist_ok=True)
    rows = "".join(f"c{number:02d},2023-0{number % 9 + 1}-05,{until},100\n" for number in range(40))
    (folder / "subscriptions.csv").write_text(f"customer_id,start_date,end_date,mrr\n{rows}{extra}", encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    """A repository of two small chapters and its data."""
    folder = tmp_path / "project"
    (folder / "notebooks").mkdir(parents=True)
    for name in ("_quarto.yml", "requirements.lock"):
        shutil.copy(root / name, folder / name)
    (folder / "report.yml").write_text(
        "title: A small report\nfront_page: {notebook: front}\n"
        "chapters: [{notebook: one}, {notebook: two, needs: [nps_responses]}]\n",
        encoding="utf-8",
    )
    notebook(folder / "notebooks", "one", ONE)
    notebook(folder / "notebooks", "two", "raise RuntimeError('runs only with answers')")
    notebook(folder / "notebooks", "front", 'ch.answer("All is well", f"{len(ch.findings())} findings.")')
    write_data(folder / "mine")
    return folder


@pytest.fixture
def request_for(project: Path) -> Callable[..., Request]:
    def build(*, folder: Path = project, **given: object) -> Request:
        chosen = settings.load(folder / "report.yml", data=str(folder / "mine"), as_of="2024-06-30")
        return replace(Request(settings=chosen, root=folder, engine="embedded"), **given)

    return build


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_run_publishes_the_layout_that_scripts_rely_on(request_for) -> None:
    outcome = runner.run(request_for())
    names = set(contents(outcome.folder))
    assert {
        "_quarto.yml", "index.ipynb", "manifest.json", "notebooks/one.ipynb", "notebooks/two.ipynb",
        "site/index.html", "site/notebooks/one.html", "strategy.pdf", "tables/one/accounts.csv",
        "findings/two.json", "site/tables/one/accounts.csv", "site/strategy.pdf",
    } <= names  # fmt: skip
    assert outcome.folder.name == "mine"
    two = (outcome.folder / "site/notebooks/two.html").read_text(encoding="utf-8")
    assert "nps_responses" in two
    assert "runs only with answers" not in two
    one = (outcome.folder / "site/notebooks/one.html").read_text(encoding="utf-8")
    manifest = json.loads((outcome.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["data"][:12] in one
    assert manifest["parameters"]["one"] == {"scale": 3}


def test_the_same_inputs_give_the_same_bytes_anywhere(request_for, project: Path, tmp_path: Path) -> None:
    """Another folder, one worker instead of two, rows in another order, and a future appended to the data."""
    first = contents(runner.run(request_for()).folder)
    elsewhere = tmp_path / "else" / "where"
    shutil.copytree(project, elsewhere, ignore=shutil.ignore_patterns("reports"))
    lines = (elsewhere / "mine/subscriptions.csv").read_text(encoding="utf-8").splitlines()
    future = ["c99,2024-07-01,,900", "c98,2025-07-01,2025-08-01,900"]
    (elsewhere / "mine/subscriptions.csv").write_text(
        "\n".join([lines[0], *reversed(lines[1:]), *future]) + "\n", encoding="utf-8"
    )
    second = contents(runner.run(request_for(folder=elsewhere, workers=1)).folder)
    assert list(first) == list(second)
    assert [name for name in first if first[name] != second[name]] == []
    for name, content in first.items():
        assert str(project).encode() not in content, f"{name} names a folder of this machine"


def test_nothing_unchanged_is_run_again(request_for, project: Path) -> None:
    assert runner.run(request_for()).changed
    stamps = {p.parent.name: p.stat().st_mtime_ns for p in (project / "reports/.work/mine/chapters").glob("*/key")}
    assert not runner.run(request_for()).changed
    notebook(project / "notebooks", "one", ONE.replace("Two accounts", "Three accounts"))
    assert runner.run(request_for()).changed
    after = {p.parent.name: p.stat().st_mtime_ns for p in (project / "reports/.work/mine/chapters").glob("*/key")}
    assert after["two"] == stamps["two"]
    assert after["one"] != stamps["one"]


def test_a_damaged_report_is_made_again(request_for) -> None:
    outcome = runner.run(request_for())
    (outcome.folder / "site/index.html").unlink()
    again = runner.run(request_for())
    assert again.changed
    assert again.site.is_file()


def test_a_failing_chapter_names_its_cell_and_leaves_the_last_report(request_for, project: Path) -> None:
    good = contents(runner.run(request_for()).folder)
    notebook(project / "notebooks", "one", "x = 1", "values = {}\nvalues['no such key']")
    with pytest.raises(ChapterError) as caught:
        runner.run(request_for())
    message = str(caught.value)
    assert "notebooks/one.ipynb" in message
    assert "KeyError" in message
    assert "values = {}" in message
    assert "Nothing was published" in message
    assert contents(project / "reports/mine") == good


def test_bad_data_leave_the_last_report(request_for, project: Path) -> None:
    good = contents(runner.run(request_for()).folder)
    write_data(project / "mine", extra="c01,2023-05-05,2023-01-01,100\n")
    with pytest.raises(DataError):
        runner.run(request_for())
    assert contents(project / "reports/mine") == good


def test_a_publisher_that_fails_leaves_the_last_report(
    request_for, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from customer_value.report import publish

    def fail(*_args: object, **_options: object) -> None:
        raise PublishError("the printer is on fire")

    good = contents(runner.run(request_for()).folder)
    monkeypatch.setattr(publish, "publish", fail)
    with pytest.raises(PublishError, match="on fire"):
        runner.run(request_for(given={"scale": "4"}))
    assert contents(project / "reports/mine") == good


@pytest.mark.parametrize("name", ["", "../up", "a b", ".work", "x" * 65])
def test_a_name_that_is_no_plain_folder_is_refused(request_for, name: str) -> None:
    with pytest.raises(SettingsError, match="NAME"):
        runner.run(request_for(name=name))


def test_missing_data_and_mapping_are_named(request_for, project: Path) -> None:
    with pytest.raises(SettingsError, match="no such file or folder"):
        runner.run(replace(request_for(), settings=settings.load(project / "report.yml", data="nowhere"), name="x"))
    chosen = settings.load(project / "report.yml", data=str(project / "mine"), mapping="nowhere.yml")
    with pytest.raises(SettingsError, match="no such mapping file"):
        runner.run(replace(request_for(), settings=chosen))


def test_an_impossible_period_is_refused_before_any_chapter_starts(request_for, project: Path) -> None:
    notebook(project / "notebooks", "one", ONE, parameters='scale = 3\nperiod_from = ""\nperiod_to = ""')
    for given, said in (
        ({"period_from": "2030-01-01"}, "must lie before"),
        ({"period_to": "2030-01-01"}, "must not lie after the as-of date"),
        ({"period_to": "2022-01-31"}, "must end after the data begin"),
    ):
        with pytest.raises(SettingsError, match=said):
            runner.run(request_for(given=given))
        assert not (project / "reports/.work/mine/chapters").exists()


def test_an_existing_report_can_be_published_again(request_for, project: Path) -> None:
    good = contents(runner.run(request_for()).folder)
    runner.republish("mine", engine="embedded", root=project)
    assert contents(project / "reports/mine") == good
    with pytest.raises(SettingsError, match="no report of this name"):
        runner.republish("theirs", root=project)
    assert runner.reports(project) == ["mine"]
