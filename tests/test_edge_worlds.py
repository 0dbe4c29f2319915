"""Every study on small and odd businesses: a result whose numbers make sense, or an error that says what to do.

No world here is rare: a young company, one whose export lacks plans, one with nobody lost. Each is lived through by
every question of every study.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from customer_value.errors import ReportError
from customer_value.marts import Marts, periods
from customer_value.rules import Rules
from customer_value.stats.result import Result
from customer_value.studies import cohort_survival, cohort_value, data_quality, expansion, revenue, segments
from marts_fixtures import build_marts

AS_OF = date(2025, 12, 31)


def _accounts(
    count: int,
    *,
    months: int = 30,
    every: int = 7,
    lasting: int = 9,
    start: date | None = None,
    **columns: object,
) -> list[dict[str, object]]:
    """Accounts that start one after the other over so many months; one in ``every`` ends after ``lasting`` months."""
    rows = []
    for number in range(count):
        first = start or AS_OF - timedelta(days=int(30.4 * months * (count - number) / count))
        end = first + timedelta(days=int(30.4 * lasting)) if every and number % every == 0 else None
        rows.append(
            {
                "customer_id": f"a{number:03d}",
                "start_date": str(first),
                "end_date": None if end is None or end > AS_OF else str(end),
                "mrr": 50 + 10 * (number % 11),
                "billing_months": 1,
                **columns,
            }
        )
    return rows


def _with(rows: list[dict[str, object]], change: Callable[[int, dict[str, object]], dict[str, object]]) -> list[dict]:
    return [{**row, **change(number, row)} for number, row in enumerate(rows)]


def _tenure(number: int, *, tenure: int, churned: bool, mrr: float | None = 10) -> dict[str, object]:
    return {"customer_id": f"a{number:03d}", "tenure": tenure, "churned": churned, "mrr": mrr}


WORLDS: dict[str, dict[str, object]] = {
    "usual": {"subscriptions": _with(_accounts(120), lambda i, row: {"product": ("basic", "pro")[i % 2]})},
    "one cohort": {"subscriptions": _accounts(60, start=date(2024, 1, 15)), "observed_from": "2023-12-31"},
    "no churn": {"subscriptions": _accounts(60, every=0)},
    "everyone churned": {
        "subscriptions": _with(
            _accounts(60, every=1),
            lambda i, row: {"end_date": "2025-07-10" if row["start_date"] < "2025-06-01" else "2025-12-20"},
        )
    },
    "thirty accounts, seen mid-month": {"subscriptions": _accounts(30), "as_of": "2025-12-17"},
    "five accounts": {"subscriptions": _accounts(5)},
    "eight months": {"subscriptions": _accounts(60, months=8, lasting=3)},
    "one month": {"subscriptions": _accounts(40, months=1, every=0)},
    "two months": {"subscriptions": _accounts(40, months=2, lasting=1), "observed_from": "2025-10-01"},
    "all opening stock": {
        "subscriptions": _accounts(60, start=date(2024, 1, 1), lasting=14), "observed_from": "2024-01-31"
    },
    "suspected opening stock": {"subscriptions": _accounts(60, start=date(2024, 1, 1), lasting=14)},
    "stock that all left": {
        "subscriptions": _accounts(40, start=date(2024, 1, 1), every=1, lasting=8), "observed_from": "2024-01-31"
    },
    "no plan column": {
        "subscriptions": _with(_accounts(60), lambda i, row: {"product": "subscription", "billing_months": None})
    },
    "all annual": {"subscriptions": _accounts(90, lasting=12, billing_months=12)},
    "free accounts": {"subscriptions": _with(_accounts(80), lambda i, row: {"mrr": 0 if i % 3 == 0 else row["mrr"]})},
    "snapshots": {
        "subscriptions": _with(
            _accounts(60), lambda i, row: {
                "start_date": row["start_date"][:8] + "01",
                "end_date": row["end_date"] and row["end_date"][:8] + "01",
                "billing_months": None,
            }
        ),
        "shape": "snapshots",
    },
    "attributes half empty": {
        "subscriptions": _accounts(90),
        "customers": [
            {"customer_id": f"a{i:03d}", "channel": None if i % 2 else ("web", "fair", "x")[i % 3], "tier": "all",
             "score": None, "vip": None if i % 5 else bool(i % 2), "health": "Green" if i % 7 else None}
            for i in range(90)
        ],
        "attributes": {
            "channel": {}, "tier": {}, "score": {"kind": "number"}, "vip": {"kind": "boolean"},
            "health": {"known_at": "current"},
        },
    },
    "flat": {"flat": [_tenure(i, tenure=i % 25, churned=i % 4 == 0) for i in range(90)]},
    "flat followed": {
        "flat": [_tenure(i, tenure=1 + i % 25, churned=False, mrr=None) for i in range(90)],
        "observation": "followed_from_start",
    },
    "flat snapshot": {
        "flat": [_tenure(i, tenure=i % 40, churned=i % 4 == 0) for i in range(90)],
        "observation": "snapshot", "snapshot_window": 12,
    },
    "flat of newcomers": {"flat": [_tenure(i, tenure=0, churned=False) for i in range(40)]},
    "flat all left": {"flat": [_tenure(i, tenure=1 + i % 9, churned=True) for i in range(40)]},
}  # fmt: skip


@pytest.fixture(scope="module", params=WORLDS, ids=lambda name: name.replace(" ", "-"))
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Marts:
    given = dict(WORLDS[request.param])
    if "flat" not in given:
        given.setdefault("as_of", str(AS_OF))
    return build_marts(tmp_path_factory.mktemp("world"), **given)


def _questions(marts: Marts, *, thorough: bool) -> list[tuple[str, Callable[[], Result]]]:
    """Every public study function, with the arguments that a chapter would give it."""
    asked: list[tuple[str, Callable[[], Result]]] = []
    spans: list[dict[str, object]] = [{}]
    compared = list(cohort_survival.comparable(marts.meta))
    if not thorough and marts.meta.shape != "flat":
        # What was declared, or else the plan: the others go the same way.
        compared = [name for name in compared if name in marts.meta.attributes] or ["first_plan"]
    if marts.meta.as_of is not None:
        try:
            period = periods.choose(marts.meta)
        except ReportError:
            spans = []
        else:
            spans = [{"start": period.start, "end": period.end}]
            if thorough and period.end > period.start + timedelta(days=40):
                spans.append({"start": period.start + timedelta(days=10), "end": period.end - timedelta(days=11)})
    for module in (revenue, segments):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("_") or function.__module__ != module.__name__:
                continue
            takes = inspect.signature(function).parameters
            if inspect.signature(function).return_annotation != "Result":
                continue  # a plain answer for the prose, such as whether all pay alike
            if marts.meta.shape == "flat" and module is revenue:
                continue
            if "start" in takes:
                if marts.meta.shape == "flat" and name != "overview":
                    continue
                asked += [(name, lambda f=function, s=span: f(marts, **s)) for span in spans]
                if name == "headwind_tailwind":
                    asked += [(name, lambda f=function, s=span: f(marts, **s, by="plan")) for span in spans]
            else:
                asked.append((name, lambda f=function: f(marts)))
    if marts.meta.shape == "flat":
        asked = [pair for pair in asked if pair[0] == "overview"]
    for by in (None, *compared):
        for function in (cohort_survival.curves, cohort_survival.survival_at, cohort_survival.medians):
            asked.append((function.__name__, lambda f=function, b=by: f(marts, by=b)))
    asked += [("logrank", lambda: cohort_survival.logrank(marts, by=compared))]
    asked += [("pairwise", lambda: cohort_survival.pairwise(marts, by=compared))]
    asked += [
        (f"triangle {metric}", lambda m=metric: cohort_survival.triangle(marts, metric=m))
        for metric in cohort_survival.METRICS
    ]
    asked += [("cohorts_at_age", lambda: cohort_survival.cohorts_at_age(marts))]
    quick = {"reach": cohort_value.Reach(replicates=40)}
    asked += [
        (function.__name__, lambda f=function: f(marts, **quick))
        for function in (cohort_value.projection, cohort_value.back_test, cohort_value.lifetimes)
    ]
    asked += [
        (function.__name__, lambda f=function: f(marts))
        for function in (cohort_value.brought_in, cohort_value.economics, cohort_value.contrasts)
    ]
    asked += [
        (f"by_cohort {metric}", lambda m=metric: cohort_value.by_cohort(marts, metric=m))
        for metric in ("revenue", "multiple")
    ]
    asked += [("tables", lambda: data_quality.tables(marts)), ("who_is_in", lambda: data_quality.who_is_in(marts))]
    asked += [("freshness", lambda: data_quality.freshness(marts))]
    if marts.meta.as_of is not None:
        asked += [("volumes", lambda: data_quality.volumes(marts))]
        asked += [
            (function.__name__, lambda f=function: f(marts))
            for function in (expansion.timing, expansion.rates, expansion.after_contraction)
        ]
        rules = Rules(behaviours=({"name": "busy", "usage": "events", "top_share": 0.5, "within_days": 60},))
        asked += [(function.__name__, lambda f=function, s=span: f(marts, **s)) for span in spans
                  for function in (segments.moves, segments.steps)]  # fmt: skip
        asked += [(function.__name__, lambda f=function, s=span: f(marts, rules, **s)) for span in spans[: thorough]
                  for function in (segments.kinds, segments.kind_contrasts)]  # fmt: skip
        asked += [("time_on_plan", lambda: segments.time_on_plan(marts))]
        asked += [("behaviours", lambda: segments.behaviours(marts, rules.behaviours))]
    return asked


def _check(name: str, result: Result) -> None:
    table = result.table
    assert not table.duplicated(list(result.keys)).any(), name
    words = " ".join([result.method, *result.notes, *(str(value) for key in result.keys for value in table[key])])
    assert not re.search(r"\b(nan|None|NaT|inf)\b", words), (name, words)
    numbers = table[[c for c in ("estimate", "low", "high") if c in table]].astype(float)
    assert not np.isinf(numbers.to_numpy()).any(), name
    if "low" in table:
        within = table.dropna(subset=["estimate", "low", "high"]).astype({"estimate": float})
        assert (within["low"].astype(float) <= within["estimate"] + 1e-9).all(), name
        assert (within["high"].astype(float) >= within["estimate"] - 1e-9).all(), name
    if "n" in table and len(table):
        assert (table["n"] >= 0).all(), name
    for column in ("p", "p_adjusted"):
        if column in table:
            assert table[column].dropna().between(0, 1).all(), name


def test_every_study_answers_or_says_why_not(world: Marts, request: pytest.FixtureRequest) -> None:
    thorough = request.node.callspec.params["world"] in ("usual", "two months", "flat")
    for name, ask in _questions(world, thorough=thorough):
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("error", FutureWarning)
            warnings.simplefilter("error", pd.errors.PerformanceWarning)
            try:
                result = ask()
            except ReportError as refusal:
                # The usual period is one that every question about revenue can be asked of, if anyone was there.
                nobody = str(refusal).startswith("Nobody is a customer")
                assert nobody or name not in vars(revenue), name
                continue
        _check(name, result)
