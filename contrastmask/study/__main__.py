"""The study's program.

    python -m contrastmask.study run table=minimal out=outputs/study [seeds=5] [devices=cpu | cpu,cpu | 0,1]

A run that is finished is kept, a broken one redone; the command can be repeated at any time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from contrastmask.errors import ConfigError
from contrastmask.launch import plain_errors
from contrastmask.study.plan import load_table
from contrastmask.study.runner import run_all


@plain_errors
def main(argv: list[str]) -> int:
    """Do what the words say; returns the exit status, 1 where a run failed."""
    if not argv or argv[0] not in ("run",):
        raise ConfigError(f"which? {__doc__}")
    words = _words(argv[1:], {"table": "minimal", "out": "outputs/study", "seeds": "", "devices": "cpu"})
    changes = {"seeds": int(words["seeds"])} if words["seeds"] else {}
    table = load_table(words["table"], **changes)
    return 1 if run_all(table.runs(), Path(words["out"]), words["devices"].split(",")) else 0


def _words(argv: list[str], defaults: dict[str, str]) -> dict[str, str]:
    values = dict(defaults)
    for word in argv:
        name, equals, value = word.partition("=")
        if not equals or name not in values:
            raise ConfigError(f"{word!r} is not one of {', '.join(f'{n}=…' for n in values)}")
        values[name] = value
    return values


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
