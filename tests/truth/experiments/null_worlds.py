"""Worlds in which nothing has an effect on anything: what the front page recommends there is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache, partial

import chain
from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.periods import choose
from customer_value.simulate import NULL, Parameters
from customer_value.studies import nps_quadrants
from experiment import Experiment, Measure, below, covers
from worlds import marts_of

ACCOUNTS = 700
FEATURES = ("Dashboard", "Reports", "Automation", "Single sign-on")
PARTS = tuple(name for name in chain.CHAPTERS if name not in chain.LEFT_OUT)
"""The chapters that compare anything."""

APART = ("cohort_value",)
"""Chapters whose groups do differ in these worlds: what an account pays and cost to win goes by its plan, size and
channel whoever leaves. Their own tests are held to false alarms in experiments of their own; here nothing may be
recommended because of them."""


def _null(seed: int, *, parameters: Parameters) -> Mapping[str, tuple[float, float]]:
    with marts_of(parameters, accounts=ACCOUNTS, seed=seed) as marts:
        records = chain.findings(marts)
        leads = [decision.lead for decision in chain.recommended(records, marts)]
        found = {"nothing": (float(not leads), 1.0), "quadrants": _quadrants(marts)}
    for part in PARTS:
        p = [one.p for one in records if one.chapter == part and one.kind == "association" and one.p is not None]
        found[f"{part}_acts"] = (float(any(lead.chapter == part for lead in leads)), 1.0)
        found[f"{part}_five"] = below(p, 0.05)
        found[f"{part}_half"] = below(p, 0.005)
    return found


def _quadrants(marts: Marts) -> tuple[float, float]:
    """How many of the four quadrants' intervals of accounts kept hold the share that everybody keeps."""
    period = choose(marts.meta, period_from="", period_to="")
    span = nps_quadrants.follow_up(
        marts, start=period.start, end=period.end, cuts=nps_quadrants.Cuts(), with_use=True, min_group=30
    ).span
    table = nps_quadrants.quadrants(marts, **span).where(metric="logo_retention").table
    table = table[table["group"].isin(nps_quadrants.QUADRANTS)]
    return covers(table["low"], _kept(**span), table["high"])


@cache
def _kept(start: date, end: date) -> float:
    """The share of all accounts kept between two closes, in a world so large that chance hardly matters."""
    with marts_of(SAMPLE_NULL, accounts=20_000, seed=1, use=False) as marts:
        return float(1 - period_base(marts, start=start, end=end)["lost"].mean())


def _measures() -> tuple[Measure, ...]:
    named = {part: part.replace("_", " ") for part in PARTS}
    return (
        Measure("nothing", "worlds in which nothing is recommended because of a comparison", "share", 0.95, 1.0),
        Measure("quadrants", "accounts kept by a quadrant of use and satisfaction", "covers", 0.93, 0.97),
        *(Measure(f"{part}_acts", f"something recommended by {name}", "errs") for part, name in named.items()),
        *(
            Measure(f"{part}_five", f"comparisons of {name}, p ≤ 0.05", "errs", *_at_most(part, 0.07))
            for part, name in named.items()
        ),
        *(
            Measure(f"{part}_half", f"comparisons of {name}, p ≤ 0.005", "errs", *_at_most(part, 0.01))
            for part, name in named.items()
        ),
    )


def _at_most(part: str, share: float) -> tuple[float | None, float | None]:
    return (None, None) if part in APART else (0.0, share)


SAMPLE_NULL = replace(
    NULL,
    features=replace(NULL.features, items=tuple(one for one in NULL.features.items if one.name in FEATURES)),
)
_WORLD = (
    f"The sample's business with {ACCOUNTS} accounts over 36 months and {len(FEATURES)} features, with its sizes, "
    "terms, adoption and biased answers, but nothing in it has an effect on leaving or growing. From tables to the "
    "front page"
)

EXPERIMENTS = (
    Experiment(
        name="null_worlds",
        study="Worlds without effects",
        says=f"{_WORLD}.",
        worlds=100,
        short=0,
        world=partial(_null, parameters=SAMPLE_NULL),
        measures=_measures(),
    ),
    Experiment(
        name="null_worlds_shocks",
        study="Worlds without effects",
        says=f"{_WORLD}. Every month has a shock of its own on leaving (σ 0.15 of the log hazard).",
        worlds=40,
        short=0,
        world=partial(_null, parameters=replace(SAMPLE_NULL, shock_sd=0.15)),
        measures=_measures(),
    ),
)
