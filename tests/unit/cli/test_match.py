"""``firstcard match``: files in, decisions out, and a clear sentence where a file cannot be used."""

import csv
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app

STUDENTS = '''student_id,state_id,last_name,first_name,middle_name,suffix,preferred_name,birth_date,grade,school_id,street,postal_code,guardian_phone,guardian_email
100,,Okonkwo,Rosalind,,,,2014-05-23,06,1,12 Lake Shore Dr,46204,317-555-0142,okonkwo@example.org
=200,,"O'Neil, the ""Second""",Tim,,,,2012-08-01,08,1,7 Elm St,46204,3175550177,
300,,Garcia,Ana,,,,2013-09-09,07,1,,,,
'''
PATRONS = '''patron_id,barcode,first_name,middle_name,last_name,suffix,birth_date,street,postal_code,phone,email
p1,21,ROSALIND,,OKONKWO,,05/23/2014,12 LAKE SHORE DRIVE,46204,(317) 555-0142,
p2,22,Tim,,"O'Neil, the ""Second""",,2012-08-01,7 Elm Street,46204,317.555.0177,
p3,23,Ana,,Garcia,,2013-09-09,9 Far Way,46299,3175550100,
'''


def run(*arguments: object) -> Any:
    return CliRunner(env={"COLUMNS": "300", "TERM": "dumb"}).invoke(app, ["match", *(str(one) for one in arguments)])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    students, patrons = tmp_path / "students.csv", tmp_path / "patrons.csv"
    students.write_text(STUDENTS, encoding="utf-8")
    patrons.write_text(PATRONS, encoding="utf-8-sig")
    return students, patrons, tmp_path / "decisions.csv"


def decisions(out: Path) -> list[list[str]]:
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_students_and_patrons_give_decisions(files):
    students, patrons, out = files
    result = run("--students", students, "--patrons", patrons, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    header, *rows = decisions(out)
    assert header == ["left_id", "right_id", "decision", "weight", "evidence", "vetoes"]
    assert [(row[0], row[1], row[2], row[5]) for row in rows] == [
        ("100", "p1", "same", ""),
        ("300", "p3", "review", "V9"),
        ("'=200", "p2", "same", ""),
    ]
    assert rows[0][4] == "first=exact;last=exact;dob=exact;contact=address+phone"
    told = json.loads(result.stdout)
    assert (told["same"], told["review"], told["review_classes"]) == (2, 1, {"V9": 1})


def test_the_decisions_are_their_owners_alone(files):
    students, patrons, out = files
    run("--students", students, "--patrons", patrons, "--out", out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_the_screen_shows_nobody(files):
    students, patrons, out = files
    shown = run("--students", students, "--patrons", patrons, "--out", out).output
    assert not any(value in shown for value in ("Okonkwo", "Rosalind", "2014", "p1", "Garcia", "300"))
    assert "V9" in shown


def test_students_alone_are_matched_with_each_other_row_by_row(files):
    students, _, out = files
    students.write_text(STUDENTS + STUDENTS.splitlines()[1] + "\n", encoding="utf-8")
    result = run("--students", students, "--out", out)
    assert result.exit_code == 0, result.output
    assert [row[:3] + row[5:] for row in decisions(out)[1:]] == [["100", "100", "review", "V11"]]


def test_a_header_alone_gives_no_decisions(files):
    students, patrons, out = files
    students.write_text(STUDENTS.splitlines()[0] + "\n")
    assert run("--students", students, "--patrons", patrons, "--out", out).exit_code == 0
    assert len(decisions(out)) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"student_id;first_name;last_name;birth_date\n1;A;B;2014-01-02\n", "has no column student_id, first_name, last_name, birth_date"),
        (b"100,Secretname,B,2014-01-02\n", "has no column"),
        (b"student_id,first_name,last_name\n1,A,B\n", "has no column birth_date"),
        (b"student_id,first_name,first_name,last_name,birth_date\n", "column first_name more than once"),
        ("student_id,first_name,last_name,birth_date\n1,A,B,2014-01-02\n".encode("utf-16"), "is no CSV file in UTF-8"),
        (b"student_id,first_name,last_name,birth_date\n1,Secretname\xff,B,2014-01-02\n", "line 2"),
        (b"student_id,first_name,last_name,birth_date\n1,Secretname,B,2014-01-02,more,and more\n", "line 2"),
        (b'student_id,first_name,last_name,birth_date\n1,"Secretname,B,2014-01-02\n', "never closed"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_to_be_so_and_not_shown(files, content, sentence):
    students, patrons, out = files
    students.write_bytes(content)
    result = run("--students", students, "--patrons", patrons, "--out", out)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
    assert "Secretname" not in result.output
    assert "Traceback" not in result.output
    assert not out.exists()


def test_a_file_that_is_not_there_is_named(files):
    _, patrons, out = files
    result = run("--students", out.parent / "none.csv", "--patrons", patrons, "--out", out)
    assert result.exit_code == 2
    assert "none.csv cannot be read" in " ".join(result.output.split())


def test_the_decisions_never_take_the_place_of_what_was_read(files):
    students, patrons, _ = files
    assert run("--students", students, "--patrons", patrons, "--out", patrons).exit_code == 2
    assert patrons.read_text(encoding="utf-8-sig") == PATRONS


def test_a_path_is_no_pattern(files):
    students, patrons, out = files
    odd = students.with_name("a*[1]?.csv")
    students.rename(odd)
    assert run("--students", odd, "--patrons", patrons, "--out", out).exit_code == 0


def test_students_of_two_districts_with_one_id_are_refused_where_cards_are_at_stake(files):
    students, patrons, out = files
    head, first, *_ = STUDENTS.splitlines()
    students.write_text(f"district,{head}\nnorth,{first}\nsouth,{first}\n")
    result = run("--students", students, "--patrons", patrons, "--out", out)
    assert result.exit_code == 2
    assert "2 rows of which the student's id" in " ".join(result.output.split())
    assert not out.exists()
    alone = run("--students", students, "--out", out, "--json")
    assert (alone.exit_code, json.loads(alone.stdout)["repeated_ids"]) == (0, 1)


@pytest.mark.parametrize("id", ["p2", ""])
def test_patrons_with_one_id_or_none_are_refused(files, id):
    students, patrons, out = files
    patrons.write_text(PATRONS.replace("p1,", f"{id},"))
    result = run("--students", students, "--patrons", patrons, "--out", out)
    assert result.exit_code == 2
    assert "the patron's id is empty or stands in another row too" in " ".join(result.output.split())


def test_rows_that_a_quotation_mark_makes_one_value_are_refused(files):
    students, patrons, out = files
    students.write_text(STUDENTS.replace(",12 Lake", ',"12 Lake').replace("7 Elm St", '7 Elm St"'))
    result = run("--students", students, "--patrons", patrons, "--out", out)
    assert result.exit_code == 2
    assert "Okonkwo" not in result.output
    students.write_text(STUDENTS.replace("Rosalind", '"Rosa\nlind"'))
    result = run("--students", students, "--patrons", patrons, "--out", out)
    assert "a line break inside a value" in " ".join(result.output.split())


def test_decisions_that_others_could_read_before_are_their_owners_alone_now(files):
    students, patrons, out = files
    out.write_text("old")
    out.chmod(0o644)
    assert run("--students", students, "--patrons", patrons, "--out", out).exit_code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert {path.name for path in out.parent.iterdir()} == {"students.csv", "patrons.csv", "decisions.csv"}


def test_another_name_of_what_was_read_is_no_place_for_the_decisions(files):
    students, patrons, out = files
    out.hardlink_to(students)
    assert run("--students", students, "--patrons", patrons, "--out", out).exit_code == 2
    assert students.read_text(encoding="utf-8") == STUDENTS


def test_what_is_no_file_is_not_read(files):
    students, _, out = files
    result = run("--students", students, "--patrons", out.parent, "--out", out)
    assert (result.exit_code, "is not a file" in " ".join(result.output.split())) == (2, True)
