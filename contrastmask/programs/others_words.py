"""Settings that another program has, on the command line of one that says the same in other words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

_FILES = ("data.root", *(f"data.{side}_{part}" for side in ("train", "val") for part in ("annotations", "images")))
_OF_ONE_FILE = ("predict", "audit", "review", "export_annotations", "export")
_WEIGHTS = dict.fromkeys(("checkpoint", "weights", "model_path", "ckpt"), "here it is ckpt_path=FILE")
_THRESHOLD = "here it is min_confidence=0.6 (task=complete) or score=0.3 (task=detect)"
# program → setting → what is said of it
_HERE = {
    "train": {
        **dict.fromkeys(("source", "task"), "`contrastmask predict` has it"),
        **dict.fromkeys(("output", "output_dir"), "here it is hydra.run.dir=DIR"),
        "device": "here it is trainer.accelerator=cpu or gpu",
        "precision": "here it is trainer.precision=bf16-mixed",
    },
    "predict": {
        "experiment": "here it is task=complete or task=detect",
        "split": "the checkpoint tells its classes; classes=[a,b] completes these alone",
        "evaluate": "`contrastmask test` has it",
        **dict.fromkeys(("confidence", "threshold"), _THRESHOLD),
    },
    "review": {
        **dict.fromkeys(("split", "ckpt_path", "task"), "a review needs the file and its images alone"),
        "data.truth": "here it is data.before=FILE.json, an earlier form of the file",
    },
}
_HERE["test"] = _HERE["train"]


def word_here(key: str, program: str, overrides: Sequence[str]) -> str:
    """What this program calls a setting that it does not have, as a clause; empty where it has no word for it.

    Args:
        key: the setting, dotted. program: name of its configuration.
        overrides: the words of the command line, whose paths the answer takes.
    """
    given = dict(word.lstrip("+").split("=", 1) for word in overrides if "=" in word)
    if program in _OF_ONE_FILE and key in _FILES:
        side = "val" if any(name.startswith("data.val_") for name in given) and not _trains(given) else "train"
        places = (("annotations", "FILE.json"), ("images", "DIR"))
        words = [f"data.{part}={_joined(given, f'data.{side}_{part}', blank)}" for part, blank in places]
        return f"; here it is {' '.join(words)}"
    if program in ("train", "test") and key in ("data.annotations", "data.images"):
        part = key.rpartition(".")[2]
        sides = ("train", "val") if program == "train" else ("val",)
        blank = "FILE.json" if part == "annotations" else "DIR"
        return f"; here it is data.root=DIR {' '.join(f'data.{side}_{part}={blank}' for side in sides)}"
    said = _HERE.get(program, {}).get(key) or _WEIGHTS.get(key)
    return f"; {said}" if said else ""


def _trains(given: dict[str, str]) -> bool:
    return any(name.startswith("data.train_") for name in given)


def _joined(given: dict[str, str], name: str, blank: str) -> str:
    """The path that training would read under ``name``; ``blank`` where it is not told."""
    return str(PurePath(given.get("data.root", ""), given[name])) if name in given else blank
