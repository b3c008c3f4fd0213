"""A family's no, by the link in its e-mail and the real HTTP API: before the window's end, and after the card was issued."""

import ssl
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from local.machine import Machine
from tests.flow.product.conftest import FirstNight, PinStory, Tomorrow
from tests.flow.product.sharing import Difference, Left, Sharing, difference, link_in
from tests.flow.product.waiting import until, until_quiet

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]


def test_opening_the_link_changes_nothing(first_night: FirstNight) -> None:
    assert first_night.opened.status == 200
    assert "<form" in first_night.opened.page
    assert difference(first_night.duval_told, first_night.opened.left).nothing


def test_a_mail_programs_one_click_changes_nothing(first_night: FirstNight) -> None:
    assert first_night.one_click.status == 200
    assert difference(first_night.opened.left, first_night.one_click.left).nothing


def test_the_button_records_a_no_for_every_child_of_the_household(duval: Sharing, first_night: FirstNight, tomorrow: Tomorrow) -> None:
    children = {duval.token(student.local_id) for student in tomorrow.refusing}
    seen = difference(first_night.one_click.left, first_night.refused.left)
    assert first_night.refused.status == 200
    assert seen.written == {(f"patron#{token}", kind) for token in children for kind in ("patron", "refusal")}
    assert {(event.name, getattr(event, "token", "")) for event in seen.events} == {("RefusalRecorded", token) for token in children}
    assert not seen.mails


def test_a_no_before_the_windows_end_means_no_card_at_its_end(duval: Sharing, first_night: FirstNight, tomorrow: Tomorrow) -> None:
    for student in tomorrow.refusing:
        token = duval.token(student.local_id)
        item = first_night.duval.items[f"patron#{token}", "patron"]
        assert item["state"] == "refused"
        assert not item.get("sealed")
        assert not item.get("issued_at")
        assert token not in first_night.duval.ils
        assert token not in first_night.duval.told("CardIssued")
    assert not [mail for mail in first_night.duval.mails_of("card") if mail["To"] == [tomorrow.refusing[0].email]]


@dataclass(frozen=True)
class LateNo:
    """A family of cms that says no when its cards are in the library's system already."""

    children: frozenset[str]
    before: Left
    after: Left
    said: Difference


@pytest.fixture(scope="module")
def late_no(machine: Machine, cms: Sharing, first_night: FirstNight) -> LateNo:
    before = cms.state()
    letter = first_night.cms.mails_of("card")[0]
    children = frozenset(
        cms.token(s.local_id)
        for s in cms.district.students
        if [s.email] == letter["To"] and cms.token(s.local_id) in before.patrons("active")
    )
    with httpx.Client(
        verify=ssl.create_default_context(cafile=str(machine.cloud.certificate.authority)), timeout=60, trust_env=False
    ) as web:
        answer = web.post(link_in(letter), content="answer=no", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 200
    until(lambda: children <= cms.state().told("CardRevoked"), "the no to be told")
    until_quiet(machine)
    after = cms.state()
    return LateNo(children, before, after, difference(before, after))


def test_an_issued_card_ends_in_the_library_system_at_once(late_no: LateNo) -> None:
    assert late_no.children
    assert late_no.said.in_ils == late_no.children
    for token in late_no.children:
        assert date.fromisoformat(late_no.before.ils[token]["expiry_date"]) > datetime.now(UTC).date()
        assert date.fromisoformat(late_no.after.ils[token]["expiry_date"]) <= datetime.now(UTC).date()
        assert late_no.after.items[f"patron#{token}", "ils"]["state"] == "ended"


def test_nothing_sealed_stays_of_children_whose_family_said_no(late_no: LateNo) -> None:
    for token in late_no.children:
        assert late_no.before.items[f"patron#{token}", "patron"]["sealed"]
        assert not late_no.after.items[f"patron#{token}", "patron"].get("sealed")


def test_a_forged_link_is_no_link(machine: Machine, first_night: FirstNight, duval: Sharing) -> None:
    before = duval.state()
    link = link_in(first_night.duval_told.mails_of("announcement")[0])
    at = link.rindex("/") + 10
    forged = link[:at] + ("A" if link[at] != "A" else "B") + link[at + 1 :]
    with httpx.Client(
        verify=ssl.create_default_context(cafile=str(machine.cloud.certificate.authority)), timeout=60, trust_env=False
    ) as web:
        answer = web.post(forged, content="answer=no", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 404
    until_quiet(machine)
    assert difference(before, duval.state()).nothing


def test_a_later_window_event_does_not_bring_a_refused_card_back(
    machine: Machine, duval: Sharing, tomorrow: Tomorrow, first_night: FirstNight
) -> None:
    before = duval.state()
    machine.invoke_window(datetime.now(UTC) + timedelta(days=40))
    until_quiet(machine)
    assert difference(before, duval.state()).nothing


# -- and it sees the PIN ---------------------------------------------------------------------------------------------------------------------


def test_a_family_sees_the_pin_that_opens_its_childs_account_after_answering_and_not_before(pin_story: PinStory) -> None:
    number, pin = pin_story.shown
    assert '<form method="post"' in pin_story.fetched
    assert '<form method="post"' in pin_story.wrong
    for text in (pin_story.letter, pin_story.fetched, pin_story.wrong):
        assert pin not in text
    assert number in pin_story.letter
    assert pin_story.opens[0]


def test_a_reset_gives_another_pin_that_the_new_link_alone_shows_and_the_old_one_opens_nothing(pin_story: PinStory) -> None:
    assert pin_story.renewed[0] == pin_story.shown[0]
    assert pin_story.renewed[1] != pin_story.shown[1]
    assert pin_story.opens == (True, True, False)
    for text in (pin_story.by_the_old_link, *pin_story.answers):
        assert pin_story.renewed[1] not in text


def test_showing_and_renewing_a_pin_touch_one_child_and_its_household(duval: Sharing, pin_story: PinStory) -> None:
    written = {(pk.partition("#")[0], sk.partition("#")[0]) for pk, sk in pin_story.left.written}
    assert written == {("patron", "patron"), ("patron", "ils"), ("pin", "shown"), ("household", "notice"), ("envelope", "envelope")}
    assert len(pin_story.left.in_ils) <= 1
    assert [mail["Kind"] for mail in pin_story.left.mails] == ["pin"]
    assert {event.name for event in pin_story.left.events} == {"CardUpdated", "CardSynced", "NoticeSent"}
