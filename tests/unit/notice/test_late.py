from datetime import UTC, date, datetime

from firstcard.notice import Kind, Message, late_notice

from .builders import a_library, an_agreement, seen, told


def a_notice(**clauses: object) -> Message:
    last = datetime(2026, 11, 17, 6, 5, tzinfo=UTC)
    return late_notice(agreement=an_agreement(**clauses), library=a_library(), due=date(2026, 11, 18), last_received_at=last)


def test_it_tells_which_district_since_when_and_what_to_do_in_both_parts() -> None:
    message = a_notice()
    for part in (told(message.text), seen(message.html)):
        assert "Duval County Schools sends a roster each night" in part
        assert "by 2026-11-18 at noon" in part
        assert "came on 2026-11-17 at 01:05 EST" in part
        assert "See whether the export ran" in part
        assert "no card ends because of it" in part
    assert message.kind is Kind.LATE


def test_it_says_the_agreements_rhythm() -> None:
    assert "sends a roster each month" in told(a_notice(exchange__cadence="monthly").text)


def test_it_names_a_person_to_ring_and_the_deputy() -> None:
    text = told(a_notice().text)
    assert "Rosa Marten Phone: +1 904 555 0111" in text
    assert "Kofi Brandt (deputy)" in text


def test_a_district_that_sends_changes_is_asked_for_all_of_them() -> None:
    assert "are not needed" in told(a_notice().text)
    text = told(a_notice(exchange__deltas=True).text)
    assert "are not needed" not in text
    assert "every file of changes that did not arrive" in text
