"""The page that shows a PIN, as the HTTP API calls it: a form for everybody, a PIN once for who answers, and nothing of it anywhere else."""

import base64
import threading
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from botocore.exceptions import ClientError

from firstcard.adapters.aws import unwrap, wrapper
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.patron import release
from firstcard.card.view import IlsState
from firstcard.notice import make_link, make_pin_link
from firstcard.vault.seal import Opener
from functions.reveal.handler import cards, handler
from tests.function.builders import (
    CARDS,
    LEDGER,
    Breaking,
    KilledError,
    Yard,
    csv_content,
    dies,
    everything,
    household,
    later,
    token,
    with_pin_page,
)
from tests.function.calling import a_context
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

LINK_KEY = b"a link key of the tests, long enough"
BASE = "https://no.example.org/pin"
RIGHT, WRONG = ("5", "4", "2016"), ("5", "5", "2016")
NOON = later(hours=12)
MADE = later(hours=1)


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return [with_pin_page(csv_content("pine", "dsa-pine-oak-2026", "904")), csv_content("fir", "dsa-fir-oak-2026", "906")]


@pytest.fixture
def family(yard: Yard) -> Yard:
    """Two children of one household and one of another, all with cards in the ILS, sealed by a key of the cloud's."""
    keys = boto3.client("kms")
    keys.create_alias(AliasName="alias/firstcard-purpose-oak-pine", TargetKeyId=keys.create_key()["KeyMetadata"]["KeyId"])
    yard.wrapper = wrapper
    home = {"guardian_email": "family1@example.org"}
    yard.run(
        a_firstcard_csv(a_student_row(1), a_student_row(2, birth_date="2014-01-31", **home), a_student_row(3, birth_date="2013-02-28"))
    )
    for number in (1, 2, 3):
        works(yard, number)
    return yard


def works(yard: Yard, number: int, state: str = "in_ils") -> None:
    """The child's days are over, and the ILS has the card."""
    patron = release(yard.cards.standing([token(number)]).patrons[token(number)], at=later(minutes=1).isoformat())
    assert yard.cards.change(patron)
    yard.cards.record_ils([IlsState(patron.token, "student", patron.household, state, patron.version, "77", "", patron.stamp)])


def a_link(number: int = 1, *, key: bytes = LINK_KEY, sharing: str = "oak.pine", made: datetime = MADE, language: str = "en") -> str:
    address = make_pin_link(key, sharing=sharing, household=household(number), language=language, base_url=BASE, made=made.timestamp())
    return address.rsplit("/", 1)[1]


def ask(
    answer: tuple[str, str, str] | None = None,
    *,
    link: str | None = None,
    at: datetime = NOON,
    method: str = "POST",
    body: str | None = None,
    encoded: bool = False,
) -> tuple[int, str]:
    if answer:
        body = urlencode(dict(zip(("month", "day", "year"), answer, strict=True)))
    event: dict[str, Any] = {
        "version": "2.0",
        "pathParameters": {"link": a_link() if link is None else link},
        "requestContext": {"http": {"method": method}, "timeEpoch": int(at.timestamp() * 1000)},
        "isBase64Encoded": encoded,
    }
    if body is not None:
        event["body"] = base64.b64encode(body.encode()).decode() if encoded else body
    said = handler(event, a_context())
    assert said["headers"]["Cache-Control"] == "no-store"
    assert "default-src 'none'" in said["headers"]["Content-Security-Policy"]
    return said["statusCode"], said["body"]


def pin(yard: Yard, number: int = 1) -> str:
    return opened(yard, number, Group.PIN)["pin"]


def opened(yard: Yard, number: int, group: Group) -> dict[str, str]:
    """What is sealed, opened as sync would."""
    patron = yard.cards.standing([token(number)]).patrons[token(number)]
    envelope = yard.cards.envelopes([patron.envelopes[group]])[patron.envelopes[group]]
    opener = Opener(purpose=Purpose.SYNC_ILS, unwrap=unwrap, declare=lambda intent: None, clock=lambda: 0.0)
    fields: dict[str, str] = opener.open(envelope, patron.token, group, patron.sealed[group])
    return fields


def heading(page: str) -> str:
    return page.partition("<h1>")[2].partition("</h1>")[0]


def intents() -> list[tuple[str, str]]:
    items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    found = [item for item in items if item["pk"]["S"].startswith("intent#")]
    return sorted((item["group"]["S"], item["purpose"]["S"]) for item in found)


ONE_CLICK = "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    ("method", "body"),
    [("GET", None), ("HEAD", None), ("GET", "month=5&day=4&year=2016"), ("POST", None), ("POST", ""), ("POST", ONE_CLICK), ("POST", "answer=no"), ("POST", "{")],
)  # fmt: skip
def test_whatever_is_no_answer_shows_the_form_and_changes_nothing(family: Yard, method: str, body: str | None) -> None:
    before = everything(CARDS), everything(LEDGER)
    status, page = ask(method=method, body=body)
    assert status == 200
    assert '<form method="post"' in page
    assert pin(family) not in page
    assert (everything(CARDS), everything(LEDGER)) == before


@pytest.mark.parametrize("body", ["month=5", "month=13&day=4&year=2016", "month=&day=&year=", "month=%FF&day=4&year=2016"])
def test_what_cannot_be_read_is_asked_again_and_costs_nothing(family: Yard, body: str) -> None:
    before = everything(CARDS), everything(LEDGER)
    status, page = ask(body=body)
    assert status == 200
    assert 'role="alert"' in page
    assert (everything(CARDS), everything(LEDGER)) == before


@pytest.mark.parametrize("body", ["&".join(f"f{n}=1" for n in range(20)), "month=5&day=4&year=2016&" + "x" * 3000])
def test_what_no_form_of_ours_would_send_is_no_answer(family: Yard, body: str) -> None:
    assert '<form method="post"' in ask(body=body)[1]
    assert ask(body="%", encoded=False)[0] == 200


@pytest.mark.parametrize("encoded", [False, True])
def test_the_right_answer_shows_number_and_pin_of_that_child(family: Yard, encoded: bool) -> None:
    status, page = ask(RIGHT, encoded=encoded)
    assert status == 200
    assert heading(page) == "The PIN of the library card"
    assert f">{pin(family)}<" in page
    assert "<span>9040</span><span>0010</span><span>0001</span>" in page
    assert pin(family, 2) not in page
    assert "Ada" not in page
    assert "<form" not in page


def test_every_opening_has_its_intent(family: Yard) -> None:
    ask(RIGHT)
    assert intents() == [("age", "show_pin"), ("card", "show_pin"), ("pin", "show_pin")]


def test_a_wrong_answer_opens_no_pin(family: Yard) -> None:
    _, page = ask(WRONG)
    assert "We found no PIN for this answer" in page
    assert intents() == [("age", "show_pin")]


def test_it_is_shown_once(family: Yard) -> None:
    ask(RIGHT)
    assert f">{pin(family)}<" in ask(RIGHT, at=NOON + timedelta(seconds=50))[1]
    _, page = ask(RIGHT, at=NOON + timedelta(seconds=70))
    assert heading(page) == "This PIN was shown before"
    assert "November 22, 2026" in page
    assert pin(family) not in page
    assert pin(family, 2) in ask(("Jan", "31", "14"))[1]


def test_in_spanish_the_boxes_are_read_in_spanish(family: Yard) -> None:
    link = a_link(language="es")
    assert ask(method="GET", link=link)[1].index('name="day"') < ask(method="GET", link=link)[1].index('name="month"')
    assert pin(family) in ask(("mayo", "4", "2016"), link=link)[1]


def test_the_sixth_answer_of_a_day_waits_until_tomorrow(family: Yard) -> None:
    assert [ask(WRONG)[0] for _ in range(6)] == [200] * 5 + [429]
    status, page = ask(RIGHT)
    assert (status, heading(page)) == (429, "Please come back tomorrow")
    assert pin(family) not in page
    assert ask(RIGHT, link=a_link(3))[0] == 200
    assert pin(family) in ask(RIGHT, at=NOON + timedelta(days=1))[1]


def test_the_count_of_a_day_goes_by_itself(family: Yard) -> None:
    ask(WRONG)
    [tries] = [item for item in boto3.client("dynamodb").scan(TableName=CARDS)["Items"] if item["sk"]["S"].startswith("tries#")]
    assert tries["counted"] == {"N": "1"}
    assert timedelta(days=1) < datetime.fromtimestamp(int(tries["gone_at"]["N"]), NOON.tzinfo) - NOON < timedelta(days=4)


def test_right_answers_are_not_counted(family: Yard) -> None:
    for _ in range(8):
        assert ask(RIGHT)[0] == 200
    [tries] = [item for item in boto3.client("dynamodb").scan(TableName=CARDS)["Items"] if item["sk"]["S"].startswith("tries#")]
    assert tries["counted"] == {"N": "0"}


def test_many_answers_at_once_are_no_more_than_five_tries(family: Yard, breaking: Breaking) -> None:
    more = [ask(WRONG) for _ in range(3)]
    seen: list[int] = []
    breaking.before("BatchGetItem", lambda: seen.extend(ask(WRONG)[0] for _ in range(4)))
    seen.append(ask(WRONG)[0])
    assert sorted([*(status for status, _ in more), *seen]) == [200] * 5 + [429] * 3


def test_of_two_presses_at_once_both_pages_are_the_one_showing(family: Yard, breaking: Breaking) -> None:
    seen: list[str] = []
    breaking.before("PutItem", lambda: seen.append(ask(RIGHT)[1]), about="shown#")
    seen.append(ask(RIGHT)[1])
    assert all(pin(family) in page for page in seen)
    assert len([item for item in everything(CARDS) if "shown#" in item]) == 1


def test_a_mark_that_came_between_by_an_hour_is_found(family: Yard, breaking: Breaking) -> None:
    seen: list[str] = []
    breaking.before("PutItem", lambda: seen.append(ask(RIGHT, at=NOON - timedelta(hours=1))[1]), about="shown#")
    late = ask(RIGHT)[1]
    assert pin(family) in seen[0]
    assert pin(family) not in late
    assert heading(late) == "This PIN was shown before"


def test_a_function_that_dies_before_the_mark_has_shown_nothing(family: Yard, breaking: Breaking) -> None:
    breaking.before("PutItem", dies, about="shown#")
    with pytest.raises(KilledError):
        ask(RIGHT)
    assert pin(family) in ask(RIGHT, at=NOON + timedelta(minutes=10))[1]


# -- links and agreements --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "",
        "x",
        "A" * 70,
        a_link(key=b"another key than the library's own"),
        a_link(sharing="oak.elm"),
        a_link(sharing="elm.pine"),
        make_link(LINK_KEY, sharing="oak.pine", household=household(1), language="en", base_url=BASE).rsplit("/", 1)[1],
    ],
    ids=["none", "short", "made up", "forged", "no agreement", "other library", "link for a no"],
)
def test_a_link_that_is_not_ours_is_not_found_and_changes_nothing(family: Yard, link: str) -> None:
    before = everything(CARDS), everything(LEDGER)
    for method in ("GET", "POST"):
        status, page = ask(RIGHT, link=link, method=method)
        assert status == 404
        assert "<form" not in page
    assert (everything(CARDS), everything(LEDGER)) == before


def test_a_link_works_for_the_agreements_days(family: Yard) -> None:
    link = a_link(made=later(hours=1))
    for method, answer in (("GET", None), ("POST", RIGHT)):
        before = everything(CARDS)
        _, page = ask(answer, link=link, method=method, at=later(days=30, hours=1))
        assert heading(page) == "This link has ended"
        assert "30 days" in page
        assert everything(CARDS) == before
    assert pin(family) in ask(RIGHT, link=link, at=later(days=30))[1]


def test_a_household_that_is_not_there_is_answered_like_a_wrong_answer(family: Yard) -> None:
    there, not_there = ask(WRONG), ask(WRONG, link=a_link(99))
    assert there == not_there


def test_an_agreement_without_a_page_shows_nothing(family: Yard) -> None:
    status, page = ask(RIGHT, link=a_link(sharing="oak.fir"))
    assert (status, heading(page)) == (200, "No PIN can be shown now")


def test_a_suspended_or_ended_agreement_shows_nothing(family: Yard) -> None:
    family.ledger.suspend("oak.pine", by="ann", at=NOON.isoformat())
    assert heading(ask(RIGHT)[1]) == "No PIN can be shown now"
    family.ledger.resume("oak.pine")
    assert heading(ask(RIGHT, at=datetime.fromisoformat("2027-08-01T00:00:00+00:00"))[1]) == "No PIN can be shown now"
    assert pin(family) in ask(RIGHT)[1]


def refused_by_kms() -> None:
    raise ClientError({"Error": {"Code": "DisabledException", "Message": ""}}, "Decrypt")


def test_a_key_that_is_disabled_shows_nothing_and_costs_no_try(family: Yard, breaking: Breaking) -> None:
    for _ in range(6):
        breaking.before("Decrypt", refused_by_kms)
        assert heading(ask(RIGHT)[1]) == "No PIN can be shown now"
    assert pin(family) in ask(RIGHT)[1]


# -- who has no PIN --------------------------------------------------------------------------------------------------------------------------


def test_a_no_closes_the_page(family: Yard) -> None:
    shown = pin(family)
    stamp = family.cards.standing([token(1)]).patrons[token(1)].stamp
    family.cards.refuse([token(1)], by="family", stamp=stamp)
    _, page = ask(RIGHT)
    assert "We found no PIN for this answer" in page
    assert shown not in page


def test_a_waiting_child_has_no_pin_yet(yard: Yard) -> None:
    yard.run(a_firstcard_csv(a_student_row(1)))
    assert "We found no PIN for this answer" in ask(RIGHT)[1]
    assert intents() == []


def test_another_childs_birth_date_is_no_answer(family: Yard) -> None:
    assert "We found no PIN for this answer" in ask(("2", "28", "2013"))[1]
    assert pin(family, 3) in ask(("2", "28", "2013"), link=a_link(3))[1]


# -- what is left behind ---------------------------------------------------------------------------------------------------------------------


def test_no_pin_number_birth_date_link_or_household_is_in_a_log_or_an_item(
    family: Yard, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    for answer in (WRONG, RIGHT, RIGHT):
        ask(answer)
    said = capsys.readouterr()
    secrets = (pin(family), "904000100001", "2016-05-04", "2016", a_link(), household(1), token(1), "Ada", "family1@example.org")
    for value in secrets:
        assert value not in said.out + said.err, value
    items = " ".join(item for item in everything(CARDS) if "pin#" in item)
    assert "shown#" in items
    for value in (pin(family), "904000100001", "2016-05-04", a_link(), "Ada"):
        assert value not in items, value


def test_showing_writes_two_items_of_its_own_and_no_other(family: Yard) -> None:
    before = set(everything(CARDS))
    ask(RIGHT)
    new = [item for item in everything(CARDS) if item not in before]
    assert len(new) == 2
    assert all(f"pin#{name}" in item for item, name in zip(sorted(new, key=lambda i: "tries#" in i), (token(1), household(1)), strict=True))
    assert len(everything(CARDS)) == len(before) + 2


def test_threads_that_press_at_once_write_one_mark(family: Yard) -> None:
    assert cards() is not None
    pages: list[str] = []
    pressing = [threading.Thread(target=lambda: pages.append(ask(RIGHT)[1])) for _ in range(4)]
    for thread in pressing:
        thread.start()
    for thread in pressing:
        thread.join()
    assert sum(pin(family) in page for page in pages) == 4
    assert len([item for item in everything(CARDS) if "shown#" in item]) == 1


@pytest.fixture
def named(agreements: list[dict[str, Any]]) -> None:
    with_pin_page(agreements[0], names=True)


def test_the_name_that_a_letter_has_is_shown_where_the_matrix_says_so(named: None, family: Yard) -> None:
    assert "PIN of Ada" in ask(RIGHT)[1]
