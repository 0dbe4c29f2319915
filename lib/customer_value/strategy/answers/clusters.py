"""What the archetypes chapter found about clusters of behaviour, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.wording import Words, known

NAMES: Mapping[str, str] = {
    **LABELS,
    "cluster": "Cluster",
    "clusters": "Clusters",
    "smallest": "Accounts of the smallest",
    "MRR": "MRR",
    "over_chance": "How far apart, against chance",
    "holds": "Holds",
    "chosen": "Chosen",
    "estimate": "Difference",
    "all": "All accounts placed",
}
"""`LABELS` with what the figures and tables of clusters are headed by."""

TRIED = NAMES | {"estimate": "How well they come back"}
"""The same for the table of what was tried."""

NUMBER_CAPTION = (
    "Every number of clusters that was tried. How well they come back: of the least stable cluster, what it shares "
    "with the one most like it when half of the accounts are divided anew (at one the same accounts, at nought none). "
    "How far apart: over what accounts without any clusters could reach. A number holds where its clusters come back "
    "by three quarters, lie further apart than chance could make them and are large enough to be shown; of those that "
    "hold, the one furthest beyond chance is shown."
)

DRAWN = ("logo_retention", "grr", "expansion_rate")
"""Outcomes that are drawn, in this order."""

_GAP = 1.25
"""How far apart, against chance, clusters lie that a gap can be seen between."""

_PLAIN: Mapping[str, str] = {
    "logo_retention": "of its accounts",
    "grr": "of its revenue",
}


def headline(found: Result, tried: Result, *, words: Words) -> str:
    """How many clusters there are, if any."""
    names = _names(found)
    if names:
        return f"By what accounts did, {words.plural(len(names), 'cluster')} can be told apart"
    if tried.table.empty:
        return "Too little use is on record to look for clusters of behaviour"
    return "By what accounts did, no stable clusters can be told apart"


def detail(found: Result, tried: Result, compared: Result, *, start: date, words: Words) -> str:
    """Who was placed by what, how stable that is, and whether any cluster fared clearly differently."""
    if tried.table.empty:
        return (
            "Clusters of behaviour need the use of the product over the six months before the period, of enough "
            "accounts. These data do not have it."
        )
    n = words.plural(int(tried.table["n"].iloc[0]), "account")
    text = (
        f"{n} whose use before {words.date(start)} is known were compared by what was known of them on that day alone."
    )
    names = _names(found)
    if not names:
        return (
            f"{text} Divided anew with half of the accounts, the groups come out otherwise, or lie no further apart "
            "than accounts without any clusters could. So none is shown: accounts differ by degrees."
        )
    least = float(tried.table.loc[tried.table["chosen"].astype(bool), "estimate"].iloc[0])
    text += (
        f" Divided anew with half of them, every cluster comes back: it shares at least {words.share(least)} of its "
        "accounts with the one most like it."
    )
    row = tried.table[tried.table["chosen"].astype(bool)].iloc[0]
    if row["silhouette"] < _GAP * row["by_chance"]:
        text += " There are no gaps between them: where one ends and the next begins, accounts differ by degrees."
    return f"{text} {_fared(compared, words)}"


def profiles_to_draw(profiles: Result) -> Result:
    """Medians of every cluster by trait, the traits by their plain words: keyed ``cluster, trait``."""
    return profiles.with_table(profiles.table.assign(trait=profiles.table["trait_label"]))


def profile_caption(profiles: Result, *, start: date, words: Words) -> str:
    """What sets each cluster apart, then what is shown."""
    table = profiles.table[profiles.table["cluster"] != "all"]
    if table.empty:
        return ""
    far = table.loc[table["apart"].abs().idxmax()]
    side = "more" if far["apart"] > 0 else "less"
    return (
        f"**Furthest from the rest: “{words.escape(far['cluster'])}”, {words.number(abs(far['apart']), 1)} standard "
        f"deviations {side} in “{words.escape(str(far['trait_label']).lower())}”.** Medians at the close of "
        f"{words.date(start)}. A cluster is named after what sets it apart most."
    )


def view_caption(view: Result, *, words: Words) -> str:
    """What the plane shows, and how much of the differences it leaves out."""
    if view.table.empty:
        return ""
    first = view.table.iloc[0]
    seen = float(first["across_share"] + first["upwards_share"])
    return (
        f"**The plane shows {words.share(seen)} of how accounts differ.** Each point is an account, placed along the "
        "two directions in which accounts differ most; what accounts at the far ends are like stands at the axes. "
        "Clusters that lie over each other here are apart in what the plane does not show."
    )


def outcomes_to_draw(found: Result) -> Result:
    """Accounts kept, revenue kept and accounts that grew, of every cluster: keyed ``metric, cluster``."""
    names = _names(found)
    table = found.table[found.table["cluster"].isin(names) & found.table["metric"].isin(DRAWN)]
    table = table.sort_values("metric", key=lambda metric: metric.map(DRAWN.index), kind="stable")
    return replace(found, table=table.reset_index(drop=True), keys=("metric", "cluster"), unit="share", suppressed=0)


def outcomes_caption(found: Result, *, start: date, end: date, words: Words) -> str:
    """The range of what was kept, then what is measured."""
    names = _names(found)
    if not names:
        return ""
    rows = found.table[found.table["cluster"].isin(names) & (found.table["metric"] == "grr")].dropna(subset="estimate")
    said = ""
    if len(rows) > 1:
        low, high = rows.loc[rows["estimate"].idxmin()], rows.loc[rows["estimate"].idxmax()]
        said = (
            f"**Of its revenue “{words.escape(low['cluster'])}” kept {words.share(low['estimate'])}, "
            f"“{words.escape(high['cluster'])}” {words.share(high['estimate'])}.** "
        )
    return (
        f"{said}What became of the clusters between the closes of {words.date(start)} and {words.date(end)}; they were "
        "made at the first. The bar is the range."
    )


def to_list(tried: Result) -> Result:
    """What was tried, with how far apart the clusters lie against chance, and whether they hold in words."""
    table = tried.table
    holds = table["holds"].map({True: "yes", False: "no"}).astype(object)
    return tried.with_table(table.assign(over_chance=table["silhouette"] / table["by_chance"], holds=holds))


def clearest_first(compared: Result) -> Result:
    """The comparisons, the smallest adjusted p first."""
    return compared.with_table(compared.table.sort_values(["p_adjusted", "p", "cluster", "metric"], kind="stable"))


def compared_caption(compared: Result, *, words: Words) -> str:
    """How many comparisons were made, and that they are raw."""
    return (
        f"{words.plural(len(compared.table), 'comparison')} of a cluster with the accounts of the others, in "
        "percentage points, as they are: clusters differ in size and age too. The adjusted p allows for the number of "
        "comparisons."
    )


def _fared(compared: Result, words: Words) -> str:
    table = compared.table
    clear = table[(table["p_adjusted"] <= 1 - (compared.level or 0.95)) & ~table["few_accounts"].astype(bool)]
    count = words.count(len(clear), len(table))
    if clear.empty:
        return "What became of them does not clearly differ."
    row = clear.sort_values(["p_adjusted", "p"], kind="stable").iloc[0]
    side = "more" if row["estimate"] > 0 else "less"
    amount = words.points(abs(row["estimate"]))
    what = (
        f"grew in {amount} {side} of its accounts"
        if row["metric"] == "expansion_rate"
        else f"kept {amount} {side} {_PLAIN[row['metric']]}"
    )
    clearest = f"“{words.escape(row['cluster'])}” {what} than the other clusters did"
    shows = "shows" if len(clear) == 1 else "show"
    return f"{count} comparisons of what became of them {shows} a clear difference. The clearest: {clearest}."


def _names(found: Result) -> list[str]:
    """The clusters, without the whole company and those not placed."""
    return [name for name in dict.fromkeys(found.table["cluster"]) if known(_stability(found, name))]


def _stability(found: Result, name: str) -> float:
    return float(found.row(cluster=name, metric="customers")["stability"])
