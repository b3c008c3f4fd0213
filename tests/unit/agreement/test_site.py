"""Claims about agreements together with their library and their neighbours."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.agreement import AdapterFacts, AgreementError, agreement_from, load_site
from firstcard.agreement.library import ADAPTERS, CardnumberLength
from firstcard.agreement.lint import NumberSpace, faults_between, faults_with_library
from firstcard.agreement.load import check_files, files_of_site
from firstcard.agreement.vocabulary import ID_CHARACTERS

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
    assert site.leading("fir") is site.of_sharing("oak.fir", None) is site.agreements[1]
    assert site.leading("elm") is None
    assert site.of_sharing("oak.elm", None) is None
    assert site.library("oak").name == "Oak Public Library"
    with pytest.raises(KeyError):
        site.library("elm")


def test_the_living_agreement_comes_before_the_one_that_ended() -> None:
    old = an_agreement(id="dsa-old", status="terminated", term={"effective": "2025-08-01", "expires": "2026-07-31"})
    draft = an_agreement(id="dsa-next", status="draft", term={"effective": "2027-08-01", "expires": "2028-07-31"})
    living = an_agreement()
    assert a_site(old, living, draft).of_sharing("oak.pine", None) is living
    assert a_site(old).leading("pine") is old


def test_an_ended_agreement_may_lie_beside_its_renewal(tmp_path: Path) -> None:
    old = agreement_content(status="terminated", term={"effective": "2025-08-01", "expires": "2026-07-31"})
    site = loaded_site(tmp_path, old, agreement_content(id="dsa-pine-oak-2027"))
    assert site.leading("pine") == site.agreements[1]


NEXT = {"id": "dsa-next", "term": {"effective": "2027-08-01", "expires": "2028-07-31"}}


@given(st.dates(date(2026, 1, 1), date(2029, 1, 1)))
def test_of_this_years_and_next_years_agreement_that_one_rules_in_whose_term_the_day_is(day: date) -> None:
    this = an_agreement(term={"effective": "2026-08-01", "expires": "2027-07-31"})
    following = an_agreement(**NEXT)
    site = a_site(following, this)
    expected = this if day <= this.term.expires else following
    assert (site.of_sharing("oak.pine", day),) == site.agreements_of("pine", day) == (expected,)
    gap = a_site(this, an_agreement(id="dsa-later", term={"effective": "2027-10-01", "expires": "2028-07-31"}))
    assert gap.of_sharing("oak.pine", date(2027, 9, 1)) is this, "between the two nothing is in force, and the one that ended says so"
    assert not this.in_force(date(2027, 9, 1))


def test_next_years_agreement_may_lie_beside_this_ones_if_their_terms_do_not_overlap(tmp_path: Path) -> None:
    this = agreement_content(term={"effective": "2026-08-01", "expires": "2027-07-31"})
    loaded_site(tmp_path, this, agreement_content(**NEXT))
    overlapping = agreement_content(id="dsa-next", term={"effective": "2027-07-31", "expires": "2028-07-31"})
    assert any("term overlaps" in sentence for sentence in refused(tmp_path / "other", this, overlapping))


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
    assert "overlaps that of dsa-pine-oak-2026" in sentence


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


def test_an_agreement_that_ended_keeps_its_numbers_for_whoever_got_them(tmp_path: Path) -> None:
    ended = agreement_content(id="dsa-elm", district="elm", status="terminated")
    assert any("choose another prefix or length" in sentence for sentence in refused(tmp_path / "again", ended, agreement_content()))
    other = agreement_content(card={"number": {"prefix": "906"}, "staff_number": {"prefix": "907"}})
    assert len(loaded_site(tmp_path / "other", ended, other).agreements) == 2
    renewed = agreement_content(id="dsa-pine-oak-2027")
    assert len(loaded_site(tmp_path / "renewed", agreement_content(id="dsa-old", status="terminated"), renewed).agreements) == 2


FIELD = {"required": False, "exhibit_b": "As listed.", "fideslang": "user.unique_id"}
FROM_OUTSIDE = {"exchange": {"formats": ["csv"], "mapping": {}}, "fields": {"card_number": FIELD}, "without": ("exchange.mapping",)}
SUPPLIED = {"scheme": "supplied", "prefix": "", "length": 14}


def test_districts_may_number_by_what_nobody_keeps_apart_for_claims_settle_it(tmp_path: Path) -> None:
    one, other = (
        agreement_content(id=f"dsa-{name}", district=name, card={"number": SUPPLIED, "staff_number": {"prefix": prefix}}, **FROM_OUTSIDE)
        for name, prefix in (("pine", "905"), ("fir", "907"))
    )
    assert len(loaded_site(tmp_path, one, other).agreements) == 2


def test_a_number_from_outside_may_not_have_the_form_of_another_districts_prefix_numbers(tmp_path: Path) -> None:
    supplied = SUPPLIED | {"length": 12}
    one = agreement_content(
        id="dsa-fir", district="fir", card={"number": supplied, "staff_number": {"prefix": "907", "length": 13}}, **FROM_OUTSIDE
    )
    assert any("choose another prefix or length" in sentence for sentence in refused(tmp_path, agreement_content(), one))


def test_a_number_must_be_one_that_the_ils_takes() -> None:
    agreement, library = an_agreement(), a_library()
    koha = ADAPTERS["koha"]

    def said(facts: AdapterFacts = koha, **lengths: int) -> list[str]:
        ils = library.ils.model_copy(update={"cardnumber_length": CardnumberLength(**lengths) if lengths else None})
        return [fault.sentence for fault in faults_with_library(agreement, library.model_copy(update={"ils": ils}), {"koha": facts})]

    assert said() == said(shortest=12, longest=12) == []
    assert any("11 characters at most" in sentence for sentence in said(replace(koha, longest_number=11)))
    assert any(
        "takes no + - . / : = @ _ { }" in sentence for sentence in said(replace(koha, number_characters=ID_CHARACTERS - set("+-./:=@_{}")))
    )
    assert all("of 13 to 16 characters (ils.cardnumber_length)" in sentence for sentence in said(shortest=13, longest=16))
    assert len(said(shortest=1, longest=11)) == 2


spaces = st.builds(NumberSpace, st.text("0123456789", max_size=3), st.integers(3, 4))


@given(spaces, spaces)
def test_two_number_spaces_meet_exactly_when_a_number_is_in_both(one: NumberSpace, other: NumberSpace) -> None:
    def numbers(space: NumberSpace) -> set[str]:
        free = space.length - len(space.prefix)
        return {space.prefix + (f"{rest:0{free}d}" if free else "") for rest in range(10**free)}

    assert one.meets(other) == other.meets(one) == bool(numbers(one) & numbers(other))


def test_every_patron_type_by_grade_and_age_is_one_of_the_librarys(tmp_path: Path) -> None:
    types = {"student": "STUDENT", "staff": "EDUCATOR", "by_grade": {"09": "TEEN"}, "by_age": {18: "ADULT"}}
    card = agreement_content()["card"] | {"patron_type": types}
    said = " ".join(refused(tmp_path, agreement_content(card=card)))
    assert "'TEEN' is no patron type of oak" in said
    assert "'ADULT' is no patron type of oak" in said


def beside(**changes: Any) -> dict[str, Any]:
    """The agreement of the same district with another library, for other schools."""
    return agreement_content(**{"id": "dsa-pine-elm-2026", "library": "elm", "rollout": {"schools": ["school-2"]}} | changes)


def first(**changes: Any) -> dict[str, Any]:
    return agreement_content(**{"rollout": {"schools": ["school-1"]}} | changes)


BOTH = (library_content(), library_content(id="elm", name="Elm Library"))


class TestADistrictOfTwoLibraries:
    def test_has_an_agreement_with_each_and_its_files_go_to_those_that_are_bound_that_day(self, tmp_path: Path) -> None:
        site = loaded_site(tmp_path, first(), beside(term={"effective": "2026-09-01"}), libraries=BOTH)
        assert site.sharings("pine") == ("elm.pine", "oak.pine")

        def on(day: date) -> list[str]:
            return [agreement.library for agreement in site.agreements_of("pine", day)]

        assert on(date(2026, 8, 31)) == ["oak"], "what lies there from before the term is not for the library that came later"
        assert on(date(2026, 9, 1)) == ["elm", "oak"]
        assert on(date(2028, 1, 1)) == ["elm"], "one says for both that nothing is in force"
        assert site.agreements_of("elm", date(2026, 9, 1)) == ()

    @pytest.mark.parametrize(("status", "left"), [("draft", ["oak"]), ("terminated", ["oak"]), ("suspended", ["elm", "oak"])])
    def test_sends_nothing_to_a_library_with_which_nothing_is_signed_and_is_told_of_one_that_is_suspended(
        self, tmp_path: Path, status: str, left: list[str]
    ) -> None:
        site = loaded_site(tmp_path, first(), beside(status=status), libraries=BOTH)
        assert [agreement.library for agreement in site.agreements_of("pine", date(2026, 11, 22))] == left

    @pytest.mark.parametrize(
        ("one", "other", "said"),
        [
            ({"schools": ["school-1"]}, {"schools": ["school-1", "school-2"]}, ["agreement-1"]),
            ({"schools": "all"}, {"schools": ["school-2"]}, ["agreement-1"]),
            ({"schools": "all", "grades": ["KG"]}, {"schools": "all", "grades": ["01"]}, ["agreement-1"]),
            ({"schools": "all", "grades": ["KG"], "staff": False}, {"schools": "all", "grades": ["01"]}, []),
            ({"schools": "all", "grades": ["KG"], "staff": ["teacher"]}, {"schools": "all", "grades": ["01"], "staff": False}, []),
            ({"schools": "all", "also_elsewhere": True}, {"schools": "all"}, ["agreement-1"]),
            ({"schools": "all"}, {"schools": "all", "also_elsewhere": True}, ["agreement-0"]),
            ({"schools": "all", "also_elsewhere": True}, {"schools": "all", "also_elsewhere": True}, []),
        ],
    )
    def test_gives_nobody_cards_of_both_unless_both_say_so(
        self, tmp_path: Path, one: dict[str, Any], other: dict[str, Any], said: list[str]
    ) -> None:
        write_site(
            tmp_path,
            {f"agreement-{n}": content for n, content in enumerate((first(rollout=one), beside(rollout=other)))},
            {library["id"]: library for library in BOTH},
        )
        mistakes = check_files(files_of_site(tmp_path)).mistakes
        assert [Path(mistake.file).stem for mistake in mistakes] == said
        assert all("also_elsewhere: true" in mistake.sentence for mistake in mistakes)

    @pytest.mark.parametrize(
        ("here", "there", "staff", "apart"),
        [
            ({}, {}, False, True),
            ({}, {}, True, False),
            ({}, {"postal_codes": ["32099", "32210"]}, False, False),
            ({}, {"outside": "ask"}, False, False),
            ({}, {"by_school": {"school-1": "full"}}, False, False),
            ({"unknown": "inside"}, {}, False, True),
            ({"unknown": "inside"}, {"unknown": "inside"}, False, False),
            ({}, {"postal_codes": [], "outside_schools": ["school-2"]}, False, False),
        ],
    )
    def test_gives_nobody_cards_of_both_if_zip_codes_say_whose_area_it_is(
        self, here: dict[str, Any], there: dict[str, Any], staff: bool, apart: bool
    ) -> None:
        field = {"postal_code": {"required": False, "exhibit_b": "Address", "fideslang": "user.contact.address.postal_code"}}
        matrix = {"sync_ils": ["identity", "age", "enrolment", "address", "card", "pin"]}

        def serving(code: str, area: dict[str, Any]) -> dict[str, Any]:
            clause = {"postal_codes": [code], "unknown": "outside", "outside": "skip"} | area
            rollout = {"schools": "all", "staff": staff}
            return {"card": {"service_area": clause}, "fields": field, "matrix": matrix, "rollout": rollout}

        agreements = an_agreement(**serving("32099", here)), agreement_from(beside(**serving("32210", there)))
        faults = faults_between(enumerate(agreements), {})
        assert bool(faults) != apart

    @pytest.mark.parametrize(
        ("changes", "line"),
        [
            ({"exchange": {"cadence": "weekly"}}, "  cadence: weekly"),
            ({"exchange": {"calendar": {"timezone": "America/Chicago"}}}, "  calendar:"),
            ({"exchange": {"protection": "encrypted", "signers": []}}, "  protection: encrypted"),
            ({"exchange": {"max_megabytes": 3}}, "  max_megabytes: 3"),
            ({"exchange": {"source_cidrs": ["192.0.2.0/24"]}}, "  source_cidrs:"),
            ({"exchange": {"mapping": {"opt_out": "metadata.no"}}}, "    opt_out: metadata.no"),
            ({"retention": {"raw_upload_days": 3}}, "  raw_upload_days: 3"),
        ],
    )
    def test_sends_one_file_in_one_way(self, tmp_path: Path, changes: dict[str, Any], line: str) -> None:
        with pytest.raises(AgreementError) as caught:
            loaded_site(tmp_path, first(), beside(**changes), libraries=BOTH)
        lines = (tmp_path / "agreements" / "agreement-1.yaml").read_text().splitlines()
        assert line in [lines[mistake.line - 1] for mistake in caught.value.mistakes]
        assert all(mistake.file.endswith("agreement-1.yaml") and "both" in mistake.sentence for mistake in caught.value.mistakes)

    def test_may_send_one_library_a_field_that_the_other_does_not_get_and_lists_in_another_order(self, tmp_path: Path) -> None:
        exchange = {"mapping": {"opt_out": "metadata.optOut"}, "formats": ["csv", "oneroster_1_1"]}
        less = beside(exchange=exchange, without=("fields.home_language", "exchange.mapping.home_language"))
        assert len(loaded_site(tmp_path, first(exchange={"formats": ["oneroster_1_1", "csv"]}), less, libraries=BOTH).agreements) == 2

    @pytest.mark.parametrize("changes", [{"status": "draft"}, {"term": {"effective": "2027-08-01", "expires": "2028-07-31"}}])
    def test_may_agree_to_something_else_for_another_time(self, tmp_path: Path, changes: dict[str, Any]) -> None:
        other = beside(exchange={"cadence": "weekly"}, rollout={"schools": "all"}, **changes)
        assert len(loaded_site(tmp_path, first(), other, libraries=BOTH).agreements) == 2
