"""Whatever comes in, the answer is a reading or a refusal, and no row is lost."""

import zipfile

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from firstcard.roster import REASONS, Reading, Refusal, safe_file_name

from .builders import (
    USER_COLUMNS,
    a_birth,
    a_csv,
    a_firstcard_csv,
    a_guardian_user,
    a_oneroster_zip,
    a_student_row,
    a_student_user,
    a_teacher_user,
    a_zip,
    csv_agreement,
    csv_directory_agreement,
    oneroster_files,
    read,
)

CSV = csv_agreement()
DIRECTORY = csv_directory_agreement()
GOOD_ZIP = a_oneroster_zip()
STORED_ZIP = a_zip(oneroster_files(), method=zipfile.ZIP_STORED)
GOOD_CSV = a_firstcard_csv(a_student_row(1), a_student_row(2, role="staff"), a_student_row(3))
HEADER = GOOD_CSV.split(b"\r\n")[0]
often = settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)

cells = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            " ",
            "yes",
            "no",
            "student",
            "staff",
            "teacher",
            "04",
            "2016-05-04",
            "school-1",
            "1/2/2015",
            "8/1/15",
            "a@b.org",
            "=1",
            "\x00",
            "\u202e",
            "#REF!",
            "100001",
            "active",
        ]
    ),
)


def check(result: Reading | Refusal) -> None:
    if isinstance(result, Refusal):
        assert REASONS[result.reason].severity == "fatal"
        return
    assert result.rows == len(result.people) + sum(result.rejected.values()) + sum(result.excluded.values())
    assert all(REASONS[reason].severity == "row" for reason in result.rejected)
    assert len({(person.role, person.local_id) for person in result.people}) == len(result.people)
    rejected_lines = {(problem.file, problem.line) for problem in result.problems if REASONS[problem.reason].severity == "row"}
    assert not {(person.file, person.line) for person in result.people if not person.opt_out} & rejected_lines


@often
@given(st.binary(max_size=400))
@example(b"")
@example(b"\x00")
@example(b"\xff\xfe")
@example(b"\xff\xfea")
@example(b'"')
@example(b"sep=;")
@example(b"\x1a")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for agreement in (CSV, DIRECTORY):
        check(read(data, agreement))


@often
@given(st.binary(max_size=300))
def test_any_bytes_after_a_good_header_are_read_or_refused(data: bytes) -> None:
    check(read(HEADER + b"\r\n" + data, CSV))


@often
@given(st.text(max_size=200), st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-8-sig"]))
def test_any_text_after_a_good_header_is_read_or_refused(text: str, encoding: str) -> None:
    check(read((HEADER.decode() + "\r\n" + text).encode(encoding, errors="replace"), CSV))


@often
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(a_student_row(), cells)), min_size=1, max_size=6), st.sampled_from([CSV, DIRECTORY]))
def test_any_cells_are_counted_once(given_rows: list[dict[str, str]], agreement: object) -> None:
    check(read(a_csv(given_rows).encode(errors="replace"), agreement))  # type: ignore[arg-type]


mutations = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6)


def mutated(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    body = bytearray(data)
    for place, value in changes:
        body[place % len(body)] = value
    return bytes(body)


@often
@given(mutations)
def test_an_archive_with_any_bytes_changed_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    check(read(mutated(GOOD_ZIP, changes)))
    check(read(mutated(STORED_ZIP, changes)))


@often
@given(st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=20))
def test_an_archive_with_any_piece_taken_out_is_read_or_refused(start: int, length: int, put: bytes) -> None:
    start %= len(GOOD_ZIP)
    check(read(GOOD_ZIP[:start] + put + GOOD_ZIP[start + length :]))


@often
@given(st.integers(0, 3000))
def test_an_archive_that_ends_anywhere_is_refused(end: int) -> None:
    result = read(GOOD_ZIP[: end % len(GOOD_ZIP)])
    assert isinstance(result, Refusal)


@often
@given(
    st.dictionaries(
        st.sampled_from(["users.csv", "orgs.csv", "demographics.csv", "manifest.csv"]),
        st.one_of(st.binary(max_size=200), st.text(max_size=100)),
        min_size=1,
    )
)
def test_any_content_of_a_bundles_files_is_read_or_refused(files: dict[str, bytes | str]) -> None:
    whole = oneroster_files() | {
        name: content if isinstance(content, bytes) else content.encode(errors="replace") for name, content in files.items()
    }
    check(read(a_zip(whole)))


user_rows = st.one_of(
    st.builds(a_student_user, st.integers(1, 4)),
    st.builds(a_guardian_user, st.integers(1, 4)),
    st.builds(a_teacher_user, st.integers(1, 4)),
)


@often
@given(st.lists(st.tuples(user_rows, st.dictionaries(st.sampled_from(USER_COLUMNS), cells, max_size=3)), min_size=1, max_size=6), cells)
def test_any_users_are_counted_once(users: list[tuple[dict[str, str], dict[str, str]]], born: str) -> None:
    rows = [row | changes for row, changes in users]
    files = oneroster_files(rows, births=[a_birth(1, birthDate=born), a_birth(2)])
    check(read(a_zip({name: content.encode(errors="replace") if isinstance(content, str) else content for name, content in files.items()})))


@given(st.text(max_size=400))
def test_a_file_name_is_shown_printable_and_short(name: str) -> None:
    shown = safe_file_name(name)
    assert 0 < len(shown) <= 80
    assert shown.isprintable()
    assert "/" not in shown
    assert "\\" not in shown
