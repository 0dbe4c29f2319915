"""The contract: every input table and column, declared once.

The data dictionary (`data/README.md`), the casts, the checks, the mapping's vocabulary and the draft mapping all derive
from `TABLES`. Data enter through this contract and are trusted afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "text", "date", "month", "time", "money", "number", "count", "boolean"]

SQL_TYPES: dict[str, str] = {
    "id": "VARCHAR",
    "text": "VARCHAR",
    "date": "DATE",
    "month": "DATE",
    "time": "TIMESTAMP",
    "money": "DECIMAL(18,4)",
    "number": "DOUBLE",
    "count": "BIGINT",
    "boolean": "BOOLEAN",
}
"""What each kind of column is stored as."""


@dataclass(frozen=True)
class Column:
    """One column of an input table.

    Attributes
    ----------
    name : contract name
    kind : how text is read and stored, a key of `SQL_TYPES`
    meaning : one plain sentence
    required : the column must be there and no row may lack a value
    unit : what a number counts
    values : the only values allowed; empty for any
    low, high : bounds of a number, inclusive; rows outside are set aside (``score``) or stop the run
    known_later : a date that may lie after the as-of date and is then not yet known (an end, a payment)
    clears : columns that are not yet known either when ``known_later`` applies
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    unit: str = ""
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    known_later: bool = False
    clears: tuple[str, ...] = ()

    @property
    def sql_type(self) -> str:
        """The DuckDB type it is stored as."""
        return SQL_TYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """One input table.

    Attributes
    ----------
    name : contract name
    row_is : what one row is
    columns : in the order they are written
    switches_on : what a report gains from it
    key : columns that identify a row; empty where rows have no key
    clock : the column by which rows after the as-of date are cut; None for tables without time
    attributes : further columns may be declared as attributes
    studied : whether a chapter reads it; the others are checked and kept for chapters to come
    """

    name: str
    row_is: str
    columns: tuple[Column, ...]
    switches_on: str
    key: tuple[str, ...] = ()
    clock: str | None = None
    attributes: bool = False
    studied: bool = False

    @property
    def adds(self) -> str:
        """What a report gains from it, and whether it does today."""
        return self.switches_on if self.studied else f"{self.switches_on} (checked and kept; no chapter reads it yet)"

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}; it has {self.names}")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns without which the table cannot be used."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def of_customers(self) -> bool:
        """Whether rows belong to an account, so that rows of unknown accounts can be told."""
        return "customer_id" in self.names


_ID = Column("customer_id", "id", "The account. The same text in every table.", required=True)


def _month(meaning: str) -> Column:
    return Column("month", "month", meaning, required=True)


TABLES: tuple[Table, ...] = (
    Table(
        "subscriptions",
        "a product on an account for a time at a price",
        (
            _ID,
            Column("product", "text", "What was bought, for a plan its name without the term."),
            Column("kind", "text", "A plan or an add-on to one; empty: plan.", values=("plan", "addon")),
            Column("start_date", "date", "First day of the row.", required=True),
            Column(
                "end_date",
                "date",
                "First day no longer covered (exclusive); empty: still running.",
                known_later=True,
                clears=("end_reason", "end_kind"),
            ),
            Column("mrr", "money", "Recurring revenue a month, after discounts.", unit="currency a month"),
            Column("amount", "money", "Price of one bill; with billing_months, or with both dates.", unit="currency"),
            Column("list_mrr", "money", "The same at list price.", unit="currency a month"),
            Column("quantity", "number", "How many units are paid for, such as seats.", unit="units"),
            Column("unit", "text", "What quantity counts, such as seats."),
            Column(
                "billing_months",
                "number",
                "Months from one bill to the next, also the term; a week is 12/52.",
                unit="months",
                low=0.03,
            ),
            Column("currency", "text", "Currency of the row's prices, such as EUR."),
            Column("end_reason", "text", "Why it ended, in your words."),
            Column(
                "end_kind",
                "text",
                "Cancelled by the customer, or ended without their wish (failed payment).",
                values=("voluntary", "involuntary"),
            ),
        ),
        "everything about revenue, retention, survival and segments",
        clock="start_date",
        studied=True,
    ),
    Table(
        "mrr_snapshots",
        "an account in a month (instead of subscriptions); long, or wide with a column a month",
        (
            _ID,
            _month("Any day of the month the figure stands for."),
            Column(
                "mrr",
                "money",
                "Recurring revenue of that month; empty or 0: not a customer then.",
                unit="currency a month",
            ),
            Column("plan", "text", "The plan in that month."),
            Column("seats", "number", "Seats in that month.", unit="seats"),
            Column("currency", "text", "Currency of the row's price, such as EUR."),
        ),
        "the same as subscriptions, without terms, add-ons and reasons",
        key=("customer_id", "month"),
        clock="month",
        studied=True,
    ),
    Table(
        "customers",
        "an account",
        (
            _ID,
            Column("signup_date", "date", "When the account signed up; empty: its first start.", known_later=True),
            Column("name", "text", "A name for lists."),
            Column("owner", "text", "Who looks after the account."),
            Column("acquisition_cost", "money", "Spent to win the account.", unit="currency"),
            Column("referred", "boolean", "Whether another customer referred it."),
        ),
        "names in lists, age since sign-up, segments by any attribute you declare",
        key=("customer_id",),
        attributes=True,
        studied=True,
    ),
    Table(
        "customer_ids",
        "another system's id of an account",
        (
            Column("system", "text", "Name of the other system.", required=True),
            Column("external_id", "id", "The id there.", required=True),
            _ID,
        ),
        "joining tables of other systems to accounts",
        key=("system", "external_id"),
    ),
    Table(
        "plans",
        "a plan",
        (
            Column("plan", "text", "Name, as in subscriptions.product.", required=True),
            Column("rank", "count", "Place on the ladder, 1 is the lowest.", required=True, low=1),
            Column("list_price", "money", "List price a month.", unit="currency a month"),
            Column("allowances", "text", "What is included, in words."),
        ),
        "the plan ladder: upgrades and downgrades in order",
        key=("plan",),
        studied=True,
    ),
    Table(
        "features",
        "a feature or event name",
        (
            Column("feature", "text", "Name, as in the usage tables.", required=True),
            Column("level", "text", "Basic or advanced.", values=("basic", "advanced")),
            Column("area", "text", "Part of the product."),
        ),
        "feature adoption grouped by level and area",
        key=("feature",),
    ),
    Table(
        "usage_events",
        "something a user did",
        (
            _ID,
            Column("event_time", "time", "When.", required=True),
            Column("feature", "text", "What was used.", required=True),
            Column("user_id", "id", "Who."),
            Column("quantity", "number", "How much."),
        ),
        "feature adoption, activity, health",
        clock="event_time",
        studied=True,
    ),
    Table(
        "feature_usage_monthly",
        "an account's use of a feature in a month, summed",
        (
            _ID,
            _month("Any day of the month."),
            Column("feature", "text", "What was used.", required=True),
            Column("events", "count", "Times used.", required=True, unit="events", low=0),
            Column("active_days", "count", "Days with use.", unit="days", low=0, high=31),
            Column("users", "count", "Users who used it.", unit="users", low=0),
        ),
        "feature adoption",
        key=("customer_id", "month", "feature"),
        clock="month",
        studied=True,
    ),
    Table(
        "activity_monthly",
        "an account's use of anything in a month, summed (days and users never add up over features)",
        (
            _ID,
            _month("Any day of the month."),
            Column("events", "count", "Things done.", unit="events", low=0),
            Column("active_days", "count", "Days with use.", unit="days", low=0, high=31),
            Column("users", "count", "Users active.", unit="users", low=0),
        ),
        "activity, health",
        key=("customer_id", "month"),
        clock="month",
        studied=True,
    ),
    Table(
        "milestones",
        "a milestone an account reached",
        (
            _ID,
            Column("milestone", "text", "Such as onboarding, activation, value.", required=True),
            Column("reached_at", "date", "When.", required=True),
        ),
        "onboarding and activation",
        clock="reached_at",
        studied=True,
    ),
    Table(
        "nps_responses",
        "an answer to 'how likely are you to recommend us'",
        (
            _ID,
            Column("responded_at", "date", "When.", required=True),
            Column("score", "count", "0 to 10.", required=True, low=0, high=10),
            Column("respondent_id", "id", "Who answered."),
            Column("comment", "text", "Free text; shown as text, never evaluated."),
            Column("survey", "text", "Which survey."),
        ),
        "net promoter score, satisfaction against value",
        clock="responded_at",
        studied=True,
    ),
    Table(
        "csat_responses",
        "an answer about satisfaction",
        (
            _ID,
            Column("responded_at", "date", "When.", required=True),
            Column("score", "number", "0 to 10.", required=True, low=0, high=10),
            Column("respondent_id", "id", "Who answered."),
            Column("comment", "text", "Free text; shown as text, never evaluated."),
            Column("survey", "text", "Which survey."),
        ),
        "satisfaction over time",
        clock="responded_at",
    ),
    Table(
        "surveys_sent",
        "an invitation to a survey",
        (
            _ID,
            Column("sent_at", "date", "When.", required=True),
            Column("survey", "text", "Which survey.", required=True),
            Column("respondent_id", "id", "Who was asked."),
        ),
        "response rates and who does not answer",
        clock="sent_at",
        studied=True,
    ),
    Table(
        "support_tickets",
        "a ticket",
        (
            _ID,
            Column("opened_at", "time", "When it was opened.", required=True),
            Column("closed_at", "time", "When it was closed; empty: open.", known_later=True),
            Column("severity", "text", "How bad, in your words."),
            Column("topic", "text", "About what."),
        ),
        "support load and health",
        clock="opened_at",
    ),
    Table(
        "renewals",
        "a renewal that fell due",
        (
            _ID,
            Column("due_date", "date", "When it fell due.", required=True),
            Column("outcome", "text", "What became of it, such as renewed or lapsed.", required=True),
        ),
        "renewal outcomes as you record them (else derived from start and billing_months)",
        clock="due_date",
        studied=True,
    ),
    Table(
        "invoices",
        "a bill",
        (
            _ID,
            Column("issued_on", "date", "When it was issued.", required=True),
            Column("due_on", "date", "When it is to be paid.", required=True),
            Column("amount", "money", "Total of the bill.", required=True, unit="currency"),
            Column("paid_on", "date", "When it was paid; empty: not yet.", known_later=True, clears=("status",)),
            Column("status", "text", "Such as paid, open, void."),
            Column("currency", "text", "Currency of the amount."),
        ),
        "billed against collected, late and failed payments",
        clock="issued_on",
        studied=True,
    ),
    Table(
        "success_plans",
        "a goal agreed with the customer",
        (
            _ID,
            Column("goal", "text", "The goal.", required=True),
            Column("target_date", "date", "When it should be reached.", required=True),
            Column("achieved_date", "date", "When it was; empty: not yet.", known_later=True),
            Column("value_delivered", "money", "Value to the customer.", unit="currency"),
            Column("investment", "money", "Spent on it.", unit="currency"),
            Column("perception", "text", "How the customer sees it."),
        ),
        "goals reached and value delivered",
        studied=True,
    ),
    Table(
        "interventions",
        "something done to keep or grow an account",
        (
            _ID,
            Column("started_on", "date", "When it began.", required=True),
            Column("playbook", "text", "What was done.", required=True),
            Column("reason", "text", "Why."),
            Column("owner", "text", "By whom."),
            Column("cost", "money", "Spent on it.", unit="currency"),
        ),
        "whether what is done helps",
        clock="started_on",
    ),
    Table(
        "costs",
        "a cost in a month",
        (
            _month("Any day of the month."),
            Column("category", "text", "Such as marketing, sales, success, hosting.", required=True),
            Column("amount", "money", "Spent.", required=True, unit="currency"),
            Column("attribute", "text", "Which part of the business, such as a channel."),
            Column("currency", "text", "Currency of the amount."),
        ),
        "acquisition cost, payback, margins",
        clock="month",
        studied=True,
    ),
    Table(
        "targets",
        "a target for a month",
        (
            _month("Any day of the month."),
            Column(
                "metric",
                "text",
                "Which figure: mrr, arr, active_accounts; in the month new_mrr, expansion_mrr, reactivation_mrr,"
                " contraction_mrr, churned_mrr, new_accounts, churned_accounts; over twelve months nrr, grr,"
                " logo_retention.",
                required=True,
            ),
            Column(
                "value",
                "number",
                "The target; losses as positive numbers, retention as a share (1.05 for 105 %).",
                required=True,
            ),
        ),
        "actual against target",
        key=("month", "metric"),
        clock="month",
        studied=True,
    ),
    Table(
        "exchange_rates",
        "a currency's one rate for the whole report (a moving rate would move retention)",
        (
            Column("currency", "text", "Such as EUR.", required=True),
            Column("rate", "number", "Units of the report's currency for one of this.", required=True, low=1e-9),
        ),
        "subscriptions in several currencies",
        key=("currency",),
        studied=True,
    ),
    Table(
        "flat",
        "instead of all others: one row an account, durations only",
        (
            _ID,
            Column(
                "tenure",
                "count",
                "Whole months as a customer; an account that left with tenure 12 left in its 12th month.",
                required=True,
                unit="months",
                low=0,
            ),
            Column("churned", "boolean", "Whether the account has left.", required=True),
            Column("mrr", "money", "Recurring revenue a month.", unit="currency a month"),
            Column("score", "number", "A satisfaction score."),
        ),
        "data quality, survival curves and segment counts; other chapters are short pages",
        key=("customer_id",),
        attributes=True,
        studied=True,
    ),
)
"""Every table, in the order of the dictionary."""

BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}

SUBSCRIPTION_OUTPUT: tuple[str, ...] = tuple(name for name in BY_NAME["subscriptions"].names if name != "amount")
"""Columns of `subscriptions.parquet`: the contract's, after ``amount`` has become ``mrr``."""

PRICES: tuple[tuple[str, ...], ...] = (("mrr",), ("amount", "billing_months"), ("amount", "end_date"))
"""One of these sets of columns gives a subscription its price."""

RESERVED: frozenset[str] = frozenset((
    "customer_id", "name", "owner", "signup_date", "origin_date", "first_start", "opening_stock", "cohort_month",
    "first_plan", "first_term", "first_mrr", "first_seats", "status", "mrr_now", "plan_now", "term_now", "seats_now",
    "next_due", "spells", "plan", "term", "seats", "mrr", "start_mrr", "end_mrr", "returned_mrr", "lost", "due",
    "end_kind", "end_reason", "tenure", "churned", "score", "acquisition_cost", "referred", "month", "age", "n",
    "estimate", "low", "high", "events", "level", "attribute", "metric", "due_date", "outcome", "stated",
    "contradicted", "renewed", "mrr_before", "mrr_after", "plan_after", "term_after", "months_old", "renewal_age",
    "renewal_value", "exit", "how", "whole", "left", "grew", "grown", "kept_mrr", "moved_up", "gave_up", "side", "rung",
))  # fmt: skip
"""Names that the marts and studies use themselves; no attribute or feature may take one."""

KEY_TABLES = ("subscriptions", "mrr_snapshots", "flat")
"""One of these must be there: it gives the report its shape."""
