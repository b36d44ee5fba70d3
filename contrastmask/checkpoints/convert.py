"""Rewriting a checkpoint in another layout.

contrastmask convert contrastmask.pth contrastmask.safetensors
contrastmask convert outputs/…/last.ckpt mmdetection.pth
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from contrastmask.arguments import Parser
from contrastmask.errors import ContrastMaskError, plain_errors, told

LAYOUTS = ("contrastmask", "mmdetection")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of ``python -m contrastmask.checkpoints``, whose one command is ``convert``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    return convert(words[1:] if words[:1] == ["convert"] else words)


@plain_errors
def convert(arguments: Sequence[str]) -> int:
    """Convert as the words say; returns the exit status."""
    parser = Parser(prog="contrastmask convert", description="Rewrite the weights of a checkpoint in another layout.")
    parser.add_argument("source", help="a checkpoint of train.py, a converted one, or another program's")
    parser.add_argument("target", help="*.safetensors, *.ckpt (ours) or *.pth (MMDetection's)")
    parser.add_argument("--layout", choices=LAYOUTS, help="instead of the one the name implies")
    parser.add_argument("--allow", action="append", default=[], help="leave out objects of this class; repeatable")
    parser.add_argument("--overwrite", action="store_true", help="replace the target")
    try:
        given = parser.parse_args(arguments)
        from contrastmask.checkpoints.rewrite import rewrite  # late: --help needs no torch

        print(rewrite(Path(given.source), Path(given.target), given.layout, given.allow, overwrite=given.overwrite))
    except ContrastMaskError as error:
        print(told(error), file=sys.stderr)
        return 1
    return 0
