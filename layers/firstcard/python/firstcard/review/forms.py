"""The review as a page, as a table and as JSON: the same report each time. The page needs nothing else: no script, no request to anywhere."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

COLUMNS = ("severity", "code", "sentence", "count", "first", "last", "event_id", "time", "file", "position")
LIGHTS: Mapping[str, tuple[str, str]] = {
    "green": ("#1b6e4f", "Nothing was done that the agreements do not allow."),
    "amber": ("#8a5a00", "Somebody must look at what is listed below."),
    "red": ("#a11d1d", "Something is wrong: read what is marked red first."),
    "grey": ("#4a5460", "It cannot be told: the evidence is not complete."),
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_json(report: Mapping[str, Any]) -> str:
    """The report for programs."""
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def to_csv(report: Mapping[str, Any]) -> str:
    """Every finding, a row for each event that shows it; for a spreadsheet, so that nothing in it is taken for a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for finding in report["findings"]:
        for seen in finding["seen"]:
            row = {name: finding.get(name, "") for name in COLUMNS[:6]} | {name: seen[name] for name in COLUMNS[6:]}
            writer.writerow({name: _harmless(value) for name, value in row.items()})
    return out.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def to_html(report: Mapping[str, Any]) -> str:
    """The officer's page: what it rests on, then the questions; each finding opens the records behind it."""
    colour, words = LIGHTS[report["light"]]
    events = report["events"]
    body = [
        f"<header><h1>Review of access, {escape(_moment(report['from']))} to {escape(_moment(report['to']))}</h1>",
        f'<p class="light" style="border-color:{colour}"><strong style="color:{colour}">{escape(report["light"])}</strong> {escape(words)}</p>',
        f"<p>{events['all']:,} events, each with exactly one outcome. Times are UTC. Agreements: {escape(', '.join(report['agreements']))}.</p>",
        _table(("outcome", "events"), [(name.replace("_", " "), f"{count:,}") for name, count in events.items() if name != "all"]),
        "</header><main>",
        *(_question(one) for one in report["answers"]),
        _records(report["findings"]),
        "</main>",
        f"<footer><p>Written {escape(report['written_at'])}. No student's name, id or token is on this page. It is no legal advice.</p></footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Review of access</title><style>{_STYLE}</style></head><body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _moment(text: str) -> str:
    """A window's end as people write it: a day, or a day and its time."""
    day, _, at = text.partition("T")
    return day if at.startswith("00:00:00") else f"{day} {at[:8]}"


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:64rem;padding:1.5rem;color:#1d232b}h1{font-size:1.6rem}h2{font-size:1.1rem;margin:1.8rem 0 .3rem}"
    ".light{border-left:.5rem solid;padding:.6rem 1rem;background:#f6f7f9}.light strong,.mark{text-transform:uppercase;letter-spacing:.05em}.mark{font-size:.75rem;font-weight:700;padding:.1rem .4rem;border:1px solid}"
    "table{border-collapse:collapse;width:100%;margin:.4rem 0 1rem}th,td{text-align:left;padding:.2rem .6rem;border-bottom:1px solid #e3e6ea;vertical-align:top}td{overflow-wrap:anywhere}summary{cursor:pointer}"
    "@media print{body{max-width:none;padding:0}details{display:block}table{break-inside:avoid}}"
)


def _question(one: Mapping[str, Any]) -> str:
    colour = LIGHTS[one["light"]][0]
    mark = f'<span class="mark" style="color:{colour}">{escape(one["light"])}</span>'
    return f"<section><h2>{one['number']}. {escape(one['question'])} {mark}</h2><p>{escape(one['text'])}</p>{_table(one['head'], one['rows'])}</section>"


def _records(findings: Sequence[Mapping[str, Any]]) -> str:
    if not findings:
        return ""
    parts = ["<section><h2>The records behind the findings</h2>"]
    for one in findings:
        rows = [(seen["time"], seen["event_id"], seen["file"], str(seen["position"])) for seen in one["seen"]]
        more = f", the first {len(rows)} of {one['count']:,}" if one["count"] > len(rows) else ""
        parts.append(
            f"<details><summary>{escape(one['sentence'])} ({one['count']:,}{more})</summary>{_table(('time', 'event', 'file', 'place'), rows)}</details>"
        )
    return "\n".join([*parts, "</section>"])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
