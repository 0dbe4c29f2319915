"""A subscription business with known truth: the sample that ships, and the judge of the estimators."""

from .business import Simulation, simulate
from .files import make_sample, write
from .parameters import CHANNELS, DEFAULT, SIZES, Parameters
from .truth import true_survival

__all__ = [
    "CHANNELS",
    "DEFAULT",
    "SIZES",
    "Parameters",
    "Simulation",
    "make_sample",
    "simulate",
    "true_survival",
    "write",
]
