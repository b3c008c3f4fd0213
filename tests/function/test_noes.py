"""``firstcard noes``: the urgent list, what a person ended by hand, and who may take a no back."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app
from firstcard.card.patron import Ownership, Stamp, release
from firstcard.card.view import IlsState
from firstcard.ils.answer import Accepted
from firstcard.ils.sync import sync_patrons
from firstcard.run.honouring import Honouring
from firstcard.run.undoing import ENTITLED, TakenBackBy, Undoer, Undone
from functions.attest import handler as attest
from functions.destroy import handler as destroy
from functions.honour import handler as honour
from tests.function.builders import (
    CARDS,
    EVENING,
    LEDGER,
    Breaking,
    KilledError,
    Yard,
    a_roster,
    csv_content,
    dies,
    everything,
    household,
    later,
    token,
)
from tests.function.calling import a_context
from tests.function.explaining import asked, calls_go_to_the_handler
from tests.function.test_told import letters_went_home, over, tell
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

STAMP = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "1" * 24, EVENING.isoformat())
NAME = "Ann Example/registrar"


def said_at(moment: datetime) -> Stamp:
    return replace(STAMP, at=moment.isoformat())


def ils(yard: Yard, number: int, state: str, *, at: datetime, ils_id: str = "", version: int | None = None, reason: str = "") -> None:
    patron = yard.cards.standing([token(number)]).patrons[token(number)]
    known = IlsState(patron.token, "student", patron.household, state, version or patron.version, ils_id, reason, said_at(at))
    yard.cards.record_ils([known])


@pytest.fixture
def cards(yard: Yard) -> Yard:
    """Children 1 to 4 have cards in the library's system, 5 waits."""
    yard.run(a_roster(1, 2, 3, 4, 5))
    patrons = yard.cards.standing([token(n) for n in range(1, 6)]).patrons
    for n in range(1, 5):
        assert yard.cards.change(release(patrons[token(n)], at=later(days=14).isoformat()))
        ils(yard, n, "in_ils", at=later(days=14), ils_id=str(100 + n))
    return yard


def no(yard: Yard, number: int, at: datetime, by: str = "family") -> None:
    yard.cards.refuse([token(number)], by=by, stamp=said_at(at))


def listing(yard: Yard) -> Honouring:
    return Honouring(yard.cards, "oak", yard.site.of_sharing)


def tokens(said: dict[str, Any]) -> list[str]:
    return [row["token"] for row in said["noes"]]


class TestTheUrgentList:
    def test_has_every_card_that_is_not_ended_oldest_first_and_how_to_find_it(self, cards: Yard) -> None:
        no(cards, 2, later(days=20))
        no(cards, 1, later(days=19), by="roster")
        no(cards, 5, later(days=18))
        [first, second] = listing(cards).open(later(days=20, hours=1))["noes"]
        assert (first["token"], first["ils_id"], first["way"], first["late"]) == (token(1), "101", "roster", True)
        assert (second["token"], second["ils_id"], second["due"], second["late"]) == (token(2), "102", later(days=21).isoformat(), False)
        assert tokens(listing(cards).open(later(days=20, hours=1), late=True)) == [token(1)]

    def test_loses_a_card_when_the_system_has_ended_it_and_not_before(self, cards: Yard) -> None:
        no(cards, 1, later(days=20))
        ils(cards, 1, "failed", at=later(days=20), ils_id="101", reason="not_ours")
        assert [row["reason"] for row in listing(cards).open(later(days=20))["noes"]] == ["not_ours"]
        ils(cards, 1, "ended", at=later(days=20, hours=2), ils_id="101")
        assert tokens(listing(cards).open(later(days=30))) == []

    def test_has_a_leaver_whose_card_has_days_of_grace_until_it_is_ended_for_the_no(self, cards: Yard) -> None:
        ils(cards, 1, "ended", at=later(days=19), ils_id="101")
        no(cards, 1, later(days=20))
        assert tokens(listing(cards).open(later(days=20))) == [token(1)]
        ils(cards, 1, "ended", at=later(days=20, hours=1), ils_id="101")
        assert tokens(listing(cards).open(later(days=20))) == []

    def test_has_a_card_that_the_system_never_confirmed(self, cards: Yard) -> None:
        patron = cards.cards.standing([token(5)]).patrons[token(5)]
        assert cards.cards.change(release(patron, at=later(days=14).isoformat()))
        no(cards, 5, later(days=20))
        assert [(row["token"], row["ils_id"]) for row in listing(cards).open(later(days=20))["noes"]] == [(token(5), "")]

    def test_says_of_a_familys_own_card_to_take_the_token_away_and_no_more(self, cards: Yard) -> None:
        patron = cards.cards.standing([token(1)]).patrons[token(1)]
        assert cards.cards.change(replace(patron, version=patron.version + 1, ownership=Ownership.LINKED, existing="777"))
        no(cards, 1, later(days=20))
        [row] = listing(cards).open(later(days=20))["noes"]
        assert (row["do"], row["ils_id"]) == ("take_token_away", "777")

    def test_names_nobody(self, cards: Yard) -> None:
        no(cards, 1, later(days=20))
        said = json.dumps([listing(cards).open(later(days=20)), listing(cards).every(later(days=20), since=date(2026, 11, 1))])
        for value in ("100001", "Ada", "family1", "@"):
            assert value not in said

    def test_is_of_one_library(self, cards: Yard) -> None:
        no(cards, 1, later(days=20))
        assert tokens(Honouring(cards.cards, "elm", cards.site.of_sharing).open(later(days=20))) == []


class Untouched:
    """A library's system that must not be asked."""

    def end(self, *_: Any, **__: Any) -> Accepted:
        raise AssertionError("a person has ended this card")


def synced(yard: Yard, *numbers: int, system: Any) -> Sequence[str]:
    agreement = yard.site.of_sharing("oak.pine", EVENING.date())
    assert agreement is not None
    again = sync_patrons(
        [token(n) for n in numbers], store=yard.cards, opener=None, ils=system, agreement=agreement, allowed=lambda: True,  # type: ignore[arg-type]
        today=later(days=21).date(), at=later(days=21).isoformat(), seconds_left=lambda: 300.0,
    )  # fmt: skip
    return sorted(again)


class TestACardThatAPersonEnded:
    def test_is_off_the_list_and_sync_asks_for_nothing_more(self, cards: Yard) -> None:
        no(cards, 1, later(days=20))
        with pytest.raises(AssertionError):
            synced(cards, 1, system=Untouched())
        assert listing(cards).done(token(1), by="a.example", now=later(days=20, hours=3)) == "done"
        assert tokens(listing(cards).open(later(days=40))) == []
        assert synced(cards, 1, system=Untouched()) == []

    def test_is_ticked_once_and_keeps_the_first_who_did_it(self, cards: Yard) -> None:
        no(cards, 1, later(days=20))
        listing(cards).done(token(1), by="a.example", now=later(days=20, hours=3))
        before = everything(CARDS)
        assert listing(cards).done(token(1), by="b.example", now=later(days=20, hours=4)) == "done_before"
        assert everything(CARDS) == before

    @pytest.mark.parametrize(("number", "outcome"), [(2, "no_such_no"), (5, "no_card"), (99, "no_such_no")])
    def test_is_one_with_a_no_that_holds_and_a_card(self, cards: Yard, number: int, outcome: str) -> None:
        no(cards, 5, later(days=20))
        before = everything(CARDS)
        assert listing(cards).done(token(number), by="a.example", now=later(days=20)) == outcome
        assert everything(CARDS) == before

    def test_is_none_of_another_librarys(self, cards: Yard) -> None:
        no(cards, 1, later(days=20))
        assert Honouring(cards.cards, "elm", cards.site.of_sharing).done(token(1), by="x", now=later(days=20)) == "no_such_no"

    def test_is_said_by_why(self, cards: Yard) -> None:
        no(cards, 1, later(days=20))
        listing(cards).done(token(1), by="a.example", now=later(days=20, hours=3))
        said = asked(1, at=later(days=25).isoformat())
        assert (said["code"], said["details"]["by_hand"]) == ("refused", True)
        assert "a.example" not in json.dumps(said)


def test_from_the_click_to_the_effect_everything_is_on_the_whole_list(cards: Yard) -> None:
    for number in (1, 2, 3, 4, 5):
        no(cards, number, later(days=20, minutes=number))
    ils(cards, 1, "ended", at=later(days=20, hours=6), ils_id="101")
    ils(cards, 2, "ended", at=later(days=22), ils_id="102")
    listing(cards).done(token(3), by="a.example", now=later(days=20, hours=12, minutes=3))
    said = listing(cards).every(later(days=23), since=later(days=20).date())
    assert [(row["ended"], row["hours"], row["within"]) for row in said["noes"]] == [
        ("by_system", 5.98, True),
        ("by_system", 47.97, False),
        ("by_hand", 12.0, True),
        ("open", None, False),
        ("no_card", None, None),
    ]
    assert said["counts"] == {"no_card": 1, "open": 1, "by_system": 2, "by_hand": 1, "taken_back": 0, "late": 2}
    assert listing(cards).every(later(days=23), since=later(days=21).date())["noes"] == []


def take_back(
    yard: Yard, number: int = 1, *, said_by: str = "district", at: datetime | None = None, day: str = "", allowed: bool = True
) -> Undone:
    moment = at or later(days=21)
    agreement = yard.site.of_sharing("oak.pine", moment.date())
    assert agreement is not None
    event = {"district": "pine", "student": f"{100000 + number}", "said_by": said_by, "by": NAME, "day": day or "2026-12-12"}
    said = TakenBackBy.model_validate(event | {"at": moment.isoformat()})
    return Undoer(yard.cards, yard.ledger, agreement).undo(token(number), said, at=moment, allowed=allowed)


def destroyed(days: float) -> None:
    event = {"detail-type": "Scheduled Event", "time": later(days=days).isoformat().replace("+00:00", "Z")}
    destroy.handler(event, a_context(remaining=600_000))


def half_taken_up(yard: Yard, breaking: Breaking, **changes: str) -> None:
    """A run that dies before it has put on record whom it took up again, and is given up for good."""
    arrival = yard.admitted(a_roster(1, 2, **changes), at=later(days=22), key="incoming/half.csv")
    planned = yard.plan(arrival)
    assert yard.begin(arrival, at=later(days=22)).outcome == "go"
    breaking.before("UpdateItem", dies, about="refusal")
    with pytest.raises(KilledError):
        yard.issue(planned)
    assert yard.states(1) == ["waiting"]
    yard.ledger.suspend("oak.pine", by="ann", at=later(days=22).isoformat())
    assert yard.finish(arrival, at=later(days=22), error=True) == "stopped"
    yard.ledger.resume("oak.pine")


def words() -> list[dict[str, Any]]:
    return [i for i in boto3.client("dynamodb").scan(TableName=LEDGER)["Items"] if i["pk"]["S"].startswith("undone#")]


class TestANoThatIsTakenBack:
    @pytest.fixture
    def agreements(self, request: pytest.FixtureRequest) -> list[dict[str, Any]]:
        content = csv_content("pine", "dsa-pine-oak-2026", "904")
        content["basis"]["choice"]["yes_again"] = getattr(request, "param", "district_or_eligible_student")
        return [content, csv_content("fir", "dsa-fir-oak-2026", "906")]

    @pytest.fixture
    def refused(self, yard: Yard) -> Yard:
        yard.run(a_roster(1, 2))
        no(yard, 1, later(days=19))
        return yard

    def test_holds_no_more_and_stays_on_record_with_who_said_so(self, refused: Yard) -> None:
        assert take_back(refused) == "undone"
        assert refused.cards.refusals([token(1)]) == set()
        [past] = refused.cards.noes("oak")
        assert (past.token, past.no.by, past.taken_back) == (token(1), "family", later(days=21).isoformat())
        [word] = words()
        assert (word["by"]["S"], word["said_by"]["S"], word["token"]["S"], word["no_at"]["S"]) == (
            NAME,
            "district",
            token(1),
            later(days=19).isoformat(),
        )
        assert NAME not in "".join(everything(CARDS))
        assert asked(1, at=later(days=22).isoformat())["code"] == "taken_back"

    def test_that_is_given_again_is_another_no_and_both_stay_on_record(self, refused: Yard) -> None:
        take_back(refused)
        no(refused, 1, later(days=22))
        assert [(one.no.at, bool(one.taken_back)) for one in refused.cards.noes("oak")] == [
            (later(days=19).isoformat(), True),
            (later(days=22).isoformat(), False),
        ]
        assert take_back(refused, at=later(days=23), day="2026-12-15") == "undone"
        assert [bool(one.taken_back) for one in refused.cards.noes("oak")] == [True, True]

    def test_keeps_when_its_card_was_ended(self, refused: Yard) -> None:
        ils(refused, 1, "ended", at=later(days=20), ils_id="101")
        take_back(refused)
        ils(refused, 1, "in_ils", at=later(days=30), ils_id="101")
        [row] = listing(refused).every(later(days=31), since=EVENING.date())["noes"]
        assert (row["ended"], row["ended_at"], row["within"]) == ("by_system", later(days=20).isoformat(), True)

    @pytest.mark.parametrize(("hours", "within"), [(12, None), (36, False)])
    def test_of_a_card_that_was_never_ended_is_late_if_its_hours_were_over_by_then(
        self, cards: Yard, hours: int, within: bool | None
    ) -> None:
        no(cards, 1, later(days=19))
        no(cards, 5, later(days=19))
        for number in (1, 5):
            assert take_back(cards, number, at=later(days=19, hours=hours), day="2026-12-11") == "undone"
        ils(cards, 1, "ended", at=later(days=22), ils_id="101")
        said = listing(cards).every(later(days=31), since=EVENING.date())
        assert {row["token"]: (row["ended"], row["within"]) for row in said["noes"]} == {
            token(1): ("taken_back", within),
            token(5): ("taken_back", None),
        }
        assert said["counts"]["late"] == (within is False)

    def test_taken_back_twice_is_taken_back_once(self, refused: Yard) -> None:
        take_back(refused)
        before = everything(CARDS)
        assert take_back(refused, at=later(days=22)) == "undone_before"
        assert (everything(CARDS), len(words())) == (before, 1)

    def test_given_anew_between_the_reading_and_the_writing_holds(self, refused: Yard, breaking: Breaking) -> None:
        def another() -> None:
            take_back(refused, at=later(days=20), day="2026-12-11")
            no(refused, 1, later(days=20, hours=1))

        breaking.before("TransactWriteItems", another)
        assert take_back(refused) == "no_no"
        assert refused.cards.refusals([token(1)]) == {token(1)}

    def test_is_not_taken_back_without_a_word_on_record(self, refused: Yard, breaking: Breaking) -> None:
        breaking.before("TransactWriteItems", dies)
        with pytest.raises(KilledError):
            take_back(refused)
        assert (len(words()), refused.cards.refusals([token(1)])) == (1, {token(1)})

    @pytest.mark.parametrize("agreements", list(ENTITLED), indirect=True)
    @pytest.mark.parametrize("said_by", ["district", "student", "guardian"])
    def test_is_taken_back_by_whom_the_agreement_names_alone(self, refused: Yard, said_by: str, agreements: list[dict[str, Any]]) -> None:
        named = {
            "district": ["district"],
            "district_or_eligible_student": ["district", "student"],
            "family": ["student", "guardian"],
        }[agreements[0]["basis"]["choice"]["yes_again"]]
        before = everything(CARDS)
        assert take_back(refused, said_by=said_by) == ("undone" if said_by in named else "not_entitled")
        assert (everything(CARDS) == before) == (said_by not in named)

    @pytest.mark.parametrize(
        ("changes", "outcome"),
        [
            ({"number": 2}, "no_no"),
            ({"day": "2026-12-10"}, "before_the_no"),
            ({"day": "2026-12-14"}, "in_the_future"),
            ({"allowed": False}, "not_in_force"),
        ],
    )
    def test_is_one_that_holds_and_was_said_before(self, refused: Yard, changes: dict[str, Any], outcome: str) -> None:
        before = everything(CARDS)
        assert take_back(refused, **changes) == outcome
        assert (everything(CARDS), words()) == (before, [])

    @pytest.mark.parametrize("agreements", ["family"], indirect=True)
    @pytest.mark.parametrize(
        ("said_by", "born", "state"),
        [
            ("guardian", "2008-12-14", "waiting"),
            ("guardian", "2008-12-13", "refused"),
            ("student", "2008-12-13", "waiting"),
            ("student", "2008-12-14", "refused"),
        ],
    )
    def test_of_a_student_of_18_is_the_students_own_and_of_a_child_the_guardians(
        self, refused: Yard, said_by: str, born: str, state: str, agreements: list[dict[str, Any]]
    ) -> None:
        take_back(refused, said_by=said_by)
        refused.run(a_firstcard_csv(a_student_row(1, birth_date=born), a_student_row(2)), at=later(days=22), key="incoming/next.csv")
        assert refused.states(1) == [state]

    def test_that_comes_again_between_the_reading_and_the_writing_of_issue_holds(self, refused: Yard, breaking: Breaking) -> None:
        take_back(refused)
        arrival = refused.admitted(a_roster(1, 2), at=later(days=22), key="incoming/next.csv")
        planned = refused.plan(arrival)
        refused.begin(arrival, at=later(days=22))
        breaking.before("PutItem", lambda: no(refused, 1, later(days=22, hours=1)), about="waiting")
        refused.issue(planned)
        assert (refused.states(1), refused.sealed(1)) == (["refused"], {})

    def test_ends_the_days_that_ran_before_it_though_nobody_was_told_anew_yet(self, refused: Yard) -> None:
        tell(refused, 1, at=later(days=1))
        take_back(refused)
        refused.run(a_roster(1, 2), at=later(days=22), key="incoming/next.csv")
        assert refused.states(1) == ["waiting"]
        over(40)
        assert refused.states(1) == ["waiting"]
        tell(refused, 1, at=later(days=41))
        over(56)
        assert refused.states(1) == ["active"]

    def test_lets_a_letter_of_before_count_no_more(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2, guardian_email=""))
        letters_went_home(yard, at=later(days=18))
        no(yard, 1, later(days=19))
        take_back(yard)
        yard.run(a_roster(1, 2, guardian_email=""), at=later(days=22), key="incoming/next.csv")
        over(60)
        assert yard.states(1, 2) == ["waiting", "active"]
        assert letters_went_home(yard, day=date(2026, 12, 15), at=later(days=61))[1].started == 1
        over(80)
        assert yard.states(1) == ["active"]

    def test_ends_the_days_of_a_letter_that_had_not_even_begun(self, yard: Yard) -> None:
        yard.run(a_roster(1, guardian_email=""))
        letters_went_home(yard, day=date(2026, 12, 12), at=later(days=20, hours=8))
        no(yard, 1, later(days=20, hours=9))
        take_back(yard, at=later(days=20, hours=10))
        yard.run(a_roster(1, guardian_email=""), at=later(days=22), key="incoming/next.csv")
        over(60)
        assert yard.states(1) == ["waiting"]

    def test_of_a_child_that_is_not_in_the_next_roster_leaves_no_address_behind(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        yard.run(a_firstcard_csv(a_student_row(1, opt_out="yes"), a_student_row(2)), at=later(days=20), key="incoming/no.csv")
        assert take_back(yard) == "undone"
        yard.run(a_roster(2), at=later(days=22), key="incoming/next.csv")
        assert household(1) in yard.cards.households([household(1)])
        destroyed(22.5)
        assert yard.cards.households([household(1)])[household(1)].sealed == b""
        yard.run(a_roster(1, 2), at=later(days=23), key="incoming/again.csv")
        assert yard.states(1) == ["waiting"]

    def test_of_a_child_that_a_broken_off_run_took_up_and_that_left_ends_its_card(self, refused: Yard, breaking: Breaking) -> None:
        take_back(refused)
        half_taken_up(refused, breaking)
        refused.run(a_roster(2), at=later(days=23), key="incoming/left.csv")
        assert refused.states(1) == ["expired"]

    def test_of_a_child_that_a_broken_off_run_took_up_lets_a_letter_of_after_it_count(self, yard: Yard, breaking: Breaking) -> None:
        yard.run(a_roster(1, 2, guardian_email=""))
        no(yard, 1, later(days=19))
        take_back(yard)
        half_taken_up(yard, breaking, guardian_email="")
        assert letters_went_home(yard, day=date(2026, 12, 15), at=later(days=24))[1].started == 2
        yard.run(a_roster(1, 2, guardian_email=""), at=later(days=25), key="incoming/again.csv")
        over(60)
        assert yard.states(1, 2) == ["active", "active"]

    def test_taken_back_by_a_clock_that_is_slow_is_taken_back_after_it_was_said(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1, at=later(days=19, hours=1))
        no(yard, 1, later(days=19, hours=2))
        assert take_back(yard, at=later(days=19), day="2026-12-11") == "undone"
        yard.run(a_roster(1), at=later(days=22), key="incoming/next.csv")
        over(60)
        assert yard.states(1) == ["waiting"]

    def test_names_nobody_in_the_log(self, refused: Yard, capsys: pytest.CaptureFixture[str]) -> None:
        event = {
            "district": "pine",
            "student": "100001",
            "said_by": "district",
            "by": NAME,
            "day": "2026-12-12",
            "at": later(days=21).isoformat(),
        }
        attest.handler(event, a_context())
        said = capsys.readouterr()
        for value in ("100001", "Ann Example", "registrar"):
            assert value not in said.out + said.err


class TestTheCommand:
    def run(self, *words: str) -> tuple[int, str]:
        result = CliRunner(env={"COLUMNS": "220"}).invoke(app, ["noes", *words])
        return result.exit_code, result.stdout + result.stderr

    def test_lists_ticks_off_and_proves(self, cards: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
        calls_go_to_the_handler(monkeypatch, honour)
        moment = datetime.now(UTC) - timedelta(hours=1)
        agreement = cards.site.of_sharing("oak.pine", None)
        assert agreement is not None
        no(cards, 1, moment)
        code, said = self.run("list", "--library", "oak", "--json")
        row = json.loads(said)["noes"][0]
        assert (row["token"], row["ils_id"], code) == (token(1), "101", int(row["late"]))
        assert token(1) in self.run("list", "--library", "oak")[1]
        assert self.run("done", token(1), "--library", "oak", "--by", "a.example")[0] == 0
        assert self.run("done", token(1), "--library", "oak", "--by", "a.example")[0] == 1
        assert "No card is left" in self.run("list", "--library", "oak")[1]
        code, said = self.run("list", "--library", "oak", "--all", "--since", moment.date().isoformat())
        assert (code, "by hand (a.example)" in said) == (0, True)

    @pytest.mark.parametrize(
        "words",
        [
            ("list", "--library", "nowhere"),
            ("list", "--library", "oak", "--all"),
            ("list", "--library", "oak", "--since", "2026-01-01"),
            ("done", "not a token", "--library", "oak"),
        ],
    )
    def test_used_wrongly_exits_with_2(self, cards: Yard, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        calls_go_to_the_handler(monkeypatch, honour)
        assert self.run(*words)[0] == 2

    def test_undoes_and_says_why_not(self, cards: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
        calls_go_to_the_handler(monkeypatch, attest)
        about = ("--district", "pine", "--by", NAME, "--on", "2026-01-01", "--student", "100001")
        code, said = self.run("undo", *about, "--said-by", "guardian")
        assert (code, "does not let this person" in said) == (1, True)
        assert self.run("undo", *about[:-1], "!!", "--said-by", "district")[0] == 2
