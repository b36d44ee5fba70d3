"""A completion in parts: shard i of N makes every Nth group of images, a last call joins the parts.

The groups are those of the whole, so that the joined file is the whole one, byte for byte. A shard keeps its masks in a
journal of its own beside the output, and continues it when it is started again; only the join writes the output.
"""

from __future__ import annotations

from typing import Any

from contrastmask.completion.options import CompletionOptions
from contrastmask.errors import DataError
from contrastmask.files.journal import Journal

ELSEWHERE = ("device",)  # the machine that joins need not be one that predicts


def own_groups(options: CompletionOptions, count: int) -> list[int]:
    """Numbers of the groups, of `count`, that this call has to make: its shard's, or all."""
    return list(range(count)) if options.shard is None else list(range(options.shard, count, options.shards))


def identity_of(identity: dict[str, Any], shard: int | None, shards: int) -> dict[str, Any]:
    """A journal's identity: that of the whole, and which part it is."""
    return identity if shard is None else {**identity, "shard": f"{shard} of {shards}"}


def read_shards(options: CompletionOptions, identity: dict[str, Any], count: int) -> tuple[list[Journal], list[Any]]:
    """The journals of all shards, and their pieces in the order of the groups.

    Raises:
        DataError: a shard has not been started, has not ended, or is of other settings.
    """
    lacking = [i for i, path in enumerate(options.journals) if not path.exists()]
    if lacking:
        raise DataError(
            f"{_listed(lacking, options)} has left no {options.journals[lacking[0]].name} beside {options.output}: "
            f"start it (shards={options.shards} shard={lacking[0]}), then join"
        )
    journals, pieces = [], {}
    for shard, path in enumerate(options.journals):
        journal = Journal(path, identity_of(identity, shard, options.shards), may_differ=ELSEWHERE)
        own = range(shard, count, options.shards)
        if missing := [number for number in own if number not in journal.pieces]:
            raise DataError(
                f"shard {shard} of {options.shards} has done {len(own) - len(missing)} of its {len(own)} groups of "
                f"images: start it again (shards={options.shards} shard={shard}), it goes on there; then join"
            )
        journals.append(journal)
        pieces |= journal.pieces
    return journals, [pieces[number] for number in range(count)]


def _listed(shards: list[int], options: CompletionOptions) -> str:
    return f"shard {', '.join(map(str, shards))} of {options.shards}"
