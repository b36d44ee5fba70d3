"""``contrastmask COMMAND …``: every program of this package under one name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from contrastmask import __version__
from contrastmask.errors import ConfigError, plain_errors

# name → where (module:function, called with the words behind the name) and what for
COMMANDS = {
    "train": ("contrastmask.programs.commands:train", "train a model and evaluate it"),
    "test": ("contrastmask.programs.commands:test", "evaluate a checkpoint"),
    "evaluate": ("contrastmask.evaluation.command:main", "judge a run's detections, or any tool's, from files alone"),
    "predict": ("contrastmask.programs.commands:predict", "find objects in images, or complete missing masks"),
    "audit": ("contrastmask.programs.commands:audit", "find a file's masks that are likeliest wrong"),
    "export-annotations": (
        "contrastmask.programs.commands:export_annotations",
        "hand annotations over to another tool",
    ),
    "export": ("contrastmask.programs.commands:export", "write a model for ONNX Runtime or OpenVINO"),
    "check": ("contrastmask.check:main", "look at a data set as training would"),
    "review": ("contrastmask.programs.commands:review", "look at masks, accept or reject them"),
    "report": ("contrastmask.report.write:main", "one HTML file about runs"),
    "debug": ("contrastmask.training.debug:main", "run a batch again that ended a training"),
    "convert": ("contrastmask.checkpoints.convert:convert", "rewrite a checkpoint in another layout"),
    "study": ("contrastmask.study.__main__:main", "the controlled study"),
}


@plain_errors
def main(words: Sequence[str] | None = None) -> int:
    """Run the command that the first word names; returns its exit status.

    Raises:
        SystemExit: with status 1 where there is no such command, or the command raised an error of this package.
    """
    words = list(sys.argv[1:] if words is None else words)
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return 0 if words else 1
    if words[0] == "--version":
        print(f"contrastmask {__version__}")
        return 0
    if words[0] not in COMMANDS:
        from contrastmask.programs.job_words import command_meant

        raise ConfigError(f"no command {words[0]!r}{command_meant(words, COMMANDS)}; there are {', '.join(COMMANDS)}")
    module, _, function = COMMANDS[words[0]][0].partition(":")
    return getattr(import_module(module), function)(words[1:]) or 0


def usage() -> str:
    """What is printed without a command."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(["contrastmask COMMAND …, or contrastmask COMMAND --help", "", *lines])


if __name__ == "__main__":
    sys.exit(main())
