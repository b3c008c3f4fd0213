"""Every number, counted where it lies, by somebody who was not told."""

from collections import Counter

import pytest

from firstcard.event.model import CardSynced
from local.counting import rows_in
from local.district.people import Student
from tests.flow.product.conftest import FirstNight, Tomorrow
from tests.flow.product.sharing import Left, Sharing, link_in

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]


@pytest.fixture(params=["duval", "cms"])
def side(request: pytest.FixtureRequest) -> Sharing:
    found: Sharing = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def left(side: Sharing, first_night: FirstNight) -> Left:
    return first_night.duval if side.slug == "duval" else first_night.cms


@pytest.fixture
def carded(side: Sharing, first_night: FirstNight, tomorrow: Tomorrow) -> list[Student]:
    """The children who must have a card now, worked out from the synthetic people alone."""
    said_no = {student.sourced_id for student in tomorrow.refusing}
    good = [s for s in side.district.students if s.damage is None and not s.opt_out and s.sourced_id not in said_no]
    if side.programme.agreement.route == "before_upload":
        return good
    return [s for s in good if s.email and _age(s, side) < 18]


def _age(student: Student, side: Sharing) -> int:
    born, on = student.birth_date, side.district.today
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _number(side: Sharing, student: Student) -> str:
    """A child's card number by the agreement's scheme."""
    clause = side.programme.agreement.card.number
    return clause.prefix + student.local_id.rjust(clause.length - len(clause.prefix), "0")


def _reached(students: list[Student], side: Sharing) -> set[str]:
    return {s.email for s in students if s.email and _age(s, side) < 18}


def test_rows_in_the_file_are_those_accepted_and_those_rejected(side: Sharing, first_night: FirstNight) -> None:
    run = first_night.duval_run if side.slug == "duval" else first_night.cms_run
    receipt = side.receipt_of(run)
    assert receipt["outcome"] == "applied"
    assert receipt["rows"] == rows_in(side.export) == side.district.expected.rows
    assert receipt["rejected"] == side.district.expected.rejected
    assert receipt["accepted"] + sum(receipt["rejected"].values()) == receipt["rows"]


def test_each_rejected_row_is_named_by_place_and_reason(side: Sharing, first_night: FirstNight) -> None:
    run = first_night.duval_run if side.slug == "duval" else first_night.cms_run
    named = Counter(problem["reason"] for problem in side.receipt_of(run)["problems"] if problem["severity"] == "row")
    assert named == side.district.expected.rejected
    assert all(problem["file"] and problem["line"] for problem in side.receipt_of(run)["problems"])
    assert "<html" in side.receipt(run, "html")
    assert len(side.receipt(run, "csv").splitlines()) > sum(side.district.expected.rejected.values())


def test_cards_in_the_table_are_the_patrons_of_the_library_and_the_events_in_its_queue(
    side: Sharing, left: Left, first_night: FirstNight, carded: list[Student]
) -> None:
    wanted = {side.token(s.local_id) for s in carded} | {side.token(p.local_id, "staff") for p in side.district.staff}
    queued = (
        left.library_queue
        if side.slug == "cms"
        else [*first_night.duval_told.library_queue, *first_night.refused.left.library_queue, *left.library_queue]
    )
    issued = {event["detail"]["token"] for event in queued if event["detail-type"] == "CardIssued"}
    assert set(left.patrons("active")) == wanted
    assert set(left.ils) == wanted
    assert issued == wanted
    assert left.told("CardIssued") == wanted
    assert {event.token for event in left.events if isinstance(event, CardSynced) and event.state == "in_ils"} == wanted


def test_every_household_with_an_address_is_told_once_before(side: Sharing, left: Left) -> None:
    good = [s for s in side.district.students if s.damage is None and not s.opt_out]
    told = Counter(address for mail in left.mails_of("announcement") for address in mail["To"])
    assert set(told) == _reached(good, side)
    assert set(told.values()) == {1}


def test_every_household_with_an_issued_child_is_sent_its_numbers_once(side: Sharing, left: Left, carded: list[Student]) -> None:
    sent = Counter(address for mail in left.mails_of("card") for address in mail["To"])
    assert set(sent) == _reached(carded, side)
    assert set(sent.values()) == {1}


def test_an_e_mail_holds_the_numbers_of_its_own_children_and_of_nobody_else(side: Sharing, left: Left, carded: list[Student]) -> None:
    numbers = {_number(side, s): s.email if _age(s, side) < 18 else "" for s in carded}
    for mail in left.mails_of("card"):
        shown = {number for number in numbers if number in mail["BodyText"]}
        assert shown == {number for number, email in numbers.items() if [email] == mail["To"]}


def test_staff_with_a_card_are_told_once(side: Sharing, left: Left) -> None:
    assert Counter(a for mail in left.mails_of("staff") for a in mail["To"]) == Counter(p.email for p in side.district.staff)


def test_the_district_gets_one_receipt_and_who_answers_for_forbidden_columns_is_told(side: Sharing, left: Left) -> None:
    agreement = side.programme.agreement
    answering = {agreement.parties.lea.privacy_contact.email, agreement.parties.provider.compliance_officer.email}
    assert [set(mail["To"]) for mail in left.mails_of("receipt")] == [set(agreement.notices.receipt_to) | answering]


def test_a_family_is_written_to_in_its_language_with_a_way_to_say_no(side: Sharing, left: Left, carded: list[Student]) -> None:
    languages = {s.email: s.language.partition("-")[0] for s in carded if s.email}
    assert {"en", "es"} <= set(languages.values())
    for kind in ("announcement", "card"):
        for mail in left.mails_of(kind):
            spoken = languages.get(mail["To"][0])
            if spoken in ("en", "es"):
                assert f'lang="{spoken}"' in mail["BodyHtml"], (kind, spoken)
            assert link_in(mail)
            assert link_in(mail) in mail["BodyHtml"]
