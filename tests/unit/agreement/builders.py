"""Agreements and libraries that are right, to be changed by the key that a test is about.

``an_agreement(card={"kind": "full"})`` merges block by block, so everything beside the named key stays; ``without=("fields.opt_out",)`` takes keys out;
a list is replaced whole, and so is a block by an empty one. The ``_content`` forms give plain data as YAML would; ``write_site`` puts files down.
"""

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from firstcard.agreement import Agreement, Library, Site, agreement_from, library_from, load_site

MATCHING: dict[str, Any] = {
    "purposes": {"deduplicate": {"use": "essential.service", "exhibit_a": "Find who has a card already."}},
    "matrix": {"deduplicate": ["identity", "age"]},
    "roles": {"settle": {"purposes": ["deduplicate"]}},
    "in_doubt": {"meanwhile": "card", "decide_within_days": 14},
}
"""What an agreement must say so that its students may be compared with others."""
WAITING: dict[str, Any] = MATCHING | {"in_doubt": {"meanwhile": "wait", "decide_within_days": 14}}
"""The same where a child in doubt waits."""

OPENPGP_KEY = """\
-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawKFPxYJKwYBBAHaRw8BAQdA4Rxs10Ye9KO/LghWLLpqBfDKSK/hJaBkiH20
GLqXvHC0RlJvc3RlciBzZW5kZXIgb2YgZHV2YWwgKHN5bnRoZXRpYyBleGFtcGxl
KSA8cm9zdGVyc0BkdXZhbC5leGFtcGxlLm9yZz6IkAQTFggAOBYhBAz5zOT76FcJ
bx0Cqi/09lQY+4IzBQJrAoU/AhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJ
EC/09lQY+4Iz2nkBAMI3i+IhhOhx7UAlbWKCVyPvb/3i6iDqN8GmJyVmelLRAP43
6hUZMo5ixEUnk8h0cs7evAM2JyqvwiiegqVyJUepAg==
=vwKS
-----END PGP PUBLIC KEY BLOCK-----
"""
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJUX2ScboCxaz9IKzqeEfH0qZc3wQsIXGP8a8IfMAhQO synthetic example"


def _contact(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "email": "contact@example.org",
        "phone": "+1 555 010 0100",
        "deputy": {"name": f"Deputy of {name}", "email": "deputy@example.org", "phone": "+1 555 010 0101"},
    }


def _field(required: bool = False, **more: Any) -> dict[str, Any]:
    return {"required": required, "exhibit_b": "Student Name/First and/or Last", "fideslang": "user.name.first", **more}


def _agreement() -> dict[str, Any]:
    return {
        "apiVersion": "agreement/v1",
        "id": "dsa-pine-oak-2026",
        "title": "Library cards for the students of Pine",
        "district": "pine",
        "library": "oak",
        "status": "executed",
        "parties": {
            "lea": {
                "name": "Pine Public Schools",
                "state": "FL",
                "signatory": {"name": "Example Superintendent", "title": "Superintendent"},
                "privacy_contact": _contact("Example Privacy Contact"),
            },
            "provider": {
                "name": "Oak Public Library",
                "kind": "public_library",
                "signatory": {"name": "Example Director", "title": "Director"},
                "compliance_officer": _contact("Example Officer"),
            },
        },
        "basis": {
            "ferpa": "school_official",
            "school_official": {
                "institutional_service": "Access to books that the district would otherwise staff a service for.",
                "direct_control": "The district decides on use and maintenance of the data.",
                "no_redisclosure": "Nothing is passed on except on the district's behalf.",
            },
            "choice": {"mode": "opt_out", "window_days": 14, "renew": "never", "honour_within_hours": 24},
        },
        "term": {"effective": "2026-08-01", "expires": "2027-07-31"},
        "purposes": {
            "issue_card": {"use": "essential.service", "exhibit_a": "Give every student one card."},
            "sync_ils": {"use": "essential.service", "exhibit_a": "Make the card work in the ILS."},
            "send_notice": {"use": "essential.service.notifications.email", "exhibit_a": "Tell families."},
        },
        "prohibited_uses": ["advertising", "sale", "profiling"],
        "fields": {
            "student_id": _field(required=True),
            "last_name": _field(required=True),
            "first_name": _field(required=True),
            "birth_date": _field(only_if="role == student"),
            "role": _field(required=True),
            "grade": _field(),
            "school_id": _field(required=True),
            "school_name": _field(),
            "opt_out": _field(),
            "guardian_email": _field(),
            "home_language": _field(),
            "staff_email": _field(),
        },
        "forbidden_columns": "drop",
        "matrix": {
            "issue_card": ["identity", "age", "enrolment"],
            "sync_ils": ["identity", "age", "enrolment", "card", "pin"],
            "send_notice": ["contact", "card"],
        },
        "roles": {
            "plan": {"purposes": ["issue_card"], "opens": False},
            "sync": {"purposes": ["sync_ils"]},
            "notify": {"purposes": ["send_notice"]},
        },
        "rollout": {"schools": "all", "grades": "all", "staff": True},
        "card": {
            "kind": "virtual",
            "number": {"scheme": "prefix_student_id", "prefix": "904", "length": 12},
            "staff_number": {"scheme": "prefix_student_id", "prefix": "905", "length": 12},
            "pin": {"scheme": "random", "length": 6},
            "expiry": {"rule": "school_year", "month_day": "09-15", "rolls_after": "06-30"},
            "patron_type": {"student": "STUDENT", "staff": "EDUCATOR"},
            "home_branch": {"default": "MAIN"},
        },
        "existing": "separate",
        "leavers": {"grace_days": 30},
        "name_on": {"ils": "legal", "family_notice": "first", "handout": "legal"},
        "safety": {
            "first_run_needs_approval": True,
            "max_missing_percent": 5,
            "max_new_percent": 10,
            "max_changed_percent": 25,
            "max_rejected_percent": 5,
        },
        "exchange": {
            "channels": ["sftp"],
            "formats": ["oneroster_1_1"],
            "mapping": {"home_language": "metadata.homeLanguage", "opt_out": "metadata.optOut"},
            "organisation_ids": ["pine-district"],
            "protection": "signed",
            "signers": [OPENPGP_KEY],
            "sftp_keys": [SSH_KEY],
            "cadence": "nightly",
            "calendar": {"timezone": "America/New_York"},
            "max_megabytes": 200,
        },
        "retention": {
            "raw_upload_days": 7,
            "roster_days": 30,
            "after_withdrawal_days": 60,
            "access_log_days": 2555,
            "disclosure_record_days": 2555,
        },
        "disposition": {
            "on": ["request", "termination"],
            "within_days": 60,
            "method": ["object_delete", "key_delete"],
            "certificate": "exhibit_d",
            "key_wait_days": 7,
        },
        "notices": {
            "languages": ["en", "es"],
            "sender": "cards@oak.example.org",
            "reply_to": "help@oak.example.org",
            "announce": True,
            "receipt_to": ["rosters@pine.example.org"],
            "contact": _contact("Example Desk"),
        },
        "breach": {"notify_lea_within_hours": 72, "clock_starts": "discovery", "contents": ["contact", "data_types", "description"]},
        "audit": {"lea_may_audit": "yearly_or_after_incident", "notice_days": 10, "signed": "monthly", "reviewer": "Compliance officer"},
        "training": {"privacy": "yearly", "records": "on_file"},
        "security_framework": "NIST_CSF",
    }


PIN_PAGE: dict[str, Any] = {
    "purposes": {"show_pin": {"use": "essential.service", "exhibit_a": "Show a family the PIN of its child's card."}},
    "matrix": {"show_pin": ["pin", "card", "age"]},
    "roles": {"reveal": {"purposes": ["show_pin"]}},
    "card": {"pin": {"page": {"asks": "birth_date", "days": 30}}},
}
"""Changes that let a family see its child's PIN after typing the birth date."""
PIN_PAGE_BY_ID: dict[str, Any] = PIN_PAGE | {
    "matrix": {"show_pin": ["pin", "card", "identity"]},
    "card": {"pin": {"page": {"asks": "student_id", "days": 30}}, "number": {"scheme": "library_barcode", "prefix": "", "length": 14}},
}
"""The same after typing the student id, which such a card number does not hold."""

HANDOUT: dict[str, Any] = {
    "purposes": {"hand_out": {"use": "essential.service", "exhibit_a": "Print cards that the schools hand out."}},
    "matrix": {"hand_out": ["identity", "card", "pin", "enrolment"]},
    "roles": {"print": {"purposes": ["hand_out"]}},
}
"""Changes that let cards be printed and handed out at school, with the PIN."""

DELTAS: dict[str, Any] = {
    "exchange": {"deltas": True},
    "purposes": {"merge_delta": {"use": "essential.service", "exhibit_a": "Add the changes of each night to the roster."}},
    "matrix": {"merge_delta": ["roster"]},
    "roles": {"plan": {"purposes": ["issue_card", "merge_delta"], "opens": ["merge_delta"]}},
}
"""Changes that let a district send files of changes."""

PATRONS: dict[str, Any] = {
    "basis": "The board's policy on patron records.",
    "approved_by": "Library board",
    "effective": "2026-07-01",
    "expires": "2027-06-30",
    "fields": ["patron_id", "barcode", "first_name", "middle_name", "last_name", "suffix", "birth_date", "street", "postal_code"],
    "keep_days": 7,
}
"""A library's clause on its own patrons; phone, email and blocked are not agreed."""

DIRECTORY_BASIS: dict[str, Any] = {
    "ferpa": "directory_information_limited",
    "notice": {
        "published_on": "2026-05-15",
        "opt_out_by": "2026-07-15",
        "names_recipient": True,
        "names_purpose": True,
        "url": "https://www.pine.example.org/notice",
    },
    "choice": {"mode": "opt_out", "renew": "never", "honour_within_hours": 24},
}
"""Changes for ``basis`` that make a directory-information agreement of the usual one; go with ``DIRECTORY_WITHOUT`` and ``pin_or_second_factor``."""
DIRECTORY_WITHOUT = ("basis.school_official", "basis.choice.window_days")


def _library() -> dict[str, Any]:
    return {
        "apiVersion": "library/v1",
        "id": "oak",
        "name": "Oak Public Library",
        "kind": "public_library",
        "ils": {
            "adapter": "koha",
            "endpoint": "https://koha.oak.example.org/api/v1",
            "requests_per_second": 20,
            "token_attribute": "FIRSTCARD",
        },
        "numbers": {"prefix": "2", "institution": "3800", "first_serial": 1},
        "branches": {"MAIN": "Main Library", "WEST": "West Branch"},
        "patron_types": {"STUDENT": "Student", "EDUCATOR": "Educator"},
        "look": {
            "colour": "#00558c",
            "website": "https://www.oak.example.org",
            "how_to_url": "https://www.oak.example.org/student-card",
            "support_phone": "+1 555 010 0130",
            "support_email": "help@oak.example.org",
        },
        "notices_sender": "cards@oak.example.org",
    }


def _merged(content: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in changes.items():
        if isinstance(value, Mapping) and value and isinstance(content.get(key), dict):
            _merged(content[key], value)
        else:
            content[key] = copy.deepcopy(value)
    return content


def _less(content: dict[str, Any], without: Iterable[str]) -> dict[str, Any]:
    for dotted in without:
        *way, last = dotted.split(".")
        block = content
        for key in way:
            block = block[key]
        del block[last]
    return content


def agreement_content(*, without: Iterable[str] = (), **changes: Any) -> dict[str, Any]:
    """Plain data of a lawful agreement, changed."""
    return _merged(_less(_agreement(), without), changes)


def library_content(*, without: Iterable[str] = (), **changes: Any) -> dict[str, Any]:
    """Plain data of a library, changed."""
    return _merged(_less(_library(), without), changes)


def directory_content(**changes: Any) -> dict[str, Any]:
    """Plain data of a lawful agreement on directory information: refusals before the upload."""
    content = agreement_content(
        without=DIRECTORY_WITHOUT, basis=DIRECTORY_BASIS, card={"pin_or_second_factor": True}, notices={"announce": False}
    )
    return _merged(content, changes)


def an_agreement(*, without: Iterable[str] = (), **changes: Any) -> Agreement:
    """A lawful agreement, changed; raises AgreementError where the change breaks a rule."""
    return agreement_from(agreement_content(without=without, **changes))


RISK = (
    "Schoolmates and relatives know a child's birth date and could borrow on its card; the library takes that for the cards' first weeks."
)
BIRTH_DATE_PIN = {"card": {"pin": {"scheme": "birth_date", "length": 8, "format": "MMDDYYYY", "risk": RISK}}}


def a_directory_agreement(**changes: Any) -> Agreement:
    """A lawful agreement on directory information, changed."""
    return agreement_from(directory_content(**changes))


def a_library(*, without: Iterable[str] = (), **changes: Any) -> Library:
    """A library, changed."""
    return library_from(library_content(without=without, **changes))


def a_site(*agreements: Agreement, libraries: Iterable[Library] = ()) -> Site:
    """A site of what is given, or of the usual agreement and library."""
    return Site(agreements or (an_agreement(),), tuple(libraries) or (a_library(),))


def write_site(directory: Path, agreements: Mapping[str, Any], libraries: Mapping[str, Any]) -> Path:
    """Files of a site under ``directory``: name without .yaml -> plain data or text."""
    for folder, files in (("agreements", agreements), ("libraries", libraries)):
        (directory / folder).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
            (directory / folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return directory


def loaded_site(directory: Path, *agreements: Mapping[str, Any], libraries: Iterable[Mapping[str, Any]] = ()) -> Site:
    """Write and load a site; raises AgreementError."""
    shelf = tuple(libraries) or (library_content(),)
    return load_site(
        write_site(
            directory,
            {f"agreement-{number}": content for number, content in enumerate(agreements)},
            {f"library-{number}": content for number, content in enumerate(shelf)},
        )
    )
