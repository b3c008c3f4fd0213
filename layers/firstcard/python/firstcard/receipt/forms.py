"""The three forms of a receipt: JSON for machines, CSV for a work list, one HTML page for people."""

import csv
import html
import io
import json
from collections import Counter
from collections.abc import Iterable

from firstcard.receipt.receipt import Outcome, Place, Receipt
from firstcard.roster.reading import words_of
from firstcard.roster.reasons import REASONS, Reason

SHOWN_PROBLEMS = 200
"""Problems listed on the page; the CSV has all of them."""
SHOWN_LINES = 3
"""Lines named for each reason in the page's summary."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DECISIONS = {
    "issue": "New cards",
    "wait": "New cards that wait for the families' days",
    "update": "Cards brought up to date",
    "renew": "Cards renewed for the school year, or of another type or branch by the agreement",
    "expire": "Cards that end, because the person is no longer in the file",
    "refuse": "Families who said no",
    "unchanged": "Unchanged",
    "nothing": "Unchanged",
}
_WAITING = {
    "window": "The family was told and has its days",
    "no_address": "Nobody could be told yet: there is no address",
    "bounced": "The e-mail to the family came back",
    "in_doubt": "A person looks whether the child has a card already",
    "opt_in": "The family has not said yes yet",
}
_FELL_OUT = {
    "refused": "The family said no since",
    "number_taken": "The card number became somebody else's since; the next file looks again",
    "ended": "The card had ended already",
    "not_reached": "The run was stopped before it came to them",
}
_FORMATS = {
    "oneroster_1_1": "OneRoster 1.1 CSV",
    "oneroster_1_1_delta": "OneRoster 1.1 CSV, changes only",
    "oneroster_1_2": "OneRoster 1.2 CSV",
    "oneroster_1_2_delta": "OneRoster 1.2 CSV, changes only",
    "sds_1": "Microsoft SDS 1 CSV",
    "sds_2_1": "Microsoft SDS 2.1 CSV",
    "clever": "Clever SFTP files",
    "powerschool": "PowerSchool export",
    "infinite_campus": "Infinite Campus export",
    "doe_stn": "DOE-STN layout",
    "firstcard_csv": "FirstCard CSV",
}
_MERGED = ": the figures are those of the roster as it stands with them"
_SEVERITIES = {"fatal": "whole file", "hold": "waits", "row": "row left out", "warning": "used, please look"}


def to_json(receipt: Receipt) -> str:
    """The receipt with each reason's sentence and advice, two blanks to a level; a trial's says first that it is one."""
    content = receipt.model_dump(mode="json")
    if receipt.trial:
        content = {"trial": True, "remarks": list(receipt.remarks()), **content}
    title, sentence = receipt.headline()
    content["outcome_text"] = f"{title}. {sentence}"
    content["next_steps"] = list(receipt.next_steps())
    for place in (*content["reasons"], *content["problems"]):
        told = REASONS[Reason(place["reason"])]
        place.update(severity=told.severity, message=told.sentence, advice=told.advice)
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def to_csv(receipt: Receipt) -> str:
    """Every problem, one a row: file, line, column, code, severity, message, advice. Nothing in it can be taken for a formula.

    The first rows of a trial's say that it is one, with ``trial`` in place of a severity.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["file", "line", "column", "code", "severity", "message", "advice"])
    for remark in receipt.remarks():
        writer.writerow(["", "", "", "", "trial", _harmless(remark), ""])
    for place in (*receipt.reasons, *receipt.problems):
        told = REASONS[place.reason]
        writer.writerow(
            [
                _harmless(place.file),
                place.line or "",
                _harmless(place.column),
                place.reason,
                told.severity,
                _harmless(told.sentence),
                _harmless(told.advice),
            ]
        )
    return out.getvalue()


def to_html(receipt: Receipt) -> str:
    """One page that needs nothing else: readable on a telephone, on paper, and by a screen reader."""
    title, sentence = receipt.headline()
    kind = "Trial of a roster" if receipt.trial else "Receipt for a roster"
    body = [
        "<header>",
        *(f'<p class="remark"><strong>{_text(remark)}</strong></p>' for remark in receipt.remarks()),
        f'<p class="kind">{kind} · {_text(receipt.district)} to {_text(receipt.library)}</p>',
        f'<h1><span class="badge {receipt.outcome}">{_text(title)}</span> {_text(receipt.file_name)}</h1>',
        f"<p>{_text(sentence)}</p>",
        "</header>",
        "<main>",
        _reasons(receipt),
        _list("What to do now", receipt.next_steps()),
        _figures(receipt),
        _counts(_done(receipt), "For", [(_DECISIONS.get(word, word), n) for word, n in receipt.decisions.items()], "People"),
        _counts("Planned, and not done", "Because", [(_FELL_OUT.get(word, word), n) for word, n in receipt.fell_out.items()], "People"),
        _counts("Cards that wait", "Why", [(_WAITING.get(word, word), n) for word, n in receipt.waiting.items()], "Cards"),
        _counts("Good rows that get no card now", "Rows that are", [(words_of(word), n) for word, n in receipt.excluded.items()], "Rows"),
        _summary(receipt),
        _dropped(receipt),
        _contact(receipt),
        _problems(receipt),
        "</main>",
        f"<footer><p>{_noun(receipt).capitalize()} {_text(receipt.run_id)}. This receipt names files, lines and columns, and no value from the file.</p></footer>",
    ]
    page_title = f"{title}: {receipt.file_name}"
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{_text(page_title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _noun(receipt: Receipt) -> str:
    return "trial" if receipt.trial else "run"


def _done(receipt: Receipt) -> str:
    return "What is done for people" if receipt.outcome in (Outcome.APPLIED, Outcome.UNCHANGED) else "What the file would do for people"


def _text(value: object) -> str:
    return html.escape(str(value))


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _where(place: Place) -> str:
    parts = [place.file] if place.file else []
    parts += [f"line {place.line:,}"] if place.line else []
    parts += [f"column {place.column}"] if place.column else []
    return ", ".join(parts)


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{_text(heading)}</h2>\n{content}\n</section>"


def _list(heading: str, lines: Iterable[str]) -> str:
    return _section(heading, "<ul>" + "".join(f"<li>{_text(line)}</li>" for line in lines) + "</ul>")


def _table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[object]], numbers: frozenset[int] = frozenset()) -> str:
    head = "".join(f'<th scope="col"{_number(place in numbers)}>{_text(name)}</th>' for place, name in enumerate(heads))
    lines = []
    for row in rows:
        first, *rest = row
        cells = f'<th scope="row">{_text(first)}</th>' + "".join(
            f"<td{_number(place in numbers)}>{_text(cell)}</td>" for place, cell in enumerate(rest, 1)
        )
        lines.append(f"<tr>{cells}</tr>")
    return f'<div class="wide"><table><caption>{_text(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _number(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _counts(heading: str, first: str, rows: list[tuple[str, int]], unit: str) -> str:
    rows = [row for row in rows if row[1]]
    return _section(heading, _table(heading, (first, unit), [(name, f"{n:,}") for name, n in rows], frozenset({1}))) if rows else ""


def _reasons(receipt: Receipt) -> str:
    if not receipt.reasons:
        return ""
    told = []
    for place in receipt.reasons:
        where = _where(place)
        told.append(
            f"<p><strong>{_text(place.reason)}</strong>{f' ({_text(where)})' if where else ''}: {_text(REASONS[place.reason].sentence)}</p>"
        )
    return _section("Why", "\n".join(told))


def _figures(receipt: Receipt) -> str:
    facts: list[tuple[str, str]] = [
        ("File", f"{receipt.file_name}, {receipt.file_bytes:,} bytes"),
        ("Received", f"{receipt.received_at:%Y-%m-%d %H:%M} UTC"),
        *([] if receipt.trial else [("Finished", f"{receipt.finished_at:%Y-%m-%d %H:%M} UTC")]),
    ]
    if receipt.outcome is not Outcome.REJECTED and receipt.format:
        rejected = sum(receipt.rejected.values())
        merged = receipt.format.endswith("_delta") and not receipt.rows_only
        facts += [
            ("Form", _FORMATS.get(receipt.format, receipt.format) + (_MERGED if merged else "")),
            ("Rows (students and staff)", f"{receipt.rows:,}"),
            ("Rows accepted", f"{receipt.accepted:,}"),
            ("Rows rejected", f"{rejected:,}"),
        ]
        if receipt.of_age:
            facts.append(("Students of 18 or more, told themselves and not their guardians", f"{receipt.of_age:,}"))
    return _section(
        "The file",
        '<dl class="facts">' + "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in facts) + "</dl>",
    )


def _summary(receipt: Receipt) -> str:
    """Each reason once, with how often and the first lines."""
    if not receipt.problems:
        return ""
    often = Counter(place.reason for place in receipt.problems)
    first: dict[Reason, list[str]] = {}
    for place in receipt.problems:
        lines = first.setdefault(place.reason, [])
        if place.line and len(lines) < SHOWN_LINES:
            lines.append(f"{place.file} {place.line:,}")
    ordered = sorted(often.items(), key=lambda item: (REASONS[item[0]].severity != "row", -item[1], item[0]))
    rows = [
        (
            reason,
            f"{n:,}",
            _SEVERITIES[REASONS[reason].severity],
            f"{REASONS[reason].sentence} {REASONS[reason].advice}",
            ", ".join(first[reason]) + (" …" if n > len(first[reason]) else ""),
        )
        for reason, n in ordered
    ]
    return _section(
        "Problems by reason",
        _table(
            "Problems by reason",
            ("Reason", "How often", "What follows", "What it means and what to do", "First lines"),
            rows,
            frozenset({1}),
        ),
    )


def _problems(receipt: Receipt) -> str:
    if not receipt.problems:
        return ""
    ordered = sorted(receipt.problems, key=lambda place: (place.severity != "row", place.file, place.line))
    shown = ordered[:SHOWN_PROBLEMS]
    rows = [
        (f"{place.line:,}" if place.line else "–", place.file, place.column, place.reason, _SEVERITIES[place.severity]) for place in shown
    ]
    table = _table("Each problem, the rows that were left out first", ("Line", "File", "Column", "Reason", "What follows"), rows)
    more = len(ordered) - len(shown)
    note = f"<p>{more:,} more are in the CSV that lies beside this page.</p>" if more else ""
    return _section("Line by line", f"<p>{len(shown):,} of {len(ordered):,} problems.</p>{table}{note}")


def _dropped(receipt: Receipt) -> str:
    if not receipt.dropped:
        return ""
    forbidden = [
        f"{'everything' if column.column == '*' else column.column} in {column.file}" for column in receipt.dropped if column.forbidden
    ]
    others: dict[str, list[str]] = {}
    for column in receipt.dropped:
        if not column.forbidden:
            others.setdefault(column.file, []).append("the whole file" if column.column == "*" else column.column)
    parts = []
    if forbidden:
        parts.append(
            f'<p class="alarm">May never be sent, and held values: <strong>{_text(", ".join(forbidden))}</strong>. They were dropped unread.</p>'
        )
    if others:
        items = "".join(f"<li>{_text(file)}: {_text(', '.join(names))}</li>" for file, names in others.items())
        parts.append(f"<p>Not in the agreement, and therefore not read:</p><ul>{items}</ul>")
    return _section("Columns that were not read", "\n".join(parts))


def _contact(receipt: Receipt) -> str:
    ring = receipt.contact
    deputy = f" If nobody answers: {_text(ring.deputy)}." if ring.deputy else ""
    return _section(
        "Whom to ring",
        f'<p>{_text(ring.name)}, <a href="tel:{_text("".join(c for c in ring.phone if c.isdigit() or c == "+"))}">{_text(ring.phone)}</a>, '
        f'<a href="mailto:{_text(ring.email)}">{_text(ring.email)}</a>.{deputy} Have the {_noun(receipt)}\'s number at hand: {_text(receipt.run_id)}.</p>',
    )


_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--paper:#fff;--tint:#f6f8fa;--good:#116329;--wait:#7a4e00;--bad:#a40e26}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--line:#3d444d;--paper:#0d1117;--tint:#161b22;--good:#56d364;--wait:#e3b341;--bad:#ff7b72}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 3rem;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:1.5rem;line-height:1.3;margin:.25rem 0;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.kind,footer{color:var(--soft)}
.badge{display:inline-block;border:2px solid currentColor;border-radius:.4rem;padding:0 .5rem;color:var(--good)}
.remark{border:2px solid var(--wait);border-radius:.4rem;padding:.5rem .75rem}
.badge.held,.badge.superseded,.badge.unchanged,.badge.trial_held{color:var(--wait)}.badge.trial_refused,.badge.rejected,.badge.failed,.badge.stopped,.badge.not_approved,.alarm{color:var(--bad)}
.facts{display:grid;gap:0 1.5rem;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));margin:0}
.facts div{border-top:1px solid var(--line);padding:.4rem 0}dt{color:var(--soft)}dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.95rem}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{border-bottom:1px solid var(--line);padding:.4rem .6rem .4rem 0;text-align:left;vertical-align:top}thead th{background:var(--tint)}tbody th{font-weight:600}
.number{text-align:right;font-variant-numeric:tabular-nums}a{color:inherit}
@media print{body{max-width:none;padding:0;color:#000;background:#fff}section{break-inside:avoid-page}thead{display:table-header-group}tr{break-inside:avoid}}
"""
