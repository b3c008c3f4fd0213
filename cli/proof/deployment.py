"""What a deployment allows, read from CloudFormation templates as ``cdk synth`` writes them: its policies, with every reference resolved.

A kind of resource that is not known here is an error: it might be a way in.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.proof.policy import Statement, UnknownPolicyError, statements_of

ACCOUNT, REGION = "111122223333", "us-east-1"
"""Example values: the templates name none, so one account and one region stand for all."""
_PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}

_POLICY_KINDS = frozenset({"AWS::IAM::Policy", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"})
_GUARDED_KINDS = frozenset({"AWS::KMS::Key", "AWS::IAM::Role", "AWS::Lambda::Permission"})
_NAMED_KINDS = frozenset(
    {
        "AWS::DynamoDB::Table",
        "AWS::Events::EventBus",
        "AWS::Events::Rule",
        "AWS::KMS::Alias",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
    }
)
_WITHOUT_POLICY = frozenset(
    {
        "AWS::ApiGatewayV2::Api",
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::Stage",
        "AWS::CDK::Metadata",
        "AWS::CloudTrail::Trail",
        "AWS::CloudWatch::Alarm",
        "AWS::Events::Archive",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::LayerVersion",
        "AWS::SES::ConfigurationSet",
        "AWS::SES::ConfigurationSetEventDestination",
        "AWS::SES::EmailIdentity",
        "AWS::SSM::Parameter",
        "AWS::StepFunctions::StateMachine",
        "AWS::Transfer::Server",
        "AWS::Transfer::User",
    }
)
_ELSEWHERE = (
    "ResourcePolicy",
    "Policies",
    "ManagedPolicyArns",
    "PermissionsBoundary",
    "ReplicationConfiguration",
    "AccessControl",
    "Policy",
)
"""Properties by which a resource of a known kind would let somebody in, or out, that this reader does not follow."""


@dataclass
class Role:
    """A role: its own policies, and who may take it on."""

    name: str
    trust: tuple[Statement, ...]
    own: tuple[Statement, ...] = ()


@dataclass
class Locked:
    """A bucket, queue or topic with its policy; ``key`` is the ARN of the key that encrypts it, empty for AWS's own."""

    arn: str
    key: str = ""
    statements: tuple[Statement, ...] = ()


@dataclass
class Deployment:
    """Everything that decides who may do what. Roles by name; keys by alias; buckets, queues and topics by name; tables and secrets by name with the ARN of their key."""

    roles: dict[str, Role] = field(default_factory=dict)
    keys: dict[str, Locked] = field(default_factory=dict)
    buckets: dict[str, Locked] = field(default_factory=dict)
    queues: dict[str, Locked] = field(default_factory=dict)
    topics: dict[str, Locked] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    log_groups: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)
    called_by: set[tuple[str, str, bool]] = field(default_factory=set)
    """(function, service, whether the service must come from one named source) of what services may call."""

    def alias_of(self, key_arn: str) -> str:
        """The alias of a key."""
        return next(alias for alias, key in self.keys.items() if key.arn == key_arn)


def read_templates(folder: Path) -> dict[str, dict[str, Any]]:
    """The templates of a folder by stack name. Raises UnknownPolicyError if there is none, or one is no JSON."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.template.json")):
        try:
            found[file.name.removesuffix(".template.json")] = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            raise UnknownPolicyError(f"{file} cannot be read as a template") from None
    if not found:
        raise UnknownPolicyError(f"{folder} holds no *.template.json: write them with make synth")
    return found


def deployment_of(templates: Mapping[str, Mapping[str, Any]]) -> Deployment:
    """What templates deploy together. Raises UnknownPolicyError."""
    deployment = Deployment()
    stacks = [_Stack(name, template) for name, template in templates.items()]
    for read in (_Stack.things, _Stack.policies):
        for stack in stacks:
            read(stack, deployment)
    return deployment


class _Stack:
    def __init__(self, name: str, template: Mapping[str, Any]) -> None:
        self.name = name
        self.resources: Mapping[str, Any] = template.get("Resources", {})

    def things(self, into: Deployment) -> None:
        """Take in what has a name; policies say more of it later."""
        for logical_id, resource in self.resources.items():
            kind, properties = resource["Type"], resource.get("Properties", {})
            where = f"{logical_id} of {self.name}"
            if kind not in _POLICY_KINDS | _GUARDED_KINDS | _NAMED_KINDS | _WITHOUT_POLICY:
                raise UnknownPolicyError(f"unknown kind of resource {kind}: {where}")
            for way in _ELSEWHERE:
                if way in properties:
                    raise UnknownPolicyError(f"unknown property {way} of {where}")
            match kind:
                case "AWS::IAM::Role":
                    role = Role(
                        self._name(logical_id), self._statements(properties["AssumeRolePolicyDocument"], f"the trust in {where}", "trust")
                    )
                    into.roles[role.name] = role
                case "AWS::KMS::Key":
                    arn = self._arn(logical_id)
                    key = Locked(arn, arn, self._statements(properties["KeyPolicy"], f"the key policy {where}", "resource"))
                    into.keys[self._alias(logical_id)] = key
                case "AWS::S3::Bucket":
                    into.buckets[self._name(logical_id)] = Locked(self._arn(logical_id), self._bucket_key(properties, where))
                case "AWS::SQS::Queue":
                    if "KmsMasterKeyId" in properties:
                        raise UnknownPolicyError(f"unknown property KmsMasterKeyId of {where}")
                    into.queues[self._name(logical_id)] = Locked(self._arn(logical_id))
                case "AWS::SNS::Topic":
                    into.topics[self._name(logical_id)] = Locked(self._arn(logical_id))
                case "AWS::DynamoDB::Table":
                    into.tables[self._name(logical_id)] = self._text(properties["SSESpecification"]["KMSMasterKeyId"], where)
                case "AWS::SecretsManager::Secret":
                    into.secrets[self._name(logical_id)] = self._text(properties["KmsKeyId"], where)
                case "AWS::Lambda::Function":
                    into.functions.add(self._name(logical_id))
                case "AWS::Logs::LogGroup":
                    into.log_groups.add(self._name(logical_id))
                case "AWS::Events::Rule":
                    into.rules.add(self._name(logical_id))
                case _:
                    pass

    def policies(self, into: Deployment) -> None:
        """Take in policies that stand by themselves."""
        for logical_id, resource in self.resources.items():
            kind, properties = resource["Type"], resource.get("Properties", {})
            where = f"the policy {logical_id} of {self.name}"
            if kind == "AWS::IAM::Policy":
                if set(properties) - {"PolicyDocument", "PolicyName", "Roles"}:
                    raise UnknownPolicyError(f"{where} belongs to more than roles")
                statements = self._statements(properties["PolicyDocument"], where, "identity")
                for role in properties["Roles"]:
                    into.roles[self._text(role, where)].own += statements
            elif kind == "AWS::S3::BucketPolicy":
                into.buckets[self._text(properties["Bucket"], where)].statements += self._statements(
                    properties["PolicyDocument"], where, "resource"
                )
            elif kind == "AWS::SQS::QueuePolicy":
                for queue in properties["Queues"]:
                    name = self._text(queue, where).rpartition("/")[2]
                    into.queues[name].statements += self._statements(properties["PolicyDocument"], where, "resource")
            elif kind == "AWS::SNS::TopicPolicy":
                for topic in properties["Topics"]:
                    name = self._text(topic, where).rpartition(":")[2]
                    into.topics[name].statements += self._statements(properties["PolicyDocument"], where, "resource")
            elif kind == "AWS::Lambda::Permission":
                if properties["Action"] != "lambda:InvokeFunction" or not str(properties["Principal"]).endswith(".amazonaws.com"):
                    raise UnknownPolicyError(f"{where}: {properties['Action']} by {properties['Principal']}")
                function = self._text(properties["FunctionName"], where).rpartition(":")[2]
                into.called_by.add((function, properties["Principal"], "SourceArn" in properties))

    def _statements(self, document: object, where: str, of: str) -> tuple[Statement, ...]:
        plain = self._plain(document, where)
        if not isinstance(plain, dict):
            raise UnknownPolicyError(f"{where} is no policy document")
        return statements_of(plain, where, of=of)

    def _alias(self, logical_id: str) -> str:
        names = [
            self._text(resource["Properties"]["AliasName"], other)
            for other, resource in self.resources.items()
            if resource["Type"] == "AWS::KMS::Alias" and self._text(resource["Properties"]["TargetKeyId"], other) == self._arn(logical_id)
        ]
        return names[0] if names else f"the key {logical_id} of {self.name}"

    def _bucket_key(self, properties: Mapping[str, Any], where: str) -> str:
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        default = rule["ServerSideEncryptionByDefault"]
        if default["SSEAlgorithm"] == "AES256":
            return ""
        if default["SSEAlgorithm"] != "aws:kms" or rule.get("BucketKeyEnabled") is True:
            raise UnknownPolicyError(f"unknown encryption of {where}")
        return self._text(default["KMSMasterKeyID"], where)

    # References

    def _name(self, logical_id: str) -> str:
        resource = self.resources[logical_id]
        noun = resource["Type"].rpartition("::")[2]
        said = {"LogGroup": "LogGroupName", "EventBus": "Name", "Rule": "Name", "Secret": "Name"}.get(noun, f"{noun}Name")
        given = resource.get("Properties", {}).get(said)
        return self._text(given, logical_id) if given is not None else f"{self.name}-{logical_id}"

    def _arn(self, logical_id: str) -> str:
        kind = self.resources[logical_id]["Type"]
        place = f"{REGION}:{ACCOUNT}"
        name = self._name(logical_id)
        match kind:
            case "AWS::KMS::Key":
                return f"arn:aws:kms:{place}:key/{self.name}.{logical_id}"
            case "AWS::S3::Bucket":
                return f"arn:aws:s3:::{name}"
            case "AWS::IAM::Role":
                return f"arn:aws:iam::{ACCOUNT}:role/{name}"
            case "AWS::SQS::Queue":
                return f"arn:aws:sqs:{place}:{name}"
            case "AWS::SNS::Topic":
                return f"arn:aws:sns:{place}:{name}"
            case "AWS::Logs::LogGroup":
                return f"arn:aws:logs:{place}:log-group:{name}:*"
            case "AWS::DynamoDB::Table":
                return f"arn:aws:dynamodb:{place}:table/{name}"
            case "AWS::Lambda::Function":
                return f"arn:aws:lambda:{place}:function:{name}"
            case "AWS::Events::Rule":
                return f"arn:aws:events:{place}:rule/{name}"
        raise UnknownPolicyError(f"unknown reference to the ARN of {logical_id} of {self.name}, a {kind}")

    def _referred(self, logical_id: str, where: str) -> str:
        kind = self.resources.get(logical_id, {}).get("Type")
        match kind:
            case "AWS::SQS::Queue":
                return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self._name(logical_id)}"
            case "AWS::SNS::Topic":
                return self._arn(logical_id)
            case "AWS::S3::Bucket" | "AWS::IAM::Role" | "AWS::DynamoDB::Table" | "AWS::Lambda::Function":
                return self._name(logical_id)
        raise UnknownPolicyError(f"unknown reference to {logical_id} in {where}")

    def _plain(self, value: object, where: str) -> object:
        match value:
            case {"Ref": str(name)}:
                return _PSEUDO[name] if name in _PSEUDO else self._referred(name, where)
            case {"Fn::GetAtt": [str(logical_id), "Arn"]} if logical_id in self.resources:
                return self._arn(logical_id)
            case {"Fn::Join": [str(between), list(parts)]}:
                return between.join(self._text(part, where) for part in parts)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}]+)\}", lambda found: self._text({"Ref": found[1]}, where), text)
            case dict():
                for key in value:
                    if key == "Ref" or key.startswith("Fn::"):
                        raise UnknownPolicyError(f"unknown reference {json.dumps(value)} in {where}")
                return {key: self._plain(inner, where) for key, inner in value.items()}
            case list():
                return [self._plain(inner, where) for inner in value]
        return value

    def _text(self, value: object, where: str) -> str:
        plain = self._plain(value, where)
        if not isinstance(plain, str):
            raise UnknownPolicyError(f"unknown value {json.dumps(value)} in {where}")
        return plain
