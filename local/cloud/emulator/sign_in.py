"""API authorizers under TLS."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import os
from typing import Any

from ministack.services import apigateway


def read_token_keys_over_https() -> None:
    """The JWT authorizer fetches a user pool's key set over plain HTTP, which a TLS gateway refuses: every valid token was rejected."""
    resolve = apigateway._resolve_jwks_url

    async def over_https(authorizer: Any) -> Any:
        address = await resolve(authorizer)
        if isinstance(address, str) and os.environ.get("USE_SSL") == "1" and address.startswith(f"http://{apigateway._HOST}:"):
            return "https://" + address.removeprefix("http://")
        return address

    apigateway._resolve_jwks_url = over_https


def install() -> None:
    """Put this file's patches in place."""
    read_token_keys_over_https()
