"""A preview: it says what the plan made right after says, leaves nothing behind, and tells the district nothing."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.main import app
from firstcard.agreement import Site, agreement_from, library_from
from firstcard.run.delivering import summary_of
from firstcard.run.planning import Planned
from firstcard.run.previewing import Preview, may_not_open
from firstcard.run.weighing import Weigher
from functions.preview import handler as function
from tests.function.builders import (
    CARDS,
    EVENING,
    LEDGER,
    VAULT,
    Breaking,
    Yard,
    a_roster,
    barcode_content,
    csv_content,
    drop_bucket,
    everything,
    later,
    token,
)
from tests.function.calling import a_context
from tests.function.conftest import ENVIRONMENT, forget, standing
from tests.function.explaining import calls_go_to_the_handler
from tests.unit.agreement.builders import library_content
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

from .test_matching import child, patron
from .test_two_districts import across

SAFETY = {
    "first_run_needs_approval": True,
    "max_missing_percent": 30,
    "max_new_percent": 60,
    "max_changed_percent": 60,
    "max_rejected_percent": 30,
}
OF_A_RUN = ("run_id", "plan_hash")
"""What a plan says of its run, and a preview has none of."""


def objects() -> list[str]:
    """Every version in every bucket."""
    s3 = boto3.client("s3")
    return sorted(
        f"{bucket['Name']}/{one['Key']}?{one['VersionId']}"
        for bucket in s3.list_buckets()["Buckets"]
        for one in s3.list_object_versions(Bucket=bucket["Name"]).get("Versions", [])
    )


def numbers(plan: Any) -> dict[str, Any]:
    """A plan as JSON has it, without what is the run's."""
    return {name: said for name, said in json.loads(json.dumps(plan, default=str)).items() if name not in OF_A_RUN}


def both(yard: Yard, body: bytes, *, at: datetime = EVENING, **where: Any) -> tuple[Preview, Planned, dict[str, Any]]:
    """The preview of a file; then the same file dropped, and its plan. Asserts that the first leaves everything as it was."""
    laid = yard.lay(body, at=at, **where)
    before = (everything(CARDS), everything(LEDGER), objects(), list(yard.emitted), list(yard.woken))
    said = yard.preview(laid)
    assert (everything(CARDS), everything(LEDGER), objects(), list(yard.emitted), list(yard.woken)) == before
    arrival = yard.admitted(body, at=at, **where)
    planned = yard.plan(arrival)
    return said, planned, numbers(summary_of(yard.known(arrival), yard.places))


# -- the law -------------------------------------------------------------------------------------------------------------------------------

CHILDREN = range(1, 8)
child_numbers = st.frozensets(st.sampled_from(CHILDREN), min_size=2)
files = st.fixed_dictionaries(
    {
        "there": child_numbers,
        "refuse": st.frozensets(st.sampled_from(CHILDREN), max_size=2),
        "grade": st.sampled_from(["03", "04"]),
        "broken": st.frozensets(st.sampled_from(CHILDREN), max_size=2),
        "school": st.sampled_from(["school-1", "school-2"]),
        "goes": st.sampled_from(["is applied", "is applied", "is held", "is rejected"]),
        "no": st.sampled_from([0, *CHILDREN]),
        "again": st.booleans(),
    }
)


def roster(file: dict[str, Any]) -> bytes:
    return a_firstcard_csv(
        *(
            a_student_row(
                n,
                grade="99" if n in file["broken"] else file["grade"],
                school_id=file["school"],
                opt_out="yes" if n in file["refuse"] else "no",
            )
            for n in sorted(file["there"])
        )
    )


@pytest.fixture
def own_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@given(
    nights=st.lists(files, min_size=1, max_size=4),
    scheme=st.sampled_from(["prefix", "barcode"]),
    pilot=st.sampled_from([0, 0, 2]),
)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_a_preview_says_what_the_plan_made_right_after_says(own_cloud: None, nights: list[dict[str, Any]], scheme: str, pilot: int) -> None:
    forget()
    with ExitStack() as stack:
        stack.enter_context(standing(["pine"]))
        content = barcode_content("pine", "dsa-pine-oak-2026") if scheme == "barcode" else csv_content("pine", "dsa-pine-oak-2026", "904")
        content["exchange"]["organisation_ids"] = ["school-1", "school-2"]
        content["safety"] = SAFETY | ({"pilot_cards": pilot} if pilot else {})
        yard = Yard(Site((agreement_from(content),), (library_from(library_content()),)))
        for night, tonight in enumerate(nights):
            file = tonight | {name: said for name, said in nights[0].items() if name not in ("goes", "no")} if tonight["again"] else tonight
            at = EVENING + timedelta(days=night)
            laid = yard.lay(roster(file), at=at)
            before = (everything(CARDS), everything(LEDGER), objects(), len(yard.emitted), len(yard.woken))
            said = yard.preview(laid)
            assert (everything(CARDS), everything(LEDGER), objects(), len(yard.emitted), len(yard.woken)) == before
            waiting = [run.arrival.run_id for run in yard.ledger.waiting_runs("oak.pine")]
            arrival = yard.admitted(roster(file), at=at)
            planned = yard.plan(arrival)
            run = yard.known(arrival)
            assert said.outcome == planned.outcome
            assert list(said.holds) == list(run.holds)
            assert said.reason == run.reason
            assert numbers(said.plan) == numbers(summary_of(run, yard.places))
            assert dict(said.plan.get("decisions", {})) == dict(run.counts)  # type: ignore[call-overload]
            assert list(said.supersedes) == (waiting if said.plan else [])
            assert not said.plan or {str(one.status) for one in map(yard.ledger.run, waiting) if one} <= {"superseded"}
            if planned.outcome == "held" and file["goes"] != "is held":
                yard.approve(arrival, planned.plan_hash, approve=file["goes"] == "is applied")
            if file["no"] and token(file["no"]) in (patrons := yard.cards.standing([token(file["no"])]).patrons):
                yard.cards.refuse([token(file["no"])], by="family", stamp=patrons[token(file["no"])].stamp)
            if str(yard.known(arrival).status) in ("ready", "approved"):
                assert yard.begin(arrival, at=at).outcome in ("go", "nothing")
                yard.issue_under(yard.known(arrival).chunks_prefix)
                assert yard.finish(arrival, at=at) == "applied"
            elif str(yard.known(arrival).status) != "held":
                yard.finish(arrival, at=at)


class TestWithTheLibrarysPatronsAndAnotherDistrict:
    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        return [across("pine"), across("fir")]

    def test_a_preview_says_what_the_plan_says_of_matches(self, yard: Yard) -> None:
        yard.patrons = [patron(1), patron(2)]
        fir, _ = yard.run(a_firstcard_csv(*(child(n) for n in range(3, 30))), district="fir")
        assert str(yard.known(fir).status) == "applied"
        said, planned, plan = both(yard, a_firstcard_csv(*(child(n) for n in range(1, 28))), at=later(days=1))
        assert plan["matching"]["compared_with_districts"] == 1
        assert plan["decisions"].get("served", 0) > 0
        assert (said.outcome, numbers(said.plan)) == (planned.outcome, plan)

    def test_a_preview_that_may_not_open_what_planning_opens_says_whose_agreements_stand_in_its_way(self, yard: Yard) -> None:
        assert self.in_the_way(yard) == ("oak.fir", "oak.pine")
        opens = {"roles": across("pine")["roles"] | {"preview": {"purposes": ["issue_card", "deduplicate"], "opens": ["deduplicate"]}}}
        one = (agreement_from(across("pine") | opens), agreement_from(across("fir")))
        two = (agreement_from(across("pine") | opens), agreement_from(across("fir") | opens))
        assert self.in_the_way(yard, one) == ("oak.fir",)
        assert self.in_the_way(yard, two) == ()

    def in_the_way(self, yard: Yard, agreements: Any = None) -> tuple[str, ...]:
        site = Site(agreements or yard.site.agreements, yard.site.libraries)
        agreement = site.of_sharing("oak.pine", EVENING.date())
        assert agreement is not None
        port: Any = yard.cards
        weigher = Weigher(site, yard.ledger, yard.places, port, yard.keys.unwrap, yard.keys.declare, port, port, lambda *_: None)
        return tuple(sorted(may_not_open(agreement, weigher, EVENING)))


# -- what stands in a file's way -----------------------------------------------------------------------------------------------------------


def test_the_content_that_waits_already_is_nothing_new_and_its_run_is_named(yard: Yard) -> None:
    arrival = yard.admitted(a_roster(1, 2))
    assert yard.plan(arrival).outcome == "ready"
    said, planned, _ = both(yard, a_roster(1, 2), at=later(hours=1))
    assert (said.outcome, said.reason, said.waits_already) == ("unchanged", "DUPLICATE_FILE", arrival.run_id)
    assert planned.outcome == "unchanged"


def test_a_file_that_is_none_is_refused_with_its_reason(yard: Yard) -> None:
    said, planned, _ = both(yard, b"%PDF-1.7")
    assert (said.outcome, said.reason, planned.outcome) == ("rejected", "UNKNOWN_FORMAT", "rejected")


def test_while_another_run_is_applied_nothing_is_said(yard: Yard) -> None:
    arrival = yard.admitted(a_roster(1, 2))
    yard.plan(arrival)
    assert yard.begin(arrival).outcome == "go"
    assert yard.preview(yard.lay(a_roster(1, 2, 3), at=later(hours=1))).outcome == "busy"


def test_under_a_suspended_agreement_no_file_is_opened(yard: Yard, breaking: Breaking) -> None:
    yard.ledger.suspend("oak.pine", by="ann", at=EVENING.isoformat())
    laid = yard.lay(a_roster(1))
    breaking.seen.clear()
    assert yard.preview(laid).reason == "AGREEMENT_SUSPENDED"
    assert "GetObject" not in breaking.seen


# -- the function and the command -----------------------------------------------------------------------------------------------------------

NOW = datetime.now(UTC)


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def calls(self, yard: Yard, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        return calls_go_to_the_handler(monkeypatch, function)

    def run(self, *words: str) -> tuple[int, str, str]:
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["run", "plan", *words])
        return result.exit_code, result.stdout, result.stderr

    def lying(self, district: str = "pine") -> list[str]:
        found = boto3.client("s3").list_object_versions(Bucket=drop_bucket(district), Prefix="preview/")
        return [one["Key"] for one in found.get("Versions", [])]

    def test_shows_what_the_newest_file_of_that_name_would_do_by_school_and_grade(self, yard: Yard) -> None:
        yard.lay(a_roster(9))
        yard.lay(a_firstcard_csv(a_student_row(1), a_student_row(2, grade="07"), a_student_row(3, grade="99")))
        code, said, _ = self.run("roster.csv", "--agreement", "oak.pine", "--json", "--keep")
        told = json.loads(said)
        assert (code, told["outcome"], told["plan"]["rows"], told["plan"]["rejected"]) == (0, "ready", 3, {"BAD_GRADE": 1})
        assert told["plan"]["by_grade"] == {"school-1": {"04": {"wait": 1}, "07": {"wait": 1}}}
        code, said, _ = self.run("roster.csv", "--agreement", "oak.pine", "--grades")
        assert code == 0
        assert "07" in said
        assert "Nothing was done." in said

    def test_the_file_is_gone_after_one_look_unless_it_is_to_be_kept(self, yard: Yard) -> None:
        yard.lay(a_roster(1), name="other.csv")
        yard.lay(a_roster(1))
        yard.lay(a_roster(1, 2))
        self.run("roster.csv", "--agreement", "oak.pine", "--keep")
        assert len(self.lying()) == 3
        self.run("roster.csv", "--agreement", "oak.pine")
        assert self.lying() == ["preview/other.csv"]
        code, _, why = self.run("roster.csv", "--agreement", "oak.pine")
        assert (code, "no such file" in why) == (2, True)

    def test_of_a_refused_file_exits_with_1_and_says_why(self, yard: Yard) -> None:
        yard.lay(b"%PDF-1.7")
        code, said, _ = self.run("roster.csv", "--agreement", "oak.pine")
        assert (code, "UNKNOWN_FORMAT" in said) == (1, True)

    @pytest.mark.parametrize(
        ("file", "sharing", "word"),
        [
            ("roster.csv", "oak.nowhere", "no agreement"),
            ("../incoming/roster.csv", "oak.pine", "no slash"),
            ("half.csv.part", "oak.pine", "no such file"),
        ],
    )
    def test_used_wrongly_exits_with_2_and_says_what_to_write(self, yard: Yard, file: str, sharing: str, word: str) -> None:
        yard.lay(a_roster(1))
        boto3.client("s3").put_object(Bucket=drop_bucket(), Key="preview/half.csv.part", Body=a_roster(1))
        code, _, why = self.run(file, "--agreement", sharing)
        assert (code, word in " ".join(why.replace("│", " ").split())) == (2, True)

    def test_leaves_nothing_for_the_district_and_names_nobody(self, yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
        yard.lay(a_roster(1, 2))
        _, said, _ = self.run("roster.csv", "--agreement", "oak.pine", "--json")
        assert not boto3.client("s3").list_objects_v2(Bucket=drop_bucket()).get("Contents")
        assert not boto3.client("s3").list_objects_v2(Bucket=VAULT).get("Contents")
        assert (everything(CARDS), everything(LEDGER)) == ([], [])
        for value in ("Ada", "Pineb", "100001", "2016-05-04", "family1@example.org"):
            assert value not in said + capsys.readouterr().out


def test_the_function_takes_no_other_question(yard: Yard) -> None:
    assert function.handler({"sharing": "oak.pine"}, a_context()) == {"error": "not_a_question"}
