from pathlib import Path

from firstcard.roster.reasons import REASONS, Reason, reason_codes_page

PAGE = Path(__file__).resolve().parents[3] / "docs/reason-codes.md"


def test_every_reason_has_a_sentence_and_advice() -> None:
    assert set(REASONS) == set(Reason)
    for reason, told in REASONS.items():
        assert told.sentence.endswith("."), reason
        assert told.advice.endswith("."), reason
        assert "|" not in told.sentence + told.advice, reason


def test_a_reasons_name_is_its_value() -> None:
    assert all(reason.name == reason.value for reason in Reason)


def test_the_page_of_reason_codes_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == reason_codes_page(), "write docs/reason-codes.md again from reason_codes_page()"


def test_the_page_names_every_code_once() -> None:
    page = reason_codes_page()
    assert all(page.count(f"| `{reason}` |") == 1 for reason in Reason)
