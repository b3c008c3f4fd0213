import re
from importlib.resources import files

import pytest

from firstcard.agreement import FIELDS, Purpose
from firstcard.notice import facts, languages
from firstcard.notice.language import FALLBACK, choose, read_language

PLACEHOLDER = re.compile(r"\{(\w+)\}")
STAFF_ONLY, STUDENT_ONLY_FOR_STAFF = {"staff_email"}, set(FIELDS) - {
    "student_id", "last_name", "first_name", "middle_name", "suffix", "preferred_name", "birth_date", "school_id", "school_name",
    "in_service_area", "staff_email", "home_language", "card_number", "street", "city", "region", "postal_code", "phone",
}  # fmt: skip


def test_english_and_spanish_are_there() -> None:
    assert {"en", "es"} <= set(languages())


@pytest.mark.parametrize("code", sorted(languages()))
def test_every_language_has_every_sentence_with_the_same_placeholders(code: str) -> None:
    measure, language = languages()[FALLBACK], languages()[code]
    assert set(language.texts) == set(measure.texts)
    for key, sentence in measure.texts.items():
        assert sorted(set(PLACEHOLDER.findall(language.texts[key]))) == sorted(set(PLACEHOLDER.findall(sentence))), key


@pytest.mark.parametrize("code", sorted(languages()))
def test_no_sentence_is_left_in_english_or_empty(code: str) -> None:
    language = languages()[code]
    assert all(sentence.strip() for sentence in language.texts.values())
    if code != FALLBACK:
        same = {key for key, sentence in language.texts.items() if sentence == languages()[FALLBACK].texts[key]}
        assert same == set()


def test_every_sentence_is_used_by_some_notice() -> None:
    source = "".join(path.read_text("utf-8") for path in files("firstcard.notice").iterdir() if path.name.endswith(".py"))
    built = ("facts.field.", "facts.purpose.", "facts.prohibited.", "staff.field.", "kind.", "page.", "announcement.next.", "card.label.")
    for key in languages()[FALLBACK].texts:
        stem = re.sub(r"\.(one|many)$", "", key)
        assert re.search(rf"[\"']{re.escape(stem)}[\"']", source) or stem.startswith(built), key


def test_a_missing_sentence_is_an_error_and_not_a_blank() -> None:
    language = read_language("xx", 'direction = "rtl"\nhello = "Hello {name}"')
    assert language.direction == "rtl"
    with pytest.raises(KeyError):
        language.say("goodbye")
    with pytest.raises(KeyError):
        language.say("hello")


@pytest.mark.parametrize("toml", ['hello = "x"', 'direction = "up"', 'direction = "ltr"\nhello = 3'])
def test_a_file_that_is_not_a_language_is_refused(toml: str) -> None:
    with pytest.raises(ValueError, match=r"direction|not a sentence"):
        read_language("xx", toml)


def test_a_regional_wish_gets_its_language() -> None:
    assert choose("es-MX", ("en", "es"))[0].code == "es"
    assert choose("ES_mx", ("en", "es"))[1]


def test_a_language_that_the_agreement_does_not_list_is_answered_in_english() -> None:
    language, wanted = choose("es", ("en",))
    assert (language.code, wanted) == ("en", False)


def test_a_family_without_a_known_language_gets_the_agreements_first() -> None:
    language, wanted = choose("", ("es", "en"))
    assert (language.code, wanted) == ("es", True)


def test_every_field_that_an_agreement_can_list_has_words_for_families() -> None:
    placed = {field for _, fields in facts.FAMILY_WORDS for field in fields}
    assert set(FIELDS) - STAFF_ONLY <= placed
    assert {field for _, _, fields in facts.STAFF_WORDS for field in fields} == set(FIELDS) - STUDENT_ONLY_FOR_STAFF


def test_every_purpose_has_words_for_families() -> None:
    assert all(f"facts.purpose.{purpose}" in languages()[FALLBACK].texts for purpose in Purpose)
