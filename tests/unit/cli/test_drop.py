"""``firstcard drop``: into which folder."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from local.district import delivery


@pytest.mark.parametrize(("words", "folder"), [([], "incoming"), (["--try"], "try")])
def test_a_file_goes_to_incoming_unless_it_is_only_tried(
    words: list[str], folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drop(data: bytes, *, name: str, folder: str, **_: Any) -> delivery.Dropped:
        return delivery.Dropped(path=f"{folder}/{name}", size=len(data), tool="nothing")

    monkeypatch.setattr(delivery, "drop", drop)
    (tmp_path / "roster.csv").write_bytes(b"x")
    sftp = {"private": "", "public": ""}
    settings = {"host": "127.0.0.1", "port": 1, "account": "duval", "host_key": "", "recipient": "", "signer": {}, "sftp": sftp}
    (tmp_path / "duval.json").write_text(json.dumps(settings))
    given = ["drop", str(tmp_path / "roster.csv"), "--district", "duval", "--settings", str(tmp_path / "duval.json"), "--plain", "--json"]
    told = json.loads(CliRunner().invoke(app, [*given, *words]).stdout)
    assert told["path"] == f"{folder}/roster.csv"
