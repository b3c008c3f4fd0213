"""What a person asks about one child, by the district's own id of it: the words of the call, and the child's token.

The id travels in the call's body alone, and goes no further than this module.
"""

from collections.abc import Callable
from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from firstcard.agreement import Agreement, Site
from firstcard.identity import Tokens
from firstcard.roster import Role
from firstcard.roster.values import code


class AboutChild(BaseModel):
    """A district's slug, a student's id, and the asker's now, for a person's call has no time of its own. ``library`` is empty where the district has one."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    district: Annotated[str, Field(max_length=31)]
    student: Annotated[str, Field(max_length=200, repr=False)]
    at: AwareDatetime
    library: Annotated[str, Field(max_length=31)] = ""


def child_of(asked: AboutChild, site: Site, token_key: Callable[[str], bytes]) -> tuple[Agreement, str] | str:
    """The agreement that rules at that moment and the child's token, or the word for a question that means nothing.

    ``token_key`` gives a library's token key.
    """
    agreement = agreement_asked(site, district=asked.district, library=asked.library, day=asked.at.date())
    if isinstance(agreement, str):
        return agreement
    local_id, faults = code(asked.student)
    if faults or not local_id:
        return "not_an_id"
    tokens = Tokens(token_key(agreement.library), library=agreement.library, district=agreement.district)
    return agreement, tokens.patron(Role.STUDENT, local_id)


def agreement_asked(site: Site, *, district: str, library: str, day: date) -> Agreement | str:
    """The agreement with the library that was named, or the only one that the district's files go to; else the word for what is wrong."""
    if library:
        return site.of_sharing(f"{library}.{district}", day) or ("unknown_library" if site.sharings(district) else "unknown_district")
    found = site.agreements_of(district, day)
    if not found:
        return "unknown_district"
    return found[0] if len(found) == 1 else "several_libraries"
