"""Which adapter speaks to which library's ILS."""

from functools import cache

from urllib3 import PoolManager, Timeout

from firstcard.adapters.aws import SecretsStore
from firstcard.adapters.koha import KohaIls
from firstcard.agreement import Library
from firstcard.ils import Ils, PatronList

CONNECTIONS = 4
TIMEOUT = Timeout(connect=5.0, read=30.0)


@cache
def _http() -> PoolManager:
    """One pool of connections a process."""
    return PoolManager(timeout=TIMEOUT, maxsize=CONNECTIONS)


def open_patron_list(library: Library, secrets: SecretsStore) -> PatronList:
    """The library's ILS, to be asked for its own patrons."""
    return _open(library.id, library.ils.endpoint, library.ils.token_attribute, False, secrets)


def open_ils(library: Library, secrets: SecretsStore, *, confirm_separate: bool) -> Ils:
    """The library's ILS, signed in with what its secret holds: ``{"client_id", "client_secret"}``."""
    return _open(library.id, library.ils.endpoint, library.ils.token_attribute, confirm_separate, secrets)


@cache
def _open(library: str, endpoint: str, token_attribute: str, confirm_separate: bool, secrets: SecretsStore) -> KohaIls:
    access = secrets.ils(library)
    return KohaIls(
        endpoint,
        access["client_id"],
        access["client_secret"],
        token_attribute=token_attribute,
        http=_http(),
        confirm_separate=confirm_separate,
    )
