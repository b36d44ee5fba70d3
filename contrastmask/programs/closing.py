"""The last lines of a run: where everything is, and what one does next."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from contrastmask.conf_folder import CHECKOUT, CONF
from contrastmask.data.reading import Reading
from contrastmask.evaluation.detections import FILES
from contrastmask.programs.config import Config, DataConfig
from contrastmask.programs.data_options import subset_options
from contrastmask.programs.incomplete import Incomplete
from contrastmask.programs.reading_settings import reading_settings

_FILES = ("train_annotations", "train_images", "val_annotations", "val_images")


def data_words(config: Config, overrides: Sequence[str]) -> str:
    """The words of a command line for a run's own data and split, as a shell takes them; " " before each. Files and
    folders that are not there are not named: the run did without them.

    Args:
        overrides: the words that the run was started with: batches, image sizes, own lists of classes.
    """
    data, found = config.data, subset_options(config)
    root = data.root or found["val_annotations"].parents[len(Path(data.val_annotations).parts) - 1]
    words = [
        setting("data.root", root),
        *(setting(f"data.{name}", getattr(data, name)) for name in _FILES if found[name].exists()),
        *reading_words(reading_settings(vars(data), DataConfig)),
    ]
    told = {f"data.{name}" for name in ("root", *_FILES, *(entry.name for entry in fields(Reading)))}
    for word in overrides:
        key = word.partition("=")[0].lstrip("+")
        if key.startswith(("data.", "split.")) and not key.startswith("data.shapes.") and key not in told:
            words.append(shlex.quote(word))
    split = next((w for w in overrides if w.startswith("split=")), f"split={config.split.name}")
    own = not (CONF / "split" / f"{split.partition('=')[2]}.yaml").is_file()
    return "".join(f" {word}" for word in [*words, *([] if own else [split])])


def reading_words(reading: Mapping[str, Any]) -> list[str]:
    """The words of a command line for settings of reading, as a shell takes them."""
    return [setting(f"data.{name}", value) for name, value in reading.items()]


def setting(key: str, value: str | Path | float) -> str:
    """``KEY=VALUE`` as both a shell and Hydra's grammar take it."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not re.fullmatch(r"[\w./+-]+", text):
        text = "'" + text.replace("${", "\\${").replace("'", "\\'") + "'"
    return shlex.quote(f"{key}={text}")


def given_words() -> list[str]:
    """The words that this run was started with; none where Hydra did not start it."""
    return list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []


def where_things_are(folder: Path) -> list[str]:
    """A line for each thing that the run left in ``folder``."""
    lines = [f"results      {folder / 'results.json'}"]
    lines += [f"{'detections' if kind == 'mask' else '':12} {folder / name}" for kind, name in FILES.items()]
    pictures = len(list((folder / "overlays").glob("*.png")))
    if pictures:
        lines.append(f"pictures     {folder / 'overlays'} ({pictures} images, truth beside prediction)")
    if any((folder / "gallery").glob("*.png")):
        lines.append(f"             {folder / 'gallery'} (best, median and worst objects)")
    return lines


def evaluation(checkpoint: Path, crops: str | None, config: Config, *, finds_boxes: bool = True, why: str = "") -> str:
    """The command line that evaluates a checkpoint on this run's data; arguments as of :func:`what_next`."""
    model, pair = _model_words(checkpoint, crops, config, finds_boxes=finds_boxes)
    judge = " evaluate=given_boxes" if pair and not finds_boxes else ""
    return command("test", f"{model}{judge}{data_words(config, given_words())}", why)


def _model_words(checkpoint: Path, crops: str | None, config: Config, *, finds_boxes: bool) -> tuple[str, str | None]:
    """The words that name the model, and those that name what finds boxes and masks; None where nothing finds boxes."""
    seer = None if finds_boxes else config.mask_branch.cam  # a detector that this crop branch cannot do without
    mine = setting("ckpt_path", checkpoint)
    detector = mine if finds_boxes else seer and setting("ckpt_path", seer)
    beside = crops if finds_boxes else checkpoint
    pair = detector and (detector if beside is None else f"{detector} {setting('crops', beside)}")
    return pair or mine, pair


def what_next(
    folder: Path,
    checkpoint: Path | None,
    crops: str | None,
    config: Config,
    *,
    finds_boxes: bool = True,
    sees: bool = False,
    lacking: Incomplete | None = None,
) -> list[str]:
    """Commands that go on from here, to be copied: for the same data, with this run's own paths. All that they read is
    there.

    Args:
        config: of this run, its network the checkpoint's.
        crops: the crop branch that gave the checkpoint's detector its masks.
        finds_boxes: False: the checkpoint is a crop branch itself.
        sees: ``crops`` needs the detector's class activation maps.
        lacking: a file that the model may complete; None: no file is known that lacks masks.
    """
    run = shlex.quote(str(folder))
    lines = [command("report", f"{run} -o {shlex.quote(str(folder / 'report.html'))}", "all of it as one page")]
    if checkpoint is None:
        return _listed(lines)
    model, pair = _model_words(checkpoint, crops, config, finds_boxes=finds_boxes)
    lines.append(evaluation(checkpoint, crops, config, finds_boxes=finds_boxes, why="evaluate it again"))
    if pair:
        images = setting("source", subset_options(config)["val_images"])
        lines.append(
            command("predict", f"{pair} {images} {setting('output', folder / 'found')}", "boxes and masks of images")
        )
    if lacking is not None:
        words = [setting("data.annotations", lacking.annotations), setting("data.images", lacking.images)]
        words += [*reading_words(lacking.reading), setting("output", folder / "completed.json")]
        cut = model if crops is None or sees else setting("ckpt_path", crops)
        lines.append(command("predict", f"task=complete {cut} {' '.join(words)}", "the masks that this file lacks"))
    return _listed(lines)


def _listed(lines: Sequence[str]) -> list[str]:
    return ["next:", *(f"  {line}" for line in lines)]


def command(program: str, words: str, why: str = "") -> str:
    """A line to be copied, as this installation starts its programs from this folder; ``why`` behind it
    as a comment."""
    return f"{_start(program)} {words}" + (why and f"   # {why}")


def _start(program: str) -> str:
    inside = Path.cwd().resolve() == CHECKOUT
    if CHECKOUT is None or (not inside and Path(sys.argv[0]).stem == "contrastmask"):
        return f"contrastmask {program}"
    if program in ("train", "test", "predict"):
        script = f"{program}.py"
        return f"python {script if inside else shlex.quote(str(CHECKOUT / script))}"
    # a script finds the package beside itself, a module from elsewhere does not
    beside = "" if inside else f"PYTHONPATH={shlex.quote(str(CHECKOUT))} "
    return f"{beside}python -m contrastmask{'.' if program == 'report' else ' '}{program}"
