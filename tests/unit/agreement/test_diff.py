"""Claims about what a change of an agreement changes."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.agreement import agreement_from
from firstcard.agreement.diff import Change, Section, changes_between, to_plain

from .builders import DELTAS, OPENPGP_KEY, PIN_PAGE, agreement_content, an_agreement, directory_content

OTHER_CONTENTS: list[dict[str, Any]] = [
    agreement_content(),
    agreement_content(title="Another title"),
    agreement_content(safety={"max_new_percent": 11}),
    agreement_content(retention={"raw_upload_days": 8}),
    agreement_content(without=("fields.staff_email",)),
    agreement_content(matrix={"send_notice": ["contact"]}),
    agreement_content(matrix={"send_notice": ["card", "contact"]}),
    agreement_content(roles={"officer": {"purposes": [], "human": True}}),
    agreement_content(notices={"languages": ["es", "en"]}),
    agreement_content(**PIN_PAGE),
    agreement_content(exchange={"source_cidrs": ["198.51.100.0/24"]}),
    agreement_content(exchange={"signers": [OPENPGP_KEY, OPENPGP_KEY]}),
    agreement_content(exchange={"calendar": {"breaks": [{"first": "2026-12-20", "last": "2027-01-02"}]}}),
    directory_content(),
]


def between(changes: dict[str, Any]) -> tuple[Change, ...]:
    return changes_between(an_agreement(), an_agreement(**changes))


def told(changes: tuple[Change, ...]) -> list[tuple[str, str]]:
    return [(change.section.value, change.sentence) for change in changes]


def test_a_group_that_a_purpose_gains_is_access_for_each_role() -> None:
    (change,) = between({"matrix": {"send_notice": ["contact", "card", "identity"]}})
    assert (change.section, change.effect) == (Section.ACCESS, "wider")
    assert change.sentence == "notify may now open identity for send_notice."


def test_a_group_that_a_purpose_loses_is_access_taken_away() -> None:
    (change,) = between({"matrix": {"send_notice": ["contact"]}})
    assert (change.effect, change.sentence) == ("narrower", "notify may no longer open card for send_notice.")


def test_what_plan_works_on_is_told_apart_from_what_is_opened() -> None:
    (change,) = between({"matrix": {"issue_card": ["identity", "age", "enrolment", "contact"]}})
    assert change.sentence == "plan may now work on contact in the roster itself for issue_card."


def test_a_new_field_is_one_change_that_widens() -> None:
    field = {"required": False, "exhibit_b": "x", "fideslang": "user"}
    (change,) = between({"fields": {"middle_name": field}})
    assert (change.section, change.path, change.effect) == (Section.FIELDS, "fields.middle_name", "wider")


def test_a_field_that_becomes_required_is_told() -> None:
    assert told(between({"fields": {"grade": {"required": True}}})) == [("fields", "`fields.grade.required` changes from false to true.")]


def test_longer_and_shorter_retention_say_their_direction() -> None:
    longer, shorter = between({"retention": {"raw_upload_days": 14, "roster_days": 10}})
    assert (longer.section, longer.effect, longer.sentence) == (
        Section.RETENTION,
        "wider",
        "`retention.raw_upload_days` changes from 7 to 14.",
    )
    assert shorter.effect == "narrower"


def test_a_higher_threshold_and_a_dropped_approval_are_wider() -> None:
    changes = between({"safety": {"max_missing_percent": 50, "first_run_needs_approval": False}})
    assert {(change.section, change.effect) for change in changes} == {(Section.THRESHOLDS, "wider")}


def test_a_further_party_is_access_and_known_by_its_name() -> None:
    vendor = {"name": "Host", "service": "Hosting", "groups": ["identity"], "location": "US", "agreement": "on_file", "since": "2024-01-01"}
    (change,) = between({"subprocessors": [vendor]})
    assert (change.section, change.path, change.effect) == (Section.ACCESS, "subprocessors[Host]", "wider")
    other = {**vendor, "name": "Mailer"}
    moved = changes_between(an_agreement(subprocessors=[vendor, other]), an_agreement(subprocessors=[other, {**vendor, "location": "CA"}]))
    assert told(moved) == [("access", "`subprocessors[Host].location` changes from US to CA.")]


def test_sections_come_in_the_order_in_which_a_reader_wants_them() -> None:
    changes = between(
        {"title": "T", "retention": {"roster_days": 9}, "matrix": {"send_notice": ["contact"]}, "safety": {"max_new_percent": 1}}
    )
    assert [change.section for change in changes] == [Section.ACCESS, Section.RETENTION, Section.THRESHOLDS, Section.OTHER]


def test_a_key_is_shown_by_its_fingerprint() -> None:
    signed = changes_between(an_agreement(exchange={"signers": [], "protection": "plain"}), an_agreement())
    gained = next(change for change in signed if change.path == "exchange.signers")
    assert "BEGIN" not in gained.sentence
    assert "SHA-256" in gained.sentence


def test_a_list_in_another_order_is_told_as_that() -> None:
    (change,) = between({"notices": {"languages": ["es", "en"]}})
    assert change.sentence == "`notices.languages` has the same items in another order or number."


def test_changes_are_plain_data_with_their_section() -> None:
    (plain,) = to_plain(between({"leavers": {"grace_days": 7}}))
    assert plain == {
        "section": "other",
        "path": "leavers.grace_days",
        "before": 30,
        "after": 7,
        "effect": "other",
        "sentence": "`leavers.grace_days` changes from 30 to 7.",
    }


@settings(deadline=None)
@given(st.sampled_from(OTHER_CONTENTS))
def test_an_agreement_does_not_differ_from_itself(content: dict[str, Any]) -> None:
    assert changes_between(agreement_from(content), agreement_from(content)) == ()


@settings(deadline=None)
@given(st.sampled_from(OTHER_CONTENTS), st.sampled_from(OTHER_CONTENTS))
def test_two_agreements_that_say_something_else_differ_and_back_again(one: dict[str, Any], other: dict[str, Any]) -> None:
    old, new = agreement_from(one), agreement_from(other)
    there, back = changes_between(old, new), changes_between(new, old)
    assert bool(there) == (old != new)
    assert sorted((change.path, str(change.before), str(change.after)) for change in there) == sorted(
        (change.path, str(change.after), str(change.before)) for change in back
    )


@settings(deadline=None)
@given(st.sampled_from(["raw_upload_days", "roster_days", "after_withdrawal_days"]), st.integers(1, 365), st.integers(1, 365))
def test_keeping_longer_is_wider_and_keeping_shorter_is_narrower(clause: str, before: int, after: int) -> None:
    changes = changes_between(an_agreement(retention={clause: before}), an_agreement(retention={clause: after}))
    assert [change.effect for change in changes] == ([] if before == after else ["wider" if after > before else "narrower"])


def test_letting_changes_in_is_wider_for_a_roster_is_kept_for_them() -> None:
    found = {change.path: change for change in changes_between(an_agreement(), an_agreement(**DELTAS))}
    assert (found["exchange.deltas"].section, found["exchange.deltas"].effect) == (Section.RETENTION, "wider")
    assert found["plan × merge_delta × roster"].sentence == "plan may now open roster for merge_delta."
    back = {change.path: change for change in changes_between(an_agreement(**DELTAS), an_agreement())}
    assert back["exchange.deltas"].effect == "narrower"


def test_a_page_that_shows_pins_widens_and_so_do_more_days_for_it() -> None:
    new = changes_between(an_agreement(), an_agreement(**PIN_PAGE))
    assert [(c.section, c.effect) for c in new if c.path == "card.pin.page"] == [(Section.ACCESS, "wider")]
    assert {c.sentence for c in new} >= {f"reveal may now open {group} for show_pin." for group in ("pin", "card", "age")}
    gone = changes_between(an_agreement(**PIN_PAGE), an_agreement())
    assert [c.effect for c in gone if c.path == "card.pin.page"] == ["narrower"]
    longer = an_agreement(**PIN_PAGE | {"card": {"pin": {"page": {"asks": "birth_date", "days": 60}}}})
    (change,) = changes_between(an_agreement(**PIN_PAGE), longer)
    assert (change.section, change.path, change.effect) == (Section.ACCESS, "card.pin.page.days", "wider")
    (change,) = changes_between(longer, an_agreement(**PIN_PAGE))
    assert change.effect == "narrower"
