"""From the data that were asked for to marts that lie ready, unless they lie there already."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

from customer_value.errors import SettingsError
from customer_value.report import provenance, settings
from customer_value.report.request import SAMPLE, Request, repository

SAMPLES = {"sample": 2000, "sample-300": 300}
"""The simulated businesses that `customer-value sample` makes under data/, and how many accounts each has."""


def sample_folder(name: str, *, root: Path) -> Path:
    """Make the sample of this name unless it is there already, and return its folder.

    Raises
    ------
    SettingsError : there is no such sample
    """
    from customer_value import simulate

    if name not in SAMPLES:
        raise SettingsError(f"There is no sample of this name, got: {name!r}.{settings.nearest(name, SAMPLES)}")
    return simulate.make_sample(root / "data" / name, accounts=SAMPLES[name])


def data_of(request: Request) -> str | Path:
    """The data's place: made first if it is the sample, and known to exist unless it is a web address.

    Raises
    ------
    SettingsError : there is nothing of this name
    """
    if request.is_sample:
        return sample_folder(SAMPLE, root=request.root)
    data = request.settings.data
    if re.match(r"https?://", data):
        return data
    path = Path(data).expanduser()
    if not path.exists():
        raise SettingsError(f"There is no such file or folder of data.\n  got: {data}\n  from: {Path.cwd()}")
    return path


def mapping_of(request: Request, data: str | Path) -> Path | None:
    """The mapping asked for, else the one that lies beside the data, else None: the contract's own names.

    Raises
    ------
    SettingsError : there is no such file
    """
    if request.settings.mapping is not None:
        path = Path(request.settings.mapping).expanduser()
        if not path.is_file():
            what = "The mapping is a folder, not a file" if path.is_dir() else "There is no such mapping file"
            raise SettingsError(
                f"{what}.\n  got:    {request.settings.mapping}\n  from:   {Path.cwd()}\n"
                "  remedy: name a YAML file; data/mappings has examples"
            )
        return path
    beside = data / "mapping.yml" if isinstance(data, Path) and data.is_dir() else None
    return beside if beside is not None and beside.is_file() else None


def fingerprint(request: Request, data: str | Path) -> str:
    """Of all that the marts depend on: raw data, mapping, settings of intake, this library and its environment."""
    if isinstance(data, str):
        raw = f"{data} {time.time_ns()}"  # a web address may answer differently every time: never taken as unchanged
    elif data.is_dir():
        raw = provenance.of_files((path for path in data.rglob("*") if path.is_file()), root=data)
    else:
        raw = provenance.of_file(data)
    mapping = mapping_of(request, data)
    chosen = request.settings
    return provenance.digest(
        raw,
        provenance.of_file(mapping) if mapping else "",
        provenance.of_values([chosen.as_of, chosen.grace_days, chosen.max_set_aside.model_dump()]),
        provenance.of_code(),
        provenance.of_values(provenance.environment()),
    )


def prepare(request: Request, data: str | Path, inputs: str) -> None:
    """Check the data and build the marts in the run's work folder, unless they came from the same inputs.

    Raises
    ------
    DataError : the data break a rule of the contract
    """
    places = request.places
    stamp = places.work / "prepared"
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == inputs):
        from customer_value import intake, marts

        stamp.unlink(missing_ok=True)
        for folder in (places.tables, places.marts):
            shutil.rmtree(folder, ignore_errors=True)
        chosen = request.settings
        intake.load(
            data,
            mapping=mapping_of(request, data),
            out=places.tables,
            as_of=chosen.as_of,
            grace_days=chosen.grace_days,
            max_set_aside=chosen.max_set_aside.model_dump(),
        )
        marts.build(places.tables, places.marts, grace_days=chosen.grace_days)
        stamp.write_text(inputs, encoding="utf-8")
    meta = json.loads((places.marts / "marts.json").read_text(encoding="utf-8"))
    context = {
        "title": request.settings.title,
        "locale": request.settings.locale,
        "currency": meta["currency"] or request.settings.currency or "",
        "front_page": request.settings.front_page.notebook,
        "chapters": [chapter.notebook for chapter in request.settings.chapters],
        "segments": request.settings.segments.model_dump(mode="json"),
    }
    (places.work / "run.json").write_text(json.dumps(context, indent=1, sort_keys=True), encoding="utf-8")


def prepare_sample() -> Path:
    """Make the sample and its marts, for a notebook that is opened by itself; returns the run's work folder."""
    request = Request(settings=settings.load(repository() / "report.yml"), name="lab")
    with request.places.alone():
        data = data_of(request)
        prepare(request, data, fingerprint(request, data))
    return request.places.work
