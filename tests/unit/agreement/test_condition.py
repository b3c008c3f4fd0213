"""Claims about the condition under which a field may be sent."""

import pytest

from firstcard.agreement import Condition


@pytest.mark.parametrize(
    ("text", "role", "age", "grade", "holds"),
    [
        ("age < 14", "student", 13, "08", True),
        ("age < 14", "student", 14, "08", False),
        ("age >= 18", "student", 18, "12", True),
        ("grade <= KG", "student", 5, "PK", True),
        ("grade <= KG", "student", 6, "01", False),
        ("grade > 09", "student", 15, "10", True),
        ("role == staff", "staff", None, "", True),
        ("role == staff", "student", 9, "03", False),
    ],
)
def test_a_condition_holds_for_whom_it_names(text: str, role: str, age: int | None, grade: str, holds: bool) -> None:
    assert Condition.read(text).holds(role=role, age=age, grade=grade) is holds


@pytest.mark.parametrize("text", ["age < 14", "age >= 0", "grade <= 12"])
def test_what_is_not_known_is_not_sent(text: str) -> None:
    assert not Condition.read(text).holds(role="student", age=None, grade="")


@pytest.mark.parametrize(
    "text", ["", "age", "age < ", "age < x", "age<14", "grade < 99", "role == teacher", "role < staff", "age < 14 or age > 18", "size < 3"]
)
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="one comparison"):
        Condition.read(text)
