"""The e-mails that the one-machine cloud sent, as a folder to look through: an index, and each message as HTML and as text.

The emulator keeps what SES was asked to send and shows it at ``/_ministack/ses/messages``. Messages hold the synthetic people's names and numbers;
the names of the files hold only the kind and a running number.
"""

import base64
import hashlib
import html
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from firstcard.notice import Kind

UNKNOWN = "other"
"""The kind of a message that says none, or one that is not ours."""

SHOWN = 2_000
"""How many messages of each kind are written: more than anybody looks through."""

_MARK = ".firstcard-outbox"
_KIND_IN_HTML = re.compile(r'<meta name="firstcard-kind" content="([a-z_]+)">')
_HEADINGS = {
    Kind.ANNOUNCEMENT: "Announcements to families (how to say no)",
    Kind.CARD: "Card numbers to families",
    Kind.PIN: "New PINs, as links, to families",
    Kind.STAFF: "Card numbers to staff",
    Kind.RECEIPT: "Receipts to districts",
    Kind.HELD: "Plans that wait for a person",
    Kind.LATE: "Rosters that did not come",
    UNKNOWN: "Others",
}
_STYLE = (
    "body{max-width:60rem;margin:2rem auto;padding:0 1rem;font:1rem/1.5 system-ui,Arial,sans-serif;color:#1b1f23;background:#fff}"
    "table{border-collapse:collapse;width:100%}th,td{padding:.35rem .75rem .35rem 0;border-bottom:1px solid #d3d9df;text-align:start;vertical-align:top}"
    "td.figure,th.figure{text-align:end;font-variant-numeric:tabular-nums}a{color:#0b4f9c}"
)


@dataclass(frozen=True, slots=True)
class OutboxSummary:
    """How many messages of each kind lie in the folder, and the page to open."""

    counts: Mapping[str, int]
    index: Path

    @property
    def total(self) -> int:
        """All messages together."""
        return sum(self.counts.values())


def messages_of(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of all accounts in the emulator's answer, oldest first."""
    sent = [message for account in answer.get("messages", {}).values() for message in account]
    return sorted(sent, key=lambda message: (message.get("Timestamp", 0.0), message.get("MessageId", "")))


def kind_of(message: Mapping[str, Any]) -> str:
    """What a message is for: its e-mail tag ``kind`` where the emulator keeps tags, else the mark in its HTML part."""
    for tag in message.get("EmailTags") or ():
        if tag.get("Name") == "kind":
            return _known(tag.get("Value", ""))
    found = _KIND_IN_HTML.search(message.get("BodyHtml") or "")
    return _known(found.group(1)) if found else UNKNOWN


def write_outbox(messages: Sequence[Mapping[str, Any]], folder: Path, *, most: int = SHOWN) -> OutboxSummary:
    """Write the folder anew: ``index.html``, and for the first ``most`` messages of each kind ``<kind>/<number>.html`` and ``.txt``.

    A folder that holds anything but an outbox is left alone: raises FileExistsError. All messages are counted, and the kinds of :class:`Kind` also at 0.
    """
    _make_empty(folder)
    counts: Counter[str] = Counter({kind.value: 0 for kind in Kind})
    listed: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for message in messages:
        kind = kind_of(message)
        counts[kind] += 1
        if counts[kind] > most:
            continue
        place = f"{kind}/{counts[kind]:06d}"
        (folder / kind).mkdir(exist_ok=True)
        (folder / f"{place}.txt").write_text(_as_text(message), "utf-8")
        (folder / f"{place}.html").write_text(
            message.get("BodyHtml") or _page("Text only", f"<pre>{html.escape(_body_text(message))}</pre>"), "utf-8"
        )
        listed.setdefault(kind, []).append((place, message))
    for kind, entries in listed.items():
        (folder / kind / "index.html").write_text(_kind_page(kind, entries, counts[kind]), "utf-8")
    index = folder / "index.html"
    index.write_text(_index_page(counts), "utf-8")
    return OutboxSummary(counts=MappingProxyType(dict(counts)), index=index)


def _known(kind: str) -> str:
    return kind if kind in set(Kind) else UNKNOWN


def _make_empty(folder: Path) -> None:
    if folder.exists():
        if not (folder / _MARK).exists() and any(folder.iterdir()):
            raise FileExistsError("the folder for the outbox holds something else: name an empty one")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()


def _as_text(message: Mapping[str, Any]) -> str:
    heads = {
        "From": message.get("Source", ""),
        "To": ", ".join(message.get("To") or ()),
        "Date": _when(message),
        "Subject": message.get("Subject", ""),
    }
    lines = (f"{name}: {_one_line(str(value))}" for name, value in heads.items())
    return "\n".join(lines) + "\n\n" + _body_text(message)


def _body_text(message: Mapping[str, Any]) -> str:
    return str(message.get("BodyText") or "")


def _when(message: Mapping[str, Any]) -> str:
    return datetime.fromtimestamp(float(message.get("Timestamp", 0.0)), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _index_page(counts: Mapping[str, int]) -> str:
    rows = "".join(
        f"<tr><td>{_link(f'{kind}/index.html', heading) if counts.get(kind) else html.escape(heading)}</td><td class=figure>{counts.get(kind, 0):,}</td></tr>"
        for kind, heading in _HEADINGS.items()
        if kind != UNKNOWN or counts.get(UNKNOWN)
    )
    total = f"<tr><th scope=row>All</th><th class=figure>{sum(counts.values()):,}</th></tr>"
    return _page("Outbox", f"<h1>Outbox</h1><p>What the notices said, and to whom. The people are made up.</p><table>{rows}{total}</table>")


def _kind_page(kind: str, entries: Sequence[tuple[str, Mapping[str, Any]]], all_of_them: int) -> str:
    rows = "".join(
        f"<tr><td>{_link(Path(place).name + '.html', Path(place).name)} ({_link(Path(place).name + '.txt', 'text')})</td>"
        f"<td>{html.escape(_when(message))}</td><td>{html.escape(', '.join(message.get('To') or ()))}</td>"
        f"<td>{html.escape(_one_line(str(message.get('Subject', ''))))}</td></tr>"
        for place, message in entries
    )
    head = "<tr><th>Message</th><th>Sent</th><th>To</th><th>Subject</th></tr>"
    heading = html.escape(_HEADINGS[kind])
    some = f"<p>The first {len(entries):,} of {all_of_them:,}.</p>" if len(entries) < all_of_them else ""
    return _page(_HEADINGS[kind], f"<p>{_link('../index.html', 'Outbox')}</p><h1>{heading}</h1>{some}<table>{head}{rows}</table>")


def _link(href: str, words: str) -> str:
    return f'<a href="{html.escape(href)}">{html.escape(words)}</a>'


def _page(title: str, body: str) -> str:
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )
