"""Every experiment, in the order of the page: one module a study."""

from __future__ import annotations

from experiments import shares, survival

EXPERIMENTS = (*shares.EXPERIMENTS, *survival.EXPERIMENTS)
