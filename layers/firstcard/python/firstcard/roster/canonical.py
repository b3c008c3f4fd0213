"""The FirstCard form: one CSV with our own column names, for districts that write their own export.

The agreement's mapping may name another header for a field: ``mapping: {student_id: Student Number}``. Tables that other systems write are read the same
way, by the headers of known_headers.py.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import compress

from firstcard.roster import values
from firstcard.roster.headers import choose
from firstcard.roster.known_headers import System
from firstcard.roster.person import Role
from firstcard.roster.reading import Exclusion, Reading, RefusedError
from firstcard.roster.reasons import Reason
from firstcard.roster.terms import Terms
from firstcard.roster.text import Table, Tidy
from firstcard.roster.validate import Draft, Sound, Validator, fields_of

FORMAT = "firstcard_csv"

COLUMNS = (
    *(
        "student_id",
        "state_id",
        "last_name",
        "first_name",
        "middle_name",
        "suffix",
        "preferred_name",
        "birth_date",
        "grade",
        "school_id",
        "school_name",
    ),
    *(
        "street",
        "city",
        "region",
        "postal_code",
        "phone",
        "home_language",
        "guardian_name",
        "guardian_email",
        "guardian_phone",
        "opt_out",
        "homeroom",
    ),
    *(
        "student_email",
        "guardian2_name",
        "guardian2_email",
        "enrollment_status",
        "entry_date",
        "exit_date",
        "graduation_year",
        "teacher_id",
    ),
    *("in_service_area", "contact_restricted", "consent_date", "role", "staff_email", "card_number"),
)
"""Every column of the form; the first 22 are the usual ones, the others may be added after them."""

RECOGNISED_BY = 3
"""So many known column names make a CSV one of this form."""

_ROLES = {"": Role.STUDENT, "student": Role.STUDENT} | dict.fromkeys(
    ("staff", "teacher", "administrator", "aide", "librarian", "contractor"), Role.STAFF
)


def known_names(terms: Terms) -> frozenset[str]:
    """The headers that this form may have under the agreement."""
    return frozenset(COLUMNS) | frozenset(terms.mapping.values())


def looks_like(table: Table, terms: Terms) -> bool:
    """Whether the header is one of this form, misspelt names and all."""
    return sum(name in known_names(terms) for name in set(table.header)) >= RECOGNISED_BY


def headers_of(table: Table, terms: Terms, system: System | None = None) -> dict[str, str]:
    """The header that each agreed field is read from: the agreement's, else the system's, else the form's own."""
    names = system.names(table) if system else {}
    read_fields = sorted(fields_of(Role.STUDENT, terms) | fields_of(Role.STAFF, terms) | {"role"})
    return {name: _header_of(name, table, terms, names) for name in read_fields}


def read(table: Table, terms: Terms, today: date, system: System | None = None) -> Reading:
    """Read the file, of our own form or of a known system's; raises RefusedError where nothing of it can be used."""
    headers = headers_of(table, terms, system)
    required = {"student_id", *terms.required(Role.STUDENT)}
    if terms.fields.get("opt_out") or "opt_out" in terms.mapping or (terms.flagged and system is None):
        required.add("opt_out")
    known = known_names(terms) | (frozenset(system.headers_in(table).values()) if system else frozenset())
    columns = choose(table, headers.values(), required=frozenset(headers[name] for name in required), known=known, terms=terms)
    order = list(columns.places)
    at = {name: order.index(header) for name, header in headers.items() if header in columns.places}
    validator = Validator(terms, file=table.file, columns={name: (table.file, header) for name, header in headers.items()}, today=today)
    validator.problems += table.problems
    picks = {role: [(name, at[name]) for name in sorted(fields_of(role, terms) & at.keys()) if name != "opt_out"] for role in Role}
    role_at, flag_at, school_at, id_at = at.get("role"), at.get("opt_out"), at.get("school_id"), at["student_id"]
    own = system.headers_in(table) if system else {}
    spoken = {name: say for name, say in system.values.items() if name in at and headers[name] == own.get(name)} if system else {}
    bare = {columns.places[headers[name]] for name in ("student_id", "opt_out", "role") if name in at}
    schools: set[str] = set()
    wrong_width: list[int] = []

    def look_at(line: int, cells: Sequence[str], row: Sequence[str]) -> None:
        """Everything about one row."""
        role = _role_of(cells[role_at]) if role_at is not None else Role.STUDENT
        refused = False
        reasons: tuple[Reason, ...] = ()
        if flag_at is not None and (cell := cells[flag_at]):
            refused, reasons = values.flag(cell)
        if refused and (role is None or terms.route == "before_upload"):
            found = [("role", Reason.BAD_ROLE)] if role is None else []
            if terms.route == "before_upload" and any(cell.strip() for place, cell in enumerate(row) if place not in bare):
                found.append(("opt_out", Reason.FULL_ROW_OF_REFUSED))
            validator.refused(line, role, cells[id_at], found)
            return
        if role is None:
            validator.reject(line, "role", Reason.BAD_ROLE, raw_id=cells[id_at])
            return
        if reasons:
            validator.reject(line, "opt_out", Reason.BAD_FLAG, role=role, raw_id=cells[id_at])
            return
        if role is Role.STAFF and not terms.staff and not refused:
            validator.exclude(Exclusion.STAFF)
            return
        if school_at is not None and (school := cells[school_at]):
            schools.add(school)
        raw = {name: cells[place] for name, place in picks[role]}
        for name, say in spoken.items():
            if name in raw:
                raw[name] = say(raw[name])
        if refused:
            raw["opt_out"] = "yes"
        validator.check(Draft(line, role, raw, word=cells[role_at].strip().lower() if role_at is not None else ""))

    def take_by_column(piece: Tidy) -> None:
        """The rows of a tidy piece: those about which there is nothing to say all at once, the others one by one."""
        kinds = _kinds(
            piece.count,
            piece.column(columns.places[headers["role"]]) if role_at is not None else None,
            piece.column(columns.places[headers["opt_out"]]) if flag_at is not None else None,
            staff=terms.staff,
        )
        odd = [place for place, kind in enumerate(kinds) if kind is None] if None in kinds else []
        sound: list[Sound] = []
        for role in Role:
            if not (mine := kinds.count(role)):
                continue
            cells = {name: piece.column(columns.places[headers[name]]) for name, _ in picks[role]}
            lines: Sequence[int] = piece.lines
            if mine < piece.count:
                chosen = [kind is role for kind in kinds]
                lines, cells = [*compress(lines, chosen)], {name: [*compress(column, chosen)] for name, column in cells.items()}
            if school_at is not None:
                schools.update(cells["school_id"])
            spelt = {name: [*map(spoken[name], column)] if name in spoken else column for name, column in cells.items()}
            sound.append(validator.sound(role, lines, spelt))
            odd += [lines[place] - piece.first for place in sound[-1].odd]
        validator.begin_piece()
        for place in sorted(odd):
            look_at(*columns.row_of(piece, place))
        validator.take(sound)

    for piece in columns.pieces(validator.problems, wrong_width):
        if isinstance(piece, Tidy):
            take_by_column(piece)
            continue
        for row in piece:
            look_at(*row)
    validator.wrong_width(wrong_width)
    columns.findings(terms, validator.problems)
    schools.discard("")
    if not validator.rows:
        raise RefusedError(Reason.EMPTY_BULK, table.file)
    if schools and terms.organisations and not {school.strip() for school in schools} & terms.organisations:
        raise RefusedError(Reason.WRONG_DISTRICT, table.file, column=headers["school_id"])
    return validator.reading(system.format if system else FORMAT, tuple(columns.report()))


def _role_of(cell: str) -> Role | None:
    return _ROLES.get(cell.strip().lower())


def _kinds(count: int, roles: Sequence[str] | None, flags: Sequence[str] | None, *, staff: bool) -> Sequence[Role | None]:
    """The role of each row, None where it cannot be told, where there is a no or a flag that is none, and for staff without a roll-out."""
    known: dict[str, Role | None] = {cell: _role_of(cell) for cell in set(roles or ())}
    kinds: list[Role | None] = [known[cell] for cell in roles] if roles is not None else [Role.STUDENT] * count
    if not staff and Role.STAFF in known.values():
        kinds = [None if kind is Role.STAFF else kind for kind in kinds]
    said = {cell for cell in set(flags or ()) if values.flag(cell) != (False, ())}
    return [None if cell in said else kind for kind, cell in zip(kinds, flags, strict=True)] if said and flags else kinds


def looks_like_data(table: Table, today: date) -> bool:
    """Whether the first line holds a person instead of column names: an id of digits first, or a date anywhere."""
    first = table.header[0] if table.header else ""
    dated = any(
        not reasons or Reason.BAD_DATE not in reasons for cell in table.header if cell for _, _, reasons in [values.birth_date(cell, today)]
    )
    return len(table.header) >= RECOGNISED_BY and ((first.isascii() and first.isdecimal()) or dated)


def _header_of(name: str, table: Table, terms: Terms, names: Mapping[str, str]) -> str:
    """The mapped header, or the system's, where the file has it; else the form's own."""
    mapped = terms.mapping.get(name) or names.get(name, name)
    return mapped if mapped in table.header or name not in table.header else name
