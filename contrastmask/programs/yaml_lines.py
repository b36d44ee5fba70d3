"""The lines of a configuration in YAML, and the same with words behind its settings."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

WIDTH = 100  # of the terminal that help is laid out for
_LINE = re.compile(r"( *)(\w+):(?:\s|$)(.*)")
_COLUMN = 32


class _Dumper(yaml.SafeDumper):
    """Lists as on the command line, between brackets."""


_Dumper.add_representer(list, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, True))


def as_yaml(settings: Mapping[str, Any]) -> str:
    """Plain dictionaries, lists and values as YAML, one setting a line."""
    return yaml.dump(settings, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))


def named_lines(text: str) -> Iterator[tuple[str, str]]:
    """The lines of YAML, each with the dotted name of its setting; no name where it has none."""
    parents: list[tuple[int, str]] = []
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            yield line, ""
            continue
        depth = len(found[1])
        parents = [*(parent for parent in parents if parent[0] < depth), (depth, found[2])]
        yield line, ".".join(name for _, name in parents)


def with_words(settings: str, words: Mapping[str, str], headings: Mapping[str, Sequence[str]]) -> str:
    """A configuration in YAML with the words behind the settings and the headings above their groups.

    Args:
        words: by dotted setting. headings: lines, by the dotted name that they stand above.
    """
    lines: list[str] = []
    below = False  # within a group
    for line, name in named_lines(settings):
        indent = " " * (len(line) - len(line.lstrip()))
        above = [part for text in headings.get(name, ()) for part in wrapped(text, f"{indent}# ")]
        if lines and not indent and (above or below):
            lines.append("")
        below = bool(indent)
        lines += [*above, *_with_words(line, words.get(name, ""))]
    return "\n".join(lines)


def wrapped(text: str, start: str, further: str | None = None) -> list[str]:
    """The lines of a text behind ``start``, those after the first one behind ``further``; no word is cut."""
    further = start if further is None else further
    options = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=further, **options)


def _with_words(line: str, words: str) -> list[str]:
    if not words:
        return [line]
    if _COLUMN - 2 < len(line) <= WIDTH - 4 - len(words):
        return [f"{line}  # {words}"]
    told = wrapped(words, " " * _COLUMN + "# ")
    return [line, *told] if len(line) > _COLUMN - 2 else [line + told[0][len(line) :], *told[1:]]
