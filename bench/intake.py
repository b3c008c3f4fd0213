"""What taking in a roster costs, each figure beside a plain one of the same run: reading, memory, decryption, and the function's cold start.

``python bench/intake.py [--rows 150000] [--many 1000000] [--json]``. Wall time is told with processor time, because others may use the machine;
medians of five (of seven for imports), with the least and the most.
"""

import argparse
import csv
import io
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATHS = [str(ROOT), str(ROOT / "layers/firstcard/python")]
sys.path[:0] = PATHS

from firstcard.agreement import Agreement, load_agreement
from firstcard.roster import Reading, fingerprints, read_roster
from firstcard.roster.oneroster import USERS

TODAY = date(2026, 11, 22)
KEY = b"bench-key-of-32-bytes-length----"
SCHOOL = "bench-school-1"
GOALS = {"ratio": 3.0, "memory_mb": 400.0, "gpg_share": 0.5}
FIRST = ("Ada", "Zoë", "José", "Mai", "Nguyễn", "Olu", "Kai", "Léa", "Sam", "Ivy", "Max", "Noor", "Eli", "Ana", "Björn", "Mia")
LAST = ("Smith", "García", "Nguyen", "O'Neil", "Brown", "Müller", "Lee-Kim", "Okafor", "Davis", "Tran", "Núñez", "Hill", "King", "Wood")
COLUMNS = (
    "student_id,state_id,last_name,first_name,middle_name,suffix,birth_date,grade,school_id,school_name,street,city,region,postal_code,phone,"
    "home_language,guardian_name,guardian_email,opt_out,homeroom"
)

# The files


def a_plain_csv(rows: int) -> Iterator[str]:
    """The FirstCard form, twenty columns, line by line."""
    pick = random.Random(7)
    yield COLUMNS + "\r\n"
    for n in range(rows):
        born = (date(2009, 1, 1) + timedelta(days=n % 3000)).isoformat()
        name = f"{pick.choice(LAST)} {pick.choice(LAST)},{pick.choice(FIRST)}"
        place = f"{n % 12 + 1:02d},{SCHOOL},School {n % 120},{n} Oak St,Pine,FL,32202,,en"
        yield f"{1_000_000 + n},{n:09d},{name},,,{born},{place},Grace Pine,g{n // 2}@home.example.org,no,H{n % 30}\r\n"


def a_bundle(rows: int) -> tuple[tuple[bytes, ...], bytes]:
    """users.csv and demographics.csv of OneRoster 1.1, and the zip of them: a guardian's row for every second student."""
    pick = random.Random(7)
    users, births = io.StringIO(), io.StringIO()
    write, born = csv.writer(users, lineterminator="\r\n"), csv.writer(births, lineterminator="\r\n")
    write.writerow([*USERS, "metadata.homeLanguage", "metadata.optOut"])
    born.writerow(["sourcedId", "status", "dateLastModified", "birthDate", "sex"])
    for number in range(rows):
        guardian, key, school = f"g{number // 2}", f"{1_000_000 + number}", f"s{number % 120}"
        name = (pick.choice(FIRST), f"{pick.choice(LAST)} {pick.choice(LAST)}")
        mail = f"{key}@students.example.org"
        grade = f"{number % 12 + 1:02d}"
        row = [key, "", "", "true", school, "student", f"u{key}", "{Fed:1}", *name, "", key, mail, "", "", guardian, grade, "", "en", ""]
        write.writerow(row)
        born.writerow([key, "", "", (date(2009, 1, 1) + timedelta(days=number % 3000)).isoformat(), ""])
        if number % 2 == 0:
            mail = f"{guardian}@home.example.org"
            write.writerow([guardian, "", "", "true", school, "guardian", guardian, "", *name, "", "", mail, *[""] * 7])
    orgs = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\r\n" + f"{SCHOOL},,,District,district,,\r\n"
    orgs += "".join(f"s{n},,,School {n},school,,{SCHOOL}\r\n" for n in range(120))
    manifest = "propertyName,value\r\noneroster.version,1.1\r\nfile.users,bulk\r\nfile.orgs,bulk\r\nfile.demographics,bulk\r\n"
    files = {"manifest.csv": manifest, "orgs.csv": orgs, "users.csv": users.getvalue(), "demographics.csv": births.getvalue()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, text in files.items():
            archive.writestr(file, text.encode())
    return (users.getvalue().encode(), births.getvalue().encode()), out.getvalue()


def an_agreement(*, mapped: bool) -> Agreement:
    """The larger example, for the bench's district and files of any size."""
    agreement = load_agreement(ROOT / "agreements/jacksonville.yaml")
    exchange = agreement.exchange.model_copy(
        update={"organisation_ids": (SCHOOL,), "max_megabytes": 1000} | ({} if mapped else {"mapping": {}})
    )
    return agreement.model_copy(update={"exchange": exchange})


# Measuring


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds, those of processes that it started and that ended included."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    return time.perf_counter() - wall, time.process_time() - cpu + spent


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def in_turn(times: int, **works: Callable[[], object]) -> dict[str, dict[str, dict[str, float]]]:
    """The works one after the other, so many times over, so that a busy moment touches them all."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(times):
        for name, work in works.items():
            taken[name].append(timed(work))
    return {name: {"wall": spread([w for w, _ in pairs]), "cpu": spread([c for _, c in pairs])} for name, pairs in taken.items()}


def bare(*files: bytes) -> int:
    """One pass of csv.reader that keeps nothing."""
    return sum(1 for data in files for _ in csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")))


def taken_in(data: bytes, agreement: Agreement) -> Reading:
    """Recognised, parsed, validated and fingerprinted."""
    result = read_roster(data, file_name="bench", agreement=agreement, today=TODAY)
    assert isinstance(result, Reading), result
    assert not result.rejected, result.rejected
    assert len(fingerprints(result.people, KEY)) == len(result.people)
    return result


def reading(data: bytes, files: tuple[bytes, ...], agreement: Agreement) -> dict[str, Any]:
    """The whole way beside the bare pass over the same bytes."""
    people = len(taken_in(data, agreement).people)
    spans = in_turn(5, bare=lambda: bare(*files), whole=lambda: taken_in(data, agreement))
    ratios = {kind: spans["whole"][kind]["median"] / spans["bare"][kind]["median"] for kind in ("wall", "cpu")}
    return {"people": people, "megabytes": sum(map(len, files)) / 1e6, **spans, "ratio": ratios, "goal": GOALS["ratio"]}


def memory(rows: int) -> dict[str, Any]:
    """The peak of a process of its own that reads so many rows, above what it needed before it had the file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "roster.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            out.writelines(a_plain_csv(rows))
        ran = subprocess.run([sys.executable, __file__, "--child", str(file)], capture_output=True, check=True)
        return {"rows": rows, "file_mb": file.stat().st_size / 1e6, "goal_mb": GOALS["memory_mb"], **json.loads(ran.stdout)}


def peak_mb() -> float:
    """The most that this program held at once; ru_maxrss would tell the most of the one that started it, too."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def child(file: Path) -> None:
    """What ``memory`` starts: reads, and says what it took."""
    agreement = an_agreement(mapped=False)
    before, begun = peak_mb(), time.process_time()
    result = read_roster(file.read_bytes(), file_name="bench", agreement=agreement, today=TODAY)
    assert isinstance(result, Reading), result
    read = peak_mb()
    fingerprints(result.people, KEY)
    print(json.dumps({"read_mb": read - before, "with_fingerprints_mb": peak_mb() - before, "cpu": time.process_time() - begun}))


def decryption(megabytes: int) -> dict[str, Any] | None:
    """Opening a signed and encrypted roster, beside gpg doing the same to the same bytes; None where gpg is not installed."""
    from firstcard.sender import Delivered, open_delivery
    from local.district.delivery import new_openpgp_key, protect

    gpg = shutil.which("gpg")
    if gpg is None:
        return None
    made = datetime(2026, 1, 1, tzinfo=UTC)
    ours, district = (
        new_openpgp_key("FirstCard <bench@example.org>", created=made),
        new_openpgp_key("District <bench2@example.org>", created=made),
    )
    plain = b"".join(line.encode() for line in a_plain_csv(megabytes * 7000))
    sealed = protect(plain, recipients=[ours.public], signer=district, gpg=gpg).data
    agreement = an_agreement(mapped=False)
    exchange = agreement.exchange.model_copy(update={"protection": "signed", "signers": (district.public,)})
    agreement = agreement.model_copy(update={"exchange": exchange})

    def by_us() -> None:
        opened = open_delivery(sealed, agreement=agreement, secret_keys=[ours.secret], limit=1_000_000_000)
        assert isinstance(opened, Delivered), opened
        assert opened.plaintext == plain

    with tempfile.TemporaryDirectory(prefix="gpg-", ignore_cleanup_errors=True) as home:
        start = [gpg, "--homedir", home, "--batch", "--quiet", "--no-tty", "--trust-model", "always"]
        subprocess.run([*start, "--import"], input=(ours.secret + district.public).encode(), capture_output=True, check=True)

        def by_gpg() -> None:
            assert subprocess.run([*start, "--decrypt"], input=sealed, capture_output=True, check=True).stdout == plain

        try:
            spans = in_turn(5, gpg=by_gpg, ours=by_us)
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)
    share = {kind: spans["gpg"][kind]["median"] / spans["ours"][kind]["median"] for kind in ("wall", "cpu")}
    return {"megabytes": len(plain) / 1e6, **spans, "share_of_gpgs_speed": share, "goal": GOALS["gpg_share"]}


def cold_start() -> dict[str, Any]:
    """Milliseconds of importing the plan function, beside what any function imports, in interpreters of their own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS), "POWERTOOLS_SERVICE_NAME": "bench", "AWS_DEFAULT_REGION": "us-east-1"}
    imports = {"base": "boto3, aws_lambda_powertools", "plan": "functions.plan.handler"}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in imports}
    for _ in range(7):
        for name, modules in imports.items():
            code = f"import time; w, c = time.perf_counter(), time.process_time(); import {modules}; print(time.perf_counter() - w, time.process_time() - c)"
            said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment).stdout.split()
            taken[name].append((1000 * float(said[0]), 1000 * float(said[1])))
    return {name: {"wall": spread([w for w, _ in pairs]), "cpu": spread([c for _, c in pairs])} for name, pairs in taken.items()}


# Telling


def show(told: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "wall", "processor", "least to most (processor)", "against", title="Taking in a roster", title_justify="left")

    def line(label: str, span: Mapping[str, Mapping[str, float]], unit: str, against: str = "") -> None:
        cpu, digits = span["cpu"], 0 if unit == "ms" else 2
        table.add_row(
            label,
            f"{span['wall']['median']:.{digits}f} {unit}",
            f"{cpu['median']:.{digits}f} {unit}",
            f"{cpu['least']:.{digits}f} to {cpu['most']:.{digits}f} {unit}",
            against,
        )

    for name, one in (("FirstCard CSV, 20 columns", told["firstcard_csv"]), ("OneRoster 1.1 zip", told["oneroster_1_1"])):
        line(f"{name}: one pass of the csv module, {one['people']:,} people, {one['megabytes']:.0f} MB", one["bare"], "s")
        goal = f" (goal {one['goal']:.0f})" if one is told["firstcard_csv"] else ""
        line("  recognised, parsed, validated, fingerprinted", one["whole"], "s", f"{one['ratio']['cpu']:.1f} times the pass{goal}")
    if opened := told["openpgp"]:
        line(f"gpg opens {opened['megabytes']:.0f} MB, signed and encrypted", opened["gpg"], "s")
        share = opened["share_of_gpgs_speed"]
        line("  opened by us", opened["ours"], "s", f"{share['wall']:.2f} of gpg's speed (goal {opened['goal']})")
    cold = told["cold_start"]
    line("import of boto3 and Powertools", cold["base"], "ms")
    line("  import of the plan function", cold["plan"], "ms", f"{cold['plan']['cpu']['median'] / cold['base']['cpu']['median']:.1f} times")
    console = Console()
    console.print(table)
    many = told["memory"]
    console.print(
        f"{many['rows']:,} rows ({many['file_mb']:.0f} MB): peak memory {many['read_mb']:.0f} MB above the interpreter, the file's own bytes included "
        f"(goal {many['goal_mb']:.0f}); {many['with_fingerprints_mb']:.0f} MB with the fingerprints; {many['cpu']:.1f} s of processor."
    )
    console.print(told["machine"])


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=150_000, help="rows for the ratios")
    parser.add_argument("--many", type=int, default=1_000_000, help="rows for the memory")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child)
        return
    plain = "".join(a_plain_csv(given.rows)).encode()
    files, bundle = a_bundle(given.rows)
    told = {
        "firstcard_csv": reading(plain, (plain,), an_agreement(mapped=False)),
        "oneroster_1_1": reading(bundle, files, an_agreement(mapped=True)),
        "memory": memory(given.many),
        "openpgp": decryption(20),
        "cold_start": cold_start(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}",
    }
    if given.json:
        print(json.dumps(told, indent=2))
    else:
        show(told)


if __name__ == "__main__":
    main()
