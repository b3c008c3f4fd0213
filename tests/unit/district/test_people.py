"""The synthetic district: the same again for the same seed, plausible, and counted right."""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from datetime import date

import pytest

from firstcard.agreement import Agreement, load_agreement
from firstcard.roster import Reading, Reason, Role, read_roster
from local.district import ChangeKind, Damage, District, make_district
from local.district.canonical import CANONICAL_HEADER, canonical_csv
from local.district.oneroster import HEADERS, oneroster_zip
from tests.unit.sender.builders import EXAMPLE

TODAY = date(2026, 11, 22)


def a_district(*, students: int = 1200, seed: int = 7, today: date = TODAY) -> District:
    return make_district(district="duval", students=students, staff=90, schools=12, seed=seed, today=today)


DISTRICT = a_district()
GOOD = [student for student in DISTRICT.students if student.damage is None]


def an_agreement(example: str = "jacksonville", **exchange: object) -> Agreement:
    agreement = load_agreement(EXAMPLE.with_name(f"{example}.yaml"))
    mapping = {**agreement.exchange.mapping, "student_id": "identifier"}
    taken = agreement.exchange.model_copy(update={"organisation_ids": (DISTRICT.org_id,), "mapping": mapping, **exchange})
    return agreement.model_copy(update={"exchange": taken})


def rows_of(district: District, file: str, **how: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(io.BytesIO(oneroster_zip(district, **how))) as archive:  # type: ignore[arg-type]
        return list(csv.DictReader(io.StringIO(archive.read(file).decode(), newline="")))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_people() -> None:
    assert oneroster_zip(a_district()) == oneroster_zip(DISTRICT)
    assert canonical_csv(a_district()) == canonical_csv(DISTRICT)
    assert {student.local_id for student in a_district(seed=8).students}.isdisjoint({student.local_id for student in GOOD[:50]})


def test_the_asked_number_of_students_and_staff_are_there() -> None:
    for students in (1, 2, 199, 1201):
        district = a_district(students=students)
        assert (len(district.students), len(district.staff)) == (students, 90)


def test_six_of_a_thousand_rows_are_damaged_in_every_way() -> None:
    assert DISTRICT.expected.damaged.keys() == set(Damage)
    assert sum(DISTRICT.expected.damaged.values()) == round(1200 * 0.006)


def test_every_age_suits_its_grade_and_every_id_is_one_persons() -> None:
    place = {grade: n for n, grade in enumerate(("PK", "KG", *(f"{n:02d}" for n in range(1, 13))))}
    for student in GOOD:
        age = (date(2026, 9, 1) - student.birth_date).days / 365.25
        assert place[student.grade] + 2.9 < age < place[student.grade] + 6.1
    ids = [student.local_id.lstrip("0") for student in GOOD] + [person.local_id for person in DISTRICT.staff]
    assert len(set(ids)) == len(ids)


def test_the_people_are_of_many_origins_and_live_in_many_ways() -> None:
    names = {name for student in GOOD for name in (student.last_name, student.first_name)}
    for sort in (r"[^\x00-\xff]", r"[\u4e00-\u9fff]", "ʻ", "'", "-", r"[ạ-ỹ]", r"^\w$", r"\w \w"):
        assert any(re.search(sort, name) for name in names), sort
    assert {"en", "es", "vi", "ar", "ht"} <= {student.language for student in GOOD}
    families: dict[int, list[date]] = {}
    for student in GOOD:
        families.setdefault(student.household, []).append(student.birth_date)
    assert any(len(set(born)) < len(born) for born in families.values())
    assert any(len({student.last_name for student in GOOD if student.household == family}) > 1 for family in list(families)[:300])
    assert any(len(student.guardians) == 2 for student in GOOD)
    assert any(student.local_id.startswith("0") for student in GOOD)


def test_addresses_are_plain_ascii_and_reach_nobody_real() -> None:
    addresses = [guardian.email for guardian in DISTRICT.guardians if guardian.email] + [person.email for person in DISTRICT.staff]
    assert all(re.fullmatch(r"[A-Za-z0-9.]+@(duval\.)?example\.(org|com)", address, re.IGNORECASE) for address in addresses)
    assert len({address.lower() for address in addresses}) == len(addresses)
    reachable = {guardian.email.lower() for guardian in DISTRICT.guardians if guardian.email}
    assert 0.01 < sum(not student.email for student in GOOD) / len(GOOD) < 0.06
    assert {student.email for student in GOOD if student.email} <= reachable


def test_every_file_of_the_export_has_its_header_and_points_nowhere_but_home() -> None:
    schools = {school.sourced_id for school in DISTRICT.schools}
    users = rows_of(DISTRICT, "users.csv")
    everybody = {row["sourcedId"] for row in users}
    classes = {row["sourcedId"] for row in rows_of(DISTRICT, "classes.csv")}
    with zipfile.ZipFile(io.BytesIO(oneroster_zip(DISTRICT))) as archive:
        assert archive.namelist() == list(HEADERS)
        for name, header in HEADERS.items():
            assert archive.read(name).decode().splitlines()[0] == ",".join(header)
    assert {row["userSourcedId"] for row in rows_of(DISTRICT, "enrollments.csv")} <= everybody
    assert {row["classSourcedId"] for row in rows_of(DISTRICT, "enrollments.csv")} <= classes
    assert {agent for row in users for agent in row["agentSourcedIds"].split(",") if agent} <= everybody
    lost = {row["sourcedId"] for row in users if row["role"] != "guardian" and row["orgSourcedIds"] not in schools}
    assert lost == {student.sourced_id for student in DISTRICT.students if student.damage is Damage.UNKNOWN_SCHOOL}
    assert {row["sourcedId"] for row in rows_of(DISTRICT, "demographics.csv")} == {student.sourced_id for student in DISTRICT.students}


def read(district: District, agreement: Agreement, **how: str) -> Reading:
    reading = read_roster(oneroster_zip(district, **how), file_name="export.zip", agreement=agreement, today=district.today)  # type: ignore[arg-type]
    assert isinstance(reading, Reading)
    return reading


def addresses(reading: Reading) -> set[str]:
    return {person.email for person in reading.people if person.role is Role.STUDENT and not person.opt_out and person.email}


@pytest.mark.parametrize(("example", "refused"), [("jacksonville", "marked"), ("one-access", "bare")])
def test_a_reader_finds_exactly_what_the_district_expects(example: str, refused: str) -> None:
    reading = read(DISTRICT, an_agreement(example), refused=refused)
    expected = DISTRICT.expected
    assert reading.rows == expected.rows
    assert reading.rejected == expected.rejected
    roles = Counter(person.role for person in reading.people)
    assert roles == {Role.STUDENT: expected.good_students, Role.STAFF: expected.good_staff}
    assert sum(person.opt_out for person in reading.people) == expected.opted_out
    assert len(addresses(reading)) == expected.addresses


def test_refused_children_are_bare_where_nothing_about_them_may_be_sent() -> None:
    bare = [row for row in rows_of(DISTRICT, "users.csv", refused="bare") if row["metadata.optOut"]]
    assert len(bare) == DISTRICT.expected.opted_out > 0
    filled = {column for row in bare for column, value in row.items() if value}
    assert filled == {"sourcedId", "enabledUser", "role", "identifier", "metadata.optOut"}
    refused = {row["sourcedId"] for row in bare}
    assert refused.isdisjoint(row["sourcedId"] for row in rows_of(DISTRICT, "demographics.csv", refused="bare"))
    assert refused.isdisjoint(row["userSourcedId"] for row in rows_of(DISTRICT, "enrollments.csv", refused="bare"))


def test_sex_race_and_birth_country_are_sent_and_dropped() -> None:
    dropped = {column.column for column in read(DISTRICT, an_agreement()).dropped if column.forbidden}
    assert {"sex", "white", "hispanicOrLatinoEthnicity", "countryOfBirthCode"} <= dropped


def test_the_canonical_file_holds_the_same_people() -> None:
    schools = tuple(school.sourced_id for school in DISTRICT.schools)
    agreement = an_agreement(formats=("csv",), organisation_ids=schools, mapping={})
    reading = read_roster(canonical_csv(DISTRICT), file_name="export.csv", agreement=agreement, today=TODAY)
    assert isinstance(reading, Reading)
    assert canonical_csv(DISTRICT).decode().splitlines()[0] == ",".join(CANONICAL_HEADER)
    without_schools = {code: rows for code, rows in DISTRICT.expected.rejected.items() if code != Reason.DANGLING_SCHOOL}
    assert reading.rejected == without_schools
    assert reading.rows == DISTRICT.expected.rows


def lines_of(district: District) -> Counter[tuple[str, ...]]:
    births = {row["sourcedId"]: row["birthDate"] for row in rows_of(district, "demographics.csv")}
    emails = {row["sourcedId"]: row["email"] for row in rows_of(district, "users.csv") if row["role"] == "guardian"}
    wanted: Sequence[str] = ("sourcedId", "familyName", "givenName", "orgSourcedIds", "grades", "identifier", "agentSourcedIds")
    return Counter(
        (*(row[column] for column in wanted), births[row["sourcedId"]], *(emails[agent] for agent in row["agentSourcedIds"].split(",")))
        for row in rows_of(district, "users.csv")
        if row["role"] == "student"
    )


@pytest.mark.parametrize("changed", [0, 1, 10, 25])
def test_the_next_day_differs_in_exactly_the_listed_children(changed: int) -> None:
    tomorrow, changes = DISTRICT.next_day(changed)
    before, after = lines_of(DISTRICT), lines_of(tomorrow)
    touched = {line[0] for line in (before - after) + (after - before)}
    assert touched == {change.sourced_id for change in changes}
    assert len(changes) == len(touched) == changed
    assert rows_of(tomorrow, "users.csv")[-1]["role"] == "guardian"
    kinds = Counter(change.kind for change in changes)
    assert len(tomorrow.students) == len(DISTRICT.students) + kinds[ChangeKind.ARRIVED] - kinds[ChangeKind.LEFT]


def test_many_days_follow_each_other_and_only_the_chosen_kind_happens() -> None:
    district = DISTRICT
    for _ in range(5):
        district, changes = district.next_day(4, kinds=(ChangeKind.NEW_EMAIL, ChangeKind.ARRIVED))
        assert {change.kind for change in changes} == {ChangeKind.NEW_EMAIL, ChangeKind.ARRIVED}
    emails = [guardian.email.lower() for guardian in district.guardians if guardian.email]
    assert len(set(emails)) == len(emails)
    reading = read(district, an_agreement())
    assert reading.rejected == district.expected.rejected
    assert len(addresses(reading)) == district.expected.addresses


def test_a_district_that_is_too_small_for_its_changes_says_so() -> None:
    with pytest.raises(ValueError, match="too small"):
        a_district(students=5).next_day(6, kinds=(ChangeKind.LEFT,))


def test_nobody_shows_in_a_repr() -> None:
    shown = repr(DISTRICT) + repr(GOOD[0]) + repr(DISTRICT.staff[0]) + repr(GOOD[0].guardians)
    assert not any(
        needle in shown for needle in (GOOD[0].last_name, GOOD[0].local_id, DISTRICT.staff[0].email, GOOD[0].guardians[0].family_name)
    )


def test_the_needles_find_every_child_in_its_own_export() -> None:
    text = canonical_csv(DISTRICT).decode()
    needles = DISTRICT.needles()
    assert all(student.local_id in needles for student in DISTRICT.students)
    assert sum(needle in text for needle in needles) > 0.5 * len(needles)
