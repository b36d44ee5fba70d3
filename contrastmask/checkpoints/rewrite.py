"""A checkpoint written in another layout, with all that its file tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contrastmask.checkpoints.packing import class_names, named_tensors
from contrastmask.checkpoints.read import checkpoint_of, is_contrastmask
from contrastmask.checkpoints.tensor_files import read_tensors
from contrastmask.checkpoints.write import write_checkpoint, write_tensors
from contrastmask.errors import CheckpointError


def rewrite(
    source: Path, target: Path, layout: str | None = None, allow: Sequence[str] = (), *, overwrite: bool = False
) -> str:
    """Read ``source``, write ``target``; returns what was written, in one sentence.

    Args:
        layout: None for the one that the target's name implies. allow: classes whose objects may be left out.
        overwrite: replace what is there.

    Raises:
        CheckpointError: the source cannot be read, the target cannot hold it, exists, or is the source itself.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise CheckpointError(f"{target} is the source itself; give the copy another name")
    if target.exists() and not overwrite:
        raise CheckpointError(f"{target} exists; --overwrite replaces it, or give the copy another name")
    content = read_tensors(source, allow)
    if layout is None and not is_contrastmask(content, source):
        state = named_tensors(content, source)
        write_tensors(target, state, _words(target, class_names(content)))
        return (
            f"{target}: {len(state)} tensors of another model; `python train.py init_path={target} …` starts from the "
            "parts that fit"
        )
    checkpoint = checkpoint_of(content, source)
    layout = write_checkpoint(checkpoint, target, layout)
    return f"{target}: {len(checkpoint.state)} tensors, {checkpoint.classes} classes, layout {layout}"


def _words(target: Path, names: list[str] | None) -> dict[str, Any]:
    return {} if names is None or target.suffix == ".safetensors" else {"meta": {"CLASSES": tuple(names)}}
