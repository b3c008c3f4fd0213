"""Claims about handing out: on paper stands what works, once; who may not be on it is not; and the record is there before anything is opened."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.issue import issue_chunk
from firstcard.card.patron import Ownership, State
from firstcard.notice import PinLink, PinPageState
from firstcard.roster import Person, Role
from firstcard.run.ledger import PrintRecord
from firstcard.run.printing import AT_ONCE, LeftOut, Printer, PrintWish, students_of
from firstcard.run.renewing import Renewal, Renewer
from firstcard.run.revealing import Revealer
from tests.unit.agreement.builders import HANDOUT, PIN_PAGE, an_agreement
from tests.unit.card.builders import NOW, TOKENS, MemoryStore, Plans, a_person, token_of

FIELDS = {
    name: {"required": False, "exhibit_b": "Enrollment", "fideslang": "user.account"}
    for name in ("homeroom", "contact_restricted", "preferred_name")
}
BOTH = {key: PIN_PAGE[key] | HANDOUT.get(key, {}) for key in PIN_PAGE}
AGREED = an_agreement(fields=FIELDS, **BOTH)
AT = NOW + timedelta(hours=1)
ROOM = {"school_id": "0301", "school_name": "First School", "homeroom": "Room 4"}
ADA = a_person(1, birth_date=date(2016, 5, 4), **ROOM)
IDA = a_person(2, first_name="Ida", language="es", **ROOM)
BEN = a_person(3, first_name="Ben", school_id="0301", homeroom="Room 5")
ZOE = a_person(4, first_name="Zoe", school_id="0302", homeroom="Room 4")
SHY = a_person(5, first_name="Shy", contact_restricted=True, **ROOM)
TUTOR = a_person(6, role=Role.STAFF, email="staff6@example.org", **ROOM)
EVERYBODY = (ADA, IDA, BEN, ZOE, SHY, TUTOR)


def a_wish(**changes: Any) -> PrintWish:
    wish = {
        "district": "pine",
        "at": AT,
        "by": "firstcard-handout/ann",
        "print_id": "a" * 24,
        "parts": ("cards", "class_list", "letters"),
        "school": "0301",
    }
    return PrintWish.model_validate(wish | changes)


@dataclass
class Desk:
    """A district whose cards are in the ILS, and somebody who prints."""

    agreement: Agreement = AGREED
    people: tuple[Person, ...] = EVERYBODY
    store: MemoryStore = field(default_factory=MemoryStore)
    records: list[PrintRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plans = Plans(agreement=self.agreement)
        self.roster(self.people)
        self.store.release()
        for token in self.store.patrons:
            self.store.settle(token)
        self.plans.keys.story.clear()
        self.random = Random(5)

    def roster(self, people: tuple[Person, ...]) -> None:
        for chunk in self.plans.run(people):
            issue_chunk(chunk, self.store)

    def ask(self, *, agreement: Agreement | None = None, **changes: Any) -> dict[str, Any]:
        agreement, wish = agreement or self.agreement, a_wish(**changes)
        found = students_of(wish, self.plans.manifest, TOKENS)
        assert not isinstance(found, str), found
        renewer = Renewer(self.store, agreement, self.plans.keys.wrap, self.random.randbytes, self.random.randrange)
        return Printer(self.store, self.plans.opener(Purpose.HAND_OUT), renewer, agreement, self.record).hand_out(wish, found)

    def record(self, record: PrintRecord) -> None:
        self.plans.keys.story.append(("record", str(len(record.handed)), ""))
        self.records.append(record)

    def change(self, person: Person = ADA, **changes: object) -> None:
        self.store.patrons[token_of(person)] = replace(self.store.patrons[token_of(person)], **changes)  # type: ignore[arg-type]

    def pin(self, person: Person = ADA) -> str:
        return self.store.opened(self.plans.opener(), token_of(person), Group.PIN)["pin"]

    def page(self, *, at: datetime, made: datetime = NOW) -> PinPageState:
        page = self.agreement.card.pin.page
        assert page is not None
        link = PinLink("oak.pine", TOKENS.household(ADA.email), "en", int(made.timestamp()))
        return Revealer(self.store, self.plans.opener(Purpose.SHOW_PIN), self.agreement, page).reveal(link, "2016-05-04", at=at).state

    def opened(self) -> set[str]:
        return {group for what, group, _ in self.plans.keys.story if what == "unwrap"}


def firsts(said: dict[str, Any]) -> set[str]:
    return {card["first"] for card in said["cards"]}


def test_a_school_is_printed_whole_and_nobody_of_another_and_no_staff() -> None:
    assert firsts(Desk().ask()) == {"Ada", "Ida", "Ben"}


@pytest.mark.parametrize("room", ["Room 4", " room  4 "])
def test_a_homeroom_is_that_of_its_school(room: str) -> None:
    desk = Desk()
    assert firsts(desk.ask(homeroom=room)) == {"Ada", "Ida"}
    assert all(token_of(ZOE) not in record.opened for record in desk.records)


def test_a_card_has_what_the_ils_has() -> None:
    desk = Desk()
    [card] = desk.ask(homeroom="Room 5")["cards"]
    number = desk.store.opened(desk.plans.opener(), token_of(BEN), Group.CARD)["number"]
    assert (card["number"], card["pin"], card["last"], card["homeroom"]) == (number, desk.pin(BEN), "Pine", "Room 5")


def test_the_record_is_there_before_anything_is_opened_and_again_with_those_who_were_printed() -> None:
    desk = Desk()
    desk.ask(homeroom="Room 4")
    assert desk.plans.keys.story[0] == ("record", "0", "")
    assert desk.plans.keys.story[-1] == ("record", "2", "")
    first, last = desk.records
    assert first.opened == last.opened == tuple(sorted(map(token_of, (ADA, IDA, SHY))))
    assert (first.handed, last.handed) == ((), tuple(sorted(map(token_of, (ADA, IDA)))))
    assert (last.by, last.school, last.homeroom, last.purpose) == ("firstcard-handout/ann", "0301", "Room 4", "hand_out")
    assert {purpose for what, _, purpose in desk.plans.keys.story if what != "record"} == {"hand_out"}
    assert desk.opened() == {"identity", "enrolment", "card", "pin"}


def test_where_nobody_can_be_printed_nothing_is_opened_and_nothing_recorded() -> None:
    desk = Desk()
    for person in (ADA, IDA, SHY):
        desk.change(person, state=State.WAITING)
    assert desk.ask(homeroom="Room 4") == {"cards": [], "left_out": {"waiting": 3}, "under_way": [], "next": ""}
    assert (desk.records, desk.plans.keys.story) == ([], [])


def test_a_child_whose_contacts_are_restricted_is_left_out_unless_the_school_says_so_which_is_recorded() -> None:
    desk = Desk()
    said = desk.ask(homeroom="Room 4")
    assert (firsts(said), said["left_out"]) == ({"Ada", "Ida"}, {"restricted": 1})
    assert not desk.records[-1].restricted_included
    assert (token_of(SHY), desk.store.patrons[token_of(SHY)].envelopes[Group.PIN]) not in desk.store.pins_shown
    assert "Shy" in firsts(desk.ask(homeroom="Room 4", include_restricted=True))
    assert desk.records[-1].restricted_included


def test_a_restriction_that_a_later_roster_brings_counts() -> None:
    desk = Desk()
    desk.roster((replace(ADA, contact_restricted=True), *EVERYBODY[1:]))
    desk.store.settle(token_of(ADA))
    assert firsts(desk.ask(homeroom="Room 4")) == {"Ida"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": State.REFUSED, "sealed": {}, "envelopes": {}}, LeftOut.REFUSED),
        ({"state": State.WAITING}, LeftOut.WAITING),
        ({"state": State.EXPIRED}, LeftOut.ENDED),
        ({"ownership": Ownership.LINKED}, LeftOut.OWN_CARD),
    ],
)
def test_who_has_no_card_of_ours_that_works_is_left_out_and_counted(change: dict[str, Any], why: LeftOut) -> None:
    desk = Desk()
    desk.change(ADA, **change)
    said = desk.ask(homeroom="Room 4")
    assert firsts(said) == {"Ida"}
    assert said["left_out"] == {why: 1, "restricted": 1}
    assert token_of(ADA) not in desk.records[0].opened


def test_a_no_that_is_on_record_alone_counts_too() -> None:
    desk = Desk()
    desk.store.refused[token_of(ADA)] = "family"
    assert desk.ask(homeroom="Room 4")["left_out"]["refused"] == 1


def test_a_card_that_the_ils_does_not_have_is_not_promised() -> None:
    desk = Desk()
    desk.store.settle(token_of(ADA), "failed")
    del desk.store.ils[token_of(IDA)]
    assert desk.ask(homeroom="Room 4")["left_out"] == {"not_in_ils": 2, "restricted": 1}


def test_a_card_from_before_the_clause_cannot_be_opened_and_is_counted() -> None:
    before = an_agreement(fields=FIELDS, **PIN_PAGE)
    desk = Desk(agreement=before, people=(ADA, IDA))
    desk.plans.agreement = AGREED
    desk.roster((ADA, replace(IDA, grade="05"), BEN))
    desk.store.release()
    for token in desk.store.patrons:
        desk.store.settle(token)
    said = desk.ask(agreement=AGREED)
    assert firsts(said) == {"Ben"}
    assert said["left_out"] == {"before_the_clause": 2}


def test_a_pin_is_on_paper_once() -> None:
    desk = Desk()
    desk.ask(homeroom="Room 4")
    again = desk.ask(homeroom="Room 4", print_id="b" * 24)
    assert (again["cards"], again["left_out"]) == ([], {"pin_shown": 2, "restricted": 1})


def test_the_same_print_is_given_the_same_again_for_half_an_hour_for_an_answer_may_be_lost() -> None:
    desk = Desk()
    first = desk.ask(homeroom="Room 4")
    assert desk.ask(homeroom="Room 4", at=AT + timedelta(minutes=30), reprint=True) == first
    assert desk.ask(homeroom="Room 4", at=AT + timedelta(minutes=31))["cards"] == []


def test_a_pin_that_the_page_showed_is_not_printed_and_one_that_was_printed_is_not_shown() -> None:
    desk = Desk()
    assert desk.page(at=AT) is PinPageState.SHOWN
    assert desk.ask(homeroom="Room 4", at=AT + timedelta(minutes=5))["left_out"]["pin_shown"] == 1
    desk = Desk()
    desk.ask(homeroom="Room 4")
    assert desk.page(at=AT + timedelta(minutes=5)) is PinPageState.USED


def test_a_reprint_has_another_pin_when_the_ils_has_it_and_not_before() -> None:
    desk = Desk()
    old = {card["first"]: card["pin"] for card in desk.ask(homeroom="Room 4")["cards"]}
    said = desk.ask(homeroom="Room 4", print_id="b" * 24, reprint=True)
    assert (said["cards"], said["left_out"]) == ([], {"pin_under_way": 2, "restricted": 1})
    assert set(said["under_way"]) == {token_of(ADA), token_of(IDA)} == set(desk.records[-1].renewed)
    waiting = {"print_id": "b" * 24, "only": tuple(said["under_way"]), "homeroom": "Room 4"}
    assert desk.ask(**waiting)["left_out"] == {"pin_under_way": 2}
    desk.store.settle(token_of(ADA))
    [card] = desk.ask(**waiting)["cards"]
    assert (card["first"], card["pin"]) == ("Ada", desk.pin(ADA))
    assert card["pin"] != old["Ada"]


def test_asking_for_a_reprint_again_makes_no_third_pin() -> None:
    desk = Desk()
    desk.ask(homeroom="Room 4")
    desk.ask(homeroom="Room 4", print_id="b" * 24, reprint=True)
    new = desk.pin()
    desk.ask(homeroom="Room 4", print_id="c" * 24, reprint=True)
    assert desk.pin() == new


def test_no_new_pin_is_made_for_a_child_who_is_restricted_or_somewhere_else() -> None:
    desk = Desk()
    desk.ask(homeroom="Room 4", include_restricted=True)
    before = desk.pin(SHY)
    assert desk.ask(homeroom="Room 4", print_id="b" * 24, reprint=True)["left_out"]["restricted"] == 1
    assert desk.pin(SHY) == before


def test_a_pin_made_for_paper_is_sealed_for_whoever_needs_it_and_its_family_gets_no_link() -> None:
    desk = Desk()
    desk.ask(homeroom="Room 5")
    desk.ask(homeroom="Room 5", print_id="b" * 24, reprint=True)
    patron = desk.store.patrons[token_of(BEN)]
    assert patron.pin_for_paper
    assert patron.pin_renewed
    assert set(desk.store.wrapped[patron.envelopes[Group.PIN]].keys[Group.PIN]) == {"sync_ils", "show_pin", "hand_out"}


def test_a_pin_that_was_reset_is_printed_when_the_ils_has_it() -> None:
    desk = Desk()
    renewer = Renewer(desk.store, desk.agreement, desk.plans.keys.wrap, desk.random.randbytes, desk.random.randrange)
    assert renewer.renew(token_of(ADA), at=AT, allowed=True) is Renewal.RENEWED
    assert desk.ask(homeroom="Room 4")["under_way"] == [token_of(ADA)]
    desk.store.settle(token_of(ADA))
    assert {card["first"]: card["pin"] for card in desk.ask(homeroom="Room 4")["cards"]}["Ada"] == desk.pin(ADA)


def test_whoever_has_the_same_digest_and_is_somewhere_else_is_not_printed() -> None:
    desk = Desk()
    place = desk.plans.manifest.patrons[token_of(ADA)].place
    patrons = {t: replace(k, place=place) if t == token_of(ZOE) else k for t, k in desk.plans.manifest.patrons.items()}
    desk.plans.manifest = replace(desk.plans.manifest, patrons=patrons)
    said = desk.ask(homeroom="Room 4")
    assert firsts(said) == {"Ada", "Ida"}
    assert said["left_out"] == {"restricted": 1}
    assert token_of(ZOE) in desk.records[-1].opened
    assert token_of(ZOE) not in desk.records[-1].handed


def test_a_pin_that_the_page_shows_while_it_is_about_to_be_printed_is_not_printed() -> None:
    desk = Desk(people=(ADA,))
    first = desk.store.writes

    def meanwhile(n: int) -> None:
        if n == first + 1:
            assert desk.page(at=AT) is PinPageState.SHOWN

    desk.store.before_write = meanwhile
    assert desk.ask()["left_out"] == {"pin_shown": 1}


def test_a_class_list_alone_opens_no_pin_and_spends_none() -> None:
    desk = Desk()
    said = desk.ask(homeroom="Room 4", parts=("class_list",))
    assert [card["pin"] for card in said["cards"]] == ["", ""]
    assert "pin" not in desk.opened()
    assert not desk.store.pins_shown


def test_without_the_pin_in_the_matrix_cards_have_none_and_are_printed_as_often_as_you_like() -> None:
    desk = Desk(
        agreement=an_agreement(fields=FIELDS, **BOTH | {"matrix": PIN_PAGE["matrix"] | {"hand_out": ["identity", "card", "enrolment"]}})
    )
    assert desk.ask() == desk.ask(print_id="b" * 24)
    assert {card["pin"] for card in desk.ask()["cards"]} == {""}
    assert not desk.store.pins_shown


def test_one_student_is_printed_by_its_id() -> None:
    desk = Desk()
    said = desk.ask(school="", student=ADA.local_id)
    assert firsts(said) == {"Ada"}
    assert students_of(a_wish(school="", student="Ada 1"), desk.plans.manifest, TOKENS) == "not_an_id"


@pytest.mark.parametrize(("form", "name"), [("legal", "Adelaide"), ("preferred", "Ada")])
def test_the_name_on_paper_is_the_one_that_the_agreement_names(form: str, name: str) -> None:
    person = a_person(1, first_name="Adelaide", preferred_name="Ada", **ROOM)
    desk = Desk(agreement=an_agreement(fields=FIELDS, name_on={"handout": form}, **BOTH), people=(person,))
    assert firsts(desk.ask()) == {name}


@pytest.mark.parametrize(("form", "name"), [("none", ""), ("first", "Adelaide Pine"), ("preferred", "Ada Pine")])
def test_the_name_in_a_letter_home_is_the_one_for_families(form: str, name: str) -> None:
    person = a_person(1, first_name="Adelaide", preferred_name="Ada", **ROOM)
    desk = Desk(agreement=an_agreement(fields=FIELDS, name_on={"handout": "legal", "family_notice": form}, **BOTH), people=(person,))
    assert [card["at_home"] for card in desk.ask()["cards"]] == [name]


def test_a_large_school_is_printed_call_by_call_and_everybody_once() -> None:
    people = tuple(a_person(number, school_id="0301") for number in range(1, 2 * AT_ONCE + 8))
    desk = Desk(people=people)
    numbers, after, calls = [], "", 0
    while True:
        said = desk.ask(after=after)
        numbers += [card["number"] for card in said["cards"]]
        after, calls = said["next"], calls + 1
        if not after:
            break
    assert calls == 3
    assert len(numbers) == len(set(numbers)) == len(people)


def test_nobody_is_found_by_place_who_said_no_and_staff_neither() -> None:
    desk = Desk(people=(replace(ADA, opt_out=True), TUTOR, BEN))
    assert {token for token, known in desk.plans.manifest.patrons.items() if known.place} == {token_of(BEN)}


def test_without_the_clause_no_homeroom_is_kept() -> None:
    desk = Desk(agreement=an_agreement(fields=FIELDS, **PIN_PAGE))
    assert {known.place == known.school for known in desk.plans.manifest.patrons.values()} == {True}
    assert students_of(a_wish(homeroom="Room 4"), desk.plans.manifest, TOKENS) == "no_roster_since"


@pytest.mark.parametrize("changes", [{"school": "9999"}, {"homeroom": "Room 9"}, {"school": "\x07"}, {"homeroom": "\x07"}])
def test_a_place_that_is_not_there_is_told_as_such(changes: dict[str, str]) -> None:
    assert students_of(a_wish(**changes), Desk().plans.manifest, TOKENS) == "nobody_there"


@pytest.mark.parametrize(
    "changes",
    [
        {"school": ""},
        {"student": "1"},
        {"school": "", "student": "1", "homeroom": "4"},
        {"parts": ()},
        {"by": "a\nb"},
        {"print_id": "x"},
        {"only": ["Ada"]},
    ],
)
def test_a_wish_that_means_nothing_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_wish(**changes)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["print", "reprint", "page", "sync"]), st.integers(0, 3)), max_size=12))
def test_in_whatever_order_papers_and_page_are_asked_no_pin_goes_out_twice_and_what_is_printed_is_in_the_ils(
    steps: list[tuple[str, int]],
) -> None:
    desk = Desk(people=(ADA,))
    out: list[str] = []
    for place, (what, print_) in enumerate(steps):
        at = AT + timedelta(hours=place)
        if what == "sync":
            desk.store.settle(token_of(ADA))
        elif what == "page":
            if desk.page(at=at, made=at) is PinPageState.SHOWN:
                out.append(desk.pin())
        else:
            held = desk.store.ils[token_of(ADA)].has_pin_of(desk.store.patrons[token_of(ADA)])
            for card in desk.ask(at=at, print_id=f"{print_}" * 24, reprint=what == "reprint")["cards"]:
                assert held
                out.append(card["pin"])
                assert card["pin"] == desk.pin()
    assert len(out) == len(set(out))
