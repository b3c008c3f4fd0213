"""Next year's agreement is this year's text with another term."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firstcard.agreement.load import load_agreement
from firstcard.agreement.renew import RenewalError, renewed

EXAMPLES = sorted((Path(__file__).parents[3] / "agreements").glob("*.yaml"))
BEGIN, END = date(2027, 8, 1), date(2028, 7, 31)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_renewed_as_a_draft_that_reads_like_it(example: Path, tmp_path: Path) -> None:
    text = example.read_text("utf-8")
    after, _ = renewed(text, new_id="dsa-next", effective=BEGIN, expires=END)
    (tmp_path / "next.yaml").write_text(after, "utf-8")
    old, new = load_agreement(example), load_agreement(tmp_path / "next.yaml")
    assert (new.id, str(new.status), new.term.effective, new.term.expires) == ("dsa-next", "draft", BEGIN, END)
    assert (new.sharing, new.matrix, new.roles, new.card, new.fields) == (old.sharing, old.matrix, old.roles, old.card, old.fields)
    assert after.count("#") == text.count("#"), "comments stay"


def test_dates_of_notice_and_calendar_move_a_year_and_are_named() -> None:
    text = (
        "id: a\nstatus: executed\nterm: {effective: 2026-08-01, expires: 2027-07-31}\nbasis: {notice: {published_on: 2024-02-29}}\n"
        "exchange:\n  calendar:\n    breaks: [{first: 2026-12-21, last: 2027-01-04}]\napprovals:\n  - {by: x, at: 2026-05-01}\nx: 1\n"
    )
    after, moved = renewed(text, new_id="b", effective=BEGIN, expires=END)
    assert moved == ("basis.notice.published_on", "exchange.calendar.breaks")
    assert yaml.safe_load(after) == {
        "id": "b",
        "status": "draft",
        "term": {"effective": BEGIN, "expires": END},
        "basis": {"notice": {"published_on": date(2025, 2, 28)}},
        "exchange": {"calendar": {"breaks": [{"first": date(2027, 12, 21), "last": date(2028, 1, 4)}]}},
        "x": 1,
    }


@pytest.mark.parametrize("text", ["", "a", "[1]", "id: a\nstatus: b\nterm: 1\n", "id: a\nstatus: b\n"])
def test_what_is_no_agreement_is_not_renewed(text: str) -> None:
    with pytest.raises(RenewalError):
        renewed(text, new_id="b", effective=BEGIN, expires=END)


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(1, 400))
def test_a_term_that_ends_before_it_begins_is_refused(day: date, days: int) -> None:
    with pytest.raises(RenewalError):
        renewed(EXAMPLES[0].read_text("utf-8"), new_id="b", effective=day, expires=day - timedelta(days=days))
