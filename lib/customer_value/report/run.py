"""From a company's tables to a published report, all or nothing."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from customer_value.errors import ChapterError, ReportError, SettingsError
from customer_value.report import provenance, settings
from customer_value.report.prepare import data_of, fingerprint, prepare
from customer_value.report.request import RUN_FOLDER, Places, Request, file_hashes
from customer_value.report.settings import Chapter

Progress = Callable[[str, int, int], None]
"""Called with what was just done, how many steps are done, and how many there are."""


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    folder: Path
    engine: str
    changed: bool

    @property
    def site(self) -> Path:
        return self.folder / "site" / "index.html"

    @property
    def pdf(self) -> Path:
        return self.folder / "strategy.pdf"


def _silent(_what: str, _done: int, _all: int) -> None:
    """Progress shown to nobody."""


def run(request: Request, *, progress: Progress = _silent) -> Outcome:
    """Run every chapter and publish the report, or leave the last good one as it was.

    Raises
    ------
    SettingsError : a setting or parameter is wrong; found before anything starts
    DataError : the data break a rule of the contract
    ChapterError : one or more chapters failed; the others were still run
    PublishError : the site or the PDF could not be made
    """
    chapters = settings.chapters(request.settings, request.root / "notebooks", given=request.given)
    places = request.places
    with places.alone():
        data = data_of(request)
        inputs = fingerprint(request, data)
        wanted = _key(request, chapters, inputs)
        last = _last(places)
        if last.get("key") == wanted and last.get("files") == file_hashes(places.published):
            return Outcome(places.published, last["engine"], changed=False)
        steps = len(chapters) + 2
        started = time.monotonic()
        prepare(request, data, inputs)
        _check_periods(chapters, places)
        progress("data checked and arranged", 1, steps)
        _run_chapters(request, chapters, progress=progress, steps=steps)
        engine = _publish(request, chapters)
        progress("published", steps, steps)
        record = {"key": wanted, "files": file_hashes(places.published), "engine": engine}
        (places.work / "last.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
        with places.log.open("a", encoding="utf-8") as stream:
            stream.write(f"run of {len(chapters)} chapters took {time.monotonic() - started:.1f} s\n")
    return Outcome(places.published, engine, changed=True)


def _check_periods(chapters: tuple[Chapter, ...], places: Places) -> None:
    """Refuse a period that the data cannot answer for before any chapter starts.

    Raises
    ------
    SettingsError : the days are in the wrong order or lie outside the data
    """
    from customer_value.marts import Marts, periods

    meta = Marts.open(places.marts).meta
    if meta.as_of is None:
        return
    for chapter in chapters:
        if "period_from" in chapter.parameters and "period_to" in chapter.parameters:
            periods.choose(
                meta,
                period_from=str(chapter.parameters["period_from"]),
                period_to=str(chapter.parameters["period_to"]),
            )


def _run_chapters(request: Request, chapters: tuple[Chapter, ...], *, progress: Progress, steps: int) -> None:
    """Every chapter side by side, then the front page, which reads what they found."""
    from customer_value.report import chapters as running

    places = request.places
    meta = json.loads((places.marts / "marts.json").read_text(encoding="utf-8"))
    context = json.loads((places.work / "run.json").read_text(encoding="utf-8"))
    common = provenance.digest(
        meta["fingerprint"],
        provenance.of_code(),
        provenance.of_file(request.root / "requirements.lock"),
        provenance.of_values([context, provenance.environment()]),
    )
    tables = set(meta["tables"])
    *others, front = chapters
    findings = [places.chapter(chapter.name) / "findings.json" for chapter in others]

    def bring_up_to_date(chapter: Chapter) -> Chapter:
        read = [path for path in findings if path.is_file()] if chapter is front else []
        wanted = running.key(chapter, common=common, findings_of=read)
        folder = places.chapter(chapter.name)
        if not running.is_fresh(folder, wanted):
            running.execute(chapter, folder, tables=tables, stamp=wanted, log=places.log)
        return chapter

    failures: list[ReportError] = []
    done = 1
    with running.kernel_environment(places.work, RUN_FOLDER):
        with ThreadPoolExecutor(max_workers=max(1, request.workers)) as pool:
            for future in as_completed([pool.submit(bring_up_to_date, chapter) for chapter in others]):
                done += 1
                try:
                    progress(f"chapter {future.result().name}", done, steps)
                except ReportError as error:
                    failures.append(error)
        if not failures:
            progress(f"chapter {bring_up_to_date(front).name}", done + 1, steps)
    if failures:
        messages = "\n".join(sorted(str(failure) for failure in failures))
        raise ChapterError(f"{messages}\nNothing was published; the last good report is as it was.")


def _publish(request: Request, chapters: tuple[Chapter, ...]) -> str:
    """Put the report together and publish it beside the last one, and only then take that one's place."""
    from customer_value.report import publish
    from customer_value.report.assemble import assemble, seal

    places = request.places
    stage = places.empty_stage()
    assemble(request, chapters, stage)
    publication = publish.publish(stage, log=places.log, engine=request.engine)
    seal(stage, engine=publication.engine)
    places.take_the_place()
    return publication.engine


def republish(name: str, *, root: Path, engine: str = "auto") -> Outcome:
    """Publish an existing report's chapters once more, for example after installing Quarto.

    Raises
    ------
    SettingsError : there is no such report
    """
    from customer_value.report import publish
    from customer_value.report.assemble import seal

    places = Places(name, root / "reports")
    if not (places.published / "manifest.json").is_file():
        raise SettingsError(f"There is no report of this name.\n  got:    {name}\n  remedy: {_known_reports(root)}")
    with places.alone():
        stage = places.empty_stage()
        shutil.copytree(places.published, stage, dirs_exist_ok=True)
        shutil.rmtree(stage / "site", ignore_errors=True)
        (stage / "strategy.pdf").unlink(missing_ok=True)
        publication = publish.publish(stage, log=places.log, engine=engine)
        seal(stage, engine=publication.engine)
        places.take_the_place()
    return Outcome(places.published, publication.engine, changed=True)


def reports(root: Path) -> list[str]:
    """Names of the published reports of the repository ``root``."""
    return sorted(path.parent.name for path in (root / "reports").glob("*/manifest.json"))


def _known_reports(root: Path) -> str:
    known = reports(root)
    return f"one of {', '.join(known)}" if known else "run `make report` first"


def _key(request: Request, chapters: tuple[Chapter, ...], inputs: str) -> str:
    """Fingerprint of all that the published report depends on."""
    chosen = request.settings
    return provenance.digest(
        inputs,
        provenance.of_values([chosen.title, chosen.locale, chosen.currency, request.engine]),
        chosen.segments.model_dump_json(),
        *(f"{chapter.name} {chapter.parameters} {chapter.needs}" for chapter in chapters),
        *(provenance.of_file(chapter.path) for chapter in chapters),
        str(shutil.which("quarto")),
        provenance.of_file(request.root / "_quarto.yml"),
        provenance.of_file(request.root / "requirements.lock"),
    )


def _last(places: Places) -> dict[str, object]:
    record = places.work / "last.json"
    return json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
