"""What stands on the papers: everybody once, in the right language, nobody's PIN on a list, and names of any length."""

from collections.abc import Sequence

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.handout.pages import cards_pdf, class_lists_pdf, letters_pdf, with_missing_signs, without_barcode
from cli.typeface import MISSING, printable
from firstcard.notice.handout import HandedCard, letter_words
from tests.unit.cli.papers import a_card, a_paper

LONG = a_card(first="Maria de los Ángeles Guadalupe", last="Fernández-Villanueva y Rodríguez de la Torre Santa María")
VIETNAMESE = a_card(first="Nguyễn Thị Phương Thảo", last="Đặng")


def pages(pdf: bytes) -> list[str]:
    return [page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in pypdfium2.PdfDocument(pdf)]


def a_class(count: int, **changes: str) -> list[HandedCard]:
    return [a_card(first=f"Ada{n}", number=f"9040001{n:05d}", pin=f"77{n:04d}", **changes) for n in range(count)]


@pytest.mark.parametrize(("count", "sheets"), [(1, 1), (8, 1), (9, 2), (24, 3)])
def test_eight_cards_to_a_sheet_each_with_its_number_and_pin(count: int, sheets: int) -> None:
    told = pages(cards_pdf(a_class(count), a_paper("codabar")))
    assert len(told) == sheets
    assert all(sum(card.number in page and card.pin in page for page in told) == 1 for card in a_class(count))
    assert f"First School, homeroom Room 4: sheet 1 of {sheets}" in told[0]


def test_each_homeroom_has_sheets_and_a_list_of_its_own() -> None:
    both = [*a_class(2, homeroom="Room 5"), *a_class(3, homeroom="Room 4")]
    assert ["Room 4" in page for page in pages(cards_pdf(both, a_paper()))] == [True, False]
    assert ["Room 4" in page for page in pages(class_lists_pdf(both, a_paper(), date="May 1, 2027", restricted=False))] == [True, False]


@pytest.mark.parametrize("count", [1, 26, 27, 56, 57])
@pytest.mark.parametrize("restricted", [True, False])
def test_a_list_has_everybody_once_and_no_pin(count: int, restricted: bool) -> None:
    told = pages(class_lists_pdf(a_class(count), a_paper(), date="May 1, 2027", restricted=restricted))
    assert all(sum(card.number in page for page in told) == 1 for card in a_class(count))
    assert not any(card.pin in page for card in a_class(count) for page in told)
    assert [f"Page {n} of {len(told)}" in page for n, page in enumerate(told, 1)] == [True] * len(told)
    assert ("contacted: keep it to yourself" in told[0]) is restricted


def test_a_list_is_in_the_order_of_names_whatever_their_accents() -> None:
    cards = [a_card(last=last, number=last) for last in ("Zoe", "Đặng", "Dang", "Ángel", "łukasz", "Lund")]
    [page] = pages(class_lists_pdf(cards, a_paper(), date="May 1, 2027", restricted=False))
    found = sorted((page.index(f"{c.last}, Ada"), c.last) for c in cards)
    assert [last for _, last in found] == ["Ángel", "Dang", "Đặng", "łukasz", "Lund", "Zoe"]


@pytest.mark.parametrize(
    ("language", "said"), [("en", "A library card for your child"), ("es", "Una tarjeta de la biblioteca"), ("vi", "A library card")]
)
def test_a_letter_is_in_the_familys_language_one_to_a_page(language: str, said: str) -> None:
    told = pages(letters_pdf(a_class(3, language=language), a_paper("code39")))
    assert len(told) == 3
    assert all(said in page for page in told)


def test_a_letter_without_a_pin_promises_none_and_one_for_no_name_has_none() -> None:
    [page] = pages(letters_pdf([a_card(pin="", at_home="")], a_paper()))
    assert "does not show the PIN" in page
    assert "Ada" not in page
    words = letter_words(a_card(), a_paper())
    assert "Ada" not in repr(words) + repr(a_card())


def test_long_and_vietnamese_names_are_whole_on_a_card() -> None:
    [page] = pages(cards_pdf([LONG, VIETNAMESE], a_paper("codabar")))
    for part in (LONG.first, LONG.last, VIETNAMESE.name):
        assert part in page


def test_a_sign_that_the_fonts_lack_is_a_square_and_counted() -> None:
    assert printable("Ada 王") == f"Ada {MISSING}"
    assert with_missing_signs([a_card(), VIETNAMESE, a_card(first="王")]) == 1


def test_a_number_that_no_barcode_holds_is_printed_without_and_counted() -> None:
    cards = [a_card(number="abc123"), a_card()]
    assert "abc123" in pages(cards_pdf(cards, a_paper("code39")))[0]
    assert without_barcode(cards, a_paper("code39")) == 1
    assert without_barcode(cards, a_paper()) == 0


def test_equal_papers_are_equal_bytes() -> None:
    assert cards_pdf(a_class(3), a_paper("codabar")) == cards_pdf(a_class(3)[::-1], a_paper("codabar"))


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.builds(a_card, first=NAMES, last=NAMES, at_home=NAMES), min_size=1, max_size=3))
def test_any_name_can_be_printed(cards: Sequence[HandedCard]) -> None:
    for pdf in (
        cards_pdf(cards, a_paper("codabar")),
        class_lists_pdf(cards, a_paper(), date="May 1", restricted=True),
        letters_pdf(cards, a_paper()),
    ):
        assert pdf.startswith(b"%PDF")
