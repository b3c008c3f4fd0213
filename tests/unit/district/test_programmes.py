"""The five programmes lie ready for one machine: every agreement of each, with keys and addresses of this machine."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from firstcard.agreement import load_site
from local.programme import ROOT, agreements_of, files_of, lay_out, programmes

TODAY = date(2026, 11, 22)
SHARINGS = {
    "indianapolis": ["indypl.ips", "indypl.wayne"],
    "jacksonville": ["jaxpl.duval"],
    "kindercard": ["rcpl.rcsd"],
    "one-access": ["cmlibrary.cms"],
    "student-success": ["bayside.baylands", "ridge.hillside", "valley.hillside", "valley.baylands"],
}


def test_a_programme_is_the_file_of_its_name_and_all_that_begin_with_it() -> None:
    assert programmes() == sorted(SHARINGS)
    assert {name: len(files_of(name)) for name in programmes()} == {name: len(sharings) for name, sharings in SHARINGS.items()}
    assert [file for name in programmes() for file in files_of(name)] == sorted(file.stem for file in (ROOT / "agreements").glob("*.yaml"))


@pytest.mark.parametrize("name", sorted(SHARINGS))
def test_it_lays_out_and_loads(name: str, tmp_path: Path) -> None:
    libraries = {clauses["library"] for clauses in agreements_of(name, {}).values()}
    endpoints = {library: f"https://127.0.0.1/{library}" for library in libraries}
    laid = lay_out(name, folder=tmp_path, endpoints=endpoints, today=TODAY)
    assert [one.agreement.sharing for one in laid] == SHARINGS[name]
    assert laid[0].name == name, "the demo runs the first one's district"
    assert {one.sharing for one in load_site(tmp_path / "site").agreements} == set(SHARINGS[name])
    assert all(one.agreement.in_force(TODAY) for one in laid)
    assert {one.library.id: str(one.library.ils.endpoint).rstrip("/") for one in laid} == endpoints
    keys: dict[str, set[str]] = {}
    for one in laid:
        keys.setdefault(one.agreement.district, set()).add(one.keys.sftp.public)
    assert all(len(same) == 1 for same in keys.values()), "a district has one key for all of its libraries"
    assert len(set.union(*keys.values())) == len(keys), "and none of another district's"


@pytest.mark.parametrize("page", sorted(SHARINGS))
def test_it_has_a_page_that_is_linked(page: str) -> None:
    text = (ROOT / "docs" / "programmes" / f"{page}.md").read_text()
    for file in files_of(page):
        assert f"agreements/{file}.yaml" in text
    assert f"make demo PROGRAMME={page}" in text
    for linking in ("README.md", "docs/leaders.md"):
        assert f"programmes/{page}.md" in (ROOT / linking).read_text()


def test_every_school_of_a_consortium_stands_in_one_librarys_list() -> None:
    listed = [
        school
        for file in files_of("student-success")
        for school in yaml.safe_load((ROOT / "agreements" / f"{file}.yaml").read_text())["rollout"]["schools"]
    ]
    assert len(listed) == len(set(listed)) == 24
