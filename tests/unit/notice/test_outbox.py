import re
from pathlib import Path
from typing import Any

import pytest

from firstcard.notice import ChildCard, announcement, card_notice, staff_notice
from local.outbox import kind_of, messages_of, write_outbox

from .builders import REFUSE_URL, a_library, an_agreement

A = an_agreement()
LIBRARY = a_library()


def sent(message: Any, **changes: Any) -> dict[str, Any]:
    """A message in the form in which the emulator shows it."""
    return {
        "MessageId": "6ab0@email.example.org",
        "Source": "cards@jaxpl.example.org",
        "To": ["ximena.parent@example.org"],
        "CC": [],
        "BCC": [],
        "Subject": message.subject,
        "BodyText": message.text,
        "BodyHtml": message.html,
        "Timestamp": 1795327200.0,
        "Type": "v2.SendEmail",
        **changes,
    }


def some_messages() -> list[dict[str, Any]]:
    told = announcement("es", agreement=A, library=LIBRARY, children=["Ximena"], window_days=10, refuse_url=REFUSE_URL)
    card = card_notice("en", agreement=A, library=LIBRARY, cards=[ChildCard("Ximena", "90400000123456")], refuse_url=REFUSE_URL)
    staff = staff_notice("en", agreement=A, library=LIBRARY, number="21234000000017")
    return [sent(told), sent(told, Timestamp=1795327300.0), sent(card), sent(staff)]


def test_messages_are_counted_by_kind_and_each_lies_there_in_both_parts(tmp_path: Path) -> None:
    summary = write_outbox(some_messages(), tmp_path / "outbox")
    assert dict(summary.counts) == {
        "announcement": 2,
        "again": 0,
        "card": 1,
        "linked": 0,
        "pin": 0,
        "staff": 1,
        "receipt": 0,
        "held": 0,
        "late": 0,
    }
    assert summary.total == 4
    folder = tmp_path / "outbox"
    assert (folder / "card/000001.html").read_text("utf-8") == some_messages()[2]["BodyHtml"]
    text = (folder / "card/000001.txt").read_text("utf-8")
    assert "To: ximena.parent@example.org" in text
    assert "90400000123456" in text
    assert summary.index == folder / "index.html"


def test_every_link_of_the_index_leads_to_a_file(tmp_path: Path) -> None:
    summary = write_outbox(some_messages(), tmp_path)
    pages = [summary.index, *tmp_path.glob("*/index.html")]
    links = [(page, href) for page in pages for href in re.findall(r'href="([^"]+)"', page.read_text("utf-8"))]
    assert len(links) >= 4 * 2
    assert all((page.parent / href).is_file() for page, href in links)


def test_no_file_name_says_anything_about_a_person(tmp_path: Path) -> None:
    write_outbox(some_messages(), tmp_path)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file() and path.name != ".firstcard-outbox"}
    assert all(re.fullmatch(r"(?:(?:announcement|card|staff)/)?(?:index|\d{6})\.(?:html|txt)", name) for name in names)


def test_a_second_run_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    write_outbox(some_messages(), tmp_path)
    summary = write_outbox(some_messages()[2:], tmp_path)
    assert summary.total == 2
    assert not (tmp_path / "announcement").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.doc").write_text("mine")
    with pytest.raises(FileExistsError, match="holds something else"):
        write_outbox(some_messages(), tmp_path)
    assert (tmp_path / "letters.doc").read_text() == "mine"


def test_the_tag_goes_before_the_mark_in_the_message() -> None:
    message = some_messages()[2]
    assert kind_of(message) == "card"
    assert kind_of({**message, "EmailTags": [{"Name": "kind", "Value": "staff"}]}) == "staff"


@pytest.mark.parametrize("tag", ["../../etc", "", "CARD"])
def test_an_unknown_kind_is_other_and_makes_no_path(tag: str, tmp_path: Path) -> None:
    message = {**some_messages()[2], "EmailTags": [{"Name": "kind", "Value": tag}]}
    assert kind_of(message) == "other"
    assert write_outbox([message], tmp_path).counts["other"] == 1


def test_a_message_without_html_is_shown_as_escaped_text(tmp_path: Path) -> None:
    bare = sent(
        announcement("en", agreement=A, library=LIBRARY, children=1, window_days=0, refuse_url=REFUSE_URL),
        BodyHtml=None,
        BodyText="<script>x</script>",
    )
    write_outbox([bare], tmp_path)
    assert "&lt;script&gt;" in (tmp_path / "other/000001.html").read_text("utf-8")


def test_subjects_and_addresses_are_escaped_in_the_index(tmp_path: Path) -> None:
    write_outbox([{**some_messages()[2], "Subject": "<script>x</script>\r\nX: y", "To": ["<b>@example.org"]}], tmp_path)
    page = (tmp_path / "card/index.html").read_text("utf-8")
    assert "<script" not in page
    assert "<b>@" not in page
    assert "\r" not in (tmp_path / "card/000001.txt").read_text("utf-8").split("\n\n")[0]


def test_the_emulators_answer_is_read_for_all_accounts_oldest_first() -> None:
    late, early = some_messages()[1], some_messages()[0]
    assert messages_of({"messages": {"000000000000": [late], "111122223333": [early]}}) == [early, late]
    assert messages_of({"messages": {}}) == []


def test_only_the_first_of_each_kind_are_written_and_all_are_counted(tmp_path: Path) -> None:
    card = some_messages()[2]
    assert write_outbox([card] * 5, tmp_path, most=2).counts["card"] == 5
    assert sorted(p.name for p in (tmp_path / "card").glob("0*.txt")) == ["000001.txt", "000002.txt"]
    assert "The first 2 of 5." in (tmp_path / "card/index.html").read_text("utf-8")
