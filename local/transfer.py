"""A child goes from one district of a library to another one, where cards are numbered by the state id: the card goes along."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from local.counting import Watch
from local.district.people import District, School, Student
from local.loading import DemoError, Goal, Loader, Part, exported, people_of, sealed
from local.machine import Machine
from local.wanted import Wanted, reached, rolled_out


@dataclass(frozen=True)
class InIls:
    """One patron of the library's database: the ILS's own key, and the token that FirstCard wrote to it."""

    patron_id: int
    token: str


@dataclass(frozen=True)
class Move:
    """From one agreement of a library to that of another district: both number cards by the state id."""

    leaving: Part
    library: str
    district: str


def move_of(machine: Machine, parts: Sequence[Part]) -> Move | None:
    """Where a child of these parts' district could go and keep its card; None if nowhere."""
    for part in parts:
        for other in machine.deployed:
            there = other.agreement
            both = {part.agreement.card.number.scheme, there.card.number.scheme}
            if there.library == part.agreement.library and there.district != part.agreement.district and both == {"state_id"}:
                return Move(part, there.library, there.district)
    return None


def show_transfer(loader: Loader, move: Move, parts: Sequence[Part], district: District, *, seed: int) -> dict[str, Any]:
    """Send the two districts' next files, count what came of them, and say it in a few lines."""
    say, machine, leaving = loader.console.print, loader.machine, move.leaving
    small = {"students": max(24, len(district.students) // 10), "staff": len(district.staff) // 10, "seed": seed}
    new_home, there = people_of(machine, move.district, **small)
    entering = next(part for part in there if part.agreement.library == move.library)
    child, moved = child_that_moves(district, leaving, new_home, entering)
    number = child.state_id.zfill(leaving.agreement.card.number.length)
    was, before = _patron(leaving.watch, number), leaving.watch.in_ils()
    say(f"\n[bold]A child moves[/] from {district.name} to {new_home.name}. Its card at {leaving.library} is numbered by the state id.")

    next_file = replace(district, students=tuple(one for one in district.students if one.sourced_id != child.sourced_id))
    loader.load(parts, sealed(exported(next_file, parts), parts).data, [Goal(0, 0, 0, 1) for _ in parts], held="The file is held.")
    say(f"{district.name}'s next file has the child no more: its card will end after {leaving.agreement.leavers.grace_days} days.")

    new_home = replace(new_home, students=(*new_home.students, moved))
    for part in there:
        part.wanted = Wanted.of(new_home, part.agreement)
    goals = [Goal.between(None, part.wanted) for part in there]
    goals = [replace(goal, patrons=goal.patrons - 1) if part is entering else goal for part, goal in zip(there, goals, strict=True)]
    say(f"{new_home.name}'s first file has it: {len(new_home.students)} students, for {' and '.join(part.library for part in there)}.")
    loader.load(there, sealed(exported(new_home, there), there).data, goals)

    now, after = _patron(leaving.watch, number), leaving.watch.in_ils()
    left, come = leaving.watch.patrons().states, entering.watch.patrons().states
    told = {
        "left": left["expired"],
        "cards_left": left["active"],
        "cards_there": come["active"],
        "ils_patrons_before": before,
        "ils_patrons_after": after,
        "same_patron": was.patron_id == now.patron_id,
        "other_owner": was.token != now.token,
    }
    told["agree"] = (
        told["same_patron"]
        and told["other_owner"]
        and (left["active"], left["waiting"], left["expired"]) == (leaving.wanted.cards - 1, leaving.wanted.waiting, 1)
        and come["active"] == entering.wanted.cards
        and after == before + entering.wanted.cards - 1
        and all(part.watch.in_ils() == part.wanted.cards for part in there if part.agreement.library != move.library)
    )
    same = "the same patron" if told["same_patron"] else "[red]another patron[/]"
    say(
        f"{leaving.library}'s system had {before:,} patrons and has {after:,}. Of {new_home.name}'s {come['active']:,} cards there, one is the card that the child had:\n"
        f"under its number stands {same}, now of {new_home.name}. {district.name} had {leaving.wanted.cards:,} cards there and has {left['active']:,}."
    )
    if not told["agree"]:
        say("[red]That is not what the people of the two districts make of it.[/]")
    return told


def child_that_moves(district: District, leaving: Part, new_home: District, entering: Part) -> tuple[Student, Student]:
    """A child of the one library whose new school is of the same library, as it stands in the one district's file and in the other's."""
    for one in district.students:
        sound = one.damage is None and not one.opt_out and rolled_out(leaving.agreement, one) and reached(one, district.today)
        school = _school(new_home.schools, one, entering) if sound else None
        if school and sum(other.household == one.household for other in district.students) == 1:
            return one, _at(one, new_home, school)
    raise DemoError(f"no child of {district.name} could go to {new_home.name}: ask for more students")


def _school(schools: Sequence[School], child: Student, entering: Part) -> School | None:
    return next(
        (one for one in schools if child.grade in one.grades and rolled_out(entering.agreement, replace(child, school=one.sourced_id))),
        None,
    )


def _at(child: Student, new_home: District, school: School) -> Student:
    """The child in its new district: the same person with the same state id and guardians, under the district's own ids."""
    guardians = tuple(replace(one, sourced_id=f"{new_home.slug}-g-9{n:05d}") for n, one in enumerate(child.guardians))
    taken = {one.local_id for one in new_home.students} | {one.local_id for one in new_home.staff}
    local_id = next(number for n in range(10_000) if (number := f"{99_990_000 + n:08d}") not in taken)
    household = 1 + max(one.household for one in new_home.students)
    return replace(
        child,
        sourced_id=f"{new_home.slug}-s-from-{new_home.seed}",
        local_id=local_id,
        school=school.sourced_id,
        guardians=guardians,
        household=household,
    )


def _patron(watch: Watch, number: str) -> InIls:
    """The patron with a card number, read in the library's database."""
    asked = "SELECT patron_id, attributes.value FROM patrons JOIN attributes USING (patron_id) WHERE cardnumber = ?"
    with sqlite3.connect(f"file:{watch.database}?mode=ro", uri=True, timeout=10) as patrons:
        found = patrons.execute(asked, (number,)).fetchall()
    if len(found) != 1:
        raise DemoError(f"{len(found)} patrons have the number of the child that moves")
    return InIls(*found[0])
