"""What the demo expects is counted from the people as the agreement rolls out to them."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from firstcard.agreement import Agreement, load_agreement
from local.counting import Counted, agree, sum_of
from local.district import District, make_district
from local.loading import Goal
from local.wanted import Wanted, reached, together

TODAY = date(2026, 11, 22)
AGREEMENTS = Path(__file__).resolve().parents[3] / "agreements"


def an_agreement(example: str, **rollout: Any) -> Agreement:
    found = load_agreement(AGREEMENTS / f"{example}.yaml")
    return found.model_copy(update={"rollout": found.rollout.model_copy(update=rollout)})


def a_district(slug: str = "baylands", **shares: Any) -> District:
    return make_district(district=slug, students=400, staff=30, seed=3, today=TODAY, **({"damaged_share": 0.0} | shares))


def test_without_limits_it_is_what_the_district_itself_expects() -> None:
    district = a_district(damaged_share=0.02)
    wanted, expected = Wanted.of(district, an_agreement("jacksonville")), district.expected
    assert (wanted.rows, wanted.rejected, wanted.left_out) == (expected.rows, expected.rejected, 0)
    assert wanted.refused == expected.opted_out
    assert wanted.waiting == expected.unreachable
    assert wanted.cards == expected.carded_students - expected.unreachable + expected.good_staff
    assert (wanted.announcements, wanted.card_mails, wanted.staff_mails) == (expected.addresses, expected.addresses, 30)


def test_where_families_refuse_before_nobody_waits() -> None:
    district = a_district("cms")
    wanted = Wanted.of(district, an_agreement("one-access"))
    assert (wanted.waiting, wanted.cards) == (0, district.expected.carded_students + 30)


@pytest.mark.parametrize(
    ("rollout", "has"),
    [
        ({"schools": ("baylands-school-002",), "staff": False}, lambda s: s.school == "baylands-school-002"),
        ({"grades": ("KG", "01"), "staff": False}, lambda s: s.grade in ("KG", "01")),
        ({"schools": ("baylands-school-002",), "grades": ("03",), "staff": False}, lambda s: s.school[-1] == "2" and s.grade == "03"),
    ],
)
def test_a_roll_out_leaves_out_the_others_and_hears_every_no(rollout: dict[str, Any], has: Any) -> None:
    district = a_district(opted_out_share=0.1)
    wanted = Wanted.of(district, an_agreement("jacksonville", **rollout))
    mine = [s for s in district.students if has(s) and not s.opt_out]
    assert 0 < len(mine) < 200
    assert wanted.cards + wanted.waiting == len(mine)
    assert wanted.refused == 40
    assert wanted.rows == wanted.cards + wanted.waiting + wanted.refused + wanted.left_out
    assert wanted.card_mails == len({s.email for s in mine if reached(s, TODAY)})


def test_staff_count_by_their_role_and_school() -> None:
    district = a_district()
    teachers = [p for p in district.staff if p.role == "teacher"]
    assert Wanted.of(district, an_agreement("jacksonville", staff=("teacher",))).staff_mails == len(teachers) < 30
    here = Wanted.of(district, an_agreement("jacksonville", schools=("baylands-school-002",), staff=True))
    assert here.staff_mails == sum(p.school == "baylands-school-002" for p in district.staff)


def test_two_libraries_of_one_file_share_its_rows_and_nothing_else() -> None:
    district = a_district()
    parts = [Wanted.of(district, an_agreement(name)) for name in ("student-success", "student-success-valley")]
    whole = together(parts)
    assert (whole.rows, whole.refused) == (430, 2 * len([s for s in district.students if s.opt_out]))
    assert whole.cards == sum(one.cards for one in parts)
    assert whole.cards + whole.waiting == district.expected.carded_students
    assert whole.left_out == district.expected.carded_students + 2 * 30


def test_a_few_cards_first_are_part_of_the_whole() -> None:
    wanted = Wanted.of(a_district("rcsd", grades=["KG"]), an_agreement("kindercard"))
    few = wanted.pilot(5)
    assert (few.cards, few.announcements, few.card_mails, few.mails) == (5, 5, 5, 11)
    rest = Goal.between(few, wanted)
    assert rest == Goal(wanted.windows - 5, wanted.announcements - 5, wanted.cards - 5, wanted.mails - 11)
    assert Goal.between(None, few) == Goal(5, 5, 5, 11)


def as_found(wanted: Wanted, **wrong: Any) -> Counted:
    """What is found where everything came out as it should, but for what is said to be wrong."""
    emails = {"announcement": wanted.announcements, "card": wanted.card_mails, "staff": wanted.staff_mails, "receipt": wanted.receipts}
    found: dict[str, Any] = {
        "rows": wanted.rows,
        "accepted": wanted.rows - sum(wanted.rejected.values()),
        "rejected": wanted.rejected,
        "left_out": wanted.left_out,
        "cards": wanted.cards,
        "refused": wanted.refused,
        "waiting": wanted.waiting,
        "ils_patrons": wanted.cards,
        "card_events": wanted.cards,
        "emails": emails,
    }
    changed = {name: change if isinstance(change, dict) else found[name] + change for name, change in wrong.items()}
    return Counted(**(found | changed))


@pytest.mark.parametrize("name", ["rows", "accepted", "left_out", "cards", "refused", "waiting", "ils_patrons", "card_events"])
def test_every_number_must_agree(name: str) -> None:
    wanted = Wanted.of(a_district(damaged_share=0.02), an_agreement("jacksonville"))
    assert agree(as_found(wanted), wanted)
    assert not agree(as_found(wanted, **{name: 1}), wanted)


@pytest.mark.parametrize("kind", ["announcement", "card", "staff", "receipt"])
def test_every_kind_of_e_mail_must_agree(kind: str) -> None:
    wanted = Wanted.of(a_district(), an_agreement("jacksonville"))
    sent = dict(as_found(wanted).emails)
    assert not agree(as_found(wanted, emails=sent | {kind: sent[kind] - 1}), wanted)


def test_what_was_found_is_summed_like_what_is_expected() -> None:
    district = a_district()
    parts = [Wanted.of(district, an_agreement(name)) for name in ("student-success", "student-success-valley")]
    assert agree(sum_of(as_found(one) for one in parts), together(parts))
