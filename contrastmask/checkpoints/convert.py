"""Rewriting a checkpoint in another layout: ``python -m contrastmask.checkpoints convert SOURCE TARGET``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from contrastmask.checkpoints.read import MARK, read_checkpoint, write_checkpoint
from contrastmask.errors import CheckpointError


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m contrastmask.checkpoints", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    convert = commands.add_parser("convert", help="rewrite the weights of a checkpoint in another layout")
    convert.add_argument("source", help="a checkpoint of train.py, a converted one, or MMDetection's")
    convert.add_argument("target", help="*.safetensors, *.ckpt (ours) or *.pth (MMDetection's)")
    convert.add_argument("--layout", choices=[MARK, "mmdetection"], help="instead of the one the name implies")
    convert.add_argument("--allow", action="append", default=[], help="leave out objects of this class; repeatable")
    given = parser.parse_args(arguments)
    try:
        checkpoint = read_checkpoint(given.source, allow=given.allow)
        layout = write_checkpoint(checkpoint, given.target, given.layout)
    except CheckpointError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"{given.target}: {len(checkpoint.state)} tensors, {checkpoint.classes} classes, layout {layout}")
    return 0
