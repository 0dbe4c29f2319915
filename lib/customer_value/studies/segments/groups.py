"""Accounts of a base by one attribute: which levels there are, who is compared with whom, where they stand today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from customer_value.marts.groups import Grouping
from customer_value.marts.levels import NOT_STATED, Attribute
from customer_value.stats.disclosure import shown

CURRENT_NOTE = (
    "{labels}: known only as of now, so groups are counted and not compared. What stands in such a field today may be "
    "there because the account stayed."
)


class Group(Grouping):
    """The accounts of one base by one attribute, and who is compared with whom."""

    @property
    def stated(self) -> np.ndarray:
        """Which accounts are compared.

        Whether a field was filled in may hang on whether the account stayed: only what is stated is compared.
        """
        return (self.named != NOT_STATED).to_numpy()

    def compared(self, min_group: int) -> Iterator[tuple[str, np.ndarray]]:
        """The levels that are compared with all other accounts, each with who is in it.

        With hardly anyone outside two groups, the second contrast is the first one's mirror image: it is left out.
        """
        if len(self.levels) < 2:
            return
        candidates = self.plain
        if len(candidates) == 2 and not shown(int((self.stated & ~self.named.isin(candidates)).sum()), min_group):
            candidates = candidates[:1]
        for level in candidates:
            yield level, (self.named == level).to_numpy()


def arr_now(active: pd.DataFrame, now: pd.Series, level: str, target: str) -> float:
    """Recurring revenue a year of the accounts active now on one side of a contrast."""
    reached = now.eq(level) if target == "group" else now.notna() & ~now.isin([level, NOT_STATED])
    return 12 * float(active.loc[reached.to_numpy(), "mrr_now"].astype(float).sum())


def notes(chosen: Sequence[Attribute], *, flat: bool, due: str) -> tuple[str, ...]:
    """What a reader of groups must know; ``due`` says what is done about accounts that were not free to leave."""
    if flat:
        return ("One row an account, without a calendar: groups are counted and not compared.",)
    current = [attribute.label for attribute in chosen if attribute.known_at == "current"]
    said = [CURRENT_NOTE.format(labels=", ".join(current))] if current else []
    if any(attribute.kind == "term" for attribute in chosen):
        said.append(f"An account under a long term that did not come due in the period could not leave{due}")
    if any(attribute.name == "mrr_band" for attribute in chosen):
        said.append(
            "Bands of MRR go by what accounts paid when the period began. Some paid more or less then than is usual "
            "for them and move back: small accounts seem to grow and large ones to shrink where size changes nothing."
        )
    return tuple(said)
