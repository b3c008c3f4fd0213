"""Only loopback, only the two chosen ports."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import asyncio.constants
import contextlib
import importlib
from typing import Any

import ministack.app

TLS_GOODBYE_SECONDS = 3.0
"""How long the ending server waits for each idle client's TLS farewell."""


def never_port_443() -> None:
    """The emulator also serves TLS on port 443 where it may bind it; AWS endpoints are not on this machine, so it must not."""

    def bindable(host: str, port: int) -> bool:
        return False

    ministack.app._port_is_bindable = bindable


def end_without_lingering() -> None:
    """Clients keep idle connections; asyncio waits 30 s for each one's TLS farewell before the emulator may write its state."""
    asyncio.constants.SSL_SHUTDOWN_TIMEOUT = TLS_GOODBYE_SECONDS
    server = importlib.import_module("hypercorn.asyncio.tcp_server").TCPServer
    close = server._close

    async def close_quietly(self: Any) -> None:
        with contextlib.suppress(TimeoutError):
            await close(self)

    server._close = close_quietly


def install() -> None:
    """Put this file's patches in place."""
    never_port_443()
    end_without_lingering()
