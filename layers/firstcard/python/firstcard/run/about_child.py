"""What a person asks about one child, by the district's own id of it: the words of the call, and the child's token.

The id travels in the call's body alone, and goes no further than this module.
"""

from collections.abc import Callable
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from firstcard.agreement import Agreement, Site
from firstcard.identity import Tokens
from firstcard.roster import Role
from firstcard.roster.values import code


class AboutChild(BaseModel):
    """A district's slug, a student's id, and the asker's now, for a person's call has no time of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    district: Annotated[str, Field(max_length=31)]
    student: Annotated[str, Field(max_length=200, repr=False)]
    at: AwareDatetime


def child_of(asked: AboutChild, site: Site, token_key: Callable[[str], bytes]) -> tuple[Agreement, str] | str:
    """The agreement that rules at that moment and the child's token, or the word for a question that means nothing.

    ``token_key`` gives a library's token key.
    """
    agreement = site.of_district(asked.district, asked.at.date())
    if agreement is None:
        return "unknown_district"
    local_id, faults = code(asked.student)
    if faults or not local_id:
        return "not_an_id"
    tokens = Tokens(token_key(agreement.library), library=agreement.library, district=agreement.district)
    return agreement, tokens.patron(Role.STUDENT, local_id)
