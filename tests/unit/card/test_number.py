"""Card numbers are checked, unique, and never cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.card.number import SerialBlock, check_digit, library_barcode, may_be_ours, prefixed
from tests.unit.agreement.builders import a_library, an_agreement, library_content

digits = st.text("0123456789", min_size=13, max_size=13)


@pytest.mark.parametrize(
    ("payload", "digit"), [("3023400051786", "1"), ("5819800094399", "6"), ("3319100010586", "4"), ("2116804591865", "3")]
)
def test_the_check_digits_of_barcodes_in_use(payload: str, digit: str) -> None:
    assert check_digit(payload) == digit


@given(digits, st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(payload: str, place: int, shift: int) -> None:
    wrong = payload[:place] + str((int(payload[place]) + shift) % 10) + payload[place + 1 :]
    assert check_digit(wrong) != check_digit(payload)


@given(digits, st.integers(0, 11))
def test_two_neighbours_swapped_are_found_unless_they_are_0_and_9(payload: str, place: int) -> None:
    a, b = payload[place], payload[place + 1]
    swapped = payload[:place] + b + a + payload[place + 2 :]
    assert (check_digit(swapped) == check_digit(payload)) == (a == b or {a, b} == {"0", "9"})


@pytest.mark.parametrize("payload", ["", "302340005178", "30234000517861", "302340005178x", "３023400051786"])
def test_what_is_not_thirteen_digits_has_no_check_digit(payload: str) -> None:
    with pytest.raises(ValueError, match="13 digits"):
        check_digit(payload)


@given(st.sets(st.integers(0, 99_999_999), min_size=2, max_size=20))
def test_serials_give_as_many_different_barcodes_of_fourteen_digits(serials: set[int]) -> None:
    made = {library_barcode(prefix="2", institution="3800", serial=serial) for serial in serials}
    assert len(made) == len(serials)
    assert all(len(number) == 14 and number.startswith("23800") and number[13] == check_digit(number[:13]) for number in made)


def test_a_block_that_is_used_up_says_so() -> None:
    with pytest.raises(ValueError, match="used up"):
        library_barcode(prefix="2", institution="3800", serial=100_000_000)


@given(st.text("0123456789", min_size=1, max_size=12), st.text("0123456789", min_size=1, max_size=12))
def test_ids_of_one_length_never_share_a_number(one: str, other: str) -> None:
    numbers = [prefixed(prefix="904", local_id=local_id, length=12) for local_id in (one, other)]
    for number, local_id in zip(numbers, (one, other), strict=True):
        assert (number is None) == (len(local_id) > 9)
        assert number is None or (len(number) == 12 and number.startswith("904") and number.endswith(local_id))
    if None not in numbers and len(one) == len(other) and one != other:
        assert numbers[0] != numbers[1]


@given(st.lists(st.integers(0, 50), max_size=12))
def test_serial_blocks_never_overlap(counts: list[int]) -> None:
    given_out = 0

    def reserve(count: int) -> int:
        nonlocal given_out
        first, given_out = given_out, given_out + count
        return 1000 + first

    taken = [list(SerialBlock(reserve).take(count)) for count in counts]
    drawn = [serial for block in taken for serial in block]
    assert [len(block) for block in taken] == counts
    assert drawn == list(range(1000, 1000 + sum(counts)))


def test_a_run_without_new_barcodes_reserves_nothing() -> None:
    def reserve(_: int) -> int:
        raise AssertionError("reserved")

    assert list(SerialBlock(reserve).take(0)) == []


def test_a_card_is_known_as_ours_by_its_number() -> None:
    block = library_content()["numbers"]
    head, width = block["prefix"] + block["institution"], 13 - len(block["prefix"] + block["institution"])
    first = library_barcode(prefix=block["prefix"], institution=block["institution"], serial=block["first_serial"])
    before = f"{head}{block['first_serial'] - 1:0{width}d}0"
    own = an_agreement(card={"number": {"scheme": "library_barcode", "length": 14, "prefix": ""}})
    by_prefix = an_agreement(card={"number": {"prefix": "904", "length": 12}})
    assert may_be_ours(first, own, a_library())
    assert not may_be_ours(before, own, a_library())
    assert may_be_ours("904000000001", by_prefix, a_library())
    assert not any(may_be_ours(number, by_prefix, a_library()) for number in ("903000000001", "90400000001", "", first))
