"""What must hold for every file, whatever is in it: it is read or refused, every row is counted once, and nothing that is told holds a value."""

import contextlib
import io
import json
import zipfile
from collections.abc import Iterator
from functools import cache

from cli.check import Checked, as_plain
from firstcard.receipt import to_csv, to_html, to_json
from firstcard.roster import REASONS, Reading, Reason, Refusal, values
from firstcard.roster.reading import Exclusion, RefusedError
from firstcard.roster.recognise import read_under
from firstcard.roster.snapshot import Snapshot, Told, mark
from firstcard.roster.terms import Terms
from firstcard.roster.text import open_table
from tests.fuzz.rosters import NEEDLE, TODAY, Choices, a_roster, bundle_of, terms
from tests.unit.receipt.builders import a_receipt

COUNTED = {str(word) for word in Exclusion}


def examine(data: bytes) -> None:
    """Make a roster out of the bytes, read it and look at everything that came of it. Raises AssertionError for a promise that is broken."""
    file, under = a_roster(Choices(data))
    read_and_look(file, under)


def read_and_look(file: bytes, under: Terms) -> None:
    """Read a file and look at everything that came of it."""
    told = Told(mark("2026-11-22T07:00:00+00:00", "run2"), lambda: _earlier(under)) if under.deltas else None
    result = read_under(file, file_name="roster.zip", terms=under, today=TODAY, told=told)
    if isinstance(result, Refusal):
        assert REASONS[result.reason].severity == "fatal", result
    else:
        _look(result)
    if not any(NEEDLE in header for header in _headers(file)):
        _listen(result)


@cache
def _kept(number: int) -> Snapshot | None:
    """What is kept of a whole OneRoster sample that came before, under one of the terms."""
    told = Told(mark("2026-11-22T06:00:00+00:00", "run1"), lambda: None)
    before = read_under(bundle_of("oneroster_1_1"), file_name="roster.zip", terms=terms()[number], today=TODAY, told=told)
    assert isinstance(before, Reading), before
    return before.snapshot


def _earlier(under: Terms) -> Snapshot | None:
    return _kept(terms().index(under))


def _headers(file: bytes) -> Iterator[str]:
    """The header of each table, as far as it can be read: a column's name is told, and damage may make a value of it."""
    contents = [file]
    if zipfile.is_zipfile(io.BytesIO(file)):
        with contextlib.suppress(Exception), zipfile.ZipFile(io.BytesIO(file)) as archive:
            contents = [archive.read(name) for name in archive.namelist()]
    for content in contents:
        with contextlib.suppress(RefusedError):
            yield "\n".join(open_table(content, "", known=frozenset()).header)


def _look(result: Reading) -> None:
    """Every row is counted once, under a reason that we know, and nobody is there twice."""
    counted = len(result.people) + sum(result.rejected.values()) + sum(result.excluded.values())
    assert counted == 0 if result.rows_only else counted == result.rows
    assert result.excluded.keys() <= COUNTED
    assert all(REASONS[Reason(reason)].severity == "row" for reason in result.rejected)
    assert all(REASONS[Reason(problem.reason)].severity in ("row", "warning") for problem in result.problems)
    assert all(problem.line >= 0 for problem in result.problems)
    keys = [(person.role, person.local_id) for person in result.people]
    assert len(set(keys)) == len(keys)
    assert not result.rejected_people & set(keys)
    for person in result.people:
        assert values.code(person.local_id) == (person.local_id, ())
        assert person.email == person.email.lower()
        assert all(text == text.strip() for text in (person.last_name, person.first_name, person.school_id, person.grade))


def _listen(result: Reading | Refusal) -> None:
    """None of what people are told, nor what a traceback would show, holds the planted value."""
    receipt = a_receipt(result)
    told = (to_json(receipt), to_csv(receipt), to_html(receipt), json.dumps(as_plain(Checked(result), None)), repr(result), repr(receipt))
    needle = NEEDLE.lower()
    for form in told:
        assert needle not in form.lower(), "a value was told"
    if isinstance(result, Reading):
        assert needle not in repr(result.people).lower()
        assert needle not in repr((result.problems, result.dropped, result.excluded, result.rejected)).lower()
