"""Card numbers: by scheme, checked, unique in the library."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firstcard.agreement import Agreement, Library


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


def may_be_ours(number: str, agreement: Agreement, library: Library) -> bool:
    """Whether a card of the library can be one that this agreement made, as far as its number tells."""
    block = library.numbers
    for clause in (agreement.card.number, agreement.card.staff_number):
        if clause.scheme == "library_barcode":
            head = block.prefix + block.institution
            serial = number[len(head) : -1]
            if len(number) == clause.length and number.startswith(head) and serial.isdecimal() and int(serial) >= block.first_serial:
                return True
        elif len(number) == clause.length and number.startswith(clause.prefix):
            return True
    return False


@dataclass(slots=True)
class SerialBlock:
    """Serials reserved for one run by one atomic addition; a serial that is drawn and not used stays unused."""

    reserve: Callable[[int], int]
    """Reserves n serials and gives the first of them."""

    def take(self, count: int) -> Iterator[int]:
        """The ``count`` serials of this run, reserved at once."""
        first = self.reserve(count) if count else 0
        return iter(range(first, first + count))
