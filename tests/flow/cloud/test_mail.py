"""SES, compared with the emulator as it comes."""

import json

import pytest

from local.cloud.server import ACCOUNT, REGION, Cloud
from tests.flow.cloud.building import a_name, a_role, allow, may

pytestmark = pytest.mark.flow


def send(cloud: Cloud, role: str, sender: str, *to: str) -> bool:
    written = {"Template": {"TemplateContent": {"Subject": "{{subject}}", "Text": "{{text}}"}, "TemplateData": "{}"}}
    data = {"ReplacementTemplate": {"ReplacementTemplateData": json.dumps({"subject": "Card", "text": "It is there."})}}
    entries = [{"Destination": {"ToAddresses": [address]}, "ReplacementEmailContent": data} for address in to]
    mail = cloud.session(role).client("sesv2")
    return may(lambda: mail.send_bulk_email(FromEmailAddress=sender, DefaultContent=written, BulkEmailEntries=entries))


def sends_from_its_identity_only(cloud: Cloud) -> bool:
    right, wrong = (f"{a_name('cards')}@library.example.org" for _ in range(2))
    for address in (right, wrong):
        cloud.session().client("sesv2").create_email_identity(EmailIdentity=address)
    role = a_role(cloud, allow("ses:SendBulkEmail", f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{right}"))
    return [send(cloud, role, f"Cards <{sender}>", "a@family.example.org") for sender in (right, wrong)] == [True, False]


def test_sending_is_allowed_per_identity(cloud: Cloud, unmended: Cloud) -> None:
    assert sends_from_its_identity_only(cloud)
    assert not sends_from_its_identity_only(unmended)


def test_policy_can_limit_recipients(cloud: Cloud) -> None:
    sender = f"{a_name('cards')}@library.example.org"
    cloud.session().client("sesv2").create_email_identity(EmailIdentity=sender)
    role = a_role(cloud, allow("ses:SendBulkEmail", **{"ForAllValues:StringLike": {"ses:Recipients": ["*@family.example.org"]}}))
    assert send(cloud, role, sender, "a@family.example.org")
    assert not send(cloud, role, sender, "a@family.example.org", "a@elsewhere.example.org")


def test_outbox_shows_what_was_sent(cloud: Cloud) -> None:
    sender = f"{a_name('cards')}@library.example.org"
    cloud.session().client("sesv2").create_email_identity(EmailIdentity=sender)
    assert send(cloud, a_role(cloud, allow("ses:SendBulkEmail")), sender, "a@family.example.org")
    [message] = [one for one in cloud.outbox() if one["Source"] == sender]
    assert (message["To"], message["Subject"], message["BodyText"]) == (["a@family.example.org"], "Card", "It is there.")
