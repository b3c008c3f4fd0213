"""Claims about showing PINs: without the right answer nothing, with it once, whoever asks how often and however many at once."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.issue import issue_chunk
from firstcard.card.patron import Ownership, State
from firstcard.notice import PinLink, PinPageState
from firstcard.roster import Person, Role
from firstcard.run.revealing import Revealed, Revealer
from tests.unit.agreement.builders import PIN_PAGE, PIN_PAGE_BY_ID, an_agreement
from tests.unit.card.builders import NOW, TOKENS, CrashError, MemoryStore, Plans, a_person, token_of

HOME = "family@example.org"
HOUSEHOLD = TOKENS.household(HOME)
ADA = a_person(1, email=HOME, birth_date=date(2016, 5, 4))
IDA = a_person(2, email=HOME, first_name="Ida", birth_date=date(2014, 1, 31))
TWIN = a_person(3, email=HOME, first_name="Eda", birth_date=date(2016, 5, 4))
RIGHT, WRONG = "2016-05-04", "2016-05-05"
AT = NOW + timedelta(hours=1)
BY_DATE = an_agreement(**PIN_PAGE)
NAMED = an_agreement(**PIN_PAGE | {"matrix": {"show_pin": ["pin", "card", "age", "identity"]}})
BY_ID = an_agreement(**PIN_PAGE_BY_ID)


@dataclass
class Page:
    """A household whose cards are in the ILS, and the page behind its link."""

    agreement: Agreement = BY_DATE
    people: tuple[Person, ...] = (ADA, IDA)
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.plans = Plans(agreement=self.agreement)
        for chunk in self.plans.run(self.people):
            issue_chunk(chunk, self.store)
        self.store.release()
        for token in self.store.patrons:
            self.store.settle(token)
        self.plans.keys.story.clear()

    def ask(self, answer: str = RIGHT, *, at: datetime = AT, made: datetime = NOW, household: str = HOUSEHOLD) -> Revealed:
        page = self.agreement.card.pin.page
        assert page is not None
        link = PinLink("oak.pine", household, "en", int(made.timestamp()))
        return Revealer(self.store, self.plans.opener(Purpose.SHOW_PIN), self.agreement, page).reveal(link, answer, at=at)

    def pin(self, person: Person = ADA) -> str:
        return self.store.opened(self.plans.opener(), token_of(person), Group.PIN)["pin"]

    def number(self, person: Person = ADA) -> str:
        return self.store.opened(self.plans.opener(), token_of(person), Group.CARD)["number"]

    def change(self, person: Person = ADA, **changes: object) -> None:
        self.store.patrons[token_of(person)] = replace(self.store.patrons[token_of(person)], **changes)  # type: ignore[arg-type]

    def opened(self) -> set[str]:
        return {group for what, group, _ in self.plans.keys.story if what == "unwrap"}


def test_the_right_answer_shows_number_and_pin_of_that_child_alone() -> None:
    page = Page()
    said = page.ask()
    assert said.state is PinPageState.SHOWN
    assert [(one.name, one.number, one.pin) for one in said.shown] == [("", page.number(ADA), page.pin(ADA))]
    [ida] = page.ask("2014-01-31").shown
    assert ida.pin == page.pin(IDA)


def test_twins_are_shown_together() -> None:
    page = Page(people=(ADA, IDA, TWIN))
    assert {one.pin for one in page.ask().shown} == {page.pin(ADA), page.pin(TWIN)}


def test_a_wrong_answer_opens_what_it_is_compared_with_and_nothing_else() -> None:
    page = Page()
    assert page.ask(WRONG) == Revealed(PinPageState.NOTHING)
    assert page.opened() == {"age"}
    assert not page.store.pins_shown


def test_each_opening_is_declared_before_it_with_this_purpose_alone() -> None:
    page = Page()
    page.ask()
    story = page.plans.keys.story
    assert {purpose for _, _, purpose in story} == {"show_pin"}
    assert [group for what, group, _ in story if what == "declare"] == [group for what, group, _ in story if what == "unwrap"]
    for place, (what, group, _) in enumerate(story):
        assert what == "declare" or ("declare", group, "show_pin") in story[:place]
    assert page.opened() == {"age", "card", "pin"}


def test_after_a_minute_it_is_told_that_it_was_shown_and_when() -> None:
    page = Page()
    page.ask()
    assert page.ask(at=AT + timedelta(seconds=60)).state is PinPageState.SHOWN
    assert page.ask(at=AT + timedelta(seconds=61)) == Revealed(PinPageState.USED, shown_on=date(2026, 11, 22))
    assert page.ask(at=AT + timedelta(seconds=119)).state is PinPageState.USED


def test_the_day_it_was_shown_is_the_districts() -> None:
    page = Page()
    page.ask(at=datetime.fromisoformat("2026-11-23T03:00:00+00:00"))
    assert page.ask(at=datetime.fromisoformat("2026-11-23T04:00:00+00:00")).shown_on == date(2026, 11, 22)


def test_a_twin_that_was_not_shown_yet_is_shown_without_the_other_again() -> None:
    page = Page(people=(ADA, IDA, TWIN))
    page.change(TWIN, state=State.WAITING)
    page.ask()
    page.change(TWIN, state=State.ACTIVE)
    assert [one.pin for one in page.ask(at=AT + timedelta(hours=1)).shown] == [page.pin(TWIN)]


# -- who has no PIN to show ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.WAITING, State.EXPIRED, State.REFUSED])
def test_a_card_that_does_not_work_has_no_pin_and_nothing_of_it_is_opened(state: State) -> None:
    page = Page(people=(ADA,))
    page.change(state=state)
    assert page.ask() == Revealed(PinPageState.NOTHING)
    assert page.opened() == set()


def test_a_no_on_record_beats_the_patron() -> None:
    page = Page(people=(ADA,))
    page.store.refused[token_of(ADA)] = "family"
    assert page.ask().state is PinPageState.NOTHING


def test_a_familys_own_card_has_no_pin_of_ours() -> None:
    page = Page(people=(ADA,))
    page.change(ownership=Ownership.LINKED)
    assert page.ask().state is PinPageState.NOTHING


@pytest.mark.parametrize("state", ["failed", "ended"])
def test_a_pin_that_the_ils_does_not_have_is_not_shown(state: str) -> None:
    page = Page(people=(ADA,))
    page.store.settle(token_of(ADA), state)
    assert page.ask().state is PinPageState.NOTHING
    del page.store.ils[token_of(ADA)]
    assert page.ask().state is PinPageState.NOTHING


def test_a_renewed_pin_is_not_shown_before_the_ils_has_it() -> None:
    page = Page(people=(ADA,))
    token = token_of(ADA)
    page.store.wrapped["renewed"] = replace(page.store.wrapped[page.store.patrons[token].envelopes[Group.PIN]])
    page.change(envelopes={**page.store.patrons[token].envelopes, Group.PIN: "renewed"})
    assert page.ask().state is PinPageState.NOTHING
    assert page.opened() == set()


def test_a_child_at_another_address_now_is_not_shown_at_the_old_one() -> None:
    page = Page()
    page.change(household=TOKENS.household("student@example.org"))
    assert page.ask().state is PinPageState.NOTHING


def test_a_link_from_before_the_pin_does_not_show_it() -> None:
    assert Page().ask(made=NOW - timedelta(seconds=1)).state is PinPageState.NOTHING
    assert Page().ask(made=NOW).state is PinPageState.SHOWN


def test_a_card_from_before_the_clause_has_nothing_to_show() -> None:
    page = Page(agreement=an_agreement())
    page.agreement = BY_DATE
    assert page.ask().state is PinPageState.NOTHING
    assert page.opened() == set()


def test_a_child_without_a_birth_date_fits_no_answer() -> None:
    page = Page(people=(replace(ADA, birth_date=None),))
    for answer in ("None", "0001-01-01", RIGHT):
        assert page.ask(answer).state is PinPageState.NOTHING


def test_a_member_of_staff_has_no_page() -> None:
    staff = a_person(9, role=Role.STAFF, email="staff9@example.org")
    page = Page(people=(staff,))
    for household in page.store.families:
        assert page.ask(household=household).state is PinPageState.NOTHING
    assert page.opened() == set()


def test_a_household_that_is_not_there_is_answered_like_one_with_another_answer() -> None:
    assert Page().ask(household="0" * 32) == Page().ask(WRONG)


def test_a_key_that_refuses_stops_the_page_and_costs_no_try() -> None:
    page = Page()
    page.plans.keys.closed = True
    for _ in range(7):
        assert page.ask() == Revealed(PinPageState.STOPPED)
    page.plans.keys.closed = False
    assert page.ask().state is PinPageState.SHOWN


# -- names -----------------------------------------------------------------------------------------------------------------------------------


def test_a_name_is_shown_where_the_matrix_and_the_familys_letter_have_it() -> None:
    assert [one.name for one in Page(agreement=NAMED).ask().shown] == ["Ada"]
    assert [one.name for one in Page(agreement=BY_ID).ask("100001").shown] == ["Ada"]
    none = an_agreement(name_on={"family_notice": "none"}, **PIN_PAGE_BY_ID)
    assert [one.name for one in Page(agreement=none).ask("100001").shown] == [""]


def test_the_id_is_compared_whole() -> None:
    for answer in ("10000", "1000011", "00001", "100002 "):
        assert Page(agreement=BY_ID, people=(ADA,)).ask(answer).state is PinPageState.NOTHING


# -- tries -----------------------------------------------------------------------------------------------------------------------------------


def test_the_sixth_try_of_a_day_is_not_looked_at_and_the_next_day_begins_anew() -> None:
    page = Page()
    assert [page.ask(WRONG).state for _ in range(5)] == [PinPageState.NOTHING] * 5
    page.plans.keys.story.clear()
    assert page.ask() == Revealed(PinPageState.LOCKED)
    assert page.plans.keys.story == []
    assert page.ask(at=AT + timedelta(days=1)).state is PinPageState.SHOWN


def test_a_household_that_is_not_there_is_locked_like_any_other() -> None:
    page = Page()
    assert [page.ask(household="0" * 32).state for _ in range(6)] == [PinPageState.NOTHING] * 5 + [PinPageState.LOCKED]
    assert page.ask().state is PinPageState.SHOWN


def test_right_answers_cost_no_try() -> None:
    page = Page()
    for _ in range(9):
        assert page.ask().state is PinPageState.SHOWN
    assert page.ask(at=AT + timedelta(hours=1)).state is PinPageState.USED
    assert page.ask("2014-01-31").state is PinPageState.SHOWN


# -- two at once, and deaths -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "state"), [(1, PinPageState.SHOWN), (120, PinPageState.USED)])
def test_of_two_requests_at_once_the_second_is_the_same_showing_and_a_later_one_is_none(seconds: int, state: PinPageState) -> None:
    page = Page(people=(ADA,))
    seen: list[Revealed] = []
    first = page.store.writes

    def other(n: int) -> None:
        if not seen and n == first + 2:  # just before the mark
            seen.append(page.ask(at=AT - timedelta(seconds=seconds)))

    page.store.before_write = other
    later = page.ask()
    assert [seen[0].state, later.state] == [PinPageState.SHOWN, state]
    assert len(page.store.pins_shown) == 1


def test_whoever_dies_before_the_mark_has_shown_nothing() -> None:
    page = Page(people=(ADA,))
    first = page.store.writes

    def dies(n: int) -> None:
        if n == first + 2:
            raise CrashError

    page.store.before_write = dies
    with pytest.raises(CrashError):
        page.ask()
    page.store.before_write = lambda n: None
    assert not page.store.pins_shown
    assert page.ask().state is PinPageState.SHOWN


posts = st.lists(
    st.tuples(st.sampled_from([RIGHT, WRONG, "2014-01-31", "2015-01-01", "x", "None"]), st.integers(0, 90 * 60 * 30)), max_size=30
)


@settings(max_examples=150)
@given(posts, st.sampled_from([(ADA,), (ADA, IDA), (ADA, IDA, TWIN), ()]))
def test_whatever_is_posted_nothing_is_shown_without_the_right_answer_and_never_twice(
    posted: list[tuple[str, int]], people: tuple[Person, ...]
) -> None:
    page = Page(people=people)
    pins = {page.pin(person): person for person in people}
    shown_at: dict[str, list[datetime]] = {}
    nothing: dict[date, int] = {}
    for answer, seconds in sorted(posted, key=lambda post: post[1]):
        at = AT + timedelta(seconds=seconds)
        said = page.ask(answer, at=at)
        for one in said.shown:
            person = pins[one.pin]
            assert person.birth_date is not None
            assert answer == person.birth_date.isoformat()
            assert one.number == page.number(person)
            shown_at.setdefault(one.pin, []).append(at)
        if said.state is PinPageState.NOTHING:
            day = page.agreement.exchange.calendar.date_of(at)
            nothing[day] = nothing.get(day, 0) + 1
    assert all(times[-1] - times[0] <= timedelta(minutes=1) for times in shown_at.values())
    assert all(count <= 5 for count in nothing.values())
    assert {token for token, _ in page.store.pins_shown} == {token_of(pins[pin]) for pin in shown_at}
