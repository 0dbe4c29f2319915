"""The page on traps: what it takes for granted holds, and the simulated businesses give the numbers it prints."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import adoption_traps


@pytest.fixture(scope="module")
def stored() -> dict:
    return json.loads(adoption_traps.STORE.read_text(encoding="utf-8"))


def test_what_the_page_takes_for_granted_holds_and_is_checked(stored) -> None:
    adoption_traps._hold(stored)
    mended = json.loads(json.dumps(stored))
    mended["wind_down"]["naive"]["high"] = 1.1
    with pytest.raises(ValueError, match="by hindsight it looks wonderful"):
        adoption_traps._hold(mended)


def test_no_number_is_typed_into_the_words_but_of_questions_and_months() -> None:
    text = (adoption_traps.ROOT / "tools" / "adoption-traps.md").read_text(encoding="utf-8")
    typed = re.sub(r"^\d\. |[Tt]rap \d|\(.*?\)", "", text, flags=re.MULTILINE)
    assert not re.search(r"\d", typed)


def test_no_feature_of_these_businesses_has_an_effect() -> None:
    for parameters in adoption_traps.businesses().values():
        assert all(one.leaving == one.growing == 0 for one in parameters.features.items)


def test_the_business_whose_leavers_wind_down_gives_the_stored_numbers(stored, tmp_path) -> None:
    opened = adoption_traps._marts(tmp_path, adoption_traps.businesses()["wind_down"])
    found = {
        "wind_down": adoption_traps._estimates(opened),
        "lives": adoption_traps._lives(opened),
        "before_leaving": adoption_traps._before_leaving(opened),
    }
    kept = {name: stored[name] for name in found}
    assert json.loads(json.dumps(found)) == kept, "run tools/adoption_traps.py"
