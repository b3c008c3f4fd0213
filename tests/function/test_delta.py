"""Files of changes: nothing that a district told is lost, whatever is held, late, doubled, or planned at once; and what is kept is sealed."""

import base64
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from firstcard.adapters.aws import DropAndVault
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.receipt.receipt import NOT_COMPARED, NOTHING_DONE, ROWS_ONLY
from firstcard.roster import Problem, Reason
from firstcard.run.keeping import OWNER, snapshot_key
from firstcard.run.people import People, people_key
from firstcard.vault import Envelope, VaultClosedError
from firstcard.vault.seal import Opener
from functions.plan import handler as plan
from tests.function.builders import EVENING, LEDGER, VAULT, Breaking, KilledError, Yard, dies, everything, later, token
from tests.function.calling import a_context
from tests.function.test_rehearse import call, outbox, put
from tests.unit.agreement.builders import DELTAS, agreement_content
from tests.unit.roster.builders import Row, a_birth, a_firstcard_csv, a_guardian_user, a_student_row, a_student_user, a_zip, oneroster_files
from tests.unit.roster.test_delta import a_delta, dated

SHARING = "oak.pine"
ROLLOVER = datetime(2026, 12, 8, 18, 0, tzinfo=UTC)


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    """Pine sends OneRoster, unprotected, and changes; a file with more than 40 percent of missing students waits. Its systems roll over in December."""
    calendar = {"rollover": {"first": "2026-12-07", "last": "2026-12-18"}}
    exchange = DELTAS["exchange"] | {"protection": "plain", "signers": [], "organisation_ids": ["school-1"], "calendar": calendar}
    limits = {f"max_{what}_percent": 100 for what in ("new", "changed", "rejected")}
    safety = {"first_run_needs_approval": False, "max_missing_percent": 40} | limits
    return [agreement_content(**{**DELTAS, "exchange": exchange, "safety": safety})]


def a_bulk(*numbers: int, **changes: str) -> bytes:
    users = [a_student_user(n, **changes) for n in numbers] + [a_guardian_user(n) for n in numbers]
    return a_zip(oneroster_files(users, births=[a_birth(n) for n in numbers]))


def changed(*rows: Row) -> bytes:
    return a_delta(users=rows)


def new(number: int, day: str = "2026-11-21") -> list[Row]:
    return [dated(a_student_user(number), day), dated(a_guardian_user(number), day)]


def gone(number: int) -> Row:
    return dated(a_student_user(number), status="tobedeleted")


def decided(yard: Yard, arrival: Any) -> dict[str, int]:
    return {name: n for name, n in yard.known(arrival).counts.items() if name != "nothing"}


def sealed_objects() -> dict[str, bytes]:
    listed = boto3.client("s3").list_objects_v2(Bucket=VAULT, Prefix="snapshots/").get("Contents", [])
    return {item["Key"]: boto3.client("s3").get_object(Bucket=VAULT, Key=item["Key"])["Body"].read() for item in listed}


def begun(yard: Yard, arrival: Any, planned: Any) -> str:
    assert yard.begin(arrival).outcome in ("go", "nothing")
    yard.issue(planned)
    return yard.finish(arrival)


def test_one_new_one_changed_and_one_deleted_student_are_exactly_what_happens(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    before = {n: yard.sealed(n) for n in (1, 2)}
    arrival, status = yard.run(changed(*new(4), dated(a_student_user(2, grades="05")), gone(3)), at=later(days=1))
    assert (status, decided(yard, arrival)) == ("applied", {"wait": 1, "update": 1, "expire": 1})
    assert yard.states(1, 2, 3, 4) == ["waiting", "waiting", "expired", "waiting"]
    assert yard.sealed(1) == before[1]
    assert yard.sealed(2) != before[2]


def test_the_same_changes_sent_again_do_nothing(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    delta = changed(*new(4))
    yard.run(delta, at=later(days=1))
    assert yard.run(delta, at=later(days=2))[1] == "unchanged"
    yard.run(changed(*new(5)), at=later(days=3))
    arrival, status = yard.run(delta, at=later(days=4))
    assert (status, decided(yard, arrival)) == ("applied", {})


def test_changes_from_before_a_complete_file_bring_nobody_back_when_they_are_sent_again(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    old = changed(dated(a_student_user(3, grades="05")))
    assert yard.run(old, at=later(days=1))[1] == "applied"
    assert yard.run(a_bulk(1, 2), at=later(days=2))[1] == "applied"
    assert yard.keys.story == [("declare", "roster", "merge_delta"), ("unwrap", "roster", "merge_delta")], (
        "the complete file opened nothing"
    )
    arrival, status = yard.run(old, at=later(days=3))
    assert (status, yard.known(arrival).reason) == ("rejected", "STALE_FILE")
    assert yard.states(1, 2, 3) == ["waiting", "waiting", "expired"]


@pytest.mark.parametrize("second", [[], [dated(a_student_user(1))]])
def test_a_no_that_cannot_be_merged_or_is_contradicted_takes_the_child_off_and_stays(yard: Yard, second: list[Row]) -> None:
    yard.run(a_bulk(1, 2, 3))
    row = dated(a_student_user(1, **{"metadata.optOut": "yes"}), *(["11/21/2026"] if not second else []))
    assert yard.run(changed(row, *second), at=later(days=1))[1] == "applied"
    assert yard.run(changed(), at=later(days=2))[1] == "applied"
    assert yard.states(1, 2, 3)[1:] == ["waiting", "waiting"]
    assert token(1) in yard.cards.standing([token(1)]).refused


def test_no_changes_are_applied_and_change_nothing(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    arrival, status = yard.run(changed(), at=later(days=1))
    assert (status, decided(yard, arrival)) == ("applied", {})


def test_changes_that_come_late_are_added_where_they_are_the_newer_ones(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    yard.run(changed(dated(a_student_user(2, grades="05"), "2026-11-22")), at=later(days=2))
    arrival, status = yard.run(
        changed(dated(a_student_user(2, grades="06"), "2026-11-21"), dated(a_student_user(3, grades="06"), "2026-11-21")), at=later(days=1)
    )
    assert (status, decided(yard, arrival)) == ("applied", {"update": 1})
    assert yard.ledger.district(SHARING).applied_received_at == later(days=2).isoformat(), "the newest file that was applied stays so"


def test_a_complete_file_that_comes_late_is_refused(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    yard.run(changed(*new(4)), at=later(days=2))
    arrival, status = yard.run(a_bulk(1, 2), at=later(days=1))
    assert (status, yard.known(arrival).reason) == ("rejected", "STALE_FILE")


def test_a_complete_file_older_than_changes_that_are_held_is_refused(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    held = yard.admitted(changed(gone(2), gone(3)), at=later(days=2))
    assert yard.plan(held).outcome == "held"
    arrival, status = yard.run(a_bulk(1, 2), at=later(days=1))
    assert (status, yard.known(arrival).reason) == ("rejected", "STALE_FILE")


def test_changes_without_a_complete_file_are_refused(yard: Yard) -> None:
    arrival, status = yard.run(changed(*new(4)))
    assert (status, yard.known(arrival).reason) == ("rejected", "DELTA_WITHOUT_BULK")
    assert sealed_objects() == {}


def test_changes_after_a_file_of_another_form_are_refused(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    other = a_firstcard_csv(*(a_student_row(n) for n in (1, 2, 3)))
    yard.run(other, at=later(days=1))
    assert yard.run(other, at=later(days=1, hours=1))[1] == "unchanged"
    arrival, status = yard.run(changed(*new(4)), at=later(days=2))
    assert (status, yard.known(arrival).reason) == ("rejected", "DELTA_WITHOUT_BULK")
    assert sealed_objects() == {}


def test_changes_after_the_snapshot_was_removed_by_its_age_are_refused(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    for key in sealed_objects():
        boto3.client("s3").delete_object(Bucket=VAULT, Key=key)
    arrival, status = yard.run(changed(*new(4)), at=later(days=1))
    assert (status, yard.known(arrival).reason) == ("rejected", "DELTA_WITHOUT_BULK")


def test_the_next_changes_take_the_place_of_held_ones_and_lose_nothing_of_them(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    held = yard.admitted(changed(gone(2), gone(3), *new(4)), at=later(days=1))
    assert yard.plan(held).outcome == "held"
    following = yard.admitted(changed(*new(5)), at=later(days=2))
    planned = yard.plan(following)
    assert planned.outcome == "held"
    assert yard.finish(held) == "superseded"
    assert decided(yard, following) == {"wait": 2, "expire": 2}
    yard.approve(following, planned.plan_hash)
    assert begun(yard, following, planned) == "applied"
    assert yard.states(1, 2, 3, 4, 5) == ["waiting", "expired", "expired", "waiting", "waiting"]


def test_what_the_library_rejected_comes_again_with_the_next_changes(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    held = yard.admitted(changed(gone(2), gone(3)), at=later(days=1))
    yard.approve(held, yard.plan(held).plan_hash, approve=False)
    assert yard.finish(held) == "rejected"
    following = yard.admitted(changed(*new(4)), at=later(days=2))
    assert yard.plan(following).outcome == "held"
    assert decided(yard, following) == {"wait": 1, "expire": 2}


def test_the_complete_file_that_was_applied_before_takes_back_what_the_library_rejected(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    held = yard.admitted(changed(gone(2), gone(3)), at=later(days=1))
    yard.approve(held, yard.plan(held).plan_hash, approve=False)
    yard.finish(held)
    arrival, status = yard.run(a_bulk(1, 2, 3), at=later(days=2))
    assert (status, decided(yard, arrival)) == ("applied", {})
    arrival, status = yard.run(changed(*new(4, "2026-11-24")), at=later(days=3))
    assert (status, decided(yard, arrival)) == ("applied", {"wait": 1})
    assert yard.run(a_bulk(1, 2, 3), at=later(days=4))[1] == "applied"
    assert yard.run(a_bulk(1, 2, 3), at=later(days=5))[1] == "unchanged"


def test_a_late_complete_file_is_refused_even_before_anything_was_kept(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3), at=later(days=2))
    boto3.client("dynamodb").delete_item(TableName=LEDGER, Key={"pk": {"S": f"snapshot#{SHARING}"}, "sk": {"S": "snapshot"}})
    arrival, status = yard.run(a_bulk(1, 2), at=later(days=1))
    assert (status, yard.known(arrival).reason) == ("rejected", "STALE_FILE")


def test_a_no_that_the_district_said_once_is_told_to_nobody_again(yard: Yard) -> None:
    refused = a_student_user(1, **{"metadata.optOut": "yes"})
    users = [refused, a_student_user(2), a_guardian_user(1), a_guardian_user(2)]
    first, _ = yard.run(a_zip(oneroster_files(users, births=[a_birth(1), a_birth(2)])))
    assert decided(yard, first) == {"refuse": 1, "wait": 1}
    again, status = yard.run(changed(), at=later(days=1))
    assert (status, decided(yard, again)) == ("applied", {})


def test_of_two_changes_planned_at_once_one_is_planned_again_and_both_are_applied(yard: Yard, breaking: Breaking) -> None:
    yard.run(a_bulk(1, 2, 3))
    first, second = (yard.admitted(changed(*new(n)), at=later(days=1, minutes=n)) for n in (4, 5))
    breaking.before("PutItem", lambda: yard.plan(second), about=f"snapshot#{SHARING}")
    assert yard.plan(first).outcome == "busy"
    assert breaking.plans == []
    planned = yard.plan(first)
    assert decided(yard, first) == {"wait": 2}
    assert begun(yard, first, planned) == "applied"
    assert yard.begin(second).outcome == "stale"
    planned = yard.plan(second)
    assert (planned.outcome, decided(yard, second)) == ("ready", {})
    assert begun(yard, second, planned) == "applied"
    assert yard.states(1, 2, 3, 4, 5) == ["waiting"] * 5
    assert len(sealed_objects()) == 1


def test_a_snapshot_that_is_replaced_while_it_is_opened_means_to_plan_again(yard: Yard, breaking: Breaking) -> None:
    yard.run(a_bulk(1, 2, 3))
    first, second = (yard.admitted(changed(*new(n)), at=later(days=1, minutes=n)) for n in (4, 5))
    breaking.before("GetObject", lambda: yard.plan(second), about="snapshots/")
    assert yard.plan(first).outcome == "busy"
    yard.plan(first)
    assert decided(yard, first) == {"wait": 2}


@pytest.mark.parametrize(
    ("operation", "about"),
    [("PutObject", "snapshots/"), ("PutItem", "snapshot#"), ("DeleteObject", "snapshots/"), ("UpdateItem", "plan_hash")],
)
def test_a_plan_that_is_killed_is_made_again_and_loses_nothing(yard: Yard, breaking: Breaking, operation: str, about: str) -> None:
    yard.run(a_bulk(1, 2, 3))
    arrival = yard.admitted(changed(*new(4), gone(3)), at=later(days=1))
    breaking.before(operation, dies, about=about)
    with pytest.raises(KilledError):
        yard.plan(arrival)
    planned = yard.plan(arrival)
    assert (planned.outcome, decided(yard, arrival)) == ("ready", {"wait": 1, "expire": 1})
    assert begun(yard, arrival, planned) == "applied"


def test_the_problems_of_a_file_of_changes_name_its_own_lines_and_no_others(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    arrival, _ = yard.run(changed(*new(4), a_student_user(2)), at=later(days=1))
    found = json.loads(yard.places.get(f"runs/{arrival.run_id}/{yard.known(arrival).plan_hash[:16]}/problems.json") or b"")
    assert found == [["users.csv", 4, "status", "BAD_STATUS"]]


def test_an_id_that_changed_hands_in_a_file_of_changes_is_told_on_its_line_and_later_on_none(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    card = yard.sealed(1)
    ben = dated(a_student_user(1, familyName="Oak", givenName="Ben"))
    taken = a_delta(users=[*new(4), ben], demographics=[dated(a_birth(1, birthDate="2015-01-02"))])
    for night, (delta, line) in enumerate([(taken, 4), (changed(*new(5)), 0)], 1):
        arrival, status = yard.run(delta, at=later(days=night))
        folder = f"runs/{arrival.run_id}/{yard.known(arrival).plan_hash[:16]}"
        assert (status, decided(yard, arrival)) == ("applied", {"wait": 1})
        assert json.loads(yard.places.get(f"{folder}/problems.json") or b"") == [["users.csv", line, "student_id", "ID_REUSED"]]
        told = People.from_bytes(yard.places.get(people_key(folder)) or b"").problems
        assert told == {token(1): (Problem("users.csv", line, "student_id", Reason.ID_REUSED),)}
        assert yard.sealed(1) == card


def test_a_trial_of_changes_looks_at_their_rows_says_so_and_opens_nothing_that_is_kept(yard: Yard, breaking: Breaking) -> None:
    yard.run(a_bulk(1, 2, 3))
    before = (sealed_objects(), everything(LEDGER))
    breaking.before("*", dies, about="snapshot")
    call(put(changed(*new(4), a_student_user(2)), "try/changes.zip", district="pine"))
    forms = {name.rpartition(".")[2]: body for name, body in outbox("pine").items() if "/try-" in name}
    told = json.loads(forms["json"])
    assert (told["outcome"], told["remarks"]) == ("trial_acceptable", [NOTHING_DONE, ROWS_ONLY, NOT_COMPARED])
    assert (told["rows"], told["rejected"]) == (3, {"BAD_STATUS": 1})
    assert [(p["file"], p["line"], p["column"]) for p in told["problems"]] == [("users.csv", 4, "status")]
    assert "OneRoster 1.1 CSV, changes only</dd>" in forms["html"], "the figures are those of the rows"
    assert len(breaking.plans) == 1, "nothing asked for a snapshot"
    breaking.plans.clear()
    assert yard.keys.story == []
    assert (sealed_objects(), everything(LEDGER)) == before


def test_changes_in_the_roll_over_are_refused_and_added_to_nothing(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    before = sealed_objects()
    arrival, status = yard.run(changed(*new(4)), at=ROLLOVER)
    assert (status, yard.known(arrival).reason) == ("rejected", "ROLLOVER")
    assert sealed_objects() == before


# What lies in the vault


def test_the_last_snapshot_alone_is_kept_under_a_name_without_persons_and_with_no_readable_value(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    first = list(sealed_objects())
    yard.run(changed(*new(4)), at=later(days=1))
    ((name, body),) = sealed_objects().items()
    assert [name] != first
    assert name.startswith(f"snapshots/{SHARING}/00000002-")
    for value in ("Pine", "100001", "family1@example.org", "2016-05-04", "sourcedId", "users.csv"):
        assert value.encode() not in body


def test_only_merging_opens_the_snapshot_and_says_so_first(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    assert yard.keys.story == [], "a complete file needs nothing that was kept"
    yard.run(changed(*new(4)), at=later(days=1))
    assert yard.keys.story == [("declare", "roster", "merge_delta"), ("unwrap", "roster", "merge_delta")]
    ((name, body),) = sealed_objects().items()
    head, _, sealed = body.partition(b"\n")
    assert list(json.loads(head)) == ["merge_delta"]
    given = {str(purpose): base64.b64decode(json.loads(head)["merge_delta"]) for purpose in Purpose}
    envelope = Envelope("snapshot-" + name.rpartition("/")[2].removesuffix(".sealed"), SHARING, {"roster": given})
    for purpose in Purpose:
        opener = Opener(purpose=purpose, unwrap=yard.keys.unwrap, declare=yard.keys.declare, clock=lambda: 0.0)
        if purpose is Purpose.MERGE_DELTA:
            assert opener.open_bytes(envelope, OWNER, Group.ROSTER, sealed)
        else:
            with pytest.raises(VaultClosedError):
                opener.open_bytes(envelope, OWNER, Group.ROSTER, sealed)


def test_the_function_opens_what_it_sealed_by_the_agreements_key_and_leaves_its_intent_in_the_ledger(yard: Yard) -> None:
    keys = boto3.client("kms")
    keys.create_alias(AliasName="alias/firstcard-purpose-oak-pine", TargetKeyId=keys.create_key()["KeyMetadata"]["KeyId"])
    for body, at in ((a_bulk(1, 2, 3), EVENING), (changed(*new(4)), later(days=1))):
        arrival = yard.admitted(body, at=at)
        assert plan.handler(asdict(arrival), a_context())["outcome"] == "ready"
        yard.begin(arrival)
        yard.finish(arrival)
    assert decided(yard, arrival) == {"wait": 1}
    intents = [item for item in everything(LEDGER) if f"intent#{SHARING}" in item]
    assert len(intents) == 1
    assert all(word in intents[0] for word in ("merge_delta", "roster", "firstcard-tested"))


def test_one_snapshot_cannot_be_put_in_the_place_of_another(yard: Yard) -> None:
    yard.run(a_bulk(1, 2, 3))
    ((_, old),) = sealed_objects().items()
    yard.run(changed(*new(4)), at=later(days=1))
    DropAndVault(VAULT).put(snapshot_key(SHARING, yard.ledger.snapshot(SHARING).name), old)
    with pytest.raises(VaultClosedError):
        yard.plan(yard.admitted(changed(*new(5)), at=later(days=2)))


class TestWithoutChangesAgreed:
    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        return [
            agreement_content(
                exchange={"protection": "plain", "signers": [], "organisation_ids": ["school-1"]},
                safety={"first_run_needs_approval": False},
            )
        ]

    def test_nothing_is_kept_and_changes_are_refused(self, yard: Yard) -> None:
        assert yard.run(a_bulk(1, 2, 3))[1] == "applied"
        arrival, status = yard.run(changed(*new(4)), at=later(days=1))
        assert (status, yard.known(arrival).reason) == ("rejected", "DELTA_NOT_AGREED")
        assert sealed_objects() == {}
        assert yard.ledger.snapshot(SHARING).name == ""
