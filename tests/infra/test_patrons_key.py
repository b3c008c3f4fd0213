"""The key of a library's own patrons: who seals, who opens, until when."""

import json
from datetime import date, timedelta

import pytest

from firstcard.agreement import load_site
from infra.key import ADMINISTRATION
from infra.patrons_key import patrons_statements
from tests.infra.templates import PROJECT, listed

CRYPTOGRAPHY = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncrypt", "kms:CreateGrant")


@pytest.fixture(scope="module")
def clause():
    clause = load_site(PROJECT).library("jaxpl").patrons
    assert clause is not None
    return clause


@pytest.fixture(scope="module")
def statements(clause):
    return patrons_statements("jaxpl", clause)


def test_the_librarian_and_gather_seal_and_plan_and_preview_alone_open(statements):
    allowed = [(str(s["Principal"]["AWS"]).rpartition("/")[2], s["Action"]) for s in statements if s["Effect"] == "Allow"]
    assert allowed == [
        ("firstcard-systems-librarian", "kms:Encrypt"),
        ("firstcard-gather", "kms:Encrypt"),
        ("firstcard-plan", "kms:Decrypt"),
        ("firstcard-preview", "kms:Decrypt"),
    ]


def test_every_use_states_the_library_the_purpose_and_nothing_of_a_district(statements):
    for statement in (s for s in statements if s["Effect"] == "Allow"):
        condition = statement["Condition"]
        assert condition["StringEquals"] == {
            "kms:EncryptionContext:agreement": "jaxpl",
            "kms:EncryptionContext:purpose": "deduplicate",
            "kms:EncryptionContext:group": "patrons",
        }
        assert condition["StringLike"] == {"kms:EncryptionContext:object": "?*"}
        assert condition["ForAllValues:StringEquals"] == {"kms:EncryptionContextKeys": ["agreement", "group", "object", "purpose"]}


def test_it_ends_by_itself_after_the_clauses_last_day(statements, clause):
    for statement in (s for s in statements if s["Effect"] == "Allow"):
        assert statement["Condition"]["DateGreaterThanEquals"] == {"aws:CurrentTime": f"{clause.effective}T00:00:00Z"}
        assert statement["Condition"]["DateLessThan"] == {"aws:CurrentTime": f"{clause.expires + timedelta(days=1)}T00:00:00Z"}


def test_a_longer_clause_changes_nothing_but_the_dates(statements, clause):
    longer = patrons_statements("jaxpl", clause.model_copy(update={"expires": date(2030, 6, 30)}))
    assert json.dumps(longer).replace("2030-07-01", str(clause.expires + timedelta(days=1))) == json.dumps(statements)


def test_nobody_opens_it_by_another_policy_and_nobody_hands_it_on(statements):
    denied = {s["Sid"]: s for s in statements if s["Effect"] == "Deny"}
    assert {s["Principal"]["AWS"] for s in denied.values()} == {"*"}
    spared = denied["NeverOpenedByAnybodyElse"]["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
    assert {arn.rpartition("firstcard-")[2].removesuffix("/*") for arn in spared} == {"plan", "preview"}
    assert denied["NeverOpenedByAnybodyElse"]["Action"] == ["kms:Decrypt", "kms:ReEncrypt*"]
    assert denied["NeverForAnythingElse"]["Condition"] == {"StringNotEquals": {"kms:EncryptionContext:agreement": "jaxpl"}}
    assert denied["NeverHandedOn"]["Action"] == "kms:CreateGrant"


def test_only_a_library_with_a_clause_has_such_a_key_and_the_template_carries_the_policy(templates, statements):
    aliases = [(s, p["AliasName"]) for s, _, p in templates.every("AWS::KMS::Alias") if "-patrons-" in p["AliasName"]]
    assert aliases == [("FirstCardLibrary-jaxpl", "alias/firstcard-patrons-jaxpl")]
    (key,) = [p for s, _, p in templates.every("AWS::KMS::Key") if s == "FirstCardLibrary-jaxpl"]
    root, *others = key["KeyPolicy"]["Statement"]
    assert (root["Principal"], sorted(root["Action"])) == ({"AWS": "arn:aws:iam::111122223333:root"}, sorted(ADMINISTRATION))
    assert not {a for a in root["Action"] if a.startswith(CRYPTOGRAPHY)}
    said = [[(s["Sid"], s["Effect"], sorted(listed(s["Action"]))) for s in told] for told in (others, statements)]
    assert said[0] == said[1]
    assert [p["Principal"]["AWS"] for p in others[:4]] == [
        f"arn:aws:iam::111122223333:role/firstcard-{r}" for r in ("systems-librarian", "gather", "plan", "preview")
    ]


def test_no_other_key_knows_the_librarian_but_the_vaults_own_for_writing_extracts_and_use(templates):
    knowing = {
        (p["AliasName"], s["Sid"])
        for stack, template in templates.stacks.items()
        for _, _, p in [one for one in templates.every("AWS::KMS::Alias") if one[0] == stack]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::KMS::Key" and logical_id in str(p["TargetKeyId"])
        for s in resource["Properties"]["KeyPolicy"]["Statement"]
        if "firstcard-systems-librarian" in json.dumps(s)
    }
    assert knowing == {
        ("alias/firstcard-vault", "WriteExtracts"),
        ("alias/firstcard-vault", "WriteUse"),
        ("alias/firstcard-patrons-jaxpl", "SystemsLibrarianEncryptForDeduplicate"),
    }


def test_what_the_sweep_could_not_destroy_goes_by_lifecycle_two_days_later(templates, clause):
    vault = templates.named("AWS::S3::Bucket", BucketName="firstcard-vault-111122223333-us-east-1")
    (rule,) = [r for r in vault["LifecycleConfiguration"]["Rules"] if r.get("Prefix") == "patrons/"]
    assert (rule["Status"], rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"]) == (
        "Enabled",
        clause.keep_days + 1,
        {"NoncurrentDays": 1},
    )
