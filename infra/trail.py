"""The stack of the trail: who did what with the data, into the locked log bucket."""

from aws_cdk import Stack
from aws_cdk import aws_cloudtrail as cloudtrail
from constructs import Construct

from infra import names


class Trail(Stack):
    """All regions, digests on, KMS calls included, every access to rosters, vault, tables and the logs themselves, and who asked about a child, for a new PIN, for a print or what a roster would do."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, description="FirstCard: CloudTrail")
        drops, vault, logs = (names.bucket_arn(name) for name in ("firstcard-drop-", f"{names.vault_bucket()}/", f"{names.log_bucket()}/"))
        cloudtrail.CfnTrail(
            self,
            "Trail",
            trail_name=names.TRAIL,
            is_logging=True,
            s3_bucket_name=names.log_bucket(),
            kms_key_id=names.LOGS_KEY,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            advanced_event_selectors=[
                _selector("Management calls, KMS among them", {"eventCategory": ["Management"]}),
                _selector("Rosters, receipts and the vault", _data("AWS::S3::Object"), starts_with=[drops, vault]),
                # Reads only: the trail's own deliveries would otherwise log themselves for ever.
                _selector("Who reads the logs", {**_data("AWS::S3::Object"), "readOnly": ["true"]}, starts_with=[logs]),
                # The call's body, which holds a student's id, is no part of the record.
                _selector(
                    "Who asked about a child, a new PIN or noes, told of letters or a no taken back, printed, had a report counted, or asked what a roster would do",
                    {
                        **_data("AWS::Lambda::Function"),
                        "resources.ARN": [
                            names.function_arn(verb) for verb in ("explain", "reset", "attest", "honour", "print", "tally", "preview")
                        ],
                    },
                ),
                _selector(
                    "Cards and ledger",
                    {
                        **_data("AWS::DynamoDB::Table"),
                        "resources.ARN": [names.table_arn(names.CARDS_TABLE), names.table_arn(names.LEDGER_TABLE)],
                    },
                ),
            ],
        )


def _data(kind: str) -> dict[str, list[str]]:
    return {"eventCategory": ["Data"], "resources.type": [kind]}


def _selector(
    name: str, equals: dict[str, list[str]], starts_with: list[str] | None = None
) -> cloudtrail.CfnTrail.AdvancedEventSelectorProperty:
    field = cloudtrail.CfnTrail.AdvancedFieldSelectorProperty
    return cloudtrail.CfnTrail.AdvancedEventSelectorProperty(
        name=name,
        field_selectors=[
            *(field(field=key, equal_to=values) for key, values in equals.items()),
            *([field(field="resources.ARN", starts_with=starts_with)] if starts_with else []),
        ],
    )
