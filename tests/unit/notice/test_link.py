import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.notice import Link, PinLink, make_link, make_pin_link, read_link, read_pin_link

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
HOUSEHOLD = "0123456789abcdef0123456789abcdef"
BASE = "https://cards.example.org/no"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

slugs = st.from_regex(r"\A[a-z][a-z0-9-]{1,30}\Z")
links = st.builds(
    Link,
    sharing=st.builds("{}.{}".format, slugs, slugs),
    household=st.binary(min_size=16, max_size=16).map(bytes.hex),
    language=st.sampled_from(["", "en", "es", "vi", "zh-Hant"]),
)


def token_of(link: Link, key: bytes = KEY) -> str:
    url = make_link(key, sharing=link.sharing, household=link.household, language=link.language, base_url=BASE)
    return url.removeprefix(f"{BASE}/")


def a_token() -> str:
    return token_of(Link("jaxpl.duval", HOUSEHOLD, "es"))


@given(links)
def test_a_link_says_what_it_was_made_with(link: Link) -> None:
    assert read_link(KEY, token_of(link)) == link


@given(links)
def test_a_token_of_another_key_is_refused(link: Link) -> None:
    assert read_link(OTHER_KEY, token_of(link)) is None


@given(links, st.data())
def test_a_token_with_any_character_changed_is_refused(link: Link, data: st.DataObject) -> None:
    token = token_of(link)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET + "=+/ %é").filter(lambda each: each != token[place]))
    assert read_link(KEY, token[:place] + other + token[place + 1 :]) is None


@given(links, st.data())
def test_a_token_cut_or_lengthened_is_refused(link: Link, data: st.DataObject) -> None:
    token = token_of(link)
    assert read_link(KEY, token[: data.draw(st.integers(0, len(token) - 1))]) is None
    assert read_link(KEY, token + data.draw(st.text(min_size=1, max_size=8))) is None
    assert read_link(KEY, data.draw(st.text(min_size=1, max_size=8)) + token) is None


@given(st.text(max_size=300))
def test_any_other_text_is_refused_without_an_error(text: str) -> None:
    assert read_link(KEY, text) is None


def test_every_other_spelling_of_the_last_character_is_refused() -> None:
    token = a_token()
    assert [last for last in ALPHABET if read_link(KEY, token[:-1] + last) is not None] == [token[-1]]


def test_a_token_is_short_and_can_stand_in_an_address() -> None:
    assert len(a_token()) < 80
    assert set(a_token()) <= set(ALPHABET)


def test_the_address_has_one_slash_before_the_token() -> None:
    url = make_link(KEY, sharing="jaxpl.duval", household=HOUSEHOLD, language="en", base_url=f"{BASE}/")
    assert url.removeprefix(BASE).count("/") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"household": "ABCDEF0123456789ABCDEF0123456789"},
        {"household": "maria.lopez@example.org"},
        {"sharing": "jaxpl"},
        {"sharing": "jaxpl.duval.x"},
        {"language": "spanish"},
        {"base_url": "javascript:alert(1)"},
    ],
)
def test_what_a_link_must_not_carry_is_refused_and_not_repeated(wrong: dict[str, str]) -> None:
    given_values = {"sharing": "jaxpl.duval", "household": HOUSEHOLD, "language": "en", "base_url": BASE, **wrong}
    with pytest.raises(ValueError, match=r"form|must begin") as refused:
        make_link(KEY, **given_values)
    assert not any(value in str(refused.value) for value in wrong.values())


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        make_link(b"short", sharing="jaxpl.duval", household=HOUSEHOLD, language="en", base_url=BASE)


pin_links = st.builds(
    PinLink,
    sharing=st.builds("{}.{}".format, slugs, slugs),
    household=st.binary(min_size=16, max_size=16).map(bytes.hex),
    language=st.sampled_from(["", "en", "es", "zh-Hant"]),
    made=st.integers(0, 2**32 - 1),
)


def pin_token_of(link: PinLink, key: bytes = KEY) -> str:
    made = make_pin_link(key, sharing=link.sharing, household=link.household, language=link.language, base_url=BASE, made=link.made)
    return made.removeprefix(f"{BASE}/")


@given(pin_links)
def test_a_link_to_a_pin_says_when_it_was_made(link: PinLink) -> None:
    assert read_pin_link(KEY, pin_token_of(link)) == link
    assert read_pin_link(OTHER_KEY, pin_token_of(link)) is None


@given(pin_links, links)
def test_a_link_of_one_kind_is_none_of_the_other(pin_link: PinLink, link: Link) -> None:
    assert read_link(KEY, pin_token_of(pin_link)) is None
    assert read_pin_link(KEY, token_of(link)) is None


@given(pin_links, st.data())
def test_a_link_to_a_pin_with_any_character_changed_is_refused(link: PinLink, data: st.DataObject) -> None:
    token = pin_token_of(link)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET + "=+/ %é").filter(lambda each: each != token[place]))
    assert read_pin_link(KEY, token[:place] + other + token[place + 1 :]) is None
    assert read_pin_link(KEY, token[:place]) is None


@given(st.text(max_size=300))
def test_any_other_text_is_no_link_to_a_pin(text: str) -> None:
    assert read_pin_link(KEY, text) is None


@given(pin_links, st.integers(1, 90))
def test_a_link_to_a_pin_works_for_its_days_to_the_second(link: PinLink, days: int) -> None:
    last = link.made + days * 86_400
    assert not link.is_over(link.made, days=days)
    assert not link.is_over(last - 1, days=days)
    assert link.is_over(last, days=days)
