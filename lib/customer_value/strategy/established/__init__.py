"""Results of the studies as findings: what each chapter puts on record for the front page.

One module a chapter. Every contrast is recorded, clear or not: the gate corrects for all that were looked at.
"""

from __future__ import annotations

RAW_CAVEAT = "A raw comparison: such groups differ in more than this, in size and term above all."
FEW_CAVEAT = "A few large accounts decide this figure."


def noun(label: str) -> str:
    """A label as it stands within a sentence: "contract term", but "MRR"."""
    label = label.replace("=", " ").strip()
    return label if label[:2].isupper() else label[:1].lower() + label[1:]
