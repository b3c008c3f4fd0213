"""Copies of evidence in a folder: read by anybody, with the same verdict as the bucket."""

from pathlib import Path

import pytest

from firstcard.evidence import Folder, Stored, copy_into, read_keys, verify_digests
from tests.unit.evidence.builders import BUCKET, HOUR, NOON, TRAIL, LogBucket, a_log_bucket, digests_of, the_answer


def copied(bucket: LogBucket, folder: Path) -> Folder:
    copy_into(folder, ((place, key, stored) for (place, key), stored in bucket.objects.items()), {bucket.region: the_answer(bucket.key)})
    return Folder(folder)


def test_a_folder_of_copies_is_verified_as_the_bucket_is(tmp_path: Path) -> None:
    folder = copied(a_log_bucket(), tmp_path)
    hours = verify_digests(folder, read_keys(folder.keys()), NOON, NOON + 4 * HOUR, trail=TRAIL)
    assert hours == a_log_bucket().verified()
    assert (hours.whole, folder.unreadable) == (True, 0)


def test_without_its_manifest_the_newest_digest_lacks_its_signature(tmp_path: Path) -> None:
    copied(a_log_bucket(5), tmp_path)
    (tmp_path / "objects.jsonl").unlink()
    folder = Folder(tmp_path)
    assert not verify_digests(folder, read_keys(folder.keys()), NOON, NOON + 4 * HOUR, trail=TRAIL).whole


def test_a_line_of_the_manifest_that_is_none_counts(tmp_path: Path) -> None:
    copied(a_log_bucket(), tmp_path)
    with (tmp_path / "objects.jsonl").open("a") as manifest:
        manifest.write('[]\n{"bucket": "logs", "key": "' + digests_of(a_log_bucket())[0] + '", "metadata": {"signature": "00"}}\n{\n')
    assert Folder(tmp_path).unreadable == 3


@pytest.mark.parametrize(("bucket", "key"), [(BUCKET, "../../out"), ("..", "out"), ("keys", "x"), (BUCKET, "/etc/out")])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, bucket: str, key: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        copy_into(tmp_path / "copy", [(bucket, key, Stored(b""))], {})


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"PublicKeyList": 7}', b'{"PublicKeyList": [{"Value": "!"}]}', b"\xff"])
def test_an_answer_about_keys_that_is_none_gives_none(answer: bytes) -> None:
    assert read_keys({"us-west-2": answer}) == {}


def test_a_name_that_spells_a_path_is_no_copy(tmp_path: Path) -> None:
    folder = copied(a_log_bucket(), tmp_path)
    assert [
        folder.read(*name) for name in ((BUCKET, "../objects.jsonl"), ("keys", "us-west-2.json"), ("..", "etc"), ("", "objects.jsonl"))
    ] == [None] * 4
