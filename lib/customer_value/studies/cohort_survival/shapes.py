"""When accounts leave: mostly early, at one rate throughout, or ever more or less; and from which age it is steady."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.levels import OTHER, Levels
from customer_value.stats import disclosure, intervals, survival
from customer_value.stats.hazard_shape import HazardShape
from customer_value.stats.hazard_shape import hazard_shape as shape_of
from customer_value.stats.result import Result
from customer_value.studies.cohort_survival.subjects import accounts_by_level, follow

EVERYONE = "all accounts"
"""The level where no contract terms are told apart."""

_METHOD = (
    "Constant, step, fading and Weibull hazards on counts by age, by AICc with scatter beyond chance allowed for; "
    "a change is believed only where it beats the constant by 4"
)


@dataclass(frozen=True)
class _Group:
    """Accounts of one contract term, counted in the steps in which they can leave.

    ``counts`` has ``age`` in steps of ``months``; ``start`` is the first step of which enough are seen, less one.
    """

    level: str
    months: int
    accounts: int
    counts: pd.DataFrame

    @property
    def start(self) -> int:
        return int(self.counts["age"].min()) - 1 if len(self.counts) else 0


def hazard_shape(marts: Marts, *, horizon: int = 60, confidence: float = 0.95, min_group: int = 30) -> Result:
    """How the rate of leaving moves with age, per contract term at the start: by comparison of models, not by eye.

    Accounts under a contract of several months can leave at its end only. So they are counted by term: of those who
    reached the beginning of a term and were followed to its end, how many left by it.

    Parameters
    ----------
    horizon : last age in months

    Returns
    -------
    Result keyed by ``level`` (`EVERYONE` where no terms are told apart): ``shape`` (``falling``, ``rising``,
    ``constant``, ``unknown``), ``form`` (``phase``: steady after an early phase; ``trend``: moving all along;
    ``either``; ``constant``), ``estimate, low, high`` (rate of leaving early over that later), ``early, late`` (share
    that leaves in a step, up to the age ``early_to`` and after it), ``turn, turn_low, turn_high`` (last age in months
    of the early phase), ``step`` (months between the ages at which accounts can leave), ``n`` accounts, ``events``,
    ``start`` and ``seen_to`` (ages in months between which enough are followed). Where nothing can be fitted
    ``shape`` is ``unknown`` and the rest is missing.

    References
    ----------
    `customer_value.stats.hazard_shape`.
    """
    rows = []
    for group in _groups(marts, horizon, min_group):
        found = shape_of(group.counts, confidence=confidence) if _told(group, min_group) else None
        rows.append(_row(group, found))
    columns = ["level", "shape", "form", "estimate", "low", "high", "early", "late", "early_to"]
    columns += ["turn", "turn_low", "turn_high", "step", "n", "events", "start", "seen_to"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    return Result(
        name="hazard_shape",
        table=table,
        keys=("level",),
        unit="ratio",
        level=confidence,
        n_of="accounts",
        suppressed=int((~disclosure.shown(table["n"], min_group)).sum()) if len(table) > 1 else 0,
        method=_METHOD,
        notes=_notes(marts, table),
    )


def hazard_by_age(marts: Marts, *, horizon: int = 60, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Share of those still there that leaves at each age, beside the shape chosen by `hazard_shape`.

    Parameters
    ----------
    horizon : last age in months

    Returns
    -------
    Result keyed by ``level, age`` (months; of a longer term the age at its end): ``estimate, low, high`` (Wilson),
    ``n`` at risk, ``events``, ``fitted`` (by the model chosen, missing where the shape is unknown), ``step``.
    """
    tables = []
    for group in _groups(marts, horizon, min_group):
        if not _told(group, min_group):
            continue
        found = shape_of(group.counts, confidence=confidence)
        counts = group.counts.merge(found.fitted, on="age", how="left")
        share, low, high = intervals.wilson(counts["events"], counts["at_risk"], confidence=confidence)
        shown = found.fitted.set_index("age")["fitted"].reindex(counts["age"]).to_numpy()
        tables.append(
            pd.DataFrame(
                {
                    "level": group.level,
                    "age": counts["age"].to_numpy() * group.months,
                    "estimate": share,
                    "low": low,
                    "high": high,
                    "n": counts["at_risk"].to_numpy(),
                    "events": counts["events"].to_numpy(),
                    "fitted": shown if found.shape != "unknown" else float("nan"),
                    "step": group.months,
                }
            )
        )
    columns = ["level", "age", "estimate", "low", "high", "n", "events", "fitted", "step"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return Result(
        name="hazard_by_age",
        table=table,
        keys=("level", "age"),
        unit="share",
        level=confidence,
        n_of="accounts",
        method=f"Share of those at risk that left, Wilson. Line: {_METHOD[0].lower()}{_METHOD[1:]}",
        notes=follow(marts, None, min_group=min_group).notes,
    )


def _groups(marts: Marts, horizon: int, min_group: int) -> Iterator[_Group]:
    """Accounts by first contract term; all together where there are no terms, or one level only that states none."""
    terms = _terms(marts)
    if not terms:
        subjects = follow(marts, None, min_group=min_group)
        yield _Group(EVERYONE, 1, len(subjects.table), _counted(subjects.table, 1, horizon, min_group))
        return
    subjects = follow(marts, "first_term", min_group=min_group)
    accounts = accounts_by_level(subjects)
    for level in subjects.order:
        # Terms put together decide at different ages.
        if level == OTHER:
            continue
        months = terms.get(level, 1)
        of_level = subjects.table[subjects.table["level"] == level]
        yield _Group(level, months, int(accounts[level]), _counted(of_level, months, horizon, min_group))


def _terms(marts: Marts) -> dict[str, int]:
    """Months of each contract term by its name; empty where none is stated."""
    if not marts.has("accounts"):
        return {}
    stated = marts.frame("accounts")["first_term"].dropna().drop_duplicates()
    named = Levels.of(stated, kind="term").name(stated)
    return {str(name): max(int(months), 1) for name, months in zip(named, stated, strict=True)}


def _counted(table: pd.DataFrame, months: int, horizon: int, min_group: int) -> pd.DataFrame:
    """At risk and events by age in steps of ``months``, as far as enough accounts are followed."""
    entry, exit, event = table["entry"], table["exit"], table["event"]
    followed = table.get("followed_to")
    if months > 1:
        # A term counts for whoever is seen from its beginning to its end, or would have been.
        limit = followed // months
        entry = -(-entry // months)
        exit = (-(-exit // months)).where(event, exit // months)
        event = event & (exit <= limit)
        exit = exit.clip(upper=limit)
        seen = exit > entry
        entry, exit, event, followed = entry[seen], exit[seen], event[seen], limit[seen]
    counts = survival.person_months(entry, exit, event, followed_to=followed)
    counts = counts[counts["age"] <= horizon // months]
    enough = counts["followed" if "followed" in counts else "at_risk"] >= min_group
    enough &= counts["at_risk"] > 0
    if not enough.any():
        return counts.head(0)
    first = int(enough.to_numpy().argmax())
    rest = enough.to_numpy()[first:]
    last = first + (int((~rest).argmax()) if not rest.all() else len(rest))
    return counts.iloc[first:last]


def _told(group: _Group, min_group: int) -> bool:
    """Whether there is anything to fit: a group large enough, of which two ages are seen."""
    return bool(disclosure.shown(group.accounts, min_group)) and len(group.counts) > 1


def _row(group: _Group, found: HazardShape | None) -> dict[str, object]:
    row: dict[str, object] = {
        "level": group.level,
        "shape": "unknown",
        "form": "",
        "step": group.months,
        "n": group.accounts,
        "events": int(group.counts["events"].sum()),
        "start": group.start * group.months,
        "seen_to": int(group.counts["age"].max()) * group.months if len(group.counts) else 0,
    }
    if found is None:
        return row
    return row | {
        "shape": found.shape,
        "form": found.form,
        "estimate": found.ratio,
        "low": found.low,
        "high": found.high,
        "early": found.early,
        "late": found.late,
        "early_to": found.early_to * group.months,
        "turn": found.turn * group.months,
        "turn_low": found.turn_low * group.months,
        "turn_high": found.turn_high * group.months,
    }


def _notes(marts: Marts, table: pd.DataFrame) -> tuple[str, ...]:
    notes = list(follow(marts, None, min_group=1).notes)
    if (table["start"] > 0).any():
        notes.append(
            "Where too few young accounts are seen, the shape is of the ages seen; what came before is unknown."
        )
    return tuple(notes)
