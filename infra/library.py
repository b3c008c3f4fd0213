"""The stack that a library's own clause compiles to; it has nothing of any district."""

from aws_cdk import Stack
from constructs import Construct

from firstcard.agreement import Library, PatronsClause
from infra.patrons_key import PatronsKey


class LibraryOf(Stack):
    """The key of what a library says of its own patrons."""

    def __init__(self, scope: Construct, construct_id: str, *, library: Library, clause: PatronsClause) -> None:
        super().__init__(scope, construct_id, description=f"FirstCard: what {library.id} allows itself with its own patrons")
        PatronsKey(self, "Patrons", library=library.id, clause=clause)
