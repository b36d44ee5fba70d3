"""Whether a file's images can be read at all, told before a mask is made and before a file is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.pieces import with_pictures
from contrastmask.completion.shards import own_groups
from contrastmask.data.images.findings import look_at
from contrastmask.data.images.looking_ahead import Kinds, look_ahead, none_readable
from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.files.journal import Journal


def groups_ahead(
    options: CompletionOptions, records: Records, groups: list[list[int]], journal: Journal
) -> dict[int, Kinds]:
    """What the heads of the images tell that this call still has to read, by group.

    Raises:
        DataError: no image of any group can be read; a journal that keeps nothing is removed.
    """
    rest = {n: groups[n] for n in own_groups(options, len(groups)) if n not in journal.pieces}
    others = (image for number, group in enumerate(groups) if number not in rest for image in group)
    try:
        return look_ahead(records, rest, others, options.annotations)
    except DataError:
        journal.close(remove=not journal.pieces)
        raise


def keeping(
    journal: Journal, records: Records, console: Console, pictures: Mapping[int, Kinds] | None = None
) -> Callable[[int, dict[str, Any]], None]:
    """What keeps a finished piece in the journal, with what was found of its pictures, and tells of those left out."""

    def keep(number: int, piece: dict[str, Any]) -> None:
        journal.add(number, with_pictures(piece, (pictures or {}).get(number, {})))
        for image in piece["unreadable"]:
            why = look_at(records, image).problem or f"{records.file_name(image)} could not be read"
            console.print(f"warning: skipped: {why}", markup=False, soft_wrap=True)

    return keep


def require_some_read(
    annotations: Path, records: Records, pieces: list[dict[str, Any]], journals: list[Journal]
) -> None:
    """Refuse pieces of images whose heads are sound and none of which could be decoded.

    Raises:
        DataError: there is no mask, and no image was read; the journals, which keep nothing, are removed.
    """
    unreadable = [image for piece in pieces for image in piece["unreadable"]]
    read = any(piece["masks"] for piece in pieces)
    if unreadable and not read:
        for journal in journals:
            journal.close(remove=True)
        raise none_readable(annotations, [f"{records.image_root / records.file_name(i)}: damaged" for i in unreadable])
