"""The page of results is what is stored, and what is stored is what the experiments name."""

from __future__ import annotations

import pytest

import page
from experiment import MISSED, Experiment, Figure
from experiments import EXPERIMENTS


def test_page_is_written_from_the_results() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.markdown(page.read()), "run tests/truth/page.py"


def test_results_are_of_the_experiments_there_are() -> None:
    assert set(page.read()) == {experiment.name for experiment in EXPERIMENTS}


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_results_are_whole(experiment: Experiment) -> None:
    kept = page.read()[experiment.name]
    assert 0 < kept["worlds"] <= experiment.worlds
    assert set(kept["figures"]) == {measure.name for measure in experiment.measures}


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_no_target_is_missed(experiment: Experiment) -> None:
    kept = page.read()[experiment.name]["figures"]
    verdicts = {measure.name: Figure(**kept[measure.name]).verdict_on(measure) for measure in experiment.measures}
    assert MISSED not in verdicts.values(), verdicts
