"""A line as small as a word, for a headline figure."""

from __future__ import annotations

from collections.abc import Sequence

from customer_value.figures import theme

# Stands out from white and from a dark page alike: a sparkline has no card behind it.
_STROKE = "#3b8ecb"


def sparkline(values: Sequence[float | None], *, width: int = 120, height: int = 28) -> bytes:
    """The course of a few values as an SVG without axes, its last value marked; a missing value is a gap.

    Parameters
    ----------
    values : in order of time
    width, height : in CSS pixels

    Raises
    ------
    ValueError : no value is known
    """
    known = [float(value) for value in values if not theme.missing(value)]
    if not known:
        raise ValueError("a sparkline needs at least one value")
    low, high, pad = min(known), max(known), 4.0
    across = (width - 2 * pad) / max(len(values) - 1, 1)
    up = (height - 2 * pad) / (high - low) if high > low else 0.0
    points = [
        None
        if theme.missing(value)
        else (pad + across * index, height - pad - up * (float(value) - low) if up else height / 2)
        for index, value in enumerate(values)
    ]
    path, joined = [], False
    for point in points:
        if point is not None:
            path.append(f"{'L' if joined else 'M'}{point[0]:.1f} {point[1]:.1f}")
        joined = point is not None
    end = next(point for point in reversed(points) if point is not None)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<path d="{"".join(path)}" fill="none" stroke="{_STROKE}" stroke-width="1.5" stroke-linejoin="round"/>'
        f'<circle cx="{end[0]:.1f}" cy="{end[1]:.1f}" r="2.5" fill="{_STROKE}"/></svg>\n'
    ).encode()
