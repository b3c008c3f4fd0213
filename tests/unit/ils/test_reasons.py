from pathlib import Path

from firstcard.ils import SYNC_REASONS, SyncReason

PAGE = Path(__file__).parents[3] / "docs" / "ils-koha.md"


def test_every_reason_has_a_sentence_and_an_advice():
    assert SYNC_REASONS.keys() == set(SyncReason)
    for text in SYNC_REASONS.values():
        assert text.sentence.endswith(".")
        assert text.advice.endswith(".")


def test_every_reason_is_documented_with_the_very_words():
    page = PAGE.read_text()
    for reason, text in SYNC_REASONS.items():
        assert f"| `{reason}` | {text.sentence} | {text.advice} |" in page
