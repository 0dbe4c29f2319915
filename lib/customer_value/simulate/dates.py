"""Days since 1970 of the months that the simulation walks through, and how dates and ids are written."""

from __future__ import annotations

import numpy as np

OPEN = np.iinfo(np.int64).max
"""The end of a line that has none."""


class Calendar:
    """Months by number, from the first that is walked through.

    Attributes
    ----------
    first : the day on which each month begins
    length : how many days it has
    year : its year
    """

    def __init__(self, first: np.datetime64, months: int) -> None:
        starts = np.arange(first, first + months + 2)
        self.first = starts.astype("datetime64[D]").astype(np.int64)
        self.length = np.diff(self.first)
        self.year = starts.astype("datetime64[Y]").astype(np.int64) + 1970

    def day(self, month: np.ndarray | int, day: np.ndarray) -> np.ndarray:
        """The given day of the month, or the month's last where it is shorter."""
        return self.first[month] + np.minimum(day, self.length[month]) - 1

    def month(self, day: np.ndarray) -> np.ndarray:
        """The number of the month in which each day lies."""
        return np.searchsorted(self.first, day, side="right") - 1


def identifiers(numbers: np.ndarray, accounts: int) -> np.ndarray:
    """Ids of accounts by number, all of one length."""
    width = max(5, len(str(accounts)))
    return np.array([f"C{number + 1:0{width}d}" for number in numbers.tolist()], dtype=object)


def dates(days: np.ndarray) -> np.ndarray:
    """Days since 1970 as pandas writes them; `OPEN` is none."""
    days = np.asarray(days)
    missing = days == OPEN
    found = np.where(missing, 0, days).astype("datetime64[D]").astype("datetime64[ns]")
    found[missing] = np.datetime64("NaT")
    return found


def times(days: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Days since 1970 and seconds of the day; `OPEN` is none."""
    found = dates(days).astype("datetime64[s]")
    return (found + np.asarray(seconds).astype("timedelta64[s]")).astype("datetime64[ns]")
