"""Claims about the memorandum."""

import re

import pytest

from firstcard.agreement import FORBIDDEN_FIELDS, Agreement
from firstcard.agreement.explain import to_markdown

from .builders import DELTAS, MATCHING, PIN_PAGE, WAITING, a_directory_agreement, an_agreement

FIELD = {"required": False, "exhibit_b": "x", "fideslang": "user"}


def section(agreement: Agreement, title: str) -> str:
    parts = re.split(r"^## ", to_markdown(agreement), flags=re.MULTILINE)
    return next(part for part in parts if part.startswith(title))


def test_it_names_both_parties_the_term_and_the_sharing() -> None:
    head = to_markdown(an_agreement()).split("## ")[0]
    for word in ("Pine Public Schools", "Oak Public Library", "1 August 2026 to 31 July 2027", "`oak.pine`", "in force inside its term"):
        assert word in head


def test_every_agreed_field_has_a_row_with_why_and_who() -> None:
    agreement = an_agreement()
    rows = [line for line in section(agreement, "What the district sends").splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(agreement.fields)
    email = next(row for row in rows if "guardian_email" in row)
    assert "write to families and staff | `notify` |" in email


def test_every_forbidden_field_is_named() -> None:
    said = section(an_agreement(), "What the district sends")
    assert all(name in said for name in FORBIDDEN_FIELDS)


def test_a_rejecting_clause_says_that_the_file_is_refused() -> None:
    assert "the whole file is refused" in section(an_agreement(forbidden_columns="reject"), "What the district sends")


def test_the_access_table_says_that_plan_opens_nothing() -> None:
    said = section(an_agreement(), "Who opens what")
    assert "| `plan` | a function | `issue_card` | nothing that is sealed;" in said
    assert "| `notify` | a function | `send_notice` | e-mail and language and the card" in said


def test_a_kept_roster_is_told_where_changes_are_agreed() -> None:
    agreement = an_agreement(**DELTAS)
    opening = section(agreement, "Who opens what")
    assert "| `plan` | a function | `merge_delta` | the agreed columns of the last roster |" in opening
    assert "| `plan` | a function | `issue_card` | nothing that is sealed;" in opening
    assert "may hold changes only" in section(agreement, "How the file travels")
    assert "until the next file, at most 30 days" in section(agreement, "How long anything is kept")
    assert "last roster" not in to_markdown(an_agreement())


def test_further_parties_are_listed_or_denied() -> None:
    vendor = {"name": "Host", "service": "Hosting", "groups": ["identity"], "location": "US", "agreement": "on_file", "since": "2024-01-01"}
    assert "| Host | Hosting | names and ids | US | on file |" in section(an_agreement(subprocessors=[vendor]), "Who opens what")
    assert "No further party receives anything." in section(an_agreement(), "Who opens what")


def test_each_route_is_told_in_plain_words() -> None:
    assert "has 14 days to refuse" in section(an_agreement(), "How a family decides")
    assert "they could refuse until 15 July 2026" in section(a_directory_agreement(), "How a family decides")
    opt_in = an_agreement(without=("basis.choice.window_days",), basis={"choice": {"mode": "opt_in"}})
    assert "No card is made for a child before the family has said yes: with a button" in section(opt_in, "How a family decides")


XMAS = {"first": "2026-12-21", "last": "2027-01-04"}


@pytest.mark.parametrize(
    ("changes", "title", "said"),
    [
        ({"retention": {"legal_hold": True}}, "How long", "legal hold is in place"),
        ({"retention": {"raw_upload_days": 1}}, "How long", "| the file as it came | 1 day |"),
        ({"safety": {"max_missing_percent": 2.5}}, "What is held", "more than 2.5 % of the known students are missing"),
        ({"rollout": {"schools": ["0012"], "grades": ["KG"], "staff": False}}, "The card", "the schools 0012, the grades KG; no staff"),
        ({"rollout": {"staff": ["teacher", "librarian"]}}, "The card", "; of the staff teacher and librarian."),
        (
            {"rollout": {"leave_out": {"charter": {"schools": ["0301"], "grades": ["12"]}}}},
            "The card",
            "- Not the group charter: students at the schools 0301, in the grades 12.",
        ),
        (
            {"existing": "link", "existing_blocked": "link_and_list", **MATCHING},
            "The card",
            "nothing about it is changed. One that is blocked or expired is linked all",
        ),
        ({"existing": "ask", "existing_blocked": "ask", **WAITING}, "The card", "is not linked before a member"),
        (MATCHING, "The card", "the student gets this one, and the library's staff look."),
        (WAITING, "The card", "waits until the library's staff decide, at most 14 days."),
        ({"existing": "link", "existing_blocked": "separate", **MATCHING}, "The card", "gets a card of this programme instead"),
        (
            {"existing": "renew", "existing_blocked": "separate", **MATCHING},
            "The card",
            "where its last day is earlier than the one under End, it gets that day",
        ),
        (
            {"existing": "renew", "existing_blocked": "separate", **MATCHING},
            "The card",
            "nothing else about it is changed: no number, PIN, patron type, branch, name or block.",
        ),
        (
            {"existing": "renew", "existing_blocked": "separate", **MATCHING},
            "The card",
            "is not renewed and not linked, so that the person gets a card of this",
        ),
        (
            {"existing": "renew", "existing_blocked": "link_and_list", **MATCHING},
            "The card",
            "has only expired is renewed like any other. One that is blocked otherwise",
        ),
        (
            {"existing": "renew", "existing_blocked": "link_and_list", **MATCHING},
            "The card",
            "is not renewed; it is linked all the same, stays blocked",
        ),
        ({"existing": "renew", "existing_blocked": "ask", **MATCHING}, "The card", "is not renewed and not linked before a member"),
        ({}, "The card", "6 random digits. Nobody is told it"),
        (
            PIN_PAGE,
            "The card",
            "shown it once, beside the card number, without a name: on a page behind a link in the card's e-mail, which works for 30 days",
        ),
        (
            PIN_PAGE,
            "The card",
            "after typing the child's birth date, which the e-mail does not say. 5 wrong answers close the page for the day.",
        ),
        (PIN_PAGE, "Who opens", "| `reveal` | a function | `show_pin` | the PIN, the card (number, type, branch, end) and birth date |"),
        ({"status": "suspended"}, "", "nothing is accepted or opened until"),
        ({"name_on": {"family_notice": "none"}}, "Names", "to the family no name"),
        ({"exchange": {"source_cidrs": ["198.51.100.0/24"]}}, "How the file", "only from 198.51.100.0/24"),
        ({"exchange": {"calendar": {"breaks": [XMAS]}}}, "How the file", "not in the breaks, 21 December 2026 to 4 January 2027."),
        ({"exchange": {"calendar": {"rollover": XMAS}}}, "How the file", "no file is applied. The first file after it waits"),
        ({"document": {"sha256": "0" * 64}}, "", f"SHA-256 `{'0' * 64}`"),
        ({"state_terms": ["FL-1002.22"]}, "Promises", "State terms: FL-1002.22."),
        ({"approvals": [{"by": "B", "role": "Board", "at": "2026-07-01", "signature": "s"}]}, "Signatures", "- B, Board, 1 July 2026"),
    ],
)
def test_it_says_what_the_clause_says(changes: dict[str, object], title: str, said: str) -> None:
    agreement = an_agreement(**changes)
    assert said in (section(agreement, title) if title else to_markdown(agreement))


def test_it_ends_with_counsel_and_links_to_the_sections() -> None:
    end = to_markdown(an_agreement()).split("---")[-1]
    assert "confirm with counsel" in end
    assert "(https://www.ecfr.gov/current/title-34/part-99/section-99.37)" in end


def test_somebodys_words_cannot_change_the_page() -> None:
    page = to_markdown(an_agreement(title="A | <b>bold</b> [link](x) # `code`"))
    assert page.splitlines()[0] == r"# A \| \<b\>bold\</b\> \[link\](x) \# \`code\`"


def test_every_table_row_has_as_many_cells_as_its_head() -> None:
    page = to_markdown(
        an_agreement(
            subprocessors=[
                {"name": "a|b", "service": "s", "groups": ["card"], "location": "x|y", "agreement": "on_file", "since": "2024-01-01"}
            ]
        )
    )
    width = 0
    for line in page.splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = len(re.findall(r"(?<!\\)\|", line))
        assert width in (0, cells)
        width = cells


@pytest.mark.parametrize(
    ("number", "field", "said"),
    [
        ({"scheme": "state_id", "prefix": "", "length": 10}, "state_id", "the state's id, zero-padded to 10 characters"),
        (
            {"scheme": "supplied", "prefix": "29", "length": 14},
            "card_number",
            "a number of 14 characters that begins with 29, which the district sends",
        ),
        ({"scheme": "supplied", "prefix": "", "length": 14}, "card_number", "a number of 14 characters, which the district sends"),
    ],
)
def test_it_says_where_a_number_from_outside_comes_from(number: dict[str, object], field: str, said: str) -> None:
    agreement = an_agreement(
        without=("exchange.mapping",), exchange={"formats": ["csv"], "mapping": {}}, fields={field: FIELD}, card={"number": number}
    )
    assert f"- Number: for students {said}." in to_markdown(agreement)
