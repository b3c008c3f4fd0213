"""JWT authorizers, compared with the emulator as it comes."""

import ssl

import httpx
import pytest

from local.cloud.server import REGION, Cloud
from tests.flow.cloud.building import a_function, a_name, function_arn

pytestmark = pytest.mark.flow

PASSWORD = "Long-enough-2026!"


def answers(cloud: Cloud) -> tuple[int, int]:
    """What an API behind a JWT authorizer answers to a valid token and to a spoilt one."""
    pools, apis, user = cloud.session().client("cognito-idp"), cloud.session().client("apigatewayv2"), a_name("officer")
    pool = pools.create_user_pool(PoolName=a_name("pool"))["UserPool"]["Id"]
    client = pools.create_user_pool_client(UserPoolId=pool, ClientName="portal", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"])
    client_id = client["UserPoolClient"]["ClientId"]
    pools.admin_create_user(UserPoolId=pool, Username=user, MessageAction="SUPPRESS")
    pools.admin_set_user_password(UserPoolId=pool, Username=user, Password=PASSWORD, Permanent=True)
    signed_in = pools.initiate_auth(
        ClientId=client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": user, "PASSWORD": PASSWORD}
    )
    token = signed_in["AuthenticationResult"]["AccessToken"]
    function = a_function(cloud, "def handle(event, context):\n    return {'statusCode': 200, 'body': 'in'}\n")
    cloud.session().client("lambda").add_permission(
        FunctionName=function, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    api = apis.create_api(Name=a_name("portal"), ProtocolType="HTTP")["ApiId"]
    integration = apis.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function_arn(function), PayloadFormatVersion="2.0"
    )["IntegrationId"]
    issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{pool}"
    authorizer = apis.create_authorizer(
        ApiId=api,
        Name="jwt",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer, "Audience": [client_id]},
    )["AuthorizerId"]
    apis.create_route(ApiId=api, RouteKey="GET /", Target=f"integrations/{integration}", AuthorizationType="JWT", AuthorizerId=authorizer)
    apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    address = f"{cloud.endpoint}/_aws/execute-api/{api}/$default/"
    trust = ssl.create_default_context(cafile=str(cloud.certificate.authority))
    with httpx.Client(verify=trust, timeout=30, trust_env=False) as http:
        found = [http.get(address, headers={"authorization": f"Bearer {one}"}).status_code for one in (token, token[:-8] + "AAAAAAAA")]
    return found[0], found[1]


def test_valid_token_is_let_in_and_a_spoilt_one_is_not(cloud: Cloud, unmended: Cloud) -> None:
    assert answers(cloud) == (200, 401)
    assert answers(unmended) == (401, 401)
