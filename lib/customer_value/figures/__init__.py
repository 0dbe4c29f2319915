"""Pictures of results: each takes a `Result` and returns a matplotlib figure; none reckons, saves or shows."""

from customer_value.figures.curves import curves
from customer_value.figures.intervals import intervals
from customer_value.figures.theme import svg
from customer_value.figures.trend import trend

__all__ = ["curves", "intervals", "svg", "trend"]
