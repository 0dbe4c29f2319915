"""What to run, and where a run keeps its things.

`reports/.work/<NAME>/` holds what a run works with (ignored, kept between runs so that nothing unchanged is done
twice); `reports/<NAME>/` is only ever replaced as a whole, after everything succeeded.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import customer_value
from customer_value.errors import SettingsError
from customer_value.report import provenance
from customer_value.report.settings import Settings

SAMPLE = "sample"

RUN_FOLDER = "CUSTOMER_VALUE_RUN"
"""Environment variable by which the report tells its notebooks where the run lives."""


def repository() -> Path:
    """The folder of report.yml, notebooks/ and reports/, found from where this library is installed."""
    return Path(customer_value.__file__).resolve().parents[2]


@dataclass(frozen=True)
class Places:
    """Where a run keeps its things."""

    name: str
    reports: Path

    @property
    def published(self) -> Path:
        return self.reports / self.name

    @property
    def work(self) -> Path:
        return self.reports / ".work" / self.name

    @property
    def tables(self) -> Path:
        return self.work / "tables"

    @property
    def marts(self) -> Path:
        return self.work / "marts"

    @property
    def log(self) -> Path:
        return self.work / "log.txt"

    @property
    def stage(self) -> Path:
        return self.work / "stage"

    def chapter(self, name: str) -> Path:
        return self.work / "chapters" / name

    def empty_stage(self) -> Path:
        """A fresh folder in which the next report is put together, beside the last one."""
        shutil.rmtree(self.stage, ignore_errors=True)
        self.stage.mkdir(parents=True)
        return self.stage

    def take_the_place(self) -> None:
        """Swap the staged report in by renaming, so that there is never half of one."""
        previous = self.work / "previous"
        shutil.rmtree(previous, ignore_errors=True)
        if self.published.exists():
            os.rename(self.published, previous)
        try:
            os.rename(self.stage, self.published)
        except OSError:
            if previous.exists():
                os.rename(previous, self.published)
            raise
        shutil.rmtree(previous, ignore_errors=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One run of a name at a time; a second one is refused rather than mixed in.

        Raises
        ------
        SettingsError : another run of this name is under way
        """
        self.work.mkdir(parents=True, exist_ok=True)
        with (self.work / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SettingsError(
                    f"Another run of {self.name} is under way.\n  remedy: wait for it, or choose another NAME"
                ) from error
            yield


@dataclass(frozen=True)
class Request:
    """What to run.

    Attributes
    ----------
    settings : checked settings of the report
    name : folder under reports/; None: the data folder's name, or ``sample``
    given : parameters from the command line, as text
    workers : chapters run side by side
    engine : ``auto``, ``quarto`` or ``embedded``
    root : the repository
    """

    settings: Settings
    name: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    workers: int = 2
    engine: str = "auto"
    root: Path = field(default_factory=lambda: repository())

    @property
    def is_sample(self) -> bool:
        """Whether no data were given, so that the sample is meant."""
        return self.settings.data is None

    @property
    def places(self) -> Places:
        """Where this run keeps its things.

        Raises
        ------
        SettingsError : the name is no plain folder name
        """
        name = self.name
        if name is None:
            name = SAMPLE if self.is_sample else Path(self.settings.data.rstrip("/")).name.split(".")[0]
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
            raise SettingsError(
                f"NAME must be letters, digits, hyphens and underscores, got: {name!r}\n"
                "  remedy: give one, such as NAME=my-company"
            )
        return Places(name, self.root / "reports")


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below ``folder`` but the manifest, which holds them."""
    if not folder.is_dir():
        return {}
    return {
        path.relative_to(folder).as_posix(): provenance.of_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }
