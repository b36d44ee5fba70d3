"""Rewriting a checkpoint in another layout: ``python -m contrastmask.checkpoints convert SOURCE TARGET``.

python -m contrastmask.checkpoints convert contrastmask.pth contrastmask.safetensors
python -m contrastmask.checkpoints convert outputs/…/last.ckpt mmdetection.pth
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contrastmask.checkpoints.packing import class_names, named_tensors
from contrastmask.checkpoints.read import MARK, checkpoint_of, is_contrastmask
from contrastmask.checkpoints.tensor_files import read_tensors
from contrastmask.checkpoints.write import write_checkpoint, write_tensors
from contrastmask.errors import CheckpointError


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m contrastmask.checkpoints", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    convert = commands.add_parser("convert", help="rewrite the weights of a checkpoint in another layout")
    convert.add_argument("source", help="a checkpoint of train.py, a converted one, or another program's")
    convert.add_argument("target", help="*.safetensors, *.ckpt (ours) or *.pth (MMDetection's)")
    convert.add_argument("--layout", choices=[MARK, "mmdetection"], help="instead of the one the name implies")
    convert.add_argument("--allow", action="append", default=[], help="leave out objects of this class; repeatable")
    given = parser.parse_args(arguments)
    try:
        print(_convert(Path(given.source), Path(given.target), given.layout, given.allow))
    except CheckpointError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _convert(source: Path, target: Path, layout: str | None, allow: Sequence[str]) -> str:
    if target.exists() and source.exists() and target.samefile(source):
        raise CheckpointError(f"{target} is the source itself; give the copy another name")
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
