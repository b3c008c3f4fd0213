"""When no file at all may be opened, whoever asks."""

from datetime import date

import pytest

from firstcard.agreement import Status
from firstcard.roster import Reason
from firstcard.run.checking import Verdict, check_roster, closed
from tests.unit.agreement.builders import a_directory_agreement, an_agreement
from tests.unit.roster.builders import a_firstcard_csv, csv_directory_agreement

IN_TERM = date(2026, 11, 22)


def test_an_agreement_in_force_is_open_until_it_is_suspended() -> None:
    assert closed(an_agreement(), on=IN_TERM) is None
    assert closed(an_agreement(), on=IN_TERM, suspended=True) is Reason.AGREEMENT_SUSPENDED


@pytest.mark.parametrize("status", [Status.DRAFT, Status.TERMINATED])
def test_an_agreement_that_is_not_executed_or_over_is_closed(status: Status) -> None:
    assert closed(an_agreement().model_copy(update={"status": status}), on=IN_TERM) is Reason.AGREEMENT_NOT_IN_FORCE
    assert closed(an_agreement(), on=date(2028, 1, 1), suspended=True) is Reason.AGREEMENT_NOT_IN_FORCE


def test_no_file_comes_before_the_last_day_of_refusing_and_check_says_so() -> None:
    agreement = csv_directory_agreement()
    assert agreement.basis.notice is not None
    notice = agreement.basis.notice.model_copy(update={"opt_out_by": IN_TERM})
    waiting = agreement.model_copy(update={"basis": agreement.basis.model_copy(update={"notice": notice})})
    assert closed(a_directory_agreement(), on=IN_TERM) is None
    assert closed(waiting, on=IN_TERM) is Reason.UPLOAD_BEFORE_OPT_OUT_DATE
    assert closed(waiting, on=date(2026, 11, 23)) is None
    checked = check_roster(a_firstcard_csv(), "roster.csv", waiting, IN_TERM)
    assert (checked.verdict, checked.reasons) == (Verdict.REFUSED, (Reason.UPLOAD_BEFORE_OPT_OUT_DATE,))
