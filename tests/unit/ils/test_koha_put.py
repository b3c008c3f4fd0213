"""Patrons created, completed and updated in Koha, each against a library that refuses by itself."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from urllib3 import PoolManager

from firstcard.ils import Accepted, Refused, SyncReason, Unreachable
from local.ils.rules import AttributeType
from local.ils.stand_in import Fault, StandIn
from tests.unit.ils.builders import ATTRIBUTE, a_patron, a_stranger, koha, ours, plant, that_day, the_rules, whole


def test_a_new_patron_costs_two_requests(library):
    ils = koha(library)
    ils.put(a_patron(1), ils_id=None)
    before = library.requests
    assert isinstance(ils.put(a_patron(2), ils_id=None), Accepted)
    assert library.requests - before == 2


def test_a_new_patron_has_what_the_school_says_and_a_pin_that_opens(library):
    patron = a_patron()
    answer = koha(library).put(patron, ils_id=None)
    (held,) = ours(library, patron.token)
    assert answer == Accepted(str(held["patron_id"]))
    assert held["cardnumber"] == held["userid"] == patron.number
    assert (held["surname"], held["firstname"], held["middle_name"]) == (patron.last_name, patron.first_name, patron.middle_name)
    assert (held["date_of_birth"], held["expiry_date"]) == ("2015-03-04", "2027-09-15")
    assert (held["library_id"], held["category_id"], held["lang"]) == ("MAIN", "STUDENT", "es")
    assert held["email"] is held["address"] is held["phone"] is None
    assert library.patrons.pin_opens(patron.number, "4711")


def test_an_address_goes_along_only_where_there_is_one(library):
    patron = a_patron(street="1 School Way", city="Exampleton", region="NC", postal_code="28000", phone="555-0100")
    koha(library).put(patron, ils_id=None)
    (held,) = ours(library, patron.token)
    assert [held[key] for key in ("address", "city", "state", "postal_code", "phone")] == [
        "1 School Way",
        "Exampleton",
        "NC",
        "28000",
        "555-0100",
    ]


@pytest.mark.parametrize("at", ["/patrons", "/patrons/"])
def test_an_attempt_cut_short_anywhere_is_completed_by_the_next(library, at):
    ils, patron = koha(library), a_patron()
    library.suffer(Fault(0, method="POST", path=at, after=True))
    assert ils.put(patron, ils_id=None) == Unreachable(SyncReason.NO_ANSWER)
    answer = ils.put(patron, ils_id=None)
    (held,) = ours(library, patron.token)
    assert answer == Accepted(str(held["patron_id"]))
    assert library.patrons.pin_opens(patron.number, patron.pin)


def test_a_patron_with_the_token_and_another_number_is_not_taken_for_an_attempt_cut_short(library):
    """Somebody at the library may have put the token on the family's own card: it would be renumbered, retyped and get another PIN."""
    ils, patron = koha(library), a_patron()
    library.suffer(Fault(0, method="POST", path="/patrons", after=True))
    ils.put(patron, ils_id=None)
    replaced = a_patron(number="90499999999")
    before = ours(library, patron.token)
    assert ils.put(replaced, ils_id=None) == Refused(SyncReason.CARD_NOT_MADE_BY_US)
    assert ours(library, patron.token) == before


def test_a_familys_card_that_carries_the_token_is_never_overwritten_by_a_card_of_ours(library):
    own = plant(library, a_stranger(extended_attributes=[{"type": ATTRIBUTE, "value": a_patron().token}]))
    assert koha(library).put(a_patron(), ils_id=None) == Refused(SyncReason.CARD_NOT_MADE_BY_US)
    assert whole(library, own["patron_id"]) == own


@pytest.mark.parametrize("at", ["/patrons", "/patrons/"])
def test_it_is_completed_as_well_where_the_library_has_no_rule_about_duplicates(tmp_path, at):
    with StandIn(the_rules(duplicate_rule=()), tmp_path / "p", now=that_day) as library:
        ils, patron = koha(library), a_patron()
        library.suffer(Fault(0, method="POST", path=at, after=True))
        ils.put(patron, ils_id=None)
        assert isinstance(ils.put(patron, ils_id=None), Accepted)
        assert len(ours(library, patron.token)) == 1
        assert library.patrons.pin_opens(patron.number, patron.pin)


def test_two_attempts_at_once_make_one_patron(library):
    ils, students = koha(library), [a_patron(serial // 4) for serial in range(40)]
    with ThreadPoolExecutor(8) as workers:
        answers = list(workers.map(lambda patron: ils.put(patron, ils_id=None), students))
    assert len({answer.ils_id for answer in answers}) == library.patrons.count() == 10


def test_a_known_patrons_pin_is_left_alone_unless_the_library_had_another_one_drawn(library):
    ils, patron = koha(library), a_patron()
    answer = ils.put(patron, ils_id=None)
    assert isinstance(answer, Accepted)
    other = a_patron(pin="8053", first_name="Ana")
    assert ils.put(other, ils_id=answer.ils_id) == answer
    assert library.patrons.pin_opens(patron.number, "4711")
    before = library.requests
    assert ils.put(other, ils_id=answer.ils_id, new_pin=True) == answer
    assert library.requests - before == 2
    assert library.patrons.pin_opens(patron.number, "8053")
    assert not library.patrons.pin_opens(patron.number, "4711")


def test_a_new_pin_that_was_cut_short_is_set_by_the_next_try(library):
    ils, patron = koha(library), a_patron()
    answer = ils.put(patron, ils_id=None)
    assert isinstance(answer, Accepted)
    for after in (False, True):
        library.suffer(Fault(0, method="POST", path="/patrons/", after=after))
        assert ils.put(a_patron(pin="8053"), ils_id=answer.ils_id, new_pin=True) == Unreachable(SyncReason.NO_ANSWER)
    assert ils.put(a_patron(pin="8053"), ils_id=answer.ils_id, new_pin=True) == answer
    assert library.patrons.pin_opens(patron.number, "8053")


def test_a_new_pin_is_never_set_for_a_patron_without_our_token(library):
    stranger = plant(library, a_stranger())
    answer = koha(library).put(a_patron(pin="8053"), ils_id=str(stranger["patron_id"]), new_pin=True)
    assert answer == Refused(SyncReason.NOT_OURS)
    assert not library.patrons.pin_opens(str(stranger["cardnumber"]), "8053")


def test_repeating_a_put_changes_nothing(library):
    ils, patron = koha(library), a_patron()
    ils_id = ils.put(patron, ils_id=None).ils_id
    held = ours(library, patron.token)
    assert ils.put(patron, ils_id=None) == ils.put(patron, ils_id=ils_id) == Accepted(ils_id)
    assert ours(library, patron.token) == held


@pytest.mark.parametrize("confirm_separate", [True, False])
def test_a_strangers_card_with_the_same_number_is_never_touched(library, confirm_separate):
    stranger = plant(library, a_stranger(cardnumber=a_patron().number))
    answer = koha(library, confirm_separate=confirm_separate).put(a_patron(), ils_id=None)
    assert answer == Refused(SyncReason.CARD_NUMBER_TAKEN)
    assert whole(library, stranger["patron_id"]) == stranger
    assert library.patrons.count() == 1


def test_a_stranger_with_the_same_login_name_is_never_touched(library):
    stranger = plant(library, a_stranger(userid=a_patron().number))
    assert koha(library).put(a_patron(), ils_id=None) == Refused(SyncReason.LOGIN_NAME_TAKEN)
    assert whole(library, stranger["patron_id"]) == stranger


def test_somebody_with_the_same_name_and_birth_date_is_a_question_to_the_library(library):
    stranger = plant(library, a_stranger(surname=a_patron().last_name, firstname=a_patron().first_name))
    assert koha(library).put(a_patron(), ils_id=None) == Refused(SyncReason.POSSIBLE_EXISTING_PATRON)
    assert library.patrons.count() == 1
    assert whole(library, stranger["patron_id"]) == stranger


def test_where_the_agreement_says_separate_a_namesake_gets_a_card_of_its_own(library):
    stranger = plant(library, a_stranger(surname=a_patron().last_name, firstname=a_patron().first_name))
    assert isinstance(koha(library, confirm_separate=True).put(a_patron(), ils_id=None), Accepted)
    assert len(ours(library, a_patron().token)) == 1
    assert whole(library, stranger["patron_id"]) == stranger


def test_who_was_set_apart_from_a_namesake_gets_a_card_of_its_own_whatever_the_agreement_says(library):
    stranger = plant(library, a_stranger(surname=a_patron().last_name, firstname=a_patron().first_name))
    assert isinstance(koha(library).put(a_patron(separate=True), ils_id=None), Accepted)
    assert len(ours(library, a_patron().token)) == 1
    assert whole(library, stranger["patron_id"]) == stranger


def test_a_namesake_whose_number_is_taken_as_well_is_refused_for_the_number(library):
    plant(library, a_stranger(surname=a_patron().last_name, firstname=a_patron().first_name, cardnumber=a_patron().number))
    assert koha(library, confirm_separate=True).put(a_patron(), ils_id=None) == Refused(SyncReason.CARD_NUMBER_TAKEN)


def test_an_update_changes_what_the_school_owns_and_nothing_else(library):
    ils, patron = koha(library), a_patron()
    ils_id = ils.put(patron, ils_id=None).ils_id
    held = whole(library, int(ils_id))
    by_the_family = {key: value for key, value in held.items() if key not in {"restricted", "anonymized"}} | {
        "email": "family@example.org",
        "userid": "anais",
        "preferred_name": "Ana",
        "staff_notes": "likes dinosaurs",
        "extended_attributes": [*held["extended_attributes"], {"type": "SHELF", "value": "7"}],
    }
    assert library.patrons.replace(int(ils_id), by_the_family).status == 200
    library.patrons.set_pin(int(ils_id), {"password": "her own", "password_2": "her own"})

    assert ils.put(
        a_patron(last_name="Quispe Vda.", preferred_name="Anita", branch="WEST", expires_on=date(2028, 9, 15)), ils_id=ils_id
    ) == Accepted(ils_id)

    now = whole(library, int(ils_id))
    assert (now["surname"], now["library_id"], now["expiry_date"]) == ("Quispe Vda.", "WEST", "2028-09-15")
    assert (now["email"], now["userid"], now["preferred_name"], now["staff_notes"]) == (
        "family@example.org",
        "anais",
        "Ana",
        "likes dinosaurs",
    )
    assert {mark["type"]: mark["value"] for mark in now["extended_attributes"]} == {ATTRIBUTE: patron.token, "SHELF": "7"}
    assert library.patrons.pin_opens(patron.number, "her own")


def test_an_update_never_touches_a_patron_without_our_token(library):
    stranger = plant(library, a_stranger())
    ils = koha(library)
    assert ils.put(a_patron(), ils_id=str(stranger["patron_id"])) == Refused(SyncReason.NOT_OURS)
    assert ils.put(a_patron(), ils_id="../patrons") == Refused(SyncReason.NOT_OURS)
    assert whole(library, stranger["patron_id"]) == stranger


def test_a_patron_that_the_library_deleted_is_not_created_again_by_itself(library):
    ils = koha(library)
    ils_id = ils.put(a_patron(), ils_id=None).ils_id
    library.patrons.delete(int(ils_id))
    assert ils.put(a_patron(), ils_id=ils_id) == Refused(SyncReason.PATRON_GONE)
    assert library.patrons.count() == 0


def test_no_changes_is_as_good_as_changed(library):
    ils = koha(library)
    ils_id = ils.put(a_patron(), ils_id=None).ils_id
    library.suffer(Fault(204, method="PUT", after=True))
    assert ils.put(a_patron(branch="WEST"), ils_id=ils_id) == Accepted(ils_id)


def test_an_update_to_a_number_that_somebody_has_is_refused(library):
    ils = koha(library)
    ils_id = ils.put(a_patron(), ils_id=None).ils_id
    plant(library, a_stranger(cardnumber="555"))
    assert ils.put(a_patron(number="555"), ils_id=ils_id) == Refused(SyncReason.CARD_NUMBER_TAKEN, ils_id)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"branch": "NOWHERE"}, SyncReason.UNKNOWN_BRANCH),
        ({"patron_type": "NOBODY"}, SyncReason.UNKNOWN_PATRON_TYPE),
    ],
)
def test_a_code_that_the_library_lacks_is_named_by_its_reason(library, changes, reason):
    assert koha(library).put(a_patron(**changes), ils_id=None) == Refused(reason)
    assert library.patrons.count() == 0


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        ({}, SyncReason.UNKNOWN_ATTRIBUTE_TYPE),
        ({ATTRIBUTE: AttributeType(unique=True), "SCHOOL": AttributeType(mandatory=True)}, SyncReason.MISSING_ATTRIBUTE),
    ],
)
def test_attributes_that_the_library_set_up_otherwise_are_named_by_their_reason(tmp_path, kinds, reason):
    with StandIn(the_rules(attribute_types=kinds), tmp_path / "p", now=that_day) as library:
        assert koha(library).put(a_patron(), ils_id=None) == Refused(reason)
        assert library.patrons.count() == 0


def test_a_pin_that_breaks_the_librarys_rule_leaves_a_patron_that_a_better_pin_completes(tmp_path):
    with StandIn(the_rules(pin_length=6), tmp_path / "p", now=that_day) as library:
        ils = koha(library)
        refused = ils.put(a_patron(), ils_id=None)
        (held,) = ours(library, a_patron().token)
        assert refused == Refused(SyncReason.PIN_REFUSED)
        assert ils.put(a_patron(pin="471147"), ils_id=None) == Accepted(str(held["patron_id"]))
        assert library.patrons.pin_opens(a_patron().number, "471147")


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault(503, times=9, retry_after=30), Unreachable(SyncReason.UNDER_MAINTENANCE, 30.0)),
        (Fault(429, times=9, retry_after=7), Unreachable(SyncReason.TOO_MANY_REQUESTS, 7.0)),
        (Fault(500, times=9), Unreachable(SyncReason.ILS_FAILED)),
        (Fault(403, times=9, path="/patrons"), Unreachable(SyncReason.NOT_PERMITTED)),
        (Fault(404, times=9, path="/patrons"), Unreachable(SyncReason.ENDPOINT_NOT_FOUND)),
        (Fault(302, times=9, path="/patrons"), Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)),
        (Fault(200, times=9, path="/patrons"), Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)),
        (Fault(401, times=9, path="/patrons"), Unreachable(SyncReason.CREDENTIALS_REFUSED)),
        (Fault(0, times=9), Unreachable(SyncReason.NO_ANSWER)),
    ],
)
def test_what_says_nothing_about_the_patron_is_for_the_queue_to_try_again(library, fault, answer):
    library.suffer(fault)
    assert koha(library).put(a_patron(), ils_id=None) == answer


def test_wrong_credentials_condemn_no_patron(library):
    assert koha(library, secret="an old one").put(a_patron(), ils_id=None) == Unreachable(SyncReason.CREDENTIALS_REFUSED)


def test_a_library_that_is_not_there_is_unreachable(library):
    ils = koha(library)
    library.close()
    assert ils.put(a_patron(), ils_id=None) == Unreachable(SyncReason.NO_ANSWER)


def test_a_token_that_ran_out_is_replaced_once_and_the_work_goes_on(library):
    ils = koha(library)
    ils.put(a_patron(1), ils_id=None)
    library.expire_tokens()
    before = library.requests
    assert isinstance(ils.put(a_patron(2), ils_id=None), Accepted)
    assert library.requests - before == 4  # refused, token, patron, PIN


def test_a_token_is_used_until_shortly_before_its_end(library):
    seconds = [0.0]
    ils = koha(library, clock=lambda: seconds[0])
    ils.put(a_patron(1), ils_id=None)
    before = library.requests
    seconds[0] = 3539.0
    ils.put(a_patron(2), ils_id=None)
    assert library.requests - before == 2
    seconds[0] = 3541.0
    ils.put(a_patron(3), ils_id=None)
    assert library.requests - before == 5


@pytest.mark.parametrize(
    "endpoint", ["http://koha.example.org/api/v1", "ftp://127.0.0.1/", "koha.example.org", "https://me:pw@koha.example.org", ""]
)
def test_an_endpoint_that_would_send_names_in_clear_is_not_accepted(endpoint):
    from firstcard.adapters.koha import KohaIls

    with pytest.raises(ValueError, match="must be an https address"):
        KohaIls(endpoint, "a", "b", token_attribute="T", http=PoolManager(), confirm_separate=False)
