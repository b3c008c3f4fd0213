"""Making very many objects at once: without the search for cycles among them, of which there are none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MANY = 50_000
"""From so many new objects on, one walk through them costs more than what could be found among everything else."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Let objects be made without the collector's walks; where they are very many, it will not walk through them later either.

    They are freed as ever when nobody needs them any more.
    """
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > _MANY:
            gc.freeze()
        if searching:
            gc.enable()
