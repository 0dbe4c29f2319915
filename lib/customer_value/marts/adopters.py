"""Months at risk by the use of one feature, aligned in time in three ways: by hindsight, by age, some months before.

What the three have in common (who is at risk, terms, what is known of the account) comes from `marts.risk`; here is
only what makes an account exposed in a month.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from customer_value.marts import lookback, risk
from customer_value.marts.lookback import Lagged
from customer_value.marts.risk import Use
from customer_value.marts.store import Marts, to_pandas

THIRDS = 3
"""Bands of how much a feature is used."""


@dataclass(frozen=True)
class Counted:
    """Months at risk by one feature's use.

    Attributes
    ----------
    cells : one row a cell: ``term, since_term``, the adjustments, ``exposure`` (from 0 to 1), ``group``, ``at_risk,
        churned, expanded``
    accounts, exposed, unexposed : accounts with any month at risk, with one at an exposure of 1, with one at 0
    left, grew : accounts that left, and that grew in at least one of these months
    """

    cells: pd.DataFrame
    accounts: int
    exposed: int
    unexposed: int
    left: int
    grew: int


def features(marts: Marts, *, aged: int) -> pd.DataFrame:
    """Every feature ever used, by name, with the share of accounts that adopted it.

    Parameters
    ----------
    aged : accounts count if they were customers in more than so many calendar months on record

    Returns
    -------
    ``feature, adopted`` (a share; missing if no account is so old), one row a feature.
    """
    if not marts.meta.rows.get("adoption", 0):
        return pd.DataFrame({"feature": pd.Series(dtype=object), "adopted": pd.Series(dtype=float)})
    months = marts.table("usage_months")
    months = months.filter(months.month >= ibis.literal(marts.meta.features_from))
    old = months.group_by("customer_id").agg(months=months.count())
    old = old.filter(old.months > aged).select("customer_id")
    known = marts.table("adoption")
    total = int(old.count().execute())
    every = known.select("feature").distinct()
    adopted = known.filter(known.adopted_in.notnull()).semi_join(old, "customer_id")
    adopted = adopted.group_by("feature").agg(adopters=adopted.count())
    frame = to_pandas(every.left_join(adopted, "feature").select("feature", "adopters").order_by("feature"))
    share = frame["adopters"].fillna(0) / total if total else float("nan")
    return pd.DataFrame({"feature": frame["feature"], "adopted": share})


def earlier(
    marts: Marts,
    use: Use,
    *,
    lag: int,
    window: int = 3,
    heavy: bool = False,
    adjust: Sequence[str],
    bands: int = 3,
) -> Counted:
    """By use some whole months before the month at risk.

    Parameters
    ----------
    lag, window, adjust, bands : as in `risk.feature_cells`
    heavy : exposed by how much it was used (thirds of events a day in the window: 0, ½, 1) instead of by the share of
        the window's months with use
    """
    grid = risk.grid(marts)
    seen = use.before(grid, lag=lag, window=window)
    code, levels = seen.months_used, np.arange(window + 1) / window
    if heavy:
        span = (grid.account[seen.place], grid.month[seen.place] - lag - window, grid.month[seen.place] - lag - 1)
        code, levels = _thirds(grid.between(_own(grid, use), *span), grid.between(grid.days, *span))
    return _counted(marts, seen, code, levels, adjust, bands)


def at_age(marts: Marts, use: Use, *, age: int, heavy: bool = False, adjust: Sequence[str], bands: int = 3) -> Counted:
    """By what accounts had adopted at one age, of those still there, in the months after it.

    The age is reached at the close of the ``age``-th whole calendar month of an account's life. Only accounts whose
    life is on record from its start take part. Intensity is that of other use in the three months up to that close:
    before it there is nothing.

    Parameters
    ----------
    age : whole calendar months
    heavy : exposed by how much it was used in the three months up to the age (thirds: 0, ½, 1) instead of by whether it
        was adopted by then
    """
    grid = risk.grid(marts)
    reached = grid.whole_from + age - 1
    from_start = marts.once(("from the start",), lambda: _from_start(marts))[grid.account]
    place = np.flatnonzero(
        from_start & (grid.whole_from >= grid.first) & (reached <= grid.last) & (grid.month > reached)
    )
    account, until = grid.account[place], reached[place]
    seen, own = _seen(marts, use, place, account, until)
    code, levels = (use.adopted[account] <= until).astype(np.int64), np.array([0.0, 1.0])
    if heavy:
        code, levels = _thirds(own, seen.prior_days)
    return _counted(marts, seen, code, levels, adjust, bands)


def by_hindsight(marts: Marts, use: Use, *, adjust: Sequence[str], bands: int = 3) -> Counted:
    """By whether accounts ever adopted the feature, in all their months from the first, also those before they did.

    This is the comparison that misleads: an adopter cannot leave before it adopts.
    """
    grid = risk.grid(marts)
    place = np.flatnonzero(grid.month >= grid.first)
    account = grid.account[place]
    seen, _ = _seen(marts, use, place, account, np.minimum(grid.month[place] - 1, grid.last))
    ever = (use.adopted[account] < risk.NEVER).astype(np.int64)
    return _counted(marts, seen, ever, np.array([0.0, 1.0]), adjust, bands)


def standing(
    marts: Marts,
    use: Use,
    *,
    lag: int,
    window: int = 3,
    heavy: bool = False,
    adjust: Sequence[str],
    bands: int = 3,
) -> pd.DataFrame:
    """The accounts at risk in the last month and still there, as `earlier` sees them, with what they use now.

    Returns
    -------
    One row an account: ``term, since_term``, the adjustments, ``now`` (the exposure by use in the last months on
    record), ``arr`` (twelve times its MRR). Accounts too young to have a window are absent.
    """
    grid, at = risk.grid(marts), risk.at_risk(marts)
    seen = use.before(grid, lag=lag, window=window)
    last = risk.number(marts.meta.last_month)
    # Bands are those of all months, as in the model; only then is the last month taken.
    codes, names = risk.codes(marts, seen, ("term", "since_term", *adjust), bands)
    here = (grid.month[seen.place] == last) & ~at["churned"].to_numpy()[seen.place]
    known = {name: np.asarray(names[name])[codes[name][here]] for name in codes}
    account = grid.account[seen.place[here]]
    until = np.full(len(account), min(grid.last, last))
    span = (account, until - window + 1, until)
    months = grid.cumulated(use.account, use.month, 1)
    code, levels = grid.between(months, *span), np.arange(window + 1) / window
    if heavy:
        code, levels = _thirds(grid.between(_own(grid, use), *span), grid.between(grid.days, *span))
    paid = marts.table("accounts")
    paid = risk.by_account(marts, paid.select("customer_id", arr=(paid.mrr_now * 12).cast("float64")))
    who, arr = risk.arrays(paid, "account", "arr")
    owed = np.zeros(len(grid.days))
    owed[who] = arr
    frame = pd.DataFrame({**known, "now": levels[code], "arr": owed[account]})
    return frame[frame["arr"] > 0].reset_index(drop=True)


def _own(grid: lookback.Grid, use: Use) -> np.ndarray:
    """Uses of the feature, cumulated over months."""
    return grid.cumulated(use.account, use.month, use.events)


def _seen(
    marts: Marts, use: Use, place: np.ndarray, account: np.ndarray, until: np.ndarray
) -> tuple[Lagged, np.ndarray]:
    """Months at risk with other use in the three months up to one, and the feature's own use in them."""
    grid = risk.grid(marts)
    own = _own(grid, use)
    span = (account, np.minimum(until - risk.PRIOR + 1, grid.last + 1), until)
    mine, nothing = grid.between(own, *span), np.zeros(len(place), dtype=np.int64)
    seen = Lagged(
        place=place,
        months_used=nothing,
        adopted=nothing,
        other_events=grid.between(grid.events, *span) - mine,
        prior_days=grid.between(grid.days, *span),
    )
    return seen, mine


def _from_start(marts: Marts) -> np.ndarray:
    """Whether the start of each account's life is known and on record."""
    known = marts.table("accounts")
    known = risk.by_account(marts, known.filter(known.cohort_month.notnull()).select("customer_id"))
    (who,) = risk.arrays(known, "account")
    from_start = np.zeros(len(risk.grid(marts).days), dtype=bool)
    from_start[who] = True
    return from_start


def _thirds(events: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thirds of uses a day as codes, and the exposures 0, ½ and 1 that they stand for; fewer where many are alike."""
    per_day = np.divide(events, days, where=days > 0, out=np.zeros(len(events)))
    if not len(per_day):
        return per_day.astype(np.int64), np.array([0.0, 1.0])
    edges = np.unique(np.quantile(per_day, [part / THIRDS for part in range(1, THIRDS)]))
    return np.searchsorted(edges, per_day), np.arange(len(edges) + 1) / len(edges)


def _counted(
    marts: Marts, seen: Lagged, code: np.ndarray, levels: np.ndarray, adjust: Sequence[str], bands: int
) -> Counted:
    """Cells by all that months are adjusted for and by exposure, and how many accounts they are of."""
    at, account = risk.at_risk(marts), risk.grid(marts).account[seen.place]
    codes, names = risk.codes(marts, seen, ("term", "since_term", *adjust), bands)
    groups, parts = risk.codes(marts, seen, ("group",), bands)
    outcomes = {name: at[name].to_numpy()[seen.place] for name in ("churned", "expanded")}
    cells = lookback.count(
        {**codes, "exposure": code, **groups},
        {**names, "exposure": levels, **parts},
        outcomes,
    )
    exposure = levels[code]

    def accounts(of: np.ndarray | slice) -> int:
        return len(np.unique(account[of]))

    return Counted(
        cells,
        accounts=accounts(slice(None)),
        exposed=accounts(exposure == 1),
        unexposed=accounts(exposure == 0),
        left=accounts(outcomes["churned"]),
        grew=accounts(outcomes["expanded"]),
    )
