"""Publish a project with Quarto or with the embedded publisher, all or nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from customer_value.errors import PublishError
from customer_value.report.publish import embedded, quarto
from customer_value.report.publish.project import CONFIGURATION, PDF_SOURCE

ENGINES = ("auto", "quarto", "embedded")


@dataclass(frozen=True)
class Publication:
    """What was published, and by what.

    Attributes
    ----------
    site : folder of the site; open its ``index.html``
    pdf : the short version
    engine : ``quarto`` or ``embedded``
    """

    site: Path
    pdf: Path
    engine: str


def publish(project: Path, *, log: Path, engine: str = "auto") -> Publication:
    """Make ``site/`` and ``strategy.pdf`` in a project that `write_project` completed.

    Parameters
    ----------
    project : the run's folder
    log : file that what Quarto, pandoc and Typst say is appended to
    engine : ``quarto``, ``embedded``, or ``auto``: Quarto where it is on the PATH and recent enough

    Raises
    ------
    PublishError : the tool failed, warned of an unresolved reference or left no page; a link leads nowhere. The
        message holds what the tool said; what was published before stays as it was.
    """
    if engine not in ENGINES:
        raise PublishError(f"engine must be one of {', '.join(ENGINES)}, got: {engine!r}")
    if engine == "quarto" and shutil.which("quarto") is None:
        raise PublishError(f"Quarto is not on the PATH. Install it. {quarto.OTHERWISE}")
    missing = [name for name in (CONFIGURATION, PDF_SOURCE) if not (project / name).is_file()]
    if missing:
        raise PublishError(f"{project} is no project to publish: it lacks {', '.join(missing)}")
    log.parent.mkdir(parents=True, exist_ok=True)
    chosen = _automatic(log) if engine == "auto" else engine
    site, pdf = (quarto if chosen == "quarto" else embedded).publish(project, log=log)
    return Publication(site=site, pdf=pdf, engine=chosen)


def _automatic(log: Path) -> str:
    """Quarto where a recent one is on the PATH; an older one is named in the log and left alone."""
    found = quarto.version()
    if found >= quarto.OLDEST:
        return "quarto"
    if found:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"Quarto {'.'.join(map(str, found))} is too old for this report; published without it.\n")
    return "embedded"
