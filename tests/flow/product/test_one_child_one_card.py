"""On a machine of its own: a library with patrons of its own, and two districts whose agreements link them. From the library's list to its own system."""

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from local.district.people import District, Student, make_district
from local.machine import DESK, Machine, later_event
from local.programme import Programme
from tests.flow.product.hearing import Hearing
from tests.flow.product.sharing import Left, Sharing
from tests.flow.product.waiting import until_quiet

pytestmark = [pytest.mark.flow, pytest.mark.timeout(900)]

ROLES = {"sync": "sync_ils", "notify": "send_notice", "settle": "deduplicate", "reveal": "show_pin", "print": "hand_out"}
CHANGE = {
    "existing": "link",
    "existing_blocked": "ask",
    "in_doubt": {"meanwhile": "wait", "decide_within_days": 14},
    "matrix": {
        "issue_card": ["identity", "age", "enrolment"],
        "sync_ils": ["identity", "age", "enrolment", "card", "pin"],
        "send_notice": ["contact", "card"],
        "deduplicate": ["identity", "age", "students"],
        "show_pin": ["pin", "card", "age"],
        "hand_out": ["identity", "card", "pin", "enrolment"],
    },
    "roles": {"plan": {"purposes": ["issue_card", "deduplicate"], "opens": ["deduplicate"]}}
    | {role: {"purposes": [purpose]} for role, purpose in ROLES.items()},
}
NEIGHBOURS = {
    "stjohns": {
        "card": {
            "kind": "virtual",
            "number": {"scheme": "prefix_student_id", "prefix": "906", "length": 12},
            "staff_number": {"scheme": "prefix_student_id", "prefix": "907", "length": 12},
            "pin": {"scheme": "random", "length": 6, "page": {"asks": "birth_date", "days": 30}},
            "expiry": {"rule": "school_year", "month_day": "09-15", "rolls_after": "06-30"},
            "patron_type": {"student": "STUDENT", "staff": "EDUCATOR"},
            "home_branch": {"default": "MAIN"},
        }
    }
}
LIBRARIAN, SYSTEMS_LIBRARIAN = "firstcard-librarian", "firstcard-systems-librarian"


@dataclass(frozen=True)
class Night:
    """Where the story ends: whom the library knew before, what it saw, and what became of them."""

    sharing: Sharing
    certain: Student
    doubtful: Student
    twice: tuple[Student, Student]
    before: Mapping[str, Mapping[str, Any]]
    after: Mapping[str, Mapping[str, Any]]
    plan: Mapping[str, Any]
    listed: Mapping[str, Any]
    shown: Mapping[str, Any]
    first: Left
    second: Left
    receipt: str
    operator: str
    neighbour: "Neighbour"


@dataclass(frozen=True)
class Neighbour:
    """The other district, to which one of the first one's children goes as well."""

    sharing: Sharing
    both: Student
    plan: Mapping[str, Any]
    receipt: str
    left: Left


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(
        tmp_path_factory.mktemp("matching"),
        ["jacksonville"],
        datetime.now(UTC).date(),
        report=lambda line: None,
        change=CHANGE,
        neighbours=NEIGHBOURS,
    )
    with made as running:
        yield running


@pytest.fixture(scope="module")
def night(machine: Machine) -> Night:
    hearing = Hearing(machine).begin()
    programme, beside = machine.deployed
    made = make_district(district="duval", seed=11, today=machine.today, students=40, staff=3, schools=2)
    certain, doubtful, once = _children(made)
    again = replace(once, sourced_id="again", local_id="1999999", birth_date=once.birth_date)
    sharing = Sharing(machine, programme, _with(made, again), hearing)
    ids = {name: _register(machine, name, student, born) for name, student, born in _cards(certain, doubtful)}
    before = {name: _patron(machine, ids[name]) for name in ids}
    site = ("--library", "jaxpl", "--site", str(machine.state / "site"))
    sharing.firstcard("patrons", "import", "--from-ils", *site, role=SYSTEMS_LIBRARIAN)

    sharing.drop(sharing.protected(sharing.export), "first.zip.gpg")
    run = str(sharing.until_run("first.zip.gpg", "held")["run_id"])
    plan = json.loads(sharing.firstcard("run", "show", run, "--json"))["plan"]
    sharing.decide(run, "approve")
    sharing.until_run("first.zip.gpg", "applied")
    until_quiet(machine)
    machine.invoke_window(datetime.now(UTC) + timedelta(days=15))
    until_quiet(machine)
    first = sharing.state()

    listed = _matches(sharing, "list")
    of_patron = next(pair for pair in listed["pairs"] if pair["kind"] == "patron")
    shown = _matches(sharing, "show", of_patron["match"])
    operator = sharing.firstcard("matches", "list", "--library", "jaxpl", role="firstcard-operator", exits=(3,))
    _matches(sharing, "decide", "same", of_patron["match"])
    _matches(sharing, "decide", "apart", next(pair["match"] for pair in listed["pairs"] if pair["kind"] == "student"))
    sharing.drop(sharing.protected(sharing.export), "second.zip.gpg")
    sharing.until_run("second.zip.gpg", "applied")
    until_quiet(machine)
    machine.invoke_window(datetime.now(UTC) + timedelta(days=15))
    until_quiet(machine)
    after = {name: _patron(machine, ids[name]) for name in ids}
    return Night(
        sharing,
        certain,
        doubtful,
        (once, again),
        before,
        after,
        plan,
        listed,
        shown,
        first,
        sharing.state(),
        sharing.receipt(run),
        operator,
        _neighbour(machine, hearing, beside, certain),
    )


def _neighbour(machine: Machine, hearing: Hearing, programme: Programme, both: Student) -> Neighbour:
    made = make_district(district="stjohns", seed=12, today=machine.today, students=20, staff=2, schools=2)
    school = made.students[0]
    sharing = Sharing(machine, programme, _with(made, replace(both, school=school.school, homeroom=school.homeroom)), hearing)
    sharing.drop(sharing.protected(sharing.export), "beside.zip.gpg")
    run = str(sharing.until_run("beside.zip.gpg", "held")["run_id"])
    plan = json.loads(sharing.firstcard("run", "show", run, "--json"))["plan"]
    sharing.decide(run, "approve")
    sharing.until_run("beside.zip.gpg", "applied")
    until_quiet(machine)
    return Neighbour(sharing, both, plan, sharing.receipt(run), sharing.state())


def _children(district: District) -> list[Student]:
    """Three children of three families, each with an address and a name that no other child here has."""
    found: dict[int, Student] = {}
    for student in district.students:
        of_age = (district.today - student.birth_date).days > 17 * 365
        if student.damage is None and not student.opt_out and student.email and not of_age:
            found.setdefault(student.household, student)
    return list(found.values())[:3]


def _with(district: District, more: Student) -> District:
    return replace(district, students=(*district.students, more))


def _cards(certain: Student, doubtful: Student) -> list[tuple[str, Student, date | None]]:
    return [("certain", certain, certain.birth_date), ("doubtful", doubtful, None)]


@contextmanager
def _koha(machine: Machine) -> Iterator[httpx.Client]:
    system = machine.libraries["jaxpl"]
    trusted = ssl.create_default_context(cafile=str(machine.cloud.certificate.authority))
    with httpx.Client(base_url=system.endpoint, verify=trusted, trust_env=False) as client:
        answer = client.post("/oauth/token", data={"grant_type": "client_credentials", **system.access})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def _register(machine: Machine, name: str, student: Student, born: date | None) -> int:
    """The family got this card by itself, long before."""
    card = {
        "cardnumber": f"2111100000{len(name):04d}",
        "firstname": student.first_name,
        "surname": student.last_name,
        "email": student.email,
        "library_id": "WEST",
        "category_id": "EDUCATOR",
        "staff_notes": "has a library bag",
    }
    with _koha(machine) as client:
        answer = client.post("/patrons", json=card | ({"date_of_birth": born.isoformat()} if born else {}))
        assert answer.status_code == 201, answer.text
        return int(answer.json()["patron_id"])


def _patron(machine: Machine, patron_id: int) -> Mapping[str, Any]:
    with _koha(machine) as client:
        found: dict[str, Any] = client.get(f"/patrons/{patron_id}", headers={"x-koha-embed": "extended_attributes"}).json()
        return found


def _matches(sharing: Sharing, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(sharing.firstcard("matches", *words, "--library", "jaxpl", "--json", role=LIBRARIAN))
    return told


def _token_of(patron: Mapping[str, Any]) -> str:
    return str(next((one["value"] for one in patron["extended_attributes"] if one["type"] == "FIRSTCARD"), ""))


def test_the_library_sees_beforehand_how_many_have_a_card(night: Night) -> None:
    assert night.plan["matching"]["compared_with_patrons"] is True
    assert (night.plan["matching"]["patron_same"], night.plan["matching"]["patron_doubt"]) == (1, 1)
    assert night.plan["linked"] == 1


def test_a_child_with_a_card_is_linked_by_one_attribute_and_nothing_else_changes(night: Night) -> None:
    token = night.sharing.token(night.certain.local_id)
    assert _token_of(night.after["certain"]) == token
    without = {**night.after["certain"], "extended_attributes": []}
    assert without == {**night.before["certain"], "extended_attributes": []}
    assert token in night.first.told("CardLinked")
    assert token not in night.first.told("CardIssued")


def test_the_district_is_told_nothing_of_it(night: Night) -> None:
    assert not any(word in night.receipt for word in ("link", "matching", "in_doubt"))
    assert json.loads(night.receipt)["decisions"]["wait"] == night.plan["decisions"]["wait"] + night.plan["decisions"]["in_doubt"]


def test_a_child_in_doubt_waits_and_is_linked_after_staff_said_so(night: Night) -> None:
    token = night.sharing.token(night.doubtful.local_id)
    assert token not in night.first.patrons("waiting", "active")
    assert night.listed["waiting"] == 2
    assert night.shown["student"]["last_name"] == night.doubtful.last_name
    assert night.shown["other"]["ils_id"]
    assert _token_of(night.after["doubtful"]) == token


def test_two_rows_that_may_be_one_child_get_one_card_until_staff_said_that_they_are_two(night: Night) -> None:
    once, again = (night.sharing.token(student.local_id) for student in night.twice)
    assert once in night.first.patrons("active")
    assert again not in night.first.patrons("active", "waiting")
    assert {once, again} <= night.second.patrons("active").keys()


def test_the_library_hears_of_matches_in_doubt(night: Night) -> None:
    assert [message["detail-type"] for message in night.first.library_queue].count("MatchInDoubt") == 2


def test_who_runs_things_is_shown_no_match(night: Night) -> None:
    assert night.operator == ""


def test_a_child_of_two_districts_has_one_card_and_neither_district_is_told(night: Night) -> None:
    beside, local_id = night.neighbour, night.neighbour.both.local_id
    assert (beside.plan["decisions"]["served"], beside.plan["matching"]["elsewhere_same"]) == (1, 1)
    assert night.sharing.token(local_id) in night.second.patrons("active")
    assert beside.sharing.token(local_id) not in beside.left.patrons("active", "waiting")
    assert not any(word in beside.receipt for word in ("served", "elsewhere", "duval", "matching"))
    told = json.loads(beside.receipt)["decisions"]
    assert told["wait"] == beside.plan["decisions"]["wait"] + 1


def test_long_after_the_term_nothing_sealed_is_left_and_it_is_on_record(machine: Machine, night: Night) -> None:
    """The last one of this machine: it takes everything away."""
    functions = machine.cloud.session(DESK).client("lambda")
    long_after = later_event(datetime.now(UTC) + timedelta(days=3 * 365))
    for verb in ("tally", "destroy"):
        answer = functions.invoke(FunctionName=f"firstcard-{verb}", Payload=json.dumps(long_after).encode())
        assert "FunctionError" not in answer, answer["Payload"].read()
    sealed = [item for item in machine.cloud.session().resource("dynamodb").Table("firstcard-cards").scan()["Items"] if item.get("sealed")]
    assert sealed == []
    acts = json.loads(
        night.sharing.firstcard("destruction", "list", "jaxpl.duval", "--since", "2026-01-01", "--json", role="firstcard-officer")
    )
    assert [(act["because"], act["done"], act["remaining"]) for act in acts] == [("term", True, 0)]
    assert acts[0]["patrons"] >= 40
