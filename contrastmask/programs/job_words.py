"""What people call a job, where this package has another word for it: the command, or the setting, that is meant."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path

from contrastmask.conf_folder import CONF

_TOOLS = ("labelstudio", "cvat", "yolo", "fiftyone")
_RUNTIMES = ("onnx", "openvino")
# a word in a command's place → the words of the command that does it
JOBS = {
    **dict.fromkeys(("complete", "completion", "fill", "autolabel", "annotate"), "predict task=complete"),
    **dict.fromkeys(("detect", "infer", "inference", "segment"), "predict"),
    **dict.fromkeys(("val", "validate", "validation"), "test"),
    **dict.fromkeys(("fit", "learn"), "train"),
    **dict.fromkeys(("sweep", "multirun"), "train -m"),
    **dict.fromkeys(("handover", "hand-over", "convert-annotations"), "export-annotations"),
    **{tool: f"export-annotations FILE.json to={tool}" for tool in _TOOLS},
    **{runtime: f"export format={runtime}" for runtime in _RUNTIMES},
    "given-boxes": "test evaluate=given_boxes",
    "resume": "train ckpt_path=RUN/checkpoints/last.ckpt",
    "finish": "review FILE.json finish=true",
    "look": "review",
    "demo": "train experiment=demo",
    "help": "--help",
    "version": "--version",
}
# settings that tell a program, where the command is forgotten
_OF_PROGRAM = {
    "task": "predict", "source": "predict", "experiment": "train", "finish": "review", "to": "export-annotations"
}  # fmt: skip

# values of settings that are no group of files: program → word → setting
_EVALUATE = {"given_boxes": "evaluate=given_boxes", "resume": "ckpt_path=RUN/checkpoints/last.ckpt"}
_VALUES = {
    "train": _EVALUATE,
    "test": _EVALUATE,
    "predict": {"complete": "task=complete", "detect": "task=detect"},
    "export": {word: f"format={word}" for word in _RUNTIMES} | {"int8": "precision=int8"},
    "export_annotations": {word: f"to={word}" for word in _TOOLS},
    "review": {"finish": "finish=true"},
}
_WEIGHTS = (".ckpt", ".pth", ".pt", ".safetensors", ".onnx", ".xml")
_GROUPS = {"train": ("experiment", "split"), "test": ("experiment", "split")}


def command_meant(words: Sequence[str], commands: Collection[str]) -> str:
    """What the first of a command line's words, which is no command, may stand for, as a clause; empty where unknown.

    Args:
        words: of the command line, at least one. commands: the names there are.
    """
    first, rest = words[0], shlex.join(words[1:])
    key, equals, _ = first.lstrip("+~").partition("=")
    if equals:
        program = _OF_PROGRAM.get(key, "COMMAND")
        return f"; the command comes first: `contrastmask {program} {shlex.join(words)}`"
    if first.startswith("-"):
        return f"; the command comes first: `contrastmask COMMAND {shlex.join(words)}`"
    name = first.lower().replace("_", "-")
    job = JOBS.get(name)
    if job is None and name not in commands and not get_close_matches(name, commands, n=1):
        job = next((JOBS[near] for near in get_close_matches(name, JOBS, n=1)), None)
    if job is not None:
        return f"; `contrastmask {' '.join(filter(None, (job, rest)))}` does it"
    near = [name] if name in commands else get_close_matches(name, commands, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def setting_meant(word: str, program: str) -> str:
    """The setting whose value alone stands on a command line as ``word``; empty where that cannot be told."""
    if found := _VALUES.get(program, {}).get(word):
        return found
    for group in _GROUPS.get(program, ()):
        if (CONF / group / f"{word}.yaml").is_file():
            return f"{group}={word}"
    suffix = Path(word).suffix.lower()
    key = ""
    if suffix in _WEIGHTS and program in ("train", "test", "predict", "export"):
        key = "ckpt_path"
    elif program == "predict" and (suffix in (".jpg", ".jpeg", ".png") or Path(word).is_dir()):
        key = "source"
    elif program == "predict" and suffix == ".json":
        key = "data.annotations"
    return f"{key}={shlex.quote(word)}" if key else ""
