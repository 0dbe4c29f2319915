"""Every experiment, in the order of the page: one module a study."""

from __future__ import annotations

from experiments import archetypes, features, hazards, null_worlds, satisfaction, shares, standardised, survival

EXPERIMENTS = (
    *shares.EXPERIMENTS,
    *survival.EXPERIMENTS,
    *standardised.EXPERIMENTS,
    *hazards.EXPERIMENTS,
    *features.EXPERIMENTS,
    *archetypes.EXPERIMENTS,
    *satisfaction.EXPERIMENTS,
    *null_worlds.EXPERIMENTS,
)
