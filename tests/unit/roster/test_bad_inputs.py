"""Each kind of bad input that exports are known to bring, and what it must come to: one table, so that a gap can be seen.

``BAD`` holds what is tried here, ``ELSEWHERE`` names the tests of what is tried beside the code that it is about. Bombs are in test_bombs.py.
"""

import io
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from firstcard.receipt import to_csv
from firstcard.roster import REASONS, Reason, Refusal, safe_file_name
from firstcard.roster.reasons import Severity
from tests.unit.receipt.builders import a_receipt

from .builders import (
    MANIFEST,
    a_birth,
    a_csv,
    a_firstcard_csv,
    a_guardian_user,
    a_oneroster_zip,
    a_student_row,
    a_student_user,
    a_zip,
    csv_agreement,
    oneroster_files,
    read,
)

CSV = csv_agreement()
TESTS = Path(__file__).parents[2]


def rows(*changes: dict[str, str]) -> Callable[[], bytes]:
    """The FirstCard form with a good student and one for each change."""
    return lambda: a_firstcard_csv(a_student_row(1), *(a_student_row(number, **change) for number, change in enumerate(changes, 2)))


def text(old: str, new: str) -> Callable[[], bytes]:
    """The FirstCard form with one piece of its text replaced."""
    return lambda: a_firstcard_csv(a_student_row(1), a_student_row(2)).decode().replace(old, new, 1).encode()


def users(*changes: dict[str, str]) -> Callable[[], bytes]:
    """A bundle with a good student and one for each change."""
    people = [
        a_student_user(1),
        a_guardian_user(1),
        *(a_student_user(n, agentSourcedIds="") | change for n, change in enumerate(changes, 2)),
    ]
    return lambda: a_oneroster_zip(people)


def bundle(**files: str | bytes) -> Callable[[], bytes]:
    return lambda: a_zip(oneroster_files() | {name.replace("__", "."): content for name, content in files.items()})


def zip64() -> bytes:
    """A small archive whose end says that its real sizes stand in a Zip64 record."""
    data = a_oneroster_zip()
    end = data.rindex(b"PK\x05\x06")
    where = len(data[:end])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 4, 4, 0, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, where, 1)
    return data[:end] + record + locator + data[end:]


def deflate64() -> bytes:
    data = bytearray(a_oneroster_zip())
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 10, 9)
    return bytes(data)


def linked() -> bytes:
    out = io.BytesIO(a_oneroster_zip())
    link = zipfile.ZipInfo("link.csv")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    return out.getvalue()


def long_line(size: int) -> bytes:
    """A last line without an end."""
    return a_firstcard_csv(a_student_row(1)) + b"x" * size


BAD: dict[str, list[tuple[Severity, Reason, Callable[[], bytes]]]] = {
    "a path out of the zip": [
        ("fatal", Reason.ZIP_PATH, bundle(**{"../x__csv": "x"})),
        ("fatal", Reason.ZIP_PATH, bundle(**{"/x__csv": "x"})),
        ("fatal", Reason.ZIP_PATH, bundle(**{"C:/x__csv": "x"})),
        ("fatal", Reason.ZIP_PATH, linked),
        ("fatal", Reason.ZIP_PATH, bundle(USERS__csv="x")),
    ],
    "one folder around the files": [("warning", Reason.ZIP_FOLDER, lambda: a_zip({f"x/{n}": c for n, c in oneroster_files().items()}))],
    "a zip that is locked, Zip64, Deflate64 or of another method": [
        ("fatal", Reason.ZIP_UNSUPPORTED, zip64),
        ("fatal", Reason.ZIP_UNSUPPORTED, deflate64),
        ("fatal", Reason.ZIP_UNSUPPORTED, lambda: a_zip(oneroster_files(), method=zipfile.ZIP_LZMA)),
        ("fatal", Reason.ZIP_UNSUPPORTED, lambda: a_zip(oneroster_files(), method=zipfile.ZIP_BZIP2)),
    ],
    "a manifest that is missing, of no known version, or promises what is not there": [
        ("warning", Reason.MANIFEST_MISSING, lambda: a_oneroster_zip(manifest=None)),
        ("warning", Reason.MANIFEST_VERSION, lambda: a_oneroster_zip(manifest=[*MANIFEST, ("oneroster.version", "9")])),
        ("fatal", Reason.MISSING_FILE, lambda: a_oneroster_zip(without=["users.csv"])),
    ],
    "a file without a row": [
        ("fatal", Reason.EMPTY_BULK, lambda: a_firstcard_csv().split(b"\r\n")[0]),
        ("fatal", Reason.EMPTY_BULK, bundle(users__csv=",".join(a_student_user()) + "\r\n")),
    ],
    "another district's file": [("fatal", Reason.WRONG_DISTRICT, lambda: a_firstcard_csv(a_student_row(1, school_id="elm-1")))],
    "a formula in a name": [
        ("warning", Reason.FORMULA_LIKE, rows({"last_name": f"{sign}cmd|' /C calc'!A0"})) for sign in ("=", "+", "-", "@")
    ],
    "NUL, C0 and C1": [
        ("row", Reason.CONTROL_CHAR, rows({"first_name": f"A{sign}da"}))
        for sign in ("\x00", "\x01", "\x1b", "\x1a", "\x7f", "\x85", "\x9f")
    ],
    "a Ctrl-Z at the end": [("warning", Reason.END_OF_FILE_MARK, lambda: a_firstcard_csv(a_student_row(1)) + b"\x1a")],
    "characters of direction or no width in an id or e-mail": [
        *(
            ("row", Reason.INVISIBLE_CHAR, rows({"student_id": f"1000{chr(code)}02"}))
            for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
        ),
        *(
            ("row", Reason.INVISIBLE_CHAR, rows({"guardian_email": f"fam{sign}ily@example.org"}))
            for sign in "\u200b\ufeff\u200e\u200f\u061c"
        ),
    ],
    "the same in a name": [
        ("warning", Reason.INVISIBLE_REMOVED, rows({"last_name": f"Pi{sign}ne"}))
        for sign in "\u202a\u202e\u2066\u2069\u200b\ufeff\u200e\u200f"
    ],
    "letters of another script in an id or e-mail": [
        ("row", Reason.NON_ASCII_ID, rows({"student_id": "10000а"})),
        ("row", Reason.NON_ASCII_ID, rows({"student_id": "１００００２"})),
        ("row", Reason.NON_ASCII_EMAIL, rows({"guardian_email": "fаmily@example.org"})),
    ],
    "Windows-1252 that is not declared": [
        ("fatal", Reason.BAD_ENCODING, lambda: a_csv((a_student_row(first_name="José"),)).encode("cp1252"))
    ],
    "UTF-8 read as Windows-1252": [
        ("warning", Reason.MOJIBAKE, rows({"last_name": name.encode().decode("cp1252")}))
        for name in ("Nguyễn", "Thị Hồng", "José", "Müller", "Małgorzata", "Erdoğan")
    ],
    "a value, a row or a line past all measure": [
        ("fatal", Reason.FIELD_TOO_LONG, lambda: long_line(131_073)),
        ("fatal", Reason.FIELD_TOO_LONG, lambda: long_line(4_000_000)),
        ("fatal", Reason.FIELD_TOO_LONG, lambda: a_firstcard_csv(a_student_row(1)) + b"x," * 2_000_000),
        ("fatal", Reason.TOO_MANY_COLUMNS, lambda: a_firstcard_csv(a_student_row() | {f"x{n}": "" for n in range(501)})),
        ("fatal", Reason.TOO_LARGE, lambda: long_line(200_000_000)),
    ],
    "a column's name misspelt, with a character that cannot be seen, or twice": [
        ("fatal", Reason.HEADER_TYPO, text("last_name", "lastname")),
        ("fatal", Reason.HEADER_TYPO, text("last_name", "last_nmae")),
        ("fatal", Reason.HEADER_TYPO, text("last_name", "last_name\u200b")),
        ("fatal", Reason.HEADER_TYPO, text("last_name", "\ufefflast_name")),
        ("fatal", Reason.DUPLICATE_HEADER, text("first_name", "last_name")),
    ],
    "no header": [("fatal", Reason.NO_HEADER, lambda: a_firstcard_csv(a_student_row(1), a_student_row(2)).split(b"\r\n", 1)[1])],
    "a quote that is not closed": [("fatal", Reason.UNCLOSED_QUOTE, lambda: a_firstcard_csv(a_student_row(1)) + b'100002,"Pine,Ada\r\n')],
    "what a spreadsheet makes of values": [
        *(("row", Reason.EXCEL_DAMAGE, rows({"student_id": damaged})) for damaged in ("1.00E+08", "3-May", "#REF!", "#N/A", "########")),
        ("row", Reason.EXCEL_DAMAGE, rows({"birth_date": "42494"})),
        ("row", Reason.EXCEL_DAMAGE, rows({"grade": "5-Apr"})),
        ("row", Reason.EXCEL_DAMAGE, rows({"last_name": "#NAME?"})),
    ],
    "a birth date that cannot be": [
        ("row", Reason.TWO_DIGIT_YEAR, rows({"birth_date": "8/1/15"})),
        ("row", Reason.AGE_OUT_OF_RANGE, rows({"birth_date": "1900-01-01"})),
        ("row", Reason.BIRTH_DATE_IN_FUTURE, rows({"birth_date": "2027-01-01"})),
        ("row", Reason.AGE_OUT_OF_RANGE, rows({"birth_date": "2024-11-23"})),
        ("row", Reason.AGE_OUT_OF_RANGE, rows({"birth_date": "2003-11-22"})),
        ("row", Reason.BAD_DATE, rows({"birth_date": "2015-02-30"})),
    ],
    "an id twice": [
        ("warning", Reason.DUPLICATE_ROW, rows({"student_id": "100001", "last_name": "Pineb", "guardian_email": "family1@example.org"})),
        ("row", Reason.DUPLICATE_ID, rows({"student_id": "100001", "first_name": "Bob"})),
    ],
    "an id that leads nowhere": [
        ("row", Reason.DANGLING_SCHOOL, users({"orgSourcedIds": "nowhere"})),
        ("warning", Reason.DANGLING_GUARDIAN, users({"agentSourcedIds": "nobody"})),
        ("row", Reason.BAD_DATE, lambda: a_oneroster_zip(births=[a_birth(1, birthDate="1/05/20x3")])),
    ],
    "an empty file, a picture, an old workbook": [
        ("fatal", Reason.EMPTY_BULK, lambda: b""),
        ("fatal", Reason.UNKNOWN_FORMAT, lambda: b"\x89PNG\r\n\x1a\n"),
        ("fatal", Reason.UNKNOWN_FORMAT, lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ],
}

ELSEWHERE = {
    "a zip in a zip, shared bytes, a lie about a size": [
        "unit/roster/test_archive.py::test_an_archive_inside_the_archive_refuses_it_under_any_name",
        "unit/roster/test_archive.py::test_entries_that_share_their_compressed_bytes_refuse_the_archive",
        "unit/roster/test_archive.py::test_a_bomb_that_lies_about_its_size_never_inflates_past_what_it_said",
        "unit/roster/test_archive.py::test_more_than_64_files_refuse_the_archive",
        "unit/roster/test_archive.py::test_a_password_or_an_odd_method_refuses_the_archive",
    ],
    "OpenPGP: changed, cut off, for another, unsigned, signed by another or weakly, not encrypted, unpacking to too much": [
        "unit/sender/test_openpgp.py::test_a_byte_changed_anywhere_in_the_ciphertext_is_noticed",
        "unit/sender/test_openpgp.py::test_a_cut_off_message_is_refused",
        "unit/sender/test_openpgp.py::test_a_message_for_somebody_else_is_refused",
        "unit/sender/test_openpgp.py::test_an_unsigned_message_is_refused_where_it_must_be_signed",
        "unit/sender/test_openpgp.py::test_a_strangers_signature_is_refused_where_it_must_be_the_districts",
        "unit/sender/test_openpgp.py::test_a_sha1_signature_is_refused_whichever_key_made_it",
        "unit/sender/test_openpgp.py::test_a_message_that_is_signed_but_not_encrypted_is_refused",
        "unit/sender/test_openpgp.py::test_two_messages_or_anything_after_one_are_refused",
        "unit/sender/test_openpgp.py::test_a_message_that_unpacks_to_more_than_the_limit_is_stopped",
        "unit/sender/test_openpgp.py::test_neither_an_opened_nor_a_refused_delivery_leaves_a_file",
    ],
    "the same file again": [
        "flow/product/test_same_and_next_day.py::test_the_same_file_again_writes_nothing_tells_nothing_and_mails_nothing"
    ],
    "more than agreed is new or missing": ["unit/card/test_decide.py::test_more_change_than_agreed_is_held"],
    "one name in two Unicode forms": ["unit/roster/test_fingerprint.py::test_order_blanks_and_unicode_form_do_not_change_a_fingerprint"],
    "names of every script": ["unit/roster/test_rows.py::test_names_keep_every_script_in_one_normal_form"],
    "a workbook with macros, links, a DTD, hidden sheets, far cells": [
        "unit/roster/test_sheet.py::test_macros_and_links_are_not_looked_at",
        "unit/roster/test_sheet.py::test_shared_texts_outside_their_part_and_a_dtd_are_refused",
        "unit/roster/test_sheet.py::test_hidden_and_empty_sheets_are_passed_over",
        "unit/roster/test_sheet.py::test_a_second_visible_sheet_with_rows_is_a_warning",
        "unit/roster/test_sheet.py::test_a_sheet_that_would_fill_the_memory_or_that_excel_would_not_open_is_refused_unread",
    ],
    "a temporary name": ["unit/run/test_admission.py::test_an_unfinished_upload_starts_nothing"],
    "a version overwritten while it is read": ["unit/run/test_admission.py::test_each_version_of_each_object_is_a_run_of_its_own"],
    "a class or role that leads nowhere": [
        "unit/roster/test_oneroster_12.py::test_a_fault_of_a_role_names_roles_csv_and_its_line",
        "unit/roster/test_sds.py::test_a_guardian_who_is_not_in_users_names_the_line_of_the_relationship",
    ],
}


@pytest.mark.parametrize(
    ("severity", "reason", "make"),
    [
        pytest.param(*case, id=f"{row} [{number}] -> {case[1]}, {case[0]}")
        for row, cases in BAD.items()
        for number, case in enumerate(cases, 1)
    ],
)
def test_a_bad_input_comes_to_its_reason(severity: Severity, reason: Reason, make: Callable[[], bytes]) -> None:
    data = make()
    result = read(data, None if data.startswith(b"PK") else CSV)
    assert REASONS[reason].severity == severity
    if severity == "fatal":
        assert isinstance(result, Refusal)
        assert result.reason is reason
        return
    assert not isinstance(result, Refusal), result
    assert {problem.reason for problem in result.problems} == {reason}
    assert bool(result.rejected) == (severity == "row")
    assert not set(result.rejected) - {reason}


@pytest.mark.parametrize("name", [name for names in ELSEWHERE.values() for name in names])
def test_what_the_table_says_is_tried_elsewhere_is(name: str) -> None:
    file, _, test = name.partition("::")
    assert re.search(rf"^def {test}\(", (TESTS / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "name", ["a\nb.csv", "x" * 300, "roster.zip\x00.part", "~$roster\u202e.xlsx", "../../etc/passwd", "a\r\nSet-Cookie: x"]
)
def test_a_file_name_cannot_forge_a_line_or_a_formula_in_a_receipt(name: str) -> None:
    shown = safe_file_name(name)
    assert len(shown) <= 80
    assert shown.isprintable()
    lines = to_csv(a_receipt(read(a_firstcard_csv(a_student_row(1, grade="x")), CSV, file_name=name))).splitlines()
    assert not [line for line in lines if line.startswith(("=", "+", "-", "@", "\t"))]
