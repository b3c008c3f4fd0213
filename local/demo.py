"""The demo: one synthetic district goes the whole way, on one machine, and every number is counted twice.

What the system says of itself (receipt, ledger) is never used to check it: the check reads the roster, the table, the library's own database, its queue
of events and the outbox, each on its own.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.cost import estimate
from firstcard.roster import REASONS, Reason
from local.cloud.server import ROOT
from local.counting import Counted, Watch
from local.district.delivery import drop, protect
from local.district.oneroster import oneroster_zip
from local.district.people import District, make_district
from local.machine import Machine, MachineError, alone
from local.outbox import write_outbox
from local.programme import Programme

STALLED_SECONDS = 90
"""How long nothing may happen before the demo says that something is wrong."""


class DemoError(Exception):
    """The demo could not go on; the message says at which step."""


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
            return self._go(machine, today)
        finally:
            machine.cloud.flush_trail()
            machine.stop(keep=False)

    def _go(self, machine: Machine, today: date) -> dict[str, Any]:
        say = self.console.print
        programme = machine.deployed[0]
        district = make_district(
            district=programme.agreement.district, students=self.students, staff=self.staff, seed=self.seed, today=today
        )
        refused: Literal["marked", "bare"] = "bare" if programme.agreement.route == "before_upload" else "marked"
        export = oneroster_zip(district, refused=refused)
        protected = protect(export, recipients=[programme.keys.ours.public], signer=programme.keys.sender)
        say(
            f"A synthetic district: {self.students:,} students in {len(district.schools)} schools, {self.staff:,} staff. Export: OneRoster 1.1, {len(export):,} bytes, signed and encrypted by {protected.tool}."
        )
        machine.cloud.reset_calls()
        watch = Watch(machine, programme)
        start = time.monotonic()
        dropped = drop(protected.data, name="roster.zip.gpg", server=machine.sftp(district.slug), key=programme.keys.sftp)
        say(f"Dropped over SFTP as {dropped.path}.part and renamed, by {dropped.tool}.")
        run_id = self._await_plan(watch)
        wanted = Wanted.of(district, programme)
        run_id = self._decide(machine, watch, run_id)
        self._follow(machine, programme, watch, wanted, start, run_id)
        self._until(lambda: watch.status(run_id) == "applied", "the run to end", watch)
        watch.until_quiet()
        calls = machine.cloud.calls()
        (self.state / "calls.json").write_text(json.dumps(calls))
        watch.take_events()
        patrons, receipt = watch.patrons(), watch.receipt()
        second = self._drop_again(machine, programme, watch, protected.data)
        outbox = write_outbox(machine.cloud.outbox(), self.state / "outbox")
        counted = watch.count(export, patrons, receipt, outbox.counts)
        self.seconds["drop_to_end"] = time.monotonic() - start
        usd = estimate(calls).total
        told = self._told(counted, wanted, second, usd)
        self._show(told, counted, wanted, usd)
        say(
            f"Receipts: {self._fetch_receipts(machine, programme)}\nOutbox: {outbox.index}\nLibrary system: {machine.libraries[programme.library.id].database}\nCloudTrail-form records and logs: {machine.cloud.state}"
        )
        return told

    def _await_plan(self, watch: "Watch") -> str:
        run_id = ""
        with self.console.status("the file is admitted, opened, read and planned"):

            def planned() -> bool:
                nonlocal run_id
                runs = watch.runs()
                run_id = runs[0][0] if runs else ""
                return bool(runs) and runs[0][1] != "admitted"

            self._until(planned, "a plan", watch)
        return run_id

    def _decide(self, machine: Machine, watch: "Watch", run_id: str) -> str:
        status = watch.status(run_id)
        if status != "held":
            if status in ("rejected", "failed"):
                raise DemoError(f"the run was {status}: {watch.reason(run_id)}")
            return run_id
        self.console.print("[bold]The first load is held.[/] This is what the library sees (`firstcard run show`):")
        show = self._firstcard(machine, "run", "show", run_id)
        self.console.print(show.stdout, markup=False, highlight=False)
        plan = watch.plan_hash(run_id)
        self.console.print(f"The library approves it: firstcard run approve {run_id} --plan {plan[:16]}…")
        self._firstcard(machine, "run", "approve", run_id, "--plan", plan)
        return run_id

    def _firstcard(self, machine: Machine, *words: str) -> "subprocess.CompletedProcess[str]":
        environment = machine.as_role("firstcard-operator") | {"COLUMNS": "150"}
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise DemoError(f"firstcard {' '.join(words[:2])} ended with {done.returncode}: {done.stderr[-1500:]}")
        return done

    def _follow(self, machine: Machine, programme: Programme, watch: "Watch", wanted: "Wanted", start: float, run_id: str) -> None:
        columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as bars:
            told = bars.add_task(
                "e-mails", total=wanted.announcements + wanted.card_mails + wanted.staff_mails + 1 + watch.was_held(run_id)
            )
            ils = bars.add_task("cards in the library system", total=wanted.cards)

            def settled(goal: Callable[[], bool]) -> Callable[[], bool]:
                def check() -> bool:
                    bars.update(told, completed=watch.sent())
                    bars.update(ils, completed=watch.in_ils())
                    watch.take_events()
                    return goal()

                return check

            days = programme.agreement.basis.choice.window_days
            if programme.agreement.route == "window" and days:
                told_all = wanted.announcements + wanted.staff_mails + watch.was_held(run_id)
                self._until(settled(lambda: watch.sent() >= told_all), "every family to be told", watch)
                self._until(lambda: watch.windows_open() >= wanted.windows, "every window to start", watch)
                later = datetime.now(UTC) + timedelta(days=days, minutes=1)
                bars.console.print(
                    f"The {days} days in which families may say no pass by a later schedule event ({later:%Y-%m-%d}); nothing is skipped or written."
                )
                machine.invoke_window(later)
            else:
                self._until(settled(lambda: watch.status(run_id) == "applied"), "the run to end", watch)
            self.seconds["drop_to_last_card"] = time.monotonic() - start
            self._until(settled(lambda: watch.in_ils() >= wanted.cards), "every card in the library system", watch)
            self.seconds["drop_to_last_ils"] = time.monotonic() - start
            everything = wanted.announcements + wanted.card_mails + wanted.staff_mails + 1 + watch.was_held(run_id)
            self._until(settled(lambda: watch.sent() >= everything), "every e-mail", watch)
            self.seconds["drop_to_last_email"] = time.monotonic() - start

    def _until(self, done: Callable[[], bool], what: str, watch: "Watch") -> None:
        began = since = time.monotonic()
        last = ""
        while not done():
            now = watch.pulse()
            if now != last:
                since, last = time.monotonic(), now
            if time.monotonic() - since > STALLED_SECONDS:
                raise DemoError(f"waited {STALLED_SECONDS} s for {what}, and nothing moved: {now}. The log is {watch.machine.cloud.log}")
            time.sleep(min(2.0, max(0.3, (time.monotonic() - began) / 30)))

    def _drop_again(self, machine: Machine, programme: Programme, watch: "Watch", data: bytes) -> dict[str, int]:
        writes, mails = watch.writes(), watch.sent()
        drop(data, name="roster.zip.gpg", server=machine.sftp(programme.agreement.district), key=programme.keys.sftp)
        with self.console.status("the very same file once more"):
            self._until(lambda: any(status == "unchanged" for _, status in watch.runs()), "the second drop to be recognised", watch)
            watch.until_quiet()
        return {"writes": watch.writes() - writes, "events": len(watch.take_events()), "emails": watch.sent() - mails}

    def _told(self, counted: Counted, wanted: "Wanted", second: Mapping[str, int], usd: float) -> dict[str, Any]:
        agree = (
            counted.rows == wanted.rows == counted.accepted + sum(counted.rejected.values())
            and dict(counted.rejected) == wanted.rejected
            and counted.cards == counted.ils_patrons == counted.card_events == wanted.cards
            and counted.emails["announcement"] == wanted.announcements
            and counted.emails["card"] == wanted.card_mails
            and counted.emails["staff"] == wanted.staff_mails
            and counted.emails["receipt"] == 1
            and not any(second.values())
        )
        return {
            "programme": self.programme,
            "students": self.students,
            "staff": self.staff,
            "rows": counted.rows,
            "accepted": counted.accepted,
            "rejected": dict(counted.rejected),
            "cards": counted.cards,
            "ils_patrons": counted.ils_patrons,
            "card_events": counted.card_events,
            "emails": {kind: counted.emails[kind] for kind in ("announcement", "card", "staff", "receipt")},
            "households": wanted.card_mails,
            "second_drop": dict(second),
            "seconds": {name: round(value, 1) for name, value in {"setup": self.setup, **self.seconds}.items()},
            "cost_usd": round(usd, 4),
            "agree": agree,
        }

    def _show(self, told: Mapping[str, Any], counted: Counted, wanted: "Wanted", usd: float) -> None:
        table = Table(title="What happened, each number read where it lies", show_lines=False)
        for column, justify in (("", "left"), ("counted", "right"), ("expected from the roster", "right"), ("read from", "left")):
            table.add_column(column, justify="right" if justify == "right" else "left")

        def row(what: str, found: int, expected: int, where: str) -> None:
            mark = "" if found == expected else " [red]✗[/]"
            table.add_row(what, f"{found:,}{mark}", f"{expected:,}", where)

        row("rows in the file", counted.rows, wanted.rows, "the export")
        row("rows accepted", counted.accepted, wanted.rows - sum(wanted.rejected.values()), "the receipt")
        for code in sorted(wanted.rejected.keys() | counted.rejected.keys()):
            row(f"  not accepted: {code}", counted.rejected.get(code, 0), wanted.rejected.get(code, 0), REASONS[Reason(code)].sentence)
        row("children whose family said no", counted.refused, wanted.refused, "the cards table")
        row("children waiting: no e-mail address on file", counted.waiting, wanted.waiting, "the cards table")
        row("cards issued", counted.cards, wanted.cards, "the cards table")
        row("patrons in the library system", counted.ils_patrons, wanted.cards, "the library's database")
        row("CardIssued events", counted.card_events, wanted.cards, "the library's queue")
        row("families told before", counted.emails["announcement"], wanted.announcements, "the outbox")
        row("families sent card numbers", counted.emails["card"], wanted.card_mails, "the outbox")
        row("staff sent card numbers", counted.emails["staff"], wanted.staff_mails, "the outbox")
        row("receipts mailed to the district", counted.emails["receipt"], 1, "the outbox")
        for what in ("writes", "events", "emails"):
            row(f"the same file again: {what}", told["second_drop"][what], 0, "before and after")
        self.console.print(table)
        times = ", ".join(f"{name.replace('_', ' ')} {value:.1f} s" for name, value in told["seconds"].items())
        self.console.print(f"Time: {times}.\nOn AWS the calls of this run would have cost about ${usd:.2f} at list price.")
        verdict = "[bold green]Every number agrees.[/]" if told["agree"] else "[bold red]The numbers do not agree.[/]"
        self.console.print(verdict)

    def _fetch_receipts(self, machine: Machine, programme: Programme) -> Path:
        folder = self.state / "receipts"
        folder.mkdir(exist_ok=True)
        s3 = machine.cloud.session(f"firstcard-upload-{programme.agreement.district}").client("s3")
        bucket = machine.drop_bucket(programme.agreement.district)
        for thing in s3.list_objects_v2(Bucket=bucket, Prefix="outbox/").get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=thing["Key"])["Body"].read()
            (folder / Path(thing["Key"]).name).write_bytes(body)
        return folder


@dataclass(frozen=True)
class Wanted:
    """What must be true at the end, worked out from the synthetic people alone."""

    rows: int
    rejected: dict[str, int]
    cards: int
    refused: int
    waiting: int
    windows: int
    announcements: int
    card_mails: int
    staff_mails: int

    @classmethod
    def of(cls, district: District, programme: Programme) -> "Wanted":
        """Counted over the generated people, not over what the system read."""
        expected = district.expected
        carded = [s for s in district.students if s.damage is None and not s.opt_out]
        reachable = [s for s in carded if s.email and _age(s.birth_date, district.today) < 18]
        window = programme.agreement.route == "window"
        families = len({s.email for s in reachable})
        students = len(reachable) if window else len(carded)
        return cls(
            rows=expected.rows,
            rejected=expected.rejected,
            cards=students + expected.good_staff,
            refused=expected.opted_out,
            waiting=len(carded) - students,
            windows=len(reachable),
            announcements=families if programme.agreement.notices.announce or window else 0,
            card_mails=families,
            staff_mails=expected.good_staff,
        )


def _age(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; 0 only if every number agrees with every other."""
    parser = argparse.ArgumentParser(prog="make demo", description="One synthetic district, the whole way, on one machine.")
    parser.add_argument("--programme", default="jacksonville", choices=sorted(p.stem for p in (ROOT / "agreements").glob("*.yaml")))
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
