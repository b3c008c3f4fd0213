"""What every template of the product keeps to."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from firstcard.agreement import load_site
from tests.infra.templates import PROJECT, Templates, matches, synthesise

MOST_RESOURCES = 200


def test_aws_solutions_rules_find_nothing_that_is_not_acknowledged_with_a_reason(templates):
    assert templates.findings == ""


def test_cloudformation_linter_finds_nothing(templates, outdir):
    # W3005: the CDK itself writes each function's dependency on its role twice.
    command = [
        str(Path(sys.executable).parent / "cfn-lint"),
        "--ignore-checks",
        "W3005",
        "--",
        *map(str, sorted(outdir.glob("*.template.json"))),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout


def test_there_is_one_stack_for_each_district_one_for_each_library_that_uses_its_patrons_and_five_for_all(templates):
    owned = {name for name in templates.stacks if name.startswith(("FirstCardAgreement-", "FirstCardLibrary-"))}
    site = load_site(PROJECT)
    districts = {f"FirstCardAgreement-{agreement.district}" for agreement in site.agreements}
    assert {"FirstCardAgreement-cms", "FirstCardAgreement-duval"} <= districts
    assert owned == districts | {f"FirstCardLibrary-{library.id}" for library in site.libraries if library.patrons}
    assert set(templates.stacks) - owned == {
        "FirstCardState",
        "FirstCardFamily",
        "FirstCardPipeline",
        "FirstCardTrail",
        "FirstCardSftp",
    }


def test_no_stack_has_two_hundred_resources(templates):
    assert {stack: n for stack, t in templates.stacks.items() if (n := len(t["Resources"])) >= MOST_RESOURCES} == {}


def test_no_stack_locks_another_by_an_export(templates):
    assert not [s for s, t in templates.stacks.items() for o in t.get("Outputs", {}).values() if "Export" in o]
    assert "Fn::ImportValue" not in json.dumps(templates.stacks)


def test_templates_name_no_account_and_no_region(templates):
    assert not re.search(r"\b\d{12}\b|\b(us|eu|ap)-[a-z]+-\d\b", json.dumps(templates.stacks))


@pytest.fixture(scope="module")
def again(tmp_path_factory) -> tuple[Templates, Path]:
    """A second synthesis, into a folder where an earlier one left a bundle that was built for another machine."""
    folder = tmp_path_factory.mktemp("again")
    locked = hashlib.sha256((PROJECT / "layers" / "base" / "requirements.txt").read_bytes()).hexdigest()
    stale = folder / "cdk.out" / f"asset.{hashlib.sha256(locked.encode()).hexdigest()}" / "python" / "other_machine.so"
    stale.parent.mkdir(parents=True)
    stale.touch()
    return synthesise(folder / "cdk.out", folder / "bundles", {}, validated=False), stale


def test_the_same_site_gives_the_same_templates(templates, again):
    assert again[0].stacks == templates.stacks


def test_a_bundle_staged_for_another_machine_is_not_used_again(again):
    assert again[1].parent.is_dir()
    assert not again[1].exists()


def test_every_bucket_refuses_plain_http(templates):
    policies = {p["Bucket"]: p["PolicyDocument"]["Statement"] for _, _, p in templates.every("AWS::S3::BucketPolicy")}
    for _, logical_id, _ in templates.every("AWS::S3::Bucket"):
        denied = [
            s
            for s in policies[f"<{logical_id}>"]
            if s["Effect"] == "Deny" and s["Condition"].get("Bool") == {"aws:SecureTransport": "false"}
        ]
        assert [s["Action"] for s in denied] == ["s3:*"], logical_id


def test_every_bucket_is_private_and_versioned(templates):
    for _, logical_id, bucket in templates.every("AWS::S3::Bucket"):
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, logical_id
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}, logical_id


def test_no_bucket_key_hides_the_object_from_the_key_evidence(templates):
    for _, logical_id, bucket in templates.every("AWS::S3::Bucket"):
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        if rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms":
            assert rule["BucketKeyEnabled"] is False, logical_id


def test_every_bucket_but_the_access_logs_own_is_in_the_access_logs(templates):
    for _, _, bucket in templates.every("AWS::S3::Bucket"):
        logs = bucket.get("LoggingConfiguration", {}).get("DestinationBucketName")
        assert logs == ("firstcard-access-111122223333-us-east-1" if not bucket["BucketName"].startswith("firstcard-access-") else None)


def test_the_trails_bucket_is_locked_for_as_long_as_the_agreements_say(templates):
    logs = templates.named("AWS::S3::Bucket", BucketName="firstcard-logs-111122223333-us-east-1")
    rule = logs["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    from firstcard.agreement import load_site

    assert rule == {"Mode": "COMPLIANCE", "Days": max(a.retention.access_log_days for a in load_site(PROJECT).agreements)}


def test_what_has_a_memory_outlives_its_stack(templates):
    lasting = {"AWS::S3::Bucket", "AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::Events::EventBus"}
    for stack, template in templates.stacks.items():
        for logical_id, resource in template["Resources"].items():
            if resource["Type"] in lasting:
                assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain", (stack, logical_id)


def test_tables_can_be_restored_and_the_cards_table_streams_both_images(templates):
    for _, _, table in templates.every("AWS::DynamoDB::Table"):
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert table["DeletionProtectionEnabled"] is True
    assert templates.named("AWS::DynamoDB::Table", TableName="firstcard-cards")["TimeToLiveSpecification"] == {
        "AttributeName": "gone_at",
        "Enabled": True,
    }
    assert templates.named("AWS::DynamoDB::Table", TableName="firstcard-cards")["StreamSpecification"] == {
        "StreamViewType": "NEW_AND_OLD_IMAGES"
    }


def test_every_queue_with_a_consumer_has_a_dead_letter_queue_with_an_alarm(templates):
    queues = {p["QueueName"]: p for _, _, p in templates.every("AWS::SQS::Queue")}
    alarms = {p["AlarmName"] for _, _, p in templates.every("AWS::CloudWatch::Alarm")}
    for name, queue in queues.items():
        if not name.endswith("-dead"):
            assert f"{name}-dead" in queues
            assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    assert {name for name in queues if name.endswith("-dead")} <= alarms


def test_the_trail_records_every_region_its_digests_and_all_key_use(templates):
    ((_, _, trail),) = templates.every("AWS::CloudTrail::Trail")
    assert trail["IsMultiRegionTrail"] is trail["EnableLogFileValidation"] is True
    management, *_ = trail["AdvancedEventSelectors"]
    assert management["FieldSelectors"] == [{"Field": "eventCategory", "Equals": ["Management"]}]
    told = json.dumps(trail["AdvancedEventSelectors"])
    for watched in (
        "firstcard-drop-",
        "firstcard-vault-",
        "table/firstcard-cards",
        "table/firstcard-ledger",
        "function:firstcard-explain",
        "function:firstcard-reset",
        "function:firstcard-attest",
        "function:firstcard-honour",
        "function:firstcard-print",
        "function:firstcard-tally",
    ):
        assert watched in told


def test_a_familys_pages_are_logged_without_the_link(templates):
    ((_, _, stage),) = templates.every("AWS::ApiGatewayV2::Stage")
    assert "path" not in stage["AccessLogSettings"]["Format"].lower()
    assert "sourceIp" not in stage["AccessLogSettings"]["Format"]
    assert {p["RouteKey"] for _, _, p in templates.every("AWS::ApiGatewayV2::Route")} == {
        f"{method} /{page}/{{link}}" for method in ("GET", "POST") for page in ("no", "yes", "pin")
    }


def test_one_rule_takes_what_is_dropped_by_any_district_and_another_what_is_tried(templates):
    def takers(bucket: str, key: str) -> set[str]:
        detail = {"bucket": {"name": bucket}, "object": {"key": key}}
        event = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        rules = [p for _, _, p in templates.every("AWS::Events::Rule") if "aws.s3" in p.get("EventPattern", {}).get("source", [])]
        return {rule["Name"] for rule in rules if matches(rule["EventPattern"], event)}

    assert takers("firstcard-drop-duval-1-us-east-1", "incoming/roster.zip.pgp") == {"firstcard-dropped"}
    assert takers("firstcard-drop-duval-1-us-east-1", "try/roster.zip.pgp") == {"firstcard-tried"}
    assert takers("firstcard-drop-duval-1-us-east-1", "incoming/try/roster.zip.pgp") == {"firstcard-dropped"}
    assert takers("firstcard-drop-duval-1-us-east-1", "outbox/try-receipt.json") == set()
    assert takers("firstcard-vault-1-us-east-1", "incoming/roster.zip.pgp") == set()
    assert takers("firstcard-vault-1-us-east-1", "try/roster.zip.pgp") == set()


@pytest.mark.parametrize(("rule", "queue"), [("firstcard-dropped", "firstcard-admit"), ("firstcard-tried", "firstcard-rehearse")])
def test_a_rule_of_a_folder_fills_the_queue_of_its_function(templates, rule, queue):
    queues = {f"<{i}.Arn>": p["QueueName"] for _, i, p in templates.every("AWS::SQS::Queue")}
    assert [queues[target["Arn"]] for target in templates.named("AWS::Events::Rule", Name=rule)["Targets"]] == [queue]


def test_changes_are_published_for_what_events_are_made_of(templates):
    (source,) = [p for _, _, p in templates.every("AWS::Lambda::EventSourceMapping") if "StartingPosition" in p]
    patterns = [json.loads(each["Pattern"]) for each in source["FilterCriteria"]["Filters"]]

    def published(sk: str, state: str = "claimed") -> bool:
        change = {"dynamodb": {"Keys": {"pk": {"S": "x"}, "sk": {"S": sk}}, "NewImage": {"state": {"S": state}}}}
        return any(matches(pattern, change) for pattern in patterns)

    for told in ("patron", "ils", "refusal", "profile"):
        assert published(told), told
    assert published("notice#announcement#0123", "sent")
    assert not published("notice#announcement#0123", "claimed")
    assert not published("envelope")
    assert source["BisectBatchOnFunctionError"] is True
    assert "OnFailure" in source["DestinationConfig"]


def test_queues_hand_over_in_batches_and_take_back_single_failures(templates):
    sources = [p for _, _, p in templates.every("AWS::Lambda::EventSourceMapping") if "StartingPosition" not in p]
    sizes = {source["FunctionName"].strip("<>")[:8]: source["BatchSize"] for source in sources}
    assert sizes == {"AdmitFun": 100, "SyncFunc": 100, "NotifyFu": 100, "Rehearse": 1, "BounceFu": 100}
    for source in sources:
        assert source["ScalingConfig"] == {"MaximumConcurrency": 3}
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_layers_are_named_by_their_lock_files_and_no_function_has_more_than_five(templates):
    for _, _, function in templates.every("AWS::Lambda::Function"):
        assert len(function["Layers"]) <= 5
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert "TracingConfig" not in function
