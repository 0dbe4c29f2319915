"""The embedded publisher: notebooks to HTML with pandoc, the PDF with pandoc and Typst.

It reads the same `_quarto.yml`, notebooks and `strategy.qmd` as Quarto, and knows only what a report uses of them. The
same project gives the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib
import pypandoc
import typst
import yaml

from customer_value.errors import PublishError
from customer_value.report.publish import links
from customer_value.report.publish.notebook import read_page
from customer_value.report.publish.project import CONFIGURATION, PDF_SOURCE

PDF = "strategy.pdf"


def publish(project: Path, *, log: Path) -> tuple[Path, Path]:
    """Make ``site/`` and ``strategy.pdf``.

    Raises
    ------
    PublishError : pandoc or Typst failed, a reference or a link leads nowhere
    """
    settings = yaml.safe_load((project / CONFIGURATION).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(dir=project, prefix=".publishing-") as folder:
        work = Path(folder)
        pdf = work / PDF
        pdf.write_bytes(_pdf(project, work, settings, log=log))
        site = work / "site"
        _write_site(project, site, work, settings, log=log)
        shutil.copyfile(pdf, site / PDF)
        links.check(site)
        target = project / settings["project"]["output-dir"]
        shutil.rmtree(target, ignore_errors=True)
        os.replace(site, target)
        os.replace(pdf, project / PDF)
    return target, project / PDF


# -- the site -----------------------------------------------------------------------------------------------------


def _write_site(project: Path, site: Path, work: Path, settings: dict, *, log: Path) -> None:
    for folder in ("figures", "tables"):
        if (project / folder).is_dir():
            shutil.copytree(project / folder, site / folder, copy_function=shutil.copyfile)
    (site / "assets").mkdir(parents=True)
    shutil.copyfile(project / "assets" / "report.css", site / "assets" / "report.css")
    (site / PDF).touch()
    # Read as Quarto reads it: titles are Markdown.
    (work / "report.yaml").write_text(json.dumps({"report": settings["report"]}), encoding="utf-8")
    pages = settings["project"]["render"]

    def write(notebook: str) -> None:
        target = (site / notebook).with_suffix(".html")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_page(project, notebook, settings, work, log=log), encoding="utf-8", newline="\n")

    # Each page is a process of its own: threads only wait for them.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(write, pages))


def _page(project: Path, notebook: str, settings: dict, work: Path, *, log: Path) -> str:
    look = settings["format"]["html"]
    return _pandoc(
        read_page(project / notebook).markdown,
        {
            "from": look["from"],
            "to": "html5",
            "template": str(project / look["template"]),
            "filters": [{"type": "lua", "path": str(project / each["path"])} for each in look["filters"]],
            "html-math-method": {"method": look["html-math-method"]},
            "metadata-files": [str(work / "report.yaml")],
            "metadata": {"lang": settings["lang"], "page": notebook.removesuffix(".ipynb")},
        },
        of=notebook,
        work=work,
        log=log,
    )


# -- the PDF ------------------------------------------------------------------------------------------------------


def _pdf(project: Path, work: Path, settings: dict, *, log: Path) -> bytes:
    source = _pandoc(
        (project / PDF_SOURCE).read_text(encoding="utf-8"),
        {
            "from": settings["format"]["html"]["from"],
            "to": "typst",
            "template": str(project / "assets" / "report.typ"),
            "filters": [{"type": "lua", "path": str(project / "assets" / "report.lua")}],
        },
        of=PDF_SOURCE,
        work=work,
        log=log,
    )
    try:
        return typst.compile(
            source.encode("utf-8"),
            root=str(project),
            font_paths=[str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")],
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards=["ua-1"],
        )
    except typst.TypstError as error:
        _note(log, f"typst: {error}\n")
        raise PublishError(
            f"The PDF could not be made from {PDF_SOURCE}: {error}. What was tried is in {log}."
        ) from error


# -- pandoc -------------------------------------------------------------------------------------------------------


def _pandoc(markdown: str, options: dict[str, object], *, of: str, work: Path, log: Path) -> str:
    """Convert one document; pandoc's warnings (an unclosed division, a formula it cannot write) are failures."""
    defaults = {"standalone": True, "wrap": "none", "fail-if-warnings": True, **options}
    # A defaults file takes what a command line cannot: lists as variables, and text that nobody parses.
    with tempfile.NamedTemporaryFile("w", dir=work, suffix=".yaml", encoding="utf-8", delete=False) as file:
        json.dump(defaults, file)
    done = subprocess.run(
        [pypandoc.get_pandoc_path(), "--defaults", file.name],
        input=markdown.encode("utf-8"),
        capture_output=True,
        check=False,
    )
    said = done.stderr.decode("utf-8", errors="replace")
    if said:
        _note(log, f"pandoc, {of}: {said}")
    if done.returncode:
        raise PublishError(
            f"{of} could not be published: {said.strip()}\nMend its markup (docs/publishing.md). All that pandoc "
            f"said is in {log}."
        )
    return done.stdout.decode("utf-8")


def _note(log: Path, text: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(text)
