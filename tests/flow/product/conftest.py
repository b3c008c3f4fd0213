"""One machine with two programmes for all product tests of a session, and the story of its first night, told once.

``first_night`` is where the story stands when both districts' first loads are through. Tests that go on from there leave the machine usable for others:
no held run, no suspension.
"""

import base64
import json
import re
import sqlite3
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from local.district.delivery import new_openpgp_key, protect
from local.district.people import Change, Damage, District, Student, make_district
from local.machine import DESK, Machine, later_event
from local.wanted import Wanted
from tests.flow.product.hearing import Hearing
from tests.flow.product.killing import Killer
from tests.flow.product.sharing import Difference, Left, Sharing, difference, digest_of, link_in, pin_link_in
from tests.flow.product.waiting import until, until_quiet


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("machine"), ["jacksonville", "one-access"], datetime.now(UTC).date(), report=lambda line: None)
    with made as running:
        running.cloud.reset_calls()
        yield running


@pytest.fixture(scope="session")
def hearing(machine: Machine) -> Hearing:
    return Hearing(machine).begin()


def _sharing(machine: Machine, hearing: Hearing, programme: str, **size: Any) -> Sharing:
    made = next(p for p in machine.deployed if p.name == programme)
    district = make_district(district=made.agreement.district, seed=7, today=machine.today, **size)
    return Sharing(machine, made, district, hearing)


@pytest.fixture(scope="session")
def duval(machine: Machine, hearing: Hearing) -> Sharing:
    """A small district whose families have days to say no before a card is issued."""
    shares = {"damaged_share": 0.05, "opted_out_share": 0.03, "no_address_share": 0.06}
    return _sharing(machine, hearing, "jacksonville", students=60, staff=6, schools=4, **shares)


@pytest.fixture(scope="session")
def cms(machine: Machine, hearing: Hearing) -> Sharing:
    """A district of more than one chunk, whose families refuse before anything is sent."""
    return _sharing(machine, hearing, "one-access", students=420, staff=6, schools=5, damaged_share=0.012)


@dataclass(frozen=True)
class Tomorrow:
    """Duval's next day: ten children changed, and the family that will say no today, whose child changes too."""

    district: District
    changes: tuple[Change, ...]
    refusing: tuple[Student, ...]


@pytest.fixture(scope="session")
def tomorrow(duval: Sharing) -> Tomorrow:
    day, changes = duval.district.next_day(10)
    touched = {change.sourced_id for change in changes}
    families: dict[str, list[Student]] = {}
    for student in duval.district.students:
        if student.damage is None and not student.opt_out and _age(student, duval.district) < 18:
            families.setdefault(student.email, []).append(student)
    whole = [kids for email, kids in families.items() if email and len(kids) > 1 and touched.isdisjoint(kid.sourced_id for kid in kids)]
    refusing = tuple(whole[0])
    moved = (replace(s, last_name=f"{s.last_name}-Marigold") if s.sourced_id == refusing[0].sourced_id else s for s in day.students)
    return Tomorrow(replace(day, students=tuple(moved)), changes, refusing)


def _age(student: Student, district: District) -> int:
    born, on = student.birth_date, district.today
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


@dataclass(frozen=True)
class AnswerSeen:
    """What an HTTP request was answered, and what it left behind."""

    status: int
    page: str
    left: Left


@dataclass(frozen=True)
class FirstNight:
    """The story up to here. ``calls`` are those of the whole way, ``killed`` the workers of issue that were killed on it."""

    duval: Left
    cms: Left
    duval_wanted: Wanted
    cms_wanted: Wanted
    duval_told: Left
    opened: AnswerSeen
    one_click: AnswerSeen
    refused: AnswerSeen
    killed: tuple[int, ...]
    duval_run: str
    cms_run: str
    calls: dict[str, Any]


@pytest.fixture(scope="session")
def first_night(machine: Machine, duval: Sharing, cms: Sharing, tomorrow: Tomorrow) -> FirstNight:
    for side in (duval, cms):
        side.drop(side.protected(side.export), "first.zip.gpg")
    duval_run, cms_run = (str(side.until_run("first.zip.gpg", "held")["run_id"]) for side in (duval, cms))

    duval_wanted, cms_wanted = Wanted.of(duval.district, duval.programme.agreement), Wanted.of(cms.district, cms.programme.agreement)
    duval.decide(duval_run, "approve")
    duval.until_run("first.zip.gpg", "applied")
    until(lambda: duval.watch.windows_open() >= duval_wanted.windows, "every family of duval to be told")
    until_quiet(machine)
    told = duval.state()
    opened, one_click, refused = _a_family_says_no(machine, duval, told, tomorrow.refusing[0].email)
    days = duval.programme.agreement.basis.choice.window_days
    assert days
    machine.invoke_window(datetime.now(UTC) + timedelta(days=days, minutes=1))

    killer = Killer(machine, function="firstcard-issue", operation="BatchWriteItem")
    killer.start()
    try:
        cms.decide(cms_run, "approve")
        cms.until_run("first.zip.gpg", "applied")
    finally:
        killer.give_up()
    until(lambda: cms.watch.in_ils() >= cms_wanted.cards, "every card of cms in its library's system")
    until_quiet(machine)
    calls = machine.cloud.calls()
    return FirstNight(
        duval.state(),
        cms.state(),
        duval_wanted,
        cms_wanted,
        told,
        opened,
        one_click,
        refused,
        tuple(killer.killed),
        duval_run,
        cms_run,
        calls,
    )


def _a_family_says_no(machine: Machine, side: Sharing, told: Left, email: str) -> tuple[AnswerSeen, AnswerSeen, AnswerSeen]:
    letter = next(mail for mail in told.mails_of("announcement") if mail["To"] == [email])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with httpx.Client(
        verify=ssl.create_default_context(cafile=str(machine.cloud.certificate.authority)), timeout=60, trust_env=False
    ) as web:

        def seen(answer: httpx.Response) -> AnswerSeen:
            until_quiet(machine)
            return AnswerSeen(answer.status_code, answer.text, side.state())

        opened = seen(web.get(link_in(letter)))
        one_click = seen(web.post(link_in(letter), content="List-Unsubscribe=One-Click", headers=form))
        refused = seen(web.post(link_in(letter), content="answer=no", headers=form))
    return opened, one_click, refused


@dataclass(frozen=True)
class RefusedFiles:
    """Files of duval that may not come in: by name the reason that each must be given, its run, and what they all left behind."""

    reasons: Mapping[str, str]
    runs: Mapping[str, Mapping[str, Any]]
    left: Difference


@pytest.fixture(scope="session")
def refused_files(machine: Machine, duval: Sharing, cms: Sharing, first_night: FirstNight) -> RefusedFiles:
    before = duval.state()
    stranger = new_openpgp_key("a stranger (synthetic)", created=datetime.now(UTC))
    good = duval.protected(duval.export)
    files = {
        "unsigned.zip.gpg": (protect(duval.export, recipients=[duval.programme.keys.ours.public], signer=None).data, "PGP_UNSIGNED"),
        "signed-by-a-stranger.zip.gpg": (duval.protected(duval.export, signer=stranger), "PGP_SIGNER"),
        "for-somebody-else.zip.gpg": (duval.protected(duval.export, recipient=stranger.public), "PGP_NO_KEY"),
        "not-protected.zip": (duval.export, "PROTECTION_TOO_WEAK"),
        "of-another-district.zip.gpg": (duval.protected(cms.export), "WRONG_DISTRICT"),
        "cut-in-half.zip.gpg": (good[: len(good) // 2], "PGP_TRUNCATED"),
        "half-an-export.zip.gpg": (duval.protected(duval.export[: len(duval.export) // 2]), "ZIP_DAMAGED"),
    }
    for name, (data, _) in files.items():
        duval.drop(data, name)
    runs = {name: duval.until_run(name, "rejected", "held", "applied", "failed", "unchanged") for name in files}
    until_quiet(machine)
    return RefusedFiles({name: reason for name, (_, reason) in files.items()}, runs, difference(before, duval.state()))


@dataclass(frozen=True)
class Trials:
    """Files that duval put into ``try/``: their receipts by file name, and everything that they changed, wherever it lies."""

    receipts: Mapping[str, Mapping[str, Any]]
    left: Difference
    stored: frozenset[tuple[str, str, str]]
    """Versions that came into any bucket but the trail's: bucket, key, version."""
    ledger: frozenset[str]
    """Digests of ledger items that came or changed."""


@pytest.fixture(scope="session")
def trials(machine: Machine, duval: Sharing) -> Trials:
    stranger = new_openpgp_key("a stranger (synthetic)", created=datetime.now(UTC))
    uploads = {
        "good.zip.gpg": duval.protected(duval.export),
        "no-roster.gpg": duval.protected(b"%PDF-1.7"),
        "for-somebody-else.zip.gpg": duval.protected(duval.export, recipient=stranger.public),
        "not-protected.zip": duval.export,
    }
    until_quiet(machine)
    before, stored, ledger = duval.state(), _stored(machine), _ledger(machine)
    for name, data in uploads.items():
        duval.drop(data, name, folder="try")
    receipts = {name: duval.until_tried(name) for name in uploads}
    until_quiet(machine)
    changed = _stored(machine) - stored, _ledger(machine) - ledger
    return Trials(receipts, difference(before, duval.state()), *changed)


def _stored(machine: Machine) -> frozenset[tuple[str, str, str]]:
    root = machine.cloud.session().client("s3")
    return frozenset(
        (bucket, version["Key"], version["VersionId"])
        for bucket in (there["Name"] for there in root.list_buckets()["Buckets"])
        if bucket.startswith(("firstcard-drop-", "firstcard-vault-"))
        for page in root.get_paginator("list_object_versions").paginate(Bucket=bucket)
        for version in page.get("Versions", [])
    )


def _ledger(machine: Machine) -> frozenset[str]:
    pages = machine.cloud.session(DESK).client("dynamodb").get_paginator("scan").paginate(TableName="firstcard-ledger", ConsistentRead=True)
    return frozenset(digest_of(item) for page in pages for item in page["Items"])


KEYHOLDER = "firstcard-keyholder"


Opened = tuple[bool, tuple[str, ...]]
"""Whether a file that was tried could be read, and the reasons against it as a whole."""


@dataclass(frozen=True)
class KeyChange:
    """What became of a roster encrypted for a new key, for the old one, and for the new one after it was taken out."""

    for_the_new: Opened
    for_the_old: Opened
    after_taking_out: Opened


@pytest.fixture(scope="session")
def key_change(duval: Sharing, first_night: FirstNight, tmp_path_factory: pytest.TempPathFactory) -> KeyChange:
    """A district's key is renewed by its keeper, and the new one taken out again."""
    folder = tmp_path_factory.mktemp("keys")

    def keys() -> set[str]:
        shown = json.loads(duval.firstcard("key", "list", "--district", duval.slug, "--json", role=KEYHOLDER))
        return {key["fingerprint"] for key in shown["keys"]}

    def sent(name: str, recipient: str = "") -> Opened:
        duval.drop(duval.protected(duval.export, recipient=recipient), name, folder="try")
        receipt = duval.until_tried(name)
        return bool(receipt["rows"]), tuple(place["reason"] for place in receipt["reasons"])

    before = keys()
    duval.firstcard("key", "rotate", "--district", duval.slug, "--out", str(folder), role=KEYHOLDER)
    [new] = keys() - before
    public = (folder / f"firstcard-{duval.slug}.asc").read_text()
    both = sent("for-the-new-key.zip.gpg", public), sent("for-the-old-key.zip.gpg")
    duval.firstcard("key", "revoke", new, "--district", duval.slug, role=KEYHOLDER)
    return KeyChange(*both, sent("for-a-key-taken-out.zip.gpg", public))


@pytest.fixture(scope="session")
def swept(machine: Machine, first_night: FirstNight) -> None:
    """The quarter-hourly sweep, sent now: every file has its run, and no roster is late."""
    _sweep(machine)


def _sweep(machine: Machine) -> None:
    functions = machine.cloud.session(DESK).client("lambda")
    answer = functions.invoke(FunctionName="firstcard-admit", Payload=json.dumps(later_event(datetime.now(UTC))).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()[:500]


SYSTEMS_LIBRARIAN = "firstcard-systems-librarian"
PATRONS = tuple(
    {
        "patron_id": f"{7000 + number}",
        "first_name": "Marigold",
        "last_name": f"Featherstone{letter}",
        "birth_date": f"19{60 + number}-05-17",
        "email": f"marigold{number}@example.org",
        "gender": "F",
    }
    for number, letter in enumerate("abcdefg")
)
"""Adults who have nothing to do with any school."""


@dataclass(frozen=True)
class Kept:
    """One extract as it lay in the vault: its key, its body, and what the ledger said of it."""

    key: str
    body: bytes
    held: Mapping[str, Any]

    @property
    def context(self) -> dict[str, str]:
        """The encryption context that its data key is wrapped under."""
        name = self.key.rpartition("/")[2].removesuffix(".sealed")
        return {"agreement": "jaxpl", "object": f"extract-{name}", "group": "patrons", "purpose": "deduplicate"}

    @property
    def wrapped(self) -> bytes:
        """Its data key."""
        return base64.b64decode(json.loads(self.body.partition(b"\n")[0])["deduplicate"])


@dataclass(frozen=True)
class PatronWeek:
    """A library's week with its own patrons: a file, deleted and imported again, then its ILS, then the sweep, too early and when the days are over.

    ``lying`` is every version after the deletion, before the sweeps and after each.
    """

    deleted: Mapping[str, Any]
    of_file: Kept
    of_ils: Kept
    patrons_in_ils: int
    said: str
    lying: tuple[tuple[str, ...], ...]
    swept: Mapping[str, Any]


@pytest.fixture(scope="session")
def patron_week(machine: Machine, duval: Sharing, first_night: FirstNight, tmp_path_factory: pytest.TempPathFactory) -> PatronWeek:
    root = machine.cloud.session()
    where = ("--library", "jaxpl", "--site", str(machine.state / "site"))
    said: list[str] = []

    def patrons(*words: str) -> dict[str, Any]:
        said.append(duval.firstcard("patrons", *words, *where, "--json", role=SYSTEMS_LIBRARIAN))
        told: dict[str, Any] = json.loads(said[-1])
        return told

    def lying() -> tuple[str, ...]:
        found = root.client("s3").list_object_versions(Bucket=machine.vault_bucket, Prefix="patrons/")
        return tuple(one["Key"] for one in (*found.get("Versions", []), *found.get("DeleteMarkers", [])))

    def kept() -> Kept:
        [key] = lying()
        body = root.client("s3").get_object(Bucket=machine.vault_bucket, Key=key)["Body"].read()
        return Kept(key, body, patrons("show"))

    file = tmp_path_factory.mktemp("patrons") / "patrons.csv"
    rows = [",".join(PATRONS[0]), *(",".join(row.values()) for row in PATRONS)]
    file.write_text("\n".join(rows) + "\n")
    patrons("import", str(file))
    deleted, after_deletion = patrons("delete"), lying()
    patrons("import", str(file))
    of_file = kept()
    patrons("import", "--from-ils")
    of_ils = kept()
    with closing(sqlite3.connect(f"file:{machine.libraries['jaxpl'].database}?mode=ro", uri=True, timeout=10)) as db:
        in_ils = int(db.execute("SELECT COUNT(*) FROM patrons").fetchone()[0])
    steps = [after_deletion, lying()]
    _sweep(machine)
    steps.append(lying())
    _a_week_ago(machine, of_ils.held)
    _sweep(machine)
    steps.append(lying())
    return PatronWeek(deleted, of_file, of_ils, in_ils, "\n".join(said), tuple(steps), patrons("show"))


def _a_week_ago(machine: Machine, held: Mapping[str, Any]) -> None:
    """Let the library's extract be one of a week ago: a sweep of next week would find rosters late."""
    past = {name: (datetime.fromisoformat(held[name]) - timedelta(days=7)).isoformat() for name in ("imported_at", "until")}
    machine.cloud.session().client("dynamodb").update_item(
        TableName="firstcard-ledger",
        Key={"pk": {"S": "patrons#jaxpl"}, "sk": {"S": "extract"}},
        UpdateExpression="SET imported_at = :i, #u = :u",
        ExpressionAttributeNames={"#u": "until"},
        ExpressionAttributeValues={":i": {"S": past["imported_at"]}, ":u": {"S": past["until"]}},
    )


@dataclass(frozen=True)
class PinStory:
    """A family of duval sees its child's PIN, and after the library had another one made sees that: what the pages said, and what opened the account.

    ``shown`` and ``renewed`` are (number, PIN) as the page had them; ``opens`` whether each PIN opened the account before and after the reset.
    """

    letter: str
    fetched: str
    wrong: str
    shown: tuple[str, str]
    renewed: tuple[str, str]
    by_the_old_link: str
    opens: tuple[bool, bool, bool]
    answers: tuple[str, str]
    left: Difference


@pytest.fixture(scope="session")
def pin_story(machine: Machine, duval: Sharing, first_night: FirstNight, tomorrow: Tomorrow) -> PinStory:
    before = duval.state()
    touched = {change.sourced_id for change in tomorrow.changes}
    cards = before.mails_of("card")
    child = next(
        s
        for s in duval.district.students
        if s.sourced_id not in touched
        and any(mail["To"] == [s.email] for mail in cards)
        and duval.token(s.local_id) in before.patrons("active")
    )
    letter = next(mail for mail in cards if mail["To"] == [child.email])
    born = {"month": str(child.birth_date.month), "day": str(child.birth_date.day), "year": str(child.birth_date.year)}
    with httpx.Client(
        verify=ssl.create_default_context(cafile=str(machine.cloud.certificate.authority)), timeout=60, trust_env=False
    ) as web:

        def answered(link: str, **changed: str) -> str:
            return web.post(link, data={**born, **changed}).text

        fetched = web.get(pin_link_in(letter)).text
        wrong = answered(pin_link_in(letter), year=str(child.birth_date.year - 1))
        number, first = _shown(answered(pin_link_in(letter)))
        opened_first = duval.pin_opens(number, first)
        said = duval.firstcard("pin", "reset", "--district", duval.slug, "--student", child.local_id)
        mail = until(lambda: next(iter(duval.state().mails_of("pin")), None), "the e-mail about the new PIN")
        assert mail is not None
        until_quiet(machine)
        by_the_old_link = answered(pin_link_in(letter))
        renewed = _shown(answered(pin_link_in(mail)))
    until_quiet(machine)
    opens = (opened_first, duval.pin_opens(number, renewed[1]), duval.pin_opens(number, first))
    answers = (said, mail["BodyText"])
    return PinStory(
        letter["BodyText"], fetched, wrong, (number, first), renewed, by_the_old_link, opens, answers, difference(before, duval.state())
    )


def _shown(page: str) -> tuple[str, str]:
    """Number and PIN as the page shows them."""
    number, pin = re.findall(r'<p class="number" dir="ltr">(.*?)</p>', page)
    return re.sub(r"<[^>]+>", "", number), pin


@pytest.fixture(scope="session")
def answers(cms: Sharing, first_night: FirstNight) -> Mapping[str, str]:
    """What ``firstcard why`` answers the library's staff about a child with a card, one whose row was rejected, and one that nobody knows."""
    present = cms.state().patrons("active")
    of = {
        "card": next(s.local_id for s in cms.district.students if cms.token(s.local_id) in present),
        "rejected": next(
            s.local_id
            for s in cms.district.students
            if s.damage in (Damage.FUTURE_BIRTH_DATE, Damage.MISSING_LAST_NAME, Damage.UNKNOWN_SCHOOL)
        ),
        "unknown": "99999999",
    }
    return {child: _why(cms, local_id) for child, local_id in of.items()}


def _why(sharing: Sharing, local_id: str) -> str:
    said = sharing.firstcard("why", "--district", sharing.slug, "--student", local_id, "--json", exits=(0, 1))
    assert local_id not in said
    return str(json.loads(said)["code"])
