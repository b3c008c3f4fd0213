"""No receipt says what stood in the file: secrets are planted in every field of bad files, and all three forms are searched for them."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstcard.receipt import to_csv, to_html, to_json
from firstcard.roster import Reading, Refusal
from tests.unit.roster.builders import (
    MANIFEST,
    ORG_ROWS,
    a_birth,
    a_csv,
    a_guardian_user,
    a_student_row,
    a_student_user,
    a_zip,
    csv_agreement,
    csv_directory_agreement,
    oneroster_files,
    read,
)

from .builders import a_receipt

CSV = csv_agreement()
DIRECTORY = csv_directory_agreement()
SECRET = "Zq7"
"""Begins every planted value; no word of a receipt holds it."""
secrets = st.builds(
    lambda before, middle, after: f"{before}{SECRET}{middle}{after}",
    st.sampled_from(["", "=", "@", "\u202e", "#", "<b>", '"', "2016-", "1,"]),
    st.text(st.sampled_from("abcé \x00\n-@.,/'<&0123456789"), max_size=12),
    st.sampled_from(["", "@example.org", "E+10", "\u200b", "/15"]),
)
sound = settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def assert_silent(result: Reading | Refusal) -> None:
    receipt = a_receipt(result)
    for form in (to_json(receipt), to_csv(receipt), to_html(receipt), repr(result), repr(receipt)):
        assert SECRET not in form


@sound
@given(
    st.lists(st.dictionaries(st.sampled_from(sorted(a_student_row())), secrets, min_size=1), min_size=1, max_size=4),
    st.sampled_from([CSV, DIRECTORY]),
)
def test_no_cell_of_a_plain_file_reaches_a_receipt(planted: list[dict[str, str]], agreement: object) -> None:
    rows = [a_student_row(n) | changes for n, changes in enumerate(planted, 1)]
    assert_silent(read(a_csv(rows).encode(), agreement))  # type: ignore[arg-type]


@sound
@given(st.lists(secrets, min_size=3, max_size=14))
def test_a_first_line_of_data_reaches_no_receipt(cells: list[str]) -> None:
    assert_silent(read(",".join(['"' + cell.replace('"', '""') + '"' for cell in cells]).encode() + b"\r\n", CSV))


@sound
@given(
    st.dictionaries(st.sampled_from(sorted(a_student_user())), secrets),
    st.dictionaries(st.sampled_from(sorted(a_guardian_user())), secrets),
    st.dictionaries(st.sampled_from(sorted(a_birth())), secrets),
    st.dictionaries(st.sampled_from(sorted(ORG_ROWS[0])), secrets),
    st.lists(st.tuples(st.one_of(secrets, secrets.map(lambda s: f"file.{s}")), st.sampled_from(["bulk", "delta", "absent"])), max_size=2),
)
def test_no_cell_of_a_bundle_reaches_a_receipt(
    student: dict[str, str], guardian: dict[str, str], birth: dict[str, str], org: dict[str, str], manifest: list[tuple[str, str]]
) -> None:
    files = oneroster_files(
        [a_student_user(1, **student), a_guardian_user(1, **guardian), a_student_user(2)],
        births=[a_birth(1, **birth), a_birth(2)],
        orgs=[*ORG_ROWS, ORG_ROWS[1] | org],
        manifest=[*MANIFEST, *manifest],
    )
    assert_silent(read(a_zip({name: content.encode() if isinstance(content, str) else content for name, content in files.items()})))
