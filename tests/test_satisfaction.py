"""Answers beside what their account held, exit surveys found by the data, and answers matched to invitations."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from customer_value import intake
from customer_value.marts import Marts
from marts_fixtures import build_marts

AS_OF = "2024-12-31"


def rows(*extra: dict[str, object]) -> list[dict[str, object]]:
    """An account before all others, so that the data's first month is nobody's opening stock, and those given."""
    return [{"customer_id": "first", "start_date": "2022-12-01"}, *extra]


def built(tmp_path: Path, subscriptions, answers, invitations=None, **more) -> Marts:
    further = {"nps_responses": answers} | ({} if invitations is None else {"surveys_sent": invitations})
    return build_marts(
        tmp_path, subscriptions=rows(*subscriptions), as_of=AS_OF, observed_from="2022-11-30", further=further, **more
    )


def answer(customer: str, day: str, score: int = 8, **more: object) -> dict[str, object]:
    return {"customer_id": customer, "responded_at": day, "score": score, **more}


A = {"customer_id": "a", "start_date": "2023-01-15", "mrr": 100, "product": "basic", "billing_months": 12}


def test_ratings_at_their_borders(tmp_path: Path) -> None:
    days = {score: f"2024-01-{score + 1:02d}" for score in range(11)}
    marts = built(tmp_path, [A], [answer("a", day, score) for score, day in days.items()])
    found = marts.frame("nps_answers").set_index("score")["rating"]
    assert found.tolist() == ["detractor"] * 7 + ["passive"] * 2 + ["promoter"] * 2


def test_what_the_account_held_that_day(tmp_path: Path) -> None:
    moves = [A | {"end_date": "2023-07-15"}, A | {"start_date": "2023-07-15", "product": "pro", "mrr": 180}]
    marts = built(tmp_path, moves, [answer("a", "2023-07-14"), answer("a", "2023-07-15")])
    found = marts.frame("nps_answers")
    assert found[["plan", "mrr", "term", "age"]].to_numpy().tolist() == [["basic", 100, 12, 5], ["pro", 180, 12, 6]]
    assert found["customer"].all()
    assert found["days_to_end"].isna().all()
    assert found["month"].eq(pd.Timestamp("2023-07-01")).all()


@pytest.mark.parametrize(
    ("day", "customer", "asked", "left"),
    [
        ("2023-01-14", False, "prospect", None),
        ("2023-01-15", True, "customer", 163),
        ("2023-06-26", True, "customer", 1),
        ("2023-06-27", False, "former", 0),  # an end holds from the start of its day
        ("2023-08-01", False, "former", -35),
    ],
)
def test_answers_before_in_and_after_a_stay(tmp_path: Path, day, customer, asked, left) -> None:
    found = built(tmp_path, [A | {"end_date": "2023-06-27"}], [answer("a", day)]).frame("nps_answers").iloc[0]
    assert (found["customer"], found["asked"]) == (customer, asked)
    assert found["days_to_end"] == left or (left is None and pd.isna(found["days_to_end"]))
    assert pd.isna(found["mrr"]) != customer


def test_a_pause_within_grace_is_no_end(tmp_path: Path) -> None:
    paused = [A | {"end_date": "2023-06-01"}, A | {"start_date": "2023-06-20"}]
    found = built(tmp_path, paused, [answer("a", "2023-06-10")]).frame("nps_answers").iloc[0]
    assert (found["customer"], found["asked"], found["mrr"]) == (True, "customer", 100)


def test_after_a_return_the_second_stay_counts(tmp_path: Path) -> None:
    back = [A | {"end_date": "2023-06-01"}, A | {"start_date": "2023-12-01"}]
    found = built(tmp_path, back, [answer("a", "2023-09-01"), answer("a", "2024-01-01")]).frame("nps_answers")
    assert found["asked"].tolist() == ["former", "customer"]
    assert found["spell"].tolist() == [1, 2]


class TestExitSurveys:
    def leavers(self, n: int) -> list[dict[str, object]]:
        return [A | {"customer_id": f"l{i}", "end_date": f"2024-0{1 + i % 8}-20"} for i in range(n)]

    def test_one_that_asks_leavers_is_found_by_its_answers(self, tmp_path: Path) -> None:
        leaving = self.leavers(20)
        answers = [answer(row["customer_id"], row["end_date"][:8] + "05", 2, survey="goodbye") for row in leaving]
        answers += [answer("first", f"2024-{month:02d}-03", 9, survey="regular") for month in range(1, 13)]
        marts = built(tmp_path, leaving, answers)
        found = marts.frame("nps_answers")
        assert set(found.loc[found["survey"] == "goodbye", "asked"]) == {"leaving"}
        assert set(found.loc[found["survey"] == "regular", "asked"]) == {"customer"}
        said = " ".join(marts.meta.warnings)
        assert "goodbye (20 answers)" in said
        assert "regular" not in said

    def test_an_unnamed_one_is_found_too(self, tmp_path: Path) -> None:
        leaving = self.leavers(6)
        answers = [answer(row["customer_id"], row["end_date"][:8] + "05") for row in leaving]
        marts = built(tmp_path, leaving, answers)
        assert set(marts.frame("nps_answers")["asked"]) == {"leaving"}
        assert "without a name (6 answers)" in " ".join(marts.meta.warnings)

    def test_a_regular_one_with_some_leavers_is_not(self, tmp_path: Path) -> None:
        leaving = self.leavers(20)
        answers = [answer(row["customer_id"], row["end_date"][:8] + "05", survey="x") for row in leaving]
        answers += [answer("first", f"2024-{1 + i % 10:02d}-{10 + i // 10}", survey="x") for i in range(6)]
        # 20 of 26 answers near an end is below four in five
        assert set(built(tmp_path, leaving, answers).frame("nps_answers")["asked"]) == {"customer"}

    def test_four_answers_show_nothing(self, tmp_path: Path) -> None:
        leaving = self.leavers(4)
        answers = [answer(row["customer_id"], row["end_date"][:8] + "05", survey="x") for row in leaving]
        assert set(built(tmp_path, leaving, answers).frame("nps_answers")["asked"]) == {"customer"}

    def test_answers_too_new_to_tell_do_not_hide_it(self, tmp_path: Path) -> None:
        leaving = self.leavers(6)
        answers = [answer(row["customer_id"], row["end_date"][:8] + "05", survey="bye") for row in leaving]
        answers += [answer("first", f"2024-12-{day}", survey="bye") for day in range(10, 20)]
        assert set(built(tmp_path, leaving, answers).frame("nps_answers")["asked"]) == {"leaving"}


def test_nothing_to_warn_of_warns_of_nothing(tmp_path: Path) -> None:
    marts = built(tmp_path, [A], [answer("a", "2024-01-01")])
    assert not any("answers" in said for said in marts.meta.warnings)
    assert not marts.has("invitations")


class TestInvitations:
    def test_an_answer_belongs_to_the_latest_invitation_before_it(self, tmp_path: Path) -> None:
        sent = [
            {"customer_id": "a", "sent_at": day, "survey": "s"} for day in ("2024-01-01", "2024-01-20", "2024-06-01")
        ]
        answers = [answer("a", "2024-01-25", survey="s"), answer("a", "2024-07-02", survey="s")]
        found = built(tmp_path, [A], answers, sent).frame("invitations")
        # the second answer comes 31 days after the third invitation
        assert found["answered"].tolist() == [False, True, False]

    def test_respondent_and_survey_must_agree_where_both_name_one(self, tmp_path: Path) -> None:
        sent = [
            {"customer_id": "a", "sent_at": "2024-01-01", "survey": survey, "respondent_id": who}
            for survey, who in (("s", "u"), ("s", "v"), ("t", "u"), ("t", None))
        ]
        answers = [answer("a", "2024-01-05", survey="s", respondent_id="u")]
        found = built(tmp_path, [A], answers, sent).frame("invitations")
        answered = {(row["survey"], row["respondent_id"]) for _, row in found[found["answered"]].iterrows()}
        assert answered == {("s", "u")}
        unnamed = built(tmp_path / "b", [A], [answer("a", "2024-01-05")], sent).frame("invitations")
        assert unnamed["answered"].all()

    def test_one_that_may_still_be_answered_is_open(self, tmp_path: Path) -> None:
        sent = [{"customer_id": "a", "sent_at": day, "survey": "s"} for day in ("2024-12-01", "2024-12-02")]
        assert built(tmp_path, [A], [], sent).frame("invitations")["closed"].tolist() == [True, False]


def test_same_rows_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    answers = [answer("a", f"2024-01-{1 + i % 5:02d}", i % 11, respondent_id=f"r{i % 3}") for i in range(20)]
    one, two = (built(tmp_path / name, [A], given) for name, given in (("x", answers), ("y", answers[::-1])))
    files = [(each.folder / "nps_answers.parquet").read_bytes() for each in (one, two)]
    assert files[0] == files[1]


def test_impossible_scores_and_unknown_accounts_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "subscriptions.csv").write_text(
        "customer_id,start_date,mrr\n" + "".join(f"c{i:02d},2023-0{1 + i % 9}-05,100\n" for i in range(40))
    )
    scores = [11, -3, *range(11), 7]
    (tmp_path / "nps_responses.csv").write_text(
        "customer_id,responded_at,score\n"
        + "".join(
            f"{'nobody' if place == 13 else 'c01'},2024-01-{place + 1:02d},{score}\n"
            for place, score in enumerate(scores)
        )
        + "".join(f"c02,2024-02-{place + 1:02d},9\n" for place in range(10))
    )
    intake.load(tmp_path, out=tmp_path / "out", as_of=date(2024, 6, 30))
    quality = pd.read_parquet(tmp_path / "out" / "quality.parquet").set_index(["table", "rule", "column"])["rows"]
    assert quality["nps_responses", "out_of_range", "score"] == 2
    assert quality["nps_responses", "unknown_account", "customer_id"] == 1
    kept = pd.read_parquet(tmp_path / "out" / "nps_responses.parquet")
    assert kept["score"].between(0, 10).all()
    assert len(kept) == 21
