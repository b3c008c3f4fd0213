"""Why a child has no card: each state, and which of several counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firstcard.agreement import Agreement
from firstcard.card.patron import Ownership, Patron, Stamp, State
from firstcard.card.view import IlsState, NoticeMark, OnFile, RecordedNo, TakenBack
from firstcard.ils.reasons import SyncReason
from firstcard.roster import Problem, Reason
from firstcard.roster.reading import EXCLUSIONS, Exclusion
from firstcard.run.ledger import Arrival, Run, Status
from firstcard.run.why import Answer, Code, Facts, InFile, Whom, as_plain, why
from tests.unit.agreement.builders import an_agreement
from tests.unit.run.builders import AT, BUCKET

NOW = datetime.fromisoformat(AT)
STAMP = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "1" * 24, AT)
NO = RecordedNo("family", AT)
ROW = Problem("roster.csv", 7, "grade", Reason.BAD_GRADE)


def a_patron(state: State = State.ACTIVE, **changes: Any) -> Patron:
    common = {"sharing": "oak.pine", "agreement": "dsa-pine-oak-2026", "library": "oak", "district": "pine", "run_id": "1" * 24, "at": AT}
    own = {"token": "t", "role": "student", "state": state, "version": 2, "household": "h", "card_token": "c", "fingerprint": "f"}
    return Patron(**common | own | changes)  # type: ignore[arg-type]


def an_ils(state: str, version: int = 2, reason: str = "") -> IlsState:
    return IlsState("t", "student", "h", state, version, "77", reason, STAMP)


def told(at: str = AT, state: str = "sent") -> NoticeMark:
    return NoticeMark("h", "announcement", "t", state, "m", STAMP, told_at=at)


def a_run(status: Status = Status.APPLIED, **changes: Any) -> Run:
    arrival = Arrival("1" * 24, "pine", BUCKET, "incoming/roster.csv", "v", 1, AT, attempt=changes.pop("attempt", 1))
    return Run(arrival, status, **{"sharing": "oak.pine", "plan_hash": "p"} | changes)


def a_file(status: Status = Status.APPLIED, *, run: dict[str, Any] | None = None, **said: Any) -> InFile:
    return InFile(a_run(status, **run or {}), **said)


def asked(*files: InFile, agreement: Agreement | None = None, suspended: bool = False, now: datetime = NOW, **on_file: Any) -> Answer:
    return why(Facts(agreement or an_agreement(), now, suspended, OnFile(**on_file), files))


HAS = {"patron": a_patron(), "ils": an_ils("in_ils")}
ILS_SAID_NO = {"patron": a_patron(), "ils": an_ils("failed", reason="card_number_taken")}
WAITS = {"patron": a_patron(State.WAITING), "announcement": told()}
REJECTED, EXCLUDED = a_file(problems=(ROW,)), a_file(excluded=Exclusion.OTHER_SCHOOL)


BACK = TakenBack("t" * 32, AT, "district", AT[:10], "e", NO)


def test_every_state_has_its_code() -> None:
    assert {
        Code.HAS_CARD: asked(**HAS),
        Code.REFUSED: asked(no=NO),
        Code.TAKEN_BACK: asked(patron=a_patron(State.REFUSED), taken_back=BACK),
        Code.AGREEMENT_STOPPED: asked(suspended=True),
        Code.REFUSED_BY_ILS: asked(**ILS_SAID_NO),
        Code.ON_THE_WAY: asked(patron=a_patron()),
        Code.NO_ADDRESS: asked(patron=a_patron(State.WAITING, household="")),
        Code.NOT_TOLD: asked(patron=a_patron(State.WAITING)),
        Code.BOUNCED: asked(**WAITS, bounced_at=AT),
        Code.NO_YES: asked(agreement=an_agreement(without=("basis.choice.window_days",), basis={"choice": {"mode": "opt_in"}}), **WAITS),
        Code.WINDOW: asked(**WAITS),
        Code.HELD: asked(a_file(Status.HELD, planned=True)),
        Code.NOT_APPROVED: asked(a_file(Status.REJECTED, planned=True)),
        Code.RUN_FAILED: asked(a_file(Status.STOPPED, planned=True)),
        Code.ROW_REJECTED: asked(REJECTED),
        Code.NUMBER_TAKEN: asked(a_file(planned=True, number_taken=True)),
        Code.NOT_IN_ROLLOUT: asked(EXCLUDED),
        Code.IN_DOUBT: asked(a_file(in_doubt=True)),
        Code.SERVED: asked(a_file(served=True)),
        Code.LEFT: asked(a_file(), patron=a_patron(State.EXPIRED)),
        Code.BEING_READ: asked(a_file(Status.ADMITTED, run={"plan_hash": ""})),
        Code.NO_ROSTER: asked(),
        Code.NOT_IN_ROSTER: asked(a_file()),
        Code.NOT_KEPT: asked(a_file(kept=False)),
        Code.ID_REUSED: asked(a_file(planned=True, problems=(replace(ROW, reason=Reason.ID_REUSED),)), **HAS),
    }.keys() == set(Code)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        # 1. a recorded no wins over everything
        (asked(**HAS, no=NO), Code.REFUSED),
        (asked(**ILS_SAID_NO, no=NO), Code.REFUSED),
        (asked(**WAITS, no=NO), Code.REFUSED),
        (asked(suspended=True, no=NO), Code.REFUSED),
        (asked(REJECTED, no=NO), Code.REFUSED),
        (asked(patron=a_patron(State.REFUSED), ils=an_ils("in_ils")), Code.REFUSED),
        (asked(a_file(Status.HELD, planned=True, refused=True)), Code.REFUSED),
        # or one that was taken back, until a file comes after it
        (asked(patron=a_patron(State.REFUSED), ils=an_ils("ended"), taken_back=BACK), Code.TAKEN_BACK),
        (asked(a_file(planned=True, refused=True), taken_back=BACK), Code.TAKEN_BACK),
        (asked(no=NO, taken_back=BACK), Code.REFUSED),
        (asked(**HAS, taken_back=BACK), Code.HAS_CARD),
        (asked(**WAITS, taken_back=BACK), Code.WINDOW),
        # 2. then a card that is there
        (asked(suspended=True, **HAS), Code.HAS_CARD),
        (asked(REJECTED, **HAS), Code.HAS_CARD),
        # 3. then an agreement that stands still
        (asked(suspended=True, **ILS_SAID_NO), Code.AGREEMENT_STOPPED),
        (asked(suspended=True, **WAITS), Code.AGREEMENT_STOPPED),
        (asked(REJECTED, suspended=True), Code.AGREEMENT_STOPPED),
        # 4. and 5. a patron that lives is not explained by a file
        (asked(REJECTED, **ILS_SAID_NO), Code.REFUSED_BY_ILS),
        (asked(EXCLUDED, **WAITS), Code.WINDOW),
        # 6. the newest file that says something, before having left
        (asked(REJECTED, patron=a_patron(State.EXPIRED)), Code.ROW_REJECTED),
        (asked(a_file(Status.HELD, planned=True), patron=a_patron(State.EXPIRED)), Code.HELD),
        (asked(a_file(Status.HELD, planned=True), REJECTED), Code.HELD),
        (asked(a_file(Status.HELD), REJECTED), Code.ROW_REJECTED),
        (asked(a_file(Status.REJECTED), EXCLUDED), Code.NOT_IN_ROLLOUT),
        (asked(a_file(Status.ISSUING), REJECTED), Code.NOT_IN_ROSTER),
        (asked(a_file(Status.ADMITTED, run={"plan_hash": ""}), REJECTED), Code.ROW_REJECTED),
        (asked(a_file(Status.REJECTED, run={"plan_hash": "", "reason": "PGP_NO_KEY"}), a_file()), Code.NOT_IN_ROSTER),
        # 7.
        (asked(a_file(Status.ADMITTED, run={"plan_hash": ""}), a_file(), patron=a_patron(State.EXPIRED)), Code.BEING_READ),
    ],
)
def test_of_several_things_that_are_so_the_documented_first_counts(answer: Answer, code: Code) -> None:
    assert answer.code is code


@pytest.mark.parametrize("status", [Status.REJECTED, Status.STOPPED])
def test_a_no_in_a_file_that_is_not_applied_is_not_on_record(status: Status) -> None:
    assert asked(a_file(status, planned=True, refused=True)).code is not Code.REFUSED


@pytest.mark.parametrize(
    ("ils", "code"),
    [(an_ils("in_ils", 1), Code.HAS_CARD), (an_ils("failed", 1, "no_answer"), Code.ON_THE_WAY), (an_ils("ended", 1), Code.ON_THE_WAY)],
)
def test_what_the_ils_said_of_an_older_version_counts_as_a_card_only_if_it_was_one(ils: IlsState, code: Code) -> None:
    assert asked(patron=a_patron(), ils=ils).code is code


def a_linked_one(state: State = State.ACTIVE, **changes: Any) -> Patron:
    return a_patron(state, ownership=Ownership.LINKED, card_token="", existing="77", **changes)


def test_a_familys_own_card_is_a_card_once_it_is_linked() -> None:
    own = asked(patron=a_linked_one(), ils=an_ils("in_ils"))
    assert (own.code, own.has_card) == (Code.HAS_CARD, True)
    assert "a card: the family's own" in own.sentence
    assert "not for the school to know" in own.advice
    assert "77" not in str(as_plain(own, an_agreement()))


def test_a_familys_own_card_that_is_not_linked_yet_is_on_the_way() -> None:
    answer = asked(patron=a_linked_one())
    assert (answer.code, "is being linked" in answer.sentence) == (Code.ON_THE_WAY, True)


def test_a_familys_own_card_that_could_not_be_linked_says_so_in_words() -> None:
    answer = asked(patron=a_linked_one(), ils=an_ils("failed", reason="existing_card_blocked"))
    assert answer.code is Code.REFUSED_BY_ILS
    assert "could not be linked" in answer.sentence
    assert "restricted, expired" in answer.sentence
    assert "is made, but" not in answer.sentence


def test_a_card_in_place_of_a_wrong_link_is_on_its_way_until_the_ils_names_it() -> None:
    patron = a_patron(State.ACTIVE, mistaken=("77",))
    assert asked(patron=patron, ils=replace(an_ils("in_ils"), ils_id="77")).code is Code.ON_THE_WAY
    assert asked(patron=patron, ils=replace(an_ils("in_ils"), ils_id="78")).code is Code.HAS_CARD


def test_a_linked_card_that_is_blocked_says_that_it_does_not_work() -> None:
    answer = asked(patron=a_linked_one(), ils=an_ils("in_ils", reason="existing_card_blocked"))
    assert (answer.code, "does not work now" in answer.sentence) == (Code.HAS_CARD, True)


def test_a_linked_card_that_could_not_be_renewed_says_so_and_works() -> None:
    answer = asked(patron=a_linked_one(), ils=an_ils("in_ils", reason="renewal_refused"))
    assert (answer.code, "does not work now" in answer.sentence) == (Code.HAS_CARD, False)
    assert "student card. The family's own card is linked, but the ILS did not take a later expiry date for it." in answer.sentence
    assert answer.advice.startswith("Renew the card in the ILS by hand")


def test_a_familys_own_card_does_not_end_when_its_owner_leaves() -> None:
    own = asked(a_file(), patron=a_linked_one(State.EXPIRED, issued_at=AT))
    assert own.code is Code.LEFT
    assert "stays as it is" in own.sentence
    assert "grace" not in own.sentence


def test_the_window_ends_at_the_very_moment_at_which_the_card_is_made() -> None:
    moment = NOW + timedelta(days=14)
    assert asked(**WAITS, now=moment - timedelta(seconds=1)).code is Code.WINDOW
    assert asked(**WAITS, now=moment).code is Code.ON_THE_WAY
    assert asked(**WAITS).details["until"] == moment.isoformat()


@pytest.mark.parametrize(
    ("day", "word"), [("2026-07-31", "not in force before 2026-08-01"), ("2027-08-01", "ended on 2027-07-31")], ids=["before", "after"]
)
def test_an_agreement_out_of_its_term_says_since_when(day: str, word: str) -> None:
    assert word in asked(now=datetime.fromisoformat(day).replace(tzinfo=UTC)).sentence


@pytest.mark.parametrize("attempt", [1, 3])
def test_a_failed_run_is_on_its_way_as_long_as_it_is_tried_again(attempt: int) -> None:
    said = asked(a_file(Status.FAILED, planned=True, run={"attempt": attempt}))
    assert said.code is (Code.RUN_FAILED if attempt == 3 else Code.ON_THE_WAY)


@pytest.mark.parametrize("reason", SyncReason)
def test_every_reason_of_the_ils_has_its_sentence_and_advice(reason: SyncReason) -> None:
    said = asked(patron=a_patron(), ils=an_ils("failed", reason=str(reason)))
    assert (said.code, said.details["reason"], said.whom) == (Code.REFUSED_BY_ILS, str(reason), Whom.LIBRARY)
    assert str(reason) not in said.sentence


def test_a_reason_that_a_later_release_gave_is_shown_as_it_is() -> None:
    assert "moon_phase" in asked(patron=a_patron(), ils=an_ils("failed", reason="moon_phase")).sentence


@pytest.mark.parametrize("group", Exclusion)
def test_every_group_outside_the_roll_out_is_named(group: Exclusion) -> None:
    said = asked(a_file(excluded=group))
    assert EXCLUSIONS[group] in said.sentence
    assert said.details["group"] == str(group)


def test_warnings_are_no_rejection() -> None:
    warning = replace(ROW, reason=Reason.BAD_EMAIL)
    assert asked(a_file(problems=(warning,))).code is Code.NOT_IN_ROSTER


def test_an_answer_tells_only_where_the_card_stands() -> None:
    sealed = {"card": b"sealed number", "pin": b"sealed pin"}
    patron = a_patron(card_token="tokenofcard", household="householdtoken", fingerprint="printofrow", sealed=sealed)
    for on_file in ({"ils": an_ils("in_ils")}, {}, {"ils": an_ils("failed", reason="pin_refused")}, {"no": NO}):
        said = repr(as_plain(asked(patron=patron, **on_file), an_agreement()))
        for kept in ("tokenofcard", "householdtoken", "printofrow", "sealed", "'77'"):
            assert kept not in said


def test_who_can_do_something_is_named_with_an_address() -> None:
    agreement = an_agreement()
    assert as_plain(asked(REJECTED), agreement)["ask"] == {
        "who": "district",
        "name": "Pine Public Schools",
        "email": ", ".join(agreement.notices.receipt_to),
    }
    library = as_plain(asked(a_file(Status.HELD, planned=True)), agreement)["ask"]
    assert isinstance(library, dict)
    assert library["email"] == agreement.notices.contact.email
    assert as_plain(asked(**WAITS), agreement)["ask"] == {"who": "nobody"}


def test_a_rejected_row_that_came_with_an_earlier_file_has_no_line() -> None:
    said = asked(a_file(problems=(replace(ROW, line=-3),))).sentence
    assert f"an earlier file's {ROW.file}" in said
    assert "line" not in said.partition(")")[0]


@pytest.mark.parametrize(
    ("state", "hours", "details"),
    [
        ("in_ils", 1, {"due": (NOW + timedelta(hours=24)).isoformat(), "overdue": False}),
        ("in_ils", 25, {"due": (NOW + timedelta(hours=24)).isoformat(), "overdue": True}),
        ("ended", 25, {"in_effect_at": AT, "due": (NOW + timedelta(hours=24)).isoformat()}),
        ("failed", 25, {}),
    ],
)
def test_a_no_says_when_it_took_effect_or_by_when_it_is_to(state: str, hours: int, details: dict[str, object]) -> None:
    said = asked(no=NO, ils=an_ils(state), patron=a_patron(State.REFUSED), now=NOW + timedelta(hours=hours))
    assert {name: said.details[name] for name in said.details if name not in ("way", "since")} == details
    assert ("by hand" in said.advice) is bool(details.get("overdue"))
