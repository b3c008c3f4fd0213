"""What went wrong in other loaders must not go wrong here."""

import logging

from firstcard.ils import Accepted, SyncReason, Unreachable
from local.ils.stand_in import Fault
from tests.unit.ils.builders import a_patron, a_stranger, koha, ours, plant, whole


def test_a_create_that_failed_three_times_is_done_at_the_fourth(library):
    ils, patron = koha(library), a_patron()
    library.suffer(Fault(500, times=3, method="POST", path="/patrons"))
    answers = [ils.put(patron, ils_id=None) for _ in range(4)]
    assert answers[:3] == [Unreachable(SyncReason.ILS_FAILED)] * 3
    assert isinstance(answers[3], Accepted)
    assert len(ours(library, patron.token)) == 1


def test_a_create_that_failed_counts_as_nothing_but_a_failure(library):
    library.suffer(Fault(500, times=2, method="POST", path="/patrons"))
    ils = koha(library)
    answers = [ils.put(a_patron(serial), ils_id=None) for serial in range(1, 6)]
    assert sum(isinstance(answer, Accepted) for answer in answers) == library.patrons.count() == 3


def test_the_number_of_a_familys_own_card_is_never_replaced_by_the_students(library):
    patron = a_patron()
    namesake = plant(library, a_stranger(surname=patron.last_name, firstname=patron.first_name, email="family@example.org"))
    for confirm_separate in (False, True):
        ils = koha(library, confirm_separate=confirm_separate)
        ils.put(patron, ils_id=None)
        ils.put(a_patron(last_name="Other"), ils_id=None)
    assert whole(library, namesake["patron_id"]) == namesake


def test_nothing_personal_is_logged_or_shown_whatever_happens(library, caplog):
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    patron = a_patron(street="1 School Way")
    shown = [repr(patron), str(patron)]
    plant(library, a_stranger(cardnumber=a_patron(2).number))
    ils = koha(library)
    library.suffer(Fault(0, method="POST", path="/patrons", after=True))
    for one in (patron, patron, a_patron(2), a_patron(3, branch="NOWHERE"), a_patron(4, pin="1")):
        shown.append(repr(ils.put(one, ils_id=None)))
    shown.append(repr(ils.end("1", token=patron.token, on=patron.expires_on)))
    told = caplog.text + "".join(shown)
    for secret in (patron.last_name, patron.first_name, patron.number, "2015-03-04", "School Way", "4711", a_patron(2).number):
        assert secret not in told
    assert caplog.text == ""
