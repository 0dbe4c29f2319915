"""A subscription business with known truth: the sample that ships, and the judge of the estimators."""

from .business import Simulation, simulate
from .files import make_sample, write
from .large import write_large
from .mechanisms import (
    Activity,
    Blemishes,
    Feature,
    Features,
    Health,
    Interventions,
    Money,
    Onboarding,
    Satisfaction,
    Support,
    Surveys,
    WindDown,
)
from .parameters import CHANNELS, DEFAULT, NULL, PLANS, SIZES, Parameters
from .shapes import as_flat, as_snapshots
from .truth import true_survival

__all__ = [
    "CHANNELS",
    "DEFAULT",
    "NULL",
    "PLANS",
    "SIZES",
    "Activity",
    "Blemishes",
    "Feature",
    "Features",
    "Health",
    "Interventions",
    "Money",
    "Onboarding",
    "Parameters",
    "Satisfaction",
    "Simulation",
    "Support",
    "Surveys",
    "WindDown",
    "as_flat",
    "as_snapshots",
    "make_sample",
    "simulate",
    "true_survival",
    "write",
    "write_large",
]
