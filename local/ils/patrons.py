"""The stand-in's patrons, in SQLite, and the rules that a library system keeps by itself."""

import hashlib
import json
import re
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from local.ils.rules import COMPUTED, EMPTY_PATRON, FIELDS, ON_REQUEST, READ_ONLY, Rules, attribute_mistake, mistakes

_TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS patrons (
    patron_id INTEGER PRIMARY KEY AUTOINCREMENT,
    cardnumber TEXT UNIQUE COLLATE NOCASE,
    userid TEXT NOT NULL UNIQUE COLLATE NOCASE,
    likeness TEXT,
    patron TEXT NOT NULL,
    pin TEXT,
    checkouts INTEGER NOT NULL DEFAULT 0,
    debt REAL NOT NULL DEFAULT 0,
    guarantees INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS patrons_likeness ON patrons (likeness) WHERE likeness IS NOT NULL;
CREATE TABLE IF NOT EXISTS attributes (
    attribute_id INTEGER PRIMARY KEY AUTOINCREMENT,
    patron_id INTEGER NOT NULL REFERENCES patrons ON DELETE CASCADE,
    type TEXT NOT NULL,
    value TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS attributes_value ON attributes (type, value);
CREATE INDEX IF NOT EXISTS attributes_patron ON attributes (patron_id);
"""

_RESERVED = frozenset({"_match", "_order_by", "_page", "_per_page", "q"})
_OPERATORS = {"=": "=", "!=": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "-like": "LIKE", "like": "LIKE"}
_COLUMNS = frozenset({"patron_id", "cardnumber", "userid"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP; ``body`` is None for an empty one."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class _No(Exception):
    """The library system refuses; carries the answer out of a transaction, which is then rolled back."""

    def __init__(self, status: int, **body: object) -> None:
        super().__init__(status)
        self.answer = Answer(status, body)


class Patrons:
    """All patrons of one library; one connection, one writer at a time. ``now`` gives the time of day for dates and stamps."""

    def __init__(self, path: Path, rules: Rules, now: Callable[[], datetime]) -> None:
        self._rules = rules
        self._now = now
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, cached_statements=256)
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Write everything out and let the file go."""
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()

    # What the published API does

    def create(self, body: object, *, confirmed: bool, location: str) -> Answer:
        """A new patron; ``confirmed`` means that the caller knows of the duplicate rule, ``location`` is the address of all patrons."""
        wrong = mistakes(body)
        if wrong or not isinstance(body, dict):
            return Answer(400, {"errors": wrong, "status": 400})
        sent = {name: value for name, value in body.items() if name not in COMPUTED}
        attributes = sent.pop("extended_attributes", [])
        with self._writing() as answer:
            if not confirmed:
                self._refuse_likeness(sent)
            patron = {**EMPTY_PATRON, **sent}
            self._refuse_unknown_codes(patron)
            patron["userid"] = patron["userid"] or self._login_name(patron)
            if self._one("SELECT 1 FROM patrons WHERE userid = ?", patron["userid"]):
                raise _No(400, error=f"Problem with {patron['userid']}")
            self._refuse_taken_number(patron, but=0)
            today = self._now().date()
            patron["date_enrolled"] = patron["date_enrolled"] or today.isoformat()
            patron["expiry_date"] = patron["expiry_date"] or _months_later(today, self._rules.expiry_months).isoformat()
            patron["updated_on"] = self._stamp()
            patron_id = self._db.execute(
                "INSERT INTO patrons (cardnumber, userid, likeness, patron) VALUES (?, ?, ?, ?)",
                (patron["cardnumber"], patron["userid"], self._likeness(patron), json.dumps(patron)),
            ).lastrowid
            assert patron_id is not None
            self._replace_attributes(patron_id, attributes)
            answer.append(Answer(201, patron | {"patron_id": patron_id}, {"Location": f"{location}/{patron_id}"}))
        return answer[0]

    def get(self, patron_id: int, embed: frozenset[str]) -> Answer:
        """One patron, with what was asked for besides."""
        with self._lock:
            row = self._row(patron_id)
            return Answer(200, self._shown(row, embed)) if row else _not_found()

    def replace(self, patron_id: int, body: object) -> Answer:
        """A patron replaced by what is sent: a key left out is emptied, only the attributes then stay as they are."""
        wrong = mistakes(body)
        if wrong or not isinstance(body, dict):
            return Answer(400, {"errors": wrong, "status": 400})
        with self._writing() as answer:
            row = self._row(patron_id)
            if row is None:
                raise _No(404, error="Patron not found", error_code="not_found")
            kept = {name: value for name, value in json.loads(row[1]).items() if name in COMPUTED | READ_ONLY}
            sent = {name: value for name, value in body.items() if name not in COMPUTED}
            attributes = sent.pop("extended_attributes", None)
            patron = {**EMPTY_PATRON, **sent, **kept}
            self._refuse_unknown_codes(patron)
            patron["userid"] = patron["userid"] or self._login_name(patron)
            if self._one("SELECT 1 FROM patrons WHERE userid = ? AND patron_id != ?", patron["userid"], patron_id):
                raise _No(400, error=f"Problem with {patron['userid']}")
            self._refuse_taken_number(patron, but=patron_id)
            if attributes is not None:
                self._replace_attributes(patron_id, attributes)
            patron["updated_on"] = self._stamp()
            self._db.execute(
                "UPDATE patrons SET cardnumber = ?, userid = ?, likeness = ?, patron = ? WHERE patron_id = ?",
                (patron["cardnumber"], patron["userid"], self._likeness(patron), json.dumps(patron), patron_id),
            )
            answer.append(Answer(200, patron | {"patron_id": patron_id}))
        return answer[0]

    def delete(self, patron_id: int) -> Answer:
        """A patron deleted, unless it still has items, owes money, vouches for others or is protected."""
        with self._writing() as answer:
            found = self._db.execute("SELECT checkouts, debt, guarantees, patron FROM patrons WHERE patron_id = ?", (patron_id,)).fetchone()
            if found is None:
                raise _No(404, error="Patron not found", error_code="not_found")
            checkouts, debt, guarantees, patron = found
            for stands, code in (
                (checkouts, "has_checkouts"),
                (debt, "has_debt"),
                (guarantees, "has_guarantees"),
                (json.loads(patron)["protected"], "is_protected"),
            ):
                if stands:
                    raise _No(409, error="The patron cannot be deleted", error_code=code)
            self._db.execute("DELETE FROM attributes WHERE patron_id = ?", (patron_id,))
            self._db.execute("DELETE FROM patrons WHERE patron_id = ?", (patron_id,))
            answer.append(Answer(204))
        return answer[0]

    def set_pin(self, patron_id: int, body: object) -> Answer:
        """A patron's password, kept as a salted hash, if it is written alike twice and passes the library's rule."""
        if (
            not isinstance(body, dict)
            or body.keys() != {"password", "password_2"}
            or not all(isinstance(pin, str) for pin in body.values())
        ):
            return Answer(400, {"errors": [{"path": "/body", "message": "Expected password and password_2."}], "status": 400})
        pin = body["password"]
        with self._writing() as answer:
            if self._row(patron_id) is None:
                raise _No(404, error="Patron not found", error_code="not_found")
            if pin != body["password_2"]:
                raise _No(400, error="The passwords differ")
            if pin != pin.strip():
                raise _No(400, error="The password begins or ends with a blank")
            if len(pin) < self._rules.pin_length:
                raise _No(400, error=f"The password is shorter than {self._rules.pin_length} characters")
            if self._rules.pin_strong and not all(re.search(needed, pin) for needed in ("[a-z]", "[A-Z]", "[0-9]")):
                raise _No(400, error="The password needs a capital, a small letter and a digit")
            self._db.execute("UPDATE patrons SET pin = ? WHERE patron_id = ?", (hashed(pin, secrets.token_hex(8)), patron_id))
            answer.append(Answer(200))
        return answer[0]

    def search(self, query: Mapping[str, Sequence[str]], embed: frozenset[str]) -> Answer:
        """Patrons that fit every condition, a page at a time; twenty a page unless asked otherwise, all for -1."""
        unknown = [name for name in query if name not in _RESERVED and (name not in FIELDS or name in ON_REQUEST)]
        if unknown:
            return Answer(400, [{"path": f"/query/{name}", "message": "Malformed query string"} for name in unknown])
        try:
            where, values = _conditions(query)
            page, per_page = int(query.get("_page", ["1"])[0]), int(query.get("_per_page", ["20"])[0])
        except (ValueError, TypeError):
            return Answer(400, {"error": "The query cannot be read", "error_code": "invalid_query"})
        order = "patron_id DESC" if query.get("_order_by", [""])[0] == "-patron_id" else "patron_id"
        with self._lock:
            total = self._one(f"SELECT COUNT(*) FROM patrons WHERE {where}", *values)[0]  # noqa: S608  # built from fixed names only
            rows = self._db.execute(
                f"SELECT patron_id, patron, checkouts, debt FROM patrons WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608  # as above
                (*values, per_page, 0 if per_page < 0 else (max(page, 1) - 1) * per_page),
            ).fetchall()
            return Answer(200, [self._shown(row, embed) for row in rows], {"X-Total-Count": str(total)})

    def attributes(self, patron_id: int, query: Mapping[str, Sequence[str]]) -> Answer:
        """The extended attributes of one patron, a page at a time; twenty a page unless asked otherwise."""
        try:
            page, per_page = int(query.get("_page", ["1"])[0]), int(query.get("_per_page", ["20"])[0])
        except ValueError:
            return Answer(400, {"error": "The query cannot be read", "error_code": "invalid_query"})
        with self._lock:
            if not self._row(patron_id):
                return _not_found()
            marks = self._attributes(patron_id)
        first = (max(page, 1) - 1) * per_page
        return Answer(200, marks[first : first + per_page] if per_page >= 0 else marks)

    def add_attribute(self, patron_id: int, body: object) -> Answer:
        """One extended attribute more."""
        wrong = attribute_mistake(body)
        if wrong or not isinstance(body, dict):
            return Answer(400, {"errors": [{"path": "/body", "message": wrong}], "status": 400})
        with self._writing() as answer:
            if self._row(patron_id) is None:
                raise _No(404, error="Patron not found", error_code="not_found")
            try:
                attribute_id = self._insert_attribute(patron_id, body)
            except _No as no:
                status = 409 if no.answer.body["error_code"] in {"attribute_not_unique", "non_repeatable_attribute"} else 400
                raise _No(status, **no.answer.body) from None
            answer.append(Answer(201, {"extended_attribute_id": attribute_id, "type": body["type"], "value": body["value"]}))
        return answer[0]

    def delete_attribute(self, patron_id: int, attribute_id: int) -> Answer:
        """One extended attribute less."""
        with self._writing() as answer:
            gone = self._db.execute("DELETE FROM attributes WHERE patron_id = ? AND attribute_id = ?", (patron_id, attribute_id)).rowcount
            if not gone:
                raise _No(404, error="Attribute not found", error_code="not_found")
            answer.append(Answer(204))
        return answer[0]

    # What people and tests look at

    def count(self) -> int:
        """How many patrons there are."""
        with self._lock:
            return int(self._one("SELECT COUNT(*) FROM patrons")[0])

    def listing(self, *, page: int, per_page: int) -> list[dict[str, Any]]:
        """A page of patrons for a person to look at, oldest first; all of them for a negative ``per_page``."""
        with self._lock:
            rows = self._db.execute(
                "SELECT patron_id, patron, pin IS NOT NULL FROM patrons ORDER BY patron_id LIMIT ? OFFSET ?",
                (per_page, 0 if per_page < 0 else (max(page, 1) - 1) * per_page),
            ).fetchall()
            marks: dict[int, dict[str, str]] = {}
            if rows:
                for patron_id, kind, value in self._db.execute(
                    "SELECT patron_id, type, value FROM attributes WHERE patron_id BETWEEN ? AND ?", (rows[0][0], rows[-1][0])
                ):
                    marks.setdefault(patron_id, {})[kind] = value
        shown = (
            "cardnumber",
            "userid",
            "surname",
            "firstname",
            "middle_name",
            "preferred_name",
            "date_of_birth",
            "library_id",
            "category_id",
        )
        listed = []
        for patron_id, text, has_pin in rows:
            patron = json.loads(text)
            dates = {name: patron[name] for name in ("date_enrolled", "expiry_date", "updated_on")}
            listed.append(
                {"patron_id": patron_id}
                | {name: patron[name] for name in shown}
                | dates
                | {"pin_set": bool(has_pin), "attributes": marks.get(patron_id, {})}
            )
        return listed

    def pin_opens(self, number: str, pin: str) -> bool:
        """Whether somebody can sign in with this card number (or login name) and PIN."""
        with self._lock:
            found = self._one("SELECT pin FROM patrons WHERE cardnumber = ? OR userid = ?", number, number)
        return bool(found and found[0] and secrets.compare_digest(found[0], hashed(pin, found[0].partition("$")[0])))

    def lend(self, patron_id: int, *, checkouts: int = 0, debt: float = 0.0, guarantees: int = 0) -> None:
        """Give a patron loans, debts or people it vouches for, as a library's day would."""
        with self._lock:
            self._db.execute(
                "UPDATE patrons SET checkouts = ?, debt = ?, guarantees = ? WHERE patron_id = ?", (checkouts, debt, guarantees, patron_id)
            )

    def restrict(self, patron_id: int, *, restricted: bool = True) -> None:
        """Put a restriction on a patron or lift it, as the library's staff would; the API cannot."""
        with self._writing():
            row = self._row(patron_id)
            patron = json.loads(row[1]) | {"restricted": restricted, "updated_on": self._stamp()}
            self._db.execute("UPDATE patrons SET patron = ? WHERE patron_id = ?", (json.dumps(patron), patron_id))

    # Below, the lock is held

    @contextmanager
    def _writing(self) -> Iterator[list[Answer]]:
        answer: list[Answer] = []
        with self._lock:
            self._db.execute("BEGIN")
            try:
                yield answer
            except _No as no:
                self._db.execute("ROLLBACK")
                answer[:] = [no.answer]
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")

    def _one(self, statement: str, *values: object) -> Any:  # noqa: ANN401  # a row of whatever columns, or None
        return self._db.execute(statement, values).fetchone()

    def _row(self, patron_id: int) -> Any:  # noqa: ANN401  # as above
        return self._one("SELECT patron_id, patron, checkouts, debt FROM patrons WHERE patron_id = ?", patron_id)

    def _shown(self, row: Sequence[Any], embed: frozenset[str]) -> dict[str, Any]:
        patron: dict[str, Any] = json.loads(row[1])
        patron["patron_id"] = row[0]
        if "extended_attributes" in embed:
            patron["extended_attributes"] = self._attributes(row[0])
        if "checkouts+count" in embed:
            patron["checkouts_count"] = row[2]
        if "account_balance" in embed:
            patron["account_balance"] = row[3]
        return patron

    def _attributes(self, patron_id: int) -> list[dict[str, Any]]:
        rows = self._db.execute("SELECT attribute_id, type, value FROM attributes WHERE patron_id = ? ORDER BY attribute_id", (patron_id,))
        return [{"extended_attribute_id": number, "type": kind, "value": value} for number, kind, value in rows]

    def _refuse_likeness(self, patron: Mapping[str, Any]) -> None:
        likeness = self._likeness(patron)
        if likeness and self._one("SELECT 1 FROM patrons WHERE likeness = ?", likeness):
            raise _No(409, error="A patron record matching these details already exists")

    def _likeness(self, patron: Mapping[str, Any]) -> str | None:
        values = [str(patron.get(name) or "").strip().casefold() for name in self._rules.duplicate_rule]
        return "\0".join(values) if values and all(values) else None

    def _refuse_unknown_codes(self, patron: Mapping[str, Any]) -> None:
        if patron["category_id"] not in self._rules.patron_types:
            raise _No(400, error="Given category_id does not exist")
        if patron["library_id"] not in self._rules.branches:
            raise _No(400, error="Given library_id does not exist")

    def _refuse_taken_number(self, patron: dict[str, Any], *, but: int) -> None:
        patron["cardnumber"] = patron["cardnumber"] or None  # an empty number is none
        if patron["cardnumber"] and self._one("SELECT 1 FROM patrons WHERE cardnumber = ? AND patron_id != ?", patron["cardnumber"], but):
            raise _No(409, error="Duplicate ID", conflict="cardnumber")

    def _login_name(self, patron: Mapping[str, Any]) -> str:
        """First and last name with a dot, and a number where that is taken."""
        stem = re.sub(r"\s", "", f"{patron['firstname'] or ''}.{patron['surname'] or ''}".casefold()).strip(".") or "patron"
        name, more = stem, 0
        while self._one("SELECT 1 FROM patrons WHERE userid = ?", name):
            more += 1
            name = f"{stem}{more}"
        return name

    def _replace_attributes(self, patron_id: int, attributes: Sequence[Mapping[str, Any]]) -> None:
        self._db.execute("DELETE FROM attributes WHERE patron_id = ?", (patron_id,))
        for one in attributes:
            self._insert_attribute(patron_id, one)
        for name, kind in self._rules.attribute_types.items():
            if kind.mandatory and not any(one["type"] == name for one in attributes):
                raise _No(400, error=f"The attribute {name} is mandatory", error_code="missing_mandatory_attribute")

    def _insert_attribute(self, patron_id: int, one: Mapping[str, Any]) -> int:
        kind = self._rules.attribute_types.get(one["type"])
        if kind is None:
            raise _No(400, error="There is no such attribute type", error_code="invalid_attribute_type")
        if not kind.repeatable and self._one("SELECT 1 FROM attributes WHERE patron_id = ? AND type = ?", patron_id, one["type"]):
            raise _No(400, error="The attribute cannot be repeated", error_code="non_repeatable_attribute")
        if kind.unique and self._one("SELECT 1 FROM attributes WHERE type = ? AND value = ?", one["type"], one["value"]):
            raise _No(400, error="Another patron has this attribute", error_code="attribute_not_unique")
        added = self._db.execute("INSERT INTO attributes (patron_id, type, value) VALUES (?, ?, ?)", (patron_id, one["type"], one["value"]))
        assert added.lastrowid is not None
        return added.lastrowid

    def _stamp(self) -> str:
        return self._now().isoformat(timespec="seconds")


def _conditions(query: Mapping[str, Sequence[str]]) -> tuple[str, list[Any]]:
    """The WHERE clause of a search. Raises ValueError for a query that cannot be read."""
    match = query.get("_match", ["contains"])[0]
    patterns = {"exact": "{}", "contains": "%{}%", "starts_with": "{}%", "ends_with": "%{}"}
    if match not in patterns:
        raise ValueError(match)
    clauses: list[str] = ["1"]
    values: list[Any] = []
    for name, wanted in query.items():
        if name not in _RESERVED:
            clauses.append(f"{_column(name)} LIKE ?")
            values.append(patterns[match].format(wanted[0]))
    for text in query.get("q", []):
        asked = json.loads(text)
        if not isinstance(asked, dict):
            raise ValueError("a query is an object")
        of_attributes = {name.partition(".")[2]: value for name, value in asked.items() if name.startswith("extended_attributes.")}
        if of_attributes:
            if not of_attributes.keys() <= {"code", "attribute"} or not all(isinstance(value, str) for value in of_attributes.values()):
                raise ValueError("only code and attribute can be asked for")
            columns = {"code": "type", "attribute": "value"}
            inner = " AND ".join(f"{columns[name]} = ?" for name in of_attributes)
            clauses.append(f"patron_id IN (SELECT patron_id FROM attributes WHERE {inner})")  # noqa: S608  # fixed names only
            values += of_attributes.values()
        for name, value in asked.items():
            if name.startswith("extended_attributes."):
                continue
            if name not in FIELDS or name in ON_REQUEST:
                raise ValueError(name)
            for operator, operand in value.items() if isinstance(value, dict) else [("=", value)]:
                if operator not in _OPERATORS or not isinstance(operand, str | int | float):
                    raise ValueError(operator)
                clauses.append(f"{_column(name)} {_OPERATORS[operator]} ?")
                values.append(operand)
    return " AND ".join(clauses), values


def _column(name: str) -> str:
    return name if name in _COLUMNS else f"json_extract(patron, '$.{name}')"


def hashed(pin: str, salt: str) -> str:
    """A salted hash, fast on purpose: a stand-in's PINs are nobody's."""
    return f"{salt}${hashlib.sha256((salt + pin).encode()).hexdigest()}"


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, min(day.day, 28))


def _not_found() -> Answer:
    return Answer(404, {"error": "Patron not found", "error_code": "not_found"})
