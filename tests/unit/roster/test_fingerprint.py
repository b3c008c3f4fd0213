import unicodedata
from dataclasses import fields, replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from firstcard.roster import Person, Role, fingerprint

from .builders import a_csv, a_student_row, csv_agreement, reading

AGREEMENT = csv_agreement()
KEY = b"a key of a district, 32 bytes...."
PERSON = Person(
    file="users.csv",
    line=7,
    role=Role.STUDENT,
    local_id="100001",
    last_name="Núñez",
    first_name="Ada",
    birth_date=date(2016, 5, 4),
    grade="04",
    school_id="school-1",
    email="family1@example.org",
)
MEANINGFUL = [field.name for field in fields(Person) if field.name not in ("file", "line")]

names = st.text(st.sampled_from("abcXYZ éñüễ'-ʻ李م"), min_size=1, max_size=12).filter(lambda name: name.strip(" -'") != "")
words = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=6)
blanks = st.text(st.sampled_from(" \t"), max_size=3)
rows = st.builds(lambda last, first, n: a_student_row(n, last_name=last, first_name=first), names, names, st.integers(1, 500))


def prints(data: bytes) -> dict[str, str]:
    return {person.local_id: fingerprint(person, KEY) for person in reading(data, AGREEMENT).people}


@given(st.lists(rows, min_size=1, max_size=6, unique_by=lambda row: row["student_id"]), st.data())
def test_order_blanks_and_unicode_form_do_not_change_a_fingerprint(given_rows: list[dict[str, str]], data: st.DataObject) -> None:
    columns = data.draw(st.permutations(list(given_rows[0])))
    order = data.draw(st.permutations(given_rows))
    form = data.draw(st.sampled_from(["NFC", "NFD"]))
    before, after = data.draw(blanks), data.draw(blanks)
    other = [
        {name: f"{before}{unicodedata.normalize(form, value)}{after}" if value else value for name, value in row.items()} for row in order
    ]
    assert prints(a_csv(given_rows).encode()) == prints(a_csv(other, columns, eol="\n", delimiter=";").encode())


def changed(name: str, seed: int) -> object:
    value = getattr(PERSON, name)
    if name == "role":
        return Role.STAFF
    if isinstance(value, bool):
        return not value
    if name == "birth_date":
        return PERSON.birth_date + timedelta(days=seed) if PERSON.birth_date else None
    return f"{value}{seed}"


@given(st.sampled_from(MEANINGFUL), st.integers(1, 9999))
def test_a_change_of_any_field_changes_the_fingerprint(name: str, seed: int) -> None:
    assert fingerprint(replace(PERSON, **{name: changed(name, seed)}), KEY) != fingerprint(PERSON, KEY)


@given(st.text(max_size=8), st.integers(1, 10_000))
def test_where_a_row_stands_does_not_matter(file: str, line: int) -> None:
    assert fingerprint(replace(PERSON, file=file, line=line), KEY) == fingerprint(PERSON, KEY)


@given(st.sampled_from(MEANINGFUL[1:4]), words, words)
def test_text_cannot_slide_from_one_field_into_the_next(name: str, left: str, right: str) -> None:
    one = replace(PERSON, last_name=left + right, first_name="x")
    other = replace(PERSON, last_name=left, first_name=right + "x")
    assert fingerprint(one, KEY) != fingerprint(other, KEY)


def test_it_is_keyed_and_32_hexadecimal_characters() -> None:
    print_ = fingerprint(PERSON, KEY)
    assert len(print_) == 32
    assert set(print_) <= set("0123456789abcdef")
    assert fingerprint(PERSON, b"another key") != print_


def test_it_is_the_same_in_every_release() -> None:
    assert fingerprint(PERSON, KEY) == "68a5e676af819703e281d4469c941ea5"


def test_a_person_shows_nothing_of_itself() -> None:
    assert repr(PERSON) == "Person(users.csv:7)"
