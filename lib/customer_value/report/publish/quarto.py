"""Publish with Quarto: two calls, and a failure where Quarto fails, warns of a reference or leaves no page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib
import yaml

from customer_value.errors import PublishError
from customer_value.report.publish import links
from customer_value.report.publish.project import CONFIGURATION, PDF_SOURCE

PDF = "strategy.pdf"

OLDEST = (1, 9)
"""The first release whose Typst knows what the PDF's template asks for."""

OTHERWISE = "Or publish without Quarto: `--engine embedded`."

# Quarto only warns of a reference that is not there, a division left open, a formula that cannot be written.
MISTAKES = re.compile(
    r"^.*(?:unable to (?:resolve|find|locate)|could not (?:convert|fetch)|\bunclosed)\b.*$",
    re.IGNORECASE | re.MULTILINE,
)


def publish(project: Path, *, log: Path) -> tuple[Path, Path]:
    """Make ``strategy.pdf``, then ``site/``, which carries it.

    Quarto works on a copy: it leaves ``.quarto/`` and ``.gitignore`` behind, and clears the last site before it knows
    whether the next one succeeds.

    Raises
    ------
    PublishError : with Quarto's message; or a link leads nowhere
    """
    settings = yaml.safe_load((project / CONFIGURATION).read_text(encoding="utf-8"))
    output = settings["project"]["output-dir"]
    with tempfile.TemporaryDirectory(prefix="customer-value-") as folder:
        copy = Path(folder) / "report"
        shutil.copytree(project, copy, ignore=_published(project, output))
        _render(copy / PDF_SOURCE, "--to", "typst", log=log)
        # A file outside the project's list is rendered beside its source; were it a page, it would be in the site.
        if not (copy / PDF).is_file() and (copy / output / PDF).is_file():
            shutil.copyfile(copy / output / PDF, copy / PDF)
        _render(copy, log=log)
        pages = [Path(output, page).with_suffix(".html") for page in settings["project"]["render"]]
        missing = [path.as_posix() for path in (Path(PDF), *pages) if not (copy / path).is_file()]
        if missing:
            raise PublishError(
                f"Quarto ended without an error but did not write: {', '.join(missing)}. All it said is in {log}. "
                f"{OTHERWISE}"
            )
        shutil.copyfile(copy / PDF, copy / output / PDF)
        links.check(copy / output)
        shutil.rmtree(project / output, ignore_errors=True)
        shutil.copytree(copy / output, project / output)
        shutil.copyfile(copy / PDF, project / PDF)
    return project / output, project / PDF


def version() -> tuple[int, ...]:
    """Release of the Quarto on the PATH, such as ``(1, 9, 38)``; empty if there is none or it does not say.

    Raises
    ------
    PublishError : it is there but cannot be run
    """
    program = shutil.which("quarto")
    if program is None:
        return ()
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        message = f"Quarto is on the PATH but cannot be run: {error.strerror or error}. {OTHERWISE}"
        raise PublishError(message) from error
    return tuple(int(part) for part in re.findall(r"\d+", said)[:3])


def _published(project: Path, output: str) -> Callable[[str, list[str]], set[str]]:
    """What `shutil.copytree` leaves out at the project's top: what earlier publishing made."""

    def ignore(folder: str, names: list[str]) -> set[str]:
        return {output, PDF, ".quarto", ".gitignore"} & set(names) if Path(folder) == project else set()

    return ignore


def _render(target: Path, *options: str, log: Path) -> None:
    environment = {
        **os.environ,
        "NO_COLOR": "1",
        # Typst writes the time into a PDF unless told another one, and takes whichever fonts it finds.
        "SOURCE_DATE_EPOCH": "0",
        "TYPST_FONT_PATHS": str(Path(matplotlib.get_data_path()) / "fonts" / "ttf"),
        "TYPST_IGNORE_SYSTEM_FONTS": "true",
    }
    # The one that was looked for: by its name alone, one that cannot be run would be passed over for the next.
    command = [shutil.which("quarto") or "quarto", "render", str(target), *options]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            check=False,
        )
    except OSError as error:
        message = f"Quarto is on the PATH but cannot be run: {error.strerror or error}. {OTHERWISE}"
        raise PublishError(message) from error
    said = done.stdout.decode("utf-8", errors="replace")
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{' '.join(command)}\n{said}\n")
    if done.returncode:
        raise PublishError(
            f"Quarto failed on {target.name} (exit code {done.returncode}):\n{said.strip()[-2000:]}\n"
            f"All it said is in {log}. Mend what it names. {OTHERWISE}"
        )
    mistakes = [match.group(0).strip() for match in MISTAKES.finditer(said)]
    if mistakes:
        raise PublishError(
            f"Quarto warned on {target.name}:\n" + "\n".join(mistakes[:20]) + "\nMend that reference or markup in its "
            f"notebook. All that Quarto said is in {log}."
        )
