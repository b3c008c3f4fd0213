"""Card numbers: by scheme, checked, unique in the library."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firstcard.agreement import Agreement, Library
from firstcard.agreement.model import NumberClause
from firstcard.roster import Reason

BARCODE_LENGTH = 14


def check_digit(payload: str) -> str:
    """The mod-10 digit of a 14-digit library barcode: weights 2, 1, 2, … from the left over 13 digits, products above 9 less 9.

    Raises ValueError unless ``payload`` is 13 digits.
    """
    if len(payload) != 13 or not payload.isascii() or not payload.isdigit():
        raise ValueError("a library barcode's payload is 13 digits")
    total = 0
    for place, digit in enumerate(payload):
        product = int(digit) * (2 if place % 2 == 0 else 1)
        total += product - 9 if product > 9 else product
    return str(-total % 10)


def library_barcode(*, prefix: str, institution: str, serial: int) -> str:
    """Type digit(s), institution and serial, 13 digits together, and the check digit."""
    width = 13 - len(prefix) - len(institution)
    body = f"{serial:0{width}d}"
    if len(body) > width:
        raise ValueError(f"the block {prefix}{institution} has no serial {serial}: it is used up")
    payload = prefix + institution + body
    return payload + check_digit(payload)


def prefixed(*, prefix: str, local_id: str, length: int) -> str | None:
    """The district's prefix and the student id, zero-padded to ``length``; None when the id is longer than the number may be."""
    body = local_id.rjust(length - len(prefix), "0")
    number = prefix + body
    return number if len(number) == length else None


def number_of(clause: NumberClause, said: str) -> str | Reason:
    """The number that a clause makes of what a row says in the clause's field, or why it makes none.

    What comes from outside is told apart by nobody's ids, so it is looked at more closely; letters in it are capitals, for to an ILS ``a1`` and ``A1`` are
    one number.
    """
    if not clause.is_shared:
        return prefixed(prefix=clause.prefix, local_id=said, length=clause.length) or Reason.NUMBER_TOO_LONG
    said = said.upper()
    if len(set(said)) <= 1:
        return Reason.NUMBER_MISSING
    if not clause.characters.issuperset(said):
        return Reason.BAD_NUMBER
    if clause.scheme == "supplied":
        return said if len(said) == clause.length and said.startswith(clause.prefix) else Reason.BAD_NUMBER
    return prefixed(prefix="", local_id=said, length=clause.length) or Reason.NUMBER_TOO_LONG


def in_block(number: str, library: Library) -> bool:
    """Whether the number is one that the library's own block gives, or will give, by itself."""
    block = library.numbers
    head = block.prefix + block.institution
    serial = number[len(head) : -1]
    return len(number) == BARCODE_LENGTH and number.startswith(head) and serial.isdecimal() and int(serial) >= block.first_serial


def may_be_ours(number: str, agreement: Agreement, library: Library) -> bool:
    """Whether a card of the library can be one that this agreement made, as far as its number tells; of numbers from outside it tells nothing."""
    for clause in (agreement.card.number, agreement.card.staff_number):
        if clause.scheme == "library_barcode":
            if in_block(number, library):
                return True
        elif not clause.is_shared and _has_form(number, clause):
            return True
    return False


def may_be_claimed(number: str, agreement: Agreement) -> bool:
    """Whether the number has the form of those that the agreement takes from outside: whether it is one of them, the claims on record say."""
    return any(clause.is_shared and _has_form(number, clause) for clause in (agreement.card.number, agreement.card.staff_number))


def _has_form(number: str, clause: NumberClause) -> bool:
    return len(number) == clause.length and number.startswith(clause.prefix)


@dataclass(slots=True)
class SerialBlock:
    """Serials reserved for one run by one atomic addition; a serial that is drawn and not used stays unused."""

    reserve: Callable[[int], int]
    """Reserves n serials and gives the first of them."""

    def take(self, count: int) -> Iterator[int]:
        """The ``count`` serials of this run, reserved at once."""
        first = self.reserve(count) if count else 0
        return iter(range(first, first + count))
