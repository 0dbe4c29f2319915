"""The results as they are stored, and the page that is written from them: `docs/truth.md`.

Run by itself it writes the page anew from the stored results.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from experiment import EDGE, FIRST_SEED, HOLDS, MISSED, SHOWN, Experiment, Figure, Measure, figures
from experiments import EXPERIMENTS

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "truth.md"

_HEAD = """# Is it true?

Written by `make truth`, not by hand. How the numbers of the report are reckoned is in [methods](methods.md).

A number from a company's data cannot be checked: nobody knows what is true of its customers. So the report's own
functions are run on many small made-up worlds whose truth is known, and this page counts how often they were right.

- **Covers**: of ranges that promise to hold the truth in 95 of 100 cases, so many did.
- **False alarms**: where nothing differs, a difference was called so often.
- **Finds**: where there is a difference, it was found so often.

The range in brackets is what the number of worlds leaves open. A target *holds* if the figure lies within it, and *does
not hold* if all of the range lies outside; between the two it is *at the edge*. Figures without a target stand beside
the others for comparison.

{verdict}
"""

_FOOT = """## Drawing them again

Every world is drawn from a seed: {seed} for the first of an experiment, one more for each that follows. `make truth`
draws all of them on every core, shows how far it is, and goes on where it was stopped. `make truth ONLY=survival` draws
the experiments whose names begin so; `make truth WORLDS=0.1` the first tenth of the worlds, to try out, and stores
nothing unless told to (`STORE=yes`). `make test` draws the first few of the same worlds and allows for their number.

The code that an experiment rests on has a fingerprint. With other code the figures may differ.

| experiment | worlds | code |
|---|---:|---|
{rows}
"""

_KINDS = {"covers": "Covers: ", "errs": "False alarms: ", "finds": "Finds: ", "share": "", "mean": ""}


def read() -> dict[str, dict]:
    """The stored results by experiment; none yet if there is no file."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}


def entry(experiment: Experiment, worlds: Sequence[Mapping[str, tuple[float, float]]], *, code: str) -> dict:
    """What is stored of an experiment: its figures to six digits, how many worlds, and the code's fingerprint."""
    kept = {
        name: {part: float(f"{value:.6g}") for part, value in asdict(figure).items()}
        for name, figure in figures(experiment, worlds).items()
    }
    return {"code": code, "figures": kept, "worlds": len(worlds)}


def write(results: Mapping[str, dict]) -> None:
    """Store the results and write the page from them."""
    text = json.dumps(results, indent=1, sort_keys=True)
    RESULTS.write_text(f"{text}\n", encoding="utf-8")
    PAGE.write_text(markdown(results), encoding="utf-8")


def markdown(results: Mapping[str, dict]) -> str:
    """The page. Experiments without results are left out, or with those of other figures than they name now."""
    named = {experiment.name: {measure.name for measure in experiment.measures} for experiment in EXPERIMENTS}
    known = [
        experiment
        for experiment in EXPERIMENTS
        if experiment.name in results and set(results[experiment.name]["figures"]) == named[experiment.name]
    ]
    parts = [_HEAD.format(verdict=_summary(known, results))]
    for study, experiments in groupby(known, key=lambda experiment: experiment.study):
        parts.append(f"## {study}\n")
        for experiment in experiments:
            rows = [row(measure, results[experiment.name]) for measure in experiment.measures]
            parts.append(
                f"{experiment.says} {_worlds(experiment, results)} worlds.\n\n"
                "| figure | found | target | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
            )
    rows = [
        f"| `{experiment.name}` | {_worlds(experiment, results)} | `{results[experiment.name]['code']}` |"
        for experiment in known
    ]
    parts.append(_FOOT.format(seed=FIRST_SEED, rows="\n".join(rows)))
    return "\n".join(parts)


def row(measure: Measure, kept: Mapping[str, dict]) -> str:
    """One figure as a row: what, found, target, verdict."""
    figure = Figure(**kept["figures"][measure.name])
    said = {HOLDS: HOLDS, EDGE: f"*{EDGE}*", MISSED: f"**{MISSED}**", SHOWN: ""}[figure.verdict_on(measure)]
    found = f"{_number(measure, figure.estimate)} ({_number(measure, figure.low)} to {_number(measure, figure.high)})"
    return f"| {_KINDS[measure.kind]}{measure.says} | {found} | {_target(measure)} | {said} |"


def _summary(known: Sequence[Experiment], results: Mapping[str, dict]) -> str:
    by_verdict: dict[str, list[str]] = {HOLDS: [], EDGE: [], MISSED: [], SHOWN: []}
    for experiment in known:
        for measure in experiment.measures:
            verdict = Figure(**results[experiment.name]["figures"][measure.name]).verdict_on(measure)
            by_verdict[verdict].append(f"{measure.says} (`{experiment.name}`)")
    aimed = sum(len(by_verdict[verdict]) for verdict in (HOLDS, EDGE, MISSED))
    text = f"**Of {aimed} figures with a target, {len(by_verdict[HOLDS])} hold"
    for verdict, said in ((EDGE, "at the edge"), (MISSED, "that do not hold")):
        if by_verdict[verdict]:
            text += f"; {len(by_verdict[verdict])} {said}: {', '.join(by_verdict[verdict])}"
    return f"{text}.**"


def _target(measure: Measure) -> str:
    low, high = (None if bound is None else _number(measure, bound) for bound in (measure.low, measure.high))
    if low is None and high is None:
        return ""
    if low is None or (measure.kind != "mean" and measure.low == 0):
        return f"at most {high}"
    if high is None or (measure.kind != "mean" and measure.high == 1):
        return f"at least {low}"
    return f"{low} to {high}"


def _number(measure: Measure, value: float) -> str:
    if value != value:
        return "nothing to measure"
    if measure.kind == "mean":
        return f"{value:.2f}".replace("-", "−")
    digits = 2 if measure.kind == "errs" and (measure.high or 1) < 0.02 else 1
    return f"{100 * value:.{digits}f} %"


def _worlds(experiment: Experiment, results: Mapping[str, dict]) -> str:
    """How many worlds the results rest on, and of how many where that is not all."""
    drawn = results[experiment.name]["worlds"]
    return _count(drawn) + (f" of {_count(experiment.worlds)}" if drawn < experiment.worlds else "")


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


if __name__ == "__main__":
    write(read())
