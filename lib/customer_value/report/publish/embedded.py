"""The embedded publisher: notebooks to HTML with pandoc, the PDF with pandoc and Typst.

It reads the same `_quarto.yml`, notebooks and `strategy.qmd` as Quarto, and knows only what a report uses of them. The
same project gives the same bytes.
"""

from __future__ import annotations

import html
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

# Text is untrusted: HTML and TeX written into it show as text. Only an explicit raw block (```{=html}) passes.
READER = "markdown-raw_html-raw_tex"


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
        dead = links.broken(site)
        if dead:
            more = f"\n  and {len(dead) - 20} more" if len(dead) > 20 else ""
            raise PublishError(
                "Links of the report lead nowhere:\n"
                + "\n".join(f"  {line}" for line in dead[:20])
                + f"{more}\nMend them in the notebook of that page: the link, or the label that it should lead to."
            )
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
    chapters = settings["website"]["navbar"]["left"]

    def write(index: int) -> None:
        target = site / _web(chapters[index]["href"])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_page(project, index, chapters, settings, work, log=log), encoding="utf-8", newline="\n")

    # Each page is a process of its own: threads only wait for them.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(write, range(len(chapters))))


def _page(project: Path, index: int, chapters: list[dict], settings: dict, work: Path, *, log: Path) -> str:
    source = chapters[index]["href"]
    root = "../" * source.count("/")

    def entry(number: int) -> dict[str, object]:
        chapter = chapters[number]
        return {
            "href": html.escape(root + _web(chapter["href"])),
            "text": html.escape(chapter["text"]),
            "current": number == index,
        }

    variables: dict[str, object] = {
        "lang": settings["lang"],
        "site": html.escape(settings["website"]["title"]),
        "root": root,
        "pdf": PDF,
        "navigation": [entry(number) for number in range(len(chapters))],
    }
    if index > 0:
        variables["previous"] = entry(index - 1)
    if index + 1 < len(chapters):
        variables["next"] = entry(index + 1)
    return _pandoc(
        read_page(project / source).markdown,
        {
            "to": "html5",
            "template": str(project / "assets" / "template.html"),
            "filters": [{"type": "lua", "path": str(project / "assets" / "report.lua")}],
            "html-math-method": {"method": "mathml"},
            "variables": variables,
            # A page without a title of its own carries the name that navigation gives it.
            "metadata": {} if "title" in read_page(project / source).settings else {"title": chapters[index]["text"]},
        },
        of=source,
        work=work,
        log=log,
    )


def _web(notebook: str) -> str:
    return notebook.removesuffix(".ipynb") + ".html"


# -- the PDF ------------------------------------------------------------------------------------------------------


def _pdf(project: Path, work: Path, settings: dict, *, log: Path) -> bytes:
    language, _, region = settings["lang"].partition("-")
    source = _pandoc(
        (project / PDF_SOURCE).read_text(encoding="utf-8"),
        {
            "to": "typst",
            "template": str(project / "assets" / "report.typ"),
            "filters": [{"type": "lua", "path": str(project / "assets" / "report.lua")}],
            "variables": {"language": language, "region": region},
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
    defaults = {"from": READER, "standalone": True, "wrap": "none", "fail-if-warnings": True, **options}
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
