"""Claims about the agreements and libraries that come with the project."""

from datetime import date
from pathlib import Path

import pytest

from firstcard.agreement import Site, load_site

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(ROOT)


def test_they_are_lawful_together(site: Site) -> None:
    assert {agreement.sharing for agreement in site.agreements} >= {"jaxpl.duval", "cmlibrary.cms"}


def test_jacksonville_tells_families_after_the_upload(site: Site) -> None:
    agreement = site.of_sharing("jaxpl.duval", None)
    assert agreement is not None
    assert (agreement.route, agreement.basis.choice.window_days, agreement.card.kind) == ("window", 14, "virtual")


def test_one_access_hears_refusals_before_the_upload_and_uses_the_student_id(site: Site) -> None:
    agreement = site.of_sharing("cmlibrary.cms", None)
    assert agreement is not None
    assert (agreement.route, agreement.basis.choice.window_days, agreement.card.number.scheme) == ("before_upload", None, "student_id")


@pytest.mark.parametrize("sharing", ["jaxpl.duval", "cmlibrary.cms"])
def test_they_are_in_force_for_one_school_year(site: Site, sharing: str) -> None:
    agreement = site.of_sharing(sharing, None)
    assert agreement is not None
    days = [date(2026, 7, 31), date(2026, 8, 1), date(2027, 7, 31), date(2027, 8, 1)]
    assert [agreement.in_force(day) for day in days] == [False, True, True, False]


def test_nobody_in_them_is_real() -> None:
    for file in (*(ROOT / "agreements").glob("*.yaml"), *(ROOT / "libraries").glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        assert "PRIVATE KEY" not in text
        assert all(word.split("@")[1].rstrip(",]}>").endswith("example.org") for word in text.split() if "@" in word)
        assert all(word.split("/")[2].endswith("example.org") for word in text.split() if word.startswith("https://"))
