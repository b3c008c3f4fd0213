"""What a role may do, one statement a call: actions are listed, never ``*``; resources are named or cut by prefix."""

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from infra import names


def on_cards(*actions: str, keys: Sequence[str] = ()) -> iam.PolicyStatement:
    """DynamoDB actions on the cards table, on partition keys that begin as told."""
    return _on_table(names.table_arn(names.CARDS_TABLE), actions, keys)


def on_windows(*actions: str) -> iam.PolicyStatement:
    """DynamoDB actions on the index of children whose families may still say no."""
    return _on_table(f"{names.table_arn(names.CARDS_TABLE)}/index/windows", actions, ())


def on_pairs(*actions: str) -> iam.PolicyStatement:
    """DynamoDB actions on the index of pairs that wait for a person or were decided by one."""
    return _on_table(f"{names.table_arn(names.CARDS_TABLE)}/index/pairs", actions, ())


def on_cards_stream(*actions: str) -> iam.PolicyStatement:
    """DynamoDB actions on the stream of the cards table."""
    return _on_table(f"{names.table_arn(names.CARDS_TABLE)}/stream/*", actions, ())


def on_ledger(*actions: str, keys: Sequence[str] = ()) -> iam.PolicyStatement:
    """DynamoDB actions on the run ledger, on partition keys that begin as told."""
    return _on_table(names.table_arn(names.LEDGER_TABLE), actions, keys)


def on_runs_by_district(*actions: str) -> iam.PolicyStatement:
    """DynamoDB actions on the ledger's index of runs by district."""
    return _on_table(f"{names.table_arn(names.LEDGER_TABLE)}/index/by_district", actions, ())


def in_vault(action: str, *prefixes: str) -> iam.PolicyStatement:
    """An S3 action on the vault's objects under these prefixes."""
    return _allow([f"s3:{action}"], [f"{names.bucket_arn(names.vault_bucket())}/{prefix}" for prefix in prefixes])


def see_vault() -> iam.PolicyStatement:
    """Know that an object of the vault is missing: without ListBucket, S3 answers 403 where it means 404."""
    return on_bucket("ListBucket", bucket=names.vault_bucket())


def list_extracts() -> iam.PolicyStatement:
    """List what lies in the vault of libraries' own patrons, with versions: what is destroyed is destroyed version by version."""
    statement = _allow(["s3:ListBucketVersions"], [names.bucket_arn(names.vault_bucket())])
    statement.add_condition("StringLike", {"s3:prefix": "patrons/*"})
    return statement


def list_sealed() -> iam.PolicyStatement:
    """List what lies in the vault of sealed objects under a data-sharing id, with versions."""
    statement = _allow(["s3:ListBucketVersions"], [names.bucket_arn(names.vault_bucket())])
    statement.add_condition("StringLike", {"s3:prefix": ["students/*", "snapshots/*"]})
    return statement


def in_drops(action: str, prefix: str) -> iam.PolicyStatement:
    """An S3 action on objects of every district's drop bucket under this prefix."""
    return _allow([f"s3:{action}"], [f"{_every_drop()}/{prefix}"])


def list_incoming() -> iam.PolicyStatement:
    """List what lies in the drop buckets' ``incoming/``, with versions: what the sweep compares with the ledger."""
    statement = _allow(["s3:ListBucket", "s3:ListBucketVersions"], [_every_drop()])
    statement.add_condition("StringLike", {"s3:prefix": "incoming/*"})
    return statement


def list_trials() -> iam.PolicyStatement:
    """List what lies in the drop buckets' ``try/``, with versions: whether a file is still there, and what renames left behind."""
    statement = _allow(["s3:ListBucketVersions"], [_every_drop()])
    statement.add_condition("StringLike", {"s3:prefix": "try/*"})
    return statement


def list_previews() -> iam.PolicyStatement:
    """List what lies in the drop buckets' ``preview/``, with versions: which one is the newest, and what is to be deleted."""
    statement = _allow(["s3:ListBucketVersions"], [_every_drop()])
    statement.add_condition("StringLike", {"s3:prefix": "preview/*"})
    return statement


def read_secrets(*kinds: str) -> iam.PolicyStatement:
    """Read the secrets of these kinds: tokens, links, ils, openpgp."""
    return _allow(["secretsmanager:GetSecretValue"], [names.regional_arn("secretsmanager", f"secret:firstcard/{kind}/*") for kind in kinds])


def change_secrets(kind: str) -> iam.PolicyStatement:
    """Read the secrets of a kind and put new values in their place."""
    statement = read_secrets(kind)
    statement.add_actions("secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage")
    return statement


def tell_card_bus() -> iam.PolicyStatement:
    """Put events on the card bus."""
    return _allow(["events:PutEvents"], [names.card_bus_arn()])


def start_roster_run() -> iam.PolicyStatement:
    """Start a run, and look at the run of the same name when the name is taken."""
    return _allow(
        ["states:StartExecution", "states:DescribeExecution"],
        [names.roster_run_arn(), names.regional_arn("states", f"execution:{names.ROSTER_RUN}:*")],
    )


def wake_roster_run() -> iam.PolicyStatement:
    """Answer the task token of a held run; the decision itself is in the ledger."""
    return _allow(["states:SendTaskSuccess"], ["*"])


def send_email() -> iam.PolicyStatement:
    """Send e-mail from this deployment's own identities, under its configuration set."""
    own = names.regional_arn("ses", f"configuration-set/{names.CONFIGURATION_SET}")
    return _allow(["ses:SendBulkEmail"], [names.regional_arn("ses", "identity/*"), own])


def call_functions(*verbs: str) -> iam.PolicyStatement:
    """Call these functions."""
    return _allow(["lambda:InvokeFunction"], [names.function_arn(verb) for verb in verbs])


def on_bucket(*actions: str, bucket: str) -> iam.PolicyStatement:
    """S3 actions on a bucket itself."""
    return _allow([f"s3:{action}" for action in actions], [names.bucket_arn(bucket)])


def in_bucket(*actions: str, bucket: str, prefixes: Sequence[str]) -> iam.PolicyStatement:
    """S3 actions on a bucket's objects under these prefixes."""
    return _allow([f"s3:{action}" for action in actions], [f"{names.bucket_arn(bucket)}/{prefix}" for prefix in prefixes])


def _every_drop() -> str:
    return names.bucket_arn(f"firstcard-drop-*-{Aws.ACCOUNT_ID}-{Aws.REGION}")


def _on_table(arn: str, actions: Sequence[str], keys: Sequence[str]) -> iam.PolicyStatement:
    statement = _allow([f"dynamodb:{action}" for action in actions], [arn])
    if keys:
        statement.add_condition("ForAllValues:StringLike", {"dynamodb:LeadingKeys": list(keys)})
    return statement


def _allow(actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=list(actions), resources=list(resources))
