"""The first few worlds of every experiment; `make truth` draws all of them.

With so few worlds a target is held against a wider range: one that the truth leaves once in a thousand experiments.
Chains of which a world takes many seconds are drawn by `make truth` alone (``short`` 0) where other tests run them too.
"""

from __future__ import annotations

import pytest

from experiment import FIRST_SEED, MISSED, Experiment, figures
from experiments import EXPERIMENTS

CONFIDENCE = 0.999


@pytest.mark.parametrize(
    "experiment", [each for each in EXPERIMENTS if each.short], ids=lambda experiment: experiment.name
)
def test_targets_hold_in_the_first_worlds(experiment: Experiment) -> None:
    worlds = [experiment.world(FIRST_SEED + number) for number in range(experiment.short)]
    found = figures(experiment, worlds, confidence=CONFIDENCE)
    missed = {
        measure.name: found[measure.name]
        for measure in experiment.measures
        if found[measure.name].verdict_on(measure) == MISSED
    }
    assert not missed


def test_every_world_is_the_same_again() -> None:
    for experiment in EXPERIMENTS:
        if experiment.short >= 100:
            assert experiment.world(FIRST_SEED) == experiment.world(FIRST_SEED), experiment.name
