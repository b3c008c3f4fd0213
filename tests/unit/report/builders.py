"""A report as the function counts it, with schools, goals, use and months."""

from datetime import UTC, datetime
from typing import Any

from firstcard.report.census import Census, Group
from firstcard.report.figures import Counted, Edition, Held, Now, Where, figures_of
from firstcard.report.forms import document
from tests.unit.agreement.builders import a_library, an_agreement

AT = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
SCHOOLS = {"0101": "Pine Elementary", "0202": "=Cedar & <Birch> Middle", "0303": "Fir High"}


def a_census(more: int = 0) -> Census:
    groups = [
        *(Group("0101", grade, 84 + more, no=2, had_card=23, in_doubt=1) for grade in ("KG", "01", "02", "03", "04", "05")),
        *(Group("0202", grade, 212 + more, no=14, had_card=60, in_doubt=2) for grade in ("06", "07", "08")),
        *(Group("0303", grade, 401 + more, no=4, had_card=133) for grade in ("09", "10", "11", "12")),
        Group("0303", "UG", 4),
    ]
    return Census(tuple(groups), SCHOOLS, educators=163, left_out={"school": 41, "group charter": 12})


def a_figure(edition: Edition = Edition.DISTRICT, *, district: str = "pine") -> dict[str, Any]:
    agreement = an_agreement(
        district=district,
        goals=[
            {"measure": "coverage", "target_percent": 90, "by": "2027-06-30"},
            {"measure": "educators", "target_percent": 50, "by": "2027-03-31"},
        ],
    )
    students = {Where.IN_ILS: 2311, Where.OPTED_OUT: 81, Where.NO_ADDRESS: 97, Where.WINDOW: 160, Where.FAILED: 12, Where.REST: 83}
    use = [
        {"school": "0101", "grade": "03", "month": month, "checkouts": checkouts, "sessions": 2 * checkouts}
        for month, checkouts in (("2026-07", 40), ("2026-08", 60), ("2026-09", 210), ("2026-10", 340), ("2026-11", 390))
    ]
    counted = Counted(
        now=Now(students, {Where.IN_ILS: 131, Where.REST: 32}, had_card=801),
        censuses=(("2026-08-24", a_census(-9)), ("2026-09-30", a_census(-2)), ("2026-12-18", a_census())),
        held=(Held("2027-01-14T02:00:00+00:00", 143),),
        use=use,
        progress=[
            {
                "counted_on": f"2026-{month}-01",
                "students": 2740,
                "in_ils": cards,
                "coverage_percent": 100 * cards // 2740,
                "educators": 160,
                "educators_in_ils": 120,
            }
            for month, cards in (("10", 1900), ("11", 2240), ("12", 2300))
        ],
    )
    return figures_of(agreement, a_library(), counted, edition=edition, at=AT)


def a_document(edition: Edition = Edition.DISTRICT, *districts: str) -> dict[str, Any]:
    return document([a_figure(edition, district=name) for name in districts or ("pine",)])
