"""Builders: rows of students and patrons that would be one person, but for what a test changes."""

from typing import Any

from firstcard.match import Decision, Matched, Rules, Terms, link, within

ROW = {
    "first_name": "Rosalind",
    "middle_name": "",
    "last_name": "Okonkwo",
    "birth_date": "2014-05-23",
    "street": "12 Lake Shore Dr",
    "postal_code": "46204",
    "phone": "317-555-0142",
    "email": "okonkwo@example.org",
}


def a_student(id: str = "s1", **changes: str) -> dict[str, str]:
    return ROW | {"id": id, "local_id": id, "district": "north"} | changes


def a_patron(id: str = "p1", **changes: str) -> dict[str, str]:
    return ROW | {"id": id} | changes


def linked(
    students: list[dict[str, str]], patrons: list[dict[str, str]], *, without: str = "", **terms: Any
) -> dict[tuple[str, str], Decision]:
    return by_pair(link(students, patrons, Terms(rules=Rules({without} - {""}), **terms)))


def doubled(students: list[dict[str, str]], *, without: str = "", **terms: Any) -> dict[tuple[str, str], Decision]:
    return by_pair(within(students, Terms(rules=Rules({without} - {""}), **terms)))


def by_pair(matched: Matched) -> dict[tuple[str, str], Decision]:
    return {(one.left_id, one.right_id): one for one in matched.decisions}
