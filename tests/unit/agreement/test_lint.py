"""Claims about the rules between an agreement's clauses: each breach is an error on its line that says what to write instead."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.agreement import FIELDS, FORBIDDEN_FIELDS, Access, AgreementError, Ferpa, Group, Purpose, agreement_from, load_agreement

from .builders import DELTAS, HANDOUT, MATCHING, PIN_PAGE, PIN_PAGE_BY_ID, WAITING, agreement_content, an_agreement, directory_content


def mistakes_of(directory: Path, content: dict[str, Any]) -> list[tuple[str, str]]:
    """The text of the line that each mistake names, and its sentence."""
    file = directory / "a.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False, width=4000), encoding="utf-8")
    with pytest.raises(AgreementError) as caught:
        load_agreement(file)
    lines = file.read_text(encoding="utf-8").splitlines()
    return [(lines[mistake.line - 1].strip(), mistake.sentence) for mistake in caught.value.mistakes]


CONSENT = {
    "information": "Names.",
    "purpose": "Cards.",
    "recipients": "Oak Public Library.",
    "form_url": "https://www.pine.example.org/form",
}
STUDY = {
    "purpose": "P.", "scope": "S.", "information": "I.", "ends_on": "2027-06-30", "no_identification": "N.", "destroy_within_days": 30,
}  # fmt: skip
FIELD = {"required": False, "exhibit_b": "x", "fideslang": "user"}
VENDOR = {"name": "Host", "service": "Hosting", "groups": ["identity"], "location": "US", "agreement": "on_file", "since": "2024-01-01"}
EVALUATE = {
    "purposes": {"evaluate": {"use": "essential.service", "exhibit_a": "Count.", "output": "aggregate_only", "min_cell": 10}},
    "matrix": {"evaluate": ["enrolment"]},
    "roles": {"report": {"purposes": ["evaluate"], "human": True, "source_identity_required": True}},
}


AREA = {"flag": True, "unknown": "inside", "outside": "skip"}
ZIPS = {"postal_codes": ["2820"], "unknown": "inside", "outside": "skip"}

BREACHES: list[tuple[str, dict[str, Any], str, str]] = [
    # what is broken, the content, the line it is told on, a part of the sentence
    ("it ends before it begins", agreement_content(term={"expires": "2026-07-31"}), "expires: '2026-07-31'", "ends before it begins"),
    ("it ends on the day it begins", agreement_content(term={"expires": "2026-08-01"}), "expires: '2026-08-01'", "ends before it begins"),
    (
        "a holiday ends before it begins",
        agreement_content(exchange={"calendar": {"breaks": [{"first": "2026-12-24", "last": "2026-12-20"}]}}),
        "last: '2026-12-20'",
        "write a date from 2026-12-24 on",
    ),
    (
        "the roll-over ends before it begins",
        agreement_content(exchange={"calendar": {"rollover": {"first": "2027-07-24", "last": "2027-07-20"}}}),
        "last: '2027-07-20'",
        "write a date from 2027-07-24 on",
    ),
    ("it ends by age without an age", agreement_content(card={"expiry": {"rule": "age"}}), "rule: age", "needs until_age"),
    ("an age without its rule", agreement_content(card={"expiry": {"until_age": 18}}), "rule: school_year", "no other rule takes it"),
    (
        "nobody's grade is known",
        agreement_content(card={"expiry": {"rule": "graduation"}}, without=("fields.grade",)),
        "rule: graduation",
        "Without the field grade",
    ),
    (
        "items of a card for e-resources",
        agreement_content(card={"kind": "e_resources", "rules": {"no_fines": True, "item_limit": 5}}),
        "rules:",
        "nothing is borrowed",
    ),
    (
        "grace days of a card that runs out",
        agreement_content(leavers={"runs_out": True}),
        "grace_days: 30",
        "write grace_days: 0",
    ),
    (
        "a pilot that nobody approves",
        agreement_content(safety={"pilot_cards": 5, "first_run_needs_approval": False}),
        "pilot_cards: 5",
        "first_run_needs_approval: true",
    ),
    (
        "two ways to tell the service area",
        agreement_content(card={"service_area": AREA | {"outside_schools": ["s"]}}, fields={"in_service_area": FIELD}),
        "service_area:",
        "in one way",
    ),
    ("a flag that is no field", agreement_content(card={"service_area": AREA}), "service_area:", "Without the field in_service_area"),
    (
        "no ZIP code",
        agreement_content(card={"service_area": ZIPS}, fields={"postal_code": FIELD}),
        "- '2820'",
        "5 digits of a ZIP code",
    ),
    (
        "e-resources without a type",
        agreement_content(card={"service_area": AREA | {"outside": "e_resources"}}, fields={"in_service_area": FIELD}),
        "service_area:",
        "patron type of its own",
    ),
    (
        "a type for nobody",
        agreement_content(card={"service_area": AREA | {"patron_type": "STUDENT"}}, fields={"in_service_area": FIELD}),
        "patron_type: STUDENT",
        "take patron_type out",
    ),
    ("a card would be over at once", agreement_content(card={"expiry": {"month_day": "06-15"}}), "month_day: 06-15", "after rolls_after"),
    (
        "a group by a field that is not agreed",
        agreement_content(rollout={"leave_out": {"virtual": {"statuses": ["V"]}}}),
        "virtual:",
        "without enrollment_status",
    ),
    # basis and route
    ("school official without its statements", agreement_content(without=("basis.school_official",)), "basis:", "add the block 'basis.school_official'"),
    ("directory information without notice", directory_content() | {"basis": {k: v for k, v in directory_content()["basis"].items() if k != "notice"}}, "basis:", "'basis.notice'"),
    ("consent without its form", agreement_content(without=("basis.school_official",), basis={"ferpa": "consent"}), "basis:", "'basis.consent'"),
    ("elements of another basis", agreement_content(basis={"consent": CONSENT}), "consent:", "belongs to another"),
    ("school official without a window", agreement_content(without=("basis.choice.window_days",)), "choice:", "add window_days"),
    ("consent without window or opt-in", agreement_content(without=("basis.school_official", "basis.choice.window_days"), basis={"ferpa": "consent", "consent": CONSENT}), "choice:", "add window_days"),
    ("opt-in with a window", agreement_content(basis={"choice": {"mode": "opt_in"}}), "window_days: 14", "remove window_days"),
    ("a yes that nobody needs", agreement_content(fields={"consent_date": FIELD}), "consent_date:", "Nobody needs to say yes"),
    ("asked every year from no day on", agreement_content(without=("basis.choice.window_days",), basis={"choice": {"mode": "opt_in", "renew": "yearly"}}, fields={"consent_date": FIELD}), "choice:", "add yes_from"),
    ("a day from which nothing counts", agreement_content(basis={"choice": {"yes_from": "2026-04-01"}}), "yes_from: '2026-04-01'", "remove it"),
    ("a yes that never counts", agreement_content(without=("basis.choice.window_days",), basis={"choice": {"mode": "opt_in", "renew": "yearly", "yes_from": "2030-04-01"}}, fields={"consent_date": FIELD}), "yes_from: '2030-04-01'", "up to term.expires"),
    ("directory information with a window", directory_content(basis={"choice": {"window_days": 14}}), "window_days: 14", "refuse before the upload"),
    ("directory information with opt-in", directory_content(basis={"choice": {"mode": "opt_in"}}), "mode: opt_in", "refused, not granted"),
    ("refusals end after the term began", directory_content(basis={"notice": {"opt_out_by": "2026-08-02"}}), "opt_out_by: '2026-08-02'", "before the first upload"),
    ("refusals end on the term's first day", directory_content(basis={"notice": {"opt_out_by": "2026-08-01"}}), "opt_out_by: '2026-08-01'", "before the first upload"),
    ("refusals end before the notice", directory_content(basis={"notice": {"opt_out_by": "2026-05-01"}}), "opt_out_by: '2026-05-01'", "only before they were told"),
    ("the notice comes after the term began", directory_content(basis={"notice": {"published_on": "2026-08-03", "opt_out_by": "2026-09-03"}}), "published_on: '2026-08-03'", "notice comes before the first upload"),
    ("a limited notice that names no recipient", directory_content(basis={"notice": {"names_recipient": False}}), "names_recipient: false", "99.37(d)"),
    ("a limited notice that names no purpose", directory_content(basis={"notice": {"names_purpose": False}}), "names_purpose: false", "99.37(d)"),
    ("a window that nobody is told of", agreement_content(notices={"announce": False}), "announce: false", "begins when the family was told"),
    # fields
    ("a forbidden field", agreement_content(fields={"ssn": FIELD}), "ssn:", "may not be in any agreement"),
    ("a field nobody knows", agreement_content(fields={"guardian_mail": FIELD}), "guardian_mail:", "Did you mean 'guardian_email'?"),
    ("a forbidden field left out of the list", agreement_content(forbidden_fields=["ssn"]), "forbidden_fields:", "add iep, lunch_status"),
    ("a mapping of a field that is not agreed", agreement_content(exchange={"mapping": {"phone": "sms"}}), "phone: sms", "not among the agreed fields"),
    ("a mapping to a forbidden column", agreement_content(exchange={"mapping": {"home_language": "pronouns"}}), "home_language: pronouns", "is forbidden"),
    ("no id", agreement_content(without=("fields.student_id",)), "fields:", "without 'student_id'"),
    ("an address for a virtual card", agreement_content(fields={"street": FIELD}, matrix={"sync_ils": ["identity", "age", "enrolment", "card", "pin", "address"]}), "street:", "needs no address"),
    ("an address for e-resources", agreement_content(card={"kind": "e_resources"}, fields={"city": FIELD}, matrix={"sync_ils": ["identity", "age", "enrolment", "card", "pin", "address"]}), "city:", "needs no address"),
    # purposes, groups, roles
    ("a purpose that the matrix does not have", agreement_content(without=("matrix.issue_card",)), "issue_card:", "add it under matrix"),
    ("a matrix row that is no purpose", agreement_content(matrix={"evaluate": ["enrolment"]}), "evaluate:", "no purpose of this agreement"),
    ("a purpose that no role works for", agreement_content(without=("roles.notify",)), "send_notice:", "No role works for send_notice"),
    ("a role with no purpose", agreement_content(roles={"sync": {"purposes": []}}), "purposes: []", "works for no purpose"),
    ("a role with a purpose that is not agreed", agreement_content(roles={"report": {"purposes": ["evaluate"], "human": True, "source_identity_required": True}}), "- evaluate", "no purpose of this agreement"),
    ("a role that is no function", agreement_content(roles={"synch": {"purposes": ["sync_ils"]}}), "synch:", "Did you mean 'sync'?"),
    ("a function with another's purpose", agreement_content(roles={"notify": {"purposes": ["send_notice", "sync_ils"]}}), "- sync_ils", "works for send_notice only"),
    ("plan that opens", agreement_content(roles={"plan": {"opens": True}}), "plan:", "write opens: false"),
    ("preview that opens more than plan", agreement_content(roles={"preview": {"purposes": ["issue_card", "deduplicate"], "opens": ["issue_card"]}}), "preview:", "opens nothing that plan does not open"),
    ("changes without the purpose that merges them", agreement_content(exchange={"deltas": True}), "deltas: true", "describe the purpose merge_delta"),
    ("changes that plan may not merge", agreement_content(**DELTAS | {"roles": {"plan": {"purposes": ["issue_card", "merge_delta"]}}}), "plan:", "opens: [merge_delta]"),
    ("a kept roster for nothing", agreement_content(**DELTAS | {"exchange": {"deltas": False}}), "merge_delta:", "Without files of changes"),
    ("changes in a form that has none", agreement_content(**DELTAS | {"exchange": {"deltas": True, "formats": ["csv"]}}), "deltas: true", "Only OneRoster"),
    ("more for merging than the last roster", agreement_content(**DELTAS | {"matrix": {"merge_delta": ["roster", "identity"]}}), "merge_delta:", "write [roster]"),
    ("the last roster for another purpose", agreement_content(**DELTAS | {"matrix": {"merge_delta": ["roster"], "sync_ils": ["identity", "age", "enrolment", "card", "pin", "roster"]}}), "sync_ils:", "take roster out"),
    ("plan that opens more than the last roster", agreement_content(**DELTAS | {"roles": {"plan": {"purposes": ["issue_card", "merge_delta"], "opens": ["merge_delta", "issue_card"]}}}), "plan:", "but the last roster"),
    ("a person who opens the last roster", agreement_content(**DELTAS | {"roles": DELTAS["roles"] | {"report": {"purposes": ["merge_delta"], "human": True, "source_identity_required": True}}}), "purposes:", "Only the function plan"),
    ("another function with the last roster", agreement_content(**DELTAS | {"roles": DELTAS["roles"] | {"sync": {"purposes": ["sync_ils", "merge_delta"]}}}), "- merge_delta", "works for sync_ils only"),
    ("a further party that gets the last roster", agreement_content(**DELTAS, subprocessors=[VENDOR | {"groups": ["roster"]}]), "groups:", "merge_delta alone"),
    ("a person whose reading the log could not name", agreement_content(**EVALUATE | {"roles": {"report": {"purposes": ["evaluate"], "human": True}}}), "report:", "source_identity_required: true"),
    ("a field whose group nobody opens", agreement_content(matrix={"issue_card": ["identity", "enrolment"], "sync_ils": ["identity", "enrolment", "card", "pin"]}), "birth_date:", "collected for nothing"),
    ("a group without a field", agreement_content(matrix={"send_notice": ["contact", "card", "address"]}), "- address", "No agreed field is in the group address"),
    ("a group twice", agreement_content(matrix={"send_notice": ["contact", "card", "card"]}), "- card", "stands twice"),
    ("a PIN that reaches nobody", agreement_content(matrix={"sync_ils": ["identity", "age", "enrolment", "card"]}), "matrix:", "the group pin"),
    ("a patron without a name", agreement_content(matrix={"sync_ils": ["age", "enrolment", "card", "pin"]}), "sync_ils:", "the group identity"),
    ("a notice without an address", agreement_content(matrix={"send_notice": ["card"], "sync_ils": ["identity", "age", "enrolment", "card", "pin", "contact"]}), "send_notice:", "add the group contact"),
    ("an evaluation of single children", agreement_content(**EVALUATE | {"purposes": {"evaluate": {"use": "essential", "exhibit_a": "x", "output": "individual", "min_cell": 10}}}), "evaluate:", "output: aggregate_only"),
    ("an evaluation of small groups", agreement_content(**EVALUATE | {"purposes": {"evaluate": {"use": "essential", "exhibit_a": "x", "output": "aggregate_only", "min_cell": 3}}}), "evaluate:", "min_cell: 10 or more"),
    ("a further party that gets what nobody opens", agreement_content(subprocessors=[VENDOR | {"groups": ["address"]}]), "- address", "No purpose opens address"),
    ("a further party without its agreement", agreement_content(subprocessors=[VENDOR | {"agreement": "pending"}]), "agreement: pending", "bound in writing"),
    # numbers
    ("a prefix scheme without prefix", agreement_content(without=("card.number.prefix",)), "number:", "needs a prefix"),
    ("a prefix that leaves no room", agreement_content(card={"number": {"prefix": "904904904", "length": 12}}), "length: 12", "only 3 digits are left"),
    ("a prefix longer than the number", agreement_content(card={"number": {"prefix": "904904904", "length": 6}}), "length: 6", "only 0 digits are left"),
    ("a prefix that the scheme does not take", agreement_content(card={"number": {"scheme": "student_id"}}), "prefix: '904'", "takes no prefix"),
    ("a library barcode of another length", agreement_content(without=("card.number.prefix",), card={"number": {"scheme": "library_barcode"}}), "length: 12", "has 14 digits"),
    ("a state id that is not agreed", agreement_content(without=("card.number.prefix",), exchange={"formats": ["csv"]}, card={"number": {"scheme": "state_id"}}), "number:", "made of 'state_id', which is not among the agreed fields"),
    ("a state id in a form that brings none", agreement_content(without=("card.number.prefix",), fields={"state_id": FIELD}, card={"number": {"scheme": "state_id"}}), "number:", "No 'state_id' is read from oneroster_1_1"),
    ("a state id of staff", agreement_content(without=("card.staff_number.prefix",), fields={"state_id": FIELD}, card={"staff_number": {"scheme": "state_id"}}), "staff_number:", "Members of staff have no state id"),
    ("a state id with a prefix", agreement_content(fields={"state_id": FIELD}, exchange={"formats": ["csv"]}, card={"number": {"scheme": "state_id"}}), "prefix: '904'", "takes no prefix"),
    ("a number from the district that is not agreed", agreement_content(exchange={"formats": ["csv"]}, card={"number": {"scheme": "supplied"}}), "number:", "made of 'card_number'"),
    ("a number from the district for nothing", agreement_content(fields={"card_number": FIELD}), "card_number:", "scheme supplied only"),
    ("a number shorter than its beginning", agreement_content(exchange={"formats": ["csv"]}, fields={"card_number": FIELD}, card={"number": {"scheme": "supplied", "prefix": "904904", "length": 5}}), "length: 5", "begins with 904904"),
    ("a student id that opens by itself", directory_content(card={"pin_or_second_factor": False}), "card:", "pin_or_second_factor: true"),
    # the way of the file
    ("signed without signers", agreement_content(exchange={"signers": []}), "protection: signed", "exchange.signers"),
    ("plain with signers", agreement_content(exchange={"protection": "plain"}), "signers:", "no signature is checked"),
    ("SFTP without keys", agreement_content(exchange={"sftp_keys": []}), "channels:", "sign in over SFTP"),
    ("SFTP keys without SFTP", agreement_content(exchange={"channels": ["s3"], "s3_principal": "arn:aws:iam::111122223333:role/export"}), "sftp_keys:", "not agreed"),
    ("S3 without a principal", agreement_content(exchange={"channels": ["sftp", "s3"]}), "channels:", "exchange.s3_principal"),
    ("a principal without S3", agreement_content(exchange={"s3_principal": "arn:aws:iam::111122223333:role/export"}), "s3_principal: arn:aws:iam::111122223333:role/export", "not agreed"),
    # keeping
    ("a roster kept beyond the term", agreement_content(retention={"roster_days": 366}), "roster_days: 366", "(365 days)"),
    ("a file kept beyond the term", agreement_content(retention={"raw_upload_days": 366}), "raw_upload_days: 366", "(365 days)"),
    ("a leaver kept beyond the term", agreement_content(retention={"after_withdrawal_days": 400}), "after_withdrawal_days: 400", "(365 days)"),
    ("a record of disclosures shorter than the term", agreement_content(retention={"disclosure_record_days": 300}), "disclosure_record_days: 300", "365 or more"),
    ("a log shorter than the record it proves", agreement_content(retention={"access_log_days": 2000}), "access_log_days: 2000", "2555 or more"),
    ("a key that outlives the destruction", agreement_content(disposition={"within_days": 5}), "key_wait_days: 7", "at most 5"),
    # cards that are there before
    ("a card to be linked that may be blocked", agreement_content(existing="link", **MATCHING), "existing: link", "existing_blocked: separate, link_and_list or ask"),
    ("a card to be renewed that may be blocked", agreement_content(existing="renew", **MATCHING), "existing: renew", "are blocked or expired"),
    ("a policy for blocked cards that are never linked", agreement_content(existing_blocked="ask"), "existing_blocked: ask", "take existing_blocked out"),
    # who is compared with whom
    ("a card to be linked that nobody looks for", agreement_content(existing="link", existing_blocked="ask"), "existing: link", "for the purpose deduplicate alone"),
    ("a child in doubt whom nobody compares", agreement_content(in_doubt={"meanwhile": "card", "decide_within_days": 14}), "in_doubt:", "take in_doubt out"),
    ("nothing said about a child in doubt", agreement_content(**{**MATCHING, "in_doubt": None}), "deduplicate:", "in_doubt: {meanwhile"),
    ("asking without waiting for the answer", agreement_content(existing="ask", **MATCHING), "meanwhile: card", "write wait"),
    ("a comparison without birth dates", agreement_content(without=("fields.birth_date",), **MATCHING), "deduplicate:", "without birth_date"),
    ("more than names for who settles", agreement_content(**WAITING | {"matrix": {"deduplicate": ["identity", "age", "contact"]}}), "deduplicate:", "remove contact"),
    # a page that shows the PIN
    ("a page that nobody may open anything for", agreement_content(card=PIN_PAGE["card"]), "page:", "describe the purpose show_pin, write show_pin: [pin, card, age] under matrix, and give it to the role reveal"),
    ("a purpose without a page", agreement_content(**{name: clause for name, clause in PIN_PAGE.items() if name != "card"}), "show_pin:", "write card.pin.page"),
    ("a page without its function", agreement_content(**{name: clause for name, clause in PIN_PAGE.items() if name != "roles"}), "roles:", "write reveal: {purposes: [show_pin]}"),
    ("a page whose function opens nothing", agreement_content(**PIN_PAGE | {"roles": {"reveal": {"purposes": ["show_pin"], "opens": False}}}), "roles:", "The function reveal shows the PIN"),
    ("a page for people", agreement_content(**PIN_PAGE | {"roles": {**PIN_PAGE["roles"], "desk": {"purposes": ["show_pin"], "human": True, "source_identity_required": True}}}), "purposes:", "Only the function reveal"),
    ("a page without the e-mail with its link", agreement_content(without=("purposes.send_notice", "matrix.send_notice", "roles.notify"), **PIN_PAGE), "page:", "send_notice, or remove the page"),
    ("a question about what is not sent", agreement_content(without=("fields.birth_date",), **PIN_PAGE), "asks: birth_date", "add birth_date to the fields"),
    ("a question that the card number answers", agreement_content(**PIN_PAGE | {"matrix": PIN_PAGE_BY_ID["matrix"], "card": {"pin": {"page": {"asks": "student_id", "days": 30}}}}), "asks: student_id", "ask for birth_date, or use scheme: library_barcode"),
    ("a page that cannot open the PIN", agreement_content(**PIN_PAGE | {"matrix": {"show_pin": ["card", "age"]}}), "show_pin:", "add pin to show_pin"),
    ("a page that cannot open what it asks for", agreement_content(**PIN_PAGE_BY_ID | {"matrix": {"show_pin": ["pin", "card"]}}), "show_pin:", "add identity to show_pin"),
    ("a page that opens more than it needs", agreement_content(**PIN_PAGE | {"matrix": {"show_pin": ["pin", "card", "age", "enrolment"]}}), "show_pin:", "needs no more than pin, card, age: remove enrolment"),
    ("a name that no family may be shown", agreement_content(name_on={"family_notice": "none"}, **PIN_PAGE | {"matrix": {"show_pin": ["pin", "card", "age", "identity"]}}), "show_pin:", "remove identity"),
    ("a page for longer than a term of school", agreement_content(**PIN_PAGE | {"card": {"pin": {"page": {"asks": "birth_date", "days": 91}}}}), "days: 91", "write 90 or less"),
    # what is handed out on paper
    ("handing out without its function", agreement_content(**{name: clause for name, clause in HANDOUT.items() if name != "roles"}), "roles:", "write print: {purposes: [hand_out]}"),
    ("a function that may not open what it hands out", agreement_content(**HANDOUT | {"roles": {"print": {"purposes": ["hand_out"], "opens": False}}}), "roles:", "The function print opens what is handed out"),
    ("paper for people to open", agreement_content(**HANDOUT | {"roles": {**HANDOUT["roles"], "desk": {"purposes": ["hand_out"], "human": True, "source_identity_required": True}}}), "purposes:", "people ask it"),
    ("a card without a name", agreement_content(**HANDOUT | {"matrix": {"hand_out": ["card", "enrolment"]}}), "hand_out:", "add identity to hand_out"),
    ("more on paper than is needed", agreement_content(**HANDOUT | {"matrix": {"hand_out": ["identity", "card", "pin", "enrolment", "age"]}}), "hand_out:", "remove age"),
    ("handing out without knowing the school", agreement_content(without=("fields.school_id",), **HANDOUT), "hand_out:", "add it to the fields"),
    # promises
    ("advertising not forbidden", agreement_content(prohibited_uses=["sale", "profiling"]), "prohibited_uses:", "never for advertising"),
    ("a law of another state", agreement_content(state_terms=["CA-49073.1"]), "- CA-49073.1", "The district is in FL"),
    ("New York with a late breach notice", agreement_content(parties={"lea": {"state": "NY"}}, breach={"notify_lea_within_hours": 200}), "notify_lea_within_hours: 200", "seven calendar days"),
    ("New York with a late clock", agreement_content(parties={"lea": {"state": "NY"}}, breach={"clock_starts": "confirmation"}), "clock_starts: confirmation", "starts with the discovery"),
    ("an officer without deputy", agreement_content(without=("parties.provider.compliance_officer.deputy",)), "compliance_officer:", "add a deputy"),
    ("a privacy contact without deputy", agreement_content(without=("parties.lea.privacy_contact.deputy",)), "privacy_contact:", "add a deputy"),
    ("a desk without deputy", agreement_content(without=("notices.contact.deputy",)), "contact:", "add a deputy"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "line", "said"), [row[1:] for row in BREACHES], ids=[row[0] for row in BREACHES])
def test_an_agreement_is_refused_where(tmp_path: Path, content: dict[str, Any], line: str, said: str) -> None:
    assert any(text == line and said in sentence for text, sentence in mistakes_of(tmp_path, content)), mistakes_of(tmp_path, content)


@pytest.mark.parametrize("purpose", ["issue_card", "sync_ils", "send_notice"])
@pytest.mark.parametrize("basis", ["studies", "audit"])
def test_studies_and_audits_are_no_basis_for_cards(tmp_path: Path, basis: str, purpose: str) -> None:
    content = agreement_content(without=("basis.school_official",), basis={"ferpa": basis, "studies": STUDY})
    assert any(line == f"{purpose}:" and "covers evaluation only" in sentence for line, sentence in mistakes_of(tmp_path, content))


def test_the_three_routes_follow_from_the_basis() -> None:
    assert an_agreement().route == "window"
    assert an_agreement(without=("basis.choice.window_days",), basis={"choice": {"mode": "opt_in"}}).route == "opt_in"
    assert agreement_from(directory_content()).route == "before_upload"
    consent = {"ferpa": "consent", "consent": CONSENT}
    assert an_agreement(without=("basis.school_official",), basis=consent).route == "window"
    assert (
        an_agreement(without=("basis.school_official", "basis.choice.window_days"), basis=consent | {"choice": {"mode": "opt_in"}}).route
        == "opt_in"
    )


def test_opt_in_needs_no_announcement() -> None:
    agreement = an_agreement(without=("basis.choice.window_days",), basis={"choice": {"mode": "opt_in"}}, notices={"announce": False})
    assert not agreement.notices.announce


def test_an_evaluation_of_counts_is_lawful() -> None:
    assert Access("report", Purpose.EVALUATE, Group.ENROLMENT) in an_agreement(**EVALUATE).accesses()


def test_a_person_may_be_named_who_opens_nothing() -> None:
    agreement = an_agreement(roles={"officer": {"purposes": [], "human": True, "source_identity_required": True}})
    assert "officer" not in {access.role for access in agreement.accesses()}


def test_a_full_card_may_have_an_address_and_a_virtual_one_a_postal_code() -> None:
    opened = {"sync_ils": ["identity", "age", "enrolment", "card", "pin", "address"]}
    assert "street" in an_agreement(card={"kind": "full"}, fields={"street": FIELD}, matrix=opened).fields
    assert "postal_code" in an_agreement(fields={"postal_code": FIELD}, matrix=opened).fields


def test_a_library_barcode_needs_no_second_factor_under_directory_information() -> None:
    number = {"scheme": "library_barcode", "prefix": "", "length": 14}
    assert not agreement_from(directory_content(card={"pin_or_second_factor": False, "number": number})).card.pin_or_second_factor


def test_a_draft_may_wait_for_a_further_party() -> None:
    assert an_agreement(status="draft", subprocessors=[VENDOR | {"agreement": "pending"}]).subprocessors


@pytest.mark.parametrize("protection", ["encrypted", "plain"])
def test_without_signature_the_sender_is_proven_by_the_way_in(protection: str) -> None:
    assert an_agreement(exchange={"protection": protection, "signers": []}).exchange.sftp_keys


@settings(deadline=None)
@given(st.sampled_from(FORBIDDEN_FIELDS))
def test_no_agreement_can_list_a_forbidden_field(name: str) -> None:
    with pytest.raises(AgreementError, match="may not be in any agreement"):
        agreement_from(agreement_content(fields={name: FIELD}))


@settings(deadline=None)
@given(st.sampled_from(sorted(FIELDS.keys() - {"consent_date"})))
def test_an_agreed_field_is_always_opened_by_somebody(name: str) -> None:
    content = agreement_content(card={"kind": "full"}, fields={name: FIELD})
    try:
        agreement = agreement_from(content)
    except AgreementError as refused:
        said = str(refused)
    else:
        said = ""
        assert agreement.purposes_of(FIELDS[name])
    assert not said or "collected for nothing" in said


@settings(deadline=None)
@given(st.sampled_from(list(Ferpa)), st.sampled_from(["opt_out", "opt_in"]), st.none() | st.integers(1, 60))
def test_every_pair_of_basis_and_route_is_right_or_refused(ferpa: Ferpa, mode: str, window: int | None) -> None:
    content = agreement_content(without=("basis.school_official",), card={"pin_or_second_factor": True})
    elements: dict[str, Any] = {
        "school_official": {"institutional_service": "a", "direct_control": "b", "no_redisclosure": "c"},
        "consent": CONSENT,
        "studies": STUDY,
    }
    basis = directory_content()["basis"] if ferpa.is_directory else {key: value for key, value in elements.items() if key == ferpa}
    choice: dict[str, Any] = {"mode": mode, "renew": "never", "honour_within_hours": 24}
    content["basis"] = basis | {"ferpa": ferpa.value, "choice": choice | ({} if window is None else {"window_days": window})}
    lawful = (ferpa.is_directory and mode == "opt_out" and window is None) or (
        ferpa in (Ferpa.SCHOOL_OFFICIAL, Ferpa.CONSENT) and (mode == "opt_in") == (window is None)
    )
    try:
        route = agreement_from(content).route
    except AgreementError:
        route = None  # type: ignore[assignment]
    expected = None if not lawful else "before_upload" if ferpa.is_directory else "opt_in" if mode == "opt_in" else "window"
    assert route == expected


def test_where_changes_are_agreed_plan_opens_the_last_roster_and_nothing_else() -> None:
    opened = {(access.purpose, access.group) for access in an_agreement(**DELTAS).accesses() if access.role == "plan"}
    assert opened == {(Purpose.MERGE_DELTA, Group.ROSTER)}
    assert an_agreement(**DELTAS).purposes_of(Group.ROSTER) == (Purpose.MERGE_DELTA,)
    assert [access for access in an_agreement().accesses() if access.role == "plan"] == []


def test_what_a_role_opens_is_true_false_or_a_list_of_purposes(tmp_path: Path) -> None:
    said = mistakes_of(tmp_path, agreement_content(roles={"plan": {"opens": ["merge"]}}))
    assert any("write true, false, or a list of purposes" in sentence for _, sentence in said), said


@pytest.mark.parametrize("changes", [PIN_PAGE, PIN_PAGE_BY_ID, PIN_PAGE | {"matrix": {"show_pin": ["pin", "card", "age", "identity"]}}])
def test_a_page_opens_what_it_asks_for_and_shows_and_may_open_the_name(changes: dict[str, Any]) -> None:
    agreement = an_agreement(**changes)
    page = agreement.card.pin.page
    assert page is not None
    assert set(page.opens) <= set(agreement.matrix[Purpose.SHOW_PIN])
    assert {access.role for access in agreement.accesses() if access.purpose is Purpose.SHOW_PIN} == {"reveal"}


def test_without_the_clause_nobody_may_show_a_pin() -> None:
    assert an_agreement().card.pin.page is None
    assert Group.PIN not in {access.group for access in an_agreement().accesses() if access.role != "sync"}


@pytest.mark.parametrize("groups", [["identity", "card", "enrolment"], ["identity", "card", "pin", "enrolment"]])
def test_paper_holds_what_the_matrix_says_and_one_function_alone_opens_it(groups: list[str]) -> None:
    agreement = an_agreement(**HANDOUT | {"matrix": {"hand_out": groups}})
    assert agreement.hands_out
    assert agreement.prints_pins is ("pin" in groups)
    assert {access.role for access in agreement.accesses() if access.purpose is Purpose.HAND_OUT} == {"print"}
    assert not an_agreement().hands_out
