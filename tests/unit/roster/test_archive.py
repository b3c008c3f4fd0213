import io
import stat
import struct
import tracemalloc
import zipfile

import pytest

from firstcard.roster import Reason

from .builders import a_oneroster_zip, a_zip, at, oneroster_files, reading, reasons_of, refusal


def with_extra(name: str, content: str | bytes = "x") -> bytes:
    return a_zip({**oneroster_files(), name: content})


def test_a_well_made_archive_is_read_without_a_word() -> None:
    result = reading(a_oneroster_zip())
    assert (result.format, result.rows, result.problems) == ("oneroster_1_1", 2, ())


@pytest.mark.parametrize(
    "name", ["../users2.csv", "/etc/users2.csv", "C:/users2.csv", "..\\users2.csv", "a/../users2.csv", "a\nb.csv", "one/x.csv", "USERS.CSV"]
)
def test_a_name_that_leads_elsewhere_or_stands_there_twice_refuses_the_archive(name: str) -> None:
    assert refusal(with_extra(name)).reason is Reason.ZIP_PATH


@pytest.mark.filterwarnings("ignore:Duplicate name")  # zipfile warns while the test makes the hostile archive
def test_the_same_name_twice_refuses_the_archive() -> None:
    out = io.BytesIO(a_oneroster_zip())
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("users.csv", "sourcedId\n1\n")
    assert refusal(out.getvalue()).reason is Reason.ZIP_PATH


def test_a_symbolic_link_refuses_the_archive() -> None:
    out = io.BytesIO(a_oneroster_zip())
    link = zipfile.ZipInfo("link.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refusal(out.getvalue()).reason is Reason.ZIP_PATH


def test_files_in_one_folder_are_read_with_a_warning() -> None:
    result = reading(a_zip({f"export/{name}": content for name, content in oneroster_files().items()}))
    assert reasons_of(result) == {Reason.ZIP_FOLDER}
    assert len(result.people) == 2


def test_what_a_desktop_adds_to_an_archive_is_passed_over() -> None:
    assert reading(a_zip({**oneroster_files(), "__MACOSX/._users.csv": "x", ".DS_Store": "x"})).problems == ()


def test_more_than_64_files_refuse_the_archive() -> None:
    assert refusal(a_zip({**oneroster_files(), **{f"f{n}.csv": "x" for n in range(64)}})).reason is Reason.ZIP_LIMITS


def test_an_archive_inside_the_archive_refuses_it_under_any_name() -> None:
    inner = a_oneroster_zip()
    assert refusal(with_extra("more.zip", inner)).reason is Reason.ZIP_LIMITS
    assert refusal(with_extra("classes.csv", inner)).reason is Reason.ZIP_LIMITS
    assert refusal(with_extra("classes.csv", b"\x1f\x8b\x08\x00rest")).reason is Reason.ZIP_LIMITS


def test_a_bomb_is_stopped_by_what_it_admits_to() -> None:
    assert refusal(with_extra("classes.csv", b"0" * 300_000_000)).reason is Reason.ZIP_LIMITS


def test_a_bomb_that_lies_about_its_size_never_inflates_past_what_it_said() -> None:
    bomb = a_zip({**oneroster_files(without=("users.csv",)), "users.csv": b"0" * 50_000_000})
    lie = bomb.replace(struct.pack("<L", 50_000_000), struct.pack("<L", 1_000))
    tracemalloc.start()
    found = refusal(lie)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.reason is Reason.ZIP_DAMAGED
    assert found.file == "users.csv"
    assert peak < 5_000_000


def test_entries_that_share_their_compressed_bytes_refuse_the_archive() -> None:
    data = a_zip({"users.csv": b"a" * 1000, "orgs.csv": b"b" * 1000})
    directory = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", directory + 4)
    overlapped = bytearray(data)
    struct.pack_into("<L", overlapped, second + 42, 0)
    assert refusal(bytes(overlapped)).reason is Reason.ZIP_LIMITS


def test_a_password_or_an_odd_method_refuses_the_archive() -> None:
    data = bytearray(a_oneroster_zip())
    at_ = data.index(b"PK\x01\x02")
    locked = data.copy()
    struct.pack_into("<H", locked, at_ + 8, 0x1)
    assert refusal(bytes(locked)).reason is Reason.ZIP_UNSUPPORTED
    odd = data.copy()
    struct.pack_into("<H", odd, at_ + 10, 9)
    assert refusal(bytes(odd)).reason is Reason.ZIP_UNSUPPORTED
    assert refusal(a_zip(oneroster_files(), method=zipfile.ZIP_BZIP2)).reason is Reason.ZIP_UNSUPPORTED


def test_an_archive_that_was_cut_off_is_damaged() -> None:
    data = a_oneroster_zip()
    assert refusal(data[: len(data) // 2]).reason is Reason.ZIP_DAMAGED
    assert refusal(data[:-1] if data[-1] else data[:-5]).reason is Reason.ZIP_DAMAGED


def test_a_flipped_byte_in_a_file_is_damage_and_never_other_data() -> None:
    data = bytearray(a_oneroster_zip())
    start = data.index(b"users.csv") + len("users.csv")
    for place in range(start, start + 40, 4):
        flipped = data.copy()
        flipped[place] ^= 0x10
        assert refusal(bytes(flipped)).reason is Reason.ZIP_DAMAGED


def test_an_archive_of_something_else_is_an_unknown_format() -> None:
    assert refusal(a_zip({"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"})).reason is Reason.UNKNOWN_FORMAT
    assert refusal(a_zip({"students.csv": "a,b\n"})).reason is Reason.UNKNOWN_FORMAT
    assert refusal(a_zip({"notes.txt": "hello"})).reason is Reason.UNKNOWN_FORMAT
    assert refusal(a_zip({})).reason is Reason.UNKNOWN_FORMAT


def test_a_blank_row_is_passed_over_with_one_warning() -> None:
    files = oneroster_files()
    files["orgs.csv"] = str(files["orgs.csv"]) + ",,,,,,\r\n,,,,,,\r\n"
    assert len(at(reading(a_zip(files)), Reason.BLANK_ROW)) == 1
