"""How experiments are judged, kept and written down."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from rich.console import Console
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

import page
import run
from closure import HERE, LIBRARY, fingerprint, sources
from experiment import EDGE, HOLDS, MISSED, SHOWN, Experiment, Figure, Measure, below, covers, figures, total
from experiments import EXPERIMENTS


def experiment_of(measure: Measure, world=lambda seed: {}) -> Experiment:
    return Experiment(name="e", study="S", says="A world.", worlds=10, short=2, world=world, measures=(measure,))


def test_single_trials_give_wilsons_interval() -> None:
    measure = Measure("m", "something", "covers")
    found = figures(experiment_of(measure), [{"m": (float(k % 10 != 0), 1.0)} for k in range(1000)])["m"]
    low, high = proportion_confint(900, 1000, method="wilson")
    assert (found.estimate, found.trials) == (0.9, 1000)
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)


def test_trials_of_one_world_that_move_together_count_as_one() -> None:
    measure = Measure("m", "something", "covers")
    worlds = [{"m": (float(k % 10 != 0), 1.0)} for k in range(1000)]
    tenfold = [{"m": (10 * hits, 10 * trials)} for hits, trials in (world["m"] for world in worlds)]
    one, ten = (figures(experiment_of(measure), each)["m"] for each in (worlds, tenfold))
    assert (one.low, one.high) == pytest.approx((ten.low, ten.high))
    # and where they do not move together they count in full
    rng = np.random.default_rng(1)
    apart = [{"m": (float(hits), 10.0)} for hits in rng.binomial(10, 0.9, 1000)]
    assert figures(experiment_of(measure), apart)["m"].high - ten.estimate < 0.5 * (ten.high - ten.estimate)


def test_a_share_that_never_fails_is_not_taken_for_certain() -> None:
    measure = Measure("m", "something", "covers", 0.95, 1.0)
    found = figures(experiment_of(measure), [{"m": (50.0, 50.0)}] * 10)["m"]
    assert found.low == pytest.approx(proportion_confint(10, 10, method="wilson")[0])


def test_means_have_the_usual_interval() -> None:
    values = np.random.default_rng(2).normal(3, 2, 400)
    measure = Measure("m", "something", "mean")
    found = figures(experiment_of(measure), [{"m": total(value)} for value in values])["m"]
    margin = stats.t.ppf(0.975, 399) * values.std(ddof=1) / 20
    assert (found.estimate, found.high) == pytest.approx((values.mean(), values.mean() + margin), abs=1e-4)


@pytest.mark.parametrize(
    ("estimate", "low", "high", "verdict"),
    [
        (0.94, 0.93, 0.96, HOLDS),
        (0.92, 0.91, 0.931, EDGE),
        (0.92, 0.91, 0.929, MISSED),
        (0.98, 0.969, 0.99, EDGE),
        (0.98, 0.971, 0.99, MISSED),
        (np.nan, np.nan, np.nan, MISSED),
    ],
)
def test_verdicts(estimate: float, low: float, high: float, verdict: str) -> None:
    figure = Figure(estimate, low, high, 100)
    assert figure.verdict_on(Measure("m", "something", "covers", 0.93, 0.97)) == verdict
    assert figure.verdict_on(Measure("m", "something", "covers")) == SHOWN


def test_what_is_missing_does_not_count() -> None:
    assert covers([0.1, np.nan, 0.5], 0.3, [0.4, 0.4, 0.6]) == (1, 2)
    assert below([0.01, 0.2, np.nan], 0.05) == (1, 2)
    assert total([1.0, np.nan, 3.0]) == (4, 2)


def test_a_world_must_measure_what_the_experiment_names() -> None:
    with pytest.raises(ValueError, match="names \\['m'\\] but a world measured \\['n'\\]"):
        figures(experiment_of(Measure("m", "something", "covers")), [{"n": (1, 1)}])


def test_names_and_words_are_unique() -> None:
    names = [experiment.name for experiment in EXPERIMENTS]
    assert len(set(names)) == len(names)
    for experiment in EXPERIMENTS:
        for words in ([m.name for m in experiment.measures], [(m.kind, m.says) for m in experiment.measures]):
            assert len(set(words)) == len(words), experiment.name
        assert experiment.short <= experiment.worlds


def test_experiments_of_a_study_stand_together() -> None:
    studies = [experiment.study for experiment in EXPERIMENTS]
    changes = sum(before != after for before, after in pairwise(studies))
    assert changes == len(set(studies)) - 1


def test_the_fingerprint_reaches_what_is_imported_in_turn() -> None:
    files = sources(HERE / "experiments" / "survival.py")
    assert {LIBRARY / "stats" / name for name in ("survival.py", "intervals.py", "multiplicity.py")} <= files
    assert HERE / "experiment.py" in files
    assert not any("figures" in path.parts for path in files)
    assert len({fingerprint(experiment) for experiment in EXPERIMENTS}) > 1


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(page, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "truth.md")
    wilson = next(experiment for experiment in EXPERIMENTS if experiment.name == "wilson")
    first = run.worlds_of("wilson", run._seeds(wilson, 0.001))
    run._keep(wilson, first)
    drawn = []
    monkeypatch.setattr(run, "_keep", lambda experiment, worlds: drawn.append(set(worlds)))
    assert run.draw([wilson], 0.002, Console(quiet=True)) == []
    assert set().union(*drawn) == set(run._seeds(wilson, 0.002)) - set(first)


def test_a_part_of_the_worlds_stores_no_results(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(run, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(page, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "truth.md")
    run.main(["--only", "wilson", "--worlds", "0.005"])
    assert "wilson | Covers: share of 50 accounts" in capsys.readouterr().out
    assert json.loads((tmp_path / "results.json").read_text()) == {}


def test_an_unknown_experiment_names_those_there_are(capsys) -> None:
    assert run.main(["--only", "nonesuch"]) == 2
    assert "wilson" in capsys.readouterr().out
