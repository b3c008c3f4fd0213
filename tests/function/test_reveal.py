"""The page that shows a PIN, as the HTTP API calls it: a form for everybody, a PIN once for who answers, and nothing of it anywhere else."""

import importlib
import threading
from datetime import date, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from firstcard.notice import make_link, read_pin_link
from functions.notify import handler as notify
from functions.reveal import handler as reveal
from tests.function.builders import CARDS, LEDGER, Breaking, KilledError, Yard, dies, everything, household, later, token
from tests.function.revealing import (
    BASE,
    LINK_KEY,
    NOON,
    RIGHT,
    WRONG,
    a_family,
    a_link,
    agreements_with_a_page,
    ask,
    heading,
    intents,
    pin,
)
from tests.unit.roster.builders import a_firstcard_csv, a_student_row


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return agreements_with_a_page()


@pytest.fixture
def family(yard: Yard) -> Yard:
    return a_family(yard)


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


def test_what_one_family_opened_opens_nothing_for_the_next(family: Yard, breaking: Breaking) -> None:
    ask(RIGHT)
    breaking.seen.clear()
    assert pin(family, 3) in ask(("2", "28", "2013"), link=a_link(3))[1]
    assert intents() == sorted([("age", "show_pin"), ("card", "show_pin"), ("pin", "show_pin")] * 2)
    assert breaking.seen.count("Decrypt") == 3 + 1  # and the test's own look


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
    family: Yard, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    importlib.reload(reveal)  # Powertools reads it when the handler is imported
    for answer in (WRONG, RIGHT, RIGHT):
        ask(answer)
    logged = repr([vars(record) for record in caplog.records])
    assert "answered" in logged
    number = "904000100001"
    for value in (pin(family), number, "2016-05-04", "year", a_link(), household(1), token(1), "Ada", "family1@example.org"):
        assert value not in logged, value
    items = " ".join(item for item in everything(CARDS) if "pin#" in item)
    assert "shown#" in items
    for value in (pin(family), number, "2016-05-04", a_link(), "Ada"):
        assert value not in items, value


def test_showing_writes_two_items_of_its_own_and_no_other(family: Yard) -> None:
    before = set(everything(CARDS))
    ask(RIGHT)
    new = [item for item in everything(CARDS) if item not in before]
    assert len(new) == 2
    assert all(f"pin#{name}" in item for item, name in zip(sorted(new, key=lambda i: "tries#" in i), (token(1), household(1)), strict=True))
    assert len(everything(CARDS)) == len(before) + 2


def test_threads_that_press_at_once_write_one_mark(family: Yard) -> None:
    pages: list[str] = []
    pressing = [threading.Thread(target=lambda: pages.append(ask(RIGHT)[1])) for _ in range(4)]
    for thread in pressing:
        thread.start()
    for thread in pressing:
        thread.join()
    assert sum(pin(family) in page for page in pages) == 4
    assert len([item for item in everything(CARDS) if "shown#" in item]) == 1


class TestWhereTheMatrixHasNames:
    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        return agreements_with_a_page(names=True)

    def test_the_name_that_a_letter_has_is_shown(self, family: Yard) -> None:
        assert "PIN of Ada" in ask(RIGHT)[1]


def test_the_link_that_notify_writes_is_one_that_this_page_reads(family: Yard) -> None:
    pin_link = notify.notices("oak.pine", date(2026, 11, 22)).pin_link
    assert pin_link is not None
    address = pin_link(household(1), "es")
    assert address.startswith(f"{BASE}/")
    link = read_pin_link(LINK_KEY, address.removeprefix(f"{BASE}/"))
    assert link is not None
    assert (link.sharing, link.household, link.language) == ("oak.pine", household(1), "es")
    assert not link.is_over(link.made + 3600, days=1)
