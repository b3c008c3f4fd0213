"""``firstcard sample``: a synthetic roster with planted faults, to try an export's way before a child's data travels it."""

import json
import math
import re
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from firstcard.roster import REASONS

MAX_STUDENTS = 200_000
SHOWN = 40
"""Planted rows that the screen lists; ``--json`` has all of them."""

_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")
Today = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="The day that ages are counted to; the present one if left out."),
]


def sample(
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="firstcard_csv, oneroster_1_1, … as `check` names them.")],
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where the file goes; made if it is not there.")],
    students: Annotated[int, typer.Option(min=1, max=MAX_STUDENTS, help="How many students.")] = 1000,
    errors: Annotated[str, typer.Option(metavar="SHARE", help="How many students' rows are spoilt: 0.5%, or a number of rows.")] = "0",
    organisation_id: Annotated[
        str,
        typer.Option(
            metavar="ID", help="The district's own id in OneRoster files, as an agreement names it under exchange.organisation_ids."
        ),
    ] = "sample-district",
    seed: Annotated[int, typer.Option(help="The same seed and day give the same file.")] = 1,
    today: Today = None,
    workbook: Annotated[bool, typer.Option("--workbook", help="Write an Excel workbook (.xlsx), where the form is one file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Write a roster of people who do not exist, and say which code each spoilt row will get from `firstcard check`.

    Exits with 0 when the file is written, 2 if the command was used wrongly.
    """
    from cli.samples import FORMS, plant  # brings the synthetic people, whom no other command needs
    from local.district import make_district

    if form not in FORMS:
        raise typer.BadParameter(f"there is no sample of {form}; write one of {', '.join(FORMS)}", param_hint="--format")
    day = (today or datetime.now(UTC)).date()
    people = make_district(
        district="sample",
        org_id=organisation_id,
        students=students,
        staff=max(1, students // 12),
        schools=min(12, 1 + students // 100),
        seed=seed,
        today=day,
        damaged_share=0,
    )
    made = FORMS[form](people)
    if workbook:
        try:
            made = made.as_workbook()
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--workbook") from None
    try:
        planted = plant(made, _rows(errors, students), seed=seed, today=day)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--errors") from None
    file = out / made.file_name
    data = made.data()
    try:
        out.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint="--out") from None
    by_code = dict(sorted(Counter(str(one.code) for one in planted).items()))
    if as_json:
        told = {"file": str(file), "format": form, "bytes": len(data), "students": students, "rows": made.rows}
        typer.echo(json.dumps({**told, "rejected": by_code, "planted": [asdict(one) for one in planted]}, indent=2))
        return
    typer.echo(
        f"{file}: {students:,} students who do not exist, {made.rows:,} rows with staff and repeats, {len(planted):,} of them spoilt."
    )
    if not planted:
        return
    counts = Table("code", "rows", "what is so")
    for one in dict.fromkeys(one.code for one in sorted(planted, key=lambda one: one.code)):
        counts.add_row(one, f"{by_code[one]:,}", REASONS[one].sentence)
    rows = Table("file", "line", "column", "code")
    for row in planted[:SHOWN]:
        rows.add_row(row.file, f"{row.line}", row.column, row.code)
    Console().print(counts, rows)
    if len(planted) > SHOWN:
        typer.echo(f"{len(planted) - SHOWN:,} more rows: write them all with --json.")


def _rows(errors: str, students: int) -> int:
    """So many rows are spoilt: at least one where the share is not nothing. Raises ValueError."""
    if share := _SHARE.fullmatch(errors.strip()):
        return math.ceil(Fraction(share.group(1)) * students / 100)
    if errors.strip().isdecimal():
        return int(errors)
    raise ValueError("write a share like 0.5%, or a number of rows")
