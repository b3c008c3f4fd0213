"""When a family was really told: e-mails that come back stop its days, and the district's word that letters went home starts them."""

import json
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.main import app
from firstcard.card.patron import Stamp
from firstcard.card.view import NoticeMark
from firstcard.card.window import never_arrived
from firstcard.identity import Tokens
from firstcard.run.attesting import Attested, Attester, Counted, LettersSent
from firstcard.run.delivering import load_manifest
from functions.attest import handler as attest
from functions.bounce import handler as bounce
from functions.window import handler as window
from tests.function.builders import (
    CARDS,
    EVENING,
    LEDGER,
    TOKEN_KEY,
    Breaking,
    KilledError,
    Yard,
    a_roster,
    dies,
    everything,
    household,
    later,
    token,
)
from tests.function.calling import a_batch, a_context
from tests.function.explaining import asked, calls_go_to_the_handler
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

STAMP = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "1" * 24, EVENING.isoformat())
DAY = date(2026, 11, 22)
END_OF_DAY = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
"""In New York."""


def tell(yard: Yard, *numbers: int, at: datetime = EVENING, home: int | None = None, state: str = "sent") -> None:
    sent = {"told_at": at.isoformat(), "window_of": "oak.pine"} if state == "sent" else {}
    yard.cards.mark([NoticeMark(household(home or n), "announcement", token(n), state, "m1", STAMP, **sent) for n in numbers])


def a_bounce(number: int = 1, *, at: datetime = EVENING, kind: str = "Permanent", **changes: Any) -> dict[str, Any]:
    """As AWS documents it (Amazon SES developer guide, "Examples of event data"), under the detail-type of its EventBridge reference."""
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    detail = {
        "eventType": "Bounce",
        "bounce": {
            "bounceType": kind,
            "bounceSubType": "General",
            "bouncedRecipients": [
                {
                    "emailAddress": f"family{number}@example.org",
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                }
            ],
            "timestamp": moment,
            "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
            "reportingMTA": "dsn; mta.example.com",
        },
        "mail": {
            "timestamp": moment,
            "source": "FirstCard <cards@example.org>",
            "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/cards@example.org",
            "sendingAccountId": "123456789012",
            "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
            "destination": [f"family{number}@example.org"],
            "headersTruncated": False,
            "tags": {
                "ses:configuration-set": ["firstcard"],
                "ses:source-ip": ["192.0.2.0"],
                "kind": ["announcement"],
                "household": [household(number)],
            },
        },
    }
    return {"version": "0", "source": "aws.ses", "detail-type": "Email Bounced", "time": moment, "detail": detail | changes}


def a_complaint(number: int = 1) -> dict[str, Any]:
    said = a_bounce(number)
    mail = said["detail"]["mail"]
    complaint = {"complainedRecipients": [{"emailAddress": f"family{number}@example.org"}], "timestamp": "2026-11-22T07:00:00.000Z"}
    return said | {"detail-type": "Email Complaint Received", "detail": {"eventType": "Complaint", "mail": mail, "complaint": complaint}}


def hear(*events: dict[str, Any]) -> list[dict[str, str]]:
    return bounce.handler(a_batch(*events), a_context())["batchItemFailures"]


def over(days: float = 14) -> int:
    released = window.handler({"time": later(days=days).isoformat().replace("+00:00", "Z")}, a_context())
    return sum(count for agreement, count in released.items() if "pine" in agreement)


def attester(yard: Yard) -> Attester:
    agreement = yard.site.of_sharing("oak.pine", None)
    assert agreement is not None
    tokens = Tokens(TOKEN_KEY.encode(), library="oak", district="pine")
    manifest = load_manifest(yard.places, "oak.pine", yard.ledger.district("oak.pine").manifest_version)
    return Attester(yard.cards, yard.ledger, agreement, tokens, manifest)


def letters_went_home(
    yard: Yard, *, day: date = DAY, school: str = "", at: datetime | None = None, allowed: bool = True
) -> tuple[Attested, Counted]:
    at = at or later(days=2)
    said = LettersSent(district="pine", school=school, day=day, by="Ann Example/registrar", at=at)
    return attester(yard).attest(said, at=at, allowed=allowed)


class TestAnEMailThatCameBack:
    def test_stops_the_days_of_its_household_and_of_no_other(self, yard: Yard) -> None:
        yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2, guardian_email="family1@example.org"), a_student_row(3)))
        tell(yard, 1, 3)
        tell(yard, 2, home=1)
        assert hear(a_bounce(1, at=later(seconds=20))) == []
        assert over() == 1
        assert yard.states(1, 2, 3) == ["waiting", "waiting", "active"]
        said = asked(1, at=later(days=15).isoformat())
        assert (said["code"], said["ask"]["who"]) == ("bounced", "district")

    def test_that_is_heard_of_before_the_notice_is_marked_stops_the_days_all_the_same(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1, state="claimed")
        hear(a_bounce(1, at=later(seconds=-1)))
        tell(yard, 1)
        assert over() == 0
        assert over(20) == 0
        assert yard.states(1) == ["waiting"]
        assert [w.token for w in yard.cards.stopped_windows("oak.pine")] == [token(1)]

    def test_is_the_same_fact_however_often_and_in_whatever_order_it_is_told(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        hear(a_bounce(1, at=later(minutes=5)))
        before = everything(CARDS)
        hear(a_bounce(1, at=later(minutes=5)), a_bounce(1, at=later(minutes=1)))
        assert everything(CARDS) == before

    def test_after_the_card_was_issued_changes_nothing_of_it(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        over()
        (patron,) = yard.cards.standing([token(1)]).patrons.values()
        hear(a_bounce(1, at=later(days=15)))
        assert yard.cards.standing([token(1)]).patrons[token(1)] == patron

    def test_says_nothing_of_a_later_e_mail_that_arrived(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        hear(a_bounce(1))
        tell(yard, 1, at=later(days=30))
        assert over(44) == 1

    def test_leaves_another_address_alone_that_the_next_roster_brings(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        hear(a_bounce(1))
        yard.run(a_roster(1, guardian_email="family9@example.org"), at=later(days=1), key="incoming/next.csv")
        tell(yard, 1, home=9, at=later(days=1))
        assert over(15) == 1

    @pytest.mark.parametrize(
        "event", [a_bounce(1, kind="Transient"), a_bounce(1, kind="Undetermined"), a_bounce(99), a_bounce(1, mail={"tags": {}})]
    )
    def test_that_may_pass_or_is_nobodys_stops_nothing(self, yard: Yard, event: dict[str, Any]) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        before = everything(CARDS)
        assert hear(event) == []
        assert everything(CARDS) == before

    @pytest.mark.parametrize(
        "broken", [{}, {"detail-type": "Email Bounced", "detail": {}}, a_bounce(1, mail={"tags": {"household": ["x"]}})]
    )
    def test_that_cannot_be_read_goes_to_the_dead_letters_and_the_others_count(self, yard: Yard, broken: dict[str, Any]) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        assert hear(broken, a_bounce(1)) == [{"itemIdentifier": "m1"}]
        assert over() == 0

    def test_is_told_on_the_bus_and_names_nobody(self, yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
        from firstcard.event.transition import event_of

        yard.run(a_roster(1))
        hear(a_bounce(1), a_complaint(1))
        keys = [{"pk": {"S": f"household#{household(1)}"}, "sk": {"S": kind}} for kind in ("bounce", "complaint")]
        items = [boto3.client("dynamodb").get_item(TableName=CARDS, Key=key)["Item"] for key in keys]
        told = [event_of(None, {name: value["S"] for name, value in item.items()}) for item in items]
        assert [(e.name, e.because) for e in told if e] == [("NoticeBounced", "bounced"), ("NoticeBounced", "complained")]  # type: ignore[attr-defined]
        said = capsys.readouterr()
        for text in (said.out + said.err, str(items), str(told)):
            assert "example.org" not in text

    def test_a_complaint_stops_no_days_for_it_arrived(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        hear(a_complaint(1))
        assert over() == 1

    def test_that_is_half_heard_is_heard_whole_the_next_time(self, yard: Yard, breaking: Breaking) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        breaking.before("UpdateItem", dies)
        with pytest.raises(KilledError):
            hear(a_bounce(1))
        hear(a_bounce(1))
        assert [w.token for w in yard.cards.stopped_windows("oak.pine")] == [token(1)]


class TestLetters:
    def without_address(self, yard: Yard) -> None:
        """One reached by e-mail, two without an address (of two schools), one whose e-mail came back, one that said no."""
        rows = [
            a_student_row(1),
            *(a_student_row(n, guardian_email="") for n in (2, 3)),
            a_student_row(4),
            a_student_row(5, guardian_email=""),
        ]
        rows[2] |= {"school_id": "school-2"}
        rows[4] |= {"opt_out": "yes"}
        yard.run(a_firstcard_csv(*rows))
        tell(yard, 1, 4)
        hear(a_bounce(4))

    def test_start_the_days_of_those_whom_no_e_mail_reaches_with_the_days_end(self, yard: Yard) -> None:
        self.without_address(yard)
        assert letters_went_home(yard) == (Attested.RECORDED, Counted(started=3, refused=1))
        assert asked(2)["details"] == {"told_at": END_OF_DAY.isoformat(), "until": "2026-12-07T05:00:00+00:00"}
        assert asked(4)["code"] == "window"
        assert over(14) == 1
        assert over(14.95) == 0
        assert over(14.96) == 3
        assert yard.states(1, 2, 3, 4, 5) == ["active", "active", "active", "active", None]
        assert list(yard.cards.windows_over("oak.pine", told_before="9999")) == []

    def test_of_one_school_are_no_others(self, yard: Yard) -> None:
        self.without_address(yard)
        assert letters_went_home(yard, school="school-2")[1] == Counted(started=1)
        assert (asked(2)["code"], asked(3)["code"], asked(4)["code"]) == ("no_address", "window", "bounced")
        assert letters_went_home(yard, school="school-9") == (Attested.UNKNOWN_SCHOOL, Counted())

    def test_said_twice_count_once_and_the_first_day_stays(self, yard: Yard) -> None:
        self.without_address(yard)
        letters_went_home(yard)
        before = everything(CARDS)
        assert letters_went_home(yard, at=later(days=3))[1] == Counted(told_before=2, refused=1)
        assert letters_went_home(yard, day=date(2026, 11, 24), at=later(days=3))[1] == Counted(told_before=2, refused=1)
        assert everything(CARDS) == before

    def test_half_said_are_said_whole_the_next_time(self, yard: Yard, breaking: Breaking) -> None:
        self.without_address(yard)
        breaking.before("UpdateItem", dies)
        with pytest.raises(KilledError):
            letters_went_home(yard)
        letters_went_home(yard)
        assert over(15) == 4

    def test_reach_a_child_whose_dead_address_the_district_took_out(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        hear(a_bounce(1))
        yard.run(a_roster(1, guardian_email=""), at=later(days=1), key="incoming/next.csv")
        assert letters_went_home(yard, day=date(2026, 11, 23), at=later(days=2))[1] == Counted(started=1)
        assert over(16) == 1

    def test_begin_nobodys_days_before_they_are_on_record(self, yard: Yard, breaking: Breaking) -> None:
        self.without_address(yard)
        breaking.before("BatchWriteItem", dies, about="letter")
        with pytest.raises(KilledError):
            letters_went_home(yard)
        assert [(i["by"]["S"], i["started"]["N"]) for i in self.on_record()] == [("Ann Example/registrar", "0")]

    def test_that_come_twice_as_one_call_keep_their_count(self, yard: Yard) -> None:
        self.without_address(yard)
        letters_went_home(yard)
        assert letters_went_home(yard)[1] == Counted(told_before=2, refused=1)
        assert [i["started"]["N"] for i in self.on_record()] == ["3"]

    def on_record(self) -> list[dict[str, Any]]:
        return [i for i in boto3.client("dynamodb").scan(TableName=LEDGER)["Items"] if i["pk"]["S"].startswith("letters#")]

    def test_never_bring_a_card_to_who_said_no_before_or_after(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2, guardian_email=""))
        yard.cards.refuse([token(1)], by="district", stamp=STAMP)
        assert letters_went_home(yard)[1] == Counted(started=1, refused=1)
        yard.cards.refuse([token(2)], by="district", stamp=STAMP)
        assert over(40) == 0
        assert yard.states(1, 2) == ["refused", "refused"]

    def test_of_a_day_before_a_child_came_are_not_about_it(self, yard: Yard) -> None:
        yard.run(a_roster(1, guardian_email=""))
        yard.run(a_roster(1, 2, guardian_email=""), at=later(days=3), key="incoming/next.csv")
        assert letters_went_home(yard, at=later(days=4))[1] == Counted(started=1, newer=1)
        assert letters_went_home(yard, day=date(2026, 11, 25), at=later(days=4))[1] == Counted(started=1, told_before=1)

    def test_stay_what_they_are_when_the_row_changes_or_an_address_comes(self, yard: Yard) -> None:
        yard.run(a_roster(1, guardian_email=""))
        letters_went_home(yard)
        yard.run(a_roster(1, grade="05"), at=later(days=5), key="incoming/next.csv")
        tell(yard, 1, at=later(days=5))
        assert over(15) == 1

    @pytest.mark.parametrize(
        ("day", "outcome"),
        [
            (date(2026, 7, 31), Attested.BEFORE_THE_TERM),
            (date(2026, 11, 25), Attested.IN_THE_FUTURE),
        ],
    )
    def test_of_a_day_that_cannot_be_change_nothing(self, yard: Yard, day: date, outcome: Attested) -> None:
        self.without_address(yard)
        before = (everything(CARDS), everything(LEDGER))
        assert letters_went_home(yard, day=day) == (outcome, Counted())
        assert (everything(CARDS), everything(LEDGER)) == before

    def test_count_nothing_while_the_agreement_stands_still(self, yard: Yard) -> None:
        self.without_address(yard)
        assert letters_went_home(yard, allowed=False) == (Attested.NOT_IN_FORCE, Counted())
        assert letters_went_home(yard, at=later(days=900)) == (Attested.NOT_IN_FORCE, Counted())

    def test_are_on_record_with_who_said_so_and_when(self, yard: Yard) -> None:
        self.without_address(yard)
        letters_went_home(yard, school="school-2")
        [said] = [i for i in boto3.client("dynamodb").scan(TableName=LEDGER)["Items"] if i["pk"]["S"].startswith("letters#")]
        assert {name: next(iter(said[name].values())) for name in ("pk", "day", "school", "by", "at", "started")} == {
            "pk": "letters#oak.pine",
            "day": "2026-11-22",
            "school": "school-2",
            "by": "Ann Example/registrar",
            "at": later(days=2).isoformat(),
            "started": "1",
        }
        assert "school-2" not in said["sk"]["S"]


def told_by_the_command(*words: str) -> tuple[int, str]:
    said = CliRunner().invoke(app, ["notices", "letters-sent", "--district", "pine", "--by", "Ann Example/registrar", *words])
    return said.exit_code, said.output


def test_the_command_tells_counts_and_nothing_else(yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    yard.run(a_roster(1, 2, guardian_email=""))
    calls_go_to_the_handler(monkeypatch, attest)
    code, said = told_by_the_command("--date", "2026-11-22", "--json")
    assert (code, json.loads(said)["counts"]["started"]) == (0, 2)
    code, said = told_by_the_command("--date", "2026-11-22")
    assert (code, "2  had a letter before" in said) == (0, True)
    assert told_by_the_command("--date", "2126-11-22")[0] == 1
    assert told_by_the_command("--date", "yesterday")[0] == 2
    assert told_by_the_command("--date", "2026-11-22", "--by", "Ann Example")[0] == 2
    logged = capsys.readouterr()
    assert "Ann" not in logged.out + logged.err


@given(st.datetimes(timezones=st.just(UTC)), st.timedeltas())
def test_who_was_told_long_after_a_bounce_was_told(bounced: datetime, after: Any) -> None:
    try:
        told = bounced + after
    except OverflowError:
        return
    if datetime.max.replace(tzinfo=UTC) - bounced < (hour := datetime(1, 1, 1, 1) - datetime(1, 1, 1)):
        return
    assert never_arrived(told.isoformat(), bounced.isoformat()) is (after <= hour)
    assert not never_arrived(told.isoformat(), "")
