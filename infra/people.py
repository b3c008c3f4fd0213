"""Roles that people take on: library staff who run things, who keeps the keys of the districts' files, and the officer who looks."""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra import names
from infra.permission import (
    call_functions,
    change_secrets,
    in_bucket,
    in_vault,
    list_extracts,
    look_at_trail,
    on_bucket,
    on_ledger,
    on_runs_by_district,
    see_vault,
    wake_roster_run,
)


class Operator(Construct):
    """Library staff: list, show, approve and reject runs, suspend and resume an agreement, ask why a child has no card, have a new PIN made, tell that letters went home or that a no is taken back, have a report counted, ask what a roster would do. No way to a name, a table of cards or a key."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.role = _role(self, "operator")
        self.role.add_to_policy(on_ledger("GetItem", keys=["run#*", "district#*", "agreement#*"]))
        self.role.add_to_policy(on_runs_by_district("Query"))
        self.role.add_to_policy(on_ledger("UpdateItem", keys=["run#*"]))
        self.role.add_to_policy(on_ledger("PutItem", "DeleteItem", keys=["agreement#*"]))
        self.role.add_to_policy(see_vault())
        self.role.add_to_policy(in_vault("GetObject", "runs/*/plan.json", "runs/*/receipt.json"))
        self.role.add_to_policy(wake_roster_run())
        self.role.add_to_policy(call_functions("explain", "reset", "attest", "tally", "preview"))


class Librarian(Construct):
    """Library staff who settle matches in doubt (``firstcard matches``): they are shown the names of one pair at a time, by a function that writes it down. They end by hand the cards of noes that are still open (``firstcard noes``)."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.role = _role(self, "librarian")
        self.role.add_to_policy(call_functions("settle", "honour"))


class HandOut(Construct):
    """Who prints what a school hands out (``firstcard cards``): is given names, numbers and PINs by a function that writes it down, and says who it is by a source identity."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.role = _role(self, "handout")
        trust = self.role.assume_role_policy
        assert trust is not None, "the role was just made"
        trust.add_statements(iam.PolicyStatement(actions=["sts:SetSourceIdentity"], principals=[iam.AccountRootPrincipal()]))
        asking = call_functions("print")
        asking.add_condition("Null", {"aws:SourceIdentity": "false"})
        self.role.add_to_policy(asking)


class SystemsLibrarian(Construct):
    """Who brings the library's own patrons in (``firstcard patrons``): seals, lets an extract count, destroys it. Opens none, not even the one just sealed. Brings in counts of use, too (``firstcard usage``)."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.role = _role(self, "systems-librarian")
        self.role.add_to_policy(on_ledger("GetItem", "PutItem", keys=["patrons#*"]))
        self.role.add_to_policy(list_extracts())
        self.role.add_to_policy(in_vault("PutObject", "patrons/*", "usage/*"))
        self.role.add_to_policy(in_vault("DeleteObjectVersion", "patrons/*"))
        self.role.add_to_policy(call_functions("gather", "honour"))


class Keyholder(Construct):
    """Who makes, renews and takes out the keys that open districts' files (``firstcard key``); opens no file with them, for it reads none."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.role = _role(self, "keyholder")
        self.role.add_to_policy(change_secrets("openpgp"))


class Officer(Construct):
    """The compliance officer: reads the trail, the receipts and what was printed and destroyed, changes nothing."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.role = _role(self, "officer")
        self.role.add_to_policy(on_bucket("ListBucket", bucket=names.log_bucket()))
        self.role.add_to_policy(on_bucket("ListBucket", bucket=names.access_log_bucket()))
        self.role.add_to_policy(in_bucket("GetObject", bucket=names.log_bucket(), prefixes=["AWSLogs/*"]))
        self.role.add_to_policy(in_bucket("GetObject", bucket=names.access_log_bucket(), prefixes=["*"]))
        self.role.add_to_policy(on_ledger("Query", keys=["print#*", "destroyed#*", "intent#*"]))
        self.role.add_to_policy(in_vault("GetObject", "runs/*/receipt.json"))
        self.role.add_to_policy(look_at_trail())


def _role(scope: Construct, who: str) -> iam.Role:
    return iam.Role(
        scope,
        "Role",
        role_name=names.role(who),
        assumed_by=iam.AccountRootPrincipal(),
        max_session_duration=Duration.hours(8),
    )
