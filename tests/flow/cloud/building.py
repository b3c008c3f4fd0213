"""Small valid things in a cloud: keys, roles, buckets, functions, stacks."""

import io
import itertools
import json
import time
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from local.cloud.server import ACCOUNT, REGION, Cloud

_numbers = itertools.count(1)
_session = uuid.uuid4().hex[:6]


def a_name(kind: str) -> str:
    """A name nothing else has."""
    return f"{kind}-{_session}-{next(_numbers)}"


def until(condition: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """What the condition returns once it is true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {condition}")
        time.sleep(0.1)
    return value


def refusal(call: Callable[[], Any]) -> str:
    """The error code with which a call is refused, or an empty string."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def may(call: Callable[[], Any]) -> bool:
    """Whether a call is allowed; any error but a refusal is an error here too."""
    code = refusal(call)
    assert code in ("", "AccessDenied", "AccessDeniedException"), code
    return not code


def allow(actions: list[str] | str, resources: list[str] | str = "*", **conditions: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": conditions} if conditions else statement


def a_role(cloud: Cloud, *statements: dict[str, Any], service: str = "", trust: list[str] | str = "sts:AssumeRole") -> str:
    """A role that the account's root, or a service, may assume; its name."""
    name = a_name("role")
    principal = {"Service": service} if service else {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": trust}]}
    iam = cloud.session().client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
    if statements:
        iam.put_role_policy(
            RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        )
    return name


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


ADMINISTER = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": ["kms:Create*", "kms:Put*", "kms:Describe*", "kms:Disable*", "kms:Enable*", "kms:Schedule*"],
    "Resource": "*",
}


def a_key(cloud: Cloud, *statements: dict[str, Any]) -> str:
    """A key whose policy lets the account administer it and says the given statements; its ARN."""
    policy = {"Version": "2012-10-17", "Statement": [ADMINISTER, *statements]}
    return str(cloud.session().client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"])


def for_role(name: str, actions: list[str] | str, **conditions: Any) -> dict[str, Any]:
    """A key policy's statement for one role."""
    return {**allow(actions, **conditions), "Principal": {"AWS": role_arn(name)}}


def a_bucket(cloud: Cloud, *, versioned: bool = True, events: bool = False) -> str:
    name = a_name("bucket")
    s3 = cloud.session().client("s3")
    s3.create_bucket(Bucket=name)
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if events:
        s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    return name


def encrypt_by(cloud: Cloud, bucket: str, key: str) -> None:
    """Make the key the bucket's default."""
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    cloud.session().client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def a_queue(cloud: Cloud, **attributes: str) -> tuple[str, str]:
    """A queue; its URL and ARN."""
    sqs = cloud.session().client("sqs")
    url = sqs.create_queue(QueueName=a_name("queue"), Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def object_events_of(cloud: Cloud, bucket: str) -> str:
    """The URL of a queue that gets every S3 event of a bucket."""
    url, arn = a_queue(cloud)
    events = cloud.session().client("events")
    rule = a_name("rule")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    made = events.put_rule(Name=rule, EventPattern=json.dumps(pattern))["RuleArn"]
    allowed = {**allow("sqs:SendMessage", arn, ArnEquals={"aws:SourceArn": made}), "Principal": {"Service": "events.amazonaws.com"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    cloud.session().client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
    return str(url)


def messages(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    """The JSON bodies that wait in a queue, taken out of it."""
    sqs = cloud.session().client("sqs")
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in found]


def zipped(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/") + ".py", text)
    return content.getvalue()


def a_function(
    cloud: Cloud, source: str, *, role: str = "", layers: list[str] | None = None, environment: dict[str, str] | None = None
) -> str:
    """A Python function whose handler is `handle` in `source`; its name."""
    name = a_name("function")
    cloud.session().client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role_arn(role or a_role(cloud, service="lambda.amazonaws.com")),
        Handler="index.handle",
        Code={"ZipFile": zipped(index=source)},
        Timeout=30,
        Layers=layers or [],
        Environment={"Variables": environment or {}},
    )
    return name


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def invoke(cloud: Cloud, function: str, event: Any = None) -> Any:
    answer = cloud.session().client("lambda").invoke(FunctionName=function, Payload=json.dumps(event or {}).encode())
    return json.loads(answer["Payload"].read())


def a_machine(cloud: Cloud, states: dict[str, Any], *, role: str) -> str:
    """A state machine that starts at its first state; its ARN."""
    definition = {"StartAt": next(iter(states)), "States": states}
    made = (
        cloud.session()
        .client("stepfunctions")
        .create_state_machine(name=a_name("machine"), definition=json.dumps(definition), roleArn=role_arn(role))
    )
    return str(made["stateMachineArn"])


def run(cloud: Cloud, machine: str, event: Any = None) -> dict[str, Any]:
    """Run a machine to its end; the described execution."""
    states = cloud.session().client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine, input=json.dumps(event or {}))["executionArn"]

    def ended() -> dict[str, Any] | None:
        execution: dict[str, Any] = states.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else None

    return until(ended)


class Stack:
    """A CloudFormation stack made of plain resources."""

    def __init__(self, cloud: Cloud) -> None:
        self.name = a_name("stack")
        self._formation = cloud.session().client("cloudformation")

    def deploy(self, **resources: dict[str, Any]) -> str:
        """Create the stack, or update it; the status it ends in."""
        template = json.dumps({"Resources": resources})
        if self.status().startswith("DOES_NOT"):
            self._formation.create_stack(StackName=self.name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
        else:
            self._formation.update_stack(StackName=self.name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
        return self._ended()

    def delete(self) -> str:
        self._formation.delete_stack(StackName=self.name)
        return self._ended()

    def status(self) -> str:
        try:
            return str(self._formation.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"])
        except ClientError:
            return "DOES_NOT_EXIST"

    def physical_id(self, logical_id: str) -> str:
        found = self._formation.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def reasons(self) -> str:
        events = self._formation.describe_stack_events(StackName=self.name)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def _ended(self) -> str:
        return str(until(lambda: status if not (status := self.status()).endswith("_PROGRESS") else ""))
