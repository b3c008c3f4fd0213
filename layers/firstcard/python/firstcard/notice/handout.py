"""What stands on paper that a school hands out: cards, lists of a class, letters home; words only, which others draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firstcard.notice.language import FALLBACK, Language, choose, languages

if TYPE_CHECKING:
    from firstcard.agreement import Agreement, Library


@dataclass(frozen=True, slots=True)
class Paper:
    """What stands on every paper of one agreement; ``barcode`` is how the library's scanners read numbers (``symbology``, ``start``, ``stop``), None where nothing is scanned."""

    library: str
    district: str
    colour: str
    how_to_url: str
    phone: str
    email: str
    contact: str
    languages: tuple[str, ...]
    barcode: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class HandedCard:
    """One student's card: the names for paper, the name for a family's letter (empty if the agreement says none), number, PIN (empty if none is printed), and where it is handed out."""

    first: str
    last: str
    at_home: str
    number: str
    pin: str
    language: str
    kind: str
    grade: str
    school_id: str
    school_name: str
    homeroom: str

    def __repr__(self) -> str:
        """Nothing of it: a repr ends up in logs."""
        return "HandedCard()"

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}".strip()

    @property
    def place(self) -> tuple[str, str]:
        """School and homeroom: what is handed out together."""
        return (self.school_name or self.school_id, self.homeroom)


@dataclass(frozen=True, slots=True)
class CardWords:
    """The words of one card."""

    number: str
    pin: str
    how: str
    help: str


@dataclass(frozen=True, slots=True)
class LetterWords:
    """The words of one letter: to whom, its title, the paragraphs before and after number and PIN, how a family asks, and what stands at the foot."""

    to: str
    title: str
    before: tuple[str, ...]
    number: str
    pin: str
    after: tuple[str, ...]
    contact: str
    footer: str

    def __repr__(self) -> str:
        """Nothing of it: it holds a name."""
        return "LetterWords()"


def paper_of(agreement: Agreement, library: Library) -> Paper:
    """What stands on every paper under an agreement."""
    look = library.look
    return Paper(
        library=library.name,
        district=agreement.parties.lea.name,
        colour=look.colour,
        how_to_url=look.how_to_url,
        phone=look.support_phone,
        email=look.support_email,
        contact=agreement.notices.contact.name,
        languages=tuple(agreement.notices.languages),
        barcode=library.barcode.model_dump(mode="json") if library.barcode else None,
    )


def card_words(card: HandedCard, paper: Paper) -> CardWords:
    """A card's words, in the family's language."""
    written, _ = choose(card.language, paper.languages)
    return CardWords(
        number=written.say("handout.card.number"),
        pin=written.say("handout.card.pin"),
        how=written.say("handout.card.how", url=shortened(paper.how_to_url)),
        help=written.say("handout.card.help", phone=paper.phone),
    )


def letter_words(card: HandedCard, paper: Paper) -> LetterWords:
    """A letter's words, in the family's language."""
    written, _ = choose(card.language, paper.languages)
    parties = {"library": paper.library, "district": paper.district}
    about_pin = (
        (written.say("handout.letter.private"), written.say("handout.letter.once"), written.say("handout.letter.lost"))
        if card.pin
        else (written.say("handout.letter.no_pin"),)
    )
    return LetterWords(
        to=written.say("handout.letter.to_named", name=card.at_home) if card.at_home else written.say("handout.letter.to"),
        title=written.say("handout.letter.title"),
        before=(written.say("handout.letter.intro", **parties), f"{written.say(f'kind.{card.kind}')} {written.say('kind.free')}"),
        number=written.say("handout.card.number"),
        pin=written.say("handout.card.pin"),
        after=(
            written.say("handout.letter.how", url=paper.how_to_url),
            *about_pin,
            written.say("facts.reading"),
            written.say("handout.letter.no"),
            written.say("refuse.adult"),
        ),
        contact=written.say("contact.intro"),
        footer=written.say("handout.letter.footer", **parties),
    )


def for_staff() -> Language:
    """The language of what a teacher reads."""
    return languages()[FALLBACK]


def place_name(place: tuple[str, str]) -> str:
    """School and homeroom as a teacher reads them."""
    school, homeroom = place
    return for_staff().say("handout.sheet.homeroom", school=school, homeroom=homeroom) if homeroom else school


def sheet_words(place: tuple[str, str], *, sheet: int, sheets: int) -> str:
    """What stands over a sheet of cards, outside what is cut out."""
    return for_staff().say("handout.sheet.place", place=place_name(place), sheet=sheet, sheets=sheets)


def page_words(page: int, pages: int) -> str:
    """The number of a list's page."""
    return for_staff().say("handout.list.page", page=page, pages=pages)


def list_words(paper: Paper, *, date: str) -> Mapping[str, str]:
    """The words of a class list by their names; ``date`` as it is to stand there."""
    written = for_staff()
    return {
        "title": written.say("handout.list.title"),
        "name": written.say("handout.list.name"),
        "grade": written.say("handout.list.grade"),
        "number": written.say("handout.list.number"),
        "given": written.say("handout.list.given"),
        "advice": written.say("handout.list.advice"),
        "restricted": written.say("handout.list.restricted"),
        "printed": written.say("handout.list.printed", date=date, district=paper.district, library=paper.library),
    }


def shortened(url: str) -> str:
    """An address as people type it."""
    return url.removeprefix("https://").removeprefix("http://").rstrip("/")
