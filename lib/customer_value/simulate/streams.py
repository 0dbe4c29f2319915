"""Random numbers: each mechanism draws from a stream of its own, so that switching one leaves the others alone."""

from __future__ import annotations

import numpy as np

NAMES = (
    "people", "life", "change", "shocks", "health", "engagement", "adoption", "satisfaction", "tickets", "calls",
    "onboarding", "usage", "events", "nps", "csat", "support", "success", "bills", "costs", "identifiers", "blemishes",
)  # fmt: skip
"""Append only: a stream's place is its seed."""


class Streams:
    """``streams["health"]`` is the generator of that mechanism."""

    def __init__(self, seed: int) -> None:
        children = np.random.SeedSequence(seed).spawn(len(NAMES))
        self._generators = {
            name: np.random.Generator(np.random.PCG64(child)) for name, child in zip(NAMES, children, strict=True)
        }

    def __getitem__(self, name: str) -> np.random.Generator:
        return self._generators[name]
