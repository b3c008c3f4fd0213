"""Claims about agreements together with their library and their neighbours."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.agreement import AdapterFacts, AgreementError, load_site
from firstcard.agreement.lint import NumberSpace, faults_with_library
from firstcard.agreement.load import check_files, files_of_site

from .builders import MATCHING, PIN_PAGE, a_library, a_site, agreement_content, an_agreement, library_content, loaded_site, write_site


def second(**changes: Any) -> dict[str, Any]:
    """The agreement of another district with the same library, on numbers of its own."""
    card = {"number": {"prefix": "906"}, "staff_number": {"prefix": "907"}}
    return agreement_content(id="dsa-fir-oak-2026", district="fir", card=card) | changes


def refused(directory: Path, *agreements: dict[str, Any], libraries: tuple[dict[str, Any], ...] = ()) -> list[str]:
    with pytest.raises(AgreementError) as caught:
        loaded_site(directory, *agreements, libraries=libraries)
    return [mistake.sentence for mistake in caught.value.mistakes]


def test_a_site_finds_agreements_by_district_and_by_sharing(tmp_path: Path) -> None:
    site = loaded_site(tmp_path, agreement_content(), second())
    assert [agreement.sharing for agreement in site.agreements] == ["oak.pine", "oak.fir"]
    assert site.of_district("fir") is site.of_sharing("oak.fir") is site.agreements[1]
    assert site.of_district("elm") is None
    assert site.of_sharing("oak.elm") is None
    assert site.library("oak").name == "Oak Public Library"
    with pytest.raises(KeyError):
        site.library("elm")


def test_the_living_agreement_comes_before_the_one_that_ended() -> None:
    old = an_agreement(id="dsa-old", status="terminated", term={"effective": "2025-08-01", "expires": "2026-07-31"})
    draft = an_agreement(id="dsa-next", status="draft", term={"effective": "2027-08-01", "expires": "2028-07-31"})
    living = an_agreement()
    assert a_site(old, living, draft).of_sharing("oak.pine") is living
    assert a_site(old).of_district("pine") is old


def test_an_ended_agreement_may_lie_beside_its_renewal(tmp_path: Path) -> None:
    old = agreement_content(status="terminated", term={"effective": "2025-08-01", "expires": "2026-07-31"})
    site = loaded_site(tmp_path, old, agreement_content(id="dsa-pine-oak-2027"))
    assert site.of_district("pine") == site.agreements[1]


@pytest.mark.parametrize("status", ["draft", "suspended", "terminated"])
def test_only_an_executed_agreement_is_in_force(status: str) -> None:
    assert not an_agreement(status=status).in_force(date(2026, 11, 22))


@given(st.integers(-400, 800))
def test_an_executed_agreement_is_in_force_on_the_days_of_its_term_and_no_other(offset: int) -> None:
    agreement = an_agreement()
    day = agreement.term.effective + timedelta(days=offset)
    assert agreement.in_force(day) == (0 <= offset < agreement.term.days)


def test_a_site_without_files_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(AgreementError) as caught:
        load_site(tmp_path)
    assert [mistake.sentence.split(":")[0] for mistake in caught.value.mistakes] == [
        "There is no file agreements/*.yaml here",
        "There is no file libraries/*.yaml here",
    ]


def test_a_file_that_would_not_be_deployed_is_a_mistake(tmp_path: Path) -> None:
    write_site(tmp_path, {"a": agreement_content()}, {"oak": library_content()})
    (tmp_path / "agreements" / "b.yml").write_text("apiVersion: agreement/v1\n")
    with pytest.raises(AgreementError, match=r"Only files that end in \.yaml are deployed"):
        load_site(tmp_path)


def test_mistakes_of_all_files_are_told_together(tmp_path: Path) -> None:
    write_site(tmp_path, {"a": agreement_content(existing="x"), "b": agreement_content(district="X")}, {"oak": library_content(kind="x")})
    checked = check_files(files_of_site(tmp_path))
    assert [Path(mistake.file).stem for mistake in checked.mistakes] == ["oak", "a", "b"]


def test_a_library_must_be_described(tmp_path: Path) -> None:
    assert refused(tmp_path, agreement_content(library="elm")) == ["No file describes its library: write libraries/<library>.yaml."]


def test_two_libraries_cannot_share_an_id(tmp_path: Path) -> None:
    assert refused(tmp_path, agreement_content(), libraries=(library_content(), library_content())) == [
        "The id oak is taken by another library: choose another one."
    ]


def test_two_agreements_cannot_share_an_id(tmp_path: Path) -> None:
    assert "The id dsa-pine-oak-2026 is taken by another agreement: choose another one." in refused(
        tmp_path, agreement_content(), second(id="dsa-pine-oak-2026")
    )


def test_a_district_has_one_binding_agreement(tmp_path: Path) -> None:
    (sentence,) = refused(tmp_path, agreement_content(), agreement_content(id="dsa-2"))
    assert "already has the agreement dsa-pine-oak-2026" in sentence


def test_a_random_pin_needs_an_adapter_that_can_set_one() -> None:
    adapters = {"koha": AdapterFacts(can_set_pin=False, can_link=False)}
    assert faults_with_library(an_agreement(), a_library()) == ()
    (fault,) = faults_with_library(an_agreement(), a_library(), adapters)
    assert (fault.path, "cannot set a PIN" in fault.sentence) == (("card", "pin", "scheme"), True)


def test_a_page_that_shows_pins_needs_an_adapter_that_can_set_them() -> None:
    adapters = {"koha": AdapterFacts(can_set_pin=False, can_link=False)}
    assert faults_with_library(an_agreement(**PIN_PAGE), a_library()) == ()
    faults = faults_with_library(an_agreement(**PIN_PAGE), a_library(), adapters)
    assert [fault.path for fault in faults] == [("card", "pin", "scheme"), ("card", "pin", "page")]
    assert "would show a PIN that the adapter koha of oak cannot set" in faults[1].sentence


@pytest.mark.parametrize("existing", ["link", "renew"])
def test_linking_and_renewing_need_an_adapter_that_can(existing: str) -> None:
    agreement = an_agreement(existing=existing, existing_blocked="separate", **MATCHING)
    (fault,) = faults_with_library(agreement, a_library(), {"koha": AdapterFacts(can_set_pin=True, can_link=False)})
    assert (fault.path, f"cannot {existing}" in fault.sentence, "write separate or ask" in fault.sentence) == (("existing",), True, True)
    assert faults_with_library(agreement, a_library(), {"koha": AdapterFacts(can_set_pin=True, can_link=True, can_renew=True)}) == ()


@pytest.mark.parametrize("existing", ["link", "renew"])
def test_koha_links_and_renews(existing: str) -> None:
    assert faults_with_library(an_agreement(existing=existing, existing_blocked="ask", **MATCHING), a_library()) == ()


def test_an_adapter_that_links_may_not_be_able_to_renew() -> None:
    links = {"koha": AdapterFacts(can_set_pin=True, can_link=True, can_renew=False)}
    (fault,) = faults_with_library(an_agreement(existing="renew", existing_blocked="ask", **MATCHING), a_library(), links)
    assert fault.sentence == "The adapter koha of oak cannot renew a card that was there before: write separate, link or ask."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"home_branch": {"default": "MIAN"}}, "'MIAN' is no branch of oak. Did you mean 'MAIN'?"),
        ({"home_branch": {"by_school": {"0012": "EAST"}}}, "'EAST' is no branch of oak."),
        ({"patron_type": {"student": "STUDNT"}}, "'STUDNT' is no patron type of oak. Did you mean 'STUDENT'?"),
        ({"patron_type": {"staff": "TEACHER"}}, "'TEACHER' is no patron type of oak."),
        ({"number": {"prefix": "2380", "length": 14}}, "barcodes of the library's own block"),
        ({"staff_number": {"prefix": "904"}}, "A member of staff could get the number of a student"),
        ({"staff_number": {"prefix": "9045"}}, "A member of staff could get the number of a student"),
        ({"staff_number": {"scheme": "student_id", "prefix": ""}}, "A member of staff could get the number of a student"),
    ],
)
def test_a_card_must_fit_its_library(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert any(said in sentence for sentence in refused(tmp_path, agreement_content(card=changes)))


def test_students_and_staff_may_draw_from_the_librarys_one_block(tmp_path: Path) -> None:
    barcode = {"scheme": "library_barcode", "prefix": "", "length": 14}
    assert loaded_site(tmp_path, agreement_content(card={"number": barcode, "staff_number": barcode})).agreements


def test_a_library_of_several_districts_needs_prefixes(tmp_path: Path) -> None:
    plain = agreement_content(card={"number": {"scheme": "student_id", "prefix": "", "length": 10}})
    assert loaded_site(tmp_path / "alone", plain).agreements
    (sentence,) = refused(tmp_path / "two", plain, second())
    assert "serves several districts, whose ids repeat" in sentence


@pytest.mark.parametrize(
    ("number", "staff"),
    [
        ({"prefix": "904"}, {"prefix": "907"}),
        ({"prefix": "9041"}, {"prefix": "907"}),
        ({"prefix": "906"}, {"prefix": "9"}),
        ({"prefix": "90"}, {"prefix": "907"}),
        ({"prefix": "906"}, {"prefix": "905"}),
    ],
)
def test_prefixes_of_one_library_may_not_overlap_at_the_same_length(tmp_path: Path, number: dict[str, Any], staff: dict[str, Any]) -> None:
    other = agreement_content(id="dsa-fir-oak-2026", district="fir", card={"number": number, "staff_number": staff})
    assert any("choose another prefix or length" in sentence for sentence in refused(tmp_path, agreement_content(), other))


def test_the_same_prefix_at_another_length_is_another_number(tmp_path: Path) -> None:
    card = {"number": {"prefix": "904", "length": 13}, "staff_number": {"prefix": "905", "length": 13}}
    assert (
        len(loaded_site(tmp_path, agreement_content(), agreement_content(id="dsa-fir-oak-2026", district="fir", card=card)).agreements) == 2
    )


def test_an_agreement_that_ended_takes_no_numbers(tmp_path: Path) -> None:
    ended = agreement_content(id="dsa-elm", district="elm", status="terminated")
    assert len(loaded_site(tmp_path, ended, agreement_content()).agreements) == 2


spaces = st.builds(NumberSpace, st.text("0123456789", max_size=3), st.integers(3, 4))


@given(spaces, spaces)
def test_two_number_spaces_meet_exactly_when_a_number_is_in_both(one: NumberSpace, other: NumberSpace) -> None:
    def numbers(space: NumberSpace) -> set[str]:
        free = space.length - len(space.prefix)
        return {space.prefix + (f"{rest:0{free}d}" if free else "") for rest in range(10**free)}

    assert one.meets(other) == other.meets(one) == bool(numbers(one) & numbers(other))
