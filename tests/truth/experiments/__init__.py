"""Every experiment, in the order of the page: one module a study."""

from __future__ import annotations

from experiments import (
    adjusted,
    archetypes,
    cohorts,
    contracts,
    expansion,
    features,
    hazards,
    null_worlds,
    satisfaction,
    shares,
    survival,
)

EXPERIMENTS = (
    *shares.EXPERIMENTS,
    *survival.EXPERIMENTS,
    *cohorts.EXPERIMENTS,
    *adjusted.EXPERIMENTS,
    *hazards.EXPERIMENTS,
    *features.EXPERIMENTS,
    *archetypes.EXPERIMENTS,
    *satisfaction.EXPERIMENTS,
    *contracts.EXPERIMENTS,
    *expansion.EXPERIMENTS,
    *null_worlds.EXPERIMENTS,
)
