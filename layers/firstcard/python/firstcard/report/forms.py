"""The three forms of a report: JSON for machines, CSV for a spreadsheet, one HTML page with charts for people. They are made of what may be shown, and of nothing else."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from firstcard.report.figures import OTHER_GRADES, Edition, Where, margin, together
from firstcard.report.shown import FEWER_THAN_TEN, highest
from firstcard.roster.reading import words_of

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
STATE_WORDS = {
    str(Where.IN_ILS): "have a card that is in the library's system",
    str(Where.OPTED_OUT): "opted out",
    str(Where.NO_ADDRESS): "wait: no e-mail address, so nobody could be told",
    str(Where.WINDOW): "wait: the family has its days to say no",
    str(Where.FAILED): "have a card that the library's system did not take",
    "had_card": "of those in the system: had a card of their own before",
    "first_ever": "of those in the system: this is their first card (about)",
    "in_doubt": "wait for a person: not certain whether they have a card",
    "served": "have a card as another district's students",
}
"""What stands for each state on the page."""
_COLOURS = {
    str(Where.IN_ILS): "#1b6e4f",
    str(Where.OPTED_OUT): "#8a4b2f",
    str(Where.NO_ADDRESS): "#b98a1d",
    str(Where.WINDOW): "#5b7fb5",
    str(Where.FAILED): "#9c2f3f",
}
_REST = "#c9ced6"
_GOALS = {"coverage": "Students with a card in the system", "educators": "Educators with a card in the system"}
HOW_TO_READ = (
    "Every figure is rounded to tens by itself, and everything else is worked out from rounded figures; so sums may be out by a few, and no group of fewer than ten can be read or worked out. "
    "“Fewer than 10” may be none. A dash: the group is too small for this to be shown."
)
LIBRARY_ONLY = "For the library only. This edition tells how many students had a card before: it must not reach a district, whose edition leaves that out."


def document(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The reports of some districts with their sums: what the JSON holds, and what the other forms are made of."""
    first = reports[0]
    return {"v": 1, "edition": first["edition"], "at": first["at"], "together": together(reports), "districts": list(reports)}


def to_json(whole: Mapping[str, Any]) -> str:
    """The document, two blanks to a level."""
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


CSV_COLUMNS = ("district", "library", "what", "school", "school_name", "grade", "month", "figure", "value")


def to_csv(whole: Mapping[str, Any]) -> str:
    """One figure a row; an empty value is one that is not shown, and 0 people are fewer than ten. Nothing in it can be taken for a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for one in whole["districts"]:
        for row in _rows(one):
            named = {"district": one["district"], "library": one["library"]} | row
            writer.writerow({name: _harmless(value) for name, value in named.items()})
    return out.getvalue()


def _rows(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    states = {"students": one["students"], **one["students_by_state"], "coverage_percent": one["coverage_percent"]}
    rows = [{"what": "now", "figure": name, "value": value} for name, value in states.items()]
    rows += [{"what": "educators", "figure": name, "value": value} for name, value in one["educators"].items()]
    for cell in one["cells"]:
        place = {name: cell[name] for name in ("school", "school_name", "grade")}
        rows += [{"what": "by school and grade", **place, "figure": name, "value": cell[name]} for name in cell if name not in place]
    for point in one["over_time"]:
        numbers = {name: value for name, value in point.items() if name not in ("roster_of", "at_least")}
        rows += [{"what": "over time", "month": point["roster_of"], "figure": name, "value": value} for name, value in numbers.items()]
    for point in one["progress"]:
        numbers = {name: value for name, value in point.items() if name != "counted_on"}
        rows += [{"what": "progress", "month": point["counted_on"], "figure": name, "value": value} for name, value in numbers.items()]
    for use in one["use"]:
        place = {name: use[name] for name in ("school", "grade", "month")}
        rows += [{"what": "use", **place, "figure": name, "value": use[name]} for name in use if name not in place]
    for goal in one["goals"]:
        rows.append({"what": "goal", "month": goal["by"], "figure": f"{goal['measure']}_target_percent", "value": goal["target_percent"]})
        rows.append({"what": "goal", "month": goal["by"], "figure": f"{goal['measure']}_now_percent", "value": goal["now_percent"]})
    return rows


def _harmless(value: object) -> object:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


# The page


def to_html(whole: Mapping[str, Any]) -> str:
    """One page that needs nothing else: charts drawn in it, each with its table; no script, no request to anywhere."""
    reports = whole["districts"]
    several = len(reports) > 1
    title = "Library cards for students" if several else f"Library cards for the students of {reports[0]['district_name']}"
    body = [
        f"<header><h1>{escape(title)}</h1><p>{_figure_day(whole['at'])}. {escape(HOW_TO_READ)}</p>",
        *([f'<p class="aside"><strong>{escape(LIBRARY_ONLY)}</strong></p>'] if whole["edition"] == Edition.LIBRARY else []),
        "</header><main>",
        *([_all_together(whole)] if several else []),
        *(_district(one, several=several) for one in reports),
        "</main>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1.5rem;color:#1d232b}h1{font-size:1.7rem;line-height:1.2}h2{margin-top:2.5rem;border-top:1px solid #c9ced6;padding-top:1rem}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #e3e6ea}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    "svg{width:100%;height:auto;display:block;margin:.5rem 0}svg text{font:13px system-ui,sans-serif;fill:#1d232b}.big{font-size:2.2rem;font-weight:600;margin:0}.aside{background:#fdf3d7;padding:.6rem .9rem}"
    "figure{margin:1rem 0}figcaption{color:#4a5460}@media print{body{max-width:none;padding:0}h2{break-before:auto}figure,table{break-inside:avoid}}"
)


def _figure_day(at: str) -> str:
    return f"Counted on {at[:10]}"


def _people(number: int | None, *, or_more: bool = False) -> str:
    """A number of people as it is read."""
    if number is None:
        return "–"
    if number == FEWER_THAN_TEN:
        return "fewer than 10"
    return f"{number:,} or more" if or_more else f"{number:,}"


def _percent(number: int | None) -> str:
    return "–" if number is None else f"{number} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col"{" class=n" if place else ""}>{escape(cell)}</th>' for place, cell in enumerate(head))
    lines = (
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f'<td class="n">{escape(cell)}</td>' for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _all_together(whole: Mapping[str, Any]) -> str:
    summed = whole["together"]
    rows = [
        (
            f"{one['district_name']} ({one['library_name']})",
            _people(one["students"]),
            _people(one["students_by_state"]["in_ils"]),
            _percent(one["coverage_percent"]),
        )
        for one in whole["districts"]
    ]
    rows.append(
        ("Together", _people(summed["students"]), _people(summed["students_by_state"]["in_ils"]), _percent(summed["coverage_percent"]))
    )
    bars = [(one["district_name"], one["coverage_percent"] or 0, one["coverage_percent"] or 0) for one in whole["districts"]]
    return (
        f"<section><h2>{summed['districts']} districts, {_libraries(summed['libraries'])}</h2>"
        f'<p class="big">{_percent(summed["coverage_percent"])}</p><p>of {_people(summed["students"])} students have a card that is in their library\'s system.</p>'
        f"{_chart_of_spans('Coverage by district', bars)}{_table(('District', 'Students', 'Card in the system', 'Coverage'), rows)}</section>"
    )


def _libraries(count: int) -> str:
    return "1 library" if count == 1 else f"{count} libraries"


def _district(one: Mapping[str, Any], *, several: bool) -> str:
    parts = [
        f"<section><h2>{escape(one['district_name'] if several else one['library_name'])}</h2>",
        f'<p class="big">{_percent(one["coverage_percent"])}</p>',
        f"<p>of {_people(one['students'])} students have a card that is in the library's system. Whether each of them has been used is not counted; "
        "whether each would work at a self-check is <strong>not checked</strong>.</p>",
        _states(one),
        _goals(one),
        _schools_and_grades(one),
        _progress(one),
        _over_time(one),
        _use(one),
        _waiting_files(one),
        _left_out(one),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _states(one: Mapping[str, Any]) -> str:
    states, students = one["students_by_state"], one["students"]
    shown_here = [(word, states.get(word)) for word in STATE_WORDS if word in states]
    segments = [(_COLOURS[word], number or 0, STATE_WORDS[word]) for word, number in shown_here if word in _COLOURS]
    rows = [(STATE_WORDS[word], _people(number, or_more=word in one["at_least"])) for word, number in shown_here]
    rows.append(("all students of the roll-out", _people(students)))
    rows.append(("educators with a card, of all educators", f"{_people(one['educators']['in_ils'])} of {_people(one['educators']['all'])}"))
    note = "Those who are left are on the way: the card is being made or carried into the library's system, or waits for a person."
    return f"<h3>Where the cards are</h3>{_stacked('Students by where their card is', segments, students)}{_table(('Students who', 'How many'), rows)}<p>{note}</p>"


def _goals(one: Mapping[str, Any]) -> str:
    if not one["goals"]:
        return ""
    rows = []
    for goal in one["goals"]:
        due = "reached" if goal["reached"] else f"{goal['days_left']} days left" if goal["days_left"] else "not reached in time"
        rows.append((f"{_GOALS[goal['measure']]}, by {goal['by']}", f"{goal['target_percent']} %", _percent(goal["now_percent"]), due))
    bars = [(_GOALS[goal["measure"]], goal["now_percent"] or 0, goal["now_percent"] or 0, goal["target_percent"]) for goal in one["goals"]]
    return f"<h3>What was agreed</h3>{_chart_of_spans('Goals', bars)}{_table(('Goal', 'Agreed', 'Now', ''), rows)}"


def _schools_and_grades(one: Mapping[str, Any]) -> str:
    if not one["cells"]:
        return ""
    library = one["edition"] == Edition.LIBRARY
    parts = [
        f"<h3>By school and grade</h3><p>From the roster of {one['roster_of']}: of how many students nobody said no, so that a card is made or on its way. A span, since small numbers are left open.</p>"
    ]
    for by, title in (("school", "By school"), ("grade", "By grade")):
        rows = margin(one["cells"], by)
        named = [(_named(row, by), row) for row in rows]
        head = [title.removeprefix("By ").capitalize(), "Students", "Get a card", *(["Had one before"] if library else [])]
        table = [
            [
                name,
                _people(row["students"]),
                _span(row["from_percent"], row["to_percent"], " %"),
                *([_span(row["had_card_from"], row["had_card_to"], "")] if library else []),
            ]
            for name, row in named
        ]
        parts.append(
            f"{_chart_of_spans(title, [(name, row['from_percent'], row['to_percent']) for name, row in named])}{_table(head, table)}"
        )
    cells = [
        [
            f"{cell['school_name'] or cell['school']}, {_grade(cell['grade'])}",
            _people(cell["students"]),
            _people(cell["opted_out"], or_more=cell["opted_out"] == highest(cell["students"])),
            *([_people(cell["had_card"])] if library else []),
        ]
        for cell in one["cells"]
    ]
    head = ["School and grade", "Students", "Opted out", *(["Had a card before"] if library else [])]
    return "\n".join(parts) + f"<details><summary>Every school and grade</summary>{_table(head, cells)}</details>"


def _named(row: Mapping[str, Any], by: str) -> str:
    return str(row["school_name"] or row["school"]) if by == "school" else _grade(row["grade"])


def _grade(grade: str) -> str:
    return "small grades together" if grade == OTHER_GRADES else f"grade {grade}" if grade else "no grade"


def _span(low: int, high: int, unit: str) -> str:
    return f"{low:,}{unit}" if low == high else f"{low:,} to {high:,}{unit}"


def _progress(one: Mapping[str, Any]) -> str:
    points = one["progress"]
    if len(points) < 2:
        return ""
    rows = [
        (
            point["counted_on"],
            _people(point["students"]),
            _people(point["in_ils"]),
            _percent(point["coverage_percent"]),
            f"{_people(point['educators_in_ils'])} of {_people(point['educators'])}",
        )
        for point in points
    ]
    line = _line("Students with a card in the library's system", [(point["counted_on"], point["in_ils"] or 0) for point in points])
    return (
        f"<h3>Coverage over time</h3>{line}{_table(('Counted on', 'Students', 'With a card', 'Coverage', 'Educators with a card'), rows)}"
    )


def _over_time(one: Mapping[str, Any]) -> str:
    points = one["over_time"]
    if len(points) < 2:
        return ""
    library = one["edition"] == Edition.LIBRARY
    head = ("Roster of", "Students", "Opted out", *(("Had a card before",) if library else ()), "Educators")
    rows = [
        (
            point["roster_of"],
            _people(point["students"]),
            _people(point["opted_out"], or_more="opted_out" in point["at_least"]),
            *((_people(point["had_card"], or_more="had_card" in point["at_least"]),) if library else ()),
            _people(point["educators"]),
        )
        for point in points
    ]
    line = _line("Students of the roll-out", [(point["roster_of"], point["students"]) for point in points])
    return f"<h3>Rosters over time</h3><p>The first line is the baseline.</p>{line}{_table(head, rows)}"


def _use(one: Mapping[str, Any]) -> str:
    if not one["use"]:
        return ""
    months = sorted({row["month"] for row in one["use"]})
    names = [name for name in ("checkouts", "sessions") if any(name in row for row in one["use"])]
    sums = {name: [sum(row.get(name, 0) for row in one["use"] if row["month"] == month) for month in months] for name in names}
    began = (one["baseline"] or {}).get("roster_of", "")[:7]
    rows = [
        (f"{month}{'' if not began else ' (before)' if month < began else ''}", *(f"{sums[name][place]:,}" for name in names))
        for place, month in enumerate(months)
    ]
    charts = "".join(
        _line({"checkouts": "Checkouts", "sessions": "E-resource sessions"}[name], list(zip(months, sums[name], strict=True)))
        for name in names
    )
    head = ("Month", *({"checkouts": "Checkouts", "sessions": "E-resource sessions"}[name] for name in names))
    return f"<h3>Use, before and after</h3><p>As the library's system counts it, for schools and grades that are shown above.</p>{charts}{_table(head, rows)}"


def _waiting_files(one: Mapping[str, Any]) -> str:
    if not one["held"]:
        return ""
    rows = [(f"file of {held['received_on']}", _people(held["new_cards"])) for held in one["held"]]
    return f"<h3>Waits for a decision of the library</h3>{_table(('What', 'New cards'), rows)}"


def _left_out(one: Mapping[str, Any]) -> str:
    if not one["left_out"]:
        return ""
    rows = [(words_of(word), _people(number)) for word, number in one["left_out"].items()]
    return f"<h3>In the roster, and not in the roll-out</h3>{_table(('Rows that are', 'How many'), rows)}"


# Charts: SVG by hand, so that the page needs nothing


_WIDTH, _LABEL, _ROW = 760, 260, 26


def _svg(title: str, height: int, content: str) -> str:
    return f'<figure><svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">{content}</svg><figcaption>{escape(title)}</figcaption></figure>'


def _stacked(title: str, segments: Sequence[tuple[str, int, str]], whole: int) -> str:
    if not whole:
        return ""
    at, drawn = 0.0, [f'<rect x="0" y="4" width="{_WIDTH}" height="34" fill="{_REST}"/>']
    for colour, number, words in segments:
        width = min(_WIDTH - at, _WIDTH * number / whole)
        drawn.append(
            f'<rect x="{at:.1f}" y="4" width="{width:.1f}" height="34" fill="{colour}"><title>{escape(f"{number:,} {words}")}</title></rect>'
        )
        at += width
    return _svg(title, 42, "".join(drawn))


def _chart_of_spans(title: str, bars: Sequence[tuple[Any, ...]]) -> str:
    """Bars of 0 to 100 percent: what is certain dark, up to where it may be light; a fourth value is a goal."""
    if not bars:
        return ""
    scale, drawn = (_WIDTH - _LABEL - 90) / 100, []
    for place, (name, low, high, *goal) in enumerate(bars):
        y = place * _ROW
        label = name if len(name) <= 38 else f"{name[:37]}…"
        drawn.append(f'<text x="{_LABEL - 8}" y="{y + 17}" text-anchor="end">{escape(label)}</text>')
        drawn.append(f'<rect x="{_LABEL}" y="{y + 4}" width="{100 * scale:.1f}" height="18" fill="#eef0f3"/>')
        drawn.append(f'<rect x="{_LABEL}" y="{y + 4}" width="{high * scale:.1f}" height="18" fill="#9fcdb8"/>')
        drawn.append(f'<rect x="{_LABEL}" y="{y + 4}" width="{low * scale:.1f}" height="18" fill="#1b6e4f"/>')
        if goal:
            x = _LABEL + goal[0] * scale
            drawn.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 26}" stroke="#1d232b" stroke-width="2"/>')
        drawn.append(f'<text x="{_LABEL + 100 * scale + 8:.1f}" y="{y + 17}">{escape(_span(low, high, " %").replace(" to ", "–"))}</text>')
    return _svg(title, len(bars) * _ROW + 4, "".join(drawn))


def _line(title: str, points: Sequence[tuple[str, int]]) -> str:
    top = max((number for _, number in points), default=0)
    if not top:
        return ""
    step = (_WIDTH - 140) / max(1, len(points) - 1)
    places = [(60 + place * step, 150 - 120 * number / top) for place, (_, number) in enumerate(points)]
    drawn = [
        f'<line x1="50" x2="{_WIDTH - 70}" y1="150" y2="150" stroke="{_REST}"/>',
        f'<polyline fill="none" stroke="#1b6e4f" stroke-width="2.5" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>',
    ]
    every = max(1, -(-len(points) // 8))
    for place, ((x, y), (name, number)) in enumerate(zip(places, points, strict=True)):
        drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1b6e4f"><title>{escape(f"{name}: {number:,}")}</title></circle>')
        if place % every == 0 or place == len(points) - 1:
            drawn.append(f'<text x="{x:.1f}" y="{y - 9:.1f}" text-anchor="middle">{number:,}</text>')
            drawn.append(f'<text x="{x:.1f}" y="170" text-anchor="middle">{escape(name)}</text>')
    return _svg(title, 180, "".join(drawn))
