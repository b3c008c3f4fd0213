"""A key that nobody can look up fails here."""

import re
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from firstcard.agreement import Agreement, Library

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "agreements.md").read_text(encoding="utf-8")


def keys_of(shape: Any, seen: set[type]) -> set[str]:
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        if shape in seen:
            return set()
        seen.add(shape)
        found: set[str] = set()
        for name, field in shape.model_fields.items():
            found |= {field.alias or name} | keys_of(field.annotation, seen)
        return found
    if get_origin(shape) is None or shape in (NoneType, UnionType, Union):
        return set()
    return set().union(*(keys_of(inner, seen) for inner in get_args(shape)))


@pytest.mark.parametrize("key", sorted(keys_of(Agreement, set()) | keys_of(Library, set())))
def test_every_key_is_on_the_page(key: str) -> None:
    assert re.search(rf"`{key}[`:]", PAGE)
