"""Claims about reading an agreement or library: what is refused, on which line, and what the sentence says to write instead."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstcard.agreement import (
    AgreementError,
    Group,
    Mistake,
    Purpose,
    agreement_from,
    library_from,
    load_agreement,
    load_library,
)

from .builders import OPENPGP_KEY, SSH_KEY, agreement_content, an_agreement, library_content


def written(directory: Path, content: dict[str, Any]) -> Path:
    file = directory / "a.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def mistakes_of(file: Path) -> tuple[Mistake, ...]:
    with pytest.raises(AgreementError) as caught:
        load_agreement(file)
    return caught.value.mistakes


def told(content: dict[str, Any]) -> list[str]:
    """The sentences that a content earns; none if it is lawful."""
    try:
        agreement_from(content)
    except AgreementError as error:
        return [mistake.sentence for mistake in error.mistakes]
    return []


def sentences(content: dict[str, Any]) -> list[str]:
    with pytest.raises(AgreementError) as caught:
        agreement_from(content)
    return [mistake.sentence for mistake in caught.value.mistakes]


def test_a_lawful_agreement_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert load_agreement(written(tmp_path, agreement_content())) == an_agreement()


def test_what_is_not_written_has_only_safe_defaults() -> None:
    agreement = an_agreement()
    assert not agreement.deidentified.allowed
    assert agreement.requests.law_enforcement == "redirect_to_lea"
    assert agreement.term.renewal == "explicit"
    assert "ssn" in agreement.forbidden_fields
    assert agreement.subprocessors == ()


def test_the_sharing_id_is_library_and_district() -> None:
    assert an_agreement().sharing == "oak.pine"


def test_purposes_of_a_group_come_from_the_matrix() -> None:
    agreement = an_agreement()
    assert agreement.purposes_of(Group.CARD) == (Purpose.SYNC_ILS, Purpose.SEND_NOTICE)
    assert agreement.purposes_of(Group.ADDRESS) == ()


def test_a_role_that_only_seals_has_no_access() -> None:
    roles = {access.role for access in an_agreement().accesses()}
    assert roles == {"sync", "notify"}


def test_an_agreement_names_nobody_in_its_repr() -> None:
    agreement = an_agreement()
    assert "Example" not in repr(agreement) + repr(agreement.parties.lea.privacy_contact)
    assert "@" not in repr(agreement.parties)


def blocks(content: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every block with keys of its own, except the maps whose keys people choose."""
    if isinstance(content, dict):
        if path not in {("fields",), ("exchange", "mapping"), ("matrix",), ("purposes",), ("roles",), ("card", "home_branch", "by_school")}:
            yield path
        for key, value in content.items():
            yield from blocks(value, (*path, key))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from blocks(value, (*path, number))


ALL_BLOCKS = sorted(blocks(agreement_content()), key=str)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.sampled_from(ALL_BLOCKS), st.from_regex(r"zz[a-z]{1,10}", fullmatch=True))
def test_an_unknown_key_anywhere_is_refused_on_its_line(tmp_path: Path, path: tuple[str | int, ...], key: str) -> None:
    content = agreement_content()
    block: Any = content
    for part in path:
        block = block[part]
    block[key] = "x"
    file = written(tmp_path, content)
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if text.strip() == f"{key}: x")
    found = mistakes_of(file)
    assert [(mistake.file, mistake.line) for mistake in found] == [(str(file), line)]
    assert f"'{key}' is not a key" in found[0].sentence


LEAVES_WITHOUT_DEFAULT = [
    "apiVersion", "id", "title", "district", "library", "status", "parties", "basis", "term", "purposes", "prohibited_uses", "fields", "forbidden_columns",
    "matrix", "roles", "rollout", "card", "existing", "leavers", "name_on", "safety", "exchange", "retention", "disposition", "notices", "breach", "audit",
    "training", "security_framework", "term.expires", "basis.ferpa", "basis.choice", "exchange.protection", "exchange.max_megabytes", "exchange.organisation_ids",
    "retention.raw_upload_days", "retention.access_log_days", "safety.first_run_needs_approval", "safety.max_missing_percent", "name_on.ils",
    "name_on.family_notice", "name_on.handout", "notices.announce", "breach.clock_starts", "fields.student_id.exhibit_b", "fields.student_id.required",
]  # fmt: skip


@pytest.mark.parametrize("path", LEAVES_WITHOUT_DEFAULT)
def test_a_key_without_a_safe_default_must_be_written(path: str) -> None:
    assert any(sentence.startswith(f"'{path}' is missing:") for sentence in sentences(agreement_content(without=(path,))))


def test_name_on_says_why_it_has_no_default() -> None:
    assert "there is no default, because the wrong one can harm a child" in sentences(agreement_content(without=("name_on",)))[0]


def test_a_misspelt_key_names_the_nearest(tmp_path: Path) -> None:
    content = agreement_content()
    content["retention"]["raw_uplod_days"] = content["retention"].pop("raw_upload_days")
    found = [mistake.sentence for mistake in mistakes_of(written(tmp_path, content))]
    assert any("Did you mean 'raw_upload_days'?" in sentence for sentence in found)


def test_a_wrong_word_names_the_allowed_ones_and_the_nearest() -> None:
    (sentence,) = sentences(agreement_content(existing="seperate"))
    assert sentence == "'existing' does not know this word. Did you mean 'separate'? Write one of: separate, link, renew, ask."


def test_an_unknown_purpose_names_the_purposes() -> None:
    content = agreement_content()
    content["matrix"]["marketing"] = ["contact"]
    assert any("issue_card, sync_ils, send_notice, evaluate" in sentence for sentence in sentences(content))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"card": {"number": {"prefix": 904}}}, "numbers, true and false need quotes"),
        ({"card": {"number": {"prefix": "9o4"}}}, "digits, in quotes"),
        ({"card": {"number": {"length": "12"}}}, "whole number without quotes"),
        ({"card": {"number": {"length": 3}}}, "write 5 or more"),
        ({"card": {"pin": {"length": 40}}}, "write 12 or less"),
        ({"card": {"expiry": {"month_day": "13-40"}}}, "month and day in quotes"),
        ({"card": {"expiry": {"month_day": "02-29"}}}, "29 February"),
        ({"safety": {"max_new_percent": "10"}}, "number without quotes"),
        ({"safety": {"max_new_percent": 101}}, "100"),
        ({"safety": {"first_run_needs_approval": "yes"}}, "true or false"),
        ({"term": {"expires": "31.07.2027"}}, "YYYY-MM-DD"),
        ({"term": {"expires": "2027-07-31T00:00:01"}}, "YYYY-MM-DD"),
        ({"term": {"expires": "2027-02-30"}}, "YYYY-MM-DD"),
        ({"district": "Duval County"}, "small letters"),
        ({"notices": {"sender": "cards at oak"}}, "one e-mail address"),
        ({"notices": {"receipt_to": "rosters@pine.example.org"}}, "write a list"),
        ({"notices": {"receipt_to": []}}, "at least one"),
        ({"notices": {"contact": "the desk"}}, "block of 'key: value' lines"),
        ({"rollout": {"schools": "some"}}, "all, or a list"),
        ({"rollout": {"grades": ["9"]}}, "CEDS"),
        ({"rollout": {"staff": "teachers"}}, "true, false, or a list"),
        ({"rollout": {"staff": ["Teacher"]}}, "small letters"),
        ({"rollout": {"leave_out": {"charter": {}}}}, "nobody would get a card"),
        ({"rollout": {"leave_out": {"charter": {"school": ["1"]}}}}, "leave_out"),
        ({"exchange": {"signers": ["-----BEGIN PGP PRIVATE KEY BLOCK-----"]}}, "never a private key"),
        ({"exchange": {"signers": [OPENPGP_KEY.replace("mDME", "lDME")]}}, "never a private key"),
        ({"exchange": {"signers": [OPENPGP_KEY + OPENPGP_KEY]}}, "one armoured"),
        ({"exchange": {"sftp_keys": ["-----BEGIN OPENSSH PRIVATE KEY-----"]}}, "never a private key"),
        ({"exchange": {"sftp_keys": [SSH_KEY.replace("ssh-ed25519", "ssh-rsa", 1)]}}, "public SSH key"),
        ({"exchange": {"s3_principal": "arn:aws:iam::12:root"}}, "ARN of one IAM role"),
        ({"exchange": {"source_cidrs": ["198.51.100.7/24"]}}, "address block"),
        ({"exchange": {"calendar": {"timezone": "Eastern Time!"}}}, "tz database"),
        ({"exchange": {"calendar": {"timezone": "America/New_Yorck"}}}, "tz database"),
        ({"fields": {"birth_date": {"only_if": "child is small"}}}, "one comparison"),
        ({"fields": {"birth_date": {"only_if": "grade >= 9"}}}, "one comparison"),
        ({"requests": {"parent_access_days": 60}}, "write 45 or less"),
        ({"title": "two\nlines"}, "one line of text"),
        ({"title": "\u202eeltit"}, "one line of text"),
        ({"title": ""}, "write something"),
        ({"parties": {"lea": {"state": "Florida"}}}, "two capital letters"),
        ({"apiVersion": "agreement/v2"}, "agreement/v1"),
    ],
)
def test_a_value_that_cannot_be_read_says_what_to_write(changes: dict[str, Any], said: str) -> None:
    found = sentences(agreement_content(**changes))
    assert len(found) == 1
    assert said in found[0]


def test_a_private_key_is_never_repeated_in_the_sentence() -> None:
    secret = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlFgEZverysecretbytes\n-----END PGP PRIVATE KEY BLOCK-----\n"
    assert "verysecret" not in "".join(sentences(agreement_content(exchange={"signers": [secret]})))


def test_all_mistakes_of_a_file_are_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    content = agreement_content(existing="never", retention={"raw_upload_days": "7"}, without=("name_on",))
    found = mistakes_of(written(tmp_path, content))
    assert len(found) == 3
    assert [mistake.line for mistake in found] == sorted(mistake.line for mistake in found)


def test_a_file_that_is_a_list_is_told_to_have_keys(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("- a\n- b\n")
    assert mistakes_of(file)[0].sentence.startswith("Write 'key: value' lines")


def test_a_file_that_is_not_there_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    assert "cannot be read" in mistakes_of(tmp_path / "none.yaml")[0].sentence


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(agreement_content())), json_like)
def test_any_value_in_any_place_is_read_or_refused_with_a_sentence(key: str, value: Any) -> None:
    said = told(agreement_content() | {key: value})
    assert all(sentence.endswith(".") for sentence in said)
    assert not any("docs/agreements.md" in sentence for sentence in said), "a kind of mistake without its own advice"


def test_a_library_is_read_with_its_branches(tmp_path: Path) -> None:
    library = load_library(written(tmp_path, library_content()))
    assert library.branches["MAIN"] == "Main Library"
    assert library.ils.token_attribute == "FIRSTCARD"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ils": {"endpoint": "http://koha.oak.example.org"}}, "https://"),
        ({"ils": {"adapter": "kohaa"}}, "Write one of: koha"),
        ({"ils": {"requests_per_second": 0}}, "more than 0"),
        ({"ils": {"token_attribute": "a token attribute"}}, "Koha's patron attribute types"),
        ({"branches": {}}, "at least one"),
        ({"branches": {"A BRANCH WITH A LONG CODE": "x"}}, "code of at most 10"),
        ({"numbers": {"prefix": ""}}, "1 to 12 digits"),
        ({"numbers": {"institution": "38001234567"}}, "shorten them"),
        ({"numbers": {"first_serial": 123456789}}, "smaller first_serial"),
        ({"look": {"colour": "blue"}}, "six hexadecimal digits"),
    ],
)
def test_a_library_that_cannot_be_read_says_what_to_write(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(AgreementError) as caught:
        library_from(library_content(**changes))
    assert said in caught.value.mistakes[0].sentence
