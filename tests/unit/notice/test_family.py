import re
from typing import Any

import pytest

from firstcard.agreement import Agreement
from firstcard.notice import ChildCard, Kind, Message, announcement, card_notice, languages, linked_notice, staff_notice
from tests.unit.agreement.builders import WAITING

from .builders import REFUSE_URL, a_library, an_agreement, seen, told

NUMBERS = ("90400000123456", "90400000123457")
HOSTILE = (
    '<script>alert("x")</script>',
    'Ana" onmouseover="x',
    "Ana' OR '1'='1",
    "Ana\u202egnp.exe",
    "Ana\r\nBcc: everybody@example.org",
    "Ana\x00\x1b[31m",
    "{{ library }} {district} {0.__class__}",
    "<img src=https://evil.example/p.gif>",
    "https://evil.example/card",
    "www.evil.example",
    "A" * 5000,
)


def an_announcement(language: str = "en", agreement: Agreement | None = None, **changes: Any) -> Message:
    given = {"children": ["Ana"], "window_days": 10, "refuse_url": REFUSE_URL, **changes}
    return announcement(language, agreement=agreement or an_agreement(), library=a_library(), **given)


def a_card_notice(language: str = "en", agreement: Agreement | None = None, **changes: Any) -> Message:
    cards = [ChildCard("Ana", NUMBERS[0]), ChildCard("Luis", NUMBERS[1])]
    return card_notice(
        language, agreement=agreement or an_agreement(), library=a_library(), **{"cards": cards, "refuse_url": REFUSE_URL, **changes}
    )


def a_linked_notice(language: str = "en", agreement: Agreement | None = None, **changes: Any) -> Message:
    given = {"children": ["Ana"], "refuse_url": REFUSE_URL, **changes}
    return linked_notice(language, agreement=agreement or an_agreement(), library=a_library(), **given)


def every_notice(language: str) -> list[Message]:
    return [
        an_announcement(language),
        an_announcement(language, children=3, window_days=0),
        a_card_notice(language),
        a_card_notice(language, an_agreement(name_on__family_notice="none", card__kind="full"), no_late_fines=True),
        a_linked_notice(language),
        a_linked_notice(language, children=3),
        staff_notice(language, agreement=an_agreement(), library=a_library(), number=NUMBERS[0]),
    ]


@pytest.mark.parametrize("language", sorted(languages()))
def test_both_parts_say_the_same_in_the_same_order(language: str) -> None:
    for message in every_notice(language):
        assert told(message.text).replace(f": {REFUSE_URL}", "") == seen(message.html)


@pytest.mark.parametrize("language", sorted(languages()))
def test_the_text_part_has_no_line_longer_than_72_characters_but_addresses(language: str) -> None:
    for message in every_notice(language):
        assert all(len(line) <= 72 or "https://" in line for line in message.text.splitlines())
        assert all(line == line.rstrip() for line in message.text.splitlines())
        assert "\n\n\n" not in message.text


@pytest.mark.parametrize("language", sorted(languages()))
def test_a_subject_has_neither_name_nor_number(language: str) -> None:
    for message in every_notice(language):
        assert not re.search(r"\d|Ana|Luis|Duval|Jacksonville", message.subject)
        assert "\n" not in message.subject


@pytest.mark.parametrize("language", sorted(languages()))
def test_a_message_is_in_the_familys_language_and_says_so(language: str) -> None:
    for message in every_notice(language):
        assert message.language == language
        assert f'<html lang="{language}" dir="ltr">' in message.html
        assert languages()[language].say("contact.heading") in message.text


@pytest.mark.parametrize("language", sorted(languages()))
def test_a_message_asks_for_nothing_from_elsewhere(language: str) -> None:
    for message in every_notice(language):
        assert not re.search(r"<(?:script|img|link|iframe|object|video|svg|form|input)\b|@import|url\(|\son\w+=", message.html)


def test_a_family_learns_which_child_from_whom_under_what_and_whom_to_call() -> None:
    message = an_announcement()
    for fact in (
        "Ana",
        "Duval County Schools",
        "Jacksonville Public Library",
        "Library cards for students 2026",
        "Rosa Marten",
        "+1 904 555 0111",
        "+1 904 555 0100",
        "https://jaxpl.example.org",
        "34 CFR 99.5",
        "Opening the page changes nothing",
        "None of it goes to the school",
    ):
        assert fact in told(message.text)
        assert fact in seen(message.html)
    assert f'href="{REFUSE_URL}"' in message.html
    assert REFUSE_URL in message.text.splitlines()


def test_the_facts_are_those_that_the_agreement_lists_and_no_others() -> None:
    text = an_announcement().text
    assert "- date of birth" in text
    assert "- name of a parent or guardian (only for some students)" in text
    assert "home address" not in text
    assert "work e-mail" not in text
    fewer = an_agreement(fields={"student_id": an_agreement().fields["student_id"].model_dump(mode="json")})
    assert "date of birth" not in an_announcement(agreement=fewer).text


def test_a_zip_code_is_told_apart_from_a_home_address() -> None:
    field = an_agreement().fields["student_id"].model_dump(mode="json")
    only_zip = an_announcement(agreement=an_agreement(fields={"postal_code": field})).text
    assert "- ZIP code" in only_zip
    assert "home address" not in only_zip
    whole = an_announcement(agreement=an_agreement(fields={"postal_code": field, "street": field, "city": field})).text
    assert "- home address" in whole
    assert "ZIP code" not in whole


def test_prohibited_uses_are_those_of_the_agreement() -> None:
    assert "training computer models" not in an_announcement().text
    assert "training computer models" in an_announcement(agreement=an_agreement(prohibited_uses=["model_training"])).text


@pytest.mark.parametrize(("days", "said"), [(10, "Say no within 10 days"), (1, "Say no within 1 day after")])
def test_the_window_is_told_in_days(days: int, said: str) -> None:
    assert said in told(an_announcement(window_days=days).text)


def test_without_a_window_the_card_comes_now_and_no_deadline_is_named() -> None:
    text = told(an_announcement(window_days=0).text)
    assert "It is made now" in text
    assert "Say no within" not in text
    assert "You can say no at any time" in text
    assert "turned off within 24 hours" in text


def test_under_directory_information_the_family_is_told_that_it_was_asked_before() -> None:
    notice = {
        "published_on": "2026-07-01",
        "opt_out_by": "2026-08-01",
        "names_recipient": True,
        "names_purpose": True,
        "url": "https://d.example.org",
    }
    directory = {**an_agreement().basis.model_dump(mode="json"), "ferpa": "directory_information_limited", "notice": notice}
    assert "left out the children whose families said no" in told(
        an_announcement(agreement=an_agreement(basis=directory), window_days=0).text
    )
    assert "left out the children" not in told(an_announcement().text)


def test_under_opt_in_the_family_is_asked_for_a_yes_and_told_that_silence_is_none() -> None:
    choice = {**an_agreement().basis.choice.model_dump(mode="json"), "mode": "opt_in"}
    asking = an_agreement(basis__choice=choice)
    text = told(an_announcement(agreement=asking, window_days=0, yes_url="https://cards.example.org/yes/abc").text)
    assert "https://cards.example.org/yes/abc" in text
    assert "As long as nobody says yes, no card is made." in text
    assert "you do not have to do anything" not in text
    with pytest.raises(ValueError, match="yes_url"):
        an_announcement(agreement=asking, window_days=0)


def test_no_name_is_shown_where_the_clause_says_none() -> None:
    nameless = an_agreement(name_on__family_notice="none")
    for message in (
        an_announcement(agreement=nameless, children=["Ximena", "Thorvald"]),
        a_card_notice(agreement=nameless, cards=[ChildCard("Ximena", NUMBERS[0]), ChildCard("Thorvald", NUMBERS[1])]),
    ):
        for part in (message.subject, message.html, message.text):
            assert "Ximena" not in part
            assert "Thorvald" not in part
    assert "your 2 children" in told(an_announcement(agreement=nameless, children=["Ximena", "Thorvald"]).text)
    assert "your child" in told(an_announcement(agreement=nameless, children=["Ximena"]).text)


def test_nameless_cards_say_how_to_tell_them_apart() -> None:
    by_id = a_card_notice(agreement=an_agreement(name_on__family_notice="none"))
    assert "ends with your child's student ID" in told(by_id.text)
    barcode = {"scheme": "library_barcode", "length": 14}
    by_asking = a_card_notice(agreement=an_agreement(name_on__family_notice="none", card__number=barcode))
    assert "call the library" in told(by_asking.text)


def test_names_are_shown_for_all_children_or_for_none() -> None:
    message = an_announcement(children=["Ximena", ""])
    assert "Ximena" not in message.text
    assert "your 2 children" in told(message.text)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_name(name: str) -> None:
    for message in (an_announcement(children=[name]), a_card_notice(cards=[ChildCard(name, NUMBERS[0])])):
        for part in (message.html, message.text):
            assert "\u202e" not in part
            assert "\x00" not in part
            assert "\x1b" not in part
            assert "evil.example" not in part
            assert "everybody@" not in part
            assert "A" * 100 not in part
        assert not re.search(r"<(?:script|img)\b|<[^>]*onmouseover", message.html)
        assert message.html.count("<html") == 1


def test_quotes_and_angles_in_a_name_are_escaped_in_html_and_plain_in_text() -> None:
    message = an_announcement(children=['Ana "la" <b>O\'Neil</b>'.replace("</b>", "")])
    assert "Ana &#34;la&#34; &lt;b&gt;O&#39;Neil" in message.html
    assert '- Ana "la" <b>O\'Neil' in message.text


@pytest.mark.parametrize("name", ["José Ñandú", "Nguyễn Thị Bình", "علی‌رضا", "क्‍ष", "O'Brien-Smith Jr.", "李小龍"])
def test_a_name_of_any_script_is_shown_as_it_is(name: str) -> None:
    assert name in an_announcement(children=[name]).text
    assert name in seen(an_announcement(children=[name]).html)


def test_a_card_number_is_whole_to_copy_and_grouped_to_read() -> None:
    message = a_card_notice()
    for number in NUMBERS:
        assert number in seen(message.html)
        assert f"    {number}" in message.text.splitlines()
    assert ">9040</span>" in message.html
    assert "Card number of Ana" in message.text


def test_late_fines_are_only_waived_where_the_agreement_does() -> None:
    assert "no late fines" not in a_card_notice().text
    waived = told(a_card_notice(no_late_fines=True).text)
    assert "no late fines" in waived
    assert "lost or damaged" in waived
    assert "fines" not in told(a_card_notice(agreement=an_agreement(card__kind="e_resources"), no_late_fines=True).text)


def test_a_card_for_e_resources_is_not_shown_at_the_desk() -> None:
    text = told(a_card_notice(agreement=an_agreement(card__kind="e_resources")).text)
    assert "At the library: tell the desk" not in text
    assert "not for borrowing printed books" in text


def test_a_card_notice_holds_no_pin_and_says_where_to_get_one() -> None:
    text = told(a_card_notice().text)
    assert "this e-mail has no PIN" in text


@pytest.mark.parametrize("wish", ["vi", "so", "xx-YY"])
def test_a_family_of_another_language_gets_english_with_a_line_in_each_agreed_language(wish: str) -> None:
    for message in (
        an_announcement(wish),
        a_card_notice(wish),
        staff_notice(wish, agreement=an_agreement(), library=a_library(), number=NUMBERS[0]),
    ):
        assert message.language == "en"
        for part in (told(message.text), seen(message.html)):
            assert "We do not have this message in your language yet" in part
            assert "Todavía no tenemos este mensaje en su idioma" in part
    assert "your language yet" not in an_announcement("es").text


def test_staff_learn_their_number_and_how_to_do_without_it() -> None:
    message = staff_notice("en", agreement=an_agreement(), library=a_library(), number="21234000000017")
    text = told(message.text)
    assert message.kind is Kind.STAFF
    assert "21234000000017" in text
    assert "your employee number" in text
    assert "grade level" not in text
    assert "turned off" in text
    assert "Rosa Marten" in text


def test_each_message_says_its_kind_in_a_mark_that_no_reader_sees() -> None:
    assert [message.kind for message in every_notice("en")] == [
        Kind.ANNOUNCEMENT, Kind.ANNOUNCEMENT, Kind.CARD, Kind.CARD, Kind.LINKED, Kind.LINKED, Kind.STAFF,
    ]  # fmt: skip
    assert '<meta name="firstcard-kind" content="card">' in a_card_notice().html


def test_nothing_personal_is_in_a_repr() -> None:
    assert "Ana" not in repr(a_card_notice())
    assert "Ana" not in repr(ChildCard("Ana", NUMBERS[0]))
    assert NUMBERS[0] not in repr([ChildCard("Ana", NUMBERS[0])])


@pytest.mark.parametrize("wrong", [{"children": []}, {"children": 0}, {"window_days": -1}, {"refuse_url": "javascript:alert(1)"}])
def test_an_announcement_that_makes_no_sense_is_not_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at least one child|not the address"):
        an_announcement(**wrong)


def test_a_card_notice_without_a_card_is_not_written() -> None:
    with pytest.raises(ValueError, match="at least one card"):
        a_card_notice(cards=[])


@pytest.mark.parametrize(
    ("colour", "ink"), [("#005a9c", "#ffffff"), ("#f2c230", "#000000"), ("#000000", "#ffffff"), ("#ffffff", "#000000")]
)
def test_the_title_can_be_read_on_any_library_colour(colour: str, ink: str) -> None:
    message = announcement(
        "en", agreement=an_agreement(), library=a_library(colour=colour), children=1, window_days=0, refuse_url=REFUSE_URL
    )
    assert f"background-color:{colour};color:{ink};" in message.html


def test_english_notices_use_short_sentences_and_plain_words() -> None:
    """Flesch-Kincaid grade of the prose of the family's notices; names and addresses are not counted."""
    prose = " ".join(
        text
        for key, text in languages()["en"].texts.items()
        if key.startswith(("announcement", "card", "linked", "kind", "refuse", "page", "facts"))
    )
    words = re.findall(r"[A-Za-z']+", re.sub(r"\{\w+\}", "Library", prose))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"(?:e|es|ed)$", "", word.lower())))) for word in words)
    sentences = len(re.findall(r"[.:?](?:\s|$)", prose))
    assert 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59 <= 6.9


@pytest.mark.parametrize("children", [["Ana"], ["Ana", "Luis"], 1, 3])
def test_a_linked_card_is_told_without_a_number_and_without_a_new_card(children: Any) -> None:
    text = told(a_linked_notice(children=children).text)
    assert not re.search(r"\d{8,}", text.replace(REFUSE_URL, ""))
    assert "no new card was made" in text
    assert "turned off" not in text
    assert "made a library card" not in text
    assert "Within 24 hours, the card is not the student card any more. The card itself stays as it is." in text
    assert all(name in text for name in (children if isinstance(children, list) else []))


def test_a_linked_notice_names_nobody_where_the_agreement_shows_no_name() -> None:
    text = told(a_linked_notice(agreement=an_agreement(name_on__family_notice="none")).text)
    assert "Ana" not in text


@pytest.mark.parametrize("children", [[], 0])
def test_a_linked_notice_needs_a_child(children: Any) -> None:
    with pytest.raises(ValueError, match="at least one child"):
        a_linked_notice(children=children)


@pytest.mark.parametrize(("existing", "said"), [("separate", False), ("link", True), ("renew", True), ("ask", True)])
def test_an_announcement_says_that_a_card_of_the_familys_own_may_be_used_where_it_may(existing: str, said: bool) -> None:
    blocked = {} if existing == "separate" else {"existing_blocked": "ask", **WAITING}
    text = told(an_announcement(agreement=an_agreement(existing=existing, **blocked)).text)
    assert ("that card may be used instead of a new one" in text) is said
    assert ("the card stays as it is" in text) is (said and existing != "renew")
    assert ("it gets their end date. Nothing else about it changes." in text) is (existing == "renew")


RENEWING = {"existing": "renew", "existing_blocked": "ask", **WAITING}


@pytest.mark.parametrize("children", [["Ana"], 3])
def test_a_renewed_card_is_told_with_the_one_thing_that_may_have_changed(children: Any) -> None:
    text = told(a_linked_notice(agreement=an_agreement(**RENEWING), children=children).text)
    assert "it now has their end date. It may get a later one in the next school year, too. Nothing else about a card was changed." in text
    assert "no new card was made" in text
    assert "end date" not in told(a_linked_notice(children=children).text)


PIN_URL = "https://cards.example.org/pin/AAECAwQF"


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("asks", ["birth_date", "student_id"])
def test_the_card_letter_leads_to_the_page_that_shows_the_pin_and_still_to_the_one_for_a_no(language: str, asks: str) -> None:
    with_page = an_agreement(card__pin={"scheme": "random", "length": 6, "page": {"asks": asks, "days": 30}})
    message = a_card_notice(language, agreement=with_page, pin_url=PIN_URL)
    for url in (PIN_URL, REFUSE_URL):
        assert f'href="{url}"' in message.html
        assert url in message.text.splitlines()
    assert "30" in seen(message.html)
    said = {
        "en": {"birth_date": "your child's birth date", "student_id": "your child's student ID"},
        "es": {"birth_date": "la fecha de nacimiento", "student_id": "el número de estudiante"},
    }
    assert f"{said[language][asks]}" in seen(message.html).split("PIN", 1)[1]


def test_without_a_page_the_card_letter_says_that_the_library_helps() -> None:
    assert "The library can help you with it." in seen(a_card_notice("en").html)
    assert "/pin/" not in a_card_notice("en").html


@pytest.mark.parametrize("url", ["javascript:alert(1)", "x"])
def test_a_page_for_the_pin_must_be_a_page_that_the_agreement_has(url: str) -> None:
    with_page = an_agreement(card__pin={"scheme": "random", "length": 6, "page": {"asks": "birth_date", "days": 30}})
    with pytest.raises(ValueError, match="pin_url"):
        a_card_notice("en", agreement=with_page, pin_url=url)
    with pytest.raises(ValueError, match="pin_url"):
        a_card_notice("en", pin_url=PIN_URL)
