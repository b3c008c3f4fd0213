"""Where no card is made without a yes: the district's, by a column of the roster, or the family's, by a page with a button. Silence is none."""

import html
import json
import re
from typing import Any

import boto3
import pytest
from moto.ses.models import ses_backends
from moto.sesv2.responses import SESV2Response

from firstcard.adapters.aws import wrapper
from firstcard.card.patron import Stamp
from firstcard.event import Event, new_event
from firstcard.notice import make_link, make_yes_link
from firstcard.run.facts import facts
from functions.consent.handler import handler
from functions.notify import handler as notify
from functions.refuse import handler as refuse
from functions.window import handler as window
from tests.function.builders import (
    ACCOUNT,
    CARDS,
    EVENING,
    REGION,
    Breaking,
    KilledError,
    Yard,
    csv_content,
    dies,
    everything,
    household,
    later,
    token,
)
from tests.function.bulk_mail import send_bulk_email
from tests.function.calling import a_batch, a_context, on_the_bus
from tests.function.explaining import asked
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

STAMP = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "1" * 24, EVENING.isoformat())
LINK_KEY = b"a link key of the tests, long enough"
NO_DAY: dict[str, str] = {"consent_date": ""}


def opt_in_content(name: str = "dsa-pine-oak-2026", **choice: str) -> dict[str, Any]:
    content = csv_content("pine", name, "904")
    content["basis"]["choice"] = {"mode": "opt_in", "renew": "never", "honour_within_hours": 24} | choice
    content["fields"]["consent_date"] = {"required": False, "exhibit_b": "Consent", "fideslang": "user.unique_id"}
    return content


def next_year(content: dict[str, Any]) -> dict[str, Any]:
    return content | {"term": {"effective": "2027-08-01", "expires": "2028-07-31"}}


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return [
        opt_in_content(renew="yearly", yes_from="2026-04-01"),
        next_year(opt_in_content("dsa-pine-oak-2027", renew="yearly", yes_from="2027-04-01")),
        csv_content("fir", "dsa-fir-oak-2026", "906"),
    ]


def a_roster(*numbers: int, **changes: str) -> bytes:
    return a_firstcard_csv(*(a_student_row(n, **NO_DAY | changes) for n in numbers))


def over(days: float = 0) -> int:
    released = window.handler({"time": later(days=days).isoformat().replace("+00:00", "Z")}, a_context())
    return sum(count for agreement, count in released.items() if "pine" in agreement)


def a_link(number: int = 1, *, key: bytes = LINK_KEY, sharing: str = "oak.pine", make: Any = make_yes_link) -> str:
    made: str = make(key, sharing=sharing, household=household(number), language="es", base_url="https://no.example.org/yes")
    return made.rsplit("/", 1)[1]


def ask(link: str, method: str = "GET", body: str = "", *, days: float = 0.1, page: Any = handler) -> tuple[int, str]:
    answer = page(
        {
            "pathParameters": {"link": link},
            "requestContext": {"http": {"method": method}, "timeEpoch": int(later(days=days).timestamp() * 1000)},
            "body": body,
        },
        a_context(),
    )
    return answer["statusCode"], answer["body"]


def say_yes(number: int = 1, *, days: float = 0.1) -> tuple[int, str]:
    return ask(a_link(number), "POST", "answer=yes", days=days)


@pytest.fixture
def family(yard: Yard) -> Yard:
    """Two children of one household and one of another; nobody has said anything."""
    rows = [a_student_row(1), a_student_row(2, guardian_email="family1@example.org"), a_student_row(3)]
    yard.run(a_firstcard_csv(*(row | NO_DAY for row in rows)))
    return yard


class TestTheFamilysYes:
    def test_issues_the_cards_of_its_household_and_no_other(self, family: Yard) -> None:
        assert over(400 / 24) == 0
        status, page = say_yes()
        assert (status, "<button" in page) == (200, False)
        assert over(1) == 2
        assert family.states(1, 2, 3) == ["active", "active", "waiting"]
        assert (asked(1)["code"], asked(3)["code"]) == ("on_the_way", "no_yes")

    @pytest.mark.parametrize(("method", "body"), [("GET", ""), ("HEAD", ""), ("POST", ""), ("POST", "answer=no"), ("GET", "answer=yes")])
    def test_is_the_button_and_nothing_else(self, family: Yard, method: str, body: str) -> None:
        before = everything(CARDS)
        status, page = ask(a_link(), method, body)
        assert (status, 'value="yes"' in page) == (200, True)
        assert everything(CARDS) == before
        assert over(1) == 0

    def test_said_twice_is_said_once(self, family: Yard) -> None:
        say_yes()
        before = everything(CARDS)
        say_yes(days=2)
        assert everything(CARDS) == before

    def test_that_is_half_said_is_said_whole_the_next_time(self, family: Yard, breaking: Breaking) -> None:
        breaking.before("PutItem", dies, nth=2)
        with pytest.raises(KilledError):
            say_yes()
        say_yes()
        assert over(1) == 2

    def test_never_beats_a_no_that_came_before_or_comes_after(self, family: Yard) -> None:
        family.cards.refuse([token(1)], by="district", stamp=STAMP)
        say_yes()
        ask(a_link(1, make=make_link), "POST", "answer=no", page=refuse.handler)
        assert over(1) == 0
        say_yes(days=2)
        assert over(3) == 0
        assert family.states(1, 2) == ["refused", "refused"]

    @pytest.mark.parametrize(
        "link",
        ["", "x", a_link(key=b"another key than the library's own"), a_link(sharing="oak.elm"), a_link(99), a_link(make=make_link)],
        ids=["none", "short", "forged", "no agreement", "unknown household", "the link for a no"],
    )
    def test_needs_a_link_of_ours(self, family: Yard, link: str) -> None:
        before = everything(CARDS)
        assert ask(link, "POST", "answer=yes")[0] == 404
        assert everything(CARDS) == before

    def test_is_not_asked_for_where_none_is_needed_or_the_agreement_is_over(self, family: Yard) -> None:
        before = everything(CARDS)
        for link, days in ((a_link(1, sharing="oak.fir"), 0.1), (a_link(), 900.0)):
            status, page = ask(link, "POST", "answer=yes", days=days)
            assert (status, "<button" in page) == (200, False)
        assert everything(CARDS) == before

    def test_speaks_for_no_child_that_belongs_to_another_household_now(self, family: Yard) -> None:
        rows = [a_student_row(1), a_student_row(2, guardian_email="family9@example.org"), a_student_row(3)]
        family.run(a_firstcard_csv(*(row | NO_DAY for row in rows)), at=later(days=1), key="incoming/next.csv")
        say_yes(days=2)
        assert over(3) == 1
        assert family.states(1, 2) == ["active", "waiting"]

    def test_says_nothing_for_a_child_that_lives_elsewhere_since_and_that_family_is_asked(self, family: Yard) -> None:
        say_yes()
        rows = [a_student_row(1), a_student_row(2, guardian_email="family9@example.org"), a_student_row(3)]
        family.run(a_firstcard_csv(*(row | NO_DAY for row in rows)), at=later(days=1), key="incoming/next.csv")
        assert over(2) == 1
        assert family.states(1, 2) == ["active", "waiting"]
        say_yes(9, days=3)
        assert over(4) == 1
        assert family.states(1, 2) == ["active", "active"]

    def test_of_a_child_that_was_away_counts_when_it_is_back(self, family: Yard) -> None:
        say_yes()
        family.run(a_roster(3), at=later(days=1), key="incoming/next.csv")
        assert over(2) == 0
        family.run(a_roster(1, 3), at=later(days=3), key="incoming/back.csv")
        assert over(4) == 1

    def test_is_logged_without_who(self, family: Yard, capsys: pytest.CaptureFixture[str]) -> None:
        say_yes()
        said = capsys.readouterr()
        for value in ("family1@example.org", "100001", "Ada", token(1), household(1), a_link()):
            assert value not in said.out + said.err


class TestTheDistrictsYes:
    def test_issues_the_card_of_that_child_and_no_other(self, yard: Yard) -> None:
        rows = [a_student_row(1) | {"consent_date": "2026-09-01"}, a_student_row(2) | NO_DAY]
        yard.run(a_firstcard_csv(*rows))
        assert over() == 1
        assert yard.states(1, 2) == ["active", "waiting"]

    def test_that_comes_later_is_heard_with_the_next_roster_and_one_that_goes_away_stays(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        yard.run(a_roster(1, 2, consent_date="2026-11-23"), at=later(days=2), key="incoming/next.csv")
        yard.run(a_roster(1, 2), at=later(days=3), key="incoming/third.csv")
        assert over(4) == 2

    def test_of_before_the_day_from_which_it_counts_is_none(self, yard: Yard) -> None:
        yard.run(a_roster(1, consent_date="2026-03-31"))
        assert over() == 0

    def test_beside_a_no_is_none(self, yard: Yard) -> None:
        yard.run(a_firstcard_csv(a_student_row(1, opt_out="yes", consent_date="2026-09-01"), a_student_row(2) | NO_DAY))
        assert over() == 0
        assert yard.states(1) == [None]

    def test_after_a_familys_no_is_none(self, family: Yard) -> None:
        family.cards.refuse([token(1)], by="family", stamp=STAMP)
        family.run(a_roster(1, 3, consent_date="2026-11-20"), at=later(days=1), key="incoming/next.csv")
        assert over(2) == 1
        assert family.states(1, 3) == ["refused", "active"]

    @pytest.mark.parametrize("day", ["2026-11-23", "yes", "2026-02-30"])
    def test_that_is_no_day_of_the_past_rejects_the_row(self, yard: Yard, day: str) -> None:
        arrival, _ = yard.run(a_firstcard_csv(a_student_row(1, consent_date=day), a_student_row(2) | NO_DAY))
        problems = json.loads(yard.places.get(yard.known(arrival).chunks_prefix.replace("chunks/", "problems.json")) or b"")
        assert [(line, column, reason) for _, line, column, reason in problems] == [(2, "consent_date", "BAD_DATE")]
        assert yard.states(1) == [None]

    def test_whose_chunk_is_issued_twice_is_one(self, yard: Yard) -> None:
        arrival = yard.admitted(a_roster(1, consent_date="2026-09-01"))
        planned = yard.plan(arrival)
        yard.begin(arrival)
        yard.issue(planned)
        before = everything(CARDS)
        yard.issue(planned)
        assert everything(CARDS) == before


def test_a_yes_of_last_year_is_none_this_year_and_the_card_of_who_has_one_stays(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    say_yes(1)
    assert over(1) == 1
    say_yes(2)
    august = (265.0, 266.0)
    assert over(august[0]) == 0
    assert (yard.states(1, 2), asked(2, at=later(days=august[0]).isoformat())["code"]) == (["active", "waiting"], "no_yes")
    say_yes(2, days=august[0])
    assert over(august[1]) == 1


def test_the_e_mail_asks_and_its_link_takes_the_yes(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = boto3.client("kms")
    keys.create_alias(AliasName="alias/firstcard-purpose-oak-pine", TargetKeyId=keys.create_key()["KeyMetadata"]["KeyId"])
    monkeypatch.setattr(SESV2Response, "send_bulk_email", send_bulk_email, raising=False)
    boto3.client("ses").verify_email_identity(EmailAddress="cards@oak.example.org")
    yard.wrapper = wrapper
    arrival, _ = yard.run(a_roster(1))
    agreement = yard.site.of_sharing("oak.pine", EVENING.date())
    assert agreement is not None
    told: Event = new_event(
        "HouseholdRecorded",
        key="k",
        **facts(agreement, arrival.run_id, EVENING),
        household=household(1),
        kind="family",
        announce=(token(1),),
    )
    assert notify.handler(a_batch(*on_the_bus([told])), a_context()) == {"batchItemFailures": []}
    [sent] = ses_backends[ACCOUNT][REGION].sent_messages
    text = html.unescape(json.dumps(vars(sent), default=str))
    [link] = set(re.findall(r"https://no\.example\.org/yes/([A-Za-z0-9_-]+)", text))
    assert list(yard.cards.windows_over("oak.pine", told_before="9999")) == []
    assert over(300 / 24) == 0
    ask(link, "POST", "answer=yes")
    assert over(1) == 1
