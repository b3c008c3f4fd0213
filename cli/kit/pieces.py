"""The pieces of a partnership kit, from texts, an agreement and a report: blocks that a document or a page is made of. Figures are the report's, or were typed; no text has one of its own."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from firstcard.agreement import Agreement, Library
from firstcard.report.shown import FEWER_THAN_TEN

TEXTS = Path(__file__).parent / "texts"
LANGUAGES = ("en", "es")


@dataclass(frozen=True, slots=True)
class Typed:
    """A baseline that the partners counted or estimated, before there is a report."""

    students: int
    with_card: int
    on: date


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a piece. ``kind``: ``p`` paragraph, ``h2`` heading, ``item`` of a list, ``big`` figure with its caption, ``sign`` lines for signatures, ``memorandum`` the agreement's own."""

    kind: str
    text: str = ""
    caption: str = ""
    signers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """One document of the kit: the name of its file, its title, its blocks."""

    name: str
    language: str
    title: str
    blocks: tuple[Block, ...]
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kit:
    """What all pieces are made of. ``figures`` are one district's of a report of either edition, or None; then ``typed`` is the baseline. ``mayor`` signs with the two of the agreement."""

    agreement: Agreement
    library: Library
    mayor: str
    figures: Mapping[str, Any] | None = None
    typed: Typed | None = None

    def pieces(self, language: str) -> tuple[Piece, ...]:
        """All pieces in one language."""
        texts = _texts(language)
        facts, holds, goals = self._facts(language), self._holds(), self._goals(language)
        return tuple(
            Piece(
                written["name"],
                language,
                written["title"],
                tuple(self._blocks(written["blocks"], facts, holds, goals, language)),
                texts["words"],
            )
            for written in texts["document"]
        )

    def _blocks(
        self, written: list[dict[str, Any]], facts: Mapping[str, str], holds: frozenset[str], goals: list[dict[str, str]], language: str
    ) -> Iterator[Block]:
        for block in written:
            if not holds.issuperset(block.get("when", ())):
                continue
            for more in goals if block.get("each") == "goal" else [{}]:
                known = {**facts, **more}
                text, caption = block.get("text", "").format_map(known), block.get("caption", "").format_map(known)
                yield Block(block["kind"], text, caption, self._signers(language) if block["kind"] == "sign" else ())

    def _signers(self, language: str) -> tuple[tuple[str, str], ...]:
        lea, provider = self.agreement.parties.lea, self.agreement.parties.provider
        return (
            (self.mayor, _texts(language)["words"]["mayor"]),
            (lea.signatory.name, f"{lea.signatory.title}, {lea.name}"),
            (provider.signatory.name, f"{provider.signatory.title}, {provider.name}"),
        )

    def _facts(self, language: str) -> dict[str, str]:
        agreement, words = self.agreement, _texts(language)["words"]
        contact, kind = agreement.notices.contact, words[f"kind_{agreement.card.kind}"]
        facts = {
            "district": agreement.parties.lea.name,
            "library": self.library.name,
            "kind": kind,
            "kind_capital": kind[0].upper() + kind[1:],
            "way": words[f"way_{agreement.route}"].format(days=agreement.basis.choice.window_days),
            "contact": f"{contact.name}, {contact.email}, {contact.phone}",
            "how_to": self.library.look.how_to_url,
        }
        if self.figures is not None:
            told = self.figures
            baseline = told["baseline"] or {"students": told["students"], "roster_of": told["at"][:10]}
            facts |= {
                "students": number(told["students"]),
                "in_ils": number(told["students_by_state"]["in_ils"] or 0),
                "coverage": percent(told["coverage_percent"], language),
                "counted_on": day(date.fromisoformat(told["at"][:10]), language),
                "baseline_students": number(baseline["students"]),
                "baseline_on": day(date.fromisoformat(baseline["roster_of"]), language),
                "educators_in": number(told["educators"]["in_ils"] or 0),
                "educators_all": number(told["educators"]["all"]),
            }
        if self.typed is not None:
            facts |= {
                "typed_students": number(self.typed.students),
                "typed_with_card": number(self.typed.with_card),
                "typed_on": day(self.typed.on, language),
            }
        return facts

    def _holds(self) -> frozenset[str]:
        """The words that a block's ``when`` may ask for, and that are so."""
        told, agreement = self.figures, self.agreement
        covered = told is not None and told["coverage_percent"] is not None and (told["students_by_state"]["in_ils"] or 0) > FEWER_THAN_TEN
        educators = told is not None and (told["educators"]["in_ils"] or 0) > FEWER_THAN_TEN
        holds = {
            "report": told is not None and told["students"] > FEWER_THAN_TEN,
            "coverage": covered,
            "begun": told is not None and not covered and told["students"] > FEWER_THAN_TEN,
            "not_yet": not covered,
            "typed": self.typed is not None,
            "educators": educators,
            "goal": bool(self._given_goals()),
            "no_visit": agreement.card.kind != "full",
            "opt_out": agreement.route != "opt_in",
            "announced": agreement.notices.announce,
            "not_announced": not agreement.notices.announce,
        }
        return frozenset(word for word, so in holds.items() if so)

    def _given_goals(self) -> list[Mapping[str, Any]]:
        if self.figures is not None:
            return list(self.figures["goals"])
        return [
            {"measure": goal.measure, "target_percent": goal.target_percent, "by": goal.by.isoformat(), "now_percent": None}
            for goal in self.agreement.goals
        ]

    def _goals(self, language: str) -> list[dict[str, str]]:
        words = _texts(language)["words"]
        return [
            {
                "goal_by": day(date.fromisoformat(goal["by"]), language),
                "goal_target": percent(goal["target_percent"], language),
                "goal_measure": words[f"measure_{goal['measure']}"],
                "goal_now": percent(goal["now_percent"], language),
            }
            for goal in self._given_goals()
        ]


def number(count: int) -> str:
    """A number as both languages write it in the United States."""
    return f"{count:,}"


def percent(share: int | None, language: str) -> str:
    """Percent as the language writes it; a dash where it is not known."""
    if share is None:
        return "–"
    return f"{share} %" if language == "es" else f"{share}%"


def day(when: date, language: str) -> str:
    """A date in words."""
    month = _texts(language)["words"]["months"].split()[when.month - 1]
    return f"{when.day} de {month} de {when.year}" if language == "es" else f"{month} {when.day}, {when.year}"


@cache
def _texts(language: str) -> dict[str, Any]:
    return tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
