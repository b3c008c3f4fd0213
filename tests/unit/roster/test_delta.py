"""OneRoster deltas: changed rows are added to what was sent before, and everything else is as if the district had sent it all."""

import json
import zlib
from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.agreement import Agreement
from firstcard.roster import REASONS, Exclusion, Reading, Reason, Refusal, Role, read_roster
from firstcard.roster.roles import ROLES_1_2
from firstcard.roster.snapshot import Snapshot, Told, mark
from tests.unit.agreement.builders import DELTAS, an_agreement
from tests.unit.roster.builders import (
    MANIFEST,
    TODAY,
    Row,
    a_birth,
    a_csv,
    a_guardian_user,
    a_student_user,
    a_teacher_user,
    a_zip,
    an_org,
    at,
    oneroster_files,
    reasons_of,
)

FILES = ("users", "orgs", "demographics")


def agreed(**changes: Any) -> Agreement:
    return an_agreement(**{**DELTAS, **changes})


def told(earlier: Snapshot | None, number: int, run: str = "run", first: str = "") -> Told:
    """The upload of the given minute; ``first`` marks an earlier one of the same bytes."""
    return Told(arrival(number, run), lambda: earlier, first)


def arrival(number: int, run: str = "run") -> str:
    return mark(f"2026-11-22T06:{number:02d}:00+00:00", f"{run}{number}")


def dated(row: Row, day: str = "2026-11-21", status: str = "active") -> Row:
    return row | {"status": status, "dateLastModified": f"{day}T01:00:00.000Z" if len(day) == 10 else day}


def a_delta(modes: Mapping[str, str] = {}, **files: Iterable[Row]) -> bytes:
    """Changes of the named files; ``modes`` says otherwise of some."""
    said = dict.fromkeys(FILES, "absent") | dict.fromkeys(files, "delta") | dict(modes)
    manifest = [row for row in MANIFEST if not row[0].startswith("file.")] + [(f"file.{name}", mode) for name, mode in said.items()]
    columns = {"users": tuple(a_student_user()), "orgs": tuple(an_org()), "demographics": tuple(a_birth())}
    content: dict[str, str | bytes] = {"manifest.csv": a_csv(({"propertyName": n, "value": v} for n, v in manifest))}
    content |= {f"{name}.csv": a_csv(rows, columns[name]) for name, rows in files.items()}
    return a_zip(content)


def a_bulk(*users: Row, births: Iterable[Row] | None = None, **more: Any) -> bytes:
    return a_zip(oneroster_files(users or None, births=births, **more))


def result_of(
    data: bytes, earlier: Snapshot | None, number: int, agreement: Agreement | None = None, run: str = "run", first: str = ""
) -> Reading | Refusal:
    return read_roster(data, file_name="roster.zip", agreement=agreement or agreed(), today=TODAY, told=told(earlier, number, run, first))


def sent(*uploads: bytes, agreement: Agreement | None = None, earlier: Snapshot | None = None, first: int = 1) -> Reading:
    """The reading of the last of these uploads, one after the other; what is kept goes through bytes each time."""
    reading = None
    for number, data in enumerate(uploads, first):
        reading = result_of(data, earlier, number, agreement)
        assert isinstance(reading, Reading), reading
        assert reading.rows == len(reading.people) + sum(reading.rejected.values()) + sum(reading.excluded.values())
        assert reading.snapshot is not None
        earlier = Snapshot.from_bytes(reading.snapshot.to_bytes())
        assert earlier == reading.snapshot
    assert reading is not None
    return reading


def kept(reading: Reading) -> Snapshot:
    assert reading.snapshot is not None
    return reading.snapshot


def people(reading: Reading) -> dict[str, tuple[str, ...]]:
    """Who is there, without where the row stood."""
    return {p.local_id: (p.role, p.last_name, p.grade, p.school_id, str(p.birth_date), p.email) for p in reading.people}


BULK = a_bulk(
    *(a_student_user(n) for n in (1, 2, 3)),
    *(a_guardian_user(n) for n in (1, 2, 3)),
    a_teacher_user(),
    births=[a_birth(n) for n in (1, 2, 3)],
)


BULK_KEPT = kept(sent(BULK))


def test_a_changed_a_new_and_a_deleted_student_are_all_that_changes() -> None:
    delta = a_delta(
        users=[
            dated(a_student_user(2, grades="05")),
            dated(a_student_user(3), status="tobedeleted"),
            dated(a_student_user(4, familyName="Elm")),
            dated(a_guardian_user(4)),
        ],
        demographics=[dated(a_birth(4, birthDate="2015-01-01"))],
    )
    before, after = people(sent(BULK)), sent(BULK, delta)
    changed = {key for key in before.keys() | people(after).keys() if before.get(key) != people(after).get(key)}
    assert changed == {"100002", "100003", "100004"}
    assert people(after)["100002"] == ("student", "Pinec", "05", "school-1", "2016-05-04", "family2@example.org")
    assert people(after)["100004"] == ("student", "Elm", "04", "school-1", "2015-01-01", "family4@example.org")
    assert (after.delta, after.format, after.excluded) == (True, "oneroster_1_1_delta", {str(Exclusion.TO_BE_DELETED): 1})


def test_changes_of_a_birth_date_and_of_a_schools_name_reach_students_who_are_not_in_them() -> None:
    delta = a_delta(demographics=[dated(a_birth(1, birthDate="2014-02-03"))], orgs=[dated(an_org("school-1", name="Pine North"))])
    after = {p.local_id: p for p in sent(BULK, delta).people}
    assert str(after["100001"].birth_date) == "2014-02-03"
    assert {p.school_name for p in after.values()} == {"Pine North"}


def test_an_empty_file_of_changes_changes_nothing() -> None:
    before, after = sent(BULK), sent(BULK, a_delta(users=[]))
    assert people(after) == people(before)
    assert kept(after).files == kept(before).files


def test_the_same_changes_again_change_nothing() -> None:
    delta = a_delta(users=[dated(a_student_user(2, grades="05")), dated(a_student_user(3), status="tobedeleted")])
    once, twice = sent(BULK, delta), sent(BULK, delta, delta)
    assert people(once) == people(twice)


def test_the_same_upload_merged_twice_keeps_the_same_and_names_its_lines_again() -> None:
    delta = a_delta(users=[dated(a_student_user(2, grades="99"))])
    once = sent(BULK, delta)
    again = result_of(delta, kept(once), 2)
    assert isinstance(again, Reading)
    assert again.snapshot == once.snapshot
    assert (
        [(p.file, p.line) for p in at(again, Reason.BAD_GRADE)]
        == [(p.file, p.line) for p in at(once, Reason.BAD_GRADE)]
        == [("users.csv", 2)]
    )


def test_an_older_row_is_ignored_and_one_of_the_same_date_counts_if_its_file_came_later() -> None:
    new, same, old = (
        a_delta(users=[dated(a_student_user(2, grades=g), day)])
        for g, day in (("05", "2026-11-22"), ("06", "2026-11-22"), ("07", "2026-11-21"))
    )
    over = sent(BULK, new, old)
    assert people(over)["100002"][2] == "05"
    assert [(p.file, p.line, p.column) for p in at(over, Reason.OUTDATED_ROW)] == [("users.csv", 2, "dateLastModified")]
    assert people(sent(BULK, new, same))["100002"][2] == "06"


def test_who_was_deleted_stays_deleted_for_older_rows_and_comes_back_with_newer_ones() -> None:
    gone = a_delta(users=[dated(a_student_user(2), "2026-11-21", "tobedeleted")])
    older, newer = (a_delta(users=[dated(a_student_user(2), day)]) for day in ("2026-11-20T12:00:00Z", "2026-11-22"))
    assert "100002" not in people(sent(BULK, gone, older))
    assert "100002" in people(sent(BULK, gone, newer))


def test_a_date_in_the_future_keeps_no_later_change_out() -> None:
    future = a_delta(users=[dated(a_student_user(2, grades="05"), "2999-01-01")])
    later = a_delta(users=[dated(a_student_user(2, grades="06"), "2026-11-22T06:02:30Z")])
    assert people(sent(BULK, future, later))["100002"][2] == "06"


def test_a_complete_file_takes_the_place_of_all_rows_and_deletions_before_it() -> None:
    delta = a_delta(users=[dated(a_student_user(4)), dated(a_student_user(3), status="tobedeleted")])
    bulk = a_bulk(a_student_user(3), a_guardian_user(3), births=[a_birth(3)])
    assert people(sent(BULK, delta, bulk)) == people(sent(bulk))
    assert kept(sent(BULK, delta, bulk)).files.keys() == kept(sent(bulk)).files.keys()


def test_complete_and_changed_files_may_be_mixed() -> None:
    mixed = a_delta(
        {"users": "bulk"}, users=[a_student_user(2), a_guardian_user(2)], demographics=[dated(a_birth(2, birthDate="2014-02-03"))]
    )
    assert people(sent(BULK, mixed)) == {"100002": ("student", "Pinec", "04", "school-1", "2014-02-03", "family2@example.org")}


def test_a_file_that_the_manifest_of_changes_calls_absent_is_not_read() -> None:
    files = a_delta({"orgs": "absent"}, users=[], orgs=[])
    after = sent(BULK, files)
    assert people(after) == people(sent(BULK))
    assert Reason.MANIFEST_DISAGREES in reasons_of(after)


# Order


OLDEST = "2026-11-20T06:01"
"""Two days before the complete file of these tests: what is older is passed over."""
DAYS = (19, 20, 21, 22)
ROWS = st.builds(
    lambda number, grade, day, gone: dated(
        a_student_user(number, grades=f"{grade:02d}"), f"2026-11-{day:02d}", "tobedeleted" if gone else "active"
    ),
    st.integers(1, 5),
    st.integers(1, 9),
    st.sampled_from(DAYS),
    st.booleans(),
)
NOES = st.builds(lambda row, no: row | {"metadata.optOut": "yes" if no else ""}, ROWS, st.booleans())
UNDATED = st.builds(lambda row, broken: row | broken, NOES, st.sampled_from([{}, {}, {"dateLastModified": ""}, {"status": "enrolled"}]))
BIRTHS = st.builds(
    lambda number, day, gone: dated(
        a_birth(number, birthDate=f"2015-01-{day:02d}"), f"2026-11-{day:02d}", "tobedeleted" if gone else "active"
    ),
    st.integers(1, 5),
    st.sampled_from(DAYS),
    st.booleans(),
)


def changes_of(rows: st.SearchStrategy[Row], *, one_of_an_id: bool) -> st.SearchStrategy[list[tuple[list[Row], list[Row]]]]:
    """One to three files of changes."""

    def of(strategy: st.SearchStrategy[Row], most: int) -> st.SearchStrategy[list[Row]]:
        return st.lists(strategy, max_size=most, unique_by=(lambda row: row["sourcedId"]) if one_of_an_id else None)

    return st.lists(st.tuples(of(rows, 4), of(BIRTHS, 3)), min_size=1, max_size=3)


def in_every_order(changes: list[tuple[list[Row], list[Row]]]) -> list[Reading]:
    """What there is in the end, for each order of merging."""
    uploads = [(number, a_delta(users=users, demographics=births)) for number, (users, births) in enumerate(changes, 2)]
    ends = []
    for order in permutations(uploads):
        earlier = BULK_KEPT
        for number, data in order:
            reading = result_of(data, earlier, number)
            assert isinstance(reading, Reading), reading
            earlier = kept(reading)
        ends.append(reading)
    return ends


def standing(snapshot: Snapshot) -> dict[str, tuple[str, str, str, int]]:
    """What counts of each student's row, but not what it holds."""
    rows = snapshot.files["users.csv"].rows.items()
    return {key: (e.modified, e.arrived, e.no, len(e.shown)) for key, e in rows if not key.startswith("g")}


@given(changes_of(ROWS, one_of_an_id=False))
@settings(max_examples=60, deadline=None)
def test_changes_give_the_same_in_every_order_of_merging(changes: list[tuple[list[Row], list[Row]]]) -> None:
    ends = [(kept(reading).to_bytes(), people(reading)) for reading in in_every_order(changes)]
    assert all(end == ends[0] for end in ends)


@given(changes_of(UNDATED, one_of_an_id=False))
@settings(max_examples=30, deadline=None)
def test_noes_give_the_same_in_every_order_of_merging(changes: list[tuple[list[Row], list[Row]]]) -> None:
    """A no takes birth date and guardian away for good, whatever comes after it: what those were is not compared."""
    ends = [(sorted(noes(reading)), standing(kept(reading))) for reading in in_every_order(changes)]
    assert all(end == ends[0] for end in ends)


@given(changes_of(UNDATED, one_of_an_id=False))
@settings(max_examples=30, deadline=None)
def test_the_same_upload_merged_again_keeps_the_same(changes: list[tuple[list[Row], list[Row]]]) -> None:
    for number, (users, births) in enumerate(changes, 2):
        delta = a_delta(users=users, demographics=births)
        once = sent(delta, earlier=BULK_KEPT, first=number)
        again = sent(delta, earlier=kept(once), first=number)
        assert (standing(kept(again)), noes(again)) == (standing(kept(once)), noes(once))


@given(changes_of(NOES, one_of_an_id=True))
@settings(max_examples=30, deadline=None)
def test_a_no_counts_until_a_newer_row_arrives_after_it(changes: list[tuple[list[Row], list[Row]]]) -> None:
    top: dict[str, tuple[str, int]] = {}
    said: dict[str, int] = {}
    for number, (users, _) in enumerate(changes, 2):
        for row in users:
            key, day = row["sourcedId"], row["dateLastModified"]
            if row["metadata.optOut"]:
                said[key] = number
            if day > OLDEST and (day, number) > top.get(key, ("", 0)):
                top[key] = (day, number)
    refused = {key for key, number in said.items() if number >= top.get(key, ("", 0))[1]}
    merged = sent(BULK, *(a_delta(users=users) for users, _ in changes))
    assert set(noes(merged)) == refused


@given(changes_of(ROWS, one_of_an_id=True))
@settings(max_examples=60, deadline=None)
def test_a_bulk_and_its_changes_give_what_a_bulk_of_the_end_gives(changes: list[tuple[list[Row], list[Row]]]) -> None:
    users = {r["sourcedId"]: r for r in (a_student_user(n) for n in (1, 2, 3))}
    births = {r["sourcedId"]: r for r in (a_birth(n) for n in (1, 2, 3))}
    stamps: dict[tuple[str, str], str] = {}
    for rows_of_users, rows_of_births in changes:
        for name, state, rows in (("u", users, rows_of_users), ("b", births, rows_of_births)):
            for row in rows:
                key = row["sourcedId"]
                if row["dateLastModified"] > OLDEST and row["dateLastModified"] >= stamps.get((name, key), ""):
                    stamps[name, key] = row["dateLastModified"]
                    state.pop(key, None)
                    if row["status"] == "active":
                        state[key] = row | {"status": "", "dateLastModified": ""}
    families = [a_guardian_user(n) for n in range(1, 6)]
    first = a_bulk(*(a_student_user(n) for n in (1, 2, 3)), *families, a_teacher_user(), births=[a_birth(n) for n in (1, 2, 3)])
    last = a_bulk(*users.values(), *families, a_teacher_user(), births=list(births.values()))
    merged = sent(first, *(a_delta(users=u, demographics=b) for u, b in changes))
    assert people(merged) == people(sent(last))


def test_a_change_moves_nobody_whose_rows_did_not_change_to_another_place() -> None:
    """Two rows under one id say different things in the bulk: a night without news keeps both rejected."""
    bulk = a_bulk(a_student_user(1), a_student_user(2), a_student_user(2, familyName="Elm"), births=[])
    before, after = sent(bulk), sent(bulk, a_delta(users=[]))
    assert before.rejected == after.rejected == {Reason.DUPLICATE_ID: 2}
    assert before.rejected_people == after.rejected_people


# A family's no


NO = {"metadata.optOut": "yes"}


def noes(reading: Reading | Refusal) -> list[str]:
    assert isinstance(reading, Reading)
    return [p.local_id for p in reading.people if p.opt_out]


@pytest.mark.parametrize(
    ("broken", "column", "reason"),
    [
        ({"dateLastModified": ""}, "dateLastModified", Reason.MISSING_REQUIRED),
        ({"dateLastModified": "11/21/2026 1:00 PM"}, "dateLastModified", Reason.BAD_DATE),
        ({"status": "enrolled"}, "status", Reason.BAD_STATUS),
        ({"status": ""}, "status", Reason.BAD_STATUS),
    ],
)
def test_a_no_in_a_row_that_has_no_date_or_status_counts_and_stays_said(broken: dict[str, str], column: str, reason: Reason) -> None:
    """As in a complete file; its fault is told once."""
    after = sent(BULK, a_delta(users=[dated(a_student_user(1, **NO)) | broken]))
    assert (noes(after), after.rejected) == (["100001"], {})
    assert [(p.file, p.line, p.column) for p in at(after, reason)] == [("users.csv", 2, column)]
    assert "family1@example.org" not in everything(kept(after))
    assert noes(sent(a_delta(users=[]), earlier=kept(after), first=3)) == ["100001"]
    back = sent(a_delta(users=[dated(a_student_user(1))]), earlier=kept(after), first=3)
    assert noes(back) == [], "a newer row after it takes it back"


def test_a_no_without_a_sourced_id_counts_where_the_childs_own_id_is_there() -> None:
    own = agreed(exchange={"deltas": True, "mapping": {**DELTAS["exchange"].get("mapping", {}), "student_id": "identifier"}})
    bulk = a_bulk(a_student_user(1, identifier="500001"), a_guardian_user(1), births=[a_birth(1)])
    row = dated(a_student_user(1, identifier="500001", sourcedId=" ", **NO))
    after = sent(bulk, a_delta(users=[row]), agreement=own)
    assert noes(after) == ["500001"]


@pytest.mark.parametrize("no_first", [True, False])
def test_of_two_rows_that_contradict_each_other_in_one_file_the_no_wins(no_first: bool) -> None:
    rows = [dated(a_student_user(1, **NO)), dated(a_student_user(1))]
    after = sent(BULK, a_delta(users=rows if no_first else rows[::-1]))
    assert (noes(after), after.rejected) == (["100001"], {Reason.DUPLICATE_ID: 1})
    assert [p.line for p in at(after, Reason.DUPLICATE_ID)] == [3 if no_first else 2]
    assert noes(sent(a_delta(users=[]), earlier=kept(after), first=3)) == ["100001"]


def test_two_rows_of_one_date_that_say_different_things_are_both_rejected_and_equal_ones_are_one() -> None:
    row, other = dated(a_student_user(1, grades="05")), dated(a_student_user(1, grades="06"))
    after = sent(BULK, a_delta(users=[row, other]))
    assert (after.rejected, [p.line for p in at(after, Reason.DUPLICATE_ID)]) == ({Reason.DUPLICATE_ID: 2}, [2, 3])
    assert (Role.STUDENT, "100001") in after.rejected_people
    assert sent(a_delta(users=[]), earlier=kept(after), first=3).rejected == {Reason.DUPLICATE_ID: 2}
    once = sent(BULK, a_delta(users=[row, row]))
    assert (people(once)["100001"][2], once.rejected, at(once, Reason.OUTDATED_ROW)) == ("05", {}, [])


def test_a_no_that_is_dated_before_the_row_that_is_kept_counts() -> None:
    newer, no = a_delta(users=[dated(a_student_user(1, grades="05"), "2026-11-22")]), dated(a_student_user(1, **NO), "2026-11-21")
    after = sent(BULK, newer, a_delta(users=[no]))
    assert (noes(after), after.rejected) == (["100001"], {})
    assert noes(sent(a_delta(users=[]), earlier=kept(after), first=4)) == ["100001"]
    assert noes(sent(BULK, a_delta(users=[dated(a_student_user(1, **NO), "2020-01-01")]))) == ["100001"], "however old"


def test_a_no_of_somebody_who_is_deleted_is_carried_on_as_in_a_complete_file() -> None:
    assert noes(sent(BULK, a_delta(users=[dated(a_student_user(1, **NO), status="tobedeleted")]))) == ["100001"]


# What a complete file has already


def test_a_row_two_days_older_than_the_complete_file_changes_nothing_of_it_and_is_told() -> None:
    rows = [dated(a_student_user(n, grades="05"), day) for n, day in ((1, "2026-11-19"), (2, "2026-11-21"), (4, "2026-11-19"))]
    births = [dated(a_birth(3, birthDate="2014-01-01"), "2026-11-19", "tobedeleted")]
    after = sent(BULK, a_delta(users=[*rows, dated(a_student_user(3), "2026-11-19", "tobedeleted")], demographics=births))
    changed = {key for key, person in people(sent(BULK)).items() if people(after).get(key) != person}
    assert (changed, "100004" in people(after)) == ({"100002"}, False)
    assert [(p.file, p.line) for p in at(after, Reason.OUTDATED_ROW)] == [
        ("demographics.csv", 2), ("users.csv", 2), ("users.csv", 4), ("users.csv", 5)
    ]  # fmt: skip


def test_changes_that_were_merged_before_a_complete_file_are_refused_after_it() -> None:
    delta = a_delta(users=[dated(a_student_user(3, grades="05"))])
    bulk = sent(BULK, delta, a_bulk(a_student_user(1), a_guardian_user(1)))
    assert result_of(delta, kept(bulk), 4, first=arrival(2)) == Refusal(Reason.STALE_FILE, "users.csv")
    assert isinstance(result_of(a_delta(users=[]), kept(bulk), 4, first=arrival(2)), Reading), "no changes change nothing"
    before = sent(BULK, delta)
    assert isinstance(result_of(delta, kept(before), 4, first=arrival(2)), Reading), "no complete file came since"
    mixed = a_delta({"orgs": "bulk"}, users=[], orgs=[an_org("pine-district", "district"), an_org("school-1")])
    assert result_of(mixed, kept(bulk), 4, first=arrival(2)) == Refusal(Reason.STALE_FILE, "orgs.csv")


def test_what_was_kept_before_noes_were_remembered_is_read() -> None:
    assert '"rows":[["' in zlib.decompress(BULK_KEPT.to_bytes()).decode()
    assert all(len(row) == 4 for row in json.loads(zlib.decompress(BULK_KEPT.to_bytes()))["files"]["users.csv"]["rows"])


# What cannot be merged


def test_changes_that_are_not_agreed_are_refused() -> None:
    result = read_roster(a_delta(users=[]), file_name="x", agreement=an_agreement(), today=TODAY)
    assert result == Refusal(Reason.DELTA_NOT_AGREED, "users.csv")


def test_changes_before_any_complete_file_are_refused() -> None:
    assert result_of(a_delta(users=[]), None, 1) == Refusal(Reason.DELTA_WITHOUT_BULK, "users.csv")


def test_changes_of_a_file_that_was_never_complete_are_refused() -> None:
    bulk = a_bulk(a_student_user(), without=("demographics.csv",), manifest=[row for row in MANIFEST if row[0] != "file.demographics"])
    assert result_of(a_delta(demographics=[]), kept(sent(bulk)), 2) == Refusal(Reason.DELTA_WITHOUT_BULK, "demographics.csv")


def test_after_the_agreed_fields_grew_a_complete_file_is_needed() -> None:
    grown = agreed(fields={"middle_name": {"required": False, "exhibit_b": "x", "fideslang": "user.name"}})
    assert result_of(a_delta(users=[]), kept(sent(BULK)), 2, grown) == Refusal(Reason.DELTA_WITHOUT_BULK, "users.csv")
    assert isinstance(result_of(a_delta(users=[]), kept(sent(BULK, agreement=grown)), 2, grown), Reading)


def test_what_is_agreed_no_longer_leaves_with_the_next_file() -> None:
    less = agreed(without=("fields.home_language", "exchange.mapping.home_language"))
    first, after = sent(BULK), sent(a_delta(users=[]), agreement=less, earlier=kept(sent(BULK)), first=2)
    assert "metadata.homeLanguage" in kept(first).files["users.csv"].columns
    assert "metadata.homeLanguage" not in kept(after).files["users.csv"].columns


def test_changes_older_than_the_complete_file_are_refused_for_it_has_them_already() -> None:
    bulk = sent(BULK, first=5)
    assert result_of(a_delta(users=[]), kept(bulk), 4) == Refusal(Reason.STALE_FILE, "users.csv")


def test_a_complete_file_among_changes_is_refused_where_newer_changes_were_merged() -> None:
    after = sent(BULK, a_delta(users=[]), first=5)
    mixed = a_delta({"users": "bulk"}, users=[a_student_user()], orgs=[])
    assert result_of(mixed, kept(after), 5, run="other") == Refusal(Reason.STALE_FILE, "users.csv")


def test_a_promised_file_of_changes_that_is_not_there_is_refused() -> None:
    assert result_of(a_delta({"demographics": "delta"}, users=[]), kept(sent(BULK)), 2) == Refusal(
        Reason.MISSING_FILE, "demographics.csv", 6
    )


@pytest.mark.parametrize("column", ["sourcedId", "status", "dateLastModified", "metadata.homeLanguage"])
def test_changes_without_a_column_that_the_complete_file_had_are_refused(column: str) -> None:
    row = {name: cell for name, cell in dated(a_student_user()).items() if name != column}
    manifest = a_csv([{"propertyName": "oneroster.version", "value": "1.1"}, {"propertyName": "file.users", "value": "delta"}])
    data = a_zip({"manifest.csv": manifest, "users.csv": a_csv([row])})
    assert result_of(data, kept(sent(BULK)), 2) == Refusal(Reason.MISSING_COLUMN, "users.csv", 1, column)


@pytest.mark.parametrize(
    ("broken", "column", "reason"),
    [
        ({"dateLastModified": ""}, "dateLastModified", Reason.MISSING_REQUIRED),
        ({"dateLastModified": "yesterday"}, "dateLastModified", Reason.BAD_DATE),
        ({"dateLastModified": "9" * 400}, "dateLastModified", Reason.BAD_DATE),
        ({"dateLastModified": "0001-01-01T00:00:00+14:00"}, "dateLastModified", Reason.BAD_DATE),
        ({"dateLastModified": "٢٠٢٦-11-22"}, "dateLastModified", Reason.BAD_DATE),
        ({"status": ""}, "status", Reason.BAD_STATUS),
        ({"status": "deleted"}, "status", Reason.BAD_STATUS),
        ({"sourcedId": " "}, "sourcedId", Reason.MISSING_REQUIRED),
    ],
)
def test_a_row_of_changes_that_cannot_be_merged_is_rejected_alone(broken: dict[str, str], column: str, reason: Reason) -> None:
    after = sent(BULK, a_delta(users=[dated(a_student_user(1, grades="05")), dated(a_student_user(2, grades="05")) | broken]))
    assert (people(after)["100001"][2], people(after)["100002"][2]) == ("05", "04")
    assert after.rejected == {reason: 1}
    assert [(p.file, p.line, p.column) for p in at(after, reason)] == [("users.csv", 3, column)]
    assert after.rows_without_id == 0, "whoever it is about stands as before: nobody else's card waits for it"


def test_a_broken_row_of_changes_of_another_file_is_told_and_counts_no_student_as_rejected() -> None:
    after = sent(BULK, a_delta(demographics=[a_birth(2)]))
    assert [(p.file, p.line, p.column) for p in at(after, Reason.BAD_STATUS)] == [("demographics.csv", 2, "status")]
    assert (after.rejected, people(after)) == ({}, people(sent(BULK)))


CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["active", "tobedeleted", "100001", "g1", "2026-11-21", "yes", "student", "guardian", "100001,g1"]),
)


@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys(a_student_user(), CELLS)), max_size=4),
    st.lists(st.fixed_dictionaries(dict.fromkeys(a_birth(), CELLS)), max_size=3),
)
@settings(max_examples=80, deadline=None)
def test_whatever_stands_in_rows_of_changes_is_a_reading_or_a_refusal(users: list[Row], births: list[Row]) -> None:
    for result in (
        result_of(a_delta(users=users, demographics=births), BULK_KEPT, 2),
        read_roster(a_delta(users=users), file_name="x", agreement=agreed(), today=TODAY),
    ):
        assert isinstance(result, (Reading, Refusal))
        if isinstance(result, Reading) and result.snapshot:
            assert Snapshot.from_bytes(result.snapshot.to_bytes()).files.keys() == result.snapshot.files.keys()


# Lines


def test_lines_are_those_of_this_upload_and_0_for_rows_that_came_before() -> None:
    bulk = a_bulk(a_student_user(1, grades="99"), a_student_user(2), births=[a_birth(1), a_birth(2, birthDate="2016-05")])
    after = sent(bulk, a_delta(users=[dated(a_student_user(3)), dated(a_student_user(4, grades="98"))]))
    assert sorted(p.line for p in at(after, Reason.BAD_GRADE)) == [0, 3]
    assert [(p.file, p.line) for p in at(after, Reason.BAD_DATE)] == [("demographics.csv", 0)]
    assert all(p.line >= 0 for p in after.problems)


def test_a_row_of_the_bulk_that_could_not_be_read_keeps_everybody_who_is_missing_from_being_taken_for_gone() -> None:
    files = oneroster_files([a_student_user(1), a_guardian_user(1)], births=[])
    files["users.csv"] = str(files["users.csv"]) + "100002,,,true\r\n"
    before, after = sent(a_zip(files)), sent(a_zip(files), a_delta(users=[]))
    assert before.rows_without_id == after.rows_without_id == 1
    assert [p.line for p in at(after, Reason.ROW_WIDTH)] == [0]


# What is kept


def test_only_agreed_columns_are_kept() -> None:
    bulk = a_bulk(
        a_student_user(password="swordfish-1", phone="555-0100", username="nickname-1"), births=[a_birth(sex="female", white="true")]
    )
    body = str({file: [e.shown for e in k.rows.values()] for file, k in kept(sent(bulk)).files.items()})
    assert "Pineb" in body
    assert not [value for value in ("swordfish", "555-0100", "nickname", "female") if value in body]


def everything(snapshot: Snapshot) -> str:
    return str({file: [(key, e.versions, e.refusing) for key, e in k.rows.items()] for file, k in snapshot.files.items()})


def test_of_a_child_whose_family_said_no_only_the_id_and_the_no_are_kept_and_the_no_stays_said() -> None:
    refused = a_student_user(1, familyName="Larch", givenName="Rosa", **{"metadata.optOut": "yes"})
    bulk = a_bulk(
        refused, a_guardian_user(1), a_student_user(2), a_guardian_user(2), births=[a_birth(1, birthDate="2013-12-11"), a_birth(2)]
    )
    first = sent(bulk)
    assert not [value for value in ("Larch", "Rosa", "2013-12-11", "family1@") if value in everything(kept(first))]
    assert "family2@example.org" in everything(kept(first))
    after = sent(bulk, a_delta(users=[]))
    assert [(p.local_id, p.opt_out, p.last_name) for p in after.people] == [("100001", True, ""), ("100002", False, "Pinec")]
    assert after.rejected == {}
    assert at(after, Reason.MISSING_REQUIRED) == []


def test_a_no_in_changes_takes_what_was_kept_before_away() -> None:
    refused = a_student_user(1, **{"metadata.optOut": "yes"})
    after = sent(BULK, a_delta(users=[dated(refused)]))
    assert "family1@example.org" not in everything(kept(after))
    assert "family2@example.org" in everything(kept(after))
    assert kept(after).files["demographics.csv"].rows["100001"].versions == ()


def test_a_guardian_of_a_second_child_without_a_no_is_kept() -> None:
    refused = a_student_user(1, **{"metadata.optOut": "yes"})
    after = sent(a_bulk(refused, a_student_user(2, agentSourcedIds="g1"), a_guardian_user(1), births=[]))
    assert "family1@example.org" in everything(kept(after))


def test_names_of_guardians_and_of_staff_who_get_no_card_are_not_kept() -> None:
    body = everything(kept(sent(BULK, agreement=agreed(rollout={"staff": False}))))
    assert not [value for value in ("Grace", "Tom", "teacher1@") if value in body]
    assert "family1@example.org" in body


def test_nothing_is_kept_where_changes_are_not_agreed_or_nobody_asks() -> None:
    for agreement, asked in ((an_agreement(), told(None, 1)), (agreed(), None)):
        reading = read_roster(BULK, file_name="x", agreement=agreement, today=TODAY, told=asked)
        assert isinstance(reading, Reading)
        assert reading.snapshot is None


def test_what_is_kept_shows_no_value_when_printed() -> None:
    assert "Pine" not in repr(kept(sent(BULK))) + repr(sent(BULK)) + repr(next(iter(kept(sent(BULK)).files["users.csv"].rows.values())))


def test_more_than_any_roster_is_not_kept() -> None:
    small = agreed(exchange={"deltas": True, "max_megabytes": 1})

    def many(first: int) -> bytes:
        return a_delta(users=[dated(a_student_user(n, **{"metadata.homeLanguage": "x" * 300})) for n in range(first, first + 2000)])

    most = sent(BULK, many(10_000), many(20_000), agreement=small)
    assert result_of(many(30_000), kept(most), 4, small) == Refusal(Reason.TOO_LARGE, "users.csv")


# A look at changes alone


def test_without_what_came_before_only_rows_are_looked_at() -> None:
    data = a_delta(users=[dated(a_student_user(1)), a_student_user(2)], orgs=[])
    reading = read_roster(data, file_name="x", agreement=agreed(), today=TODAY)
    assert isinstance(reading, Reading)
    assert (reading.rows_only, reading.people, reading.rows, reading.rejected) == (True, (), 2, {Reason.BAD_STATUS: 1})
    assert reasons_of(reading) == {Reason.BAD_STATUS}


# OneRoster 1.2, and homerooms


MORE = {
    "roles": ROLES_1_2.columns,
    "classes": ("sourcedId", "status", "dateLastModified", "title", "classType"),
    "enrollments": ("sourcedId", "status", "dateLastModified", "classSourcedId", "userSourcedId", "role", "beginDate", "endDate"),
}
HOMEROOMS = agreed(fields={"homeroom": {"required": False, "exhibit_b": "x", "fideslang": "user"}})


def a_role(number: int, word: str = "student", **changes: str) -> Row:
    row = dict.fromkeys(ROLES_1_2.columns, "")
    return (
        row
        | {
            "sourcedId": f"r{number}",
            "userSourcedId": f"{100000 + number}",
            "roleType": "primary",
            "role": word,
            "orgSourcedId": "school-1",
        }
        | changes
    )


def a_user_1_2(number: int, **changes: str) -> Row:
    return {name: cell for name, cell in a_student_user(number, **changes).items() if name not in ("role", "orgSourcedIds")}


def the_files(version: str, mode: str, **files: Iterable[Row]) -> bytes:
    """Files of 1.2, or of any with classes, all in one mode."""
    said = [{"propertyName": "oneroster.version", "value": version}]
    said += [{"propertyName": f"file.{name}", "value": mode} for name in files]
    columns = MORE | {
        "users": tuple(a_user_1_2(1) if version == "1.2" else a_student_user()),
        "orgs": tuple(an_org()),
        "demographics": tuple(a_birth()),
    }
    return a_zip({"manifest.csv": a_csv(said)} | {f"{name}.csv": a_csv(rows, columns[name]) for name, rows in files.items()})


def test_in_1_2_a_role_alone_moves_or_ends_a_student_whose_other_rows_are_not_sent() -> None:
    bulk = the_files(
        "1.2", "bulk", orgs=[an_org("pine-district", "district"), an_org("school-1"), an_org("school-2")],
        users=[a_user_1_2(n) for n in (1, 2, 3)], roles=[a_role(n) for n in (1, 2, 3)], demographics=[a_birth(n) for n in (1, 2, 3)],
    )  # fmt: skip
    delta = the_files("1.2", "delta", roles=[dated(a_role(1, orgSourcedId="school-2")), dated(a_role(2), status="tobedeleted")])
    before, after = sent(bulk), sent(bulk, delta)
    assert (after.format, sorted(people(before))) == ("oneroster_1_2_delta", ["100001", "100002", "100003"])
    assert {key: person[3] for key, person in people(after).items()} == {"100001": "school-2", "100003": "school-1"}
    assert people(after)["100003"] == people(before)["100003"]


def test_in_1_2_of_a_child_with_a_no_no_school_and_no_name_is_kept() -> None:
    bulk = the_files(
        "1.2", "bulk", orgs=[an_org("pine-district", "district"), an_org("school-1")], demographics=[],
        users=[a_user_1_2(1, familyName="Larch", **{"metadata.optOut": "yes"}), a_user_1_2(2)], roles=[a_role(1, orgSourcedId="school-1"), a_role(2)],
    )  # fmt: skip
    after = sent(bulk, the_files("1.2", "delta", users=[]))
    assert "Larch" not in everything(kept(after))
    assert "school-1" not in str(kept(after).files["roles.csv"].rows["r1"].versions)
    assert [(p.role, p.local_id, p.opt_out) for p in after.people] == [("student", "100001", True), ("student", "100002", False)]


def test_a_change_of_enrollment_moves_a_student_to_another_homeroom() -> None:
    classes = [{"sourcedId": c, "status": "", "dateLastModified": "", "title": f"Room {c}", "classType": "homeroom"} for c in "AB"]

    def seat(number: int, room: str) -> Row:
        return dict.fromkeys(MORE["enrollments"], "") | {
            "sourcedId": f"e{number}", "classSourcedId": room, "userSourcedId": f"{100000 + number}", "role": "student"
        }  # fmt: skip

    bulk = the_files(
        "1.1", "bulk", orgs=[an_org("pine-district", "district"), an_org("school-1")], demographics=[], classes=classes,
        users=[a_student_user(n) for n in (1, 2, 3)], enrollments=[seat(n, "A") for n in (1, 2, 3)],
    )  # fmt: skip
    delta = the_files("1.1", "delta", enrollments=[dated(seat(2, "B")), dated(seat(3, "A"), status="tobedeleted")])
    after = sent(bulk, delta, agreement=HOMEROOMS)
    assert [p.homeroom for p in after.people] == ["Room A", "Room B", ""]


class TestWhereAProblemStands:
    """On its line of this upload, or on none: both in the list and for the one person whom it is about."""

    SHORT = a_bulk(
        a_student_user(1),
        a_student_user(2, familyName=""),
        a_student_user(3),
        *(a_guardian_user(n) for n in (1, 2, 3)),
        births=[a_birth(1), a_birth(2), a_birth(3, birthDate="no day")],
    )
    OF_2, OF_3 = (Role.STUDENT, "100002"), (Role.STUDENT, "100003")

    @staticmethod
    def rejected(reading: Reading) -> dict[tuple[Role, str], list[tuple[str, int, str]]]:
        of_people = {key: [(p.file, p.line, p.column) for p in found] for key, found in reading.problems_of.items()}
        listed = {(p.file, p.line, p.column) for p in reading.problems if REASONS[p.reason].severity == "row"}
        assert listed == {place for places in of_people.values() for place in places}
        return of_people

    def test_a_complete_file_has_its_lines(self) -> None:
        assert self.rejected(sent(self.SHORT)) == {
            self.OF_2: [("users.csv", 3, "familyName")],
            self.OF_3: [("demographics.csv", 4, "birthDate")],
        }

    def test_after_other_changes_the_same_rows_have_none(self) -> None:
        assert self.rejected(sent(self.SHORT, a_delta(users=[dated(a_student_user(1, grades="05"))]))) == {
            self.OF_2: [("users.csv", 0, "familyName")],
            self.OF_3: [("demographics.csv", 0, "birthDate")],
        }

    def test_a_row_that_came_again_has_its_new_line_whichever_file_the_fault_is_in(self) -> None:
        delta = a_delta(
            users=[dated(a_student_user(2, familyName=""))], demographics=[dated(a_birth(1)), dated(a_birth(3, birthDate="none"))]
        )
        assert self.rejected(sent(self.SHORT, delta)) == {
            self.OF_2: [("users.csv", 2, "familyName")],
            self.OF_3: [("demographics.csv", 3, "birthDate")],
        }

    def test_a_change_that_could_not_be_added_is_told_for_the_person_whom_it_is_about(self) -> None:
        reading = sent(BULK, a_delta(users=[dated(a_student_user(4), "soon"), dated(a_student_user(5, sourcedId=""))]))
        of_4 = [(p.line, p.column, p.reason) for p in reading.problems_of[(Role.STUDENT, "100004")]]
        assert of_4 == [(2, "dateLastModified", Reason.BAD_DATE)]
        assert {local_id for _, local_id in reading.problems_of} == {"100004"}

    def test_in_1_2_a_role_that_was_changed_alone_has_its_line_and_one_that_was_not_has_none(self) -> None:
        bulk = the_files(
            "1.2", "bulk", orgs=[an_org("pine-district", "district"), an_org("school-1")],
            users=[a_user_1_2(n) for n in (1, 2, 3)], roles=[a_role(1), a_role(2), a_role(3, orgSourcedId="nowhere")], demographics=[],
        )  # fmt: skip
        delta = the_files("1.2", "delta", users=[dated(a_user_1_2(3))], roles=[dated(a_role(1)), dated(a_role(2, orgSourcedId="nowhere"))])
        reading = sent(bulk, delta)
        dangling = {key: [p for p in found if p.reason is Reason.DANGLING_SCHOOL] for key, found in reading.problems_of.items()}
        assert {key: [(p.file, p.line) for p in found] for key, found in dangling.items() if found} == {
            self.OF_2: [("roles.csv", 3)],
            self.OF_3: [("roles.csv", 0)],
        }
        assert {(p.file, p.line) for p in at(reading, Reason.DANGLING_SCHOOL)} == {("roles.csv", 3), ("roles.csv", 0)}
