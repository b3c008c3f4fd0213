"""SES, compared with the emulator as it comes."""

import pytest

from local.cloud.server import ACCOUNT, REGION, Cloud
from tests.flow.cloud.building import a_name, a_role, allow, may

pytestmark = pytest.mark.flow


def send(cloud: Cloud, role: str, sender: str, to: str) -> bool:
    content = {"Simple": {"Subject": {"Data": "Card"}, "Body": {"Text": {"Data": "It is there."}}}}
    mail = cloud.session(role).client("sesv2")
    return may(lambda: mail.send_email(FromEmailAddress=sender, Destination={"ToAddresses": [to]}, Content=content))


def sends_from_its_identity_only(cloud: Cloud) -> bool:
    right, wrong = (f"{a_name('cards')}@library.example.org" for _ in range(2))
    for address in (right, wrong):
        cloud.session().client("sesv2").create_email_identity(EmailIdentity=address)
    role = a_role(cloud, allow("ses:SendEmail", f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{right}"))
    return [send(cloud, role, f"Cards <{sender}>", "a@family.example.org") for sender in (right, wrong)] == [True, False]


def test_sending_is_allowed_per_identity(cloud: Cloud, unmended: Cloud) -> None:
    assert sends_from_its_identity_only(cloud)
    assert not sends_from_its_identity_only(unmended)


def test_policy_can_limit_recipients(cloud: Cloud) -> None:
    sender = f"{a_name('cards')}@library.example.org"
    cloud.session().client("sesv2").create_email_identity(EmailIdentity=sender)
    role = a_role(cloud, allow("ses:SendEmail", **{"ForAllValues:StringLike": {"ses:Recipients": ["*@family.example.org"]}}))
    assert send(cloud, role, sender, "a@family.example.org")
    assert not send(cloud, role, sender, "a@elsewhere.example.org")


def test_outbox_shows_what_was_sent(cloud: Cloud) -> None:
    sender = f"{a_name('cards')}@library.example.org"
    cloud.session().client("sesv2").create_email_identity(EmailIdentity=sender)
    assert send(cloud, a_role(cloud, allow("ses:SendEmail")), sender, "a@family.example.org")
    [message] = [one for one in cloud.outbox() if one["Source"] == sender]
    assert message["To"] == ["a@family.example.org"]
