"""How one program's files are read, for the command line of another program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from contrastmask.data.reading import Reading


def reading_settings(data: Mapping[str, Any], other: type) -> dict[str, Any]:
    """Name → value of the settings of reading that another program has, too, and that are no defaults of its own.

    Args:
        data: a program's settings of the group ``data``, wherever each came from.
        other: the dataclass of the other program's group ``data``.
    """
    defaults = {entry.name: entry.default for entry in fields(other)}
    shared = [entry.name for entry in fields(Reading) if entry.name in data and entry.name in defaults]
    return {name: data[name] for name in shared if data[name] != defaults[name]}
