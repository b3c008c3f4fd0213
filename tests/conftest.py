"""Which tests stay together when they run on several cores, and how many cases are drawn where time is short."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

if os.environ.get("CI"):
    settings.register_profile("ci", max_examples=30)  # where a test names no number of its own; others draw a hundred
    settings.load_profile("ci")

TESTS = Path(__file__).parent
ROOMS = ("flow/product", "flow/cloud", "infra", "browser")
"""Rooms with something dear that is made once a session (a machine, a synth); the longest first, for it must not begin last."""


def _group(path: Path) -> str:
    """A whole room, or else one file: its module's fixtures are made once."""
    file = path.relative_to(TESTS).as_posix()
    return next((room for room in ROOMS if file.startswith(f"{room}/")), file)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item.path)))
    rank = {room: place for place, room in enumerate(ROOMS)}
    items.sort(key=lambda item: rank.get(_group(item.path), len(ROOMS)))
