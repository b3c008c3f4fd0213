"""The page on which a person sees what arrived in the library."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1c2733;background:#fff}
h1{font-size:1.6rem;margin:0}p{margin:.25rem 0 1rem;color:#4a5a68}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #dde3e8;white-space:nowrap}
th{font-size:.85rem;color:#4a5a68}td.n{font-variant-numeric:tabular-nums}nav{margin:1rem 0}nav a{margin-right:1rem}
.wide{overflow-x:auto}@media(prefers-color-scheme:dark){body{background:#14191f;color:#e6ebf0}p,th{color:#9fb0bf}td,th{border-color:#2b3641}a{color:#8fc1ff}}
"""


def patrons_page(library: str, total: int, patrons: Sequence[Mapping[str, Any]], *, page: int, per_page: int) -> str:
    """One page of patrons as HTML; ``total`` counts all of them."""
    rows = "".join(_row(patron) for patron in patrons)
    last = max(1, -(-total // per_page)) if per_page > 0 else 1
    ways = [f'<a href="?page={page - 1}">Earlier</a>' if page > 1 else "", f'<a href="?page={page + 1}">Later</a>' if page < last else ""]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Patrons of {escape(library)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(library)}</h1><p>{total:,} patrons in this stand-in for a library system. "
        f'Page {page} of {last}. <a href="?page={page}&amp;format=json">As JSON</a></p>'
        f'<div class="wide"><table><thead><tr><th scope="col">Card number</th><th scope="col">Name</th><th scope="col">Born</th>'
        f'<th scope="col">Patron type</th><th scope="col">Branch</th><th scope="col">Expires</th><th scope="col">PIN</th><th scope="col">Attributes</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div><nav>{' '.join(ways)}</nav></main></body></html>"
    )


def _row(patron: Mapping[str, Any]) -> str:
    names = [patron["firstname"], patron["middle_name"], patron["surname"]]
    marks = ", ".join(f"{name}: {value[:12]}{'…' if len(value) > 12 else ''}" for name, value in patron["attributes"].items())
    cells = [
        ("n", patron["cardnumber"]),
        ("", " ".join(name for name in names if name)),
        ("n", patron["date_of_birth"]),
        ("", patron["category_id"]),
        ("", patron["library_id"]),
        ("n", patron["expiry_date"]),
        ("", "set" if patron["pin_set"] else "none"),
        ("", marks),
    ]
    return "<tr>" + "".join(f'<td class="{kind}">{escape(str(value or ""))}</td>' for kind, value in cells) + "</tr>"
