"""Every experiment, in the order of the page: one module a study."""

from __future__ import annotations

from experiments import archetypes, hazards, satisfaction, shares, standardised, survival

EXPERIMENTS = (
    *shares.EXPERIMENTS,
    *survival.EXPERIMENTS,
    *standardised.EXPERIMENTS,
    *hazards.EXPERIMENTS,
    *archetypes.EXPERIMENTS,
    *satisfaction.EXPERIMENTS,
)
