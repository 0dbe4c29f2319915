"""Who is followed by age, from when and until when, and the groups that may be told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from customer_value.errors import DataError, SettingsError
from customer_value.marts import Marts
from customer_value.marts.ages import followed
from customer_value.marts.cohorts import cohort_names
from customer_value.marts.levels import Attribute, Levels, attributes, pooled
from customer_value.marts.lives import lives
from customer_value.marts.store import Meta
from customer_value.stats import disclosure, survival

MONTH_NOTE = (
    "Cohorts live through different calendar months. A good or bad month moves whole cohorts together, which these "
    "ranges do not include: differences between cohorts are less certain than they look. Single cohorts are not "
    "tested; the trend over them is."
)

COHORTS = ("cohort_year", "cohort_half", "cohort_quarter")

_BUILT_IN = (
    Attribute("first_plan", "First plan", "first_plan", "signup", "text"),
    Attribute("first_term", "First contract term", "first_term", "signup", "term"),
    Attribute("first_mrr", "First MRR", "first_mrr", "signup", "money"),
    Attribute("first_seats", "First seats", "first_seats", "signup", "number"),
    Attribute("cohort_year", "Sign-up year", "cohort_year", "signup", "text"),
    Attribute("cohort_half", "Sign-up half-year", "cohort_half", "signup", "text"),
    Attribute("cohort_quarter", "Sign-up quarter", "cohort_quarter", "signup", "text"),
)


@dataclass(frozen=True)
class Subjects:
    """Those who are followed: one row an account with ``entry, exit, event`` in whole months and its ``level``."""

    table: pd.DataFrame
    attribute: Attribute | None
    order: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def by(self) -> list[str]:
        return ["level"] if self.attribute else []


def observation_warning(meta: Meta) -> str | None:
    """Why the curve may not be retention, for a flat table that does not say how it was observed; None otherwise."""
    if meta.shape != "flat" or meta.observation is not None:
        return None
    return (
        "This curve may not be retention: the table does not say how its accounts were observed. If everyone was "
        "followed from sign-up, it shows who stayed. If it is a snapshot in which “churned” means “left lately”, those "
        "who left earlier are missing, and the curve makes accounts look more loyal than they are. No decision on "
        "retention should rest on it until the mapping declares the observation."
    )


def comparable(meta: Meta) -> tuple[str, ...]:
    """Names of the attributes that accounts can be grouped by here, all known at sign-up."""
    built_in = () if meta.shape == "flat" else ("first_plan", "first_term", "first_mrr")
    declared = (attribute.name for attribute in attributes(meta) if attribute.known_at == "signup")
    return tuple(dict.fromkeys((*built_in, *declared)))


def label(meta: Meta, name: str) -> str:
    """What an attribute is called, in plain words."""
    return attribute_known_at_signup(meta, name).label


def labels(meta: Meta) -> dict[str, str]:
    """What each of `comparable` is called, by its name."""
    return {name: label(meta, name) for name in comparable(meta)}


def follow(
    marts: Marts,
    by: str | None,
    *,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    min_group: int,
    pool: bool = True,
) -> Subjects:
    """Everyone who can be followed by age, with the level of the attribute."""
    attribute = None if by is None else attribute_known_at_signup(marts.meta, by)
    table = _flat(marts, attribute) if marts.meta.shape == "flat" else _followed(marts, attribute)
    if not (table["exit"] > table["entry"]).any():
        raise DataError(
            "Nobody can be followed by age: no account of known origin has completed a month",
            table="flat" if marts.meta.shape == "flat" else "subscriptions",
            remedy="bring `signup_date`, or data that reach further back",
        )
    order: tuple[str, ...] = ()
    if attribute:
        naming = Levels.of(table["value"], kind=attribute.kind, bands=bands, money_name=money_name)
        named = naming.name(table["value"])
        if attribute.name.startswith("cohort_"):
            named = named.cat.reorder_categories(sorted(named.cat.categories))
        named = pooled(named, fewest=min_group) if pool else named
        order = tuple(named.cat.categories)
        table = table.drop(columns="value")
        # As numbers that stand for names, whatever how many accounts; in one order wherever they are counted.
        table["level"] = named.cat.as_unordered().cat.reorder_categories(sorted(named.cat.categories))
    return Subjects(table, attribute, order, subject_notes(marts.meta, attribute))


def choose(what: str, value: str, known: Sequence[str]) -> None:
    """Refuse a value that is not known."""
    if value not in known:
        raise SettingsError(f"The {what} must be one of {', '.join(known)}.\n  got: {value!r}")


def attribute_known_at_signup(meta: Meta, name: str) -> Attribute:
    """The attribute of this name, if it was known at sign-up.

    Raises
    ------
    SettingsError : it is unknown, or known only later
    """
    built_in = {} if meta.shape == "flat" else {attribute.name: attribute for attribute in _BUILT_IN}
    if name in built_in:
        return built_in[name]
    declared = {attribute.name: attribute for attribute in attributes(meta)}
    if name not in declared:
        raise SettingsError(
            "Retention by age can be shown by what was known of an account at sign-up.\n"
            f"  got:      {name!r}, which the data do not have\n"
            f"  remedy:   choose from {', '.join((*comparable(meta), *list(built_in)[3:])) or 'none: none is declared'}"
        )
    if declared[name].known_at != "signup":
        raise SettingsError(
            "Retention by age can be shown only by what was known of an account at sign-up.\n"
            f"  got:      {name!r}, known as of {'now' if declared[name].known_at == 'current' else 'a later date'}\n"
            "  why:      accounts that left early never came to hold later states, so the state tells who stayed\n"
            "  remedy:   declare `known_at: signup` in the mapping if it is never changed afterwards"
        )
    return declared[name]


def _followed(marts: Marts, attribute: Attribute | None) -> pd.DataFrame:
    if attribute is None:
        return followed(marts)
    column = "cohort_month" if attribute.name.startswith("cohort_") else attribute.column
    table = followed(marts, column)
    if column == "cohort_month":
        # Accounts of no cohort entered late or began before the data: not comparable at early ages.
        table = table[table["value"].notna()].reset_index(drop=True)
        table["value"] = cohort_names(table["value"], attribute.name.removeprefix("cohort_"))
    return table


def _flat(marts: Marts, attribute: Attribute | None) -> pd.DataFrame:
    columns = [] if attribute is None else [attribute.column]
    # A flat table does not say how long those who left would have been followed.
    table = lives(marts, columns).drop(columns="followed_to")
    return table.rename(columns=dict.fromkeys(columns, "value"))


def subject_notes(meta: Meta, attribute: Attribute | None) -> tuple[str, ...]:
    """What a reader must know of who is followed, and of the attribute that groups them."""
    notes = []
    warning = observation_warning(meta)
    if warning:
        notes.append(warning)
    if meta.shape == "flat" and meta.observation == "snapshot":
        notes.append(
            "A period life table: the rates at which accounts of each age left during the snapshot's window, put end "
            "to end. It says how long accounts would stay if those rates held, not what became of any one cohort."
        )
    if meta.unknown_start:
        notes.append(
            f"{meta.unknown_start:,} accounts were there before the data begin and have no sign-up date; their age "
            "is unknown and they are left out here."
        )
    if meta.late_entry:
        notes.append(
            f"{meta.late_entry:,} accounts are older than what is observed of them. They count from the age at which "
            "they are first observed."
        )
    if attribute is not None and attribute.name in COHORTS:
        notes.append(MONTH_NOTE)
    if attribute is not None and attribute.kind == "term":
        notes.append(
            "An account under contract can end only when its term does, so curves of longer terms fall in steps; the "
            "groups are compared at an age, never by one ratio."
        )
    return tuple(notes)


def _columns(table: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.Series]:
    return table["entry"], table["exit"], table["event"]


def counts_by_age(subjects: Subjects) -> pd.DataFrame:
    """At risk, events and followed by level and person-month, as `survival.person_months` counts them."""
    table = subjects.table
    counts = survival.person_months(
        *_columns(table),
        groups=table[["level"]] if subjects.attribute else None,
        # A flat table does not say how long those who left would have been followed.
        followed_to=table.get("followed_to"),
    )
    return counts.astype({"level": object}) if subjects.attribute else counts


def accounts_by_level(subjects: Subjects) -> pd.Series:
    """Accounts of each level."""
    if subjects.attribute is None:
        return pd.Series(dtype=int)
    sizes = subjects.table["level"].value_counts()
    return sizes.set_axis(sizes.index.astype(object))


def at_risk_by_age(subjects: Subjects) -> pd.Series:
    """Accounts at risk by level and person-month."""
    return counts_by_age(subjects).set_index([*subjects.by, "age"])["at_risk"]


def large(subjects: Subjects, min_group: int) -> pd.DataFrame:
    """Counts of the levels that are large enough to show."""
    counts, accounts = counts_by_age(subjects), accounts_by_level(subjects)
    enough = [level for level in accounts.index if disclosure.shown(accounts[level], min_group)]
    return counts[counts["level"].isin(enough)]


def in_order(table: pd.DataFrame, subjects: Subjects) -> pd.DataFrame:
    """Rows in the order of the attribute's levels."""
    place = {level: position for position, level in enumerate(subjects.order)}
    return table.sort_values("level", key=lambda levels: levels.map(place), kind="stable", ignore_index=True)
