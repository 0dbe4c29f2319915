"""Running one chapter: its notebook goes in, an executed notebook with what it wrote beside it comes out.

A chapter keeps what it made in the run's work folder, under a fingerprint of everything that it depends on, and is not
run again while that stays the same.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import papermill
import yaml
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from customer_value.errors import ChapterError, SettingsError
from customer_value.report import provenance
from customer_value.report.settings import Chapter, alternatives
from customer_value.strategy import findings
from customer_value.strategy.findings import Finding

_QUIET_ENVIRONMENT = {
    # one thread a library: sums come out in the same order, and two chapters do not fight for two cores
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    # the kernel of this environment, not one of the same name in the user's home
    "JUPYTER_PREFER_ENV_PATH": "1",
}


def front_matter(notebook: NotebookNode, *, name: str) -> dict[str, str]:
    """Title and description from the notebook's first, raw cell.

    Raises
    ------
    SettingsError : the cell is missing or has no title
    """
    first = notebook.cells[0] if notebook.cells else None
    values = None
    if first is not None and first.cell_type == "raw":
        values = yaml.safe_load(first.source.strip().strip("-"))
    if not isinstance(values, dict) or not values.get("title"):
        raise SettingsError(f"{name}.ipynb must begin with a raw cell of front matter that gives a title.")
    return values


def title_and_description(path: Path) -> tuple[str, str]:
    """Of a notebook file, from its front matter."""
    values = front_matter(nbformat.read(path, as_version=4), name=path.stem)
    return str(values["title"]), str(values.get("description", ""))


def missing_tables(chapter: Chapter, tables: set[str]) -> list[str]:
    """What the chapter cannot do without and the data do not have; "one or other" is there if either is."""
    return [need for need in chapter.needs if tables.isdisjoint(alternatives(need))]


def key(chapter: Chapter, *, common: str, findings_of: list[Path]) -> str:
    """Fingerprint of all that the chapter's output depends on.

    Parameters
    ----------
    chapter : notebook and parameters
    common : fingerprint of marts, library, lock, locale and currency
    findings_of : the records of the other chapters, for the front page
    """
    return provenance.digest(
        common,
        chapter.path.read_bytes(),
        provenance.of_values(chapter.parameters),
        *(path.read_bytes() for path in findings_of),
    )


def is_fresh(folder: Path, wanted: str) -> bool:
    """Whether ``folder`` holds the output of a complete run under this key."""
    stamp = folder / "key"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted


def execute(chapter: Chapter, folder: Path, *, tables: set[str], stamp: str, log: Path) -> None:
    """Run the chapter's notebook and keep the executed copy in ``folder``.

    Raises
    ------
    ChapterError : a cell failed; names notebook, cell and cause. The traceback is in ``log``.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    notebook = nbformat.read(chapter.path, as_version=4)
    missing = missing_tables(chapter, tables)
    if missing:
        _write_short_page(chapter, notebook, folder, missing)
    else:
        notebook.cells = [cell for cell in notebook.cells if not _unanswerable(cell, tables)]
        executed = _run(chapter, notebook, folder, log=log)
        nbformat.write(_clean(executed, log=log, name=chapter.name), folder / "notebook.ipynb")
    (folder / "key").write_text(stamp, encoding="utf-8")


def _unanswerable(cell: NotebookNode, tables: set[str]) -> bool:
    """A cell tagged ``needs-<table>`` is left out where the data have no such table; ``|`` stands between tables of
    which one is enough.
    """
    needs = [tag.removeprefix("needs-") for tag in cell.metadata.get("tags", []) if tag.startswith("needs-")]
    return any(tables.isdisjoint(need.split("|")) for need in needs)


def _run(chapter: Chapter, notebook: NotebookNode, folder: Path, *, log: Path) -> NotebookNode:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        source, target = Path(scratch) / f"{chapter.name}.ipynb", Path(scratch) / "executed.ipynb"
        nbformat.write(notebook, source)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return papermill.execute_notebook(
                    str(source),
                    str(target),
                    parameters=chapter.parameters,
                    kernel_name="python3",
                    progress_bar=False,
                    request_save_on_cell_execute=False,
                    kernel_manager_class=_kernel_manager(log),
                )
        except PapermillExecutionError as error:
            with log.open("a", encoding="utf-8") as stream:
                stream.write(f"\n{chapter.name}: {error}\n")
            first_line = error.source.strip().splitlines()[0] if error.source.strip() else ""
            raise ChapterError(
                f"Chapter {chapter.name} failed.\n"
                f"  notebook: notebooks/{chapter.name}.ipynb\n"
                f"  cell:     {error.cell_index + 1} ({first_line})\n"
                f"  cause:    {error.ename}: {error.evalue}\n"
                f"  log:      {log}"
            ) from error


def _kernel_manager(log: Path) -> type[AsyncKernelManager]:
    """Starts kernels that say what they have to say about themselves in the log, not on the user's terminal."""

    class LoggedKernelManager(AsyncKernelManager):
        async def start_kernel(self, **options: object) -> None:
            with log.open("ab") as stream:
                await super().start_kernel(stderr=stream, **options)

    return LoggedKernelManager


def _clean(notebook: NotebookNode, *, log: Path, name: str) -> NotebookNode:
    """Without what differs from run to run (times, random ids) or is no part of the page (streams, plain reprs)."""
    notebook.metadata.pop("papermill", None)
    for number, cell in enumerate(notebook.cells):
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = "injected-parameters"
        if cell.cell_type != "code":
            continue
        kept = []
        for output in cell.outputs:
            if output.output_type == "stream":
                with log.open("a", encoding="utf-8") as stream:
                    stream.write(f"{name} cell {number + 1} {output.name}: {output.text}\n")
            elif "text/markdown" in output.get("data", {}):
                kept.append(nbformat.v4.new_output("display_data", {"text/markdown": output.data["text/markdown"]}))
        cell.outputs = kept
    return notebook


def _write_short_page(chapter: Chapter, notebook: NotebookNode, folder: Path, missing: list[str]) -> None:
    """The chapter's question, and what it needs to be answered."""
    opening = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            break
        opening.append(cell)
    names = " and ".join(" or ".join(f"`{table}`" for table in alternatives(need)) for need in missing)
    note = nbformat.v4.new_markdown_cell(
        f"## Not studied: the data have no table {names} {{#answer .answer}}\n\n"
        f"::: {{.lead}}\nThis chapter needs {names}. The data dictionary (data/README.md) says which columns, and "
        "docs/your-data.md how to bring them. The rest of the report stands without it.\n:::",
        id="not-studied",
    )
    page = nbformat.v4.new_notebook(cells=[*opening, note], metadata=notebook.metadata)
    nbformat.write(page, folder / "notebook.ipynb")
    title = front_matter(notebook, name=chapter.name)["title"]
    record = Finding(
        id=f"{chapter.name.replace('_', '-')}-not-studied",
        chapter=chapter.name,
        kind="not_studied",
        area="state",
        subject=str(title),
        needs=tuple(missing),
        evidence=f"notebooks/{chapter.name}.html#answer",
    )
    findings.write(folder / "findings.json", [record])


@contextmanager
def kernel_environment(run_folder: Path, variable: str) -> Iterator[None]:
    """The environment that the notebooks' kernels inherit, put back afterwards."""
    with tempfile.TemporaryDirectory() as ipython_home:
        wanted = _QUIET_ENVIRONMENT | {variable: str(run_folder.resolve()), "IPYTHONDIR": ipython_home}
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
