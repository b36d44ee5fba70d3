"""The last lines of a run: where everything is, and what one does next."""

from __future__ import annotations

import shlex
from pathlib import Path

from contrastmask.conf_folder import CHECKOUT
from contrastmask.evaluation.detections import FILES

_DATA = "data.root=DIR data.val_annotations=VAL.json data.val_images=images"


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
    folder: Path, checkpoint: Path | None, crops: str | None = None, *, finds_boxes: bool = True
) -> list[str]:
    """Commands that go on from here, to be copied: for the same data, with this run's own paths.

    Args:
        crops: the crop branch that gave the checkpoint's detector its masks.
        finds_boxes: False: the checkpoint is a crop branch itself.
    """
    run, check = shlex.quote(str(folder)), None if checkpoint is None else shlex.quote(str(checkpoint))
    beside = "" if crops is None else f" crops={shlex.quote(crops)}"
    lines = [command("report", f"{run} -o {shlex.quote(str(folder / 'report.html'))}", "all of it as one page")]
    if check is not None:
        lines.append(command("test", f"ckpt_path={check}{beside} {_DATA}", "evaluate it on other data"))
        detector = f"ckpt_path={check}{beside}" if finds_boxes else f"ckpt_path=DETECTOR.ckpt crops={check}"
        find = f"{detector} source=IMAGES output=found"
        lines.append(command("predict", find, "boxes and masks of your images"))
        asked = check if crops is None else shlex.quote(crops)
        complete = f"task=complete ckpt_path={asked} data.annotations=IN.json data.images=DIR output=OUT.json"
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
