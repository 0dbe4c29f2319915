"""Every experiment, in the order of the page: one module a study."""

from __future__ import annotations

from experiments import (
    adjusted,
    archetypes,
    clusters,
    cohort_value,
    cohorts,
    contracts,
    expansion,
    features,
    growth,
    hazards,
    leaving,
    null_worlds,
    satisfaction,
    shares,
    survival,
)

EXPERIMENTS = (
    *shares.EXPERIMENTS,
    *growth.EXPERIMENTS,
    *survival.EXPERIMENTS,
    *cohort_value.EXPERIMENTS,
    *cohorts.EXPERIMENTS,
    *adjusted.EXPERIMENTS,
    *hazards.EXPERIMENTS,
    *leaving.EXPERIMENTS,
    *features.EXPERIMENTS,
    *archetypes.EXPERIMENTS,
    *clusters.EXPERIMENTS,
    *satisfaction.EXPERIMENTS,
    *contracts.EXPERIMENTS,
    *expansion.EXPERIMENTS,
    *null_worlds.EXPERIMENTS,
)
