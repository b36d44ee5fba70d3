"""The last lines of a run: where everything is, and what one does next."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from contrastmask.conf_folder import CHECKOUT, CONF
from contrastmask.evaluation.detections import FILES
from contrastmask.programs.config import Config
from contrastmask.programs.data_options import subset_options

_FILES = ("train_annotations", "train_images", "val_annotations", "val_images")


def data_words(config: Config, overrides: Sequence[str]) -> str:
    """The words of a command line for a run's own data and split, as a shell takes them; " " before each.

    Args:
        overrides: the words that the run was started with: how files are read, and own lists of classes.
    """
    data, found = config.data, subset_options(config)
    root = data.root or found["val_annotations"].parents[len(Path(data.val_annotations).parts) - 1]
    words = [setting("data.root", root), *(setting(f"data.{name}", getattr(data, name)) for name in _FILES)]
    named = ("data.root=", "data.shapes.", *(f"data.{name}=" for name in _FILES))
    words += [shlex.quote(w) for w in overrides if w.startswith(("data.", "split.")) and not w.startswith(named)]
    split = next((w for w in overrides if w.startswith("split=")), f"split={config.split.name}")
    own = not (CONF / "split" / f"{split.partition('=')[2]}.yaml").is_file()
    return "".join(f" {word}" for word in [*words, *([] if own else [split])])


def setting(key: str, value: str | Path) -> str:
    """``KEY=VALUE`` as both a shell and Hydra's grammar take it."""
    text = str(value)
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
    if (folder / "gallery" / "gallery.json").is_file():
        lines.append(f"             {folder / 'gallery'} (best, median and worst objects)")
    return lines


def what_next(
    folder: Path, checkpoint: Path | None, crops: str | None, config: Config, *, finds_boxes: bool = True
) -> list[str]:
    """Commands that go on from here, to be copied: for the same data, with this run's own paths.

    Args:
        config: of this run.
        crops: the crop branch that gave the checkpoint's detector its masks.
        finds_boxes: False: the checkpoint is a crop branch itself.
    """
    run = shlex.quote(str(folder))
    seer = None if finds_boxes else config.mask_branch.cam  # a detector that this crop branch cannot do without
    lines = [command("report", f"{run} -o {shlex.quote(str(folder / 'report.html'))}", "all of it as one page")]
    if checkpoint is not None:
        mine = setting("ckpt_path", checkpoint)
        if finds_boxes:
            model = find = mine if crops is None else f"{mine} {setting('crops', crops)}"
            cut = mine if crops is None else setting("ckpt_path", crops)
        else:
            find = f"{setting('ckpt_path', seer or 'DETECTOR.ckpt')} {setting('crops', checkpoint)}"
            model = cut = mine if seer is None else find
        judge = "" if seer is None else " evaluate=given_boxes"
        lines.append(command("test", f"{model}{judge}{data_words(config, given_words())}", "evaluate it again"))
        files = subset_options(config)
        found = f"{setting('source', files['val_images'])} {setting('output', folder / 'found')}"
        lines.append(command("predict", f"{find} {found}", "boxes and masks of your images"))
        complete = (
            f"task=complete {cut} {setting('data.annotations', files['train_annotations'])} "
            f"{setting('data.images', files['train_images'])} {setting('output', folder / 'completed.json')}"
        )
        lines.append(command("predict", complete, "the masks that a file lacks"))
    return ["next:", *(f"  {line}" for line in lines)]


def command(program: str, words: str, why: str = "") -> str:
    """A line to be copied, as this installation starts its programs; ``why`` behind it as a comment."""
    why = why and f"   # {why}"
    if CHECKOUT is None:
        return f"contrastmask {program} {words}{why}"
    starts = {name: f"python {name}.py" for name in ("train", "test", "predict")}
    start = starts.get(
        program, "python -m contrastmask.report" if program == "report" else f"python -m contrastmask {program}"
    )
    return f"{start} {words}{why}"
