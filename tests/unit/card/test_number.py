"""Card numbers are checked, unique, and never cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.agreement.model import NumberClause
from firstcard.card.number import SerialBlock, check_digit, in_block, library_barcode, may_be_claimed, may_be_ours, number_of, prefixed
from firstcard.card.plan import unfit
from firstcard.roster import Reason, Role
from firstcard.roster.roll import Roll
from tests.unit.agreement.builders import a_library, an_agreement, library_content
from tests.unit.card.builders import a_person

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


STATE_ID = NumberClause(scheme="state_id", length=10)
SUPPLIED = NumberClause(scheme="supplied", prefix="29", length=8)


@pytest.mark.parametrize(
    ("clause", "said", "number"),
    [
        (STATE_ID, "7000000001", "7000000001"),
        (STATE_ID, "70001", "0000070001"),
        (STATE_ID, "fl70001", "000FL70001"),
        (STATE_ID, "", Reason.NUMBER_MISSING),
        (STATE_ID, "0000000000", Reason.NUMBER_MISSING),
        (STATE_ID, "9", Reason.NUMBER_MISSING),
        (STATE_ID, "70000000012", Reason.NUMBER_TOO_LONG),
        (STATE_ID, "7-1", Reason.BAD_NUMBER),
        (SUPPLIED, "29345678", "29345678"),
        (SUPPLIED, "29abcdef", "29ABCDEF"),
        (SUPPLIED, "", Reason.NUMBER_MISSING),
        (SUPPLIED, "22222222", Reason.NUMBER_MISSING),
        (SUPPLIED, "2934567", Reason.BAD_NUMBER),
        (SUPPLIED, "293456789", Reason.BAD_NUMBER),
        (SUPPLIED, "39345678", Reason.BAD_NUMBER),
        (SUPPLIED, "29.45678", Reason.BAD_NUMBER),
        (NumberClause(scheme="student_id", length=6), "12345", "012345"),
        (NumberClause(scheme="student_id", length=6), "1234567", Reason.NUMBER_TOO_LONG),
    ],
)
def test_a_number_is_made_of_its_field_or_a_reason_says_why_not(clause: NumberClause, said: str, number: str | Reason) -> None:
    assert number_of(clause, said) == number


@given(st.sampled_from([STATE_ID, SUPPLIED]), st.from_regex(r"[A-Za-z0-9._:@/+={}-]{0,20}", fullmatch=True))
def test_a_number_from_outside_is_never_cut_and_never_of_another_form(clause: NumberClause, said: str) -> None:
    number = number_of(clause, said)
    if not isinstance(number, Reason):
        assert len(number) == clause.length
        assert number.startswith(clause.prefix)
        assert clause.characters.issuperset(number)
        assert number.lstrip("0") == said.upper().lstrip("0")


def unfit_under(scheme: str, *values: str, numbered: tuple[int, ...] = ()) -> dict[int, Reason]:
    field = {"required": False, "exhibit_b": "As listed.", "fideslang": "user.unique_id"}
    name = {"state_id": "state_id", "supplied": "card_number"}[scheme]
    agreement = an_agreement(
        without=("exchange.mapping",),
        exchange={"formats": ["csv"], "mapping": {}},
        fields={name: field},
        card={"number": {"scheme": scheme, "prefix": "", "length": 8}},
    )
    people = Roll.of([a_person(n, **{name: value}) for n, value in enumerate(values)])
    return unfit(people, agreement, {(str(Role.STUDENT), f"{100000 + n}") for n in numbered})


def test_two_rows_with_one_number_are_both_left_out_whatever_their_case() -> None:
    assert unfit_under("supplied", "abcd1234", "ABCD1234", "ABCD1235") == {0: Reason.NUMBER_TWICE, 1: Reason.NUMBER_TWICE}
    assert unfit_under("state_id", "123", "0123", "", "11") == {
        0: Reason.NUMBER_TWICE,
        1: Reason.NUMBER_TWICE,
        2: Reason.NUMBER_MISSING,
        3: Reason.NUMBER_MISSING,
    }


def test_who_has_a_number_already_is_not_asked_for_it_again() -> None:
    assert unfit_under("state_id", "", "123", "123", numbered=(0, 1)) == {}
    assert unfit_under("state_id", "", "123", "123", numbered=(0,)) == {1: Reason.NUMBER_TWICE, 2: Reason.NUMBER_TWICE}


def test_the_form_of_a_number_from_outside_tells_nothing_of_whose_it_is() -> None:
    supplied = an_agreement(
        without=("exchange.mapping",),
        exchange={"formats": ["csv"], "mapping": {}},
        fields={"card_number": {"required": False, "exhibit_b": "As listed.", "fideslang": "user.unique_id"}},
        card={"number": {"scheme": "supplied", "prefix": "", "length": 14}},
    )
    assert not may_be_ours("23900000000123", supplied, a_library())
    assert may_be_claimed("23900000000123", supplied)
    assert not may_be_claimed("2390000000012", supplied)


def test_the_librarys_block_begins_with_its_first_serial() -> None:
    block = library_content()["numbers"]
    numbers = [
        library_barcode(prefix=block["prefix"], institution=block["institution"], serial=block["first_serial"] + n) for n in (-1, 0, 1)
    ]
    assert [in_block(number, a_library()) for number in numbers] == [False, True, True]
    assert not in_block(numbers[1][:-1], a_library())
