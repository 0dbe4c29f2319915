"""Pictures of results: each takes a `Result` and returns a matplotlib figure; none reckons, saves or shows."""

from customer_value.figures.curves import curves
from customer_value.figures.grid import grid
from customer_value.figures.heatmap import heatmap
from customer_value.figures.intervals import intervals
from customer_value.figures.ladder import ladder
from customer_value.figures.payback import payback
from customer_value.figures.projection import projection
from customer_value.figures.quadrants import quadrants
from customer_value.figures.rates import rates
from customer_value.figures.ratings import ratings
from customer_value.figures.ratios import ratios
from customer_value.figures.scatter import scatter
from customer_value.figures.sparkline import sparkline
from customer_value.figures.spoken import alt
from customer_value.figures.stacked import stacked
from customer_value.figures.strips import strips
from customer_value.figures.theme import svg
from customer_value.figures.trend import trend
from customer_value.figures.triangle import triangle
from customer_value.figures.waterfall import waterfall

__all__ = [
    "alt",
    "curves",
    "grid",
    "heatmap",
    "intervals",
    "ladder",
    "payback",
    "projection",
    "quadrants",
    "rates",
    "ratings",
    "ratios",
    "scatter",
    "sparkline",
    "stacked",
    "strips",
    "svg",
    "trend",
    "triangle",
    "waterfall",
]
