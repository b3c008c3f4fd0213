"""FEBRL's record sets through the product's matcher: ``SET FOLDER OUT.csv``, SET being febrl4 or febrl3. OUT.csv has left_id, right_id, decision."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from firstcard.match import link, within


def rows(path: Path) -> Iterator[dict[str, str]]:
    """FEBRL's columns as ours: the social security number is the state id; suburb and second address line are not used."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            born = row["date_of_birth"]
            yield {
                "id": row["rec_id"],
                "state_id": row["soc_sec_id"],
                "first_name": row["given_name"],
                "last_name": row["surname"],
                "birth_date": f"{born[:4]}-{born[4:6]}-{born[6:]}" if len(born) == 8 else "",
                "street": f"{row['street_number']} {row['address_1']}".strip(),
                "postal_code": row["postcode"],
            }


def main() -> None:
    name, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    matched = link(rows(folder / "febrl4a.csv"), rows(folder / "febrl4b.csv")) if name == "febrl4" else within(rows(folder / "febrl3.csv"))
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("left_id", "right_id", "decision"))
        writer.writerows((one.left_id, one.right_id, str(one.answer)) for one in matched.decisions)


if __name__ == "__main__":
    main()
