"""The memorandum in Spanish says what the English one says: line by line the same tables, figures, days, names and sections of law, in other words."""

import re
import string
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from firstcard.agreement import Agreement, load_agreement
from firstcard.agreement.explain import to_markdown
from firstcard.agreement.language import Tongue, sentences
from firstcard.agreement.model import Basis, Choice, Days, Evaluation, Ferpa, RoleClause, Study, Subprocessor
from firstcard.agreement.vocabulary import Group, Purpose

from .builders import (
    BIRTH_DATE_PIN,
    DELTAS,
    DIRECTORY_BASIS,
    DIRECTORY_WITHOUT,
    HANDOUT,
    MATCHING,
    OPENPGP_KEY,
    PIN_PAGE,
    PIN_PAGE_BY_ID,
    WAITING,
    an_agreement,
)

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "agreements").glob("*.yaml"))
FIELD = {"required": False, "exhibit_b": "x", "fideslang": "user"}
SPAN = {"first": "2026-12-21", "last": "2027-01-04"}
OPT_IN = {"choice": {"mode": "opt_in", "renew": "yearly", "yes_again": "family"}}
ACROSS = {
    "purposes": MATCHING["purposes"],
    "matrix": {"deduplicate": ["identity", "age", "students"]},
    "roles": {"plan": {"purposes": ["issue_card", "deduplicate"], "opens": ["deduplicate"]}},
    "in_doubt": MATCHING["in_doubt"],
}
STUDY: dict[str, Any] = {
    "purpose": "Reading.",
    "scope": "Grade 3.",
    "information": "Grades.",
    "ends_on": date(2027, 5, 1),
    "no_identification": "nobody is named.",
    "destroy_within_days": 30,
}
EVALUATION: dict[str, Any] = {
    "representative": "Institute",
    "information": "Counts.",
    "purpose": "Use.",
    "activity": "Counting.",
    "destroy_within_days": 1,
    "no_further_disclosure": "Nothing goes on.",
}
CONSENT = {"information": "Name.", "purpose": "Card.", "recipients": "Library.", "form_url": "https://www.pine.example.org/form"}
VENDOR = {"name": "Host", "service": "Hosting", "groups": ["identity"], "location": "US", "agreement": "on_file", "since": "2024-01-01"}
COUNTS = {"use": "essential.service", "exhibit_a": "Count.", "output": "aggregate_only", "min_cell": 10}
YEARLY = {"basis": {"choice": {"renew": "yearly", "yes_again": "district"}}}


def area(**told: Any) -> dict[str, Any]:
    return {"card": {"service_area": {"unknown": "inside", "outside": "skip", **told}}}


def supplied(prefix: str) -> dict[str, Any]:
    number = {"scheme": "supplied", "prefix": prefix, "length": 14}
    return {
        "without": ("exchange.mapping",),
        "exchange": {"formats": ["csv"], "mapping": {}},
        "fields": {"card_number": FIELD},
        "card": {"number": number},
    }


VARIANTS: list[dict[str, Any]] = [
    {},
    *({"status": status} for status in ("draft", "suspended", "terminated")),
    {"document": {"sha256": "0" * 64}},
    {"approvals": [{"by": "B", "role": "Board", "at": "2026-07-01", "signature": "s"}]},
    {"prohibited_uses": ["advertising", "sale", "profiling", "model_training"], "state_terms": ["FL-1002.22", "FL-1"]},
    {"basis": DIRECTORY_BASIS, "without": DIRECTORY_WITHOUT, "card": {"pin_or_second_factor": True}, "notices": {"announce": False}},
    {"without": ("basis.choice.window_days",), "basis": OPT_IN},
    {
        "without": ("basis.choice.window_days",),
        "basis": {"choice": {**OPT_IN["choice"], "yes_from": "2026-05-01"}},
        "fields": {"consent_date": FIELD},
        "exchange": {"mapping": {"consent_date": "metadata.consentDate"}},
    },
    {"basis": {"ferpa": "consent", "consent": CONSENT}, "without": ("basis.school_official",)},
    YEARLY,
    {
        "purposes": {"evaluate": COUNTS},
        "matrix": {"evaluate": ["enrolment"]},
        "roles": {"counter": {"purposes": ["evaluate"], "human": True, "source_identity_required": True}},
    },
    {"fields": {"grade": {**FIELD, "only_if": "grade >= 09"}, "school_name": {**FIELD, "only_if": "age < 14"}}},
    {"fields": {"staff_email": {**FIELD, "only_if": "role == staff"}}, "forbidden_columns": "reject"},
    {"roles": {"officer": {"purposes": ["sync_ils"], "human": True, "source_identity_required": True}}},
    {"subprocessors": [VENDOR, {**VENDOR, "name": "Press", "groups": ["card"]}]},
    {"rollout": {"schools": ["0012"], "grades": ["KG"], "staff": False}},
    {"rollout": {"staff": ["teacher", "ilustrador"], "leave_out": {"charter": {"schools": ["0301"], "grades": ["12"]}}}},
    {
        "rollout": {"leave_out": {"other": {"statuses": ["virtual", "otra"]}}, "also_elsewhere": True},
        "fields": {"enrollment_status": FIELD},
        "exchange": {"mapping": {"enrollment_status": "metadata.status"}},
    },
    *({"card": {"kind": kind}} for kind in ("e_resources", "full")),
    {"card": {"patron_type": {"by_grade": {"09": "TEEN"}, "by_age": {13: "TEEN", 18: "ADULT"}}}},
    {"card": {"number": {"scheme": "student_id", "prefix": "", "length": 12}}},
    {
        "card": {"number": {"scheme": "state_id", "prefix": "", "length": 10}},
        "fields": {"state_id": FIELD},
        "exchange": {"mapping": {"state_id": "metadata.stateId"}},
    },
    {"card": {"staff_number": {"scheme": "library_barcode", "prefix": "", "length": 14}}},
    supplied("29"),
    supplied(""),
    BIRTH_DATE_PIN,
    PIN_PAGE,
    PIN_PAGE_BY_ID,
    {**PIN_PAGE, "matrix": {"show_pin": ["pin", "card", "age", "identity"]}},
    {**PIN_PAGE, "name_on": {"family_notice": "none"}},
    HANDOUT,
    {**HANDOUT, "matrix": {"hand_out": ["identity", "card", "enrolment"]}, "name_on": {"handout": "preferred"}},
    {"card": {"expiry": {"rule": "graduation"}}},
    {"card": {"expiry": {"rule": "age", "until_age": 13}}, "leavers": {"grace_days": 0, "runs_out": True}},
    area(outside_schools=["0012"], outside="full"),
    {**area(flag=True, unknown="outside", outside="ask"), "fields": {"in_service_area": FIELD}},
    {
        **area(postal_codes=["32202"], outside="e_resources", by_school={"0012": "full"}, patron_type="STUDENT"),
        "fields": {"postal_code": FIELD},
    },
    *({"card": {"rules": {"no_fines": True, "amnesty": True, "item_limit": limit, "hold_pickup": "school"}}} for limit in (0, 1, 2)),
    {"card": {"rules": {"no_fines": False}}},
    *({"safety": {"pilot_cards": cards, "max_missing_percent": 2.5}} for cards in (1, 5)),
    {"safety": {"first_run_needs_approval": False}, "exchange": {"calendar": {"rollover": SPAN}}},
    *(
        {"existing": existing, "existing_blocked": blocked, **MATCHING}
        for existing in ("link", "renew")
        for blocked in ("separate", "link_and_list", "ask")
    ),
    {"existing": "ask", "existing_blocked": "ask", **WAITING},
    ACROSS,
    DELTAS,
    {"exchange": {"protection": "encrypted", "signers": []}},
    {"exchange": {"protection": "plain", "signers": [], "cadence": "once", "source_cidrs": ["198.51.100.0/24"]}},
    {"exchange": {"signers": [OPENPGP_KEY, OPENPGP_KEY], "cadence": "weekly", "calendar": {"breaks": [SPAN], "rollover": SPAN}}},
    {
        "exchange": {
            "cadence": "monthly",
            "formats": ["oneroster_1_2", "sds_1", "sds_2_1", "clever", "powerschool", "infinite_campus", "doe_stn", "csv"],
        }
    },
    {"retention": {"legal_hold": True, "raw_upload_days": 1}, "disposition": {"on": ["request"], "certificate": "letter"}},
    {"breach": {"clock_starts": "incident", "contents": ["dates", "delay_reason", "remedy"], "notify_lea_within_hours": 1}},
    {"breach": {"clock_starts": "confirmation"}, "deidentified": {"allowed": True}},
    {"audit": {"lea_may_audit": "any_time", "signed": "quarterly"}, "training": {"privacy": "twice_yearly"}},
    {"notices": {"languages": ["es", "en"], "receipt_to": ["rosters@pine.example.org", "info@pine.example.org"]}},
    {"goals": [{"measure": measure, "target_percent": 90, "by": "2027-06-30"} for measure in ("coverage", "educators")]},
]
"""Changes that, with ``UNLAWFUL``, reach every sentence."""

UNLAWFUL: list[dict[str, Any]] = [
    {
        "basis": Basis(
            ferpa=Ferpa.STUDIES, choice=Choice(mode="opt_out", window_days=1, renew="never", honour_within_hours=1), studies=Study(**STUDY)
        )
    },
    {
        "basis": Basis(
            ferpa=Ferpa.AUDIT,
            choice=Choice(mode="opt_out", window_days=1, renew="never", honour_within_hours=2),
            audit=Evaluation(**EVALUATION),
        )
    },
    {"basis": Basis(ferpa=Ferpa.DIRECTORY_INFORMATION, choice=Choice(mode="opt_in", renew="never", honour_within_hours=24))},
    {"roles": {"watch": RoleClause(purposes=())}},
    {"matrix": {Purpose.MERGE_DELTA: (Group.IDENTITY,)}},
    {
        "subprocessors": (
            Subprocessor(
                name="Press",
                service="Printing",
                groups=(Group.ROSTER, Group.PATRONS, Group.ADDRESS),
                location="US",
                agreement="pending",
                since=date(2024, 1, 1),
            ),
        )
    },
]
"""What ``agreement check`` refuses beside cards, and the memorandum says all the same."""


@cache
def agreements() -> tuple[Agreement, ...]:
    """The nine examples and every variant."""
    usual = an_agreement()
    return (
        *(load_agreement(file) for file in EXAMPLES),
        *(an_agreement(**changes) for changes in VARIANTS),
        *(usual.model_copy(update=changes) for changes in UNLAWFUL),
    )


def texts(language: Tongue) -> dict[str, str]:
    return {f"{section}.{name}": text for section, named in sentences(language).texts.items() for name, text in named.items()}


ENGLISH, SPANISH = texts(Tongue.EN), texts(Tongue.ES)
ANNOUNCED = SPANISH["about.translation"]


MONTHS = {
    Tongue.EN: "January February March April May June July August September October November December",
    Tongue.ES: "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
MARKS = "|*_`<#[x](y)"
ESCAPED = r"\|\*\_\`\<\#\[x\](y)"


def in_spanish(agreement: Agreement) -> str:
    return to_markdown(agreement, Tongue.ES)


def placeholders(text: str) -> list[str]:
    return sorted(field for _, field, _, _ in string.Formatter().parse(text) if field is not None)


def pieces(text: str) -> list[str]:
    """What a sentence says beside its placeholders and the marks between them."""
    return [piece for literal, *_ in string.Formatter().parse(text) for piece in literal.split("|") if re.search(r"[^\W\d_]{2}", piece)]


def days_in(text: str, language: Tongue) -> tuple[list[tuple[int, ...]], str]:
    """The days of a text, as year, month and day, a yearly one without its year; and the text without them."""
    months = MONTHS[language].split()
    of = " de " if language is Tongue.ES else " "
    pattern = rf"(\d{{1,2}}){of}({'|'.join(months)})(?:{of}(\d{{4}}))?"
    days = [
        (int(year), months.index(month) + 1, int(day)) if year else (months.index(month) + 1, int(day))
        for day, month, year in re.findall(pattern, text)
    ]
    return sorted(days), re.sub(pattern, "", text)


def facts(text: str, language: Tongue) -> tuple[Any, ...]:
    """What no translation changes: days, numbers, marked words, links, addresses."""
    days, rest = days_in(text, language)
    return (
        days,
        sorted(re.findall(r"\d+(?:[.,]\d+)*", rest)),
        sorted(re.findall(r"`[^`]*`", text)),
        sorted(re.findall(r"\[34 CFR [^\]]*\]\([^)]*\)", text)),
        sorted(re.findall(r"https://\S+?(?=[\s),;])|\S+@\S+?(?=[\s,;|]|\.$|\.\s)", text)),
        text.count("**"),
        text.count("–"),
    )


def shape(markdown: str, language: Tongue) -> list[Any]:
    """Line by line its kind, and cell by cell its facts."""
    return [
        (re.match(r"#* ?|- |\||", line)[0], [facts(cell, language) for cell in re.split(r"(?<!\\)\|", line)])  # type: ignore[index]
        for line in markdown.splitlines()
    ]


def own_words(value: Any) -> Iterator[str]:
    """What the parties wrote themselves: texts with a space or an address; the agreement's vocabulary has neither."""
    if isinstance(value, dict | BaseModel):
        for inner in dict(value).values():
            yield from own_words(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from own_words(inner)
    elif isinstance(value, str) and (" " in value or "@" in value):
        yield re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", value)


ALIKE = {
    "AWS",
    "CSV",
    "Campus",
    "Clever",
    "DOE",
    "De",
    "Indiana",
    "Infinite",
    "MB",
    "No",
    "OneRoster",
    "OpenPGP",
    "PIN",
    "PowerSchool",
    "SFTP",
    "SHA",
    "STN",
    "decide",
    "delta",
    "legal",
    "no",
    "personal",
    "postal",
    "sale",
    "virtual",
}
"""Names, abbreviations, and words that are the same in both languages."""
LONG = 12
"""Letters after which a piece of an English sentence is no accident in a Spanish one."""
ENGLISH_PIECES = [piece for text in ENGLISH.values() for piece in pieces(text) if len(piece) > LONG]


def with_marks(value: Any) -> Any:
    """The agreement with signs of Markdown after whatever the parties wrote themselves, but telephone numbers and conditions, which cannot have them."""
    if isinstance(value, BaseModel):
        return value.model_copy(update={key: with_marks(inner) for key, inner in value})
    if isinstance(value, dict):
        return {key: with_marks(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return tuple(with_marks(inner) for inner in value)
    own = isinstance(value, str) and " " in value and not re.fullmatch(r"[+0-9][0-9 ().x-]+|(?:age|grade|role) \S+ \S+", value)
    return f"{value}{MARKS}" if own else value


def says_the_same(agreement: Agreement) -> None:
    english, spanish = to_markdown(agreement), in_spanish(agreement)
    assert spanish.count(ANNOUNCED) == 1
    assert shape(spanish.replace(f"{ANNOUNCED}\n\n", ""), Tongue.ES) == shape(english, Tongue.EN)
    own = list(own_words(agreement))
    assert [words for words in own if words in english and words not in spanish and "==" not in words] == []
    assert [piece for piece in ENGLISH_PIECES if piece in spanish and not any(piece in words for words in own)] == []


# The texts


def test_both_files_have_the_same_sentences_with_the_same_placeholders() -> None:
    assert {entry.name for entry in (files("firstcard.agreement") / "texts").iterdir()} == {f"{language}.toml" for language in Tongue}
    assert list(ENGLISH) == list(SPANISH)
    assert {key: placeholders(text) for key, text in ENGLISH.items()} == {key: placeholders(text) for key, text in SPANISH.items()}
    assert [key for key in ENGLISH if ENGLISH[key].count("|") != SPANISH[key].count("|")] == []


def test_no_sentence_was_left_in_english() -> None:
    assert [key for key in ENGLISH if pieces(ENGLISH[key]) and pieces(ENGLISH[key]) == pieces(SPANISH[key])] == []
    assert [key for key, text in SPANISH.items() if not text] == []
    assert [key for key, text in ENGLISH.items() if not text] == ["about.translation"]


@pytest.mark.parametrize("language", Tongue)
def test_every_sentence_stands_in_some_memorandum(language: Tongue) -> None:
    whole = "\n".join(to_markdown(agreement, language) for agreement in agreements())
    said = {key: pieces(text) for key, text in texts(language).items() if not key.startswith("date.months")}
    assert [key for key, parts in said.items() if not all(part in whole for part in parts)] == []


def words_of(sentences_: dict[str, str]) -> set[str]:
    bare = (re.sub(r"\{\w+\}", " ", text) for text in sentences_.values())
    return {word for text in bare for word in re.findall(r"[^\W\d_]{2,}", text)}


def test_no_word_is_in_both_files_but_names_and_what_is_written_alike() -> None:
    assert words_of(ENGLISH) & words_of(SPANISH) == ALIKE


# The two memoranda


def test_every_example_and_every_variant_says_the_same_in_both() -> None:
    assert len(EXAMPLES) == 9
    for agreement in agreements():
        says_the_same(agreement)


def spans() -> st.SearchStrategy[Days]:
    return st.builds(
        lambda first, length: Days(first=first, last=first + timedelta(days=length)),
        st.dates(date(2026, 1, 1), date(2028, 2, 29)),
        st.integers(0, 400),
    )


PERCENT = st.integers(0, 400).map(lambda quarters: quarters / 4)
LINE = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_the_figures_are_both_say_the_same(data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(agreements()))

    def with_drawn(block: Any, **drawn: st.SearchStrategy[Any]) -> Any:
        return block.model_copy(update={key: data.draw(strategy) for key, strategy in drawn.items()})

    hours, days = st.integers(1, 720), st.integers(0, 3660)
    changed = {
        "title": data.draw(LINE),
        "basis": one.basis.model_copy(
            update={"choice": with_drawn(one.basis.choice, honour_within_hours=hours, window_days=st.integers(1, 365))}
        ),
        "term": with_drawn(one.term, effective=st.dates(date(2000, 1, 1), date(2100, 1, 1)), expires=st.dates()),
        "retention": with_drawn(one.retention, raw_upload_days=days, after_withdrawal_days=days, access_log_days=days),
        "leavers": with_drawn(one.leavers, grace_days=days),
        "safety": with_drawn(one.safety, max_missing_percent=PERCENT, max_rejected_percent=PERCENT),
        "exchange": one.exchange.model_copy(
            update={"calendar": with_drawn(one.exchange.calendar, breaks=st.lists(spans(), max_size=3).map(tuple))}
        ),
        "breach": with_drawn(one.breach, notify_lea_within_hours=hours),
    }
    says_the_same(one.model_copy(update=changed))


# Spanish as it is written


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Vale del 1 de agosto de 2026 al 31 de julio de 2027, ambos días incluidos"),
        ({}, "el 15 de septiembre, y después del 30 de junio el del año siguiente."),
        ({"basis": {"choice": {"honour_within_hours": 1}}}, "en un plazo de 1 hora."),
        ({"retention": {"raw_upload_days": 1}}, "| el archivo como llegó | 1 día |"),
        ({"retention": {"raw_upload_days": 2}}, "| el archivo como llegó | 2 días |"),
        ({"notices": {"languages": ["en", "es"]}}, "en inglés y español"),
        ({"notices": {"languages": ["es", "en"]}}, "en español e inglés"),
        ({"safety": {"pilot_cards": 1}}, "hace 1 tarjeta, que la biblioteca prueba"),
        ({"card": {"rules": {"no_fines": True, "item_limit": 1}}}, "como máximo 1 material a la vez; sin multas por retraso"),
        ({"safety": {"max_missing_percent": 2.5}}, "más del 2.5 % de los estudiantes"),
    ],
)
def test_days_plurals_and_conjunctions_are_spanish(changes: dict[str, Any], said: str) -> None:
    assert said in in_spanish(an_agreement(**changes))


@pytest.mark.parametrize(
    ("words", "listed", "either"),
    [
        ([], "nada", ""),
        (["uno"], "uno", "uno"),
        (["padres", "hijos"], "padres e hijos", "padres o hijos"),
        (["agua", "hielo"], "agua y hielo", "agua o hielo"),
        (["siete", "ocho"], "siete y ocho", "siete u ocho"),
        (["`a`", "`issue`", "`otro`"], "`a`, `issue` y `otro`", "`a` o `issue` u `otro`"),
    ],
)
def test_y_is_e_before_i_and_o_is_u_before_o(words: list[str], listed: str, either: str) -> None:
    spanish = sentences(Tongue.ES)
    assert (spanish.listed(words), spanish.either(words)) == (listed, either)


@pytest.mark.parametrize("language", Tongue)
def test_whatever_the_parties_wrote_themselves_is_shown_as_they_wrote_it(language: Tongue) -> None:
    for agreement in agreements():
        marked = to_markdown(with_marks(agreement), language)
        assert MARKS not in marked
        assert marked.replace(ESCAPED, "") == to_markdown(agreement, language)


def test_it_begins_by_saying_which_text_is_signed() -> None:
    title, said, *_ = in_spanish(an_agreement()).split("\n\n")
    assert title == "# Library cards for the students of Pine"
    assert said == ANNOUNCED
    for word in ("se firma", "inglés", "a menos que las partes acuerden otra cosa", "traductor jurado", "abogados"):
        assert word in said


def test_one_hour_one_item_and_one_card_are_one_in_english_too() -> None:
    rules: dict[str, Any] = {"card": {"rules": {"no_fines": True, "item_limit": 1}}, "safety": {"pilot_cards": 1}}
    said = to_markdown(an_agreement(basis={"choice": {"honour_within_hours": 1}}, **rules))
    for word in ("within 1 hour.", "at most 1 item at once", "makes 1 card, which"):
        assert word in said
