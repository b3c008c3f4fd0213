"""``firstcard kit``: eight pieces in two languages, each number from the report, none of them who had a card before."""

import copy
import io
import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from docx import Document
from typer.testing import CliRunner

from cli.kit.memorandum import lines_of
from cli.kit.paper import to_paper
from cli.kit.pieces import LANGUAGES, TEXTS, Kit, Piece, Typed
from cli.kit.word import to_word
from cli.main import app
from firstcard.agreement.explain import to_markdown
from firstcard.agreement.language import Tongue
from firstcard.report.figures import Edition
from tests.unit.agreement.builders import a_directory_agreement, a_library, agreement_content, an_agreement, library_content, write_site
from tests.unit.report.builders import a_document

PIECES = ["commitment-letter", "memorandum", "summary", "press-release", "flyer", "parents-questions", "school-newsletter", "teacher-page"]
GOALS = [{"measure": "coverage", "target_percent": 90, "by": "2027-06-30"}]
EN_AND_ES = pytest.mark.parametrize("language", LANGUAGES)


def marked(edition: Edition = Edition.LIBRARY) -> dict[str, Any]:
    """A report in which each number is one of its own, so that it can be found again."""
    whole = copy.deepcopy(a_document(edition))
    one = whole["districts"][0]
    one["students"], one["coverage_percent"], one["baseline"]["students"] = 730_010, 71, 730_020
    one["students_by_state"] |= {"in_ils": 730_030, "opted_out": 730_040}
    one["educators"] = {"all": 730_050, "in_ils": 730_060}
    one["goals"] = [
        {"measure": "coverage", "target_percent": 73, "by": "2031-07-13", "now_percent": 72, "reached": False, "days_left": 730_080}
    ]
    if edition is Edition.LIBRARY:
        one["students_by_state"] |= {"had_card": 739_010, "in_doubt": 739_020, "served": 739_030}
    return whole


def made(**changes: Any) -> Kit:
    given = {"agreement": an_agreement(goals=GOALS), "library": a_library(), "mayor": "", "figures": marked()["districts"][0]} | changes
    return Kit(**given)


def told(kit: Kit, language: str, form: str) -> dict[str, str]:
    """The text of each piece, as its document or page has it."""
    memorandum = tuple(lines_of(to_markdown(kit.agreement, Tongue(language))))
    return {piece.name: _read(piece, memorandum, form) for piece in kit.pieces(language)}


def _read(piece: Piece, memorandum: Any, form: str) -> str:
    if form == "pdf":
        pages = pypdfium2.PdfDocument(to_paper(piece, memorandum, colour="#123456"))
        return re.sub(r"\s+", " ", " ".join(page.get_textpage().get_text_bounded() for page in pages))
    document = Document(io.BytesIO(to_word(piece, memorandum, colour="#123456")))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return re.sub(r"\s+", " ", " ".join([paragraph.text for paragraph in document.paragraphs] + cells))


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d[\d,]*\d|\d", text))


def numbers_of(value: Any) -> set[str]:
    """Every number of a report and of an agreement, as texts write them."""
    if isinstance(value, dict):
        return set().union(*(numbers_of(inner) for inner in value.values()), set())
    if isinstance(value, list | tuple):
        return set().union(*(numbers_of(inner) for inner in value), set())
    if isinstance(value, int):
        return {f"{value:,}"}
    return {str(int(n)) if n.isdecimal() else n for n in numbers(str(value))} | numbers(str(value))


@EN_AND_ES
@pytest.mark.parametrize("form", ["docx", "pdf"])
def test_every_number_is_of_the_report_or_of_the_agreement_and_no_word_was_left_open(language: str, form: str) -> None:
    kit = made()
    known = (
        numbers_of(marked()["districts"][0])
        | numbers_of(kit.agreement.model_dump(mode="json"))
        | numbers_of(kit.library.model_dump(mode="json"))
    )
    texts = told(kit, language, form)
    assert list(texts) == PIECES
    for name, text in texts.items():
        assert not set("{}") & set(text), name
        assert "None" not in text, name
        if name != "memorandum":
            assert numbers(text) <= known, (name, numbers(text) - known)
    for figure in ("730,010", "71", "730,020", "730,030", "730,060"):
        assert figure in texts["summary"]
    assert "73" in texts["commitment-letter"]


@EN_AND_ES
@pytest.mark.parametrize("form", ["docx", "pdf"])
def test_who_had_a_card_before_is_in_no_piece_though_the_report_tells_it(language: str, form: str) -> None:
    assert not any("739,0" in text for text in told(made(), language, form).values())
    assert told(made(), language, form) == told(made(figures=marked(Edition.DISTRICT)["districts"][0]), language, form)


@EN_AND_ES
def test_without_a_report_the_baseline_is_what_was_typed(language: str) -> None:
    kit = made(figures=None, typed=Typed(117_003, 31_207, date(2026, 11, 22)))
    text = told(kit, language, "docx")
    assert "31,207" in text["summary"]
    assert "117,003" in text["press-release"]
    assert "2026" in text["summary"]
    assert "730," not in "".join(text.values())


def test_both_languages_have_the_same_pieces_blocks_and_facts() -> None:
    written = {language: tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8")) for language in LANGUAGES}

    def shape(language: str) -> list[Any]:
        return [
            (
                d["name"],
                [
                    (b["kind"], b.get("when"), b.get("each"), sorted(re.findall(r"\{(\w+)\}", b.get("text", "") + b.get("caption", ""))))
                    for b in d["blocks"]
                ],
            )
            for d in written[language]["document"]
        ]

    assert shape("en") == shape("es")
    assert written["en"]["words"].keys() == written["es"]["words"].keys()
    assert [name for name, _ in shape("en")] == PIECES


def test_no_text_has_a_number_of_its_own() -> None:
    for language in LANGUAGES:
        written = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
        texts = [*written["words"].values(), *(block.get("text", "") for d in written["document"] for block in d["blocks"])]
        assert not any(numbers(text) for text in texts)


def test_three_sign_and_a_name_that_is_not_known_is_a_line() -> None:
    letter = next(piece for piece in made(mayor="Ada Example").pieces("en") if piece.name == "commitment-letter")
    (sign,) = [block for block in letter.blocks if block.kind == "sign"]
    assert [name for name, _ in sign.signers] == ["Ada Example", "Example Superintendent", "Example Director"]
    assert "Ada Example" in told(made(mayor="Ada Example"), "en", "pdf")["commitment-letter"]


def test_the_way_of_the_agreement_is_told() -> None:
    assert "14 days to say no" in told(made(), "en", "docx")["parents-questions"]
    assert "The district tells families first" in told(made(agreement=a_directory_agreement()), "en", "docx")["parents-questions"]


@pytest.mark.parametrize("form", ["docx", "pdf"])
@pytest.mark.parametrize(
    ("language", "heading", "said"),
    [
        ("en", "What both want to reach", "By 30 June 2027, 90 % of the students have a card"),
        ("es", "Qué quieren lograr las dos partes", "A más tardar el 30 de junio de 2027, el 90 % de los estudiantes tiene una tarjeta"),
    ],
)
def test_the_memorandum_is_the_agreements_own_in_the_language_of_the_kit(language: str, heading: str, said: str, form: str) -> None:
    text = told(made(), language, form)["memorandum"]
    assert heading in text
    assert said in text
    assert "**" not in text
    assert " --- " not in text
    assert ("El texto que se firma es el que está en inglés" in text) == (language == "es")


@pytest.mark.parametrize("form", ["docx", "pdf"])
def test_a_name_keeps_its_letters(form: str) -> None:
    assert "Zofia Łódź Nguyễn Ő" in told(made(mayor="Zofia Łódź Nguyễn Ő"), "en", form)["commitment-letter"]


# The command


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_site(tmp_path / "site", {"pine": agreement_content(goals=GOALS)}, {"oak": library_content()})
    return tmp_path / "site"


def run(site: Path, *words: str) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["kit", "--site", str(site), "--district", "pine", "--out", str(site / "kit"), *words]
    )
    return result.exit_code, result.output


def test_the_command_writes_each_piece_in_both_languages_and_both_forms(site: Path) -> None:
    report = site / "report.json"
    report.write_text(json.dumps(marked()), encoding="utf-8")
    assert run(site, "--report", str(report))[0] == 0
    files = sorted(str(file.relative_to(site / "kit")) for file in (site / "kit").rglob("*.*"))
    assert files == sorted(f"{language}/{name}.{form}" for language in LANGUAGES for name in PIECES for form in ("docx", "pdf"))
    headings = {language: [p.text for p in Document(str(site / "kit" / language / "memorandum.docx")).paragraphs] for language in LANGUAGES}
    assert ("Signatures" in headings["en"], "Firmas" in headings["en"]) == (True, False)
    assert ("Signatures" in headings["es"], "Firmas" in headings["es"]) == (False, True)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--students", "100"],
        ["--students", "100", "--with-card", "101"],
        ["--report", "REPORT", "--students", "100"],
        ["--report", "OTHER"],
        ["--report", "TORN"],
    ],
)
def test_figures_that_are_missing_or_doubled_write_nothing(site: Path, words: list[str]) -> None:
    whole = marked()
    (site / "REPORT").write_text(json.dumps(whole), encoding="utf-8")
    whole["districts"][0]["district"] = "fir"
    (site / "OTHER").write_text(json.dumps(whole), encoding="utf-8")
    (site / "TORN").write_text("{", encoding="utf-8")
    given = [str(site / word) if word.isupper() else word for word in words]
    assert run(site, *given)[0] == 2
    assert not (site / "kit").exists()
