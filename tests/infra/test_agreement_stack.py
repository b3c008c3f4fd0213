"""What an agreement compiles to."""

import json
from datetime import timedelta
from typing import Any

import pytest

from firstcard.agreement import Agreement, Group, Purpose, Status, load_site
from infra import names
from infra.key import ADMINISTRATION
from infra.purpose_key import UnknownRole, purpose_statements
from tests.infra.templates import PROJECT, listed

CRYPTOGRAPHY = {"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey", "kms:CreateGrant"}


@pytest.fixture(scope="module")
def agreement() -> Agreement:
    found = load_site(PROJECT).leading("duval")
    assert found is not None
    return found


def _allowed(agreement: Agreement) -> list[dict[str, Any]]:
    return [s for s in purpose_statements(agreement) if s["Effect"] == "Allow"]


def _keys(templates, stack: str) -> dict[str, list[dict[str, Any]]]:
    aliases = {p["TargetKeyId"]: p["AliasName"] for s, _, p in templates.every("AWS::KMS::Alias") if s == stack}
    return {aliases[f"<{i}.Arn>"]: p["KeyPolicy"]["Statement"] for s, i, p in templates.every("AWS::KMS::Key") if s == stack}


def test_the_purpose_key_lets_each_role_open_what_the_agreement_says_and_plan_only_seal(agreement):
    told = {
        (s["Principal"]["AWS"].rpartition("/")[2], s["Action"], s["Condition"]["StringEquals"]["kms:EncryptionContext:purpose"]): s[
            "Condition"
        ]["StringEquals"]["kms:EncryptionContext:group"]
        for s in _allowed(agreement)
    }
    opened = {("firstcard-" + a.role, "kms:Decrypt", str(a.purpose)) for a in agreement.accesses()}
    sealed = {("firstcard-plan", "kms:Encrypt", str(p)) for p in Purpose if agreement.matrix.get(p)}
    renewed = {
        (f"firstcard-{who}", "kms:Encrypt", purpose) for who in ("reset", "print") for purpose in ("sync_ils", "show_pin", "hand_out")
    }
    assert set(told) == opened | sealed | renewed
    for key, groups in told.items():
        assert groups == (["pin"] if key in renewed else sorted(str(g) for g in agreement.matrix[Purpose(key[2])]))


def test_a_pin_is_renewed_only_where_a_family_is_shown_it_and_whoever_renews_it_opens_nothing(agreement):
    pin = agreement.card.pin.model_copy(update={"page": None})
    without = agreement.model_copy(update={"card": agreement.card.model_copy(update={"pin": pin})})
    assert "firstcard-reset" not in json.dumps(purpose_statements(without))
    assert {s["Action"] for s in _allowed(agreement) if "firstcard-reset" in s["Principal"]["AWS"]} == {"kms:Encrypt"}


def test_where_no_pin_is_printed_print_seals_none(agreement):
    matrix = {**agreement.matrix, Purpose.HAND_OUT: (Group.IDENTITY, Group.CARD, Group.ENROLMENT)}
    without = agreement.model_copy(update={"matrix": matrix})
    assert {s["Action"] for s in _allowed(without) if s["Principal"]["AWS"].endswith("/firstcard-print")} == {"kms:Decrypt"}


def test_a_pin_is_opened_by_sync_by_the_page_that_shows_it_and_by_print_and_by_nobody_else(agreement):
    opening = {
        s["Principal"]["AWS"].rpartition("/")[2]: s["Condition"]["StringEquals"]["kms:EncryptionContext:group"]
        for s in _allowed(agreement)
        if s["Action"] == "kms:Decrypt" and "pin" in s["Condition"]["StringEquals"]["kms:EncryptionContext:group"]
    }
    assert opening == {
        "firstcard-sync": ["age", "card", "enrolment", "identity", "pin"],
        "firstcard-reveal": ["age", "card", "pin"],
        "firstcard-print": ["card", "enrolment", "identity", "pin"],
    }


@pytest.fixture(scope="module")
def with_deltas(agreement) -> Agreement:
    """The same agreement where files of changes are agreed."""
    plan = agreement.roles["plan"].model_copy(
        update={"purposes": (*agreement.roles["plan"].purposes, Purpose.MERGE_DELTA), "opens": (Purpose.MERGE_DELTA,)}
    )
    changes = {
        "matrix": {**agreement.matrix, Purpose.MERGE_DELTA: (Group.ROSTER,)},
        "roles": {**agreement.roles, "plan": plan},
        "exchange": agreement.exchange.model_copy(update={"deltas": True}),
    }
    return agreement.model_copy(update=changes)


def test_where_changes_are_agreed_plan_alone_opens_the_last_roster_and_still_nothing_else(agreement, with_deltas):
    before = [s["Sid"] for s in _allowed(agreement)]
    new = [s for s in _allowed(with_deltas) if s["Sid"] not in before]
    assert [(s["Principal"]["AWS"].rpartition("/")[2], s["Action"]) for s in new] == [
        ("firstcard-plan", "kms:Encrypt"),
        ("firstcard-plan", "kms:Decrypt"),
    ]
    for statement in new:
        equal = statement["Condition"]["StringEquals"]
        assert (equal["kms:EncryptionContext:purpose"], equal["kms:EncryptionContext:group"]) == ("merge_delta", ["roster"])
    assert not [s for s in _allowed(agreement) if "roster" in str(s["Condition"]["StringEquals"]["kms:EncryptionContext:group"])]
    assert not [s for s in _allowed(agreement) if s["Action"] == "kms:Decrypt" and "firstcard-plan" in str(s["Principal"])]


@pytest.fixture(scope="module")
def compared_across(agreement) -> Agreement:
    """The same agreement where students may be compared with another district's."""
    plan = agreement.roles["plan"].model_copy(
        update={"purposes": (*agreement.roles["plan"].purposes, Purpose.DEDUPLICATE), "opens": (Purpose.DEDUPLICATE,)}
    )
    matrix = {**agreement.matrix, Purpose.DEDUPLICATE: (*agreement.matrix[Purpose.DEDUPLICATE], Group.STUDENTS)}
    return agreement.model_copy(update={"matrix": matrix, "roles": {**agreement.roles, "plan": plan}})


def test_what_students_of_two_districts_are_compared_by_plan_opens_alone_and_plan_opens_nothing_else(compared_across):
    groups = {
        statement["Principal"]["AWS"].rpartition("/")[2]: statement["Condition"]["StringEquals"]["kms:EncryptionContext:group"]
        for statement in _allowed(compared_across)
        if statement["Action"] == "kms:Decrypt" and "Deduplicate" in statement["Sid"]
    }
    assert groups == {"firstcard-plan": ["students"], "firstcard-settle": ["age", "identity"]}


def test_every_use_of_a_purpose_key_states_exactly_agreement_object_group_and_purpose(agreement):
    for statement in _allowed(agreement):
        condition = statement["Condition"]
        assert condition["ForAllValues:StringEquals"] == {"kms:EncryptionContextKeys": ["agreement", "group", "object", "purpose"]}
        assert condition["StringEquals"]["kms:EncryptionContext:agreement"] == "jaxpl.duval"
        assert condition["StringLike"] == {"kms:EncryptionContext:object": "?*"}


def test_access_ends_by_itself_after_the_last_day_of_the_term(agreement):
    for statement in _allowed(agreement):
        first, after = agreement.term.effective, agreement.term.expires + timedelta(days=1)
        assert statement["Condition"]["DateGreaterThanEquals"] == {"aws:CurrentTime": f"{first}T00:00:00Z"}
        assert statement["Condition"]["DateLessThan"] == {"aws:CurrentTime": f"{after}T00:00:00Z"}


@pytest.mark.parametrize("status", [Status.DRAFT, Status.SUSPENDED, Status.TERMINATED])
def test_an_agreement_that_is_not_executed_allows_nothing(agreement, status):
    assert _allowed(agreement.model_copy(update={"status": status})) == []


def test_a_renewed_agreement_opens_what_was_sealed_before_each_in_its_own_term(agreement):
    begin = agreement.term.expires + timedelta(days=1)
    term = agreement.term.model_copy(update={"effective": begin, "expires": begin + timedelta(days=364)})
    both = purpose_statements(agreement, agreement.model_copy(update={"id": "next", "term": term}))
    allowed = [s for s in both if s["Effect"] == "Allow"]
    assert len(allowed) == 2 * len(_allowed(agreement))
    assert len({s["Sid"] for s in both}) == len(both)
    assert {s["Condition"]["StringEquals"]["kms:EncryptionContext:agreement"] for s in allowed} == {"jaxpl.duval"}
    assert {s["Condition"]["DateGreaterThanEquals"]["aws:CurrentTime"][:10] for s in allowed} == {str(agreement.term.effective), str(begin)}


def test_no_context_and_another_agreements_context_are_refused_whoever_asks(agreement):
    denied = [s for s in purpose_statements(agreement) if s["Effect"] == "Deny"]
    assert denied[0]["Principal"] == {"AWS": "*"}
    assert denied[0]["Condition"] == {"StringNotEquals": {"kms:EncryptionContext:agreement": "jaxpl.duval"}}
    assert denied[1]["Action"] == "kms:CreateGrant"


def test_a_purpose_for_a_function_that_does_not_exist_is_refused(agreement):
    roles = {**agreement.roles, "syncc": agreement.roles["sync"]}
    with pytest.raises(UnknownRole, match="syncc"):
        purpose_statements(agreement.model_copy(update={"roles": roles}))


def test_a_person_opens_nothing_without_saying_who_they_are(agreement):
    roles = {**agreement.roles, "evaluator": agreement.roles["sync"].model_copy(update={"human": True})}
    (statement,) = [s for s in _allowed(agreement.model_copy(update={"roles": roles})) if s["Sid"].startswith("Evaluator")]
    assert statement["Condition"]["Null"] == {"aws:SourceIdentity": "false"}
    assert statement["Condition"]["ArnLike"]["aws:PrincipalArn"] == names.session_arns("evaluator")


def test_the_template_carries_the_compiled_policy(templates, agreement):
    statements = _keys(templates, "FirstCardAgreement-duval")["alias/firstcard-purpose-jaxpl-duval"]
    compiled = purpose_statements(agreement)
    assert [s["Sid"] for s in statements[1:]] == [s["Sid"] for s in compiled]
    assert [s["Condition"].get("StringEquals") for s in statements[1:-1]] == [s["Condition"].get("StringEquals") for s in compiled[:-1]]
    assert len(json.dumps(statements)) < 32_768


def test_the_account_administers_every_key_and_decrypts_by_none(templates):
    assert not set(ADMINISTRATION) & CRYPTOGRAPHY
    for stack in templates.stacks:
        for alias, statements in _keys(templates, stack).items():
            roots = [s for s in statements if str(s["Principal"]).endswith(":root'}") and s["Effect"] == "Allow"]
            assert [sorted(s["Action"]) for s in roots] == [sorted(ADMINISTRATION)], alias


def test_only_dynamodb_may_be_granted_a_key(templates):
    for stack in templates.stacks:
        for alias, statements in _keys(templates, stack).items():
            granting = [s for s in statements if s["Effect"] == "Allow" and "kms:CreateGrant" in listed(s["Action"])]
            assert {s["Condition"]["StringEquals"]["kms:ViaService"] for s in granting} <= {"dynamodb.us-east-1.amazonaws.com"}, alias


def test_raw_uploads_and_their_older_versions_are_gone_in_the_agreed_days(templates, agreement):
    drop = templates.named("AWS::S3::Bucket", BucketName="firstcard-drop-duval-111122223333-us-east-1")
    (rule,) = [r for r in drop["LifecycleConfiguration"]["Rules"] if r.get("Prefix") == "incoming/"]
    hidden, older = rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
    assert hidden + older == max(2, agreement.retention.raw_upload_days)


def test_what_a_trial_could_not_delete_goes_by_lifecycle_from_the_next_day(templates):
    drop = templates.named("AWS::S3::Bucket", BucketName="firstcard-drop-duval-111122223333-us-east-1")
    (rule,) = [r for r in drop["LifecycleConfiguration"]["Rules"] if r.get("Prefix") == "try/"]
    assert (rule["Status"], rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"]) == ("Enabled", 1, {"NoncurrentDays": 1})


def test_a_drop_bucket_tells_eventbridge_without_a_hidden_function(templates):
    drop = templates.named("AWS::S3::Bucket", BucketName="firstcard-drop-duval-111122223333-us-east-1")
    assert drop["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert not [i for s, i, _ in templates.every("AWS::Lambda::Function") if s.startswith("FirstCardAgreement")]


@pytest.mark.parametrize(
    ("folder", "reader", "sid"),
    [
        ("incoming", "plan", "RostersAreReadByPlanOnly"),
        ("try", "rehearse", "TrialsAreReadByRehearseOnly"),
        ("preview", "preview", "PreviewsAreReadByPreviewOnly"),
    ],
)
def test_a_folder_is_read_by_its_function_and_what_is_unfinished_by_the_sftp_account(templates, folder, reader, sid):
    (policy,) = [p for s, _, p in templates.every("AWS::S3::BucketPolicy") if s == "FirstCardAgreement-duval"]
    (denied,) = [s for s in policy["PolicyDocument"]["Statement"] if s.get("Sid") == sid]
    spared = {arn.rpartition("firstcard-")[2].removesuffix("/*") for arn in denied["Condition"]["ArnNotLike"]["aws:PrincipalArn"]}
    assert spared == {reader, "sftp-duval"}
    assert denied["Resource"].endswith(f"/{folder}/*")
    assert denied["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]


def test_the_drop_key_lets_rehearse_decrypt_trials_and_encrypt_their_receipts_only(templates):
    statements = _keys(templates, "FirstCardAgreement-duval")["alias/firstcard-drop-duval"]
    bucket = "arn:aws:s3:::firstcard-drop-duval-111122223333-us-east-1"
    told = {
        (action, *listed(s["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"]))
        for s in statements
        if "firstcard-rehearse" in json.dumps(s.get("Condition", {}))
        for action in listed(s["Action"])
    }
    assert told == {("kms:Decrypt", f"{bucket}/try/*"), ("kms:GenerateDataKey", f"{bucket}/outbox/try-*")}


def test_an_sftp_account_sees_four_folders_and_no_other_path(templates):
    accounts = {p["UserName"]: p for _, _, p in templates.every("AWS::Transfer::User")}
    assert accounts["duval"]["HomeDirectoryType"] == "LOGICAL"
    assert accounts["duval"]["HomeDirectoryMappings"] == [
        {"Entry": f"/{folder}", "Target": f"/firstcard-drop-duval-111122223333-us-east-1/{folder}"}
        for folder in ("incoming", "try", "preview", "outbox")
    ]


def test_a_district_with_a_name_too_long_for_its_bucket_is_refused():
    with pytest.raises(ValueError, match="at most 20 characters"):
        names.drop_bucket("a-district-with-a-long-name")


def test_a_kept_roster_goes_by_itself_and_what_was_replaced_goes_after_a_day(templates, agreement):
    vault = templates.named("AWS::S3::Bucket", BucketName="firstcard-vault-111122223333-us-east-1")
    (rule,) = [r for r in vault["LifecycleConfiguration"]["Rules"] if r.get("Prefix") == "snapshots/"]
    assert rule["ExpirationInDays"] >= agreement.retention.roster_days
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 1
