"""A library's own patrons on the real tables, bucket and key: imported, swept, gathered, shown, destroyed."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli import patrons as command
from cli.main import app
from firstcard.adapters.aws import DropAndVault, unwrap, wrapper
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.extract.parquet import from_parquet
from firstcard.run.extracts import Extracts
from firstcard.run.ledger import Extract
from firstcard.run.sealed_extract import keep_extract, open_extract
from functions.admit import handler as admit
from functions.gather import handler as gather
from local.ils.stand_in import StandIn
from tests.function.builders import ACCOUNT, EVENING, LEDGER, REGION, VAULT, Yard, csv_content, everything, later
from tests.function.calling import a_context
from tests.unit.agreement.builders import PATRONS, library_content, write_site
from tests.unit.extract.builders import a_patron_row, a_patrons_csv
from tests.unit.ils.builders import a_stranger, koha, plant, that_day, the_rules

KEY = "alias/firstcard-patrons-oak"
VALUES = ("Quispe", "Anaïs", "1984", "5001", "2380000000", "Elm St", "Okafor", "Ngozi", "family@example.org")
"""Values of patrons."""


@pytest.fixture
def key(cloud: None) -> None:
    kms = boto3.client("kms")
    kms.create_alias(AliasName=KEY, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])


@pytest.fixture
def extracts(key: None, yard: Yard) -> Extracts:
    return Extracts(yard.site.library("oak"), LedgerTable(LEDGER), DropAndVault(VAULT))


def kept(extracts: Extracts, *, at: datetime = EVENING, body: bytes = b"PAR1 Quispe") -> Extract:
    return keep_extract(
        extracts,
        body,
        count=1,
        source="csv",
        by="firstcard-systems-librarian/ann",
        now=at,
        wrap=wrapper("oak"),
        random=lambda n: bytes(range(n)),
    )


def lying() -> list[str]:
    """Every version and every marker under the libraries' own patrons."""
    found = boto3.client("s3").list_object_versions(Bucket=VAULT, Prefix="patrons/")
    return [one["Key"] for one in (*found.get("Versions", []), *found.get("DeleteMarkers", []))]


def sweep(at: datetime) -> None:
    admit.handler({"account": ACCOUNT, "region": REGION, "time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}, a_context())


def opened(extracts: Extracts, at: datetime = EVENING) -> bytes | None:
    return open_extract(extracts, at, unwrap=unwrap, declare=lambda intent: None)


def test_an_extract_is_sealed_by_kms_and_opened_again(extracts: Extracts) -> None:
    kept(extracts)
    assert opened(extracts) == b"PAR1 Quispe"
    body = boto3.client("s3").get_object(Bucket=VAULT, Key=lying()[0])["Body"].read()
    assert b"Quispe" not in body
    assert list(json.loads(body.partition(b"\n")[0])) == ["deduplicate"]


def test_the_ledger_says_what_is_held_and_lets_one_count(extracts: Extracts) -> None:
    first = kept(extracts)
    assert extracts.held() == first
    second = kept(extracts, at=later(hours=1))
    assert (extracts.held(), second.version) == (second, 2)
    assert not extracts.ledger.advance_extract("oak", first, was=first)
    assert extracts.ledger.advance_extract("oak", Extract("", 2, second.imported_at, second.until, 1, "", "csv", "now"), was=second)
    assert (extracts.held().name, extracts.held().destroyed_at) == ("", "now")
    assert not extracts.ledger.advance_extract("oak", first, was=second)
    assert not extracts.ledger.advance_extract("oak", first, was=Extract())


def test_one_that_was_replaced_is_gone_with_its_versions(extracts: Extracts) -> None:
    kept(extracts)
    kept(extracts, at=later(hours=1))
    assert [name.partition("-")[0] for name in lying()] == ["patrons/oak/00000002"]


def test_the_sweep_destroys_every_version_after_the_days_of_the_clause(extracts: Extracts, caplog: pytest.LogCaptureFixture) -> None:
    held = kept(extracts)
    boto3.client("s3").put_object(Bucket=VAULT, Key=lying()[0], Body=b"a second version")
    sweep(EVENING + timedelta(days=6, hours=23))
    assert len(lying()) == 2
    with caplog.at_level(logging.INFO):
        sweep(EVENING + timedelta(days=7))
    assert lying() == []
    assert extracts.held().destroyed_at.startswith("2026-11-29")
    [said] = [vars(record) for record in caplog.records if record.msg == "patrons destroyed"]
    assert (said["library"], said["objects"]) == ("oak", 1)
    assert held.name not in repr(said)


def test_a_library_that_cannot_be_swept_stops_nobody_and_is_told_in_the_end(extracts: Extracts, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(extracts)

    def broken(self: DropAndVault, key: str) -> None:
        raise OSError

    monkeypatch.setattr(DropAndVault, "destroy", broken)
    with pytest.raises(RuntimeError, match="not looked at: oak"):
        sweep(EVENING + timedelta(days=8))
    assert extracts.held().name


# Gathering


@pytest.fixture
def library(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(the_rules(duplicate_rule=()), tmp_path / "patrons", now=that_day) as library:
        yield library


@pytest.fixture
def asking(library: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """The function asks the stand-in, which speaks no https, on the evening of the tests."""
    monkeypatch.setattr(gather, "open_patron_list", lambda library_, secrets: koha(library))
    monkeypatch.setattr(gather, "now", lambda: EVENING)
    return library


def asked(**question: Any) -> dict[str, Any]:
    said: dict[str, Any] = gather.handler({"library": "oak", "by": "firstcard-systems-librarian/ann"} | question, a_context())
    return json.loads(json.dumps(said))  # type: ignore[no-any-return]


def test_what_the_ils_says_is_kept_in_the_agreed_fields(extracts: Extracts, asking: StandIn) -> None:
    plant(asking, a_stranger())
    plant(asking, a_stranger(cardnumber="2", userid="two", firstname=""))
    said = asked()
    assert said["answer"] == {"rows": 2, "imported": 1, "rejected": {"MISSING_REQUIRED": 1}, "until": later(days=7).isoformat()}
    body = opened(extracts)
    assert body is not None
    [patron] = from_parquet(body)
    assert tuple(patron) == tuple(PATRONS["fields"])
    assert (patron["last_name"], patron["barcode"]) == ("Okafor", "21111000012345")
    assert (extracts.held().source, extracts.held().by) == ("koha", "firstcard-systems-librarian/ann")


def test_a_library_without_patrons_keeps_what_it_had(extracts: Extracts, asking: StandIn) -> None:
    before = kept(extracts)
    assert asked() == {"error": "nobody"}
    assert extracts.held() == before


def test_an_ils_that_cannot_be_asked_is_told_by_its_code(extracts: Extracts, asking: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "open_patron_list", lambda library_, secrets: koha(asking, secret="an old one"))
    assert asked() == {"error": "ils", "reason": "credentials_refused"}
    assert lying() == []


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({"library": "ash"}, "unknown_library"),
        ({"library": 7}, "not_a_question"),
        ({"library": "x" * 32}, "not_a_question"),
        ({"fields": ["gender"]}, "not_a_question"),
    ],
)
def test_a_question_without_an_answer_is_named(extracts: Extracts, asking: StandIn, question: dict[str, Any], error: str) -> None:
    assert asked(**question) == {"error": error}


def test_outside_the_clauses_days_nobody_is_asked_for(extracts: Extracts, asking: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "now", lambda: datetime(2027, 7, 1, tzinfo=UTC))
    monkeypatch.setattr(gather, "open_patron_list", lambda library_, secrets: pytest.fail("the ILS was asked"))
    assert asked() == {"error": "not_agreed"}


def test_neither_log_nor_answer_nor_ledger_nor_key_names_anybody(
    extracts: Extracts, asking: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    plant(asking, a_stranger())
    with caplog.at_level(logging.DEBUG):
        said = asked()
    logged = repr([vars(record) for record in caplog.records if not record.name.startswith(("botocore", "boto3", "urllib3"))])
    for told in (json.dumps(said), logged, repr(everything(LEDGER)), repr(lying())):
        assert [value for value in VALUES if value in told] == []


# The command


@pytest.fixture
def site(tmp_path: Path) -> Path:
    clause = PATRONS | {"effective": "2020-01-01", "expires": "2099-12-31"}
    shelf = {"oak": library_content(patrons=clause), "elm": library_content(id="elm", patrons=clause | {"expires": "2020-12-31"})}
    pine = csv_content("pine", "dsa-pine-oak-2026", "904")
    return write_site(tmp_path / "site", {"pine": pine}, shelf | {"fir": library_content(id="fir")})


def firstcard(site: Path, *words: str, exits: int = 0) -> str:
    said = CliRunner().invoke(app, ["patrons", *words, "--site", str(site)], env={"COLUMNS": "150"})
    assert said.exit_code == exits, (said.output, said.exception)
    assert [value for value in VALUES if value in said.output] == []
    return said.stdout if "--json" in words else said.output


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [a_patron_row(1), a_patron_row(2, birth_date="30742"), a_patron_row(3, last_name="")]
    path = tmp_path / "patrons.csv"
    path.write_bytes(a_patrons_csv(*({**row, "sex": "F"} for row in rows)))
    return path


def test_a_file_is_imported_shown_and_destroyed(extracts: Extracts, site: Path, file: Path) -> None:
    assert "was ever imported" in firstcard(site, "show", "--library", "oak")
    told = json.loads(firstcard(site, "import", str(file), "--library", "oak", "--json"))
    assert (told["rows"], told["imported"], told["rejected"]) == (3, 2, {"MISSING_REQUIRED": 1})
    assert {one["column"]: one["forbidden"] for one in told["dropped"]} == {"phone": False, "email": False, "blocked": False, "sex": True}
    assert [(one["line"], one["column"], one["code"], one["rejected"]) for one in told["problems"]] == [
        (4, "last_name", "MISSING_REQUIRED", True),
        (3, "birth_date", "EXCEL_DAMAGE", False),
    ]
    held = json.loads(firstcard(site, "show", "--library", "oak", "--json"))
    assert (held["patrons"], held["source"], held["can_be_opened"], held["until"]) == (2, "csv", True, told["until"])
    assert "2 patrons of oak are held" in firstcard(site, "show", "--library", "oak")
    assert "2 patrons of oak are destroyed" in firstcard(site, "delete", "--library", "oak")
    assert lying() == []
    assert "the last 2 were destroyed at" in firstcard(site, "show", "--library", "oak")
    assert "No patron of oak is held" in firstcard(site, "delete", "--library", "oak")


def test_a_look_at_a_file_uploads_nothing(extracts: Extracts, site: Path, file: Path) -> None:
    said = firstcard(site, "import", str(file), "--library", "oak", "--check")
    assert "2 of 3 patrons can be used. Nothing was imported." in said
    assert "EXCEL_DAMAGE" in said
    assert (lying(), extracts.held()) == ([], Extract())


def test_a_file_that_is_refused_leaves_what_is_held(extracts: Extracts, site: Path, tmp_path: Path) -> None:
    before = kept(extracts)
    path = tmp_path / "patrons.csv"
    path.write_bytes(a_patrons_csv(a_patron_row(), header=("patron_id", "first_name", "last_name")))
    assert "MISSING_COLUMN (patrons.csv, line 1, column birth_date)" in firstcard(site, "import", str(path), "--library", "oak", exits=1)
    told = json.loads(firstcard(site, "import", str(path), "--library", "oak", "--json", exits=1))
    assert told["refused"] == {"code": "MISSING_COLUMN", "line": 1, "column": "birth_date"}
    assert extracts.held() == before


@pytest.mark.parametrize(
    ("library", "sentence"), [("fir", "has no clause on its own patrons"), ("elm", "runs from 2020-01-01 to 2020-12-31 and not today")]
)
def test_a_library_that_did_not_agree_imports_nobody(extracts: Extracts, site: Path, file: Path, library: str, sentence: str) -> None:
    assert sentence in firstcard(site, "import", str(file), "--library", library, exits=1)
    assert lying() == []


@pytest.mark.parametrize(
    "words",
    [
        ("import", "--library", "oak"),
        ("import", "FILE", "--from-ils", "--library", "oak"),
        ("import", "--from-ils", "--check", "--library", "oak"),
    ],
)
def test_a_command_used_wrongly_exits_with_2(cloud: None, site: Path, file: Path, words: tuple[str, ...]) -> None:
    firstcard(site, *(str(file) if word == "FILE" else word for word in words), exits=2)


def test_a_library_that_is_not_in_the_site_is_told_with_those_that_are(cloud: None, site: Path) -> None:
    assert "elm, fir, oak" in firstcard(site, "show", "--library", "beech", exits=2)


def test_without_the_librarys_key_the_sentence_says_what_to_deploy(yard: Yard, site: Path, file: Path) -> None:
    assert "is its stack deployed" in firstcard(site, "import", str(file), "--library", "oak", exits=3)
    assert lying() == []


def test_the_ils_is_asked_by_the_function(site: Path, cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[dict[str, str]] = []
    answers = [
        {"answer": {"rows": 3, "imported": 2, "rejected": {"MISSING_REQUIRED": 1}, "until": "2026-11-29T06:00:00+00:00"}},
        {"error": "ils", "reason": "credentials_refused"},
        {"error": "not_a_question"},
    ]

    def ask(name: str, question: dict[str, str], *, patient: bool) -> dict[str, Any]:
        assert (name, patient) == ("firstcard-gather", True)
        questions.append(question)
        return answers.pop(0)

    monkeypatch.setattr(command, "ask_function", ask)
    said = firstcard(site, "import", "--from-ils", "--library", "oak")
    assert "2 of 3 patrons of oak are held until 2026-11-29" in said
    assert "Left out: 1 MISSING_REQUIRED" in said
    said = firstcard(site, "import", "--from-ils", "--library", "oak", exits=1)
    assert said.startswith("credentials_refused: The ILS does not accept our credentials.")
    assert "redrive" not in said
    firstcard(site, "import", "--from-ils", "--library", "oak", exits=1)
    assert {question["library"] for question in questions} == {"oak"}
