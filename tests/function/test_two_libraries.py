"""One district of two libraries: one file makes a run for each, and nothing of the one reaches the other."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app
from firstcard.adapters.aws import DropAndVault, unwrap, wrapper
from firstcard.agreement import Site, agreement_from
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.run.admission import admit, arrival_of, sweep
from firstcard.run.lateness import tell_late
from firstcard.run.ledger import Arrival, Status
from firstcard.run.planning import Planned
from firstcard.vault import Envelope, VaultClosedError
from firstcard.vault.seal import Opener
from functions.explain import handler as explain
from functions.rehearse import handler as rehearse
from functions.reset import handler as reset
from tests.function.builders import CARDS, EVENING, VAULT, Yard, csv_content, drop_bucket, everything, later, token
from tests.function.calling import a_batch, a_context
from tests.function.explaining import calls_go_to_the_handler
from tests.unit.roster.builders import Row, a_firstcard_csv, a_student_row

EXCHANGE = {"mapping": {}, "formats": ["csv"], "organisation_ids": ["school-1", "school-2"], "protection": "plain", "signers": []}
HERE, THERE = "oak", "elm"
SCHOOL = {HERE: "school-1", THERE: "school-2"}


def shared(library: str, **changes: Any) -> dict[str, Any]:
    """Pine's agreement with a library, for one school."""
    content = csv_content("pine", f"dsa-pine-{library}-2026", {HERE: "904", THERE: "906"}[library], exchange=EXCHANGE, library=library)
    return content | {"rollout": content["rollout"] | {"schools": [SCHOOL[library]]}} | changes


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return [shared(HERE), shared(THERE)]


def child(number: int, library: str = HERE, **changes: str) -> Row:
    return a_student_row(number, school_id=SCHOOL[library], **changes)


ROSTER = [child(1), child(2), child(3, THERE), child(4, THERE), child(5, THERE)]


def site(yard: Yard, **of_elm: Any) -> Site:
    return replace(yard.site, agreements=(agreement_from(shared(HERE)), agreement_from(shared(THERE, **of_elm))))


def runs_of(yard: Yard, arrivals: tuple[Arrival, ...]) -> dict[str, Arrival]:
    return {yard.known(one).sharing.partition(".")[0]: one for one in arrivals}


def dropped(yard: Yard, *rows: Row, night: int = 0) -> dict[str, Arrival]:
    """The run of each library that one upload makes."""
    return runs_of(yard, yard.admit(yard.drop(a_firstcard_csv(*rows), at=later(days=night))))


def end(yard: Yard, arrival: Arrival, plan: Planned, night: int = 0) -> str:
    if plan.outcome == "ready":
        assert yard.begin(arrival, at=later(days=night)).outcome in ("go", "nothing")
        yard.issue(plan)
    return yard.finish(arrival, at=later(days=night))


def sent(yard: Yard, *rows: Row, night: int = 0) -> dict[str, str]:
    """A roster's whole way; gives how each library's run ended."""
    runs = dropped(yard, *rows, night=night)
    return {library: end(yard, arrival, yard.plan(arrival), night) for library, arrival in runs.items()}


def states(yard: Yard, number: int) -> list[str | None]:
    """What a child is at the one library and at the other."""
    found = [yard.cards.standing([one := token(number, "pine", library)]).patrons.get(one) for library in (HERE, THERE)]
    return [str(patron.state) if patron else None for patron in found]


def receipts() -> list[dict[str, Any]]:
    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket=drop_bucket(), Prefix="outbox/").get("Contents", [])
    keys = [item["Key"] for item in listed if item["Key"].endswith(".json")]
    return sorted(
        (json.loads(s3.get_object(Bucket=drop_bucket(), Key=key)["Body"].read()) for key in keys), key=lambda said: str(said["library"])
    )


def swept(yard: Yard, *arrivals: Arrival) -> int:
    """The sweep, long after."""
    return sweep(
        [(one.key, one.version_id, one.size, one.received_at) for one in arrivals],
        bucket=drop_bucket(),
        site=yard.site,
        ledger=yard.ledger,
        start=yard.start,
        is_running=lambda run_id, attempt: False,
    )


class TestOneFile:
    def test_makes_cards_at_both_libraries_each_for_its_own_schools(self, yard: Yard) -> None:
        assert sent(yard, *ROSTER) == {HERE: "applied", THERE: "applied"}
        assert [states(yard, number) for number in range(1, 6)] == [["waiting", None]] * 2 + [[None, "waiting"]] * 3

    def test_leaves_a_receipt_of_each_library_that_counts_whom_it_left_out(self, yard: Yard) -> None:
        sent(yard, *ROSTER)
        elm, oak = receipts()
        assert (elm["library"], oak["library"]) == ("Elm Public Library", "Oak Public Library")
        assert (elm["rows"], elm["excluded"], oak["rows"], oak["excluded"]) == (5, {"other_school": 2}, 5, {"other_school": 3})
        assert elm["run_id"] != oak["run_id"]

    def test_has_a_run_of_each_library_that_no_event_and_no_sweep_starts_twice(self, yard: Yard) -> None:
        arrival = yard.drop(a_firstcard_csv(*ROSTER))
        assert len(yard.admit(arrival)) == 2
        assert len({run_id for run_id, _ in yard.started}) == 2
        for one in yard.ledger.newest_runs("pine"):
            yard.ledger.move(one.arrival.run_id, Status.REJECTED, when=(Status.ADMITTED,))
        assert yard.admit(arrival) == ()
        assert swept(yard, arrival) == 0
        assert len(yard.started) == 2

    def test_is_admitted_for_the_second_library_if_admission_died_after_the_first(self, yard: Yard) -> None:
        arrival = yard.drop(a_firstcard_csv(*ROSTER))

        def dies(one: Arrival, ready_at: str) -> None:
            raise RuntimeError("killed")

        with pytest.raises(RuntimeError):
            admit(arrival, site=yard.site, ledger=yard.ledger, start=dies)
        assert len(list(yard.ledger.newest_runs("pine"))) == 1
        yard.admit(arrival)
        assert len({run_id for run_id, _ in yard.started}) == 2

    def test_sent_twice_changes_nothing_at_either(self, yard: Yard) -> None:
        sent(yard, *ROSTER)
        before = everything(CARDS)
        assert sent(yard, *ROSTER, night=1) == {HERE: "unchanged", THERE: "unchanged"}
        assert everything(CARDS) == before

    def test_with_news_of_one_librarys_school_changes_nothing_at_the_other(self, yard: Yard) -> None:
        sent(yard, *ROSTER)
        assert sent(yard, *ROSTER, child(6, THERE), night=1) == {HERE: "applied", THERE: "applied"}
        assert states(yard, 6) == [None, "waiting"]

    def test_with_a_no_counts_at_both_libraries(self, yard: Yard) -> None:
        """Wherever the child goes to school next, the no is there already."""
        sent(yard, child(1, opt_out="yes"), *ROSTER[1:])
        assert states(yard, 1) == [None, None]
        assert [len(yard.cards.refusals([token(1, "pine", library)])) for library in (HERE, THERE)] == [1, 1]
        sent(yard, child(1, THERE), *ROSTER[1:], night=1)
        assert "waiting" not in states(yard, 1)


class TestALink:
    def test_is_a_no_for_its_own_librarys_sharing_alone(self, yard: Yard) -> None:
        """A family says no to the library whose e-mail it holds; to both it says so at the school."""
        sent(yard, *ROSTER)
        (patron,) = yard.cards.standing([token(1)]).patrons.values()
        yard.cards.refuse([token(1)], by="family", stamp=patron.stamp)
        sent(yard, child(1, THERE), *ROSTER[1:], night=1)
        assert states(yard, 1) == ["refused", "waiting"]


class TestOneLibrarysRun:
    def test_waits_for_a_person_while_the_others_is_applied_and_a_newer_file_takes_the_place_of_it_alone(self, yard: Yard) -> None:
        held = site(yard, safety=shared(THERE)["safety"] | {"first_run_needs_approval": True})
        runs = dropped(yard, *ROSTER)
        plans = {library: yard.plan(arrival, site=held) for library, arrival in runs.items()}
        assert {library: plan.outcome for library, plan in plans.items()} == {HERE: "ready", THERE: "held"}
        assert end(yard, runs[HERE], plans[HERE]) == "applied"
        assert (states(yard, 1), states(yard, 3)) == (["waiting", None], [None, None])
        newer = dropped(yard, *ROSTER, child(6), night=1)
        assert end(yard, newer[HERE], yard.plan(newer[HERE], site=held), 1) == "applied"
        assert yard.known(runs[THERE]).status is Status.HELD, "another library's run of the newer file takes no plan's place"
        assert yard.plan(newer[THERE], site=held).outcome == "held"
        assert yard.known(runs[THERE]).status is Status.SUPERSEDED
        assert yard.known(newer[HERE]).status is Status.APPLIED

    def test_goes_on_while_the_other_agreement_is_suspended_and_the_district_is_told_of_both(self, yard: Yard) -> None:
        yard.ledger.suspend("elm.pine", by="ann", at=EVENING.isoformat())
        assert sent(yard, *ROSTER) == {HERE: "applied", THERE: "rejected"}
        assert (states(yard, 1), states(yard, 3)) == (["waiting", None], [None, None])
        elm, oak = receipts()
        assert (elm["outcome"], oak["outcome"]) == ("rejected", "applied")
        yard.ledger.resume("elm.pine")
        assert sent(yard, *ROSTER, child(6), night=1) == {HERE: "applied", THERE: "applied"}
        assert states(yard, 3) == [None, "waiting"]

    @pytest.mark.parametrize("change", [{"status": "terminated"}, {"term": {"effective": "2026-08-01", "expires": "2026-10-31"}}])
    def test_is_the_only_one_once_the_other_agreement_has_ended(self, yard: Yard, change: dict[str, Any]) -> None:
        yard.site = site(yard, **change)
        assert sent(yard, *ROSTER) == {HERE: "applied"}

    def test_of_an_older_version_ends_for_a_newer_one_of_the_same_library(self, yard: Yard) -> None:
        """Two minutes apart under one name, as when an unprotected file is sent again: each library plans the newer one."""
        old = dropped(yard, *ROSTER)
        new = runs_of(yard, yard.admit(yard.drop(a_firstcard_csv(*ROSTER, child(6)), at=later(seconds=30))))
        for library in (HERE, THERE):
            assert yard.plan(old[library]).outcome == "rejected"
            assert yard.known(old[library]).reason == "SUPERSEDED"
            assert yard.plan(new[library]).outcome == "ready"

    def test_is_not_ended_by_a_newer_version_that_is_for_the_other_library_alone(self, yard: Yard) -> None:
        old = dropped(yard, *ROSTER)
        yard.site = site(yard, status="terminated")
        yard.admit(yard.drop(a_firstcard_csv(*ROSTER, child(6)), at=later(seconds=30)))
        assert yard.plan(old[HERE]).outcome == "rejected"
        assert yard.plan(old[THERE], site=site(yard)).outcome == "ready"

    def test_names_no_run_of_the_other_when_a_roster_is_late(self, yard: Yard) -> None:
        sent(yard, *ROSTER)
        runs = {run.sharing: run.arrival.run_id for run in yard.ledger.newest_runs("pine")}
        told: list[Any] = []
        for agreement in yard.site.agreements:
            assert tell_late(agreement, ledger=yard.ledger, emit=told.extend, now=datetime(2026, 12, 8, 20, tzinfo=UTC))
        assert {event.sharing: event.run_id for event in told} == runs


class TestAStudentWhoMovesToASchoolOfTheOther:
    def test_leaves_the_one_and_is_new_at_the_other(self, yard: Yard) -> None:
        sent(yard, *ROSTER)
        assert sent(yard, child(1, THERE), *ROSTER[1:], night=1) == {HERE: "applied", THERE: "applied"}
        assert states(yard, 1) == ["expired", "waiting"]
        assert sent(yard, *ROSTER, child(6, THERE), night=2) == {HERE: "applied", THERE: "applied"}
        assert states(yard, 1) == ["waiting", "expired"]


class TestALibraryThatIsAddedLater:
    """The runs of the first library keep their ids, and files from before the second one's term are not for it."""

    @pytest.fixture
    def file(self, yard: Yard) -> Arrival:
        """What one library has had already."""
        arrival = yard.drop(a_firstcard_csv(*ROSTER))
        (only,) = admit(arrival, site=self.alone(yard), ledger=yard.ledger, start=yard.start)
        assert only.run_id == arrival.run_id, "the ids of a district with one library stay what they are"
        yard.ledger.move(arrival.run_id, Status.APPLIED, when=(Status.ADMITTED,))
        return arrival

    def alone(self, yard: Yard) -> Site:
        return replace(yard.site, agreements=(agreement_from(shared(HERE)),))

    def test_starts_no_run_of_the_first_again(self, yard: Yard, file: Arrival) -> None:
        assert swept(yard, file) == 1, "the file came in the second one's term"
        assert swept(yard, file) == 1, "as attempt 2, for nothing runs here"
        first = {run.sharing: (run.arrival.run_id == file.run_id, run.arrival.attempt) for run in yard.ledger.newest_runs("pine")}
        assert first == {"oak.pine": (True, 1), "elm.pine": (False, 2)}

    @pytest.mark.parametrize("change", [{"term": {"effective": "2026-11-23", "expires": "2027-07-31"}}, {"status": "draft"}])
    def test_gets_none_of_the_files_from_before_its_term(self, yard: Yard, file: Arrival, change: dict[str, Any]) -> None:
        yard.site = site(yard, **change)
        assert swept(yard, file) == 0
        assert yard.admit(file) == ()
        assert len(yard.started) == 1

    def test_starts_nothing_again_when_it_is_taken_out(self, yard: Yard) -> None:
        arrival = yard.drop(a_firstcard_csv(*ROSTER))
        for run in yard.admit(arrival):
            yard.ledger.move(run.run_id, Status.APPLIED, when=(Status.ADMITTED,))
        yard.site = self.alone(yard)
        assert swept(yard, arrival) == 0
        assert len(yard.started) == 2

    def test_takes_no_run_of_a_library_whose_place_it_took(self, yard: Yard, file: Arrival) -> None:
        yard.site = replace(yard.site, agreements=(agreement_from(shared(THERE)),))
        assert swept(yard, file) == 1
        assert {run.sharing: str(run.status) for run in yard.ledger.newest_runs("pine")} == {"oak.pine": "applied", "elm.pine": "admitted"}

    def test_ends_what_was_under_way_when_it_is_terminated(self, yard: Yard) -> None:
        arrival = yard.drop(a_firstcard_csv(*ROSTER))
        run = runs_of(yard, yard.admit(arrival))[THERE]
        yard.site = site(yard, status="terminated")
        assert swept(yard, arrival) == 2
        assert (run.run_id, 2) in yard.started
        assert yard.plan(replace(run, attempt=2)).outcome == "rejected"


class TestWhatTheOneSealed:
    def test_opens_under_its_own_agreement_alone(self, yard: Yard) -> None:
        keys = boto3.client("kms")
        for library in (HERE, THERE):
            keys.create_alias(AliasName=f"alias/firstcard-purpose-{library}-pine", TargetKeyId=keys.create_key()["KeyMetadata"]["KeyId"])
        yard.wrapper = wrapper
        sent(yard, *ROSTER)
        (patron,) = yard.cards.standing([token(1)]).patrons.values()
        (envelope,) = yard.cards.envelopes([patron.envelopes[Group.IDENTITY]]).values()
        assert envelope.sharing == "oak.pine"

        def opened(envelope: Envelope) -> dict[str, Any]:
            opener = Opener(purpose=Purpose.SYNC_ILS, unwrap=unwrap, declare=lambda intent: None, clock=lambda: 0.0)
            return opener.open(envelope, patron.token, Group.IDENTITY, patron.sealed[Group.IDENTITY])

        assert opened(envelope)["student_id"] == "100001"
        with pytest.raises(VaultClosedError):
            opened(replace(envelope, sharing="elm.pine"))

    def test_holds_nobody_of_the_others_schools(self, yard: Yard) -> None:
        sent(yard, *ROSTER)
        chunks = [
            body
            for run in yard.ledger.newest_runs("pine")
            if run.sharing == "oak.pine"
            for key in DropAndVault(VAULT).keys(run.chunks_prefix)
            if (body := DropAndVault(VAULT).get(key))
        ]
        assert any(token(1).encode() in body for body in chunks)
        for number in (3, 4, 5):
            assert not any(token(number).encode() in body or token(number, "pine", THERE).encode() in body for body in chunks)


class TestATrial:
    def test_leaves_a_receipt_of_each_library_and_nothing_of_the_file(self, yard: Yard) -> None:
        body = a_firstcard_csv(*ROSTER)
        written = boto3.client("s3").put_object(Bucket=drop_bucket(), Key="try/roster.csv", Body=body)
        thing = {"key": "try/roster.csv", "version-id": written["VersionId"], "size": len(body)}
        event = {"time": "2026-11-22T06:00:00Z", "detail": {"bucket": {"name": drop_bucket()}, "object": thing}}
        for _ in range(2):
            assert rehearse.handler(a_batch(event), a_context()) == {"batchItemFailures": []}
        elm, oak = receipts()
        assert (elm["library"], elm["excluded"], oak["excluded"]) == ("Elm Public Library", {"other_school": 2}, {"other_school": 3})
        assert boto3.client("s3").list_object_versions(Bucket=drop_bucket(), Prefix="try/").get("Versions", []) == []


class TestAPersonWhoAsks:
    def asked(self, library: str = "", **more: Any) -> dict[str, Any]:
        named = {"library": library} if library else {}
        return dict(explain.handler({"district": "pine", "student": "100003", "at": EVENING.isoformat(), **named, **more}, a_context()))

    def test_says_which_library(self, yard: Yard) -> None:
        sent(yard, *ROSTER)
        assert self.asked() == {"error": "several_libraries"}
        assert self.asked("ash") == {"error": "unknown_library"}
        assert self.asked(THERE)["answer"]["code"] == "not_told"
        assert self.asked(HERE)["answer"]["code"] == "not_in_rollout"
        wish = {"district": "pine", "student": "100003", "at": EVENING.isoformat()}
        assert reset.handler(wish, a_context()) == {"error": "several_libraries"}
        assert reset.handler(wish | {"library": THERE}, a_context()) == {"outcome": "no_page"}

    def test_need_not_say_where_only_one_is_in_force(self, yard: Yard) -> None:
        assert "answer" in self.asked(at="2025-01-01T00:00:00+00:00")

    def test_by_command(self, yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
        sent(yard, *ROSTER)
        calls = calls_go_to_the_handler(monkeypatch)
        command = partial(CliRunner(env={"COLUMNS": "200"}).invoke, app)
        words = ["why", "--district", "pine", "--student", "100003"]
        unsaid = command(words)
        assert (unsaid.exit_code, "--library" in unsaid.stderr) == (2, True)
        said = command([*words, "--library", THERE, "--json"])
        assert (said.exit_code, json.loads(said.stdout)["code"]) == (1, "not_told")
        assert len(calls) == 2

    def test_sees_the_runs_of_both_or_of_one(self, yard: Yard) -> None:
        sent(yard, *ROSTER)
        command = partial(CliRunner(env={"COLUMNS": "200"}).invoke, app)
        both = command(["run", "list", "--district", "pine", "--json"])
        assert sorted(run["library"] for run in json.loads(both.stdout)) == [THERE, HERE]
        one = command(["run", "list", "--district", "pine", "--library", THERE, "--json"])
        assert [run["library"] for run in json.loads(one.stdout)] == [THERE]
        table = command(["run", "list", "--district", "pine"]).stdout
        assert "library" in table


def test_an_objects_own_id_is_none_of_two_libraries(yard: Yard) -> None:
    arrival = arrival_of(bucket=drop_bucket(), key="incoming/a.csv", version_id="v", size=1, received_at=EVENING.isoformat())
    assert arrival is not None
    ids = {one.run_id for one in admit(arrival, site=yard.site, ledger=yard.ledger, start=yard.start)}
    assert len(ids | {arrival.run_id}) == 3
