"""CloudFormation: types the emulator refuses and properties it drops, each compared with the emulator as it comes."""

import contextlib
import json
import ssl
from typing import Any

import httpx
import pytest

from local.cloud.server import ACCOUNT, REGION, Cloud
from tests.flow.cloud.building import Stack, a_bucket, a_function, a_key, a_name, function_arn, refusal

pytestmark = pytest.mark.flow


def deployed(cloud: Cloud, **resources: dict[str, Any]) -> str:
    return Stack(cloud).deploy(**resources)


REFUSED_TYPES = {
    "AWS::Transfer::Server": {"Protocols": ["SFTP"]},
    "AWS::CloudTrail::Trail": {"S3BucketName": "none", "IsLogging": True},
    "AWS::Events::Archive": {"SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"},
    "AWS::Transfer::User": {"ServerId": "s-0", "UserName": "none", "Role": "none"},
}


@pytest.mark.parametrize("kind", REFUSED_TYPES)
def test_emulator_still_refuses_the_type(unmended: Cloud, kind: str) -> None:
    stack = Stack(unmended)
    code = refusal(lambda: stack.deploy(One={"Type": kind, "Properties": REFUSED_TYPES[kind]}))
    assert code or "Unsupported" in stack.reasons() or stack.status() == "ROLLBACK_COMPLETE"


def test_server_can_be_made_changed_and_removed(cloud: Cloud) -> None:
    stack, transfer = Stack(cloud), cloud.session().client("transfer")

    def with_option(**properties: Any) -> str:
        return stack.deploy(Server={"Type": "AWS::Transfer::Server", "Properties": {"Protocols": ["SFTP"], **properties}})

    assert with_option() == "CREATE_COMPLETE"
    arn = stack.physical_id("Server")
    server = arn.rpartition("/")[2]
    assert arn == f"arn:aws:transfer:{REGION}:{ACCOUNT}:server/{server}"
    assert with_option(ProtocolDetails={"SetStatOption": "ENABLE_NO_OP"}) == "UPDATE_COMPLETE"
    assert stack.physical_id("Server") == arn
    assert transfer.describe_server(ServerId=server)["Server"]["State"] == "ONLINE"
    stack.delete()
    assert refusal(lambda: transfer.describe_server(ServerId=server)) == "ResourceNotFoundException"


def test_archive_keeps_matching_events_over_an_update(cloud: Cloud) -> None:
    events, name, bus, stack = cloud.session().client("events"), a_name("archive"), a_name("bus"), Stack(cloud)
    source = events.create_event_bus(Name=bus)["EventBusArn"]

    def archive(days: int) -> str:
        said = {"ArchiveName": name, "SourceArn": source, "EventPattern": {"source": ["firstcard"]}, "RetentionDays": days}
        return stack.deploy(Archive={"Type": "AWS::Events::Archive", "Properties": said})

    assert archive(30) == "CREATE_COMPLETE"
    for sender in ("firstcard", "other"):
        events.put_events(Entries=[{"Source": sender, "DetailType": "CardIssued", "Detail": "{}", "EventBusName": bus}])
    assert archive(60) == "UPDATE_COMPLETE"
    described = events.describe_archive(ArchiveName=name)
    assert (described["RetentionDays"], described["EventCount"]) == (60, 1)
    stack.delete()
    assert refusal(lambda: events.describe_archive(ArchiveName=name)) == "ResourceNotFoundException"


def bucket_properties(cloud: Cloud) -> dict[str, Any]:
    """What S3 says of a bucket whose template says everything."""
    name, key = a_name("bucket"), a_key(cloud)
    target = a_bucket(cloud)
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, "BucketKeyEnabled": True}
    rule = {
        "Status": "Enabled",
        "Prefix": "incoming/",
        "ExpirationInDays": 30,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    properties = {
        "BucketName": name,
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "LifecycleConfiguration": {"Rules": [rule]},
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}}},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "LoggingConfiguration": {"DestinationBucketName": target, "LogFilePrefix": "x/"},
        "Tags": [{"Key": "sharing", "Value": "jaxpl.duval"}],
    }
    assert deployed(cloud, Bucket={"Type": "AWS::S3::Bucket", "Properties": properties}) == "CREATE_COMPLETE"
    s3 = cloud.session().client("s3")
    said: dict[str, Any] = {}
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    said["encrypted"] = rules[0]["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID") == key and rules[0]["BucketKeyEnabled"]
    said["expires"] = not refusal(lambda: s3.get_bucket_lifecycle_configuration(Bucket=name))
    said["locked"] = not refusal(lambda: s3.get_object_lock_configuration(Bucket=name))
    said["versioned"] = s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled"
    said["logged"] = "LoggingEnabled" in s3.get_bucket_logging(Bucket=name)
    said["tagged"] = not refusal(lambda: s3.get_bucket_tagging(Bucket=name))
    if said["expires"]:
        [kept] = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        assert kept["Expiration"] == {"Days": 30}
        assert kept["Filter"] == {"Prefix": "incoming/"}
    if said["locked"]:
        retention = s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
        assert retention == {"Mode": "COMPLIANCE", "Days": 400}
    return said


def test_bucket_of_a_template_has_every_property(cloud: Cloud, unmended: Cloud) -> None:
    assert all(bucket_properties(cloud).values())
    assert not any(bucket_properties(unmended).values())


def test_bucket_property_that_is_dropped_from_the_template_goes(cloud: Cloud) -> None:
    name, stack, s3 = a_name("bucket"), Stack(cloud), cloud.session().client("s3")
    rules = {"Rules": [{"Status": "Enabled", "ExpirationInDays": 30}]}
    stack.deploy(Bucket={"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, "LifecycleConfiguration": rules}})
    assert stack.deploy(Bucket={"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}) == "UPDATE_COMPLETE"
    assert refusal(lambda: s3.get_bucket_lifecycle_configuration(Bucket=name)) == "NoSuchLifecycleConfiguration"


def deletes_full_buckets(cloud: Cloud) -> bool:
    name, stack = a_name("bucket"), Stack(cloud)
    stack.deploy(Bucket={"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}})
    cloud.session().client("s3").put_object(Bucket=name, Key="k", Body=b"x")
    return stack.delete() != "DELETE_FAILED"


def test_bucket_with_objects_is_not_deleted(cloud: Cloud, unmended: Cloud) -> None:
    assert not deletes_full_buckets(cloud)
    assert deletes_full_buckets(unmended)


def table_properties(cloud: Cloud) -> list[bool]:
    name, key = a_name("table"), a_key(cloud)
    properties = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": "gone_at", "Enabled": True},
    }
    assert deployed(cloud, Table={"Type": "AWS::DynamoDB::Table", "Properties": properties}) == "CREATE_COMPLETE"
    dynamodb = cloud.session().client("dynamodb")
    sse = dynamodb.describe_table(TableName=name)["Table"].get("SSEDescription", {})
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return [sse.get("KMSMasterKeyArn") == key, recovery == "ENABLED", ttl["TimeToLiveStatus"] == "ENABLED"]


def test_table_of_a_template_has_every_property(cloud: Cloud, unmended: Cloud) -> None:
    assert table_properties(cloud) == [True, True, True]
    assert not any(table_properties(unmended))


def secret_properties(cloud: Cloud) -> list[bool]:
    asked = {"PasswordLength": 64, "ExcludePunctuation": True}
    template = {"SecretStringTemplate": '{"client_id": "x"}', "GenerateStringKey": "client_secret", "ExcludeNumbers": True}
    stack = Stack(cloud)
    kind = "AWS::SecretsManager::Secret"
    status = stack.deploy(
        Drawn={"Type": kind, "Properties": {"Name": a_name("drawn"), "GenerateSecretString": asked}},
        Filled={"Type": kind, "Properties": {"Name": a_name("filled"), "GenerateSecretString": template}},
        Empty={"Type": kind, "Properties": {"Name": a_name("empty")}},
    )
    assert status == "CREATE_COMPLETE"
    secrets = cloud.session().client("secretsmanager")
    drawn, filled = (secrets.get_secret_value(SecretId=stack.physical_id(name))["SecretString"] for name in ("Drawn", "Filled"))
    return [
        len(drawn) == 64 and drawn.isalnum(),
        not any(character.isdigit() for character in json.loads(filled)["client_secret"]),
        stack.physical_id("Drawn").startswith(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:drawn-"),
        refusal(lambda: secrets.get_secret_value(SecretId=stack.physical_id("Empty"))) == "ResourceNotFoundException",
    ]


def test_secret_of_a_template_is_drawn_as_asked(cloud: Cloud, unmended: Cloud) -> None:
    assert all(secret_properties(cloud))
    assert not all(secret_properties(unmended))


def test_secret_keeps_its_value_when_its_template_changes_and_goes_with_it(cloud: Cloud) -> None:
    stack, name, secrets = Stack(cloud), a_name("secret"), cloud.session().client("secretsmanager")

    def made(description: str) -> str:
        said = {"Name": name, "Description": description, "GenerateSecretString": {"PasswordLength": 20}}
        return stack.deploy(Secret={"Type": "AWS::SecretsManager::Secret", "Properties": said})

    made("one")
    value, arn = secrets.get_secret_value(SecretId=name)["SecretString"], stack.physical_id("Secret")
    assert made("two") == "UPDATE_COMPLETE"
    assert (secrets.get_secret_value(SecretId=name)["SecretString"], stack.physical_id("Secret")) == (value, arn)
    assert secrets.describe_secret(SecretId=name)["Description"] == "two"
    stack.delete()
    assert refusal(lambda: secrets.describe_secret(SecretId=name)) == "ResourceNotFoundException"


def api_answer(cloud: Cloud) -> httpx.Response:
    function = a_function(cloud, "def handle(event, context):\n    return {'statusCode': 200, 'body': event['rawPath']}\n")
    integration = {"IntegrationType": "AWS_PROXY", "IntegrationUri": function_arn(function), "PayloadFormatVersion": "2.0"}
    allowed = {"Action": "lambda:InvokeFunction", "FunctionName": function, "Principal": "apigateway.amazonaws.com"}
    stack = Stack(cloud)
    resources = {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "family", "ProtocolType": "HTTP"}},
        "Integration": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": {"ApiId": {"Ref": "Api"}, **integration}},
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "RouteKey": "GET /no/{link}",
                "Target": {"Fn::Join": ["", ["integrations/", {"Ref": "Integration"}]]},
            },
        },
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True}},
        "Permission": {"Type": "AWS::Lambda::Permission", "Properties": allowed},
        "Address": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": f"/{stack.name}", "Type": "String", "Value": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}},
        },
    }
    assert stack.deploy(**resources) == "CREATE_COMPLETE"
    address = cloud.session().client("ssm").get_parameter(Name=f"/{stack.name}")["Parameter"]["Value"]
    trust = ssl.create_default_context(cafile=str(cloud.certificate.authority))
    with httpx.Client(verify=trust, timeout=30, trust_env=False) as client:
        return client.get(f"{address}/no/abc")


def test_address_of_an_api_opens_on_this_machine(cloud: Cloud, unmended: Cloud) -> None:
    answer = api_answer(cloud)
    assert (answer.status_code, answer.text) == (200, "/no/abc")
    with contextlib.suppress(httpx.TransportError):
        assert api_answer(unmended).text != "/no/abc"


def test_everything_else_that_templates_use_deploys(cloud: Cloud) -> None:
    function, queue, role = a_name("function"), a_name("queue"), a_name("role")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    source = "def handle(event, context):\n    return 1\n"
    resources: dict[str, dict[str, Any]] = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": role, "AssumeRolePolicyDocument": trust}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": function,
                "Runtime": "python3.13",
                "Handler": "index.handle",
                "Architectures": ["arm64"],
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": source},
                "LoggingConfig": {"LogGroup": {"Ref": "Log"}},
            },
        },
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/aws/lambda/{function}", "RetentionInDays": 90}},
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{queue}-dead", "SqsManagedSseEnabled": True}},
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": queue,
                "VisibilityTimeout": 180,
                "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 5},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "FunctionName": {"Ref": "Function"},
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "FilterCriteria": {"Filters": [{"Pattern": json.dumps({"body": {"detail-type": ["CardIssued"]}})}]},
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": a_name("topic")}},
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Threshold": 1,
                "EvaluationPeriods": 1,
                "Period": 300,
                "Statistic": "Maximum",
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "AlarmActions": [{"Ref": "Topic"}],
            },
        },
        "Clock": {
            "Type": "AWS::Events::Rule",
            "Properties": {"ScheduleExpression": "rate(15 minutes)", "Targets": [{"Id": "f", "Arn": {"Fn::GetAtt": ["Function", "Arn"]}}]},
        },
        "Sender": {"Type": "AWS::SES::EmailIdentity", "Properties": {"EmailIdentity": f"{a_name('cards')}@library.example.org"}},
    }
    stack = Stack(cloud)
    assert stack.deploy(**resources) == "CREATE_COMPLETE", stack.reasons()
    mapping = cloud.session().client("lambda").get_event_source_mapping(UUID=stack.physical_id("Mapping"))
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["FilterCriteria"]["Filters"]
