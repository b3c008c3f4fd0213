"""Functions: what they can import, what they are told, how they fail, each compared with the emulator as it comes."""

import pytest

from local.cloud.server import Cloud
from tests.flow.cloud.building import a_function, a_name, a_role, allow, function_arn, invoke, zipped

pytestmark = pytest.mark.flow

IMPORTS = """
import importlib.util, os
def handle(event, context):
    return {name: importlib.util.find_spec(name) is not None for name in event}
"""
ENVIRONMENT = """
import os
def handle(event, context):
    return dict(os.environ)
"""
FAILS = """
class RosterTooShort(Exception):
    pass
def handle(event, context):
    raise RosterTooShort("three rows")
"""


def sees_only_the_sdk(cloud: Cloud) -> bool:
    found = invoke(cloud, a_function(cloud, IMPORTS), ["boto3", "botocore", "urllib3", "ministack", "cryptography", "asyncssh", "yaml"])
    return [name for name, there in found.items() if there] == ["boto3", "botocore", "urllib3"]


def test_function_without_a_layer_sees_only_the_sdk(cloud: Cloud, unmended: Cloud) -> None:
    assert sees_only_the_sdk(cloud)
    assert not sees_only_the_sdk(unmended)


def test_layer_comes_before_the_sdk(cloud: Cloud) -> None:
    layers = cloud.session().client("lambda")
    content = zipped(python__greeting="WORD = 'hello'", python__jmespath="OURS = True")
    layer = layers.publish_layer_version(LayerName=a_name("layer"), Content={"ZipFile": content})["LayerVersionArn"]
    source = "import greeting, jmespath\ndef handle(event, context):\n    return [greeting.WORD, jmespath.OURS]\n"
    assert invoke(cloud, a_function(cloud, source, layers=[layer])) == ["hello", True]


def tells_only_what_lambda_tells(cloud: Cloud) -> bool:
    told = invoke(cloud, a_function(cloud, ENVIRONMENT, environment={"CARDS_TABLE": "t"}))
    assert told["CARDS_TABLE"] == "t"
    return not {"GATEWAY_PORT", "STATE_DIR", "MINISTACK_SSL_KEY", "PYTHONPATH"} & set(told)


def test_function_is_not_told_the_emulators_settings(cloud: Cloud, unmended: Cloud) -> None:
    assert tells_only_what_lambda_tells(cloud)
    assert not tells_only_what_lambda_tells(unmended)


def test_function_trusts_the_certificate_of_this_machine(cloud: Cloud) -> None:
    told = invoke(cloud, a_function(cloud, ENVIRONMENT))
    authority = str(cloud.certificate.authority)
    assert (told["SSL_CERT_FILE"], told["AWS_CA_BUNDLE"], told["AWS_ENDPOINT_URL"]) == (authority, authority, cloud.endpoint)


def test_function_acts_under_its_own_role(cloud: Cloud) -> None:
    source = "import boto3\ndef handle(event, context):\n    return boto3.client('sts').get_caller_identity()['Arn']\n"
    role = a_role(cloud, service="lambda.amazonaws.com")
    assert f":assumed-role/{role}/" in invoke(cloud, a_function(cloud, source, role=role))


def error_type(cloud: Cloud) -> str:
    return str(invoke(cloud, a_function(cloud, FAILS))["errorType"])


def test_error_type_is_the_exceptions_class(cloud: Cloud, unmended: Cloud) -> None:
    assert error_type(cloud) == "RosterTooShort"
    assert error_type(unmended) == "Runtime.HandlerError"


def test_runs_of_a_function_are_counted(cloud: Cloud) -> None:
    name = a_function(cloud, IMPORTS)
    for _ in range(3):
        invoke(cloud, name, [])
    counted = cloud.calls()["functions"][name]
    assert (counted["count"], counted["memory"]) == (3, 128)
    assert counted["milliseconds"] > 0


def test_caller_needs_leave_to_invoke(cloud: Cloud) -> None:
    name = a_function(cloud, IMPORTS)
    allowed, other = a_role(cloud, allow("lambda:InvokeFunction", function_arn(name))), a_role(cloud)
    cloud.session(allowed).client("lambda").invoke(FunctionName=name, Payload=b"[]")
    with pytest.raises(cloud.session(other).client("lambda").exceptions.ClientError, match="AccessDenied"):
        cloud.session(other).client("lambda").invoke(FunctionName=name, Payload=b"[]")
