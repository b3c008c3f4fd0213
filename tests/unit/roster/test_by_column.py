"""Tidy stretches are read by the column and odd rows one by one: both ways come to the same."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from firstcard.agreement import Agreement
from firstcard.roster import Problem, Reading, Reason, Refusal
from firstcard.roster import text as text_module
from firstcard.roster.reading import PLACES_OF_A_PERSON
from tests.unit.agreement.builders import an_agreement

from .builders import Row, a_birth, a_csv, a_oneroster_zip, a_student_row, a_student_user, csv_agreement, csv_directory_agreement, read

AGREED = {
    name: {"required": False, "exhibit_b": "x", "fideslang": "user.name.first"}
    for name in ("state_id", "enrollment_status", "contact_restricted", "guardian_name", "student_email", "homeroom", "in_service_area")
}
MORE = (
    "state_id",
    "enrollment_status",
    "contact_restricted",
    "guardian_name",
    "student_email",
    "homeroom",
    "in_service_area",
    "consent_date",
)
ASKS_FOR_A_YES = an_agreement(
    without=("exchange.mapping", "basis.choice.window_days"),
    exchange={"mapping": {}, "formats": ["csv"], "organisation_ids": ["school-1", "school-2"]},
    basis={"choice": {"mode": "opt_in"}},
    fields=AGREED | {"consent_date": {"required": False, "exhibit_b": "x", "fideslang": "user"}},
)
AGREEMENTS = (
    ASKS_FOR_A_YES,
    csv_agreement(),
    csv_agreement(fields=AGREED),
    csv_agreement(fields={"guardian_email": {"only_if": "age < 14"}, "last_name": {"required": True}}),
    csv_agreement(fields={"guardian_email": {"required": True, "only_if": "grade >= 04"}, "grade": {"required": True}}),
    csv_agreement(rollout={"schools": ["school-1"], "grades": ["04", "KG"], "staff": False}),
    csv_directory_agreement(),
)

VALUES = {
    "student_id": ("100001", "100002", "A-7", " 100003 ", "", "a b", "1.00E+08", "3-May", "1000\u0430", "1" * 65, "x_1"),
    "state_id": ("", "900000001", "3-May", "\u200b1", "#REF!"),
    "last_name": ("Pine", " Pine ", "O'Neil", "Nu\u006e\u0303ez", "", "=1", "\u00c3\u00b1", "x" * 201, "A\x07", "a  b", "#REF!"),
    "first_name": ("Ada", "Bob", "\u202eAda"),
    "birth_date": ("2016-05-04", "", "5/4/2016", "2008-11-22", "2008-11-23", "8/1/15", "1900-01-01", "2026-11-23", " 2016-05-04"),
    "grade": ("04", "4", "K", "", "04,05", "99", "kg", " 04 "),
    "school_id": ("school-1", "school-2", "", " school-1", "elm", "sch\u043eol-1"),
    "home_language": ("en", "Spanish", "", "Klingon", "ES_mx"),
    "guardian_email": ("family1@example.org", "Family.One+Cards@Example.ORG", "", "none", "a..b@example.org", "f\u0430@b.org", "\u212aelvin@example.org", "a@b", f"{'x' * 65}@example.org"),
    "student_email": ("", "ada@students.example.org", "none"),
    "enrollment_status": ("", "active", "inactive", "perhaps"),
    "contact_restricted": ("", "yes", "no", "perhaps"),
    "consent_date": ("", "2026-09-01", "9/1/2026", "2026-11-23", "2026-13-01", "yes"),
    "in_service_area": ("", " ", "yes", "N", "perhaps"),
    "guardian_name": ("", "Grace Pine", "@x"),
    "homeroom": ("", "H1", "1-2"),
    "opt_out": ("no", "", "yes", "perhaps", " YES "),
    "role": ("student", "staff", "teacher", "", "wizard", " Student "),
    "staff_email": ("", "staff@example.org"),
}  # fmt: skip
rows = st.builds(
    lambda usual, odd: dict.fromkeys(MORE, "") | usual | odd,
    st.builds(a_student_row, st.integers(1, 9)),
    st.one_of(
        st.just({}),
        st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.sampled_from(VALUES[name]).map(lambda value: {name: value})),
        st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in ("role", "opt_out", "student_id", "birth_date")}),
    ),
)


def _set_right(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(replace(problem, line=problem.line - (problem.line > 2)) for problem in problems)


def both_ways(some: list[Row], agreement: Agreement) -> tuple[Reading | Refusal, Reading | Refusal]:
    """The rows as they are, and behind a row whose unread cell takes two lines, which makes the whole piece an untidy one; its lines are set right."""
    first = a_student_row(77) | dict.fromkeys(MORE, "")
    tidy = a_csv([row | {"unread": "x"} for row in (first, *some)]).encode()
    untidy = a_csv([row | {"unread": "x" if number else "x\ny"} for number, row in enumerate((first, *some))]).encode()
    column, one = read(tidy, agreement), read(untidy, agreement)
    if isinstance(one, Reading):
        one = replace(
            one,
            people=tuple(replace(person, line=person.line - (person.line > 2)) for person in one.people),
            problems=_set_right(one.problems),
            problems_of={key: _set_right(problems) for key, problems in one.problems_of.items()},
        )
    return column, one


@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(rows, min_size=1, max_size=8), st.sampled_from(AGREEMENTS))
@example([a_student_row(1) | dict.fromkeys(MORE, ""), a_student_row(1) | dict.fromkeys(MORE, "")], AGREEMENTS[0])
@example([a_student_row(1, guardian_email="\u212aelvin@example.org") | dict.fromkeys(MORE, "")], AGREEMENTS[0])
def test_rows_read_by_the_column_come_to_what_they_come_to_one_by_one(some: list[Row], agreement: Agreement) -> None:
    column, one = both_ways(some, agreement)
    assert column == one


USERS = {
    "sourcedId": ("100001", "100002", "", "a b", " 100003", "1\n2"),
    "givenName": ("Ada", "=Ada", "A\x07da", "", "A\nda"),
    "familyName": ("Pine", "", "Pi\u200bne"),
    "grades": ("04", "99", "04,05", ""),
    "orgSourcedIds": ("school-1", "school-2", "nowhere", "", "school-2,school-1"),
    "role": ("student", "teacher", "proctor", "wizard", "guardian"),
    "metadata.optOut": ("", "yes", "perhaps"),
    "metadata.homeLanguage": ("en", "Klingon"),
    "status": ("", "tobedeleted", "gone"),
}
users = st.builds(
    lambda number, odd: a_student_user(number, agentSourcedIds="") | odd,
    st.integers(1, 6),
    st.one_of(
        st.just({}), st.sampled_from(sorted(USERS)).flatmap(lambda name: st.sampled_from(USERS[name]).map(lambda value: {name: value}))
    ),
)
births = st.sampled_from(("2016-05-04", "", "8/1/15", "2008-01-01", "5/4/2016"))


def _but_guardians(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(problem for problem in problems if problem.reason is not Reason.DANGLING_GUARDIAN)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(users, min_size=1, max_size=8), births)
def test_the_users_of_a_bundle_checked_together_come_to_what_they_come_to_one_by_one(some: list[Row], born: str) -> None:
    # A guardian who is not there is said of every student's row, which is therefore checked by itself.
    alone = [row | {"agentSourcedIds": "nobody"} for row in some]
    together, one = (read(a_oneroster_zip(rows, births=[a_birth(n, birthDate=born) for n in range(1, 7)])) for rows in (some, alone))
    if isinstance(together, Reading) and isinstance(one, Reading):
        full = {
            key for key, problems in one.problems_of.items() if len(problems) == PLACES_OF_A_PERSON
        }  # the missing guardian took the last places
        together = replace(together, problems_of={key: problems for key, problems in together.problems_of.items() if key not in full})
        left = {key: _but_guardians(problems) for key, problems in one.problems_of.items()}
        one = replace(
            one,
            problems=_but_guardians(one.problems),
            problems_of={key: problems for key, problems in left.items() if problems and key not in full},
        )
    assert together == one


def test_the_two_ways_are_two_ways() -> None:
    tidy, untidy = (
        text_module.open_table(data, "x.csv", known=frozenset({"a"})).pieces() for data in (b"a,b\r\n1,2\r\n", b'a,b\r\n1,"2\r\n3"\r\n')
    )
    assert isinstance(next(tidy), text_module.Tidy)
    assert not isinstance(next(untidy), text_module.Tidy)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(st.text(st.sampled_from('ab ,;"\n\r\x00\x1a\u2028\x85é'), max_size=4), min_size=1, max_size=4), max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\r\n", "\n", "\r"]),
)
def test_a_table_is_what_the_csv_module_reads(cells: list[list[str]], delimiter: str, eol: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=eol).writerows([["a", "b", "c"], *cells])
    data = out.getvalue().encode()
    expected = [row for row in csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8"), delimiter=delimiter, strict=True) if row][1:]
    table = text_module.open_table(data, "x.csv", known=frozenset({"a", "b", "c"}))
    if data.rstrip(b"\r\n \t").endswith(b"\x1a"):
        return  # a mark at the end is taken off
    assert [list(row) for _, row in table.rows()] == expected
