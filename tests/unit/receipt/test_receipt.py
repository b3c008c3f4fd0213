import csv
import io
import json
from datetime import datetime
from html.parser import HTMLParser

import pytest
from pydantic import ValidationError

from firstcard.receipt import Outcome, Receipt, to_csv, to_html, to_json
from firstcard.receipt.receipt import OUTCOMES
from firstcard.roster import EXCLUSIONS, REASONS, Exclusion, Problem, Reason, Refusal

from .builders import a_reading, a_receipt

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """What a page says, and whether its elements close as they should."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.seen.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.seen).split())


def test_every_outcome_and_exclusion_has_words() -> None:
    assert set(OUTCOMES) == set(Outcome)
    assert set(EXCLUSIONS) == set(Exclusion)


def test_the_counts_agree_with_each_other_in_json() -> None:
    content = json.loads(to_json(a_receipt()))
    assert content["rows"] == content["accepted"] + sum(content["rejected"].values()) == 2160
    assert content["outcome"] == "applied"
    assert content["problems"][0] == {
        "file": "users.csv",
        "line": 7,
        "column": "birthDate",
        "reason": "BAD_DATE",
        "severity": "row",
        "message": REASONS[Reason.BAD_DATE].sentence,
        "advice": REASONS[Reason.BAD_DATE].advice,
    }


def test_a_receipt_survives_being_stored() -> None:
    receipt = a_receipt()
    assert Receipt.model_validate_json(receipt.model_dump_json()) == receipt


def test_a_refused_file_says_why_and_what_to_do() -> None:
    receipt = a_receipt(Refusal(Reason.UNCLOSED_QUOTE, "users.csv", 1204))
    assert receipt.outcome is Outcome.REJECTED
    assert receipt.next_steps() == (REASONS[Reason.UNCLOSED_QUOTE].advice,)
    text = Page(to_html(receipt)).text
    assert "Refused roster.zip.gpg" in text
    assert "UNCLOSED_QUOTE (users.csv, line 1,204)" in text
    assert "no card ends because of this file" in text
    assert list(csv.reader(io.StringIO(to_csv(receipt))))[1][:5] == ["users.csv", "1204", "", "UNCLOSED_QUOTE", "fatal"]


def test_a_held_file_says_what_holds_it() -> None:
    receipt = a_receipt(outcome=Outcome.HELD, holds=(Reason.FIRST_RUN, Reason.TOO_MANY_REJECTED))
    text = Page(to_html(receipt)).text
    assert "Waits for a person" in text
    assert "What the file would do for people" in text
    assert "FIRST_RUN" in text
    assert receipt.next_steps()[:2] == (REASONS[Reason.FIRST_RUN].advice, REASONS[Reason.TOO_MANY_REJECTED].advice)


def test_the_page_tells_counts_columns_and_whom_to_ring() -> None:
    text = Page(to_html(a_receipt())).text
    for part in (
        "Rows (students and staff) 2,160",
        "Rows accepted 2,159",
        "Rows rejected 1",
        "New cards that wait for the families' days 2,000",
        "Nobody could be told yet: there is no address 10",
        "staff, whom the agreement does not roll out to 12",
        "May never be sent, and held values: sex in demographics.csv",
        "users.csv: sms",
        "Example Desk, +1 555 010 0130",
        "If nobody answers: Example Deputy",
        "2026-11-22 06:05 UTC",
    ):
        assert part in text


def test_the_page_lists_some_problems_and_the_csv_all() -> None:
    problems = tuple(Problem("users.csv", line, "grades", Reason.BAD_GRADE) for line in range(2, 5002))
    receipt = a_receipt(a_reading(problems=problems, rejected={Reason.BAD_GRADE: 5000}, rows=6000))
    page = to_html(receipt)
    assert "4,800 more are in the CSV" in Page(page).text
    assert len(page) < 100_000
    assert len(to_csv(receipt).splitlines()) == 5001


def test_problems_found_while_planning_stand_with_the_others() -> None:
    receipt = a_receipt(more_problems=[Problem("users.csv", 3, "student_id", Reason.NUMBER_TOO_LONG)])
    assert receipt.problems[-1].reason is Reason.NUMBER_TOO_LONG


def test_the_page_is_whole_needs_nothing_else_and_has_names_for_everything() -> None:
    page = Page(to_html(a_receipt()))
    assert page.open == []
    assert not [tag for tag, given in page.tags if tag in ("script", "link", "img", "iframe") or "src" in given]
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
    assert dict(page.tags)["html"] == {"lang": "en"}
    assert tags.count("caption") == tags.count("table") > 0
    assert all(given.get("scope") in ("col", "row") for tag, given in page.tags if tag == "th")
    assert all((given["href"] or "").startswith(("mailto:", "tel:")) for tag, given in page.tags if tag == "a")


@pytest.mark.parametrize("sign", list("=+-@\t\r"))
def test_nothing_in_the_csv_is_taken_for_a_formula(sign: str) -> None:
    receipt = a_receipt(a_reading(problems=(Problem(f"{sign}cmd.csv", 2, f"{sign}column", Reason.BAD_GRADE),)))
    for row in csv.reader(io.StringIO(to_csv(receipt))):
        assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in row)


def test_markup_in_a_name_stays_text() -> None:
    receipt = a_receipt(file_name='<script>alert("x")</script>.csv')
    assert "<script>" not in to_html(receipt)


def test_a_file_name_is_made_safe() -> None:
    name = a_receipt(file_name="../../a\nb\u202e" + "x" * 300 + ".zip").file_name
    assert name.startswith("a_b_x")
    assert name.endswith(".zip")
    assert len(name) <= 80


def test_times_without_a_zone_are_refused_without_being_repeated() -> None:
    with pytest.raises(ValidationError) as refused:
        a_receipt(received_at=datetime(2026, 11, 22))
    assert "2026" not in str(refused.value)


def test_a_trial_promises_no_mail_and_speaks_of_no_run() -> None:
    receipt = a_receipt(outcome=Outcome.TRIAL_ACCEPTABLE, decisions={}, waiting={})
    text = Page(to_html(receipt)).text
    assert "May never be sent, and held values" in text
    assert "both officers" in Page(to_html(a_receipt())).text
    assert "e-mail" not in " ".join(receipt.next_steps())
    assert "Run 0123456789abcdef01234567" not in text
    assert "Finished" not in text


def test_a_trial_that_cannot_be_read_stays_a_trial() -> None:
    receipt = a_receipt(Refusal(Reason.ZIP_DAMAGED), outcome=Outcome.TRIAL_REFUSED)
    assert (receipt.outcome, receipt.trial) == (Outcome.TRIAL_REFUSED, True)
    assert not a_receipt().trial
