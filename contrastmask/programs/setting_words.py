"""What each setting means, in the words that stand behind it below ``conf/``, in the file of its program or of a choice
of its group; ``--help`` shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from contrastmask.conf_folder import CONF
from contrastmask.programs.yaml_lines import named_lines

_SIBLING = {"train": "test", "test": "train"}  # of one schema: each has the other's settings, too
_READING = {"data": "coco"}  # how a file is read is told once, for every program


def setting_words(
    program: str, choices: Mapping[str, str | None] | None = None, folders: Sequence[Path] = (CONF,)
) -> dict[str, str]:
    """Dotted setting → words; behind a heading such as ``# task=complete`` they begin with it.

    Of a group's files the chosen one has the first word, then those that it builds upon, then the others: a choice that
    leaves a setting at its default need not explain it.

    Args:
        choices: group → its choice, as Hydra has them. folders: where groups are looked for, the first one first.
    """
    found: dict[str, str] = {}
    for group, choice in {**_READING, **(choices or {})}.items():
        files = group_files(group, folders)
        if choice in files:
            found |= _group_words(group, choice, files)
    if sibling := _SIBLING.get(program):
        found |= {name: f"{sibling}: {words}" for name, words in _told(_program(sibling))}
        found |= _told(_program("base"))
    return found | dict(_told(_program(program)))


def group_words(
    program: str, choices: Mapping[str, str | None], folders: Sequence[Path] = (CONF,)
) -> dict[str, list[str]]:
    """Dotted name of a group's settings → lines: what the program says of the group, what the chosen file is."""
    said = dict(re.findall(r"^ *- (\w+): \S+ +# (.+)$", _program(program), re.MULTILINE))
    found = {}
    for group, choice in choices.items():
        files = group_files(group, folders)
        if choice in files and (place := _place(group, files[choice])) != "_global_":
            chosen = " ".join([f"{group}={choice}:", *map(str.strip, opening_words(files[choice]))])
            found[place] = [*([f"{group}: {said[group]}"] if group in said else []), chosen]
    return found


def group_files(group: str, folders: Sequence[Path]) -> dict[str, str]:
    """Choice → text of its file."""
    found: dict[str, str] = {}
    for folder in folders:
        for file in sorted((folder / group).glob("*.yaml")):
            found.setdefault(file.stem, file.read_text(encoding="utf-8"))
    return found


def opening_words(text: str) -> list[str]:
    """The lines of the comment that a file begins with, indented as they are."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line.removeprefix("#").removeprefix(" ").rstrip())
    return lines


def _group_words(group: str, choice: str, files: Mapping[str, str]) -> dict[str, str]:
    order = [choice]
    for name in order:
        order += [base for base in re.findall(r"^ *- (\w+)$", files[name], re.MULTILINE) if base in files]
    order += [name for name in files if name not in order]
    place, found = _place(group, files[choice]), {}
    for name in reversed(order):
        found |= {f"{place}.{key}": words for key, words in _told(files[name])}
    return found


def _place(group: str, text: str) -> str:
    package = re.search(r"^# @package (\S+)", text, re.MULTILINE)
    return package[1] if package else group.replace("/", ".")


def _program(name: str) -> str:
    return (CONF / f"{name}.yaml").read_text(encoding="utf-8")


def _told(text: str) -> Iterator[tuple[str, str]]:
    heading = ""
    for line, name in named_lines(text):
        if found := re.fullmatch(r"# (\w+=\w+)", line):
            heading = f"{found[1]}: "
        elif name and " # " in line:
            yield name, heading + line.partition(" # ")[2].strip()
