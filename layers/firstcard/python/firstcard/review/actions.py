"""From what CloudTrail calls a request to the IAM action that permits it, and to the resource that it is about.

Names differ where S3 and DynamoDB have one permission for several operations (service authorization reference); Lambda's have a date behind them.
"""

import re
from collections.abc import Mapping

from firstcard.evidence import Access

_S3 = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "CopyObject": "PutObject",
    "DeleteObjects": "DeleteObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}
_OTHERS: Mapping[str, Mapping[str, str]] = {
    "lambda": {"Invoke": "InvokeFunction"},
    "sqs": {
        "DeleteMessageBatch": "DeleteMessage",
        "SendMessageBatch": "SendMessage",
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    },
}
_OF_VERSIONS = {"GetObject": "GetObjectVersion", "HeadObject": "GetObjectVersion", "DeleteObject": "DeleteObjectVersion"}
_TRANSACTIONS = {"TransactWriteItems": ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"), "TransactGetItems": ("GetItem",)}
_DATE = re.compile(r"\d{8}(v\d+)?$")


def actions_of(access: Access) -> tuple[str, ...]:
    """The IAM actions of which one permits the call; a transaction needs one for each thing in it, and any that the role has counts here."""
    service = access.source.partition(".")[0]
    name = _DATE.sub("", access.name)
    if service == "s3":
        version = access.request.get("versionId") or access.request.get("x-amz-version-id")
        own = _OF_VERSIONS.get(name) if version else None
        return (f"s3:{own}",) if own else (f"s3:{_S3.get(name, name)}",)
    if service == "dynamodb" and name in _TRANSACTIONS:
        return tuple(f"dynamodb:{one}" for one in _TRANSACTIONS[name])
    return (f"{service}:{_OTHERS.get(service, {}).get(name, name)}",)


def resources_of(access: Access) -> tuple[str, ...]:
    """The ARNs that the call was about, as far as the record tells; the bare name of a thing where it tells no ARN, and ``*`` where it tells nothing."""
    if access.bucket:
        bucket = f"arn:aws:s3:::{access.bucket}"
        return (f"{bucket}/{access.object}",) if access.object and access.data and not access.name.startswith("List") else (bucket,)
    arns = tuple(resource.arn for resource in access.resources if resource.arn and not resource.prefix)
    own = tuple(
        arn for arn in arns if arn.startswith(f"arn:aws:{access.source.partition('.')[0]}:")
    )  # a key that was used for it stands there, too
    return own or arns or access.tables or ("*",)
