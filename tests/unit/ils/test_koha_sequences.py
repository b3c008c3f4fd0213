"""Whatever happens in whatever order: one patron a token, and strangers as they were."""

from collections.abc import Iterator
from datetime import date
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstcard.ils import Accepted, Refused, SyncReason
from local.ils.stand_in import Fault, StandIn
from tests.unit.ils.builders import a_patron, a_stranger, koha, ours, plant, that_day, the_rules, whole

STUDENTS = 3
TODAY = date(2026, 11, 22)

faults = st.sampled_from(
    [
        None,
        None,
        Fault(0, method="POST", path="/patrons", after=True),
        Fault(0, method="POST", path="/patrons/", after=True),
        Fault(503, method="POST", path="/patrons/"),
        Fault(0, method="PUT", after=True),
        Fault(500, method="PUT"),
        Fault(0, method="GET"),
        Fault(429, retry_after=1),
        Fault(401, method="POST"),
    ]
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "end", "put and forget"]),
        st.integers(0, STUDENTS - 1),
        st.sampled_from(["MAIN", "WEST"]),
        faults,
    ),
    max_size=12,
)
serials = count(1_000)


@pytest.fixture(scope="module", params=[("surname", "firstname", "date_of_birth"), ()], ids=["duplicate rule", "no duplicate rule"])
def one_library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(the_rules(duplicate_rule=request.param), tmp_path_factory.mktemp("ils") / "patrons", now=that_day) as library:
        yield library


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps, confirm_separate=st.booleans(), taken=st.booleans())
def test_any_sequence_leaves_one_patron_a_token_and_every_stranger_as_it_was(one_library, steps, confirm_separate, taken):
    library = one_library
    serial = [next(serials) for _ in range(STUDENTS)]
    strangers = [
        plant(
            library, a_stranger(cardnumber=f"S{serial[0]}", surname=a_patron(serial[0]).last_name, firstname=a_patron(serial[0]).first_name)
        ),
        plant(library, a_stranger(cardnumber=a_patron(serial[1]).number if taken else f"S{serial[1]}", surname=f"Okafor-{serial[1]}")),
    ]
    known: dict[int, str] = {}
    ils = koha(library, confirm_separate=confirm_separate)
    for what, student, branch, fault in steps:
        if fault is not None:
            library.suffer(Fault(fault.status, 1, fault.method, fault.path, fault.after, fault.retry_after))
        if what == "end":
            ils.end(known.get(student), token=a_patron(serial[student]).token, on=TODAY)
        else:
            answer = ils.put(a_patron(serial[student], branch=branch), ils_id=known.get(student))
            if isinstance(answer, Accepted) and what == "put":
                known[student] = answer.ils_id
    library._faults.clear()
    last = [ils.put(a_patron(serial[student], branch="WEST"), ils_id=known.get(student)) for student in range(STUDENTS)]

    expected: list[object] = [Accepted, Accepted, Accepted]
    if library.rules.duplicate_rule and not confirm_separate:
        expected[0] = Refused(SyncReason.POSSIBLE_EXISTING_PATRON)
    if taken:
        expected[1] = Refused(SyncReason.CARD_NUMBER_TAKEN)
    for student, answer in enumerate(last):
        held = ours(library, a_patron(serial[student]).token)
        if expected[student] is Accepted:
            assert isinstance(answer, Accepted)
            assert [str(patron["patron_id"]) for patron in held] == [answer.ils_id]
            assert (held[0]["library_id"], held[0]["expiry_date"]) == ("WEST", "2027-09-15")
            assert library.patrons.pin_opens(a_patron(serial[student]).number, "4711")
        else:
            assert answer == expected[student]
            assert held == []
    assert [whole(library, stranger["patron_id"]) for stranger in strangers] == strangers
