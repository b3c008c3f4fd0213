"""Goals that both parties agreed on."""

from datetime import date

import pytest

from firstcard.agreement import AgreementError
from firstcard.agreement.diff import changes_between
from firstcard.agreement.explain import to_markdown
from firstcard.agreement.renew import renewed

from .builders import an_agreement

GOAL = {"measure": "coverage", "target_percent": 90, "by": "2027-06-30"}


def test_they_stand_in_the_memorandum() -> None:
    text = to_markdown(an_agreement(goals=[GOAL]))
    assert "By 30 June 2027, 90 % of the students have a card that is in the library's system." in text
    assert "What both want to reach" not in to_markdown(an_agreement())


@pytest.mark.parametrize(
    ("goals", "changes", "sentence"),
    [
        ([GOAL | {"by": "2026-07-01"}], {}, "write 2026-08-01 or a later one"),
        ([GOAL, GOAL | {"target_percent": 80}], {}, "keep one of them"),
        ([GOAL | {"measure": "educators"}], {"rollout": {"staff": False}}, "Educators get no cards"),
        ([GOAL | {"target_percent": 101}], {}, "100"),
        ([GOAL | {"measure": "reading"}], {}, "coverage"),
    ],
)
def test_a_goal_that_cannot_be_is_refused(goals: list[dict[str, object]], changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(AgreementError, match=sentence):
        an_agreement(goals=goals, **changes)


def test_a_renewal_moves_their_days_and_says_so() -> None:
    text = "id: a\nstatus: executed\nterm: {effective: 2026-08-01, expires: 2027-07-31}\ngoals:\n  - {measure: coverage, target_percent: 90, by: 2027-06-30}\n"
    new, moved = renewed(text, new_id="b", effective=date(2027, 8, 1), expires=date(2028, 7, 31))
    assert "by: 2028-06-30" in new
    assert moved == ("goals",)


def test_a_change_of_a_goal_is_a_change() -> None:
    (change,) = changes_between(an_agreement(goals=[GOAL]), an_agreement(goals=[GOAL | {"target_percent": 80}]))
    assert change.path.startswith("goals")
