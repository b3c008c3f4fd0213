"""YAML read with the line of every key, and nothing that surprises: no tags, no anchors, no duplicate keys, no word that turns into something else.

``on``, ``no`` and ``off`` stay words, dates stay text until the model reads them, numbers with a leading zero stay text.
"""

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

MAX_BYTES = 1_000_000
MAX_DEPTH = 40

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | float | bool | None"
"""What a file holds once it is read."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_MAX_DIGITS = 18
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """What is wrong, where, and what to write instead."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


class AgreementError(Exception):
    """Files that cannot be relied on; ``mistakes`` has every one that was found, in the order of the files."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


@dataclass(slots=True)
class Written:
    """A file's content in plain types, and the line (from 1) on which each key or list item stands."""

    file: str
    content: Plain
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of ``path``, or of the nearest thing around it that was written."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 1


def read_yaml(text: bytes, file: str) -> Written:
    """Parse one document; raises AgreementError with every line that is not plain YAML."""

    def refuse(line: int, sentence: str) -> AgreementError:
        return AgreementError((Mistake(file, line, sentence),))

    if len(text) > MAX_BYTES:
        raise refuse(1, f"The file is larger than {MAX_BYTES:,} bytes: an agreement is a few pages; write only the agreement here.")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(text.count(b"\n", 0, error.start) + 1, "The file is not UTF-8: save it as UTF-8 text.") from None
    try:
        depth = 0
        for event in yaml.parse(decoded, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise refuse(_line_of(event), "The blocks are nested too deeply: an agreement needs at most five levels.")
            if isinstance(event, yaml.AliasEvent):
                raise refuse(
                    _line_of(event),
                    f"'*{event.anchor}' repeats another place: write the content out, so that it can be read where it holds.",
                )
            tag = getattr(event, "tag", None)
            if tag is not None:
                raise refuse(_line_of(event), f"The tag {_shown(tag)!r} is not allowed: write the plain value.")
        root = yaml.compose(decoded, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "it cannot be read"
        raise refuse(
            1 if mark is None else mark.line + 1, f"This is not YAML ({problem}): check the indentation, the colons and the quotes here."
        ) from None
    except yaml.YAMLError:
        raise refuse(1, "The file holds characters that YAML does not allow: save it as plain UTF-8 text.") from None
    if root is None:
        raise refuse(1, "The file is empty: begin with 'apiVersion: agreement/v1' or 'apiVersion: library/v1'.")
    written = Written(file, None)
    mistakes: list[Mistake] = []
    written.content = _plain(root, (), written, mistakes)
    if mistakes:
        raise AgreementError(tuple(mistakes))
    return written


def _line_of(event: yaml.Event) -> int:
    return 1 if event.start_mark is None else event.start_mark.line + 1


def _plain(node: yaml.Node, path: Path, written: Written, mistakes: list[Mistake]) -> Plain:
    if isinstance(node, yaml.MappingNode):
        block: dict[str, Plain] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                mistakes.append(Mistake(written.file, key_line, "A key has to be one word: write 'key: value'."))
                continue
            key = key_node.value
            if key in block:
                first = written.lines[(*path, key)]
                mistakes.append(
                    Mistake(written.file, key_line, f"'{_shown(key)}' is already written on line {first}: keep one of the two.")
                )
                continue
            written.lines[(*path, key)] = key_line
            block[key] = _plain(value_node, (*path, key), written, mistakes)
        return block
    if isinstance(node, yaml.SequenceNode):
        items: list[Plain] = []
        for number, item in enumerate(node.value):
            written.lines[(*path, number)] = item.start_mark.line + 1
            items.append(_plain(item, (*path, number), written, mistakes))
        return items
    return _scalar(node) if isinstance(node, yaml.ScalarNode) else None


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text = str(node.value)
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= _MAX_DIGITS and _WHOLE.fullmatch(text):
        return int(text)
    if len(text) <= _MAX_DIGITS and _DECIMAL.fullmatch(text):
        return float(text)
    return text


def _shown(key: str) -> str:
    """A key as it may stand in a sentence: printable and short."""
    return "".join(letter if letter.isprintable() else "?" for letter in key)[:60]
