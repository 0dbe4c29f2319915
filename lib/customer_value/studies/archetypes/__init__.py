"""Archetypes: kinds of accounts by several attributes at once, and which of them really keep and grow best.

With many combinations the best figure belongs to the luckiest one. So every combination is drawn towards what its parts
lead one to expect, the further the fewer accounts it has, and the table says how likely each is to be among the best at
all. An account whose contract term did not come due could not leave, so how many of a combination's accounts were free
to is part of what is expected of it.

A finding here is about what a combination adds to its parts; what the parts do by themselves is for the segments.
"""

from __future__ import annotations

from customer_value.studies.archetypes.beyond import TESTED, beyond_parts
from customer_value.studies.archetypes.cells import METRICS, MOST_LEVELS, MOST_ORDER
from customer_value.studies.archetypes.overview import SMALLER, archetypes
from customer_value.studies.archetypes.split import split_check

__all__ = [
    "METRICS",
    "MOST_LEVELS",
    "MOST_ORDER",
    "SMALLER",
    "TESTED",
    "archetypes",
    "beyond_parts",
    "split_check",
]
