"""The ILS ends as the cards table says: the last version wins, a no wins over everything, and nothing is marked done before it is."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random

import pytest

from firstcard.agreement.vocabulary import Group
from firstcard.card.issue import issue_chunk
from firstcard.card.patron import State
from firstcard.ils import Accepted, IlsPatron, Refused, SyncReason, Unreachable, Verdict
from firstcard.ils.sync import sync_patrons
from firstcard.roster import Person
from firstcard.run.renewing import Renewal, Renewer
from tests.unit.agreement.builders import PIN_PAGE, an_agreement
from tests.unit.card.builders import NOW, CrashError, MemoryStore, Plans, a_person, token_of

TODAY = date(2026, 11, 22)
AT = "2026-11-22T06:00:05+00:00"


@dataclass
class Shelf:
    """An ILS that keeps what it is given; ``answers`` are given before it does as it is told, ``before_put`` breaks in."""

    patrons: dict[str, IlsPatron] = field(default_factory=dict)
    ends: dict[str, date] = field(default_factory=dict)
    answers: list[Refused | Unreachable] = field(default_factory=list)
    before_put: Callable[[], object] = lambda: None
    puts: int = 0
    asked: list[str] = field(default_factory=list)
    can_set_pin: bool = True
    carried: dict[str, set[str]] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    link_calls: list[tuple[str, bool, bool]] = field(default_factory=list)
    renewed_to: list[date | None] = field(default_factory=list)
    pins_set: list[str] = field(default_factory=list)

    def put(self, patron: IlsPatron, *, ils_id: str | None, new_pin: bool = False) -> Accepted | Refused | Unreachable:
        self.puts += 1
        self.asked.append(patron.token)
        self.before_put()
        if self.answers:
            return self.answers.pop(0)
        self.patrons[patron.token] = patron
        if ils_id is None or new_pin:
            self.pins_set.append(patron.pin)
        return Accepted(ils_id or "17")

    def end(self, ils_id: str | None, *, token: str, on: date) -> Accepted | Refused | Unreachable:
        if self.answers:
            return self.answers.pop(0)
        if token not in self.patrons:
            return Accepted("")
        self.ends[token] = on
        return Accepted("17")

    def link(
        self, ils_id: str, *, token: str, held_before: bool, blocked_too: bool, on: date, renew_to: date | None = None
    ) -> Accepted | Refused | Unreachable:
        self.link_calls.append((ils_id, held_before, blocked_too))
        self.renewed_to.append(renew_to)
        self.before_put()
        if self.answers:
            return self.answers.pop(0)
        remark = SyncReason.EXISTING_CARD_BLOCKED if ils_id in self.blocked else None
        if token in self.carried.get(ils_id, ()):
            return Accepted(ils_id, remark)
        if held_before:
            return Refused(SyncReason.NOT_OURS, ils_id)
        if remark and not blocked_too:
            return Refused(remark)
        self.carried.setdefault(ils_id, set()).add(token)
        return Accepted(ils_id, remark)

    def unlink(self, ils_id: str, *, token: str) -> Accepted | Refused | Unreachable:
        if self.answers:
            return self.answers.pop(0)
        self.carried.get(ils_id, set()).discard(token)
        return Accepted(ils_id)

    def check(self, pairs: object, *, token: str, pin: str, on: date) -> tuple[Verdict, ...]:
        return ()


@dataclass
class Library:
    """A district with its cards issued, and its library's ILS."""

    plans: Plans = field(default_factory=Plans)
    store: MemoryStore = field(default_factory=MemoryStore)
    shelf: Shelf = field(default_factory=Shelf)
    seconds_left: Callable[[], float] = lambda: 120.0

    def issued(self, *people: Person) -> None:
        for chunk in self.plans.run(people):
            issue_chunk(chunk, self.store)
        self.store.release()

    def sync(self, *people: Person, allowed: bool = True, given_up: frozenset[str] = frozenset()) -> frozenset[str]:
        return sync_patrons(
            [token_of(p) for p in people],
            store=self.store,
            opener=self.plans.opener(),
            ils=self.shelf,
            agreement=self.plans.agreement,
            allowed=lambda: allowed,
            today=TODAY,
            at=AT,
            seconds_left=self.seconds_left,
            given_up=given_up,
        )

    def state(self, person: Person) -> tuple[str, int, str]:
        state = self.store.ils[token_of(person)]
        return state.state, state.version, state.reason


CHILD = a_person(1)
TOKEN = token_of(CHILD)


def a_library_with(*people: Person) -> Library:
    library = Library()
    library.issued(*people)
    return library


def test_an_issued_patron_is_put_with_its_number_and_marked_after_the_ils_took_it() -> None:
    library = a_library_with(CHILD)
    assert library.sync(CHILD) == frozenset()
    assert library.shelf.patrons[TOKEN].number == "904000100001"
    assert library.state(CHILD) == ("in_ils", 2, "")
    assert library.store.ils[TOKEN].ils_id == "17"


def test_the_same_event_again_writes_nothing() -> None:
    library = a_library_with(CHILD)
    for _ in range(3):
        library.sync(CHILD, CHILD)
    assert library.shelf.puts == 1


def test_a_waiting_child_is_not_in_the_ils() -> None:
    library = Library()
    for chunk in library.plans.run([CHILD]):
        issue_chunk(chunk, library.store)
    assert library.sync(CHILD) == frozenset()
    assert library.shelf.puts == 0


def test_a_patron_that_changes_while_it_is_written_is_written_again() -> None:
    library = a_library_with(CHILD)
    married = replace(CHILD, last_name="Oak")

    def changes_once() -> None:
        library.shelf.before_put = lambda: None
        library.issued(married)

    library.shelf.before_put = changes_once
    library.sync(CHILD)
    assert library.shelf.patrons[TOKEN].last_name == "Oak"
    assert library.state(CHILD) == ("in_ils", 3, "")


def test_a_no_while_the_patron_is_written_ends_it_in_the_same_call() -> None:
    library = a_library_with(CHILD)
    library.shelf.before_put = lambda: library.store.refuse([TOKEN])
    library.sync(CHILD)
    assert library.shelf.ends == {TOKEN: TODAY}
    assert library.state(CHILD) == ("ended", 3, "")


def test_a_refusal_on_record_ends_a_patron_that_is_not_changed_yet() -> None:
    library = a_library_with(CHILD)
    library.sync(CHILD)
    library.store.refused[TOKEN] = "family"
    library.sync(CHILD)
    assert library.shelf.ends == {TOKEN: TODAY}
    assert library.state(CHILD)[0] == "ended"


def test_a_no_whose_writing_died_halfway_ends_the_card_and_again_when_it_is_finished() -> None:
    library = a_library_with(CHILD)
    library.sync(CHILD)

    def dies_before_the_patron(write: int) -> None:
        if write == first + 2:
            raise CrashError

    first = library.store.writes
    library.store.before_write = dies_before_the_patron
    with pytest.raises(CrashError):
        library.store.refuse([TOKEN])
    library.store.before_write = lambda n: None
    assert library.store.patrons[TOKEN].state is State.ACTIVE
    assert library.sync(CHILD, allowed=False) == frozenset()
    assert (library.shelf.ends, library.state(CHILD)) == ({TOKEN: TODAY}, ("ended", 2, ""))
    library.store.refuse([TOKEN])
    assert library.sync(CHILD) == frozenset()
    assert (library.shelf.ends, library.state(CHILD)) == ({TOKEN: TODAY}, ("ended", 3, ""))


def test_a_refusal_on_record_ends_a_patron_that_failed_before() -> None:
    library = a_library_with(CHILD)
    library.sync(CHILD)
    library.issued(replace(CHILD, grade="05"))
    library.shelf.answers = [Refused(SyncReason.FIELD_REFUSED)]
    library.sync(CHILD)
    library.store.refused[TOKEN] = "family"
    library.sync(CHILD)
    assert (library.shelf.ends, library.state(CHILD)[0]) == ({TOKEN: TODAY}, "ended")


def test_a_refusal_on_record_takes_the_grace_days_from_who_left() -> None:
    library = a_library_with(CHILD)
    library.sync(CHILD)
    library.issued()
    library.sync(CHILD)
    library.store.refused[TOKEN] = "family"
    library.sync(CHILD)
    assert library.shelf.ends == {TOKEN: TODAY}


def test_a_refusal_on_record_of_a_waiting_child_asks_the_ils_nothing() -> None:
    library = Library()
    for chunk in library.plans.run([CHILD]):
        issue_chunk(chunk, library.store)
    library.store.refused[TOKEN] = "family"
    assert library.sync(CHILD) == frozenset()
    assert (library.shelf.puts, library.store.ils) == (0, {})


def test_a_refusal_on_record_of_a_child_without_a_card_asks_the_ils_nothing() -> None:
    library = Library()
    library.store.refused[TOKEN] = "roster"
    assert library.sync(CHILD) == frozenset()
    assert library.store.ils == {}


def test_a_refusal_on_record_keeps_a_patron_out_of_the_ils() -> None:
    library = a_library_with(CHILD)
    library.store.refused[TOKEN] = "family"
    library.sync(CHILD)
    assert library.shelf.puts == 0


def test_who_left_keeps_the_card_for_the_grace_days() -> None:
    library = a_library_with(CHILD)
    library.sync(CHILD)
    library.issued()
    library.sync(CHILD)
    assert library.shelf.ends == {TOKEN: date(2026, 12, 22)}


def test_nothing_is_put_while_the_agreement_is_suspended_and_everything_after() -> None:
    library = a_library_with(CHILD)
    assert library.sync(CHILD, allowed=False) == {TOKEN}
    assert library.shelf.puts == 0
    assert library.sync(CHILD) == frozenset()
    assert library.state(CHILD)[0] == "in_ils"


def test_ending_a_card_needs_no_agreement_in_force() -> None:
    library = a_library_with(CHILD)
    library.sync(CHILD)
    library.store.refuse([TOKEN])
    assert library.sync(CHILD, allowed=False) == frozenset()
    assert library.shelf.ends == {TOKEN: TODAY}


def test_an_ils_that_cannot_be_reached_is_tried_again_and_nothing_is_marked() -> None:
    library = a_library_with(CHILD)
    library.shelf.answers = [Unreachable(SyncReason.NO_ANSWER)]
    assert library.sync(CHILD) == {TOKEN}
    assert library.store.ils == {}
    assert library.sync(CHILD) == frozenset()
    assert library.state(CHILD)[0] == "in_ils"


def test_on_the_last_try_it_is_a_failure_with_a_reason_and_its_message_becomes_a_dead_letter() -> None:
    library = a_library_with(CHILD)
    library.shelf.answers = [Unreachable(SyncReason.NO_ANSWER)]
    assert library.sync(CHILD, given_up=frozenset({TOKEN})) == {TOKEN}
    assert library.shelf.puts == 1
    assert library.state(CHILD) == ("failed", 2, "no_answer")


def test_a_redriven_dead_letter_puts_the_patron_that_failed() -> None:
    library = a_library_with(CHILD)
    library.shelf.answers = [Unreachable(SyncReason.NO_ANSWER)]
    library.sync(CHILD, given_up=frozenset({TOKEN}))
    assert library.sync(CHILD) == frozenset()
    assert library.state(CHILD) == ("in_ils", 2, "")


def test_what_the_ils_refuses_on_the_last_try_is_no_dead_letter() -> None:
    library = a_library_with(CHILD)
    library.shelf.answers = [Refused(SyncReason.CARD_NUMBER_TAKEN)]
    assert library.sync(CHILD, given_up=frozenset({TOKEN})) == frozenset()
    assert library.state(CHILD) == ("failed", 2, "card_number_taken")


def test_a_patron_given_up_that_changes_and_is_then_accepted_is_no_dead_letter() -> None:
    library = a_library_with(CHILD)
    library.shelf.answers = [Unreachable(SyncReason.NO_ANSWER)]

    def changes_once() -> None:
        library.shelf.before_put = lambda: None
        library.issued(replace(CHILD, grade="05"))

    library.shelf.before_put = changes_once
    assert library.sync(CHILD, given_up=frozenset({TOKEN})) == frozenset()
    assert library.state(CHILD) == ("in_ils", 3, "")


def test_who_is_on_the_last_try_is_asked_for_first() -> None:
    class_ = [a_person(n) for n in range(1, 6)]
    library = a_library_with(*class_)
    last = token_of(class_[4])
    library.sync(*class_, given_up=frozenset({last}))
    assert library.shelf.asked[0] == last


CLASS = [a_person(n) for n in range(1, 26)]


def test_answers_are_on_record_ten_at_a_time_so_that_a_killed_call_loses_few() -> None:
    library = a_library_with(*CLASS)

    def killed_at_the_24th() -> None:
        if library.shelf.puts == 24:
            raise CrashError

    library.shelf.before_put = killed_at_the_24th
    with pytest.raises(CrashError):
        library.sync(*CLASS)
    assert len(library.store.ils) == 20
    library.shelf.before_put = lambda: None
    assert library.sync(*CLASS) == frozenset()
    assert (len(library.store.ils), library.shelf.puts) == (25, 24 + 5)


def test_who_was_not_asked_for_when_time_runs_out_comes_again_and_the_rest_is_on_record() -> None:
    library = a_library_with(*CLASS)
    library.seconds_left = lambda: 120.0 - 7 * library.shelf.puts
    again = library.sync(*CLASS)
    assert library.shelf.puts == 12
    assert again == {token_of(p) for p in CLASS} - set(library.store.ils)
    assert set(library.store.ils) == set(library.shelf.asked)


def test_a_slow_ils_has_everybody_in_the_end_and_is_asked_for_each_once() -> None:
    library = a_library_with(*CLASS)
    calls = 0
    again = frozenset({TOKEN})
    while again:
        calls, before = calls + 1, library.shelf.puts
        library.seconds_left = lambda before=before: 120.0 - 7 * (library.shelf.puts - before)  # type: ignore[misc]
        again = library.sync(*CLASS)
    assert (calls, library.shelf.puts) == (3, 25)
    assert {library.state(p)[0] for p in CLASS} == {"in_ils"}


def test_without_time_nothing_is_asked_and_who_is_in_step_does_not_come_again() -> None:
    other = a_person(2)
    library = a_library_with(CHILD, other)
    library.sync(other)
    library.seconds_left = lambda: 39.9
    assert library.sync(CHILD, other) == {TOKEN}
    assert library.shelf.puts == 1


def test_a_card_that_must_end_waits_for_time_too() -> None:
    library = a_library_with(CHILD)
    library.sync(CHILD)
    library.store.refuse([TOKEN])
    library.seconds_left = lambda: 0.0
    assert library.sync(CHILD) == {TOKEN}
    assert library.shelf.ends == {}


def test_a_refusal_on_record_that_comes_while_the_patron_is_written_ends_it_in_the_same_call() -> None:
    library = a_library_with(CHILD)
    library.shelf.before_put = lambda: library.store.refused.setdefault(TOKEN, "family")
    library.sync(CHILD)
    assert library.shelf.ends == {TOKEN: TODAY}
    assert library.state(CHILD) == ("ended", 2, "")


def test_what_the_ils_refuses_is_asked_once_a_call_and_again_when_told_again() -> None:
    library = a_library_with(CHILD)
    library.shelf.answers = [Refused(SyncReason.CARD_NUMBER_TAKEN)] * 3
    library.sync(CHILD)
    assert (library.shelf.puts, library.state(CHILD)) == (1, ("failed", 2, "card_number_taken"))
    library.sync(CHILD)
    assert library.shelf.puts == 2
    library.shelf.answers = []
    library.sync(CHILD)
    assert library.state(CHILD) == ("in_ils", 2, "")


def test_what_the_ils_refused_is_put_when_the_patron_changes_in_the_same_call() -> None:
    library = a_library_with(CHILD)
    library.shelf.answers = [Refused(SyncReason.FIELD_REFUSED)]

    def changes_once() -> None:
        library.shelf.before_put = lambda: None
        library.issued(replace(CHILD, grade="05"))

    library.shelf.before_put = changes_once
    library.sync(CHILD)
    assert library.state(CHILD) == ("in_ils", 3, "")


def test_one_patron_that_cannot_be_opened_keeps_no_other_back() -> None:
    other = a_person(2)
    library = a_library_with(CHILD, other)
    patron = library.store.patrons[TOKEN]
    library.store.patrons[TOKEN] = replace(patron, envelopes=dict.fromkeys(patron.envelopes, "gone"))
    assert library.sync(CHILD, other) == {TOKEN}
    assert library.state(other)[0] == "in_ils"


def test_a_closed_key_is_tried_again() -> None:
    library = a_library_with(CHILD)
    library.plans.keys.closed = True
    assert library.sync(CHILD) == {TOKEN}
    assert library.shelf.puts == 0


@pytest.mark.parametrize(("on", "shown"), [("legal", "Adeline"), ("preferred", "Ada")])
def test_the_name_in_the_ils_is_the_one_that_the_agreement_says(on: str, shown: str) -> None:
    agreement = Plans().agreement
    fields = dict(agreement.fields) | {"preferred_name": agreement.fields["first_name"]}
    agreement = agreement.model_copy(update={"fields": fields, "name_on": agreement.name_on.model_copy(update={"ils": on})})
    library = Library(Plans(agreement=agreement))
    child = replace(CHILD, first_name="Adeline", preferred_name="Ada")
    library.issued(child)
    library.sync(child)
    assert library.shelf.patrons[TOKEN].first_name == shown


def renew(library: Library, pin: str = "renewed") -> str:
    """Another PIN for the child, as reset leaves it; gives the PIN."""
    renewer = Renewer(library.store, library.plans.agreement, library.plans.keys.wrap, Random(pin).randbytes, Random(pin).randrange)
    assert renewer.renew(TOKEN, at=NOW, allowed=True) is Renewal.RENEWED
    return library.store.opened(library.plans.opener(), TOKEN, Group.PIN)["pin"]


def a_library_with_a_page() -> Library:
    library = Library(Plans(agreement=an_agreement(**PIN_PAGE)))
    library.issued(CHILD)
    library.sync(CHILD)
    return library


def test_a_pin_is_set_with_the_patron_and_never_again_by_a_roster() -> None:
    library = a_library_with_a_page()
    assert len(library.shelf.pins_set) == 1
    library.issued(replace(CHILD, last_name="Oak"))
    library.sync(CHILD)
    assert (library.shelf.puts, len(library.shelf.pins_set)) == (2, 1)


def test_a_renewed_pin_is_set_once_and_a_later_roster_leaves_it() -> None:
    library = a_library_with_a_page()
    first = library.shelf.pins_set[0]
    pin = renew(library)
    for _ in range(3):
        library.sync(CHILD)
    library.issued(replace(CHILD, last_name="Oak"))
    library.sync(CHILD)
    assert library.shelf.pins_set == [first, pin]
    assert library.store.opened(library.plans.opener(), TOKEN, Group.PIN) == {"pin": pin}
    assert library.state(CHILD)[0] == "in_ils"


def test_a_renewed_pin_that_did_not_arrive_is_set_by_the_next_try() -> None:
    library = a_library_with_a_page()
    pin = renew(library)
    library.shelf.answers = [Unreachable(SyncReason.NO_ANSWER)]
    assert library.sync(CHILD) == {TOKEN}
    library.shelf.answers = [Unreachable(SyncReason.NO_ANSWER)]
    library.sync(CHILD, given_up=frozenset({TOKEN}))
    assert library.state(CHILD)[0] == "failed"
    library.sync(CHILD)
    assert library.shelf.pins_set[1:] == [pin]


def test_a_pin_that_the_ils_refused_is_set_when_it_is_asked_again() -> None:
    library = a_library_with_a_page()
    pin = renew(library)
    library.shelf.answers = [Refused(SyncReason.PIN_REFUSED)]
    library.sync(CHILD)
    assert library.store.ils[TOKEN].lacks_pin_of(library.store.patrons[TOKEN])
    library.sync(CHILD)
    assert library.shelf.pins_set[1:] == [pin]


def test_of_two_pins_the_last_one_stays() -> None:
    library = a_library_with_a_page()
    renew(library, "one")
    two = renew(library, "two")
    library.sync(CHILD)
    assert library.shelf.pins_set[1:] == [two]


def test_a_pin_renewed_while_the_patron_is_written_is_written_too() -> None:
    library = a_library_with_a_page()
    pins: list[str] = []

    def once() -> None:
        library.shelf.before_put = lambda: None
        pins.append(renew(library))

    library.issued(replace(CHILD, last_name="Oak"))
    library.shelf.before_put = once
    library.sync(CHILD)
    assert library.shelf.pins_set[1:] == pins


def test_a_state_from_before_pins_were_renewed_sets_none() -> None:
    library = a_library_with_a_page()
    library.store.ils[TOKEN] = replace(library.store.ils[TOKEN], pin="")
    library.issued(replace(CHILD, last_name="Oak"))
    library.sync(CHILD)
    assert len(library.shelf.pins_set) == 1
    renew(library)
    library.store.ils[TOKEN] = replace(library.store.ils[TOKEN], pin="")
    library.sync(CHILD)
    assert len(library.shelf.pins_set) == 2


def test_whoever_left_and_came_back_keeps_the_renewed_pin() -> None:
    library = a_library_with_a_page()
    renew(library)
    library.sync(CHILD)
    library.issued()
    library.sync(CHILD)
    assert library.state(CHILD)[0] == "ended"
    library.issued(CHILD)
    library.sync(CHILD)
    assert library.state(CHILD)[0] == "in_ils"
    assert len(library.shelf.pins_set) == 2
