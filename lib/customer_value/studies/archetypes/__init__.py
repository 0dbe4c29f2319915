"""Archetypes: kinds of accounts by several attributes at once, and which of them really keep and grow best.

With many combinations the best figure belongs to the luckiest one. So every combination is drawn towards what its parts
lead one to expect, the further the fewer accounts it has, and the table says how likely each is to be among the best at
all. An account whose contract term did not come due could not leave, so how many of a combination's accounts were free
to is part of what is expected of it.

Clusters go the other way: no attribute is named beforehand, accounts alike in what they did are put together, if there
are such groups at all.

A finding here is about what a combination adds to its parts; what the parts do by themselves is for the segments.
"""

from __future__ import annotations

from customer_value.studies.archetypes.behaviour import (
    COMPARED,
    OUTCOMES,
    TOO_NEW,
    cluster_contrasts,
    cluster_number,
    cluster_profiles,
    cluster_view,
    clusters,
)
from customer_value.studies.archetypes.beyond import TESTED, beyond_parts
from customer_value.studies.archetypes.cells import METRICS, MOST_LEVELS, MOST_ORDER
from customer_value.studies.archetypes.common import in_common
from customer_value.studies.archetypes.orders import by_order
from customer_value.studies.archetypes.overview import SMALLER, archetypes
from customer_value.studies.archetypes.split import split_check

__all__ = [
    "COMPARED",
    "METRICS",
    "MOST_LEVELS",
    "MOST_ORDER",
    "OUTCOMES",
    "SMALLER",
    "TESTED",
    "TOO_NEW",
    "archetypes",
    "beyond_parts",
    "by_order",
    "cluster_contrasts",
    "cluster_number",
    "cluster_profiles",
    "cluster_view",
    "clusters",
    "in_common",
    "split_check",
]
