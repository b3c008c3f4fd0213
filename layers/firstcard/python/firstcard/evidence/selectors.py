"""Which calls a trail records, told from its event selectors, as PutEventSelectors is given them and GetEventSelectors answers them.

Source: CloudTrail's EventSelector, AdvancedEventSelector and AdvancedFieldSelector. Selectors are alternatives; within an advanced one every field must hold; several
values of a field are alternatives, and of a NotEquals all must hold. Names are compared without regard to case: the API writes ``fieldSelectors``, the answer ``FieldSelectors``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EXCLUDABLE = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})
"""Only these sources of management events can be left out by a basic selector."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that must be recorded; type and arn are of the resource of a data event, and empty for a management event."""

    source: str
    name: str
    read_only: bool
    type: str = ""
    arn: str = ""

    @property
    def data(self) -> bool:
        """Whether it is a data event."""
        return bool(self.type)


class UnknownSelectorError(Exception):
    """Selectors of a form that is not known here, of which nothing can be said."""


def not_recorded(selectors: object, calls: Sequence[Call]) -> list[Call]:
    """The calls that a trail with these selectors would not record.

    selectors holds ``eventSelectors`` or ``advancedEventSelectors``; a trail without any records all management events and no data events. Raises UnknownSelectorError.
    """
    said = _fields(selectors)
    advanced, basic = said.get("advancedeventselectors"), said.get("eventselectors")
    if advanced:
        tests = [_fields(one) for one in _list(advanced)]
        return [call for call in calls if not any(_advanced(one, call) for one in tests)]
    if basic:
        tests = [_fields(one) for one in _list(basic)]
        return [call for call in calls if not any(_basic(one, call) for one in tests)]
    if advanced is None and basic is None:
        raise UnknownSelectorError("no selectors")
    return [call for call in calls if call.data]


def _fields(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnknownSelectorError("not an object")
    found = {str(name).lower(): one for name, one in value.items()}
    if len(found) != len(value):
        raise UnknownSelectorError("a name in two spellings")
    return found


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnknownSelectorError("not a list")
    return value


def _texts(value: object) -> list[str]:
    texts = _list(value)
    if not all(isinstance(one, str) for one in texts):
        raise UnknownSelectorError("not a text")
    return texts


def _basic(selector: Mapping[str, Any], call: Call) -> bool:
    kind = selector.get("readwritetype", "All")
    if kind not in ("All", "ReadOnly", "WriteOnly"):
        raise UnknownSelectorError("readWriteType")
    if kind != "All" and (kind == "ReadOnly") is not call.read_only:
        return False
    if not call.data:
        if selector.get("includemanagementevents", True) not in (True, False):
            raise UnknownSelectorError("includeManagementEvents")
        return bool(selector.get("includemanagementevents", True)) and call.source not in _texts(
            selector.get("excludemanagementeventsources")
        )
    for resource in map(_fields, _list(selector.get("dataresources"))):
        if resource.get("type") == call.type and any(_covers(value, call) for value in _texts(resource.get("values"))):
            return True
    return False


def _covers(value: str, call: Call) -> bool:
    """A basic selector's value: of objects a prefix, else one resource, or the service's bare prefix for all of them."""
    if call.type == "AWS::S3::Object":
        return call.arn.startswith(value)
    return call.arn == value or (value.count(":") < 3 and call.arn.startswith(value))


_TESTS = ("equals", "startswith", "endswith", "notequals", "notstartswith", "notendswith")


def _advanced(selector: Mapping[str, Any], call: Call) -> bool:
    facts = {
        "eventcategory": "Data" if call.data else "Management",
        "readonly": str(call.read_only).lower(),
        "eventname": call.name,
        "eventsource": call.source,
        "resources.type": call.type,
        "resources.arn": call.arn,
        "eventtype": "AwsApiCall",
    }
    wanted = _list(selector.get("fieldselectors"))
    if not wanted:
        raise UnknownSelectorError("no fields")
    holds = True
    for test in map(_fields, wanted):
        field = test.get("field")
        unknown = test.keys() - {"field", *_TESTS}
        if not isinstance(field, str) or any(test[name] for name in unknown):
            raise UnknownSelectorError("field")
        if field.lower() not in facts:
            # It narrows by something that is not decided here, such as who called: then some such calls are left out.
            holds = False
            continue
        holds = holds and _holds(facts[field.lower()], test)
    return holds


def _holds(fact: str, test: Mapping[str, Any]) -> bool:
    for name in _TESTS:
        values = _texts(test.get(name))
        if not values:
            continue
        plain = name.removeprefix("not")
        hits = [
            fact == one if plain == "equals" else fact.startswith(one) if plain == "startswith" else fact.endswith(one) for one in values
        ]
        if any(hits) is name.startswith("not"):
            return False
    return True
