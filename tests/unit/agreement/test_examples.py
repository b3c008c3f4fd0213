"""Claims about the agreements and libraries that come with the project."""

from datetime import date
from pathlib import Path

import pytest

from firstcard.agreement import Agreement, Site, load_site

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(ROOT)


SHARINGS = [
    "bayside.baylands",
    "cmlibrary.cms",
    "indypl.ips",
    "indypl.wayne",
    "jaxpl.duval",
    "rcpl.rcsd",
    "ridge.hillside",
    "valley.baylands",
    "valley.hillside",
]


def of(site: Site, sharing: str) -> Agreement:
    agreement = site.of_sharing(sharing, None)
    assert agreement is not None
    return agreement


def test_they_are_lawful_together(site: Site) -> None:
    assert sorted(agreement.sharing for agreement in site.agreements) == SHARINGS


def test_jacksonville_tells_families_after_the_upload(site: Site) -> None:
    agreement = of(site, "jaxpl.duval")
    assert (agreement.route, agreement.basis.choice.window_days, agreement.card.kind) == ("window", 14, "virtual")


def test_one_access_hears_refusals_before_the_upload_and_uses_the_student_id(site: Site) -> None:
    agreement = of(site, "cmlibrary.cms")
    assert (agreement.route, agreement.basis.choice.window_days, agreement.card.number.scheme) == ("before_upload", None, "student_id")


def test_indianapolis_has_one_number_and_one_card_for_a_child_in_all_of_its_districts(site: Site) -> None:
    both = [of(site, "indypl.ips"), of(site, "indypl.wayne")]
    for agreement in both:
        assert (agreement.route, agreement.basis.choice.window_days, agreement.card.kind) == ("window", 14, "full")
        assert (agreement.card.number.scheme, agreement.existing, agreement.rollout.staff) == ("state_id", "renew", True)
        assert agreement.compared_across
    assert len({agreement.card.staff_number.prefix for agreement in both}) == 2


def test_kindercard_is_one_grade_whose_cards_are_tried_first_and_kept(site: Site) -> None:
    agreement = of(site, "rcpl.rcsd")
    assert (agreement.rollout.grades, agreement.rollout.staff, agreement.safety.pilot_cards) == (("KG",), False, 5)
    assert (agreement.route, agreement.basis.choice.window_days, agreement.card.number.scheme) == ("window", 10, "library_barcode")
    assert (agreement.card.expiry.rule, agreement.card.expiry.until_age, agreement.leavers.runs_out) == ("age", 13, True)


def test_student_success_has_a_kind_of_card_for_each_library(site: Site) -> None:
    kinds = {agreement.library: (agreement.card.kind, agreement.card.number.scheme) for agreement in site.agreements}
    assert kinds["bayside"] == ("full", "library_barcode")
    assert kinds["valley"] == ("virtual", "state_id")
    assert kinds["ridge"] == ("e_resources", "prefix_student_id")
    for sharing in SHARINGS:
        if sharing.endswith((".baylands", ".hillside")):
            assert (of(site, sharing).route, of(site, sharing).rollout.staff) == ("window", False)


def test_a_childs_card_goes_along_between_the_two_districts_of_the_shared_library(site: Site) -> None:
    for sharing in ("valley.baylands", "valley.hillside"):
        assert (of(site, sharing).compared_across, of(site, sharing).existing) == (True, "separate")


@pytest.mark.parametrize("sharing", SHARINGS)
def test_they_are_in_force_for_one_school_year(site: Site, sharing: str) -> None:
    days = [date(2026, 7, 31), date(2026, 8, 1), date(2027, 7, 31), date(2027, 8, 1)]
    assert [of(site, sharing).in_force(day) for day in days] == [False, True, True, False]


def test_nobody_in_them_is_real() -> None:
    for file in (*(ROOT / "agreements").glob("*.yaml"), *(ROOT / "libraries").glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        assert "PRIVATE KEY" not in text
        assert all(word.split("@")[1].rstrip(",]}>").endswith("example.org") for word in text.split() if "@" in word)
        assert all(word.split("/")[2].endswith("example.org") for word in text.split() if word.startswith("https://"))
