"""A district's file on its way through all of its libraries: dropped, held, shown, approved, followed to the last card and e-mail."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from firstcard.agreement import Agreement
from local.cloud.server import ROOT
from local.counting import Watch
from local.district.delivery import Protected, drop, protect
from local.district.oneroster import oneroster_zip
from local.district.people import GRADES, District, make_district
from local.machine import Machine
from local.programme import Programme
from local.wanted import Wanted

STALLED_SECONDS = 90
"""How long nothing may happen before the demo says that something is wrong."""


class DemoError(Exception):
    """The demo could not go on; the message says at which step."""


@dataclass
class Part:
    """One library's part in a district's files: its agreement, the look from outside, and what must come of the files so far."""

    programme: Programme
    watch: Watch
    wanted: Wanted
    run_id: str = ""

    @property
    def agreement(self) -> Agreement:
        """The agreement of the district with this library."""
        return self.programme.agreement

    @property
    def library(self) -> str:
        """The library's name."""
        return self.programme.library.name

    def is_applied(self) -> bool:
        """Whether the run of the last file is through."""
        return self.watch.status(self.run_id) == "applied"

    def is_unchanged(self) -> bool:
        """Whether the last file was found to say what the one before said."""
        return self.watch.status(self.run_id) == "unchanged"

    def has_windows(self, so_many: int) -> bool:
        """Whether so many children's families have their days now."""
        return self.watch.windows_open() >= so_many


@dataclass(frozen=True)
class Goal:
    """What a file brings to one library: windows that open, families told, new patrons in its ILS, and e-mails but those about plans that wait."""

    windows: int
    told: int
    patrons: int
    mails: int

    @classmethod
    def between(cls, before: Wanted | None, after: Wanted) -> Self:
        """What is new in ``after``."""
        new = [after.windows, after.announcements, after.cards, after.mails]
        old = [before.windows, before.announcements, before.cards, before.mails] if before else [0, 0, 0, 0]
        return cls(*(one - other for one, other in zip(new, old, strict=True)))


def people_of(machine: Machine, slug: str, *, students: int, staff: int, seed: int) -> tuple[District, list[Part]]:
    """A synthetic district that has the grades which its agreements ask for, and a part for each of its libraries.

    Damaged rows are planted only where every library gets everybody, so that each costs the same row everywhere.
    """
    programmes = [one for one in machine.deployed if one.agreement.district == slug]
    rollouts = [one.agreement.rollout for one in programmes]
    grades = [grade for grade in GRADES if any(rollout.grades == "all" or grade in rollout.grades for rollout in rollouts)]
    whole = all(rollout.schools == "all" and (rollout.grades == "all" or set(grades) <= set(rollout.grades)) for rollout in rollouts)
    shares: dict[str, Any] = {} if whole else {"damaged_share": 0.0}
    lea = programmes[0].agreement.parties.lea
    district = make_district(
        district=slug,
        name=lea.name,
        region=lea.state,
        students=students,
        staff=staff,
        seed=seed,
        today=machine.today,
        grades=grades,
        **shares,
    )
    return district, [Part(one, Watch(machine, one), Wanted.of(district, one.agreement)) for one in programmes]


def exported(district: District, parts: Sequence[Part]) -> bytes:
    """The district's export; where a refusal comes before the upload, without anything else about those children."""
    refused: Literal["marked", "bare"] = "bare" if all(part.agreement.route == "before_upload" for part in parts) else "marked"
    return oneroster_zip(district, refused=refused)


def sealed(export: bytes, parts: Sequence[Part]) -> Protected:
    """The export signed and encrypted as the district does it."""
    keys = parts[0].programme.keys
    return protect(export, recipients=[keys.ours.public], signer=keys.sender)


@dataclass
class Loader:
    """Sends a district's files and follows them. ``seconds`` are those of the last file, from ``started`` on."""

    machine: Machine
    console: Console
    started: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)

    def load(self, parts: Sequence[Part], data: bytes, goals: Sequence[Goal], *, held: str = "The first load is held.") -> None:
        """One file to its end: a person lets each library's plan go on, families have their days, cards and e-mails come."""
        sent = parts[0].watch.sent()
        before = {part.agreement.library: part.watch.in_ils() for part in parts}
        self.drop(parts, data)
        waited = sum([self._decide(part, held) for part in parts])
        self._follow(parts, goals, sent=sent, waited=waited, before=before)
        parts[0].watch.until_quiet()
        for part in parts:
            part.watch.take_events()

    def drop(self, parts: Sequence[Part], data: bytes) -> None:
        """Drop the file and wait for a plan of each library."""
        programme = parts[0].programme
        before = [dict(part.watch.runs()).keys() for part in parts]
        dropped = drop(data, name="roster.zip.gpg", server=self.machine.sftp(programme.agreement.district), key=programme.keys.sftp)
        self.console.print(f"Dropped over SFTP as {dropped.path}.part and renamed, by {dropped.tool}.")
        with self.console.status("the file is admitted, opened, read and planned"):
            for part, known in zip(parts, before, strict=True):
                part.run_id = self._await_plan(part.watch, known)

    def _await_plan(self, watch: Watch, known: Any) -> str:  # noqa: ANN401  a set-like view of run ids
        found = ""

        def planned() -> bool:
            nonlocal found
            new = [(run_id, status) for run_id, status in watch.runs() if run_id not in known]
            found = new[0][0] if new else ""
            return bool(new) and new[0][1] != "admitted"

        self.until(planned, "a plan", watch)
        return found

    def _decide(self, part: Part, held: str) -> bool:
        """Show and approve a plan that waits for a person; whether it did."""
        status = part.watch.status(part.run_id)
        if status in ("rejected", "failed"):
            raise DemoError(f"the run was {status}: {part.watch.reason(part.run_id)}")
        if status != "held":
            return False
        self.console.print(f"[bold]{held}[/] This is what {part.library} sees (`firstcard run show`):")
        show = self._firstcard("run", "show", part.run_id)
        self.console.print(show.stdout.rstrip(), markup=False, highlight=False)
        plan = part.watch.plan_hash(part.run_id)
        self.console.print(f"The library approves it: firstcard run approve {part.run_id} --plan {plan[:16]}…")
        self._firstcard("run", "approve", part.run_id, "--plan", plan)
        return True

    def _firstcard(self, *words: str) -> "subprocess.CompletedProcess[str]":
        environment = self.machine.as_role("firstcard-operator") | {"COLUMNS": "150"}
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise DemoError(f"firstcard {' '.join(words[:2])} ended with {done.returncode}: {done.stderr[-1500:]}")
        return done

    def _follow(self, parts: Sequence[Part], goals: Sequence[Goal], *, sent: int, waited: int, before: Mapping[str, int]) -> None:
        watch, watches = parts[0].watch, {part.agreement.library: part.watch for part in parts}
        told = sent + waited + sum(goal.told for goal in goals)
        mails = sent + waited + sum(goal.mails for goal in goals)
        patrons = {part.agreement.library: before[part.agreement.library] + goal.patrons for part, goal in zip(parts, goals, strict=True)}
        windowed = [(part, goal) for part, goal in zip(parts, goals, strict=True) if part.agreement.route == "window" and goal.windows]

        def applied() -> bool:
            return all(part.is_applied() for part in parts)

        columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as bars:
            mailed = bars.add_task("e-mails", total=mails - sent)
            made = sum(goal.patrons for goal in goals)
            in_ils = bars.add_task("cards in the library system", total=made, visible=bool(made))

            def settled(goal: Callable[[], bool]) -> Callable[[], bool]:
                def check() -> bool:
                    reached = goal()
                    bars.update(mailed, completed=watch.sent() - sent)
                    bars.update(in_ils, completed=sum(one.in_ils() - before[library] for library, one in watches.items()))
                    for one in watches.values():
                        one.take_events()
                    return reached

                return check

            if windowed:
                self.until(settled(lambda: watch.sent() >= told), "every family to be told", watch)
                for part, goal in windowed:
                    self.until(partial(part.has_windows, goal.windows), "every window to start", part.watch)
                days = max(part.agreement.basis.choice.window_days or 0 for part, _ in windowed)
                later = datetime.now(UTC) + timedelta(days=days, minutes=1)
                bars.console.print(
                    f"The {days} days in which families may say no pass by a later schedule event ({later:%Y-%m-%d}); nothing is skipped or written."
                )
                self.machine.invoke_window(later)
            else:
                self.until(settled(applied), "the run to end", watch)
            self.seconds["drop_to_last_card"] = time.monotonic() - self.started
            whole = settled(lambda: all(one.in_ils() >= patrons[library] for library, one in watches.items()))
            self.until(whole, "every card in the library system", watch)
            self.seconds["drop_to_last_ils"] = time.monotonic() - self.started
            self.until(settled(lambda: watch.sent() >= mails), "every e-mail", watch)
            self.until(applied, "the run to end", watch)
            self.seconds["drop_to_last_email"] = time.monotonic() - self.started

    def until(self, done: Callable[[], bool], what: str, watch: Watch) -> None:
        """Wait until it is so. Raises DemoError if nothing moves for too long."""
        began = since = time.monotonic()
        last = ""
        while not done():
            now = watch.pulse()
            if now != last:
                since, last = time.monotonic(), now
            if time.monotonic() - since > STALLED_SECONDS:
                raise DemoError(f"waited {STALLED_SECONDS} s for {what}, and nothing moved: {now}. The log is {self.machine.cloud.log}")
            time.sleep(min(2.0, max(0.3, (time.monotonic() - began) / 30)))
