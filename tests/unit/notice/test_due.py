"""Every household hears everything once: not of a child that was refused, not before all cards of the family are settled, not twice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

import pytest

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.issue import issue_chunk
from firstcard.card.view import NoticeMark
from firstcard.notice.due import SENT_AT_ONCE, Notices, Outgoing, Wake
from firstcard.roster import Person, Role
from firstcard.run.renewing import Renewal, Renewer
from tests.unit.agreement.builders import PIN_PAGE, a_directory_agreement, a_library, an_agreement
from tests.unit.card.builders import NOW, TOKENS, CrashError, MemoryStore, Plans, a_person, token_of

AT = "2026-11-22T06:00:05+00:00"
HOME = "family@example.org"
HOUSEHOLD = TOKENS.household(HOME)


@dataclass
class Desk:
    """A district with its cards issued, and a mail service that keeps what it accepted."""

    plans: Plans = field(default_factory=Plans)
    store: MemoryStore = field(default_factory=MemoryStore)
    sent: list[Outgoing] = field(default_factory=list)
    accepts: bool = True

    def run(self, *people: Person) -> None:
        for chunk in self.plans.run(people):
            issue_chunk(chunk, self.store)

    def issued(self, *people: Person) -> None:
        self.run(*people)
        self.store.release()

    def notices(self, store: MemoryStore | None = None) -> Notices:
        def send(mails: Sequence[Outgoing]) -> list[bool]:
            if self.accepts:
                self.sent += mails
            return [self.accepts] * len(mails)

        opener = self.plans.opener(Purpose.SEND_NOTICE)
        return Notices(
            store or self.store,
            opener,
            self.plans.agreement,
            a_library(),
            send,
            lambda h, lang: f"https://no.example.org/no/{h}",
            lambda h, lang: f"https://no.example.org/pin/{h}",
        )

    @property
    def told(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(mail.kind, tuple(mail.to)) for mail in self.sent]


def wake(people: Iterable[Person], message: str = "m1", household: str = HOUSEHOLD) -> Wake:
    return Wake(message, household, tuple(map(token_of, people)), AT)


def siblings(count: int = 2) -> list[Person]:
    return [a_person(n, email=HOME, first_name=name) for n, name in zip(range(count), ("Ada", "Ida", "Eda"), strict=False)]


def number_of(person: Person) -> str:
    return f"904{int(person.local_id):09d}"


def shown(mail: Outgoing) -> str:
    return "".join(mail.message.text.split())


def test_one_announcement_for_all_children_of_a_household() -> None:
    desk = Desk()
    desk.run(*siblings())
    assert desk.notices().announce([wake(siblings())]) == frozenset()
    assert desk.told == [("announcement", (HOME,))]
    assert {(m.state, m.told_at, m.window_of) for m in desk.store.notices.values()} == {("sent", AT, "oak.pine")}


def test_where_families_refuse_before_the_upload_no_window_starts() -> None:
    desk = Desk(Plans(agreement=a_directory_agreement(notices={"announce": True})))
    desk.run(*siblings())
    desk.notices().announce([wake(siblings())])
    assert {m.window_of for m in desk.store.notices.values()} == {""}


def test_a_refused_child_is_not_announced_and_its_sister_is() -> None:
    desk = Desk()
    refused, sister = siblings()
    desk.run(refused, sister)
    desk.store.refuse([token_of(refused)])
    desk.notices().announce([wake([refused, sister])])
    assert [token for _, _, token in desk.store.notices] == [token_of(sister)]


def test_a_refusal_on_record_is_enough_even_if_the_patron_is_not_changed_yet() -> None:
    desk = Desk()
    (child,) = siblings(1)
    desk.issued(child)
    desk.store.settle(token_of(child))
    desk.store.refused[token_of(child)] = "family"
    desk.notices().announce([wake([child])])
    desk.notices().cards([wake([child])])
    assert desk.told == []


def test_a_child_that_left_before_it_was_announced_is_not_announced() -> None:
    desk = Desk()
    desk.run(*siblings(1))
    desk.run()
    desk.notices().announce([wake(siblings(1))])
    assert desk.told == []


def test_the_same_message_delivered_again_sends_nothing() -> None:
    desk = Desk()
    desk.run(*siblings())
    desk.notices().announce([wake(siblings())])
    desk.store.release()
    for child in siblings():
        desk.store.settle(token_of(child))
    for _ in range(3):
        desk.notices().announce([wake(siblings())])
        desk.notices().cards([wake(siblings())])
    assert [kind for kind, _ in desk.told] == ["announcement", "card"]


def test_two_messages_of_the_same_fact_send_once() -> None:
    desk = Desk()
    desk.run(*siblings())
    assert desk.notices().announce([wake(siblings(), "m1"), wake(siblings(), "m2")]) == frozenset()
    assert len(desk.sent) == 1


def test_the_card_e_mail_has_the_numbers_of_all_children() -> None:
    desk = Desk()
    desk.issued(*siblings())
    for child in siblings():
        desk.store.settle(token_of(child))
    desk.notices().cards([wake(siblings()[:1], "m1"), wake(siblings()[1:], "m2")])
    (mail,) = desk.sent
    assert (mail.kind, mail.to) == ("card", (HOME,))
    assert all(number_of(child) in shown(mail) for child in siblings())


@pytest.mark.parametrize("unsettled", ["unknown", "older version"])
def test_cards_are_told_when_all_issued_siblings_are_settled(unsettled: str) -> None:
    desk = Desk()
    desk.issued(*siblings())
    first, second = map(token_of, siblings())
    desk.store.settle(first)
    if unsettled == "older version":
        desk.store.settle(second, version=1)
    assert desk.notices().cards([wake(siblings()[:1])]) == frozenset()
    assert desk.sent == []
    desk.store.settle(second)
    desk.notices().cards([wake(siblings()[1:], "m2")])
    assert [kind for kind, _ in desk.told] == ["card"]


def linking(*people: Person) -> Desk:
    desk = Desk(Plans(linked={token_of(p): "4711" for p in people}))
    return desk


def test_a_family_hears_of_its_own_card_without_a_number_and_of_the_others_as_ever() -> None:
    first, second = siblings()
    desk = linking(first)
    desk.issued(first, second)
    for child in (first, second):
        desk.store.settle(token_of(child))
    for message in ("m1", "m2"):
        desk.notices().cards([wake([first, second], message)])
    assert desk.told == [("card", (HOME,)), ("linked", (HOME,))]
    card, linked = desk.sent
    assert number_of(second) in shown(card)
    assert not any(number_of(child) in shown(mail) for child, mail in ((first, card), (first, linked), (second, linked)))
    assert "4711" not in shown(linked)
    assert {m.kind for m in desk.store.notices.values()} == {"card"}


def test_a_family_does_not_hear_that_a_blocked_card_works_until_it_does() -> None:
    (child,) = siblings(1)
    desk = linking(child)
    desk.issued(child)
    desk.store.settle(token_of(child))
    settled = desk.store.ils[token_of(child)]
    desk.store.ils[token_of(child)] = replace(settled, reason="existing_card_blocked")
    desk.notices().cards([wake([child])])
    assert desk.sent == []
    desk.store.ils[token_of(child)] = settled
    desk.notices().cards([wake([child], "m2")])
    assert desk.told == [("linked", (HOME,))]


def test_a_link_that_failed_is_told_to_nobody() -> None:
    (child,) = siblings(1)
    desk = linking(child)
    desk.issued(child)
    desk.store.settle(token_of(child), "failed")
    desk.notices().cards([wake([child])])
    assert desk.sent == []


def test_an_e_mail_about_a_linked_card_that_could_not_be_sent_is_sent_by_the_next_message() -> None:
    (child,) = siblings(1)
    desk = linking(child)
    desk.issued(child)
    desk.store.settle(token_of(child))
    desk.accepts = False
    assert desk.notices().cards([wake([child])]) == {"m1"}
    desk.accepts = True
    desk.notices().cards([wake([child], "m2")])
    assert desk.told == [("linked", (HOME,))]


def set_apart(desk: Desk, child: Person, *others: Person, now: str = "") -> None:
    """The next roster after a person found the child's link to be wrong."""
    desk.plans.linked = {token_of(child): now} if now else {}
    desk.plans.mistaken = {token_of(child): desk.store.patrons[token_of(child)].existing}
    desk.issued(child, *others)
    desk.plans.mistaken = {}


def test_a_family_that_heard_of_a_wrong_link_hears_of_the_number_and_once() -> None:
    first, second = siblings()
    desk = linking(first)
    desk.issued(first, second)
    for child in (first, second):
        desk.store.settle(token_of(child))
    desk.notices().cards([wake([first, second])])
    assert desk.told == [("card", (HOME,)), ("linked", (HOME,))]
    set_apart(desk, first, second)
    desk.notices().cards([wake([first], "m2")])
    assert len(desk.sent) == 2, "not before it is in the ILS"
    desk.store.settle(token_of(first))
    for message in ("m3", "m4"):
        desk.notices().cards([wake([first], message)])
        desk.notices().announce([wake([first, second], message)])
    assert desk.told[2:] == [("card", (HOME,))]
    assert number_of(first) in shown(desk.sent[2])
    assert number_of(second) not in shown(desk.sent[2])


def test_of_each_card_in_place_of_a_wrong_link_a_family_hears() -> None:
    (child,) = siblings(1)
    desk = linking(child)
    desk.issued(child)
    for now in ("4712", ""):
        set_apart(desk, child, now=now)
        desk.store.settle(token_of(child))
        for message in (f"{now}-1", f"{now}-2"):
            desk.notices().cards([wake([child], message)])
    assert desk.told == [("linked", (HOME,)), ("card", (HOME,))]


def test_an_e_mail_about_a_card_in_place_of_a_wrong_link_that_could_not_be_sent_is_sent_by_the_next_message() -> None:
    (child,) = siblings(1)
    desk = linking(child)
    desk.issued(child)
    set_apart(desk, child)
    desk.store.settle(token_of(child))
    desk.accepts = False
    assert desk.notices().cards([wake([child])]) == {"m1"}
    desk.accepts = True
    for message in ("m2", "m3"):
        assert desk.notices().cards([wake([child], message)]) == frozenset()
    assert desk.told == [("card", (HOME,))]


def test_a_card_that_the_ils_refused_does_not_keep_its_sisters_back() -> None:
    desk = Desk()
    desk.issued(*siblings())
    first, second = siblings()
    desk.store.settle(token_of(first), "failed")
    desk.store.settle(token_of(second))
    desk.notices().cards([wake([second])])
    (mail,) = desk.sent
    assert number_of(second) in shown(mail)
    assert number_of(first) not in shown(mail)


def test_a_waiting_brother_does_not_keep_a_card_back() -> None:
    desk = Desk()
    first, second = siblings()
    desk.issued(first)
    desk.run(first, second)
    desk.store.settle(token_of(first))
    desk.notices().cards([wake([first])])
    (mail,) = desk.sent
    assert number_of(second) not in shown(mail)


def test_a_member_of_staff_hears_of_the_own_card() -> None:
    desk = Desk()
    teacher = a_person(1, role=Role.STAFF, email="teacher@example.org")
    desk.run(teacher)
    desk.store.settle(token_of(teacher))
    desk.notices().cards([wake([teacher], household=TOKENS.household("teacher@example.org", staff=True))])
    assert desk.told == [("staff", ("teacher@example.org",))]


def test_a_claim_that_somebody_else_has_sends_nothing() -> None:
    desk = Desk()
    (child,) = siblings(1)
    desk.run(child)

    class Taken(MemoryStore):
        def claim(self, groups: Sequence[Sequence[NoticeMark]]) -> list[bool]:
            return [False for _ in groups]

    taken = Taken()
    taken.__dict__ |= desk.store.__dict__
    assert desk.notices(taken).announce([wake([child])]) == frozenset()
    assert desk.sent == []


def test_what_the_mail_service_puts_off_is_tried_again_by_the_same_message() -> None:
    desk = Desk(accepts=False)
    desk.run(*siblings())
    assert desk.notices().announce([wake(siblings())]) == {"m1"}
    desk.accepts = True
    assert desk.notices().announce([wake(siblings())]) == frozenset()
    assert len(desk.sent) == 1


@pytest.mark.parametrize("order", [("m1", "m2"), ("m2", "m1")])
def test_cards_put_off_are_sent_once_in_whatever_order_the_queue_brings_them_again(order: tuple[str, str]) -> None:
    desk = Desk(accepts=False)
    desk.issued(*siblings())
    for child in siblings():
        desk.store.settle(token_of(child))
    assert desk.notices().cards([wake(siblings()[:1], "m1"), wake(siblings()[1:], "m2")]) == {"m1", "m2"}
    desk.accepts = True
    assert desk.notices().cards([wake(siblings(), message) for message in order]) == frozenset()
    assert [kind for kind, _ in desk.told] == ["card"]


def test_a_crash_after_sending_sends_at_most_once_more() -> None:
    desk = Desk()
    (child,) = siblings(1)
    desk.run(child)

    def dies_when_marking(_: int) -> None:
        if desk.sent:
            raise CrashError

    desk.store.before_write = dies_when_marking
    with pytest.raises(CrashError):
        desk.notices().announce([wake([child])])
    desk.store.before_write = lambda n: None
    assert desk.notices().announce([wake([child], "m2")]) == frozenset()
    assert len(desk.sent) == 1, "another message must leave the claim alone"
    for _ in range(3):
        desk.notices().announce([wake([child])])
    assert len(desk.sent) == 2


def test_a_household_whose_data_cannot_be_opened_is_tried_again_and_the_others_are_told() -> None:
    desk = Desk()
    other = a_person(7, email="other@example.org")
    desk.run(*siblings(1), other)
    home = desk.store.families[HOUSEHOLD]
    desk.store.families[HOUSEHOLD] = type(home)(home.token, home.kind, home.children, home.announce, home.sealed, "gone", home.stamp)
    again = desk.notices().announce([wake(siblings(1)), wake([other], "m2", TOKENS.household("other@example.org"))])
    assert again == {"m1"}
    assert desk.told == [("announcement", ("other@example.org",))]


def test_of_e_mails_sent_together_the_one_that_was_not_taken_is_tried_again_alone() -> None:
    desk = Desk()
    children = [a_person(n, email=f"family{n}@example.org") for n in range(SENT_AT_ONCE + 2)]
    desk.run(*children)
    wakes = [wake([child], f"m{child.local_id}", TOKENS.household(child.email)) for child in children]
    unlucky = children[SENT_AT_ONCE - 1]
    calls: list[list[Outgoing]] = []

    def takes_all_but_one(mails: Sequence[Outgoing]) -> list[bool]:
        calls.append(list(mails))
        return [mail.to != (unlucky.email,) for mail in mails]

    notices = desk.notices()
    notices.send = takes_all_but_one
    assert notices.announce(wakes) == {f"m{unlucky.local_id}"}
    assert list(map(len, calls)) == [SENT_AT_ONCE, 2]
    notices.announce(wakes)
    assert [mail.to for mail in calls[2]] == [(unlucky.email,)]
    assert len(calls) == 3


def test_an_e_mail_ready_to_be_sent_shows_nothing_of_itself() -> None:
    desk = Desk()
    desk.run(*siblings(1))
    desk.notices().announce([wake(siblings(1))])
    assert repr(desk.sent[0]) == "Outgoing(announcement)"


# -- the page that shows PINs ----------------------------------------------------------------------------------------------------------------

WITH_PAGE = an_agreement(**PIN_PAGE)


def told_of_cards(agreement: Agreement = WITH_PAGE) -> Desk:
    desk = Desk(Plans(agreement=agreement))
    desk.issued(*siblings())
    for person in siblings():
        desk.store.settle(token_of(person))
    desk.notices().cards([wake(siblings())])
    return desk


def renewed(desk: Desk, person: Person, seed: int = 1, *, in_ils: bool = True) -> None:
    later = NOW + timedelta(days=1)
    renewer = Renewer(desk.store, desk.plans.agreement, desk.plans.keys.wrap, Random(seed).randbytes, Random(seed).randrange)
    assert renewer.renew(token_of(person), at=later, allowed=True) is Renewal.RENEWED
    if in_ils:
        desk.store.settle(token_of(person))


def test_the_cards_e_mail_leads_to_the_page_for_the_pin_and_never_holds_one() -> None:
    desk = told_of_cards()
    [mail] = desk.sent
    assert f"https://no.example.org/pin/{HOUSEHOLD}" in mail.message.text
    for person in siblings():
        assert desk.store.opened(desk.plans.opener(), token_of(person), Group.PIN)["pin"] not in mail.message.text + mail.message.html


def test_without_the_clause_or_for_a_card_from_before_it_there_is_no_such_link() -> None:
    assert "/pin/" not in told_of_cards(an_agreement()).sent[0].message.text
    desk = Desk()
    desk.issued(*siblings())
    for person in siblings():
        desk.store.settle(token_of(person))
    desk.plans.agreement = WITH_PAGE
    desk.notices().cards([wake(siblings())])
    assert "/pin/" not in desk.sent[0].message.text


def test_a_renewed_pin_is_told_once_when_the_ils_has_it() -> None:
    desk = told_of_cards()
    ada, ida = siblings()
    renewed(desk, ada, in_ils=False)
    desk.notices().cards([wake([ada], "m2")])
    assert [kind for kind, _ in desk.told] == ["card"]
    desk.store.settle(token_of(ada))
    for message in ("m3", "m4"):
        assert desk.notices().cards([wake([ada], message)]) == frozenset()
    assert [kind for kind, _ in desk.told] == ["card", "pin"]
    said = desk.sent[1].message.text
    assert f"https://no.example.org/pin/{HOUSEHOLD}" in said
    assert f"https://no.example.org/no/{HOUSEHOLD}" in said
    assert "Ada" in said
    assert "Ida" not in said
    assert number_of(ada) not in shown(desk.sent[1])
    assert {kind for _, kind, token in desk.store.notices if token == token_of(ida)} == {"card"}


def test_a_renewed_pin_is_told_also_where_the_card_was_issued_by_a_clock_ahead_of_the_mail() -> None:
    desk = Desk(Plans(agreement=WITH_PAGE))
    desk.issued(*siblings())
    for person in siblings():
        token = token_of(person)
        desk.store.patrons[token] = replace(desk.store.patrons[token], issued_at=(NOW + timedelta(days=15)).isoformat())
        desk.store.settle(token)
    desk.notices().cards([wake(siblings())])
    renewed(desk, siblings()[0])
    desk.notices().cards([wake([siblings()[0]], "m2")])
    assert [kind for kind, _ in desk.told] == ["card", "pin"]


def test_of_a_card_that_is_issued_anew_the_family_is_told_anew() -> None:
    desk = told_of_cards()
    ada, _ = siblings()
    token = token_of(ada)
    [mark] = [mark for (_, kind, of), mark in desk.store.notices.items() if (kind, of) == ("card", token)]
    assert mark.issued_at == desk.store.patrons[token].issued_at != ""
    desk.store.patrons[token] = replace(desk.store.patrons[token], issued_at=(NOW + timedelta(days=90)).isoformat())
    assert token not in {of for _, of in desk.notices().look([], [wake([ada], "m2")]).view.notices}


def test_a_pin_that_was_made_for_paper_is_told_in_no_e_mail() -> None:
    desk = told_of_cards()
    ada, _ = siblings()
    renewer = Renewer(desk.store, desk.plans.agreement, desk.plans.keys.wrap, Random(1).randbytes, Random(1).randrange)
    assert renewer.renew_for_paper(token_of(ada), at=NOW + timedelta(days=1)) is Renewal.RENEWED
    desk.store.settle(token_of(ada))
    assert desk.notices().cards([wake([ada], "m2")]) == frozenset()
    assert [kind for kind, _ in desk.told] == ["card"]


def test_each_new_pin_is_told_of() -> None:
    desk = told_of_cards()
    ada, _ = siblings()
    for seed in (1, 2):
        renewed(desk, ada, seed)
        desk.notices().cards([wake([ada], f"m{seed + 1}")])
    assert [kind for kind, _ in desk.told] == ["card", "pin", "pin"]


def test_what_could_not_be_sent_of_a_new_pin_is_sent_by_the_next_try() -> None:
    desk = told_of_cards()
    ada, _ = siblings()
    renewed(desk, ada)
    desk.accepts = False
    assert desk.notices().cards([wake([ada], "m2")]) == {"m2"}
    desk.accepts = True
    assert desk.notices().cards([wake([ada], "m2")]) == frozenset()
    assert [kind for kind, _ in desk.told] == ["card", "pin"]


def test_whoever_has_not_had_the_cards_e_mail_yet_gets_that_alone() -> None:
    desk = Desk(Plans(agreement=WITH_PAGE))
    desk.issued(*siblings())
    for person in siblings():
        desk.store.settle(token_of(person))
    ada, _ = siblings()
    renewed(desk, ada)
    late = replace(desk.notices(), now=lambda: (NOW + timedelta(days=2)).isoformat())
    late.cards([wake(siblings(), "m1")])
    late.cards([wake(siblings(), "m2")])
    assert [kind for kind, _ in desk.told] == ["card"]


def test_a_new_pin_of_a_child_that_was_refused_is_told_to_nobody() -> None:
    desk = told_of_cards()
    ada, _ = siblings()
    renewed(desk, ada)
    desk.store.refused[token_of(ada)] = "family"
    desk.notices().cards([wake([ada], "m2")])
    assert [kind for kind, _ in desk.told] == ["card"]
