"""What the tables promise the features, on DynamoDB's own conditions and limits."""

from dataclasses import replace
from datetime import timedelta

import boto3

from firstcard.card.patron import Stamp
from firstcard.card.view import IlsState, NoticeMark
from firstcard.run.ledger import Status
from firstcard.vault import Intent
from tests.function.builders import CARDS, EVENING, LEDGER, Breaking, Yard, a_roster, everything, household, later, token

STAMP = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "1" * 24, EVENING.isoformat())


def a_mark(number: int, message: str = "m1", kind: str = "card") -> NoticeMark:
    return NoticeMark(household(number), kind, token(number), "claimed", message, STAMP)


class TestClaims:
    """A notice belongs to one message of the queue."""

    def test_a_claim_is_won_once_and_may_be_taken_again_by_its_own_message(self, yard: Yard) -> None:
        assert yard.cards.claim([[a_mark(1)]]) == [True]
        assert yard.cards.claim([[a_mark(1, "m2")]]) == [False]
        assert yard.cards.claim([[a_mark(1)]]) == [True]

    def test_what_was_sent_is_claimed_by_nobody(self, yard: Yard) -> None:
        yard.cards.claim([[a_mark(1)]])
        yard.cards.mark([replace(a_mark(1), state="sent", told_at=STAMP.at)])
        assert yard.cards.claim([[a_mark(1)]]) == [False]

    def test_one_e_mail_is_claimed_whole_or_not_at_all(self, yard: Yard) -> None:
        yard.cards.claim([[a_mark(2)]])
        assert yard.cards.claim([[a_mark(1, "m2"), a_mark(2, "m2")], [a_mark(3, "m2")]]) == [False, True]
        marks = yard.cards.view([], notices=[(household(n), "card", token(n)) for n in (1, 2, 3)]).notices
        assert {key[1] for key in marks} == {token(2), token(3)}

    def test_the_same_notice_twice_in_one_batch_is_won_once(self, yard: Yard) -> None:
        assert yard.cards.claim([[a_mark(1, "m1")], [a_mark(1, "m2")]]) == [True, False]

    def test_more_than_a_transaction_holds_are_all_claimed(self, yard: Yard) -> None:
        assert yard.cards.claim([[a_mark(2 * n), a_mark(2 * n + 1)] for n in range(70)]) == [True] * 70

    def test_two_workers_at_once_win_it_once(self, yard: Yard, breaking: Breaking) -> None:
        other: list[bool] = []
        breaking.before("TransactWriteItems", lambda: other.extend(yard.cards.claim([[a_mark(1, "m2")]])))
        assert sorted([*yard.cards.claim([[a_mark(1)]]), *other]) == [False, True]


class TestPatrons:
    """What is written is what is read."""

    def test_everything_of_a_patron_comes_back(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        (patron,) = yard.cards.standing([token(1)]).patrons.values()
        assert yard.cards.change(replace(patron, version=2))
        assert yard.cards.standing([token(1)]).patrons == {token(1): replace(patron, version=2)}

    def test_a_change_of_an_older_version_is_not_written(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        (patron,) = yard.cards.standing([token(1)]).patrons.values()
        assert yard.cards.change(replace(patron, version=2))
        before = everything(CARDS)
        assert not yard.cards.change(replace(patron, version=2, household="other"))
        assert everything(CARDS) == before

    def test_the_first_refusal_stays(self, yard: Yard) -> None:
        yard.cards.record_refusals([token(1)], by="family", stamp=STAMP)
        before = everything(CARDS)
        yard.cards.record_refusals([token(1), token(1)], by="roster", stamp=replace(STAMP, at=later(days=1).isoformat()))
        assert everything(CARDS) == before

    def test_more_than_a_read_holds_are_all_found(self, yard: Yard) -> None:
        yard.run(a_roster(*range(120)))
        assert len(yard.cards.view([token(n) for n in range(150)]).patrons) == 120

    def test_an_ils_state_comes_back_as_it_was_written(self, yard: Yard) -> None:
        state = IlsState(token(1), "student", "", "failed", 3, "", "no_answer", STAMP)
        yard.cards.record_ils([state])
        assert yard.cards.view([token(1)]).ils == {token(1): state}

    def test_nothing_in_the_table_names_anybody(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        stored = "\n".join(everything(CARDS) + everything(LEDGER))
        for value in ("Ada", "Pineb", "100001", "904000100001", "2016-05-04", "family1@example.org"):
            assert value not in stored


class TestLedger:
    """Every change is conditional on what was read."""

    def test_a_run_is_admitted_once(self, yard: Yard) -> None:
        arrival = yard.drop(a_roster(1))
        assert yard.ledger.admit(arrival, sharing="oak.pine")
        yard.ledger.move(arrival.run_id, Status.READY, when=(Status.ADMITTED,), plan_hash="a" * 64)
        assert not yard.ledger.admit(arrival, sharing="oak.pine")
        assert yard.known(arrival).plan_hash == "a" * 64

    def test_a_move_from_another_status_or_of_another_plan_changes_nothing(self, yard: Yard) -> None:
        arrival = yard.admitted(a_roster(1))
        yard.ledger.move(arrival.run_id, Status.HELD, when=(Status.ADMITTED,), plan_hash="a" * 64)
        before = everything(LEDGER)
        assert not yard.ledger.move(arrival.run_id, Status.READY, when=(Status.ADMITTED,))
        assert not yard.ledger.move(arrival.run_id, Status.APPROVED, when=(Status.HELD,), of_plan="b" * 64)
        assert everything(LEDGER) == before

    def test_an_unknown_run_cannot_be_moved(self, yard: Yard) -> None:
        assert not yard.ledger.move("0" * 24, Status.READY, when=tuple(Status))
        assert yard.ledger.run("0" * 24) is None

    def test_each_outcome_is_mailed_until_it_was_sent(self, yard: Yard) -> None:
        arrival = yard.admitted(a_roster(1))
        assert [yard.ledger.claim_mail(arrival.run_id, event, held=False) for event in ("e1", "e1")] == [True, True]
        yard.ledger.mail_sent(arrival.run_id, "e1", held=False)
        assert not yard.ledger.claim_mail(arrival.run_id, "e1", held=False)
        assert yard.ledger.claim_mail(arrival.run_id, "e2", held=False), "another outcome of the same run"
        assert yard.ledger.claim_mail(arrival.run_id, "m2", held=True)

    def test_a_content_is_claimed_by_one_run_and_given_back_by_it_alone(self, yard: Yard) -> None:
        assert yard.ledger.claim_content("oak.pine", "c", "run 1")
        assert yard.ledger.claim_content("oak.pine", "c", "run 1")
        yard.ledger.release_content("oak.pine", "c", "run 2")
        assert not yard.ledger.claim_content("oak.pine", "c", "run 2")
        assert yard.ledger.claim_content("oak.fir", "c", "run 2")
        yard.ledger.release_content("oak.pine", "c", "run 1")
        assert yard.ledger.claim_content("oak.pine", "c", "run 2")

    def test_an_intent_says_what_why_and_who_and_never_overwrites_another(self, yard: Yard) -> None:
        intent = Intent("oak.pine", "run-00000", "card", "sync_ils")
        for nonce in ("a", "b"):
            yard.ledger.declare(intent, role="firstcard-sync", at=EVENING, nonce=nonce)
        yard.ledger.declare(intent, role="firstcard-sync", at=EVENING + timedelta(seconds=1), nonce="a")
        items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
        assert len(items) == 3
        assert {(i["purpose"]["S"], i["group"]["S"], i["object"]["S"], i["role"]["S"]) for i in items} == {
            ("sync_ils", "card", "run-00000", "firstcard-sync")
        }
