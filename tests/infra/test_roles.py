"""What each role may do: a new permission is a change of this list, seen by whoever reviews it."""

import pytest

from firstcard.agreement import load_site
from firstcard.run.admission import TEMPORARY
from infra.drop import ENDINGS
from tests.infra.templates import PROJECT, listed

LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
QUEUE = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
SITE = load_site(PROJECT)
DISTRICTS = sorted({agreement.district for agreement in SITE.agreements})
LIBRARIES = sorted(library.id for library in SITE.libraries)
ALLOWED = {
    "admit": [
        *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem", "events:PutEvents"),
        *("s3:DeleteObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"),
        *("states:DescribeExecution", "states:StartExecution", *LOGS, *QUEUE),
    ],
    "plan": [
        *(
            "dynamodb:BatchGetItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            "events:PutEvents",
        ),
        *("s3:DeleteObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject", "secretsmanager:GetSecretValue"),
        *("states:SendTaskSuccess", *LOGS),
    ],
    "hold": [
        *("dynamodb:GetItem", "dynamodb:UpdateItem", "events:PutEvents"),
        *("s3:GetObject", "s3:ListBucket", "s3:PutObject", "states:SendTaskSuccess", *LOGS),
    ],
    "begin": ["dynamodb:GetItem", "dynamodb:UpdateItem", *LOGS],
    "issue": [
        *("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
        *("s3:GetObject", *LOGS),
    ],
    "finish": [
        *("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "events:PutEvents"),
        *("s3:GetObject", "s3:ListBucket", "s3:PutObject", *LOGS),
    ],
    "publish": [
        *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams", "events:PutEvents"),
        *("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage", *LOGS),
    ],
    "sync": [
        *(
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "secretsmanager:GetSecretValue",
            *LOGS,
            *QUEUE,
        ),
    ],
    "notify": [
        *("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
        *("s3:GetObject", "s3:ListBucket", "secretsmanager:GetSecretValue", "ses:SendBulkEmail", *LOGS, *QUEUE),
    ],
    "window": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem", *LOGS],
    "explain": [
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "s3:GetObject", "s3:ListBucket"),
        *("secretsmanager:GetSecretValue", *LOGS),
    ],
    "tally": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "s3:GetObject", "s3:ListBucket", "s3:PutObject", *LOGS],
    "destroy": [
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
        *("events:PutEvents", "s3:DeleteObjectVersion", "s3:GetObject", "s3:ListBucket", "s3:ListBucketVersions", "s3:PutObject", *LOGS),
    ],
    "settle": [
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "s3:GetObject", "s3:ListBucket", *LOGS),
    ],
    "gather": [
        *("dynamodb:GetItem", "dynamodb:PutItem", "s3:DeleteObjectVersion", "s3:ListBucketVersions", "s3:PutObject"),
        *("secretsmanager:GetSecretValue", *LOGS),
    ],
    "honour": ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", *LOGS],
    "attest": [
        *(
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        ),
        *("s3:GetObject", "s3:ListBucket", "secretsmanager:GetSecretValue", *LOGS),
    ],
    "bounce": ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem", *LOGS, *QUEUE],
    "reset": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "secretsmanager:GetSecretValue", *LOGS],
    "print": [
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "s3:GetObject", "s3:ListBucket"),
        *("secretsmanager:GetSecretValue", *LOGS),
    ],
    "reveal": [
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
        *("secretsmanager:GetSecretValue", *LOGS),
    ],
    "consent": ["dynamodb:BatchGetItem", "dynamodb:PutItem", "secretsmanager:GetSecretValue", *LOGS],
    "refuse": ["dynamodb:BatchGetItem", "dynamodb:PutItem", "secretsmanager:GetSecretValue", *LOGS],
    "rehearse": [
        *("dynamodb:GetItem", "s3:DeleteObjectVersion", "s3:GetObjectVersion", "s3:ListBucketVersions", "s3:PutObject"),
        *("secretsmanager:GetSecretValue", *LOGS, *QUEUE),
    ],
    "preview": [
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
        *("s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"),
        *("secretsmanager:GetSecretValue", *LOGS),
    ],
    "roster-run": [
        *(
            "lambda:InvokeFunction",
            "s3:ListBucket",
            "states:DescribeExecution",
            "states:StartExecution",
            "states:StopExecution",
        ),
        *(
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
        ),
        *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
    ],
    "operator": [
        *(
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            "s3:GetObject",
            "s3:ListBucket",
        ),
        *("lambda:InvokeFunction", "states:SendTaskSuccess"),
    ],
    "librarian": ["lambda:InvokeFunction"],
    "handout": ["lambda:InvokeFunction"],
    "systems-librarian": [
        *("dynamodb:GetItem", "dynamodb:PutItem", "lambda:InvokeFunction"),
        *("s3:DeleteObjectVersion", "s3:ListBucketVersions", "s3:PutObject"),
    ],
    "keyholder": ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"],
    "officer": [
        *("cloudtrail:GetEventSelectors", "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "cloudtrail:ListPublicKeys"),
        *("dynamodb:Query", "s3:GetObject", "s3:ListBucket"),
    ],
    **{f"upload-{district}": ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject"] for district in DISTRICTS},
    **{f"sftp-{district}": ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"] for district in DISTRICTS},
    **{f"library-{library}": QUEUE for library in LIBRARIES},
}


def test_every_role_is_on_the_list(templates):
    assert sorted(p["RoleName"] for _, _, p in templates.every("AWS::IAM::Role")) == sorted(f"firstcard-{name}" for name in ALLOWED)


@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_may_do_what_is_listed_and_nothing_else(templates, role):
    assert templates.actions(f"firstcard-{role}") == sorted(ALLOWED[role])


def test_no_role_has_a_wildcard_action_or_a_managed_policy(templates):
    assert [a for role in ALLOWED for a in templates.actions(f"firstcard-{role}") if "*" in a] == []
    assert [i for _, i, p in templates.every("AWS::IAM::Role") if p.get("ManagedPolicyArns")] == []


def test_no_role_policy_reaches_a_key_so_that_only_key_policies_decide(templates):
    assert [role for role in ALLOWED if any(a.startswith("kms:") for a in templates.actions(f"firstcard-{role}"))] == []


def test_only_issue_window_refuse_reset_print_and_destroy_write_patrons_and_only_sync_their_ils_state_attest_and_honour_whose_words_they_take_and_consent_their_yes(
    templates,
):
    writers = set()
    for role in ALLOWED:
        for statement in templates.role_statements(f"firstcard-{role}"):
            writes = {"dynamodb:PutItem", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(
                listed(statement["Action"])
            )
            cards = any(str(r).endswith("table/firstcard-cards") for r in listed(statement["Resource"]))
            keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"])
            if writes and cards and {"patron#*", "*"} & set(listed(keys)):
                writers.add(role)
    assert writers == {"issue", "window", "refuse", "reset", "print", "destroy", "sync", "attest", "honour", "consent"}


def test_only_issue_claims_a_card_number_and_nobody_can_take_a_claim_away(templates):
    may = {}
    for role in ALLOWED:
        for statement in templates.role_statements(f"firstcard-{role}"):
            keys = listed(statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"]))
            cards = any(str(r).endswith("table/firstcard-cards") for r in listed(statement["Resource"]))
            if cards and {"number#*", "*"} & set(keys):
                may.setdefault(role, set()).update(listed(statement["Action"]))
    assert may == {"plan": {"dynamodb:BatchGetItem"}, "preview": {"dynamodb:BatchGetItem"}, "issue": {"dynamodb:PutItem"}}


def test_reveal_writes_what_is_its_own_and_reads_no_other_secret_than_the_links(templates):
    reached = {
        (
            action,
            resource.rpartition(":")[2],
            *listed(s.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])),
        )
        for s in templates.role_statements("firstcard-reveal")
        for action in listed(s["Action"])
        for resource in listed(s["Resource"])
        if not action.startswith("logs:")
    }
    assert reached == {
        ("dynamodb:BatchGetItem", "table/firstcard-cards", "patron#*", "household#*", "envelope#*", "pin#*"),
        ("dynamodb:PutItem", "table/firstcard-cards", "pin#*"),
        ("dynamodb:UpdateItem", "table/firstcard-cards", "pin#*"),
        ("dynamodb:GetItem", "table/firstcard-ledger", "agreement#*"),
        ("dynamodb:PutItem", "table/firstcard-ledger", "intent#*"),
        ("secretsmanager:GetSecretValue", "firstcard/links/*"),
    }


def test_nobody_but_reveal_and_print_writes_that_a_pin_was_shown(templates):
    writers = {
        role
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        if {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"} & set(listed(s["Action"]))
        and any(str(r).endswith("table/firstcard-cards") for r in listed(s["Resource"]))
        and {"pin#*", "*"} & set(listed(s.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"])))
    }
    assert writers == {"reveal", "print"}


def test_only_plan_preview_explain_reset_attest_and_print_can_make_a_childs_token_and_no_person(templates):
    readers = {
        role
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        for resource in listed(s["Resource"])
        if "secretsmanager:GetSecretValue" in listed(s["Action"]) and "secret:firstcard/tokens/" in resource
    }
    assert readers == {"plan", "preview", "explain", "reset", "attest", "print"}


def test_the_vaults_key_opens_for_exactly_those_who_may_read_the_vault(templates):
    vault = "arn:aws:s3:::firstcard-vault-111122223333-us-east-1/"
    roles = [p["RoleName"] for _, _, p in templates.every("AWS::IAM::Role") if str(p.get("RoleName", "")).startswith("firstcard-")]
    readers = {
        role
        for role in roles
        for s in templates.role_statements(role)
        if {"s3:GetObject", "s3:GetObjectVersion"} & set(listed(s["Action"]))
        and any(str(r).startswith(vault) for r in listed(s["Resource"]))
    }
    named = {
        arn.rsplit("/", 1)[-1]
        for _, _, p in templates.every("AWS::KMS::Key")
        for s in p["KeyPolicy"]["Statement"]
        if s.get("Sid") == "ReadTheVault"
        for arn in s["Condition"]["ArnLike"]["aws:PrincipalArn"]
        if ":role/" in arn
    }
    assert named == readers


def test_explain_reads_of_the_vault_what_holds_tokens_and_writes_nowhere(templates):
    statements = templates.role_statements("firstcard-explain")
    objects = {r for s in statements if "s3:GetObject" in listed(s["Action"]) for r in listed(s["Resource"])}
    vault = "arn:aws:s3:::firstcard-vault-111122223333-us-east-1"
    assert objects == {f"{vault}/runs/*/people.json.gz", f"{vault}/runs/*/manifest.json.gz"}
    writes = ("Put", "Update", "Delete", "BatchWrite", "Transact")
    assert [a for a in templates.actions("firstcard-explain") if a.partition(":")[2].startswith(writes) and not a.startswith("logs:")] == []


def test_tally_reads_counts_and_states_and_no_function_but_it_and_no_person_reads_the_counts(templates):
    vault = "arn:aws:s3:::firstcard-vault-111122223333-us-east-1"
    readers = {}
    for role in ALLOWED:
        for s in templates.role_statements(f"firstcard-{role}"):
            if any(a.startswith("s3:GetObject") for a in listed(s["Action"])):
                readers.setdefault(role, set()).update(r for r in listed(s["Resource"]) if r.startswith(vault))
    assert readers["tally"] == {f"{vault}/{what}" for what in ("census/*", "usage/*", "progress/*", "manifests/*", "runs/*/plan.json")}
    assert {role for role, objects in readers.items() if objects & {f"{vault}/census/*", f"{vault}/usage/*"}} == {"tally"}
    cards = [
        s for s in templates.role_statements("firstcard-tally") if any(str(r).endswith("/firstcard-cards") for r in listed(s["Resource"]))
    ]
    assert [(listed(s["Action"]), s["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) for s in cards] == [
        (["dynamodb:BatchGetItem"], ["patron#*"])
    ] or [listed(s["Action"]) for s in cards] == [["dynamodb:BatchGetItem"]]


def test_a_person_may_call_the_functions_that_work_for_that_person(templates):
    callers = {
        role: sorted(listed(s["Resource"]))
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        if "lambda:InvokeFunction" in listed(s["Action"]) and role != "roster-run"
    }
    functions = "arn:aws:lambda:us-east-1:111122223333:function"
    assert callers == {
        "operator": [f"{functions}:firstcard-{verb}" for verb in ("attest", "explain", "preview", "reset", "tally")],
        "librarian": [f"{functions}:firstcard-{verb}" for verb in ("honour", "settle")],
        "handout": [f"{functions}:firstcard-print"],
        "systems-librarian": [f"{functions}:firstcard-{verb}" for verb in ("gather", "honour")],
    }


def test_who_prints_says_who_it_is_and_reads_nothing_by_itself(templates):
    (asking,) = templates.role_statements("firstcard-handout")
    assert asking["Condition"] == {"Null": {"aws:SourceIdentity": "false"}}
    ((_, _, role),) = [found for found in templates.every("AWS::IAM::Role") if found[2]["RoleName"] == "firstcard-handout"]
    trusted = [action for s in role["AssumeRolePolicyDocument"]["Statement"] for action in listed(s["Action"])]
    assert trusted == ["sts:AssumeRole", "sts:SetSourceIdentity"]


def test_print_reaches_the_manifests_and_of_the_tables_what_it_prints_marks_and_records(templates):
    reached = {
        (
            action,
            resource.rpartition(":")[2].rpartition("us-east-1/")[2],
            *listed(s.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])),
        )
        for s in templates.role_statements("firstcard-print")
        for action in listed(s["Action"])
        for resource in listed(s["Resource"])
        if not action.startswith("logs:")
    }
    assert reached == {
        ("dynamodb:BatchGetItem", "table/firstcard-cards", "patron#*", "envelope#*", "pin#*"),
        ("dynamodb:PutItem", "table/firstcard-cards", "patron#*", "envelope#*", "pin#*"),
        ("dynamodb:GetItem", "table/firstcard-ledger", "agreement#*", "district#*"),
        ("dynamodb:PutItem", "table/firstcard-ledger", "intent#*", "print#*"),
        ("s3:GetObject", "manifests/*"),
        ("s3:ListBucket", "firstcard-vault-111122223333-us-east-1"),
        ("secretsmanager:GetSecretValue", "firstcard/tokens/*"),
    }


def test_only_print_records_what_was_printed_and_only_the_officer_reads_it(templates):
    may = {}
    for role in ALLOWED:
        for statement in templates.role_statements(f"firstcard-{role}"):
            keys = listed(statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"]))
            ledger = any(str(r).endswith("table/firstcard-ledger") for r in listed(statement["Resource"]))
            if ledger and {"print#*", "*"} & set(keys):
                may.setdefault(role, set()).update(listed(statement["Action"]))
    assert may == {"print": {"dynamodb:PutItem"}, "officer": {"dynamodb:Query"}}


def test_admit_writes_of_the_ledger_only_runs_and_what_it_told_and_notify_no_more_than_its_mails(templates):
    def written(role: str) -> dict[str, set[str]]:
        may: dict[str, set[str]] = {}
        for statement in templates.role_statements(f"firstcard-{role}"):
            if any(str(r).endswith("table/firstcard-ledger") for r in listed(statement["Resource"])):
                for action in {"dynamodb:PutItem", "dynamodb:UpdateItem"} & set(listed(statement["Action"])):
                    may.setdefault(action, set()).update(listed(statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]))
        return may

    assert written("admit") == {"dynamodb:PutItem": {"run#*", "late#*", "patrons#*"}, "dynamodb:UpdateItem": {"run#*"}}
    assert written("notify") == {"dynamodb:PutItem": {"intent#*"}, "dynamodb:UpdateItem": {"run#*", "late#*"}}


def test_only_plan_reads_rosters(templates):
    readers = {
        role
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        if any(a.startswith("s3:GetObject") for a in listed(s["Action"]))
        for resource in listed(s["Resource"])
        if "firstcard-drop-" in resource and resource.endswith("/incoming/*")
    }
    assert readers == {"plan"}


@pytest.mark.parametrize("district", DISTRICTS)
def test_a_districts_ways_in_name_its_own_bucket_only(templates, district):
    for way in ("upload", "sftp"):
        for statement in templates.role_statements(f"firstcard-{way}-{district}"):
            for resource in listed(statement["Resource"]):
                assert resource.startswith(f"arn:aws:s3:::firstcard-drop-{district}-111122223333-us-east-1"), (way, resource)


def test_an_sftp_account_reads_back_only_what_it_has_not_finished(templates):
    readable = {
        resource.partition("/")[2]
        for s in templates.role_statements("firstcard-sftp-duval")
        if "s3:GetObject" in listed(s["Action"])
        for resource in listed(s["Resource"])
    }
    assert readable == {f"{folder}/*.{ending}" for folder in ("incoming", "try", "preview") for ending in ENDINGS} | {"outbox/*"}
    assert {f".{ending}" for ending in ENDINGS} == set(TEMPORARY)


def test_rehearse_reads_and_deletes_trials_and_writes_their_receipts_and_reaches_nothing_else(templates):
    drops = "arn:aws:s3:::firstcard-drop-*-111122223333-us-east-1"
    reached = {
        (action, resource.removeprefix("arn:aws:"))
        for s in templates.role_statements("firstcard-rehearse")
        for action in listed(s["Action"])
        for resource in listed(s["Resource"])
        if not action.startswith(("logs:", "sqs:"))
    }
    assert reached == {
        ("s3:ListBucketVersions", drops.removeprefix("arn:aws:")),
        ("s3:GetObjectVersion", f"{drops}/try/*".removeprefix("arn:aws:")),
        ("s3:DeleteObjectVersion", f"{drops}/try/*".removeprefix("arn:aws:")),
        ("s3:PutObject", f"{drops}/outbox/try-*".removeprefix("arn:aws:")),
        ("secretsmanager:GetSecretValue", "secretsmanager:us-east-1:111122223333:secret:firstcard/openpgp/*"),
        ("dynamodb:GetItem", "dynamodb:us-east-1:111122223333:table/firstcard-ledger"),
    }
    conditions = [s.get("Condition") for s in templates.role_statements("firstcard-rehearse")]
    assert {"StringLike": {"s3:prefix": "try/*"}} in conditions
    assert {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["agreement#*"]}} in conditions


def test_preview_changes_nothing_but_that_it_deletes_what_it_was_shown_and_writes_down_what_it_opens(templates):
    changing = {
        (
            action,
            resource.rpartition("us-east-1/")[2] or resource,
            *listed(s.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])),
        )
        for s in templates.role_statements("firstcard-preview")
        for action in listed(s["Action"])
        for resource in listed(s["Resource"])
        if not action.startswith("logs:") and not action.partition(":")[2].startswith(("Get", "List", "BatchGet", "Query"))
    }
    assert {(action, *keys) for action, _, *keys in changing} == {("s3:DeleteObjectVersion",), ("dynamodb:PutItem", "intent#*")}


def test_versions_are_deleted_of_trials_of_previews_of_libraries_own_patrons_and_after_a_term_alone(templates):
    deleting = {
        (role, resource.rpartition("us-east-1/")[2])
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        if "s3:DeleteObjectVersion" in listed(s["Action"])
        for resource in listed(s["Resource"])
    }
    assert deleting == {
        ("rehearse", "try/*"),
        ("preview", "preview/*"),
        ("destroy", "students/*"),
        ("destroy", "snapshots/*"),
        *((role, "patrons/*") for role in ("admit", "systems-librarian", "gather")),
    }


def test_destroy_removes_and_reads_nothing_that_is_sealed(templates):
    statements = templates.role_statements("firstcard-destroy")
    read = {r.rpartition("us-east-1/")[2] for s in statements if "s3:GetObject" in listed(s["Action"]) for r in listed(s["Resource"])}
    assert read == {"manifests/*"}
    keys = {
        action: listed(s["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
        for s in statements
        for action in listed(s["Action"])
        if action == "dynamodb:BatchGetItem" and "Condition" in s
    }
    assert keys == {"dynamodb:BatchGetItem": ["patron#*", "household#*"]}


def test_only_those_who_import_write_a_librarys_patrons_and_only_plan_and_preview_read_them(templates):
    touching = {
        (role, action)
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        for action in listed(s["Action"])
        for resource in listed(s["Resource"])
        if "/patrons/" in resource and action != "s3:DeleteObjectVersion"
    }
    assert touching == {
        ("systems-librarian", "s3:PutObject"),
        ("gather", "s3:PutObject"),
        ("plan", "s3:GetObject"),
        ("preview", "s3:GetObject"),
    }


def test_a_districts_roles_reach_nothing_of_a_librarys_patrons(templates):
    for role in (
        *(f"{way}-{district}" for way in ("upload", "sftp") for district in DISTRICTS),
        *(f"library-{library}" for library in LIBRARIES),
    ):
        assert "patrons" not in str(templates.role_statements(f"firstcard-{role}")), role
        assert "firstcard-vault" not in str(templates.role_statements(f"firstcard-{role}")), role


def test_who_brings_patrons_in_reads_nothing_of_the_vault_and_no_other_item_of_the_ledger(templates):
    for role in ("systems-librarian", "gather"):
        assert "s3:GetObject" not in templates.actions(f"firstcard-{role}")
        keys = [
            s["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            for s in templates.role_statements(f"firstcard-{role}")
            if any(action.startswith("dynamodb:") for action in listed(s["Action"]))
        ]
        assert keys == [["patrons#*"]] or keys == ["patrons#*"], role


def test_plan_removes_snapshots_and_nothing_else_preview_reads_them_and_nobody_but_destroy_touches_them_beside(templates):
    touching = {
        (role, action)
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        for action in listed(s["Action"])
        for resource in listed(s["Resource"])
        if "/snapshots/" in resource or (action == "s3:DeleteObject" and "firstcard-vault-" in resource)
    }
    assert touching == {
        ("preview", "s3:GetObject"),
        *(("plan", f"s3:{action}") for action in ("GetObject", "PutObject", "DeleteObject")),
        ("destroy", "s3:DeleteObjectVersion"),
    }
    (removing,) = [s for s in templates.role_statements("firstcard-plan") if "s3:DeleteObject" in listed(s["Action"])]
    assert [resource.rpartition("us-east-1/")[2] for resource in listed(removing["Resource"])] == ["snapshots/*", "students/*"]


def test_only_plan_says_which_snapshot_counts(templates):
    writers = {
        role
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        if {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(listed(s["Action"]))
        and "snapshot#*" in listed(s.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", []))
    }
    assert writers == {"plan"}
