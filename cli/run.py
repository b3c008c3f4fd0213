"""``firstcard run``: what became of a file, and the library's decision on a plan that waits."""

import getpass
import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.asking import asked
from firstcard.adapters.aws import DropAndVault, account_and_region, wake
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.card.fallout import SENTENCES, FellOut
from firstcard.roster import REASONS, Reason
from firstcard.roster.reading import words_of
from firstcard.run.ledger import Run, Status
from firstcard.run.steps import decide_held

RUN_ID_WIDTH = 24
"""A run's id is there to be copied, however narrow the terminal is."""

NOT_WAITING = 1
"""Exit code when the run does not wait, or waits with another plan; a command used wrongly exits with 2."""

app = typer.Typer(no_args_is_help=True, help="Runs: what a file did or would do, and the decision on a held plan.")

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as `firstcard run list` shows it.")]
Grades = Annotated[bool, typer.Option("--grades", help="Show each school by grade, too.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _ledger() -> LedgerTable:
    return LedgerTable("firstcard-ledger")


def _plan(run: Run) -> Mapping[str, Any]:
    account, region = account_and_region()
    body = DropAndVault(f"firstcard-vault-{account}-{region}").get(f"runs/{run.arrival.run_id}/{run.plan_hash[:16]}/plan.json")
    return json.loads(body) if body else {}


def _library(run: Run) -> str:
    return run.sharing.partition(".")[0]


def _as_json(run: Run) -> dict[str, Any]:
    return {
        "run": run.arrival.run_id,
        "district": run.arrival.district,
        "library": _library(run),
        "status": str(run.status),
        "received_at": run.arrival.received_at,
        "attempt": run.arrival.attempt,
        "reason": run.reason,
        "holds": list(run.holds),
        "decisions": dict(run.counts),
        "fell_out": {reason: dict(counts) for reason, counts in run.fell_out.items()},
        "plan_hash": run.plan_hash,
    }


@app.command(name="list", epilog="Example: firstcard run list --district duval")
def list_runs(
    district: Annotated[str, typer.Option(help="The district's short name in its agreement.")],
    library: Annotated[
        str,
        typer.Option(metavar="LIBRARY", help="The runs of one library alone, by its short name, where the district shares with several."),
    ] = "",
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=500)] = 20,
    as_json: AsJson = False,
) -> None:
    """The district's latest files and what became of them; each file makes a run for each library that the district shares with."""
    found = (run for run in _ledger().newest_runs(district) if library in ("", _library(run)))
    runs = list(islice(found, limit))
    if as_json:
        typer.echo(json.dumps([_as_json(r) for r in runs], indent=2))
        return
    table = Table()
    table.add_column("run", no_wrap=True, min_width=RUN_ID_WIDTH)
    several = len({r.sharing for r in runs}) > 1
    for column in (*(["library"] if several else []), "received", "status", "why", "decisions"):
        table.add_column(column)
    for r in runs:
        of = [_library(r)] if several else []
        table.add_row(r.arrival.run_id, *of, r.arrival.received_at, str(r.status), ", ".join(r.holds) or r.reason, _said(r.counts))
    Console().print(table)


@app.command(epilog="Example: firstcard run show 0123456789abcdef01234567")
def show(run: RunId, grades: Grades = False, as_json: AsJson = False) -> None:
    """What the run did, or what its plan would do: counts by decision and school, why it waits, and the plan's hash."""
    found = _found(run)
    plan = _plan(found) if found.plan_hash else {}
    if as_json:
        typer.echo(json.dumps({**_as_json(found), "plan": plan}, indent=2))
        return
    Console().print(*plan_tables(found, plan, grades=grades), sep="\n")
    if found.status is Status.HELD:
        typer.echo(f"To let it go on as shown:\nfirstcard run approve {run} --plan {found.plan_hash}")


def plan_tables(run: Run, plan: Mapping[str, Any], *, grades: bool = False) -> list[Table | str]:
    """A plan as a library would want to see it."""
    head = Table(title=f"Run {run.arrival.run_id}: {run.status}", show_header=False)
    head.add_row("library", _library(run))
    head.add_row("received", run.arrival.received_at)
    _add_why(head, run.holds, run.reason)
    if not plan:
        return [head]
    _add_plan(head, plan)
    head.add_row("plan", run.plan_hash)
    for why, fallen in run.fell_out.items():
        head.add_row("fell out", f"{sum(fallen.values()):,} ({_said(fallen)}): {SENTENCES[FellOut(why)]}")
    return [head, _schools(plan, grades=grades)]


def _add_why(head: Table, holds: Iterable[str], reason: str) -> None:
    for hold in holds:
        head.add_row("waits because", f"{hold}: {REASONS[Reason(hold)].sentence}")
    if reason:
        head.add_row("reason", reason)


def _add_plan(head: Table, plan: Mapping[str, Any]) -> None:
    head.add_row("rows", f"{plan['rows']:,} ({plan['accepted']:,} accepted)")
    head.add_row("rejected", _said(plan["rejected"]) or "none")
    for line in _matching(plan.get("matching")):
        head.add_row("compared", line)
    if linked := plan.get("linked", 0):
        head.add_row("to be linked", f"{linked:,} to a card that the family has; the district is not told how many")
    if set_apart := plan.get("set_apart", 0):
        head.add_row(
            "set apart",
            f"{set_apart:,} linked to a card that is not theirs, as a person decided: each gets what a new student gets; the district is not told",
        )
    if late := plan.get("after_aside", 0):
        head.add_row(
            "get theirs now",
            f"{late:,} who had no card while a match was in doubt, or another district's card served; the district sees no difference",
        )
    for word, count in plan.get("excluded", {}).items():
        head.add_row("left out", f"{count:,} rows: {words_of(word)}")
    if ending := plan.get("left_out_now", 0):
        head.add_row("would end", f"{ending:,} cards of people who are in the file, because the agreement leaves them out now")
    if plan.get("pilot"):
        head.add_row(
            "first cards",
            "only these few are made, to be tried; all others come with the next file, the same one too, after another approval",
        )
    if schools := plan.get("without_branch"):
        head.add_row("branch", f"of these schools the agreement names none, so their cards have the default one: {', '.join(schools)}")


def _schools(plan: Mapping[str, Any], *, grades: bool) -> Table:
    """Decisions by school, and by grade in it if asked for."""
    decisions = sorted(plan["decisions"])
    schools = Table("school", *(["grade"] if grades else []), *decisions, title="What it would do, by school")

    def add(school: str, grade: str, counts: Mapping[str, int]) -> None:
        schools.add_row(school, *([grade] if grades else []), *(f"{counts.get(d, 0):,}" for d in decisions))

    for school, counts in plan["by_school"].items():
        add(school or "(none)", "all" if grades else "", counts)
        for grade, of_grade in plan.get("by_grade", {}).get(school, {}).items() if grades else ():
            add("", grade or "(none)", of_grade)
    schools.add_section()
    add("all", "", plan["decisions"])
    return schools


def _matching(found: Mapping[str, int] | None) -> list[str]:
    """How many students the library knows already, and how many stand twice; for the library alone."""
    if found is None:
        return []
    have, doubt = found.get("patron_same", 0), found.get("patron_doubt", 0)
    with_patrons = f"with the library's patrons: {have:,} new students have a card already, {doubt:,} are in doubt"
    if not found["compared_with_patrons"]:
        with_patrons = "not with the library's patrons: nobody is new, or there is no list of them (firstcard patrons import)"
    twice, perhaps = found.get("student_same", 0), found.get("student_doubt", 0)
    said = [with_patrons, f"with each other: {twice:,} stand twice, {perhaps:,} are in doubt (firstcard matches list)"]
    if districts := found.get("compared_with_districts", 0):
        elsewhere, unsure = found.get("elsewhere_same", 0), found.get("elsewhere_doubt", 0)
        said.append(
            f"with the students of {districts:,} other districts: {elsewhere:,} are theirs too, {unsure:,} are in doubt; no district is told"
        )
    return said


PREVIEW_FUNCTION = "firstcard-preview"
OUTCOMES = {
    "ready": "It would be applied at once.",
    "held": "It would wait for a person.",
    "unchanged": "It says nothing new: nothing would be done.",
    "rejected": "It would be refused.",
    "busy": "Another run of this district is being applied right now: ask again in a few minutes. The file lies there still.",
}
WRONG_USE = {
    "unknown_sharing": "no agreement of today has this data-sharing id; it is made of the short names of library and district, such as jaxpl.duval",
    "no_such_file": "no such file lies whole in the district's folder preview/. The district leaves it there (firstcard drop FILE --preview); it goes after one look, and after a day",
    "not_a_question": "a file's name has no slash in it and at most 200 characters, and a data-sharing id is like jaxpl.duval",
}


@app.command(epilog="Example: firstcard run plan roster.csv.gpg --agreement jaxpl.duval")
def plan(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The name of the file that the district left in its folder preview/.")],
    agreement: Annotated[
        str, typer.Option(metavar="SHARING", help="The data-sharing id: the library's short name, a dot, the district's.")
    ],
    keep: Annotated[bool, typer.Option("--keep", help="Leave the file there for another look; it goes after a day all the same.")] = False,
    grades: Grades = False,
    as_json: AsJson = False,
) -> None:
    """What a roster would do if it were dropped now. Nothing is issued, kept or told, and the district is not told what you see.

    Exits with 0 if it would be applied or wait, 1 if it would be refused, says nothing new, or another run is in its way, 2 if the command was used wrongly, 3 if nobody could answer.
    """
    said = asked(PREVIEW_FUNCTION, {"sharing": agreement, "file": file, "keep": keep}, role="firstcard-operator", patient=True)
    if error := said.get("error"):
        raise typer.BadParameter(
            _not_agreed(said["sharings"]) if error == "not_agreed" else WRONG_USE.get(error, "the function did not understand")
        )
    answer = said["answer"]
    if as_json:
        typer.echo(json.dumps({"agreement": agreement, **answer}, indent=2))
    else:
        Console().print(*preview_tables(agreement, answer, grades=grades), sep="\n")
        typer.echo(f"{OUTCOMES[answer['outcome']]} Nothing was done.")
    if answer["outcome"] not in ("ready", "held"):
        raise typer.Exit(NOT_WAITING)


def _not_agreed(sharings: Iterable[str]) -> str:
    return (
        f"planning opens what was sealed before, and the agreement of {', '.join(sharings)} does not let the function preview open it, so its numbers would be other ones: "
        "add the role preview with the purposes and opens of plan (docs/agreements.md), or let the district drop the file, which waits for you where the agreement says so"
    )


def preview_tables(sharing: str, answer: Mapping[str, Any], *, grades: bool = False) -> list[Table | str]:
    """A preview as ``run show`` shows a plan."""
    head = Table(title=f"Preview under {sharing}: {answer['outcome']}", show_header=False)
    _add_why(head, answer["holds"], "")
    if reason := answer["reason"]:
        where = ", ".join(f"{word}" for word in answer["place"] if word)
        head.add_row("reason", f"{reason}{f' ({where})' if where else ''}: {REASONS[Reason(reason)].sentence}")
    if waits := answer["waits_already"]:
        head.add_row("the same", f"as the run {waits}, which is under way or waits: firstcard run show {waits}")
    for over in answer["supersedes"]:
        head.add_row("supersedes", f"the run {over}, which waits now")
    if not answer["plan"]:
        return [head]
    _add_plan(head, answer["plan"])
    return [head, _schools(answer["plan"], grades=grades)]


@app.command(epilog="Example: firstcard run approve 0123456789abcdef01234567 --plan 9f2c…")
def approve(
    run: RunId, plan: Annotated[str, typer.Option(help="The hash of the plan that you looked at (`run show`).")], as_json: AsJson = False
) -> None:
    """Let a held run go on, exactly as its plan was shown."""
    _decide(run, plan, approve=True, as_json=as_json)


@app.command(epilog="Example: firstcard run reject 0123456789abcdef01234567 --plan 9f2c…")
def reject(
    run: RunId, plan: Annotated[str, typer.Option(help="The hash of the plan that you looked at (`run show`).")], as_json: AsJson = False
) -> None:
    """End a held run; nothing of it is applied."""
    _decide(run, plan, approve=False, as_json=as_json)


def _decide(run_id: str, plan: str, *, approve: bool, as_json: bool) -> None:
    decided = decide_held(_ledger(), run_id, approve=approve, plan_hash=plan, by=getpass.getuser())
    if decided is None:
        found = _found(run_id)
        typer.echo(
            f"The run {run_id} is {found.status}; it does not wait with the plan {plan[:16]}…. Look at it again: firstcard run show {run_id}",
            err=True,
        )
        raise typer.Exit(NOT_WAITING)
    wake(decided, "approved" if approve else "rejected")
    typer.echo(json.dumps(_as_json(decided), indent=2) if as_json else f"The run {run_id} is {decided.status}.")


def _found(run_id: str) -> Run:
    found = _ledger().run(run_id)
    if found is None:
        raise typer.BadParameter(f"there is no run {run_id}")
    return found


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
