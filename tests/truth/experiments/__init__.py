"""Every experiment, in the order of the page: one module a study."""

from __future__ import annotations

from experiments import (
    adjusted,
    archetypes,
    cohorts,
    contracts,
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
    *adjusted.EXPERIMENTS,
    *hazards.EXPERIMENTS,
    *features.EXPERIMENTS,
    *archetypes.EXPERIMENTS,
    *satisfaction.EXPERIMENTS,
    *null_worlds.EXPERIMENTS,
    *contracts.EXPERIMENTS,
)
