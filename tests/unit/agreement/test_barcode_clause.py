"""Claims about how a library says that its scanners read numbers."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from firstcard.agreement import AgreementError, load_library

from .builders import a_library, library_content


def test_a_library_without_the_clause_scans_nothing() -> None:
    assert a_library().barcode is None


def test_codabar_has_its_letters_and_code_39_has_none() -> None:
    clause = a_library(barcode={"symbology": "codabar", "start": "C", "stop": "D"}).barcode
    assert clause is not None
    assert (clause.symbology, clause.start, clause.stop) == ("codabar", "C", "D")
    assert a_library(barcode={"symbology": "code39"}).barcode is not None


@pytest.mark.parametrize(
    ("barcode", "line", "sentence"),
    [
        ({"symbology": "code39", "start": "A"}, "start: A", "Only Codabar has letters before and after the number: remove start"),
        ({"symbology": "qr"}, "symbology: qr", "codabar"),
        ({"symbology": "codabar", "stop": "E"}, "stop: E", "A"),
    ],
)
def test_what_no_scanner_reads_is_a_mistake_on_its_line(tmp_path: Path, barcode: dict[str, Any], line: str, sentence: str) -> None:
    file = tmp_path / "library.yaml"
    file.write_text(yaml.safe_dump(library_content(barcode=barcode), sort_keys=False), encoding="utf-8")
    with pytest.raises(AgreementError) as caught:
        load_library(file)
    [mistake] = caught.value.mistakes
    assert file.read_text(encoding="utf-8").splitlines()[mistake.line - 1].strip() == line
    assert sentence in mistake.sentence
