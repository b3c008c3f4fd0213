"""The functions' environment: which variables there are, and a clear word when one is missing."""

import os
from enum import StrEnum


class Setting(StrEnum):
    """Environment variables that the templates set."""

    CARDS_TABLE = "CARDS_TABLE"
    LEDGER_TABLE = "LEDGER_TABLE"
    VAULT_BUCKET = "VAULT_BUCKET"
    CARD_BUS = "CARD_BUS"
    STATE_MACHINE_ARN = "STATE_MACHINE_ARN"
    REFUSE_URL = "REFUSE_URL"
    AWS_LAMBDA_FUNCTION_NAME = "AWS_LAMBDA_FUNCTION_NAME"


def setting(name: Setting) -> str:
    """The variable's value. Raises LookupError naming it, if it is missing."""
    try:
        return os.environ[name]
    except KeyError:
        raise LookupError(f"the environment variable {name} is not set for this function") from None
