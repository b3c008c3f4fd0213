"""Claims about asking a Koha for the library's own patrons."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from firstcard.agreement import PATRON_FIELDS
from firstcard.extract import PatronReading
from firstcard.ils import PatronPage, Refused, SyncReason, Unreachable
from firstcard.roster import Reason
from firstcard.run.gathering import PATIENCE, gather_patrons
from local.ils.stand_in import StandIn
from tests.unit.extract.builders import TODAY, a_clause, rows_of

from .builders import a_stranger, koha, plant, that_day, the_rules

SECRET_WORDS = ("has a library bag", "WEST", "ADULT", "2030-01-01")
"""What nobody asked for."""


@pytest.fixture
def exchanges(tmp_path: Path) -> Path:
    return tmp_path / "exchanges.jsonl"


@pytest.fixture
def library(tmp_path: Path, exchanges: Path) -> Iterator[StandIn]:
    with StandIn(the_rules(duplicate_rule=()), tmp_path / "patrons", exchanges=exchanges, now=that_day) as library:
        yield library


def planted(library: StandIn, count: int) -> None:
    for number in range(count):
        plant(library, a_stranger(cardnumber=f"2111100{number:07d}", userid=f"patron{number}"))


def gathered(library: StandIn, fields: Sequence[str] = PATRON_FIELDS) -> tuple[PatronReading, list[float]]:
    rests: list[float] = []
    reading = gather_patrons(koha(library), a_clause(fields=list(fields)), TODAY, requests_per_second=20, rest=rests.append)
    assert isinstance(reading, PatronReading), reading
    return reading, rests


def test_a_patron_has_the_fields_of_the_clause_in_our_words(library: StandIn) -> None:
    more = {"middle_name": "A.", "street_number": "12", "address": "Elm St", "postal_code": "32202", "mobile": "+1 904 555 0100"}
    number = plant(library, a_stranger(**more))["patron_id"]
    reading, _ = gathered(library)
    assert rows_of(reading) == [
        {
            "patron_id": str(number),
            "barcode": "21111000012345",
            "first_name": "Ngozi",
            "middle_name": "A.",
            "last_name": "Okafor",
            "suffix": "",
            "birth_date": "2015-03-04",
            "street": "12 Elm St",
            "postal_code": "32202",
            "phone": "+1 904 555 0100",
            "email": "family@example.org",
            "blocked": "no",
        }
    ]
    assert reading.warnings == ()


@pytest.mark.parametrize("change", [{"patron_card_lost": True}, {"incorrect_address": True}, {"debt": 0.25}])
def test_who_is_blocked_or_owes_money_is_blocked(library: StandIn, change: Mapping[str, float]) -> None:
    number = plant(library, a_stranger(**{name: value for name, value in change.items() if name != "debt"}))["patron_id"]
    library.patrons.lend(number, debt=change.get("debt", 0.0))
    assert rows_of(gathered(library)[0])[0]["blocked"] == "yes"


def test_what_is_not_agreed_goes_no_further_and_money_is_not_asked_for(library: StandIn, exchanges: Path) -> None:
    planted(library, 3)
    fields = ("patron_id", "first_name", "last_name", "birth_date")
    page = koha(library).patrons_after(0, fields)
    assert isinstance(page, PatronPage)
    assert [set(patron) for patron in page.patrons] == [set(fields)] * 3
    assert not any(word in repr(list(page.patrons)) for word in (*SECRET_WORDS, "family@example.org", "2111100"))
    assert "Ngozi" not in repr(page)
    assert "account_balance" not in exchanges.read_text()


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 430])
def test_every_patron_is_asked_for_once_at_the_librarys_pace(library: StandIn, count: int) -> None:
    planted(library, count)
    reading, rests = gathered(library)
    assert reading.count == count
    assert len(set(reading.columns["patron_id"])) == count
    assert rests == [1 / 20] * (-(-count // 200))


def test_a_patron_deleted_meanwhile_hides_nobody(library: StandIn) -> None:
    planted(library, 205)
    ils = koha(library)
    first = ils.patrons_after(0, ("patron_id",))
    assert isinstance(first, PatronPage)
    library.patrons.delete(int(first.patrons[0]["patron_id"]))
    second = ils.patrons_after(first.last, ("patron_id",))
    assert isinstance(second, PatronPage)
    assert (len(first.patrons), len(second.patrons)) == (200, 5)


def test_an_organisation_without_a_first_name_is_left_out_and_counted(library: StandIn) -> None:
    plant(library, a_stranger(firstname=None, cardnumber="1", userid="one"))
    plant(library, a_stranger(cardnumber="2", userid="two"))
    reading, _ = gathered(library)
    assert (reading.rows, reading.count, dict(reading.rejected_rows)) == (2, 1, {Reason.MISSING_REQUIRED: 1})


class Answering:
    """An ILS that gives prepared answers."""

    def __init__(self, *answers: PatronPage | Refused | Unreachable) -> None:
        self._answers = list(answers)

    def patrons_after(self, number: int, fields: Sequence[str]) -> PatronPage | Refused | Unreachable:
        return self._answers.pop(0)


ONE = PatronPage([{"patron_id": "7", "first_name": "Ana", "last_name": "Oak", "birth_date": "1990-01-01"}], 7)
END = PatronPage([], 0)


def of(*answers: PatronPage | Refused | Unreachable) -> tuple[PatronReading | Refused | Unreachable, list[float]]:
    rests: list[float] = []
    return gather_patrons(Answering(*answers), a_clause(), date(2026, 11, 22), requests_per_second=10, rest=rests.append), rests


def test_an_ils_that_hesitates_is_asked_again_and_as_late_as_it_says() -> None:
    busy, down = Unreachable(SyncReason.TOO_MANY_REQUESTS, 7.0), Unreachable(SyncReason.ILS_FAILED)
    reading, rests = of(busy, ONE, down, down, END)
    assert isinstance(reading, PatronReading)
    assert (reading.count, rests) == (1, [7.0, 0.1, PATIENCE[0], PATIENCE[1]])


def test_half_a_library_is_none() -> None:
    down = Unreachable(SyncReason.NO_ANSWER)
    assert of(ONE, down, down, down, down) == (down, [0.1, *PATIENCE])


@pytest.mark.parametrize(
    "no", [Unreachable(SyncReason.CREDENTIALS_REFUSED), Unreachable(SyncReason.NOT_PERMITTED), Refused(SyncReason.FIELD_REFUSED)]
)
def test_an_ils_that_says_no_is_not_asked_again(no: Refused | Unreachable) -> None:
    assert of(no) == (no, [])


def test_an_ils_that_turns_in_a_circle_is_not_believed(library: StandIn) -> None:
    planted(library, 2)
    page = koha(library).patrons_after(0, ("patron_id",))
    assert isinstance(page, PatronPage)
    reading, _ = of(PatronPage(page.patrons, 0))
    assert isinstance(reading, PatronReading)
