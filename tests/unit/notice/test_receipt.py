from datetime import UTC, datetime

import pytest

from firstcard.notice import Kind, Outcome, ReceiptFigures, RowsFor, receipt_notice

from .builders import a_library, an_agreement, seen, told

ARRIVED = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)


def figures(**changes: object) -> ReceiptFigures:
    given: dict[str, object] = {
        "outcome": Outcome.APPLIED,
        "received_at": ARRIVED,
        "rows": 2160,
        "accepted": 2148,
        "cards_issued": 2100,
        "waiting": 48,
        "rejected": (
            RowsFor("BIRTH_DATE", 10, "The birth date is no date.", "Write YYYY-MM-DD."),
            RowsFor("NO_NAME", 2, "The name is empty."),
        ),
    }
    return ReceiptFigures(**{**given, **changes})  # type: ignore[arg-type]


def test_a_receipt_tells_the_figures_and_each_reason_with_its_advice() -> None:
    message = receipt_notice(agreement=an_agreement(), library=a_library(), figures=figures())
    for part in (told(message.text), seen(message.html)):
        assert "10 × BIRTH_DATE: The birth date is no date. Write YYYY-MM-DD." in part
        assert "2 × NO_NAME: The name is empty." in part
        assert "2026-11-22 at 06:05 UTC" in part
        assert "outbox/" in part
    text = told(message.text)
    assert "Rows in the file: 2,160 Rows accepted: 2,148 Rows not accepted: 12 Cards issued: 2,100" in text
    assert message.kind is Kind.RECEIPT


def test_a_receipt_names_a_person_to_ring_and_the_deputy() -> None:
    text = told(receipt_notice(agreement=an_agreement(), library=a_library(), figures=figures()).text)
    assert "Rosa Marten Phone: +1 904 555 0111" in text
    assert "Kofi Brandt (deputy)" in text


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_own_subject_without_figures(outcome: Outcome) -> None:
    message = receipt_notice(agreement=an_agreement(), library=a_library(), figures=figures(outcome=outcome))
    others = {receipt_notice(agreement=an_agreement(), library=a_library(), figures=figures(outcome=each)).subject for each in Outcome}
    assert message.subject in others
    assert len(others) == len(Outcome)
    assert not any(each.isdigit() for each in message.subject)


def test_a_rejected_file_is_told_why_and_shows_no_figures() -> None:
    why = RowsFor("WRONG_DISTRICT", 0, "All schools in the file belong to another district.", "Check which export was sent.")
    rejected = figures(outcome=Outcome.REJECTED, rows=0, accepted=0, cards_issued=0, waiting=0, rejected=(), reasons=(why,))
    text = told(receipt_notice(agreement=an_agreement(), library=a_library(), figures=rejected).text)
    assert "WRONG_DISTRICT: All schools in the file belong to another district. Check which export was sent." in text
    assert "Nothing in the file was used" in text
    assert "Rows in the file" not in text


def test_forbidden_columns_are_told_and_agreed_ones_are_not_mentioned() -> None:
    assert "forbids" in receipt_notice(agreement=an_agreement(), library=a_library(), figures=figures(forbidden_columns=2)).text
    assert "forbids" not in receipt_notice(agreement=an_agreement(), library=a_library(), figures=figures()).text
