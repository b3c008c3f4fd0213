"""A trail folded by several processes says what one process says."""

from collections import Counter
from collections.abc import Iterator

from firstcard.evidence import Access, fold_trail, read_trail
from tests.unit.evidence.builders import a_file, a_record

ADDENDUM = {"reason": "UPDATED_DATA", "originalEventID": "gone"}
FILES = [
    ("1", a_file(*(a_record(number) for number in range(50)))),
    ("2", a_file(a_record(3), a_record(60), a_record(60), {"no": "record"}, a_record(61, addendum=ADDENDUM))),
    ("3", a_file(a_record(4, errorCode="AccessDenied"), a_record(70))),
    ("4", a_file(a_record(71), 7)[:-9]),
    ("5", a_file(*(a_record(number) for number in range(100, 140)))),
    ("6", a_file(a_record(200), a_record(200))),
]


def by_name(accesses: Iterator[Access]) -> Counter[tuple[str, str]]:
    return Counter((access.event_id, access.error) for access in accesses)


def test_several_processes_say_what_one_says() -> None:
    alone = read_trail(FILES)
    said = by_name(alone.accesses)
    folded = fold_trail(FILES, by_name)
    parts = list(folded.parts)
    together, reading = sum(parts, Counter()), folded.reading
    assert (len(parts), together, max(together.values())) == (6, said, 1)
    assert (reading.counts, reading.unreadable, reading.duplicates) == (alone.counts, alone.unreadable, alone.duplicates)
    assert (reading.files, reading.orphans, reading.finished) == (alone.files, {"gone"}, True)
