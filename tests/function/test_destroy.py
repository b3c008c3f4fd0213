"""What the agreement says must be gone is gone once its days are over, and nothing else is; whoever comes back has a card again."""

import json
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app
from firstcard.agreement.vocabulary import Group
from firstcard.card.manifest import Manifest
from firstcard.run.ledger import Because, Destruction
from functions.destroy import handler as function
from tests.function.builders import (
    CARDS,
    EVENING,
    LEDGER,
    VAULT,
    Breaking,
    KilledError,
    Yard,
    a_roster,
    barcode_content,
    csv_content,
    dies,
    everything,
    household,
    later,
    libraries,
    site_content,
    token,
)
from tests.function.calling import a_context
from tests.function.test_noes import take_back
from tests.function.test_numbers import SUPPLIED, content
from tests.unit.agreement.builders import write_site
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

DAYS = 60
"""``after_withdrawal_days`` of the tests' agreements, and ``disposition.within_days``."""


def the_day(days: float, *, milliseconds: int = 600_000) -> dict[str, int]:
    event = {"detail-type": "Scheduled Event", "time": later(days=days).isoformat().replace("+00:00", "Z")}
    return function.handler(event, a_context(remaining=milliseconds))  # type: ignore[no-any-return]


def acts(yard: Yard) -> list[Destruction]:
    return list(yard.ledger.destructions("oak.pine", since="2026"))


def lies_there(yard: Yard, home: str) -> bool:
    known = yard.cards.households([home]).get(home)
    return known is not None and bool(known.sealed)


def contact(yard: Yard, number: int) -> bool:
    return lies_there(yard, household(number))


@pytest.fixture
def left(yard: Yard) -> Yard:
    """Three students, of whom the second is gone a day later."""
    yard.run(a_roster(1, 2, 3))
    yard.run(a_roster(1, 3), key="incoming/next.csv", at=later(days=1))
    assert yard.states(1, 2, 3) == ["waiting", "expired", "waiting"]
    return yard


def test_whoever_left_keeps_a_token_and_nothing_sealed_once_the_days_are_over(left: Yard) -> None:
    assert the_day(DAYS + 0.9) == {}
    assert left.sealed(2)
    assert the_day(DAYS + 1) == {"oak.pine": 1}
    assert (left.sealed(2), left.states(2)) == ({}, ["expired"])
    assert left.sealed(1)
    assert left.sealed(3)
    assert [contact(left, number) for number in (1, 2, 3)] == [True, False, True]


def test_it_is_written_down_without_a_name(left: Yard) -> None:
    the_day(DAYS + 1)
    the_day(DAYS + 2)
    (act,) = acts(left)
    assert (act.because, act.patrons, act.households, act.remaining, act.done) == (Because.WITHDRAWAL, 1, 1, 0, True)
    assert act.clause == "retention.after_withdrawal_days: 60"
    assert not [item for item in everything(LEDGER) if "destroyed#" in item and token(2) in item]


def test_a_family_with_a_child_who_stays_keeps_its_address(yard: Yard) -> None:
    yard.run(a_roster(1, 2, guardian_email="one@example.org"))
    yard.run(a_roster(1, guardian_email="one@example.org"), key="incoming/next.csv", at=later(days=1))
    home = yard.cards.standing([token(1)]).patrons[token(1)].household
    assert the_day(DAYS + 1) == {"oak.pine": 1}
    assert lies_there(yard, home)


def test_a_family_of_which_everybody_said_no_keeps_no_address(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    known = yard.cards.standing([token(1)]).patrons[token(1)]
    yard.cards.refuse([token(1)], by="family", stamp=known.stamp)
    assert the_day(1) == {"oak.pine": 0}
    assert (contact(yard, 1), contact(yard, 2)) == (False, True)
    (act,) = acts(yard)
    assert (act.patrons, act.households) == (0, 1)


def test_whose_no_was_taken_back_and_who_is_there_again_keeps_everything(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    known = yard.cards.standing([token(1)]).patrons[token(1)]
    yard.cards.refuse([token(1)], by="family", stamp=replace(known.stamp, at=later(hours=1).isoformat()))
    assert take_back(yard, at=later(days=1), day="2026-11-23") == "undone"
    assert the_day(1.5) == {"oak.pine": 0}
    assert not contact(yard, 1)
    yard.run(a_roster(1, 2), key="incoming/next.csv", at=later(days=2))
    before = everything(CARDS)
    assert (yard.states(1), bool(yard.sealed(1)), contact(yard, 1)) == (["waiting"], True, True)
    assert the_day(3) == {}
    assert everything(CARDS) == before


def test_whose_no_was_taken_back_and_who_leaves_again_is_a_leaver(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    known = yard.cards.standing([token(1)]).patrons[token(1)]
    yard.cards.refuse([token(1)], by="family", stamp=replace(known.stamp, at=later(hours=1).isoformat()))
    take_back(yard, at=later(days=1), day="2026-11-23")
    yard.run(a_roster(1, 2), key="incoming/next.csv", at=later(days=2))
    yard.run(a_roster(2), key="incoming/left.csv", at=later(days=3))
    assert the_day(DAYS + 2.9) == {}
    assert the_day(DAYS + 3) == {"oak.pine": 1}
    assert (yard.sealed(1), contact(yard, 1)) == ({}, False)


def test_whoever_comes_back_within_the_days_has_the_same_number_and_afterwards_one_again(left: Yard) -> None:
    before = left.cards.standing([token(2)]).patrons[token(2)]
    the_day(DAYS + 1)
    left.run(a_roster(1, 2, 3), key="incoming/again.csv", at=later(days=DAYS + 2))
    back = left.cards.standing([token(2)]).patrons[token(2)]
    assert {*back.sealed} == {*before.sealed}
    assert back.card_token == before.card_token  # made of the id, it is the same
    assert back.envelopes[Group.CARD] == back.envelopes[Group.PIN] != before.envelopes[Group.CARD]
    assert left.states(2) == ["waiting"]
    assert contact(left, 2)


def test_nobody_who_comes_back_at_that_very_moment_is_stripped(left: Yard, breaking: Breaking) -> None:
    def comes_back() -> None:
        left.run(a_roster(1, 2, 3), key="incoming/again.csv", at=later(days=DAYS + 1))

    breaking.before("UpdateItem", comes_back, about=token(2))
    assert the_day(DAYS + 1) == {"oak.pine": 0}
    assert left.sealed(2)
    assert contact(left, 2)


def test_what_was_cut_short_is_on_record_and_goes_on_the_next_day(left: Yard, breaking: Breaking) -> None:
    breaking.before("UpdateItem", dies, about=token(2))
    with pytest.raises(KilledError):
        the_day(DAYS + 1)
    assert [act.done for act in acts(left)] == [False]
    assert the_day(DAYS + 2) == {"oak.pine": 1}
    assert [act.done for act in acts(left)] == [False, True]


def test_what_is_wrong_with_one_district_does_not_keep_the_data_of_another(left: Yard) -> None:
    left.run(a_roster(7), district="fir")
    boto3.client("s3").delete_object(Bucket=VAULT, Key="manifests/oak.fir/00000001.json.gz")
    with pytest.raises(RuntimeError, match=r"not looked at: oak\.fir"):
        the_day(DAYS + 1)
    assert left.sealed(2) == {}


def test_a_call_without_time_destroys_nothing_and_says_what_is_left(left: Yard) -> None:
    assert the_day(DAYS + 1, milliseconds=10_000) == {"oak.pine": 0}
    assert [act.remaining for act in acts(left)] == [1]
    assert the_day(DAYS + 2) == {"oak.pine": 1}


@pytest.mark.parametrize("agreements", [[barcode_content("pine", "dsa-pine-oak-2026"), csv_content("fir", "dsa-fir-oak-2026", "906")]])
def test_a_number_of_the_librarys_block_is_lost_with_the_data_and_never_given_again(left: Yard) -> None:
    before = left.cards.standing([token(2)]).patrons[token(2)]
    the_day(DAYS + 1)
    left.run(a_roster(1, 2, 3, 4), key="incoming/again.csv", at=later(days=DAYS + 2))
    patrons = left.cards.standing([token(n) for n in (1, 2, 3, 4)]).patrons
    numbers = {patron.card_token for patron in patrons.values()}
    assert len(numbers) == 4
    assert before.card_token not in numbers


@pytest.mark.parametrize("agreements", [content(SUPPLIED)])
def test_another_number_that_the_district_supplies_for_whoever_is_back_is_claimed(yard: Yard) -> None:
    def a_file(*numbers: tuple[int, str]) -> bytes:
        return a_firstcard_csv(*(a_student_row(n, card_number=number) for n, number in numbers))

    yard.run(a_file((1, "20000000000001"), (2, "20000000000002")))
    yard.run(a_file((1, "20000000000001")), key="incoming/next.csv", at=later(days=1))
    the_day(DAYS + 1)
    yard.run(a_file((1, "20000000000001"), (2, "20000000000009")), key="incoming/again.csv", at=later(days=DAYS + 2))
    number = yard.cards.standing([token(2)]).patrons[token(2)].card_token
    assert yard.cards.holders([number]) == {number: token(2)}
    assert len([item for item in everything(CARDS) if "number#" in item and token(2) in item]) == 2


def test_a_family_that_said_no_and_then_left_keeps_no_address(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    known = yard.cards.standing([token(1)]).patrons[token(1)]
    yard.run(a_firstcard_csv(a_student_row(1, opt_out="yes"), a_student_row(2)), key="incoming/no.csv", at=later(hours=1))
    yard.run(a_roster(2), key="incoming/left.csv", at=later(hours=2))
    assert lies_there(yard, known.household)
    the_day(1)
    assert not lies_there(yard, known.household)


def moved(yard: Yard, *, at: float = 1) -> None:
    """The first child's family has another address."""
    body = a_firstcard_csv(a_student_row(1, guardian_email="family11@example.org"), a_student_row(2))
    yard.run(body, key=f"incoming/moved{at}.csv", at=later(days=at))


def test_an_address_that_a_family_has_no_more_goes_and_the_one_that_it_has_stays(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    moved(yard)
    assert the_day(1.5) == {"oak.pine": 0}
    assert [contact(yard, number) for number in (1, 11, 2)] == [False, True, True]
    assert the_day(2) == {}
    yard.run(a_roster(1, 2), key="incoming/back.csv", at=later(days=3))
    assert the_day(3.5) == {"oak.pine": 0}
    assert [contact(yard, number) for number in (1, 11, 2)] == [True, False, True]


def test_an_address_that_a_family_has_again_at_that_very_moment_stays(yard: Yard, breaking: Breaking) -> None:
    yard.run(a_roster(1, 2))
    moved(yard)
    breaking.before("UpdateItem", lambda: yard.run(a_roster(1, 2), key="incoming/back.csv", at=later(days=2)), about=household(1))
    the_day(2)
    assert contact(yard, 1)


def test_after_a_run_that_was_broken_off_every_child_keeps_the_address_that_it_has(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    body = a_firstcard_csv(a_student_row(1, guardian_email="family11@example.org"), a_student_row(2, grade="08"))
    arrival = yard.admitted(body, key="incoming/half.csv", at=later(days=1))
    planned = yard.plan(arrival)
    assert yard.begin(arrival, at=later(days=1)).outcome == "go"
    yard.issue(planned)
    yard.ledger.suspend("oak.pine", by="ann", at=later(days=1).isoformat())
    assert yard.finish(arrival, at=later(days=1), error=True) == "stopped"
    the_day(1.5)
    assert [contact(yard, number) for number in (1, 11, 2)] == [False, True, True]


def test_after_the_term_no_address_is_left_that_anybody_ever_had(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    moved(yard)
    agreement = yard.site.of_sharing("oak.pine", None)
    assert agreement is not None
    the_day((agreement.term.expires - EVENING.date()).days + agreement.disposition.within_days)
    assert [contact(yard, number) for number in (1, 11, 2)] == [False, False, False]


def test_a_contact_that_a_roster_writes_at_that_very_moment_stays(left: Yard, breaking: Breaking) -> None:
    def comes_back() -> None:
        left.run(a_roster(1, 2, 3), key="incoming/again.csv", at=later(days=DAYS + 1))

    breaking.before("UpdateItem", comes_back, about=household(2))
    the_day(DAYS + 1)
    assert left.states(2) == ["waiting"]
    assert contact(left, 2)


def test_a_familys_link_still_bears_a_no_after_its_address_was_destroyed(left: Yard) -> None:
    the_day(DAYS + 1)
    home = left.cards.households([household(2)])[household(2)]
    assert (home.sealed, home.children) == (b"", (token(2),))


@pytest.mark.parametrize("agreements", [site_content(retention={"legal_hold": True})])
def test_a_legal_hold_keeps_everything(left: Yard) -> None:
    assert the_day(10 * 365) == {}
    assert left.sealed(2)
    assert contact(left, 2)


def test_after_the_term_everything_sealed_goes_in_the_last_week_of_the_agreed_days(left: Yard) -> None:
    agreement = left.site.of_sharing("oak.pine", None)
    assert agreement is not None
    last = (agreement.term.expires - EVENING.date()).days + agreement.disposition.within_days - 7
    assert sum(the_day(last).values()) == 0 or left.sealed(1)
    assert left.sealed(1)
    assert the_day(last + 1)["oak.pine"] >= 2
    assert [left.sealed(number) for number in (1, 2, 3)] == [{}, {}, {}]
    assert [contact(left, number) for number in (1, 2, 3)] == [False, False, False]
    assert acts(left)[-1].because is Because.TERM
    assert the_day(last + 2) == {}


def test_after_the_end_the_ids_are_still_somebodys_and_a_later_roster_is_a_first_one(left: Yard) -> None:
    agreement = left.site.of_sharing("oak.pine", None)
    assert agreement is not None
    the_day((agreement.term.expires - EVENING.date()).days + agreement.disposition.within_days)
    version = left.ledger.district("oak.pine").manifest_version
    body = left.places.get(f"manifests/oak.pine/{version:08d}.json.gz")
    assert body is not None
    manifest = Manifest.from_bytes(body)
    assert manifest.patrons == {}
    assert {*manifest.left} >= {token(1), token(2), token(3)}


# The command


def run(*words: str) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["destruction", *words])
    return result.exit_code, result.stdout


def test_an_officer_sees_what_was_destroyed_and_by_which_clause(left: Yard) -> None:
    assert run("list", "oak.pine", "--since", "2026-01-01")[0] == 1
    the_day(DAYS + 1)
    code, said = run("list", "oak.pine", "--since", "2026-01-01")
    assert (code, "1 patrons, 1 households' contacts" in said, "after_withdrawal_days: 60" in said) == (0, True, True)
    code, said = run("list", "oak.pine", "--since", "2026-01-01", "--json")
    assert [act["patrons"] for act in json.loads(said)] == [1]


def test_a_certificate_says_extent_method_counts_backups_and_what_is_kept(left: Yard, tmp_path: Path) -> None:
    the_day(DAYS + 1)
    site = write_site(tmp_path / "site", {a["id"]: a for a in site_content()}, {one["id"]: one for one in libraries()})
    code, _ = run("certificate", "oak.pine", "--since", "2026-01-01", "--out", str(tmp_path / "c.md"), "--site", str(site))
    text = (tmp_path / "c.md").read_text()
    assert code == 0
    for words in (
        "**Extent**: partial",
        "destroyed; nothing was transferred",
        "35 days: the last copy is gone on 2027-02-26",
        "| name | title | signature | date |",
    ):
        assert words in text
    assert "Not whole" not in text


def test_a_certificate_of_an_act_that_was_cut_short_says_so(left: Yard, tmp_path: Path) -> None:
    the_day(DAYS + 1, milliseconds=10_000)
    site = write_site(tmp_path / "site", {a["id"]: a for a in site_content()}, {one["id"]: one for one in libraries()})
    run("certificate", "oak.pine", "--since", "2026-01-01", "--out", str(tmp_path / "c.md"), "--site", str(site))
    assert "**Not whole**: 1 of these acts" in (tmp_path / "c.md").read_text()
