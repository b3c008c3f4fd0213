"""Cards that end in Koha: on the day, and only ours."""

from datetime import date

from firstcard.ils import Accepted, Refused, SyncReason, Unreachable
from local.ils.stand_in import Fault
from tests.unit.ils.builders import a_patron, a_stranger, koha, ours, plant, whole

TODAY = date(2026, 11, 22)


def test_a_card_that_ends_keeps_everything_but_its_expiry(library):
    ils, patron = koha(library), a_patron()
    ils_id = ils.put(patron, ils_id=None).ils_id
    held = whole(library, int(ils_id))
    assert ils.end(ils_id, token=patron.token, on=TODAY) == Accepted(ils_id)
    now = whole(library, int(ils_id))
    assert now["expiry_date"] == "2026-11-22"
    without = {"expiry_date", "updated_on", "extended_attributes"}
    assert {k: v for k, v in now.items() if k not in without} == {k: v for k, v in held.items() if k not in without}
    assert [mark["value"] for mark in now["extended_attributes"]] == [patron.token]
    assert library.patrons.pin_opens(patron.number, patron.pin)


def test_ending_never_makes_a_card_last_longer(library):
    ils, patron = koha(library), a_patron(expires_on=date(2026, 6, 30))
    ils_id = ils.put(patron, ils_id=None).ils_id
    assert ils.end(ils_id, token=patron.token, on=TODAY) == Accepted(ils_id)
    assert whole(library, int(ils_id))["expiry_date"] == "2026-06-30"


def test_a_strangers_card_is_never_ended(library):
    stranger = plant(library, a_stranger())
    answer = koha(library).end(str(stranger["patron_id"]), token=a_patron().token, on=TODAY)
    assert answer == Refused(SyncReason.NOT_OURS)
    assert whole(library, stranger["patron_id"]) == stranger


def test_the_card_of_another_student_is_never_ended(library):
    ils = koha(library)
    ils_id = ils.put(a_patron(1), ils_id=None).ils_id
    assert ils.end(ils_id, token=a_patron(2).token, on=TODAY) == Refused(SyncReason.NOT_OURS)
    assert whole(library, int(ils_id))["expiry_date"] == "2027-09-15"


def test_a_family_that_says_no_while_the_create_was_cut_short_still_has_it_ended(library):
    ils, patron = koha(library), a_patron()
    library.suffer(Fault(0, method="POST", path="/patrons", after=True))
    assert ils.put(patron, ils_id=None) == Unreachable(SyncReason.NO_ANSWER)
    assert isinstance(ils.end(None, token=patron.token, on=TODAY), Accepted)
    (held,) = ours(library, patron.token)
    assert held["expiry_date"] == "2026-11-22"


def test_ending_what_the_library_never_had_or_deleted_is_done_already(library):
    ils = koha(library)
    assert ils.end(None, token=a_patron().token, on=TODAY) == Accepted("")
    assert ils.end("77", token=a_patron().token, on=TODAY) == Accepted("77")


def test_a_card_that_ended_lives_again_when_the_student_comes_back(library):
    ils, patron = koha(library), a_patron()
    ils_id = ils.put(patron, ils_id=None).ils_id
    ils.end(ils_id, token=patron.token, on=TODAY)
    assert ils.put(patron, ils_id=ils_id) == Accepted(ils_id)
    assert whole(library, int(ils_id))["expiry_date"] == "2027-09-15"


def test_an_ending_that_does_not_get_through_is_tried_again(library):
    ils, patron = koha(library), a_patron()
    ils_id = ils.put(patron, ils_id=None).ils_id
    library.suffer(Fault(503, method="PUT"))
    assert ils.end(ils_id, token=patron.token, on=TODAY) == Unreachable(SyncReason.UNDER_MAINTENANCE)
    assert whole(library, int(ils_id))["expiry_date"] == "2027-09-15"
    assert ils.end(ils_id, token=patron.token, on=TODAY) == Accepted(ils_id)
