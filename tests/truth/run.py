"""Draw every world of every experiment on all cores: `make truth`.

A world that is done is kept below `.truth/` under the fingerprint of the code that it rests on: a run that was stopped
goes on where it was, and a change of code draws anew only what rests on it. Once all worlds of an experiment are there
its figures go to `results.json`, and from there to `docs/truth.md`.
"""

from __future__ import annotations

import os

# As many processes as cores: more threads than that would only wait for each other.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import gc
import json
import multiprocessing
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from math import ceil
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import page
from closure import fingerprint
from experiment import FIRST_SEED, MISSED, Experiment, Figure
from experiments import EXPERIMENTS

KEPT = Path(__file__).resolve().parents[2] / ".truth"
PIECES = 100
"""Into about how many pieces of work the worlds of an experiment are cut."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns 1 if a world failed or a target is missed, 2 if nothing is called so."""
    parser = argparse.ArgumentParser(prog="make truth", description=__doc__)
    parser.add_argument("--only", default="", help="experiments by the start of their names, with commas between")
    parser.add_argument("--worlds", type=float, default=1.0, help="share of the worlds, to try out; stores no results")
    parser.add_argument(
        "--store", action="store_true", help="store the results of a share too; the page says of how many worlds"
    )
    given = parser.parse_args(arguments)
    console = Console(highlight=False)
    starts = tuple(name.strip() for name in given.only.split(","))
    chosen = [experiment for experiment in EXPERIMENTS if experiment.name.startswith(starts)]
    if not chosen:
        there = ", ".join(experiment.name for experiment in EXPERIMENTS)
        console.print(f"No experiment's name begins with {given.only!r}. There are: {there}")
        return 2
    failures = draw(chosen, given.worlds, console)
    results, missed = page.read(), 0
    for experiment in chosen:
        worlds = _kept(experiment)
        found = [worlds[seed] for seed in _seeds(experiment, given.worlds) if seed in worlds]
        if not found:
            continue
        kept = page.entry(experiment, found, code=fingerprint(experiment))
        if given.store or len(found) == experiment.worlds:
            results[experiment.name] = kept
        for measure in experiment.measures:
            missed += Figure(**kept["figures"][measure.name]).verdict_on(measure) == MISSED
            console.print(f"{experiment.name} {page.row(measure, kept)}", markup=False, soft_wrap=True)
    page.write({experiment.name: results[experiment.name] for experiment in EXPERIMENTS if experiment.name in results})
    for failure in failures:
        console.print(failure, style="red", markup=False)
    return 1 if failures or missed else 0


def draw(experiments: Sequence[Experiment], share: float, console: Console) -> list[str]:
    """Draw what is not kept yet; returns what went wrong, in words."""
    failures: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        # Some libraries collect all garbage after every small task; what is loaded for good need not be gone through.
        ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"), initializer=gc.freeze) as pool,
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
    ):
        work = {}
        for experiment in experiments:
            seeds, kept = _seeds(experiment, share), _kept(experiment)
            task = progress.add_task(experiment.name, total=len(seeds), completed=sum(seed in kept for seed in seeds))
            missing = [seed for seed in seeds if seed not in kept]
            size = ceil(experiment.worlds / PIECES)
            for piece in (missing[start : start + size] for start in range(0, len(missing), size)):
                work[pool.submit(worlds_of, experiment.name, piece)] = experiment, task, len(piece)
        try:
            for done in as_completed(work):
                experiment, task, count = work[done]
                if done.exception():
                    failures.append(f"{experiment.name}: {done.exception()}")
                else:
                    _keep(experiment, done.result())
                progress.advance(task, count)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    return failures


def worlds_of(name: str, seeds: Sequence[int]) -> dict[int, Mapping[str, tuple[float, float]]]:
    """Some worlds of one experiment, in a process of their own.

    Raises
    ------
    RuntimeError : a world could not be drawn; says which
    """
    world = next(experiment.world for experiment in EXPERIMENTS if experiment.name == name)
    found = {}
    for seed in seeds:
        try:
            found[seed] = world(seed)
        except Exception as error:
            raise RuntimeError(f"the world with seed {seed} failed: {type(error).__name__}: {error}") from error
    return found


def _seeds(experiment: Experiment, share: float) -> list[int]:
    return [FIRST_SEED + number for number in range(min(ceil(experiment.worlds * share), experiment.worlds))]


def _place(experiment: Experiment) -> Path:
    return KEPT / f"{experiment.name}-{fingerprint(experiment)}"


def _kept(experiment: Experiment) -> dict[int, Mapping[str, tuple[float, float]]]:
    """The worlds drawn so far, by seed."""
    drawn: dict[int, Mapping[str, tuple[float, float]]] = {}
    for file in sorted(_place(experiment).glob("*.json")):
        for seed, found in json.loads(file.read_text(encoding="utf-8")).items():
            drawn[int(seed)] = {name: tuple(pair) for name, pair in found.items()}
    return drawn


def _keep(experiment: Experiment, worlds: Mapping[int, Mapping[str, tuple[float, float]]]) -> None:
    """One file a piece of work, there as a whole or not at all, wherever the run is stopped."""
    place = _place(experiment)
    place.mkdir(parents=True, exist_ok=True)
    partial = place / "partial"
    partial.write_text(json.dumps(worlds), encoding="utf-8")
    os.replace(partial, place / f"{min(worlds)}.json")


if __name__ == "__main__":
    sys.exit(main())
