"""The demo: one synthetic district goes the whole way, on one machine, and every number is counted twice.

What the system says of itself (receipt, ledger) is never used to check it: the check reads the roster, the table, the library's own database, its queue
of events and the outbox, each on its own.
"""

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.cost import estimate
from firstcard.roster import REASONS, Reason
from local.cloud.server import ROOT
from local.counting import Counted, agree, sum_of
from local.loading import DemoError, Goal, Loader, Part, exported, people_of, sealed
from local.machine import Machine, MachineError, alone
from local.outbox import write_outbox
from local.programme import Programme, programmes
from local.reviewing import next_second, review
from local.transfer import move_of, show_transfer
from local.wanted import Wanted, together

_MAILS = ("announcement", "card", "staff", "receipt")


@dataclass
class Demo:
    """One run of the demo. ``setup`` is what installing took, in seconds."""

    programme: str
    students: int
    staff: int
    seed: int
    state: Path
    setup: float
    console: Console = field(default_factory=Console)
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        """The whole way; gives the demo's JSON."""
        say = self.console.print
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir(parents=True)
        today = datetime.now(UTC).date()
        begun = time.monotonic()
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=self.console, transient=True) as bar:
            task = bar.add_task("one-machine cloud")
            machine = Machine(self.state, [self.programme], today, report=lambda line: bar.update(task, description=line[:100]))
            machine.start()
        try:
            self.seconds["deploy"] = time.monotonic() - begun
            say(
                f"[bold]The templates of {self.programme} are deployed[/], unchanged, with IAM enforcement on ({self.seconds['deploy']:.0f} s)."
            )
            return self._go(machine)
        finally:
            machine.cloud.flush_trail()
            machine.stop(keep=False)

    def _go(self, machine: Machine) -> dict[str, Any]:
        say = self.console.print
        begins = next_second()
        first = machine.deployed[0].agreement.district
        self._name_agreements(machine.deployed)
        district, parts = people_of(machine, first, students=self.students, staff=self.staff, seed=self.seed)
        export = exported(district, parts)
        protected = sealed(export, parts)
        say(
            f"A synthetic district: {self.students:,} students in {len(district.schools)} schools, {self.staff:,} staff. Export: OneRoster 1.1, {len(export):,} bytes, signed and encrypted by {protected.tool}."
        )
        machine.cloud.reset_calls()
        loader = Loader(machine, self.console, time.monotonic())
        self._load(loader, parts, protected.data)
        calls = machine.cloud.calls()
        (self.state / "calls.json").write_text(json.dumps(calls))
        receipts = [part.watch.receipt() for part in parts]
        second = self._drop_again(loader, parts, protected.data)
        messages = machine.cloud.outbox()
        counted = {part.library: part.watch.count(export, receipt, messages) for part, receipt in zip(parts, receipts, strict=True)}
        self.seconds |= {**loader.seconds, "drop_to_end": time.monotonic() - loader.started}
        usd = estimate(calls).total
        told = self._told(parts, counted, second, usd)
        self._show(told, parts, counted)
        if move := move_of(machine, parts):
            told["transfer"] = show_transfer(loader, move, parts, district, seed=self.seed)
            told["agree"] = told["agree"] and told["transfer"]["agree"]
        told["review"] = self._review(machine, begins)
        told["agree"] = told["agree"] and told["review"]["light"] == "green"
        told["seconds"] |= {"review": round(self.seconds["review"], 1)}
        times = ", ".join(f"{name.replace('_', ' ')} {value:.1f} s" for name, value in told["seconds"].items())
        verdict = "[bold green]Every number agrees.[/]" if told["agree"] else "[bold red]The numbers do not agree.[/]"
        say(f"Time: {times}.\nOn AWS the calls of this run would have cost about ${usd:.2f} at list price.\n{verdict}")
        databases = [str(system.database) for system in machine.libraries.values()]
        outbox = write_outbox(machine.cloud.outbox(), self.state / "outbox")
        say(
            f"Receipts: {self._fetch_receipts(machine)}\nOutbox: {outbox.index}\nLibrary system: {databases[0] if len(databases) == 1 else self.state / 'ils'}\nCloudTrail-form records and logs: {machine.cloud.state}"
        )
        return told

    def _review(self, machine: Machine, begins: datetime) -> dict[str, Any]:
        """The compliance officer's review of the whole run, under the officer's own role."""
        begun = time.monotonic()
        with self.console.status("the officer's review"):
            found = review(machine, begins, self.state / "officer")
        self.seconds["review"] = time.monotonic() - begun
        report = found.report
        colour = {"green": "green", "red": "red"}.get(report["light"], "yellow")
        rests = report["rests_on"]
        self.console.print(
            f"[bold {colour}]The officer's review is {report['light']}[/]: {report['events']['all']:,} calls to AWS, {report['events']['allowed']:,} as the agreements allow, "
            f"{report['events']['violation']} that they do not; each of {report['intents']['matched']:,} openings was written down before. "
            f"It rests on {rests['files']} log files whose digests are {rests['verdict'].replace('_', ' ')}."
        )
        for finding in report["findings"]:
            self.console.print(f"  {finding['severity']}: {finding['sentence']} ({finding['count']:,})")
        self.console.print(f"  The page: {found.page}")
        return {
            "light": report["light"],
            "events": report["events"],
            "findings": [one["code"] for one in report["findings"]],
            "verdict": rests["verdict"],
        }

    def _name_agreements(self, deployed: Sequence[Programme]) -> None:
        if len(deployed) > 1:
            self.console.print("Its agreements, in agreements/:")
            for one in sorted(deployed, key=lambda one: (one.agreement.district != deployed[0].agreement.district, one.name)):
                card = one.agreement.card
                parties = f"{one.agreement.parties.lea.name} at {one.library.name}"
                self.console.print(f"  {one.name}.yaml: {parties}, card.kind {card.kind}, card.number {card.number.scheme}")

    def _load(self, loader: Loader, parts: Sequence[Part], data: bytes) -> None:
        """The first file; where a library tries a few cards first, once more with all others."""
        pilots = {part.library: cards for part in parts if (cards := part.agreement.safety.pilot_cards)}
        few = [part.wanted.pilot(pilots[part.library]) if part.library in pilots else part.wanted for part in parts]
        loader.load(parts, data, [Goal.between(None, wanted) for wanted in few])
        trying = [(part, before) for part, before in zip(parts, few, strict=True) if part.library in pilots]
        if not trying:
            return
        for part, _ in trying:
            self.console.print(
                f"[bold]{part.library} tries its first {pilots[part.library]} cards[/] at the desk and with its vendors. Then the same file comes again."
            )
            part.wanted = replace(part.wanted, receipts=part.wanted.receipts + 1)
        goals = [Goal.between(before, part.wanted) for part, before in trying]
        loader.load([part for part, _ in trying], data, goals, held="All others wait for a second word.")

    def _drop_again(self, loader: Loader, parts: Sequence[Part], data: bytes) -> dict[str, int]:
        watch = parts[0].watch
        writes, mails = watch.writes(), watch.sent()
        self.console.print("The very same file comes once more.")
        with self.console.status("it is recognised"):
            loader.drop(parts, data)
            for part in parts:
                loader.until(part.is_unchanged, "the second drop to be recognised", part.watch)
            watch.until_quiet()
        events = sum(len(part.watch.take_events()) for part in parts)
        return {"writes": watch.writes() - writes, "events": events, "emails": watch.sent() - mails}

    def _told(self, parts: Sequence[Part], counted: Mapping[str, Counted], second: Mapping[str, int], usd: float) -> dict[str, Any]:
        libraries = {
            part.agreement.library: {**_figures(counted[part.library], part.wanted), "agree": agree(counted[part.library], part.wanted)}
            for part in parts
        }
        return {
            "programme": self.programme,
            "students": self.students,
            "staff": self.staff,
            **_figures(sum_of(counted.values()), together(part.wanted for part in parts)),
            "second_drop": dict(second),
            "libraries": libraries,
            "seconds": {name: round(value, 1) for name, value in {"setup": self.setup, **self.seconds}.items()},
            "cost_usd": round(usd, 4),
            "agree": all(one["agree"] for one in libraries.values()) and not any(second.values()),
        }

    def _show(self, told: Mapping[str, Any], parts: Sequence[Part], counted: Mapping[str, Counted]) -> None:
        sides = [(part.library, counted[part.library], part.wanted) for part in parts]
        if len(sides) > 1:
            sides.append(("together", sum_of(counted.values()), together(part.wanted for part in parts)))
            table = Table(title="What happened, each number read where it lies: counted / expected from the roster")
            table.add_column("")
            for name, _, _ in sides:
                table.add_column(name, justify="right")
        else:
            table = Table(title="What happened, each number read where it lies")
            table.add_column("")
            table.add_column("counted", justify="right")
            table.add_column("expected from the roster", justify="right")
        table.add_column("read from")

        def row(what: str, numbers: Sequence[tuple[int, int]], where: str) -> None:
            found = [f"{one:,}" for one, _ in numbers]
            expected = [f"{other:,}" for _, other in numbers]
            marks = ["" if one == other else " [red]✗[/]" for one, other in numbers]
            if len(numbers) > 1:
                table.add_row(what, *(f"{a} / {b}{mark}" for a, b, mark in zip(found, expected, marks, strict=True)), where)
            else:
                table.add_row(what, found[0] + marks[0], expected[0], where)

        def rows(what: str, where: str, number: Callable[[Counted, Wanted], tuple[int, int]]) -> None:
            row(what, [number(one, wanted) for _, one, wanted in sides], where)

        rows("rows in the file", "the export", lambda c, w: (c.rows, w.rows))
        rows("rows accepted", "the receipt", lambda c, w: (c.accepted, w.rows - sum(w.rejected.values())))
        for code in sorted({code for _, one, wanted in sides for code in (*one.rejected, *wanted.rejected)}):
            told_of = partial(_rejected, code)
            rows(f"  not accepted: {code}", REASONS[Reason(code)].sentence, told_of)
        if any(one.left_out or wanted.left_out for _, one, wanted in sides):
            rows("rows that the roll-out leaves out", "the receipt", lambda c, w: (c.left_out, w.left_out))
        rows("children whose family said no", "the cards table", lambda c, w: (c.refused, w.refused))
        rows("children waiting: no e-mail address on file", "the cards table", lambda c, w: (c.waiting, w.waiting))
        rows("cards issued", "the cards table", lambda c, w: (c.cards, w.cards))
        rows("patrons in the library system", "the library's database", lambda c, w: (c.ils_patrons, w.cards))
        rows("CardIssued events", "the library's queue", lambda c, w: (c.card_events, w.cards))
        rows("families told before", "the outbox", lambda c, w: (c.emails["announcement"], w.announcements))
        rows("families sent card numbers", "the outbox", lambda c, w: (c.emails["card"], w.card_mails))
        rows("staff sent card numbers", "the outbox", lambda c, w: (c.emails["staff"], w.staff_mails))
        rows("receipts mailed to the district", "the outbox", lambda c, w: (c.emails["receipt"], w.receipts))
        for what in ("writes", "events", "emails"):
            blank = [""] * (len(sides) - 1) if len(sides) > 1 else []
            found = told["second_drop"][what]
            mark = "" if not found else " [red]✗[/]"
            cells = [f"{found:,} / 0{mark}"] if blank else [f"{found:,}{mark}", "0"]
            table.add_row(f"the same file again: {what}", *blank, *cells, "before and after")
        self.console.print(table)

    def _fetch_receipts(self, machine: Machine) -> Path:
        folder = self.state / "receipts"
        folder.mkdir(exist_ok=True)
        for district in dict.fromkeys(one.agreement.district for one in machine.deployed):
            s3 = machine.cloud.session(f"firstcard-upload-{district}").client("s3")
            bucket = machine.drop_bucket(district)
            for thing in s3.list_objects_v2(Bucket=bucket, Prefix="outbox/").get("Contents", []):
                body = s3.get_object(Bucket=bucket, Key=thing["Key"])["Body"].read()
                (folder / Path(thing["Key"]).name).write_bytes(body)
        return folder


def _rejected(code: str, counted: Counted, wanted: Wanted) -> tuple[int, int]:
    return counted.rejected.get(code, 0), wanted.rejected.get(code, 0)


def _figures(counted: Counted, wanted: Wanted) -> dict[str, Any]:
    return {
        "rows": counted.rows,
        "accepted": counted.accepted,
        "rejected": dict(counted.rejected),
        "left_out": counted.left_out,
        "cards": counted.cards,
        "ils_patrons": counted.ils_patrons,
        "card_events": counted.card_events,
        "emails": {kind: counted.emails[kind] for kind in _MAILS},
        "households": wanted.card_mails,
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; 0 only if every number agrees with every other."""
    parser = argparse.ArgumentParser(prog="make demo", description="One synthetic district, the whole way, on one machine.")
    parser.add_argument("--programme", default="jacksonville", choices=programmes())
    parser.add_argument("--students", type=int, default=2000)
    parser.add_argument("--staff", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    chosen = parser.parse_args(arguments)
    took = ROOT / ".build" / "setup.json"
    setup = float(json.loads(took.read_text())["seconds"]) if took.exists() else 0.0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=None if sys.stdout.isatty() else 150)
    demo = Demo(chosen.programme, chosen.students, chosen.staff, chosen.seed, ROOT / ".local" / "demo", setup, console)
    try:
        with alone(ROOT / ".local" / "demo.lock"):
            told = demo.run()
    except (DemoError, MachineError) as error:
        console.print(f"[red]{error}[/]")
        return 1
    if chosen.json:
        chosen.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0 if told["agree"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
