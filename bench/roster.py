"""How long it takes to recognise, parse, validate and fingerprint a roster, beside one bare csv.reader pass over the same bytes in the same run.

``python bench/roster.py [--rows 150000] [--agreement agreements/jacksonville.yaml]`` prints rows a second, the ratio to the bare pass, and the machine.
"""

import argparse
import csv
import io
import os
import platform
import random
import resource
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "layers/firstcard/python")]

from firstcard.agreement import Agreement, load_agreement
from firstcard.roster import Reading, fingerprints, read_roster
from firstcard.roster.oneroster import USERS

TODAY = date(2026, 11, 22)
KEY = b"bench-key-of-32-bytes-length----"
FIRST = ("Ada", "Zoë", "José", "Mai", "Nguyễn", "Olu", "Kai", "Léa", "Sam", "Ivy", "Max", "Noor", "Eli", "Ana", "Björn", "Mia")
LAST = (
    "Smith",
    "García",
    "Nguyen",
    "O'Neil",
    "Jones",
    "Brown",
    "Müller",
    "Lee-Kim",
    "Okafor",
    "Davis",
    "Tran",
    "Núñez",
    "Hill",
    "Young",
    "King",
    "Wood",
)


def a_district(rows: int, home: str) -> tuple[bytes, bytes, bytes]:
    """users.csv, demographics.csv and the zip of them: ``rows`` students, each with a guardian's row for every second one."""
    pick = random.Random(7)
    users, births = io.StringIO(), io.StringIO()
    write, born = csv.writer(users, lineterminator="\r\n"), csv.writer(births, lineterminator="\r\n")
    write.writerow([*USERS, "metadata.homeLanguage", "metadata.optOut"])
    born.writerow(["sourcedId", "status", "dateLastModified", "birthDate", "sex"])
    for number in range(rows):
        guardian = f"g{number // 2}"
        key, school = f"{1_000_000 + number}", f"s{number % 120}"
        name = (pick.choice(FIRST), f"{pick.choice(LAST)} {pick.choice(LAST)}")
        write.writerow(
            [
                key,
                "",
                "",
                "true",
                school,
                "student",
                f"u{key}",
                "{Fed:1}",
                *name,
                "",
                key,
                f"{key}@students.example.org",
                "",
                "",
                guardian,
                f"{number % 12 + 1:02d}",
                "",
                "en",
                "",
            ]
        )
        born.writerow([key, "", "", (date(2009, 1, 1) + timedelta(days=number % 3000)).isoformat(), ""])
        if number % 2 == 0:
            write.writerow(
                [
                    guardian,
                    "",
                    "",
                    "true",
                    school,
                    "guardian",
                    guardian,
                    "",
                    *name,
                    "",
                    "",
                    f"{guardian}@home.example.org",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                ]
            )
    orgs = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\r\n" + f"{home},,,District,district,,\r\n"
    orgs += "".join(f"s{n},,,School {n},school,,{home}\r\n" for n in range(120))
    manifest = "propertyName,value\r\noneroster.version,1.1\r\nfile.users,bulk\r\nfile.orgs,bulk\r\nfile.demographics,bulk\r\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, text in (
            ("manifest.csv", manifest),
            ("orgs.csv", orgs),
            ("users.csv", users.getvalue()),
            ("demographics.csv", births.getvalue()),
        ):
            archive.writestr(file, text.encode())
    return users.getvalue().encode(), births.getvalue().encode(), out.getvalue()


def a_plain_csv(rows: int, school: str) -> bytes:
    """The same in the FirstCard form, 20 columns."""
    pick = random.Random(7)
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n")
    names = "student_id,state_id,last_name,first_name,middle_name,suffix,birth_date,grade,school_id,school_name,street,city,region,postal_code,phone,home_language,guardian_name,guardian_email,opt_out,homeroom"
    write.writerow(names.split(","))
    for n in range(rows):
        born = (date(2009, 1, 1) + timedelta(days=n % 3000)).isoformat()
        name = (f"{pick.choice(LAST)} {pick.choice(LAST)}", pick.choice(FIRST))
        write.writerow(
            [
                f"{1_000_000 + n}",
                f"{n:09d}",
                *name,
                "",
                "",
                born,
                f"{n % 12 + 1:02d}",
                school,
                f"School {n % 120}",
                f"{n} Oak St",
                "Pine",
                "FL",
                "32202",
                "",
                "en",
                "Grace Pine",
                f"g{n // 2}@home.example.org",
                "no",
                f"H{n % 30}",
            ]
        )
    return out.getvalue().encode()


def best(work: Callable[[], object], times: int = 3) -> float:
    """The shortest of a few runs, in seconds."""
    spans = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spans.append(time.perf_counter() - start)
    return min(spans)


def bare(*files: bytes) -> int:
    """One csv.reader pass that keeps nothing."""
    return sum(1 for data in files for _ in csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")))


def measure(label: str, data: bytes, files: tuple[bytes, ...], agreement: Agreement) -> None:
    def whole() -> int:
        result = read_roster(data, file_name="bench", agreement=agreement, today=TODAY)
        assert isinstance(result, Reading), result
        assert not result.rejected, result.rejected
        fingerprints(result.people, KEY)
        return result.rows

    rows = whole()
    floor, reading, all_ = (
        best(lambda: bare(*files)),
        best(lambda: read_roster(data, file_name="bench", agreement=agreement, today=TODAY)),
        best(whole),
    )
    print(f"{label}: {rows:,} people, {sum(map(len, files)) / 1e6:.1f} MB of CSV")
    print(f"  bare csv.reader pass     {floor:6.2f} s")
    print(f"  recognise to validated   {reading:6.2f} s  {rows / reading:9,.0f} rows/s  {reading / floor:4.1f} x the bare pass")
    print(f"  and fingerprinted        {all_:6.2f} s  {rows / all_:9,.0f} rows/s  {all_ / floor:4.1f} x the bare pass")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=150_000)
    parser.add_argument("--agreement", type=Path, default=ROOT / "agreements/jacksonville.yaml")
    given = parser.parse_args()
    agreement = load_agreement(given.agreement)
    home = agreement.exchange.organisation_ids[0]
    users, births, bundle = a_district(given.rows, home)
    measure("OneRoster 1.1 zip", bundle, (users, births), agreement)
    plain = a_plain_csv(given.rows, home)
    no_mapping = agreement.model_copy(update={"exchange": agreement.exchange.model_copy(update={"mapping": {}})})
    measure("FirstCard CSV", plain, (plain,), no_mapping)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"peak memory {peak:,.0f} MB; {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
