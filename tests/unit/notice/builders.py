"""A valid agreement and library to write notices from, with the clauses that a test is about changed."""

import json
import re
from html import unescape
from typing import Any

from firstcard.agreement import Agreement, Library

REFUSE_URL = "https://cards.example.org/no/AAECAwQF"


def an_agreement(**clauses: Any) -> Agreement:
    """An executed agreement; ``clauses`` replace leaves, a path written with two underscores (``name_on__family_notice="none"``)."""
    written = json.loads(_AGREEMENT)
    for path, value in clauses.items():
        *way, last = path.split("__")
        place = written
        for step in way:
            place = place[step]
        place[last] = value
    return Agreement.model_validate_json(json.dumps(written))


def a_library(**look: Any) -> Library:
    """A library; ``look`` replaces what its notices look like."""
    written = json.loads(_LIBRARY)
    written["look"].update(look)
    return Library.model_validate_json(json.dumps(written))


def seen(html: str) -> str:
    """What a reader sees of an HTML part: no tags, no head, one space between words."""
    body = re.sub(r"<head>.*?</head>|<style>.*?</style>", " ", html, flags=re.DOTALL)
    body = re.sub(r"</?(?:span|bdi|strong|a)\b[^>]*>", "", body)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def told(text: str) -> str:
    """What a text part says, without its line ends, bullets and rules."""
    return " ".join(" ".join(re.sub(r"^(?:-{2,}$|- )", "", line.strip()) for line in text.splitlines()).split())


def _field(*, required: bool = True, only_if: str | None = None) -> dict[str, Any]:
    return {"required": required, "exhibit_b": "Student Name", "fideslang": "user.name", "only_if": only_if}


_PERSON = {"name": "Rosa Marten", "email": "cards@jaxpl.example.org", "phone": "+1 904 555 0111"}
_AGREEMENT = json.dumps(
    {
        "apiVersion": "agreement/v1",
        "id": "dsa-duval-2026",
        "title": "Library cards for students 2026",
        "district": "duval",
        "library": "jaxpl",
        "status": "executed",
        "document": {"sha256": "0" * 64},
        "parties": {
            "lea": {
                "name": "Duval County Schools",
                "state": "FL",
                "signatory": {"name": "Ida Wells", "title": "Superintendent"},
                "privacy_contact": _PERSON,
            },
            "provider": {
                "name": "Jacksonville Public Library",
                "kind": "public_library",
                "signatory": {"name": "Ann Sato", "title": "Director"},
                "compliance_officer": _PERSON,
            },
        },
        "basis": {
            "ferpa": "school_official",
            "choice": {"mode": "opt_out", "window_days": 10, "renew": "never", "honour_within_hours": 24},
            "school_official": {"institutional_service": "cards", "direct_control": "yes", "no_redisclosure": "yes"},
        },
        "term": {"effective": "2026-08-01", "expires": "2027-07-31"},
        "purposes": {
            "issue_card": {"use": "essential.service", "exhibit_a": "cards"},
            "sync_ils": {"use": "essential.service", "exhibit_a": "cards"},
            "send_notice": {"use": "essential.service", "exhibit_a": "notices"},
        },
        "prohibited_uses": ["advertising", "sale", "profiling"],
        "fields": {
            "student_id": _field(),
            "last_name": _field(),
            "first_name": _field(),
            "birth_date": _field(),
            "grade": _field(),
            "school_name": _field(),
            "guardian_email": _field(required=False),
            "guardian_name": _field(required=False, only_if="age < 14"),
            "home_language": _field(required=False),
            "staff_email": _field(required=False, only_if="role == staff"),
        },
        "forbidden_columns": "drop",
        "matrix": {
            "issue_card": ["identity", "age", "enrolment"],
            "sync_ils": ["identity", "age", "card"],
            "send_notice": ["contact", "card"],
        },
        "roles": {
            "issue": {"purposes": ["issue_card"], "opens": False},
            "sync": {"purposes": ["sync_ils"]},
            "notify": {"purposes": ["send_notice"]},
        },
        "rollout": {"schools": "all", "grades": "all", "staff": True},
        "card": {
            "kind": "virtual",
            "number": {"scheme": "prefix_student_id", "prefix": "904", "length": 14},
            "staff_number": {"scheme": "library_barcode", "length": 14},
            "pin": {"scheme": "random", "length": 6},
            "expiry": {"rule": "school_year", "month_day": "09-15", "rolls_after": "06-30"},
            "patron_type": {"student": "ST", "staff": "ED"},
            "home_branch": {"default": "MAIN"},
        },
        "existing": "separate",
        "leavers": {"grace_days": 30},
        "name_on": {"ils": "legal", "family_notice": "first", "handout": "preferred"},
        "safety": {
            "first_run_needs_approval": True,
            "max_missing_percent": 5,
            "max_new_percent": 10,
            "max_changed_percent": 20,
            "max_rejected_percent": 5,
        },
        "exchange": {
            "channels": ["sftp"],
            "formats": ["oneroster_1_1"],
            "organisation_ids": ["duval"],
            "protection": "plain",
            "cadence": "nightly",
            "calendar": {"timezone": "America/New_York"},
            "max_megabytes": 50,
        },
        "retention": {
            "raw_upload_days": 7,
            "roster_days": 30,
            "after_withdrawal_days": 60,
            "access_log_days": 2555,
            "disclosure_record_days": 1825,
        },
        "disposition": {"on": ["termination"], "within_days": 60, "method": ["key_delete"], "certificate": "exhibit_d", "key_wait_days": 7},
        "notices": {
            "languages": ["en", "es"],
            "sender": "cards@jaxpl.example.org",
            "reply_to": "cards@jaxpl.example.org",
            "announce": True,
            "receipt_to": ["roster@duval.example.org"],
            "contact": {**_PERSON, "deputy": {"name": "Kofi Brandt", "email": "kofi@jaxpl.example.org", "phone": "+1 904 555 0112"}},
        },
        "breach": {"notify_lea_within_hours": 72, "clock_starts": "discovery", "contents": ["contact"]},
        "audit": {"lea_may_audit": "yearly", "notice_days": 10, "signed": "monthly", "reviewer": "Compliance officer"},
        "training": {"privacy": "yearly", "records": "on_file"},
        "security_framework": "NIST_CSF",
    }
)
_LIBRARY = json.dumps(
    {
        "apiVersion": "library/v1",
        "id": "jaxpl",
        "name": "Jacksonville Public Library",
        "kind": "public_library",
        "ils": {"adapter": "koha", "endpoint": "https://koha.example.org", "requests_per_second": 20, "token_attribute": "FCTOKEN"},
        "numbers": {"prefix": "2", "institution": "1234", "first_serial": 1},
        "branches": {"MAIN": "Main Library"},
        "patron_types": {"ST": "Student", "ED": "Educator"},
        "look": {
            "colour": "#005a9c",
            "website": "https://jaxpl.example.org",
            "how_to_url": "https://jaxpl.example.org/student-card",
            "support_phone": "+1 904 555 0100",
            "support_email": "help@jaxpl.example.org",
        },
        "notices_sender": "cards@jaxpl.example.org",
    }
)
