"""Claims about reading YAML: nothing surprises, and every mistake has its line."""

import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.agreement.lines import MAX_BYTES, AgreementError, Mistake, read_yaml


def mistakes(text: str | bytes) -> tuple[Mistake, ...]:
    with pytest.raises(AgreementError) as caught:
        read_yaml(text.encode() if isinstance(text, str) else text, "a.yaml")
    return caught.value.mistakes


def test_every_key_and_list_item_has_its_line() -> None:
    written = read_yaml(b"a: 1\nb:\n  c: 2\n  d:\n    - x\n    - e: 5\n", "a.yaml")
    assert written.lines == {("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "d"): 4, ("b", "d", 0): 5, ("b", "d", 1): 6, ("b", "d", 1, "e"): 6}
    assert written.line(("b", "d", 1, "nothing", "here")) == 6
    assert written.line(("nothing",)) == 1


@pytest.mark.parametrize(
    "word", ["no", "NO", "on", "off", "yes", "y", "0123", "12:30:45", "0x1F", "1_000", "2026-08-01", ".inf", "1e5", "True"]
)
def test_a_word_that_other_readers_would_change_stays_a_word(word: str) -> None:
    assert read_yaml(f"key: {word}".encode(), "a.yaml").content == {"key": word}


def test_on_can_be_a_key() -> None:
    assert read_yaml(b"on: [request]", "a.yaml").content == {"on": ["request"]}


def test_numbers_truth_and_nothing_are_themselves_and_in_quotes_they_are_text() -> None:
    text = b"a: 5\nb: -2.5\nc: true\nd: null\ne: '5'\nf: \"true\"\ng: |\n  7\n"
    assert read_yaml(text, "a.yaml").content == {"a": 5, "b": -2.5, "c": True, "d": None, "e": "5", "f": "true", "g": "7\n"}


def test_a_key_written_twice_is_refused_with_both_lines() -> None:
    assert mistakes("a: 1\nb: 2\na: 3\n") == (Mistake("a.yaml", 3, "'a' is already written on line 1: keep one of the two."),)


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.system [ls]", "a: !secret x", "!!map {a: 1}", "a: !!binary aGk="])
def test_tags_are_refused(text: str) -> None:
    (mistake,) = mistakes(text)
    assert "not allowed" in mistake.sentence


def test_an_alias_is_refused_on_its_line() -> None:
    (mistake,) = mistakes("a: &x [1]\nb: *x\n")
    assert (mistake.line, "write the content out" in mistake.sentence) == (2, True)


def test_a_key_that_is_a_block_is_refused() -> None:
    (mistake,) = mistakes("? {a: 1}\n: 2\n")
    assert "one word" in mistake.sentence


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\nb: [1, 2\nc: 3\n", 3), ("a: 'x\n", 2), ("a:\n\t- x\n", 2), ("a: 1\n---\nb: 2\n", 2), ("a: b: c\n", 1)],
)
def test_what_is_not_yaml_is_told_with_its_line(text: str, line: int) -> None:
    (mistake,) = mistakes(text)
    assert (mistake.line, "not YAML" in mistake.sentence) == (line, True)


def test_an_empty_file_is_told_how_to_begin() -> None:
    assert "apiVersion" in mistakes("# only a remark\n")[0].sentence


def test_bytes_that_are_not_utf8_are_told_with_their_line() -> None:
    assert mistakes(b"a: 1\nb: \xff\n") == (Mistake("a.yaml", 2, "The file is not UTF-8: save it as UTF-8 text."),)


def test_a_control_character_is_a_mistake_and_not_a_crash() -> None:
    assert mistakes(b"a: \x00\n")


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert read_yaml("\ufeffa: 1".encode(), "a.yaml").content == {"a": 1}


def test_deep_nesting_is_refused_before_it_can_exhaust_anything() -> None:
    (mistake,) = mistakes("[" * 5000)
    assert "nested too deeply" in mistake.sentence


def test_a_file_of_many_pages_is_refused() -> None:
    (mistake,) = mistakes(b"a: " + b"x" * MAX_BYTES)
    assert "larger than" in mistake.sentence


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_an_agreement_error(data: bytes) -> None:
    with suppress(AgreementError):
        read_yaml(data, "a.yaml")


words = st.text(string.ascii_lowercase, min_size=1, max_size=6)


@given(st.lists(words, min_size=2, max_size=8, unique=True), st.data())
def test_a_doubled_key_is_refused_wherever_it_stands(keys: list[str], data: st.DataObject) -> None:
    doubled = data.draw(st.sampled_from(keys))
    text = "".join(f"{key}: v\n" for key in [*keys, doubled])
    found = mistakes(text)
    assert [mistake.line for mistake in found] == [len(keys) + 1]
