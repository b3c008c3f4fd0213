"""A family's no: looking changes nothing, the button does, and nobody else's link opens anything."""

import base64
from typing import Any
from urllib.parse import urlencode

import pytest

from firstcard.notice import make_link
from functions.refuse.handler import handler
from tests.function.builders import CARDS, Breaking, Yard, a_roster, everything, household, later, token
from tests.function.calling import a_context
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

LINK_KEY = b"a link key of the tests, long enough"
ONE_CLICK = "List-Unsubscribe=One-Click"


def a_link(number: int = 1, *, key: bytes = LINK_KEY, sharing: str = "oak.pine") -> str:
    made = make_link(key, sharing=sharing, household=household(number), language="es", base_url="https://no.example.org/no")
    return made.rsplit("/", 1)[1]


def ask(link: str, method: str = "GET", body: str | None = None, *, encoded: bool = False) -> tuple[int, str]:
    event: dict[str, Any] = {
        "version": "2.0",
        "pathParameters": {"link": link},
        "requestContext": {"http": {"method": method}, "timeEpoch": int(later(hours=1).timestamp() * 1000)},
        "isBase64Encoded": encoded,
    }
    if body is not None:
        event["body"] = base64.b64encode(body.encode()).decode() if encoded else body
    answer = handler(event, a_context())
    assert "noindex" in str(answer["headers"]) or answer["headers"]
    return answer["statusCode"], answer["body"]


@pytest.fixture
def family(yard: Yard) -> Yard:
    """Two children of one household and one of another, all waiting."""
    rows = [a_student_row(1), a_student_row(2, guardian_email="family1@example.org"), a_student_row(3)]
    yard.run(a_firstcard_csv(*rows))
    return yard


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("GET", None),
        ("HEAD", None),
        ("GET", "answer=no"),
        ("POST", None),
        ("POST", ""),
        ("POST", ONE_CLICK),
        ("POST", "answer=yes"),
        ("POST", "{"),
    ],
)
def test_whatever_is_not_the_button_changes_nothing(family: Yard, method: str, body: str | None) -> None:
    before = everything(CARDS)
    status, page = ask(a_link(), method, body)
    assert status == 200
    assert "<button" in page
    assert everything(CARDS) == before


@pytest.mark.parametrize("encoded", [False, True])
def test_the_button_says_no_for_every_child_of_the_household_and_no_other(family: Yard, encoded: bool) -> None:
    status, page = ask(a_link(), "POST", urlencode({"answer": "no"}), encoded=encoded)
    assert status == 200
    assert "<button" not in page
    assert family.states(1, 2, 3) == ["refused", "refused", "waiting"]
    assert (family.sealed(1), family.sealed(2)) == ({}, {})


def test_a_no_stands_against_every_later_roster(family: Yard) -> None:
    ask(a_link(), "POST", "answer=no")
    family.run(a_roster(1, 2, 3, grade="05"), at=later(days=1), key="incoming/next.csv")
    assert family.states(1, 2, 3) == ["refused", "refused", "waiting"]


def test_saying_no_twice_is_saying_it_once(family: Yard) -> None:
    ask(a_link(), "POST", "answer=no")
    before = everything(CARDS)
    assert ask(a_link(), "POST", "answer=no")[0] == 200
    assert everything(CARDS) == before


def test_a_no_before_the_card_is_issued_is_found_by_issue(yard: Yard, breaking: Breaking) -> None:
    yard.run(a_roster(1))
    yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2)), at=later(days=1), key="incoming/next.csv")
    ask(a_link(2), "POST", "answer=no")
    assert yard.states(1, 2) == ["waiting", "refused"]


@pytest.mark.parametrize(
    "link",
    [
        "",
        "x",
        "A" * 65,
        a_link(key=b"another key than the library's own"),
        a_link(sharing="oak.elm"),
        a_link(sharing="elm.pine"),
        a_link(99),
    ],
    ids=["none", "short", "made up", "forged", "no agreement", "other library", "unknown household"],
)
def test_a_link_that_is_not_ours_is_not_found_and_changes_nothing(family: Yard, link: str) -> None:
    before = everything(CARDS)
    assert ask(link, "POST", "answer=no")[0] == 404
    assert everything(CARDS) == before


def test_an_altered_link_is_not_found(family: Yard) -> None:
    link = a_link()
    for place in (0, 10, len(link) - 1):
        altered = link[:place] + ("A" if link[place] != "A" else "B") + link[place + 1 :]
        assert ask(altered, "POST", "answer=no")[0] == 404
    assert family.states(1, 2) == ["waiting", "waiting"]


def test_a_child_whose_row_was_rejected_last_night_is_still_reached_by_the_no(family: Yard) -> None:
    rows = [a_student_row(1), a_student_row(2, guardian_email="family1@example.org", birth_date="31.31.2016"), a_student_row(3)]
    _, ended = family.run(a_firstcard_csv(*rows), at=later(days=1), key="incoming/next.csv")
    assert ended == "applied"
    ask(a_link(), "POST", "answer=no")
    assert family.states(1, 2, 3) == ["refused", "refused", "waiting"]


def test_the_log_says_how_many_and_never_who(family: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    ask(a_link(), "POST", "answer=no")
    said = capsys.readouterr()
    for value in ("family1@example.org", "100001", "Ada", token(1), household(1)):
        assert value not in said.out + said.err
