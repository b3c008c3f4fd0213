"""A key service in memory that binds what it wraps to its context, as KMS does, and writes down what it was asked."""

from collections.abc import Callable, Mapping
from random import Random

from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.vault import Intent, VaultClosedError
from firstcard.vault.seal import Opener, Sealer

MATRIX: Mapping[Group, tuple[Purpose, ...]] = {
    Group.IDENTITY: (Purpose.ISSUE_CARD, Purpose.SYNC_ILS),
    Group.CARD: (Purpose.SYNC_ILS, Purpose.SEND_NOTICE),
    Group.CONTACT: (Purpose.SEND_NOTICE,),
}


class KeyService:
    """Wraps and unwraps; a wrapped key opens only under the context that it was wrapped under."""

    def __init__(self) -> None:
        self.closed = False
        self.story: list[tuple[str, str, str]] = []
        """(what happened, group, purpose), in order."""
        self._wrapped: dict[bytes, tuple[dict[str, str], bytes]] = {}

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        name = b"wrapped %d" % len(self._wrapped)
        self._wrapped[name] = (dict(context), key)
        return name

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        self.story.append(("unwrap", context["group"], context["purpose"]))
        bound, key = self._wrapped.get(wrapped, ({}, b""))
        if self.closed or bound != dict(context):
            raise VaultClosedError("refused")
        return key

    def declare(self, intent: Intent) -> None:
        self.story.append(("declare", intent.group, intent.purpose))


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def purposes_of(group: Group) -> tuple[Purpose, ...]:
    return MATRIX.get(group, ())


def a_sealer(keys: KeyService, *, object_id: str = "run-00000", sharing: str = "oak.pine", seed: int = 1) -> Sealer:
    return Sealer(sharing=sharing, object_id=object_id, purposes_of=purposes_of, wrap=keys.wrap, random=Random(seed).randbytes)


def an_opener(
    keys: KeyService,
    purpose: Purpose = Purpose.SYNC_ILS,
    *,
    clock: Callable[[], float] = lambda: 0.0,
    declare: Callable[[Intent], None] | None = None,
) -> Opener:
    return Opener(purpose=purpose, unwrap=keys.unwrap, declare=declare or keys.declare, clock=clock)
