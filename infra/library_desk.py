"""What one library owns in the deployment: its secrets, its queue of card events, and the role that reads the queue."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra import names
from infra.inbox import Inbox


class LibraryDesk(Construct):
    """Token and link keys drawn once and never replaced (tokens outlive agreements), an empty secret for the ILS, a queue and its reader."""

    def __init__(self, scope: Construct, construct_id: str, *, library: str, key: kms.IKey, bus: events.IEventBus) -> None:
        super().__init__(scope, construct_id)
        self._library = library
        self._key = key
        self._secret("tokens", "HMAC key of the patron, household and card tokens", drawn=True)
        self._secret("links", "HMAC key of the links in notices", drawn=True)
        self._secret("ils", "How to sign in to the library's ILS; put in by a person", drawn=False)
        name = names.library_queue(library)
        self.inbox = Inbox(self, "Inbox", name=name, handling=Duration.minutes(2))
        events.Rule(
            self,
            "Rule",
            rule_name=name,
            description=f"Card events and matches in doubt of the library {library}",
            event_bus=bus,
            event_pattern=events.EventPattern(
                source=[names.EVENT_SOURCE],
                detail_type=events.Match.any_of(events.Match.prefix("Card"), events.Match.exact_string("MatchInDoubt")),
                detail={"library": [library]},
            ),
            targets=[targets.SqsQueue(self.inbox.queue)],
        )
        self.reader = iam.Role(self, "Reader", role_name=name, assumed_by=iam.AccountRootPrincipal())
        self.inbox.queue.grant_consume_messages(self.reader)

    def _secret(self, kind: str, description: str, *, drawn: bool) -> None:
        secretsmanager.CfnSecret(
            self,
            kind.capitalize(),
            name=names.secret(kind, self._library),
            description=description,
            kms_key_id=self._key.key_arn,
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(password_length=64, exclude_punctuation=True)
            if drawn
            else None,
        ).apply_removal_policy(RemovalPolicy.RETAIN)
