"""One synthesis of the whole product, read as plain data."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
PSEUDO = {"AWS::AccountId": "111122223333", "AWS::Region": "us-east-1", "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}


@dataclass(frozen=True)
class Templates:
    """Templates by stack name, and what the validation of the synthesis complained of."""

    stacks: dict[str, dict[str, Any]]
    findings: str

    def every(self, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(stack, logical id, properties with references resolved) of every resource of a type."""
        for stack, template in self.stacks.items():
            for logical_id, resource in template["Resources"].items():
                if resource["Type"] == kind:
                    yield stack, logical_id, plain(resource.get("Properties", {}))

    def named(self, kind: str, **properties: str) -> dict[str, Any]:
        """Properties of the one resource of a type that has these properties."""
        found = [p for _, _, p in self.every(kind) if all(p.get(k) == v for k, v in properties.items())]
        assert len(found) == 1, (kind, properties, len(found))
        return found[0]

    def role_statements(self, role_name: str) -> list[dict[str, Any]]:
        """All statements of the policies of a role."""
        stack, logical_id = next((s, i) for s, i, p in self.every("AWS::IAM::Role") if p["RoleName"] == role_name)
        policies = [p for s, _, p in self.every("AWS::IAM::Policy") if s == stack and f"<{logical_id}>" in p["Roles"]]
        return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]

    def actions(self, role_name: str) -> list[str]:
        """Every action that a role is allowed, sorted."""
        return sorted({a for s in self.role_statements(role_name) if s["Effect"] == "Allow" for a in listed(s["Action"])})


def listed(value: Any) -> list[Any]:
    """A value that may be one or several."""
    return list(value) if isinstance(value, list) else [value]


def plain(value: Any) -> Any:
    """References as text: pseudo parameters with example values, others as ``<logical id>`` or ``<logical id.attribute>``."""
    match value:
        case {"Ref": name}:
            return PSEUDO.get(name, f"<{name}>")
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [between, parts]}:
            return between.join(str(plain(part)) for part in parts)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: PSEUDO.get(found[1], f"<{found[1]}>"), text)
        case dict():
            return {key: plain(inner) for key, inner in value.items()}
        case list():
            return [plain(inner) for inner in value]
    return value


def synthesise(outdir: Path, placeholders: Path, context: dict[str, Any], *, validated: bool = True) -> Templates:
    """Synthesise the project's own site with empty bundles: a layer's hash is its lock file's, so the templates are the real ones."""
    from aws_cdk import App

    from firstcard.agreement import load_site
    from infra.product import Choices, add_stacks
    from local.layers import BUNDLES

    for bundle in BUNDLES:
        (placeholders / bundle / "python").mkdir(parents=True, exist_ok=True)
    settings = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(outdir=str(outdir), context={**settings, **context})
    add_stacks(app, site=load_site(PROJECT), choices=Choices(site=PROJECT, built_layers=placeholders, sftp=True))
    return written(app, outdir, validated=validated)


def written(app: Any, outdir: Path, *, validated: bool = True) -> Templates:
    """What an app writes, and what the rules complain of."""
    from aws_cdk import Validations
    from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks

    findings = ""
    if validated:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app), NIST80053R5Checks(app))
    try:
        app.synth()
    except RuntimeError as error:
        findings = str(error)
    stacks = {path.name.removesuffix(".template.json"): json.loads(path.read_text()) for path in sorted(outdir.glob("*.template.json"))}
    return Templates(stacks, findings)


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether an EventBridge pattern of values and prefixes lets an event through; of a list in the event one value must fit."""

    def values(key: str) -> list[Any]:
        value = event.get(key)
        return value if isinstance(value, list) else [value]

    return all(
        matches(wanted, event.get(key, {}))
        if isinstance(wanted, dict)
        else any(_fits(rule, value) for rule in wanted for value in values(key))
        for key, wanted in pattern.items()
    )


def _fits(rule: Any, value: Any) -> bool:
    checks: dict[str, Callable[[Any], bool]] = {"prefix": lambda given: isinstance(value, str) and value.startswith(given)}
    if isinstance(rule, dict):
        (name, given), *_ = rule.items()
        return checks[name](given)
    return bool(rule == value)
