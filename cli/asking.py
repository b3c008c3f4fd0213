"""Asking a function of the deployment for a person, and saying in a sentence why nobody answered."""

from collections.abc import Mapping
from typing import Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from firstcard.adapters.aws import FunctionFailedError, ask_function

NO_ANSWER = 3
"""Exit code when nobody could answer."""


def asked(function: str, question: Mapping[str, Any], *, role: str, patient: bool = False) -> Mapping[str, Any]:
    """The function's answer; exits with ``NO_ANSWER`` and a sentence where there is none. ``role`` is who may ask; ``patient`` waits for a quarter of an hour."""
    try:
        return ask_function(function, question, patient=patient)
    except FunctionFailedError as error:
        sentence = f"The function {function} broke off ({error}); its log says why, under this time."
    except ClientError as error:
        code = error.response["Error"]["Code"]
        advice = {
            "ResourceNotFoundException": f"there is no function {function}: is the pipeline deployed, in this account and region?",
            "AccessDeniedException": f"these credentials may not ask; the role {role} may.",
        }
        sentence = f"{code}: {advice.get(code, 'AWS refused the call.')}"
    except BotoCoreError as error:
        sentence = f"AWS cannot be reached with these settings: {type(error).__name__}."
    typer.echo(sentence, err=True)
    raise typer.Exit(NO_ANSWER)
