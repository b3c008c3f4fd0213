"""A family's own card that is renewed in Koha: a later last day, the token, and not a thing else."""

from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstcard.ils import Accepted, Refused, SyncReason, Unreachable
from local.ils.patrons import Answer as Said
from local.ils.rules import AttributeType
from local.ils.stand_in import Fault, StandIn
from tests.unit.ils.builders import ATTRIBUTE, a_patron, a_stranger, koha, plant, that_day, the_rules, whole

TODAY, LAST_DAY = date(2026, 11, 22), date(2027, 9, 15)
TOKEN, OTHER = a_patron(1).token, a_patron(2).token
TYPES = {ATTRIBUTE: AttributeType(unique=True), "SHELF": AttributeType(repeatable=True)}
Answer = Accepted | Refused | Unreachable


def renew(library: StandIn, ils_id: object, token: str = TOKEN, *, to: date = LAST_DAY, **more: bool) -> Answer:
    return koha(library).link(str(ils_id), token=token, on=TODAY, renew_to=to, **{"held_before": False, "blocked_too": False} | more)


def besides(patron: dict[str, Any]) -> dict[str, Any]:
    """All of a patron but its last day, the moment of its last change, and tokens."""
    kept = [(mark["type"], mark["value"]) for mark in patron["extended_attributes"] if mark["type"] != ATTRIBUTE]
    return patron | {"expiry_date": "", "updated_on": "", "extended_attributes": kept}


def tokens_of(patron: dict[str, Any]) -> list[str]:
    return [mark["value"] for mark in patron["extended_attributes"] if mark["type"] == ATTRIBUTE]


def own_card(library: StandIn, ends: str | None = "2027-01-31", **changes: Any) -> dict[str, Any]:
    """A card that a family got by itself, and its last day."""
    patron = plant(library, a_stranger(expiry_date=ends, extended_attributes=[{"type": "SHELF", "value": "7"}], **changes))
    assert ends is None or patron["expiry_date"] == ends
    return patron


def accepted(own: dict[str, Any], remark: SyncReason | None = None) -> Accepted:
    return Accepted(str(own["patron_id"]), remark)


@pytest.mark.parametrize("ends", ["2027-01-31", "2027-09-14", "2026-11-22", "2026-11-21", "2019-06-30"])
def test_a_card_that_ends_earlier_is_linked_and_gets_the_last_day_of_the_student_cards(library, ends):
    own = own_card(library, ends)
    assert renew(library, own["patron_id"]) == accepted(own)
    now = whole(library, own["patron_id"])
    assert (now["expiry_date"], tokens_of(now)) == ("2027-09-15", [TOKEN])
    assert besides(now) == besides(own)


@pytest.mark.parametrize("ends", ["2027-09-15", "2027-09-16", "2035-01-01", "9999-12-31"])
def test_a_card_that_ends_later_keeps_its_end_and_is_not_written(library, ends):
    own = own_card(library, ends)
    assert renew(library, own["patron_id"]) == accepted(own)
    now = whole(library, own["patron_id"])
    assert (now["expiry_date"], now["updated_on"], tokens_of(now)) == (ends, own["updated_on"], [TOKEN])


def test_a_card_without_an_end_gets_none(library):
    own = own_card(library)
    library.patrons.replace(own["patron_id"], {key: own[key] for key in ("surname", "library_id", "category_id")} | {"expiry_date": None})
    assert renew(library, own["patron_id"]) == accepted(own)
    assert whole(library, own["patron_id"])["expiry_date"] is None


def test_each_school_year_renews_it_again_and_an_earlier_one_never_shortens_it(library):
    own = own_card(library)
    for to, ends in ((LAST_DAY, "2027-09-15"), (date(2028, 9, 15), "2028-09-15"), (LAST_DAY, "2028-09-15")):
        assert renew(library, own["patron_id"], to=to, held_before=ends > "2027-09-15") == accepted(own)
        assert whole(library, own["patron_id"])["expiry_date"] == ends


def test_a_day_that_is_over_renews_nothing(library):
    own = own_card(library, "2026-01-01")
    assert renew(library, own["patron_id"], to=date(2026, 9, 15)) == Refused(SyncReason.EXISTING_CARD_BLOCKED)
    assert whole(library, own["patron_id"]) == own


def test_without_the_policy_nothing_is_renewed(library):
    own = own_card(library)
    koha(library).link(str(own["patron_id"]), token=TOKEN, held_before=False, blocked_too=False, on=TODAY)
    assert whole(library, own["patron_id"])["expiry_date"] == "2027-01-31"


def test_an_unlinked_card_keeps_its_later_end_and_everything_else(library):
    own = own_card(library)
    renew(library, own["patron_id"])
    assert koha(library).unlink(str(own["patron_id"]), token=TOKEN) == accepted(own)
    now = whole(library, own["patron_id"])
    assert (now["expiry_date"], now["extended_attributes"]) == ("2027-09-15", own["extended_attributes"])
    assert besides(now) == besides(own)


@pytest.mark.parametrize("ends", ["2027-01-31", "2026-11-21"], ids=["runs", "has run out"])
@pytest.mark.parametrize("how", ["restricted", "patron_card_lost", "incorrect_address"])
def test_a_card_that_is_blocked_otherwise_is_never_renewed(library, how, ends):
    own = own_card(library, ends, **({} if how == "restricted" else {how: True}))
    if how == "restricted":
        library.patrons.restrict(own["patron_id"])
    own = whole(library, own["patron_id"])
    assert renew(library, own["patron_id"]) == Refused(SyncReason.EXISTING_CARD_BLOCKED)
    assert whole(library, own["patron_id"]) == own
    for held_before in (False, True):
        answer = renew(library, own["patron_id"], blocked_too=True, held_before=held_before)
        assert answer == accepted(own, SyncReason.EXISTING_CARD_BLOCKED)
        now = whole(library, own["patron_id"])
        assert (now["expiry_date"], now["updated_on"], tokens_of(now)) == (ends, own["updated_on"], [TOKEN])


def test_another_childs_card_is_not_renewed(library):
    own = own_card(library)
    koha(library).link(str(own["patron_id"]), token=OTHER, held_before=False, blocked_too=False, on=TODAY)
    before = whole(library, own["patron_id"])
    assert renew(library, own["patron_id"]) == Refused(SyncReason.LINKED_TO_ANOTHER)
    assert whole(library, own["patron_id"]) == before


def test_a_card_whose_token_somebody_took_away_is_not_renewed(library):
    own = own_card(library)
    assert renew(library, own["patron_id"], held_before=True) == Refused(SyncReason.NOT_OURS, str(own["patron_id"]))
    assert whole(library, own["patron_id"]) == own


class Meanwhile(StandIn):
    """A library at which somebody does something just before or just after the patron is written."""

    before: Any = None
    after: Any = None

    def respond(self, request, *, near):
        if request.method == "PUT" and self.before:
            act, self.before = self.before, None
            act()
        answer = super().respond(request, near=near)
        if request.method == "PUT" and self.after:
            act, self.after = self.after, None
            act()
        return answer


@pytest.fixture
def busy(tmp_path) -> Iterator[Meanwhile]:
    with Meanwhile(the_rules(attribute_types=TYPES), tmp_path / "p", now=that_day) as library:
        yield library


def test_a_token_that_a_no_takes_away_at_that_moment_does_not_come_back(busy):
    own = own_card(busy)
    busy.before = lambda: koha(busy).unlink(str(own["patron_id"]), token=TOKEN)
    assert renew(busy, own["patron_id"]) == Refused(SyncReason.NOT_OURS, str(own["patron_id"]))
    assert tokens_of(whole(busy, own["patron_id"])) == []


def test_an_attribute_that_staff_add_at_that_moment_stays(busy):
    own = own_card(busy)
    busy.before = lambda: busy.patrons.add_attribute(own["patron_id"], {"type": "SHELF", "value": "8"})
    assert renew(busy, own["patron_id"]) == accepted(own, SyncReason.RENEWAL_CHANGED_MORE)
    assert [m["value"] for m in whole(busy, own["patron_id"])["extended_attributes"]] == ["7", TOKEN, "8"]


def test_what_is_not_as_before_is_named_to_the_library_and_not_put_back(busy):
    own = own_card(busy)
    busy.after = lambda: busy.patrons.restrict(own["patron_id"])
    assert renew(busy, own["patron_id"]) == accepted(own, SyncReason.RENEWAL_CHANGED_MORE)
    assert whole(busy, own["patron_id"])["restricted"] is True


class Capitals(StandIn):
    """A library that puts surnames in capitals whenever a patron is written, or leaves the date as it is."""

    does: Any = None

    def respond(self, request, *, near):
        answer = super().respond(request, near=near)
        if request.method == "PUT":
            number = int(request.path.rpartition("/")[2])
            was = {key: value for key, value in whole(self, number).items() if key not in {"restricted", "anonymized"}}
            self.patrons.replace(number, was | self.does(was))
        return answer


@pytest.mark.parametrize(
    ("does", "remark"),
    [
        (lambda was: {"surname": was["surname"].upper()}, SyncReason.RENEWAL_CHANGED_MORE),
        (lambda was: {"expiry_date": "2027-01-31"}, SyncReason.RENEWAL_REFUSED),
    ],
    ids=["more", "less"],
)
def test_a_koha_that_does_more_or_less_than_it_is_asked_is_found_out(tmp_path, does, remark):
    with Capitals(the_rules(), tmp_path / "p", now=that_day) as library:
        library.does = does
        own = own_card(library)
        assert renew(library, own["patron_id"]) == accepted(own, remark)


def test_a_renewal_that_koha_refuses_is_a_remark_and_the_link_stays(tmp_path):
    with StandIn(the_rules(), tmp_path / "p", now=that_day) as library:
        own = own_card(library)
        library.patrons._rules = the_rules(branches=frozenset({"MAIN"}))  # the branch of this card is closed since
        assert renew(library, own["patron_id"]) == accepted(own, SyncReason.RENEWAL_REFUSED)
        now = whole(library, own["patron_id"])
        assert (now["expiry_date"], tokens_of(now)) == ("2027-01-31", [TOKEN])


@pytest.mark.parametrize("after", [False, True], ids=["before Koha had it", "after Koha had it"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_renewal_that_is_cut_short_is_made_good_by_the_next(library, method, after):
    own = own_card(library)
    library.suffer(Fault(0, method=method, path="/patrons/", after=after))
    assert isinstance(renew(library, own["patron_id"]), Unreachable)
    for _ in range(2):
        assert renew(library, own["patron_id"]) == accepted(own)
    now = whole(library, own["patron_id"])
    assert (now["expiry_date"], tokens_of(now)) == ("2027-09-15", [TOKEN])
    assert besides(now) == besides(own)


def test_a_patron_that_is_deleted_meanwhile_is_gone(busy):
    own = own_card(busy)
    busy.before = lambda: busy.patrons.delete(own["patron_id"])
    assert renew(busy, own["patron_id"]) == Refused(SyncReason.PATRON_GONE)
    assert busy.patrons.count() == 0


def test_a_card_that_staff_renew_themselves_while_it_is_linked_keeps_their_day(tmp_path):
    class AtTheDesk(StandIn):
        def respond(self, request, *, near):
            if request.method == "POST" and request.path.endswith("/extended_attributes"):
                number = int(request.path.split("/")[-2])
                was = {key: value for key, value in whole(self, number).items() if key not in {"restricted", "anonymized"}}
                self.patrons.replace(number, was | {"expiry_date": "2030-01-01", "phone": "555-0100"})
            return super().respond(request, near=near)

    with AtTheDesk(the_rules(), tmp_path / "p", now=that_day) as library:
        own = own_card(library)
        assert renew(library, own["patron_id"]) == accepted(own)
        now = whole(library, own["patron_id"])
        assert (now["expiry_date"], now["phone"]) == ("2030-01-01", "555-0100")


def test_the_pin_and_what_is_lent_and_owed_stay(library):
    own = own_card(library)
    library.patrons.set_pin(own["patron_id"], {"password": "secret-1", "password_2": "secret-1"})
    library.patrons.lend(own["patron_id"], checkouts=3, debt=4.5, guarantees=2)
    renew(library, own["patron_id"])
    assert library.patrons.pin_opens(own["cardnumber"], "secret-1")
    embedded = library.patrons.get(own["patron_id"], frozenset({"checkouts+count", "account_balance"})).body
    assert (embedded["checkouts_count"], embedded["account_balance"]) == (3, 4.5)
    assert library.patrons.delete(own["patron_id"]) == Said(409, {"error": "The patron cannot be deleted", "error_code": "has_checkouts"})


texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)
dates = st.dates(date(1990, 1, 1), date(2040, 1, 1)).map(date.isoformat)
patrons = st.fixed_dictionaries(
    {"surname": texts.filter(str.strip), "expiry_date": st.none() | dates | st.sampled_from(["2026-11-21", "2027-09-14", "2027-09-15"])},
    optional={
        **dict.fromkeys(("firstname", "preferred_name", "middle_name", "pronouns", "title", "initials"), st.none() | texts),
        **dict.fromkeys(("address", "address2", "city", "state", "postal_code", "country", "email", "phone"), st.none() | texts),
        **dict.fromkeys(("staff_notes", "opac_notes", "statistics_1", "altcontact_surname", "sms_number"), st.none() | texts),
        **dict.fromkeys(("date_of_birth", "date_renewed", "date_enrolled"), st.none() | dates),
        **dict.fromkeys(("patron_card_lost", "incorrect_address"), st.none() | st.booleans()),
        **dict.fromkeys(("autorenew_checkouts", "privacy_guarantor_fines", "protected"), st.booleans()),
        "privacy": st.integers(0, 2),
        "library_id": st.sampled_from(["MAIN", "WEST"]),
        "category_id": st.sampled_from(["STUDENT", "STAFF", "ADULT"]),
        "check_previous_checkout": st.sampled_from(["yes", "no", "inherit"]),
        "lang": st.sampled_from(["default", "es-ES"]),
        "extended_attributes": st.lists(texts.map(lambda value: {"type": "SHELF", "value": value}), max_size=4),
    },
)
faults = st.sampled_from(
    [
        None,
        None,
        Fault(0, method="PUT", after=True),
        Fault(0, method="GET"),
        Fault(500, method="PUT"),
        Fault(503, method="POST", path="/patrons/"),
    ]
)
serials = count(70_000)


@pytest.fixture(scope="module")
def one_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(the_rules(attribute_types=TYPES), tmp_path_factory.mktemp("ils") / "patrons", now=that_day) as library:
        yield library


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    patron=patrons,
    numbered=st.booleans(),
    restricted=st.booleans(),
    blocked_too=st.booleans(),
    years=st.lists(st.tuples(st.integers(2025, 2030), faults), min_size=1, max_size=4),
)
def test_whatever_the_patron_looks_like_only_its_token_and_a_later_last_day_ever_differ(
    one_library, patron, numbered, restricted, blocked_too, years
):
    library, serial = one_library, next(serials)
    body = (
        {"library_id": "WEST", "category_id": "ADULT"} | patron | {"cardnumber": f"P{serial}" if numbered else None, "userid": f"u{serial}"}
    )
    planted = plant(library, body)
    number, token = planted["patron_id"], a_patron(serial).token
    library.patrons.set_pin(number, {"password": "secret-1", "password_2": "secret-1"})
    if patron["expiry_date"] is None:
        sent = {key: value for key, value in planted.items() if key not in {"restricted", "anonymized"}}
        library.patrons.replace(number, sent | {"expiry_date": None})
    if restricted:
        library.patrons.restrict(number)
    before = whole(library, number)
    stopped = restricted or before["patron_card_lost"] or before["incorrect_address"]
    ends = before["expiry_date"]
    for year, fault in years:
        if fault is not None:
            library.suffer(Fault(fault.status, 1, fault.method, fault.path, fault.after, fault.retry_after))
        renew(library, number, token, to=date(year, 9, 15), blocked_too=blocked_too)
        library._faults.clear()
        answer = renew(library, number, token, to=date(year, 9, 15), blocked_too=blocked_too)
        now = whole(library, number)
        assert besides(now) == besides(before)
        assert tokens_of(now) in ([], [token])
        if ends is None or stopped:
            assert now["expiry_date"] == ends
        else:
            wanted = max(ends, date(year, 9, 15).isoformat()) if year > TODAY.year else ends
            assert now["expiry_date"] == wanted
            ends = wanted
        assert isinstance(answer, Accepted) is bool(tokens_of(now))
    assert isinstance(koha(library).unlink(str(number), token=token), Accepted)
    after = whole(library, number)
    assert after | {"expiry_date": "", "updated_on": ""} == before | {"expiry_date": "", "updated_on": ""}
    assert after["expiry_date"] == before["expiry_date"] or after["expiry_date"] > before["expiry_date"]
    assert library.patrons.pin_opens(before["userid"], "secret-1")
