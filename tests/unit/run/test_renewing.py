"""Claims about another PIN: who gets one and who not, and that nothing of it is opened."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.issue import CrowdedError
from firstcard.card.patron import Ownership, State
from firstcard.card.pin import is_trivial
from firstcard.notice import PinPageState
from firstcard.run.renewing import Renewal, Renewer
from tests.unit.agreement.builders import an_agreement
from tests.unit.card.builders import NOW, token_of
from tests.unit.run.test_revealing import ADA, AT, BY_DATE, RIGHT, Page

TOKEN = token_of(ADA)
LATER = NOW + timedelta(days=1)


def renew(page: Page, *, agreement: Agreement | None = None, at: datetime = LATER, allowed: bool = True, seed: int = 7) -> Renewal:
    random = Random(seed)
    renewer = Renewer(page.store, agreement or page.agreement, page.plans.keys.wrap, random.randbytes, random.randrange)
    return renewer.renew(TOKEN, at=at, allowed=allowed)


def test_a_new_pin_is_another_one_that_is_not_trivial_and_nothing_was_opened_for_it() -> None:
    page = Page(people=(ADA,))
    old = page.pin()
    page.plans.keys.story.clear()
    assert renew(page) is Renewal.RENEWED
    assert page.plans.keys.story == []
    new = page.pin()
    assert new != old
    assert (len(new), new.isdecimal(), is_trivial(new)) == (6, True, False)


def test_everything_else_of_the_patron_stays_and_its_version_goes_up_by_one() -> None:
    page = Page(people=(ADA,))
    before = page.store.patrons[TOKEN]
    renew(page)
    after = page.store.patrons[TOKEN]
    kept = {"version": before.version, "at": before.at, "sealed": before.sealed, "envelopes": before.envelopes}
    assert after.version == before.version + 1
    assert replace(after, **kept) == before  # type: ignore[arg-type]
    assert {g for g in after.sealed if after.sealed[g] != before.sealed[g]} == {Group.PIN}
    assert {g for g in after.envelopes if after.envelopes[g] != before.envelopes[g]} == {Group.PIN}
    assert after.pin_renewed
    assert not before.pin_renewed


def test_the_new_pin_is_sealed_for_the_ils_and_for_the_page_and_for_nothing_else() -> None:
    page = Page(people=(ADA,))
    renew(page)
    envelope = page.store.wrapped[page.store.patrons[TOKEN].envelopes[Group.PIN]]
    assert {group: set(keys) for group, keys in envelope.keys.items()} == {Group.PIN: {Purpose.SYNC_ILS, Purpose.SHOW_PIN}}
    assert envelope.at == LATER.isoformat()


def test_it_is_shown_once_more_by_a_newer_link_when_the_ils_has_it() -> None:
    page = Page(people=(ADA,))
    page.ask()
    renew(page)
    assert page.ask(at=LATER, made=LATER).state is PinPageState.NOTHING
    page.store.settle(TOKEN)
    assert page.ask(at=LATER, made=AT).state is PinPageState.NOTHING
    [one] = page.ask(at=LATER, made=LATER).shown
    assert one.pin == page.pin()
    assert page.ask(at=LATER + timedelta(hours=1), made=LATER).state is PinPageState.USED


@pytest.mark.parametrize("state", [State.WAITING, State.EXPIRED, State.REFUSED])
def test_a_card_that_does_not_work_gets_no_new_pin(state: State) -> None:
    page = Page(people=(ADA,))
    page.change(state=state)
    before = page.store.everything()
    assert renew(page) is Renewal.NO_CARD
    assert page.store.everything() == before


def test_who_is_not_there_or_was_refused_gets_none() -> None:
    assert renew(Page(people=())) is Renewal.NO_CARD
    page = Page(people=(ADA,))
    page.store.refused[TOKEN] = "family"
    assert renew(page) is Renewal.NO_CARD


def test_a_familys_own_card_gets_none() -> None:
    page = Page(people=(ADA,))
    page.change(ownership=Ownership.LINKED)
    assert renew(page) is Renewal.OWN_CARD


def test_a_card_that_is_not_in_the_ils_gets_none() -> None:
    page = Page(people=(ADA,))
    page.store.settle(TOKEN, "failed")
    assert renew(page) is Renewal.NOT_IN_ILS
    del page.store.ils[TOKEN]
    assert renew(page) is Renewal.NOT_IN_ILS


def test_a_family_that_cannot_be_sent_a_link_gets_none() -> None:
    page = Page(people=(ADA,))
    page.change(household="")
    assert renew(page) is Renewal.NO_ADDRESS


def test_without_a_page_nobody_could_see_it_so_there_is_none() -> None:
    page = Page(people=(ADA,))
    assert renew(page, agreement=an_agreement()) is Renewal.NO_PAGE


def test_a_card_from_before_the_page_gets_none_for_it_could_not_be_shown() -> None:
    page = Page(people=(ADA,), agreement=an_agreement())
    assert renew(page, agreement=BY_DATE) is Renewal.BEFORE_THE_PAGE
    page = Page(people=(replace(ADA, birth_date=None),))
    assert renew(page) is Renewal.BEFORE_THE_PAGE


def test_an_agreement_that_is_suspended_or_over_gives_none() -> None:
    page = Page(people=(ADA,))
    assert renew(page, allowed=False) is Renewal.NOT_IN_FORCE
    assert renew(page, at=datetime(2027, 8, 1, tzinfo=UTC)) is Renewal.NOT_IN_FORCE


def test_a_patron_that_changes_meanwhile_is_read_again_and_keeps_what_changed() -> None:
    page = Page(people=(ADA,))
    first = page.store.writes

    def meanwhile(n: int) -> None:
        if n == first + 2:  # before the patron is written
            page.change(fingerprint="other", version=page.store.patrons[TOKEN].version + 1)

    page.store.before_write = meanwhile
    assert renew(page) is Renewal.RENEWED
    assert page.store.patrons[TOKEN].fingerprint == "other"
    assert len([name for name in page.store.wrapped if name.startswith("pin-")]) == 1


def test_a_no_meanwhile_wins() -> None:
    page = Page(people=(ADA,))
    first = page.store.writes

    def meanwhile(n: int) -> None:
        if n == first + 2:
            page.store.refuse([TOKEN])

    page.store.before_write = meanwhile
    assert renew(page) is Renewal.NO_CARD
    assert page.store.patrons[TOKEN].sealed == {}


def test_one_that_never_holds_still_is_given_up() -> None:
    page = Page(people=(ADA,))
    page.store.before_write = lambda n: page.change(version=page.store.patrons[TOKEN].version + 1)
    with pytest.raises(CrowdedError):
        renew(page)


def test_the_page_shows_the_first_pin_until_there_is_another() -> None:
    page = Page(people=(ADA,))
    assert [one.pin for one in page.ask(RIGHT).shown] == [page.pin()]
