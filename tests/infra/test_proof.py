"""What is deployed allows what is agreed and nothing else; and the proof of it notices every small way in which that could stop being true."""

import json
import os
import random
from datetime import timedelta
from typing import Any

import pytest
from aws_cdk import App
from typer.testing import CliRunner

from cli.agreement import app
from cli.proof.deployment import Deployment, deployment_of
from cli.proof.policy import Statement, UnknownPolicyError
from cli.proof.prove import Proof
from firstcard.agreement import Agreement, Purpose, Site, Status, load_site
from infra.product import add_district
from tests.infra.mutations import changes, places
from tests.infra.templates import PROJECT, written

SITE = load_site(PROJECT)
MOST_PER_STATEMENT = 10_000 if os.environ.get("FIRSTCARD_ALL_MUTATIONS") else 1
"""Beside its removal, for some statements; ``FIRSTCARD_ALL_MUTATIONS=1`` tries every one (some minutes)."""
ONE_IN = 1 / 3
"""For how many of the statements a change beside the removal is drawn, where not all are tried."""


@pytest.fixture(scope="module")
def deployment(templates) -> Deployment:
    return deployment_of(templates.stacks)


# Mutations


def _of_a_session(where: str, statement: Statement, what: str) -> bool:
    return what.startswith("aws:principalarn without arn:aws:sts::") and "assumed-role" in what


def _account_is_in_the_role(where: str, statement: Statement, what: str) -> bool:
    return what == "without StringEquals kms:calleraccount" and any(one.operator == "ArnLike" for one in statement.conditions)


def _own_resource(where: str, statement: Statement, what: str) -> bool:
    return what == "resources of all" and where.startswith(("bucket ", "queue ", "topic "))


def _only_writes_name_an_encryption(where: str, statement: Statement, what: str) -> bool:
    encryption = bool(statement.conditions) and all(one.key.startswith("s3:x-amz-server-side-encryption") for one in statement.conditions)
    return what in ("actions of all", "all actions of the service") and not statement.allows and encryption


def _every_action_already(where: str, statement: Statement, what: str) -> bool:
    every = statement.actions in (("s3:*",), ("sqs:*",))
    return what in ("actions of all", "all actions of the service") and every and where.startswith(("bucket ", "queue "))


def _only_listings_have_a_prefix(where: str, statement: Statement, what: str) -> bool:
    listing = set(statement.actions) == {"s3:listbucket", "s3:listbucketversions"} and any(
        one.key == "s3:prefix" for one in statement.conditions
    )
    return what in ("actions of all", "all actions of the service") and listing


def _lists_anyway(where: str, statement: Statement, what: str) -> bool:
    listing = statement.actions == ("s3:listbucketversions",) and any(one.key == "s3:prefix" for one in statement.conditions)
    return what in ("actions of all", "all actions of the service") and listing and where == "role firstcard-destroy"


EQUIVALENT = {
    "AWS gives the role's ARN as aws:PrincipalArn, in a session too; the session's is written for other evaluators": _of_a_session,
    "the role's ARN names the account already": _account_is_in_the_role,
    "a policy of a bucket, queue or topic reaches nothing but that": _own_resource,
    "no other action of S3 carries a header of encryption": _only_writes_name_an_encryption,
    "the policy refuses every action already": _every_action_already,
    "no action but these two carries a listing's prefix": _only_listings_have_a_prefix,
    "no other action carries a listing's prefix but one that the role has for the whole bucket": _lists_anyway,
}
"""Changes that change nothing, and why."""


def test_every_small_change_of_a_policy_is_noticed_or_changes_nothing(deployment):
    proof = Proof(deployment, SITE)
    drawn = random.Random(20261123)
    unnoticed: list[str] = []
    tried = 0
    for place in places(deployment, proof):
        before = place.read()
        for number, statement in enumerate(before):
            removed, *others = changes(statement)
            more = min(MOST_PER_STATEMENT, len(others)) if MOST_PER_STATEMENT > 1 or drawn.random() < ONE_IN else 0
            for what, changed in [removed, *drawn.sample(others, more)]:
                tried += 1
                reasons = [reason for reason, changes_nothing in EQUIVALENT.items() if changes_nothing(place.name, statement, what)]
                noticed = place.says_otherwise_with((*before[:number], *changed, *before[number + 1 :]))
                if not noticed and not reasons:
                    unnoticed.append(f"{place.name}: {statement.where} {what}")
    assert unnoticed == []
    assert tried > 600


def test_what_is_said_to_change_nothing_does_not(deployment):
    proof = Proof(deployment, SITE)
    left = dict(EQUIVALENT)
    for place in places(deployment, proof):
        before = place.read()
        for number, statement in enumerate(before):
            for what, changed in changes(statement):
                for reason, changes_nothing in list(left.items()):
                    if changes_nothing(place.name, statement, what):
                        assert not place.says_otherwise_with((*before[:number], *changed, *before[number + 1 :])), (
                            reason,
                            place.name,
                            what,
                        )
                        del left[reason]
    assert left == {}


# Agreements that the project's own site does not have


def _deployed(tmp_path_factory: pytest.TempPathFactory, *agreements: Agreement) -> Proof:
    """The proof about one district's stack."""
    site = Site(tuple(one for one in SITE.agreements if one.sharing != agreements[0].sharing) + agreements, SITE.libraries)
    folder = tmp_path_factory.mktemp("district")
    cdk = App(outdir=str(folder))
    add_district(cdk, site=site, district=agreements[0].district, sftp=True)
    return Proof(deployment_of(written(cdk, folder, validated=False).stacks), site)


def _sentences(proof: Proof, alias: str = "alias/firstcard-purpose-jaxpl-duval") -> list[str]:
    callers = [caller for role in [*proof.rights, "firstcard-evaluator"] for caller in proof.sessions(role)]
    return [one.sentence for one in proof.of_key(alias, [*callers, *proof.strangers()])]


def _opened(proof: Proof, alias: str = "alias/firstcard-purpose-jaxpl-duval") -> set[tuple[str, str, str]]:
    """(role, purpose, moment) of all that the agreement has anybody open: what the oracle says by itself."""
    callers = [caller for role in [*proof.rights, "firstcard-evaluator"] for caller in proof.sessions(role)]
    found = set()
    for caller in callers:
        if (test := proof.laws[alias].may(caller, "Decrypt")) is not None:
            found |= {
                (caller.name.removeprefix("firstcard-"), use.says("purpose"), use.moment) for use in proof.laws[alias].uses if test(use)
            }
    return found


@pytest.fixture(scope="module")
def duval() -> Agreement:
    found = SITE.leading("duval")
    assert found is not None
    return found


def test_next_years_agreement_opens_in_its_own_term_beside_this_years(duval, tmp_path_factory):
    begin = duval.term.expires + timedelta(days=30)
    term = duval.term.model_copy(update={"effective": begin, "expires": begin + timedelta(days=364)})
    roles = {name: role for name, role in duval.roles.items() if name != "print"}
    matrix = {purpose: groups for purpose, groups in duval.matrix.items() if purpose is not Purpose.HAND_OUT}
    after = duval.model_copy(update={"id": "next", "term": term, "roles": roles, "matrix": matrix})
    proof = _deployed(tmp_path_factory, duval, after)
    assert _sentences(proof) == []
    moments = {(role, moment) for role, _, moment in _opened(proof)}
    assert {moment for role, moment in moments if role == "print"} < {moment for role, moment in moments if role == "sync"}
    assert ("sync", "at the first moment of next") in moments
    assert not {moment for _, moment in moments if "before the term" in moment or "after the term" in moment}


@pytest.mark.parametrize("status", [Status.DRAFT, Status.SUSPENDED, Status.TERMINATED])
def test_an_agreement_that_is_not_executed_opens_nothing(duval, tmp_path_factory, status):
    proof = _deployed(tmp_path_factory, duval.model_copy(update={"status": status}))
    assert _sentences(proof) == []
    assert _opened(proof) == set()


def test_a_persons_role_opens_only_to_who_says_who_it_is(duval, tmp_path_factory):
    evaluator = duval.roles["sync"].model_copy(update={"human": True, "purposes": (Purpose.SEND_NOTICE,)})
    proof = _deployed(tmp_path_factory, duval.model_copy(update={"roles": {**duval.roles, "evaluator": evaluator}}))
    assert _sentences(proof) == []
    assert {(role, purpose) for role, purpose, _ in _opened(proof) if "evaluator" in role} == {("evaluator", "send_notice")}


def test_a_role_that_the_agreement_no_longer_has_is_told_with_purpose_and_group(duval, deployment):
    roles = {name: role for name, role in duval.roles.items() if name != "notify"}
    without = duval.model_copy(update={"roles": roles})
    site = Site(tuple(without if one is duval else one for one in SITE.agreements), SITE.libraries)
    found = list(Proof(deployment, site).of_key("alias/firstcard-purpose-jaxpl-duval"))
    assert {(one.more, one.who, one.purpose, one.group) for one in found} == {
        (True, "firstcard-notify", "send_notice", group) for group in ("contact", "card")
    }
    assert any(
        "may Decrypt contact for send_notice by alias/firstcard-purpose-jaxpl-duval, at the first moment of" in one.sentence
        for one in found
    )


# The command


def _written(templates: Any, folder: Any, change: Any = None) -> Any:
    stacks = json.loads(json.dumps(templates.stacks))
    if change is not None:
        change(stacks)
    for name, template in stacks.items():
        (folder / f"{name}.template.json").write_text(json.dumps(template))
    return folder


def _run(folder: Any, *more: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["prove", str(PROJECT), "--templates", str(folder), *more])
    return result.exit_code, result.output


def _key_statements(stacks: Any, alias: str) -> list[dict[str, Any]]:
    for template in stacks.values():
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::KMS::Alias" and resource["Properties"]["AliasName"] == alias:
                key = resource["Properties"]["TargetKeyId"]["Fn::GetAtt"][0]
                return template["Resources"][key]["Properties"]["KeyPolicy"]["Statement"]
    raise AssertionError(alias)


def test_what_is_deployed_is_what_is_agreed(templates, tmp_path):
    code, said = _run(_written(templates, tmp_path), "--json")
    told = json.loads(said)
    assert (code, told["more"], told["refused"]) == (0, [], [])
    assert told["requests"] > 1_000_000_000
    assert told["keys"] == len(list(templates.every("AWS::KMS::Key")))


def test_leaving_a_key_to_the_accounts_policies_reaches_every_administrator(templates, tmp_path):
    def leave(stacks: Any) -> None:
        statements = _key_statements(stacks, "alias/firstcard-purpose-jaxpl-duval")
        statements.append({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"})

    code, said = _run(_written(templates, tmp_path, leave), "--json")
    told = json.loads(said)
    assert code == 1
    assert told["refused"] == []
    assert {one["who"] for one in told["more"]} == {"an administrator of the account", "the account's root user"}
    opened = [one for one in told["more"] if one["action"] == "kms:Decrypt" and one.get("purpose") == "sync_ils"]
    assert {one.get("group") for one in opened} >= {"identity", "pin"}


def test_a_reader_that_the_vaults_key_leaves_out_is_told_as_a_need(templates, tmp_path):
    def leave_out(stacks: Any) -> None:
        (reads,) = [one for one in _key_statements(stacks, "alias/firstcard-vault") if one["Sid"] == "ReadTheVault"]
        spared = reads["Condition"]["ArnLike"]["aws:PrincipalArn"]
        reads["Condition"]["ArnLike"]["aws:PrincipalArn"] = [arn for arn in spared if "firstcard-print" not in json.dumps(arn)]

    code, said = _run(_written(templates, tmp_path, leave_out))
    assert code == 1
    assert "Needed, and refused:" in said
    assert "firstcard-print needs to s3:GetObject firstcard-vault-111122223333-us-east-1/manifests/x and may not" in said


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (
            {"Condition": {"StringEqualsIgnoreCase": {"aws:PrincipalArn": "x"}}},
            "unknown operator StringEqualsIgnoreCase in statement New of",
        ),
        (
            {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "x"}}},
            "unknown condition key aws:PrincipalTag/team in statement New of",
        ),
        ({"Condition": {"StringEquals": {"aws:PrincipalArn": "${aws:username}"}}}, "unknown variable"),
        ({"NotAction": "kms:Decrypt"}, "unknown element NotAction in statement New of"),
        ({"Principal": {"Federated": "accounts.example.org"}}, "unknown principal Federated"),
        ({"Resource": {"Fn::ImportValue": "x"}}, "unknown reference"),
    ],
)
def test_what_cannot_be_judged_is_an_error_and_never_a_pass(templates, tmp_path, part, sentence):
    def add(stacks: Any) -> None:
        one = {"Sid": "New", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*", **part}
        _key_statements(stacks, "alias/firstcard-vault").append(one)

    code, said = _run(_written(templates, tmp_path, add))
    assert code == 2
    assert sentence in said.replace("\n", " ")


def test_a_kind_of_resource_that_nobody_has_looked_at_is_an_error(templates):
    stacks = {**templates.stacks, "Another": {"Resources": {"Way": {"Type": "AWS::S3::AccessPoint", "Properties": {}}}}}
    with pytest.raises(UnknownPolicyError, match=r"unknown kind of resource AWS::S3::AccessPoint: Way of Another"):
        deployment_of(stacks)


def test_a_role_that_nobody_agreed_to_is_told(templates):
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "firstcard-copy", "AssumeRolePolicyDocument": trust}}
    deployed = deployment_of({**templates.stacks, "Another": {"Resources": {"Copy": role}}})
    said = [one.sentence for one in Proof(deployed, SITE).missing()]
    assert "The role firstcard-copy is deployed, and nothing that is agreed needs it." in said
