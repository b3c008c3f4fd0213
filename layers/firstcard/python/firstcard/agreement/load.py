"""Reading agreements and libraries from files: every mistake with its file, line and a sentence."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path as FilePath
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from firstcard.agreement.library import ADAPTERS, AdapterFacts, Library
from firstcard.agreement.lines import AgreementError, Mistake, Path, Written, read_yaml
from firstcard.agreement.lint import Fault, faults_between, faults_of, faults_of_library, faults_with_library, nearest, warnings_of
from firstcard.agreement.model import Agreement, Status
from firstcard.agreement.words import Clause

Model = TypeVar("Model", Agreement, Library)

ADVICE: dict[Path, str] = {
    ("name_on",): "say which name goes to the ILS, to families and on paper; there is no default, because the wrong one can harm a child",
    ("term", "expires"): "an agreement without an end gives access without an end; write the last day as YYYY-MM-DD",
    ("basis",): "say by which route of 34 CFR Part 99 the district may disclose, and how a family says no",
    ("purposes",): "without a purpose nothing may be opened; name at least one",
    ("exchange", "protection"): "write signed, encrypted or plain, as the agreement says; there is no default",
    ("apiVersion",): "begin the file with 'apiVersion: agreement/v1' or 'apiVersion: library/v1'",
}
"""Why a key that is missing has no default."""


@dataclass(frozen=True, slots=True)
class Site:
    """All agreements and libraries of one deployment, checked with each other."""

    agreements: tuple[Agreement, ...]
    libraries: tuple[Library, ...]

    def sharings(self, district: str) -> tuple[str, ...]:
        """The data-sharing ids of a district, one for each library, whatever became of their agreements."""
        return tuple(sorted({agreement.sharing for agreement in self.agreements if agreement.district == district}))

    def agreements_of(self, district: str, on: date) -> tuple[Agreement, ...]:
        """Under which agreements a district's files of a day are looked at, one for each library: those whose parties are bound on that day.

        Where none is, the one that says why not. What a person has suspended in the ledger is not known here.
        """
        agreements = [agreement for sharing in self.sharings(district) if (agreement := self.of_sharing(sharing, on))]
        bound = [agreement for agreement in agreements if agreement.binds(on)]
        return tuple(bound or filter(None, [_first_in_rank(agreements, on)]))

    def leading(self, district: str) -> Agreement | None:
        """The agreement that a district's ways in are deployed from: of the executed and suspended ones, else of the drafts, else of the terminated ones that which ends last.

        Agreements of one district that are in force together say the same of these ways in (``lint``).
        """
        return _first_in_rank((agreement for agreement in self.agreements if agreement.district == district), None)

    def of_sharing(self, sharing: str, on: date | None) -> Agreement | None:
        """The agreement with this data-sharing id: the one that is executed or suspended, else a draft, else a terminated one.

        Of several (this year's and the next one's) that whose term the day ``on`` falls into; else the one that ended last before it, else the first to come. Without a day
        the one that ends last: what a deployment is made from.
        """
        return _first_in_rank((agreement for agreement in self.agreements if agreement.sharing == sharing), on)

    def library(self, slug: str) -> Library:
        """The library with this id; raises KeyError."""
        for library in self.libraries:
            if library.id == slug:
                return library
        raise KeyError(slug)


def _first_in_rank(candidates: Iterable[Agreement], on: date | None) -> Agreement | None:
    rank = {Status.EXECUTED: 3, Status.SUSPENDED: 3, Status.DRAFT: 2, Status.TERMINATED: 1}

    def order(agreement: Agreement) -> tuple[int, bool, bool, int]:
        first, last = agreement.term.effective, agreement.term.expires
        if on is None:
            return rank[agreement.status], True, True, last.toordinal()
        begun = first <= on
        return rank[agreement.status], begun and on <= last, begun, last.toordinal() if begun else -first.toordinal()

    return max(candidates, key=order, default=None)


@dataclass(frozen=True, slots=True)
class Checked:
    """What files hold when they were read together: the good ones, and every mistake."""

    agreements: tuple[Agreement, ...]
    libraries: tuple[Library, ...]
    mistakes: tuple[Mistake, ...]
    without_library: tuple[str, ...]
    """Agreement files whose library was not among the files; their rules with it are unchecked."""
    warnings: tuple[Mistake, ...] = ()
    """What may be so, and whoever signs should look at twice."""


def agreement_from(content: Mapping[str, Any]) -> Agreement:
    """An agreement from plain data as YAML would give it; raises AgreementError (file ``<data>``)."""
    return _lawful(_read(Agreement, Written("<data>", dict(content))), Written("<data>", dict(content)))


def library_from(content: Mapping[str, Any]) -> Library:
    """A library from plain data as YAML would give it; raises AgreementError (file ``<data>``)."""
    return _lawful(_read(Library, Written("<data>", dict(content))), Written("<data>", dict(content)))


def load_agreement(file: FilePath) -> Agreement:
    """One agreement by itself; raises AgreementError. Its rules with library and neighbours are ``load_site``'s."""
    written = _open(file)
    return _lawful(_read(Agreement, written), written)


def load_library(file: FilePath) -> Library:
    """One library by itself; raises AgreementError."""
    written = _open(file)
    return _lawful(_read(Library, written), written)


def load_site(directory: FilePath) -> Site:
    """Everything under ``agreements/`` and ``libraries/`` of a directory, checked together; raises AgreementError with all mistakes."""
    mistakes = [
        Mistake(str(directory / folder), 1, f"There is no file {folder}/*.yaml here: write one, or name another directory.")
        for folder in ("agreements", "libraries")
        if not any((directory / folder).glob("*.yaml"))
    ]
    checked = check_files(files_of_site(directory))
    mistakes += checked.mistakes
    mistakes += [Mistake(file, 1, "No file describes its library: write libraries/<library>.yaml.") for file in checked.without_library]
    if mistakes:
        raise AgreementError(tuple(mistakes))
    return Site(checked.agreements, checked.libraries)


def files_of_site(directory: FilePath) -> tuple[FilePath, ...]:
    """The files of a site in a fixed order: libraries, then agreements; .yml counts, so that it is not silently left out."""
    return tuple(
        file
        for folder in ("libraries", "agreements")
        for pattern in ("*.yaml", "*.yml")
        for file in sorted((directory / folder).glob(pattern))
    )


def check_files(files: Iterable[FilePath], adapters: Mapping[str, AdapterFacts] = ADAPTERS) -> Checked:
    """Read files of both kinds and check them by themselves and with each other; raises nothing that a file can cause."""
    mistakes: list[Mistake] = []
    agreements: list[tuple[Written, Agreement]] = []
    libraries: dict[str, Library] = {}
    for file in files:
        if file.suffix == ".yml":
            mistakes.append(Mistake(str(file), 1, "Only files that end in .yaml are deployed: rename it."))
            continue
        try:
            written = _open(file)
            if _is_library(written):
                library = _lawful(_read(Library, written), written)
                if library.id in libraries:
                    mistakes.append(
                        Mistake(
                            written.file, written.line(("id",)), f"The id {library.id} is taken by another library: choose another one."
                        )
                    )
                libraries.setdefault(library.id, library)
            else:
                agreements.append((written, _lawful(_read(Agreement, written), written)))
        except AgreementError as error:
            mistakes += error.mistakes
    without: list[str] = []
    for written, agreement in agreements:
        if agreement.library in libraries:
            mistakes += _told(faults_with_library(agreement, libraries[agreement.library], adapters), written)
        else:
            without.append(written.file)
    for number, fault in faults_between(enumerate(agreement for _, agreement in agreements), libraries):
        mistakes += _told((fault,), agreements[number][0])
    warnings = tuple(chain.from_iterable(_told(warnings_of(agreement), written) for written, agreement in agreements))
    return Checked(tuple(agreement for _, agreement in agreements), tuple(libraries.values()), tuple(mistakes), tuple(without), warnings)


def _is_library(written: Written) -> bool:
    content = written.content
    return isinstance(content, dict) and str(content.get("apiVersion", "")).startswith("library")


def _open(file: FilePath) -> Written:
    try:
        return read_yaml(file.read_bytes(), str(file))
    except OSError as error:
        raise AgreementError(
            (Mistake(str(file), 1, f"The file cannot be read ({error.strerror}): check its name and permissions."),)
        ) from None


def _read(model: type[Model], written: Written) -> Model:
    if not isinstance(written.content, dict):
        raise AgreementError((Mistake(written.file, 1, "Write 'key: value' lines, beginning with apiVersion."),))
    try:
        return model.model_validate_json(json.dumps(written.content, default=str))
    except ValidationError as error:
        found: dict[tuple[int, str], Mistake] = {}
        for detail in error.errors(include_url=False):
            path = _written_path(detail["loc"])
            line = written.line(path)
            sentence = _sentence(model, detail, path)
            found.setdefault((line, sentence), Mistake(written.file, line, sentence))
        raise AgreementError(tuple(sorted(found.values()))) from None


def _lawful(document: Model, written: Written) -> Model:
    faults = faults_of(document) if isinstance(document, Agreement) else faults_of_library(document)
    if faults:
        raise AgreementError(tuple(sorted(_told(faults, written))))
    return document


def _told(faults: Iterable[Fault], written: Written) -> list[Mistake]:
    return [Mistake(written.file, written.line(fault.path), fault.sentence) for fault in faults]


# From pydantic's errors to sentences


def _written_path(location: tuple[int | str, ...]) -> Path:
    return tuple(part for part in location if part != "[key]")


def _sentence(model: type[Clause], detail: ErrorDetails, path: Path) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    name = ".".join(str(part) if isinstance(part, str) else str(part + 1) for part in path)
    key = str(path[-1]) if path else ""
    around = ".".join(str(part) for part in path[:-1])
    if kind == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        place = f"of '{around}'" if around else "here"
        return f"'{_plainly(key)}' is not a key {place}.{nearest(key, known)} The keys are: {', '.join(known)}."
    if kind == "missing":
        advice = ADVICE.get(path, f"write it under '{around}'" if around else "write it")
        return f"'{name}' is missing: {advice}."
    if kind in ("enum", "literal_error"):
        allowed = [word.strip("'") for word in str(context.get("expected", "")).replace(" or ", ", ").split(", ")]
        given = detail["input"]
        near = nearest(given, allowed) if isinstance(given, str) else ""
        return f"'{name}' does not know this word.{near} Write one of: {', '.join(allowed)}."
    if kind == "value_error":
        return f"'{name}': {context['error']}."
    return f"'{name}': {PLAIN_ADVICE.get(kind, _limit(kind, context))}."


PLAIN_ADVICE = {
    "string_type": "write text; numbers, true and false need quotes here",
    "int_type": "write a whole number without quotes",
    "float_type": "write a number without quotes",
    "bool_type": "write true or false without quotes",
    "date_type": "write a date as YYYY-MM-DD",
    "date_parsing": "write a date as YYYY-MM-DD",
    "date_from_datetime_parsing": "write a date as YYYY-MM-DD",
    "date_from_datetime_inexact": "write a date as YYYY-MM-DD, without a time",
    "tuple_type": "write a list: one '- item' a line, or [item, item]",
    "dict_type": "write a block of 'key: value' lines",
    "model_type": "write a block of 'key: value' lines",
    "model_attributes_type": "write a block of 'key: value' lines",
    "too_short": "write at least one",
    "string_too_short": "write something, or leave the key out",
}


def _limit(kind: str, context: Mapping[str, Any]) -> str:
    """The sentence of a number or text outside its limits."""
    words = {"greater_than_equal": ("ge", "or more"), "less_than_equal": ("le", "or less")}
    if kind in words:
        bound, side = words[kind]
        return f"write {context[bound]} {side}"
    if kind == "greater_than":
        return f"write more than {context['gt']}"
    if kind == "string_too_long":
        return f"write at most {context['max_length']} characters"
    return "this value cannot be read; docs/agreements.md shows every key with an example"


def _plainly(key: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in key)[:60]


def _keys_at(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """The keys that a block may have."""
    shape: object = model
    for part in path:
        shape = _step(shape, part)
    found = _models(shape)
    return tuple(field.alias or name for inner in found for name, field in inner.model_fields.items())


def _models(shape: object) -> list[type[BaseModel]]:
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        return [shape]
    if get_origin(shape) in (Union, UnionType):
        return [model for member in get_args(shape) if member is not NoneType for model in _models(member)]
    return []


def _step(shape: object, part: str | int) -> object:
    models = _models(shape)
    if models:
        for model in models:
            for name, field in model.model_fields.items():
                if (field.alias or name) == part:
                    return field.annotation
        return None
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is dict:
        return arguments[1]
    if origin is tuple:
        return arguments[0]
    return None
