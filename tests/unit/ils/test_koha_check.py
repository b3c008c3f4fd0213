"""The library check: every pair, the token and the PIN tried out, and nothing left behind."""

from datetime import date

from firstcard.ils import SyncReason
from local.ils.rules import AttributeType
from local.ils.stand_in import Fault, StandIn
from tests.unit.ils.builders import ATTRIBUTE, koha, that_day, the_rules

DAY = date(2026, 11, 22)
PAIRS = [("STUDENT", "MAIN"), ("STAFF", "WEST")]


def checked(library, pairs=PAIRS, pin="4711"):
    return koha(library).check(pairs, token="ab" * 16, pin=pin, on=DAY)


def test_a_library_that_is_set_up_passes_and_keeps_no_trial_patron(library):
    verdicts = checked(library)
    assert [(verdict.subject, verdict.passed) for verdict in verdicts] == [
        ("search by token", True),
        ("token kept unique", True),
        ("PIN", True),
        ("patron type STUDENT at branch MAIN", True),
        ("patron type STAFF at branch WEST", True),
    ]
    assert library.patrons.count() == 0


def test_a_pair_that_the_library_lacks_is_named(library):
    verdicts = checked(library, [("STUDENT", "MAIN"), ("STUDENT", "EAST"), ("BABY", "MAIN")])
    assert {v.subject: v.reason for v in verdicts if not v.passed} == {
        "patron type STUDENT at branch EAST": SyncReason.UNKNOWN_BRANCH,
        "patron type BABY at branch MAIN": SyncReason.UNKNOWN_PATRON_TYPE,
    }


def test_an_attribute_type_that_is_not_unique_is_found_out(tmp_path):
    with StandIn(the_rules(attribute_types={ATTRIBUTE: AttributeType()}), tmp_path / "p", now=that_day) as library:
        assert [v.reason for v in checked(library) if not v.passed] == [SyncReason.TOKEN_NOT_UNIQUE]
        assert library.patrons.count() == 0


def test_an_attribute_type_that_is_missing_is_found_out(tmp_path):
    with StandIn(the_rules(attribute_types={}), tmp_path / "p", now=that_day) as library:
        assert {v.reason for v in checked(library)} == {SyncReason.UNKNOWN_ATTRIBUTE_TYPE}


def test_a_pin_of_the_agreements_kind_that_the_library_refuses_is_found_out(library):
    assert [v.subject for v in checked(library, pin="12") if v.reason is SyncReason.PIN_REFUSED] == ["PIN"]


def test_a_trial_patron_that_could_not_be_deleted_is_named(library):
    library.suffer(Fault(403, method="DELETE"))
    verdicts = checked(library, PAIRS[:1])
    assert verdicts[-1].reason is SyncReason.NOT_PERMITTED
    assert [verdict.left_behind for verdict in verdicts if verdict.left_behind] == [
        str(listed["patron_id"]) for listed in library.patrons.listing(page=1, per_page=-1)
    ]


def test_a_library_that_cannot_be_reached_ends_the_check(library):
    library.suffer(Fault(0, times=9))
    assert [(v.subject, v.reason) for v in checked(library)] == [("patron type STUDENT at branch MAIN", SyncReason.NO_ANSWER)]
