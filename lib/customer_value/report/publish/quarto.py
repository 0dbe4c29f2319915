"""Publish with Quarto: two calls, and a failure where Quarto fails, warns of a reference or leaves no page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

from customer_value.errors import PublishError
from customer_value.report.publish.project import CONFIGURATION, PDF_SOURCE

PDF = "strategy.pdf"

# Quarto only warns of a reference or an embedded cell that is not there, and ends with success.
UNRESOLVED = re.compile(r"^.*unable to (?:resolve|find|locate)\b.*$", re.IGNORECASE | re.MULTILINE)


def publish(project: Path, *, log: Path) -> tuple[Path, Path]:
    """Make ``strategy.pdf``, then ``site/``, which carries it.

    Raises
    ------
    PublishError : with Quarto's message
    """
    settings = yaml.safe_load((project / CONFIGURATION).read_text(encoding="utf-8"))
    site = project / settings["project"]["output-dir"]
    pdf = project / PDF
    _render(project / PDF_SOURCE, "--to", "typst", log=log)
    # A file outside the project's list is rendered beside its source; were it a page, it would be in the site.
    if not pdf.is_file() and (site / PDF).is_file():
        shutil.copyfile(site / PDF, pdf)
    _render(project, log=log)
    pages = [site / Path(page).with_suffix(".html") for page in settings["project"]["render"]]
    missing = [path for path in (*pages, pdf) if not path.is_file()]
    if missing:
        names = ", ".join(path.relative_to(project).as_posix() for path in missing)
        raise PublishError(f"Quarto ended without an error but did not write: {names}. Its output is in {log}")
    if not (site / PDF).is_file():
        shutil.copyfile(pdf, site / PDF)
    return site, pdf


def _render(target: Path, *options: str, log: Path) -> None:
    # Typst writes the time into a PDF unless told another one.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "NO_COLOR": "1"}
    command = ["quarto", "render", str(target), *options]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=environment,
        check=False,
    )
    said = done.stdout.decode("utf-8", errors="replace")
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{' '.join(command)}\n{said}\n")
    if done.returncode:
        raise PublishError(f"Quarto failed on {target.name} (exit code {done.returncode}):\n{said.strip()[-2000:]}")
    unresolved = [match.group(0).strip() for match in UNRESOLVED.finditer(said)]
    if unresolved:
        raise PublishError(f"Quarto warned on {target.name}:\n" + "\n".join(unresolved[:20]))
