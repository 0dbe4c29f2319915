"""Contract lines: what accounts hold now and held before, and the table of subscriptions made from them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .dates import OPEN, dates
from .parameters import ADDONS, PLANS, REASONS

PAUSED = len(REASONS)
FAILED = len(REASONS) + 1
REASON_NAMES = (*REASONS, "Paused", "Payment failed")
KIND_NAMES = ("voluntary", "involuntary")
NONE = -1


class Ledger:
    """The lines that accounts hold now, and those already closed. A line: plan or add-on, seats, price, discount."""

    FIELDS = ("account", "product", "start", "end", "quantity", "price", "discount", "term", "due", "reason", "kind")

    def __init__(self, accounts: int) -> None:
        products = 1 + len(ADDONS)
        self.start = np.full((products, accounts), OPEN)  # OPEN: not held
        self.product = np.zeros((products, accounts), dtype=np.int64)
        self.price = np.zeros((products, accounts))
        self.quantity = np.zeros((products, accounts), dtype=np.int64)
        self.discount = np.zeros((products, accounts))
        self.term = np.zeros((products, accounts), dtype=np.int64)
        self.due = np.zeros((products, accounts), dtype=np.int64)
        self.closed: list[tuple[np.ndarray, ...]] = []

    def held(self, slot: int) -> np.ndarray:
        return self.start[slot] != OPEN

    def open(self, slot, who, when, *, product, quantity, price, discount, term, due) -> None:
        self.start[slot, who] = when
        self.product[slot, who] = product
        self.quantity[slot, who] = quantity
        self.price[slot, who] = price
        self.discount[slot, who] = discount
        self.term[slot, who] = term
        self.due[slot, who] = due

    def close(self, slot, who, when, *, reason=NONE, kind=NONE) -> None:
        """End the line of each account in `who`; a line opened on that very day leaves no trace."""
        kept = self.start[slot, who] < when
        ends = (who, self.product[slot, who], self.start[slot, who], when, self.quantity[slot, who])
        ends += (self.price[slot, who], self.discount[slot, who], self.term[slot, who])
        ends += (self.due[slot, who], reason, kind)
        self.closed.append(tuple(np.broadcast_to(part, who.shape)[kept] for part in ends))
        self.start[slot, who] = OPEN

    def close_all(self, who, when, *, reason=NONE, kind=NONE) -> None:
        for slot in range(len(self.start)):
            on = self.held(slot)[who]
            chosen = [np.broadcast_to(part, who.shape)[on] for part in (who, when, reason, kind)]
            self.close(slot, chosen[0], chosen[1], reason=chosen[2], kind=chosen[3])

    def frame(self) -> pd.DataFrame:
        for slot in range(len(self.start)):
            self.close(slot, np.flatnonzero(self.held(slot)), OPEN)
        columns = [np.concatenate(parts) for parts in zip(*self.closed, strict=True)]
        return pd.DataFrame(dict(zip(self.FIELDS, columns, strict=True)))


def subscriptions(lines: pd.DataFrame, ids: np.ndarray, last_day: int) -> pd.DataFrame:
    """The contract's table; a line that ends after `last_day` is still open and says nothing of its end."""
    running = (lines["end"] > last_day).to_numpy()
    full = lines["quantity"] * lines["price"]
    is_plan = lines["product"] < len(PLANS)
    table = pd.DataFrame(
        {
            "customer_id": ids[lines["account"]],
            "product": np.array([*PLANS, *ADDONS], dtype=object)[lines["product"]],
            "kind": np.where(is_plan, "plan", "addon"),
            "start_date": dates(lines["start"].to_numpy()),
            "end_date": dates(np.where(running, OPEN, lines["end"])),
            "mrr": (full * (1 - lines["discount"])).round(2).to_numpy(),
            "list_mrr": full.round(2).to_numpy(),
            "quantity": lines["quantity"].to_numpy(),
            "unit": "seats",
            "billing_months": lines["term"].to_numpy(),
            "currency": "GBP",
            "end_reason": np.array([*REASON_NAMES, None])[np.where(running, NONE, lines["reason"])],
            "end_kind": np.array([*KIND_NAMES, None])[np.where(running, NONE, lines["kind"])],
        }
    )
    order = np.lexsort([lines["product"], lines["start"], lines["account"]])
    return table.iloc[order].reset_index(drop=True)
