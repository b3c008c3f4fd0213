"""events/ is what other people build against."""

import json

import jsonschema
import pytest

from firstcard.event import EVENTS
from local.event_files import FOLDER, files


def test_the_folder_is_what_the_models_say() -> None:
    assert {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()} == dict(files()), "run: python -m local.event_files"


@pytest.mark.parametrize("name", EVENTS)
def test_each_sample_is_valid_against_its_schema(name: str) -> None:
    schema = json.loads((FOLDER / f"{name}.v1.schema.json").read_text("utf-8"))
    sample = json.loads((FOLDER / f"{name}.v1.sample.json").read_text("utf-8"))
    assert sample["detail-type"] == name
    jsonschema.validate(sample["detail"], schema)


@pytest.mark.parametrize("name", EVENTS)
def test_no_schema_takes_a_field_that_it_does_not_name(name: str) -> None:
    schema = json.loads((FOLDER / f"{name}.v1.schema.json").read_text("utf-8"))
    sample = json.loads((FOLDER / f"{name}.v1.sample.json").read_text("utf-8"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**sample["detail"], "first_name": "Rosalind"}, schema)
