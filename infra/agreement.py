"""The stack that an agreement compiles to: the district's drop bucket and ways in, and one purpose key per library that it shares with."""

from aws_cdk import Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from firstcard.agreement import Agreement
from infra import names
from infra.drop import Drop, S3Upload, SftpUpload
from infra.purpose_key import PurposeKey

SHORTEST_SFTP_NAME = 3
"""Characters of an AWS Transfer account's name at least."""


class AgreementOf(Stack):
    """One district. ``agreement`` rules the upload, of which all that are in force say the same; ``sharings`` are its agreements with each library, this year's and the next one's."""

    def __init__(self, scope: Construct, construct_id: str, *, agreement: Agreement, sharings: list[list[Agreement]], sftp: bool) -> None:
        super().__init__(scope, construct_id, description=f"FirstCard: what the agreement with {agreement.district} allows")
        Drop(self, "Drop", agreement=agreement)
        S3Upload(self, "S3Upload", agreement=agreement)
        if sftp and agreement.exchange.sftp_keys:
            if len(agreement.district) < SHORTEST_SFTP_NAME:
                raise ValueError(f"district {agreement.district!r}: an SFTP account's name has at least {SHORTEST_SFTP_NAME} characters")
            server_id = ssm.StringParameter.value_for_string_parameter(self, names.SFTP_SERVER_PARAMETER)
            SftpUpload(self, "SftpUpload", agreement=agreement, sharings=[each[0].sharing for each in sharings], server_id=server_id)
        for agreements in sharings:
            PurposeKey(self, f"Purpose-{agreements[0].library}", agreements=agreements)
