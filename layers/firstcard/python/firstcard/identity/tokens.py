"""Keyed tokens: the only form in which a person, a household or a card number may stand in a key, an event or a log."""

import hashlib
import hmac

TRAIT_BYTES = 3
"""Three bytes a trait add less than two megabytes to the manifest of 150,000 people."""
SCHOOL_BYTES = 4
"""Nobody looks again at a school that letters went home from: with 500 schools, two of one district look equal once in 30,000 districts."""


class Tokens:
    """Tokens of one library and one district, stable over every renewal of their agreement.

    HMAC-SHA-256 with a key of the library's, cut to 128 bits, as 32 hex characters. The parts are joined with NUL, which no field may hold, so that
    no two different inputs give the same message.
    """

    def __init__(self, key: bytes, *, library: str, district: str) -> None:
        if len(key) < 32:
            raise ValueError("a token key has at least 32 bytes")
        self._key = key
        self._library = library
        self._district = district
        self._trait_key = hmac.new(key, b"trait\0" + district.encode(), hashlib.sha256).digest()

    def _mac(self, *parts: str) -> str:
        return hmac.new(self._key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:32]

    def patron(self, role: str, local_id: str) -> str:
        """The patron's token: who it is for this library, whatever the agreement's version."""
        return self._mac("patron", self._library, self._district, role, local_id)

    def household(self, email: str, *, staff: bool = False) -> str:
        """The household's token: one and the same e-mail address, never a street.

        A member of staff is a household of its own: a teacher's no for a child of hers must not reach her own card.
        """
        return self._mac("staff" if staff else "household", self._library, self._district, email.strip().lower())

    def card(self, number: str) -> str:
        """The token of a card number, unique in the library whichever district it came from. Upper and lower case are one number, as they are to an ILS."""
        return self._mac("card", self._library, number.upper())

    def existing(self, ils_id: str) -> str:
        """The token of a patron whom the library had before: who it is in the library's own system, whichever district asks."""
        return self._mac("existing", self._library, ils_id)

    def trait(self, patron: str, kind: str, value: str) -> str:
        """A short digest of something about one patron (``patron`` is the token), by which a change of it shows: 24 bits, as 6 hex characters.

        Keyed and bound to the patron, so that two patrons of the same name have different digests. Equal values are always equal; two different ones look
        equal once in 16 million times, which says only that nothing changed.
        """
        return hashlib.blake2b(f"{kind}\0{patron}\0{value}".encode(), digest_size=TRAIT_BYTES, key=self._trait_key).hexdigest()

    def place(self, school: str, homeroom: str = "") -> str:
        """A short digest of a school, or of a homeroom in it, by which the students of one are found: 32 bits of a school, 24 of a homeroom, as hex, whatever the case of letters.

        The same for everybody there, so that it says who is together and not where. Two schools look equal once in 4 billion times, two homerooms once in 16 million.
        """
        place = f"place\0{school.casefold()}\0{homeroom.casefold()}"
        size = TRAIT_BYTES if homeroom else SCHOOL_BYTES
        return hashlib.blake2b(place.encode(), digest_size=size, key=self._trait_key).hexdigest()

    @property
    def fingerprint_key(self) -> bytes:
        """Key of the row fingerprints: an unkeyed hash of a child's data could be guessed."""
        return hmac.new(self._key, b"fingerprint\0" + self._district.encode(), hashlib.sha256).digest()
