"""What a person answers for: a YAML file of exceptions, each with a reason, a name and an end."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from firstcard.review.check import Acknowledged


class AcknowledgedError(Exception):
    """The file says something that cannot be acknowledged; the sentence says what."""


class _Exception(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    who: Annotated[str, Field(min_length=3)]
    actions: Annotated[tuple[str, ...], Field(min_length=1)]
    reason: Annotated[str, Field(min_length=20)]
    by: Annotated[str, Field(min_length=3)]
    until: AwareDatetime


_LIST = TypeAdapter(tuple[_Exception, ...])


def read_acknowledged(path: Path) -> tuple[Acknowledged, ...]:
    """The exceptions of a file. Raises AcknowledgedError."""
    try:
        found = _LIST.validate_python(yaml.safe_load(path.read_text("utf-8")) or [])
    except (yaml.YAMLError, ValidationError) as error:
        raise AcknowledgedError(
            f"{path.name}: each entry needs who, actions, a reason of 20 letters or more, by, and until with a time zone ({type(error).__name__})"
        ) from None
    for one in found:
        if set(one.who) <= {"*", "?"}:
            raise AcknowledgedError(f"{path.name}: nobody can answer for everybody (who: {one.who})")
    return tuple(Acknowledged(one.who, one.actions, one.reason, one.until, one.by) for one in found)
