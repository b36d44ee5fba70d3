"""Look at a data set as training would, without training.

    python -m contrastmask.check data.root=DIR split=as_annotated [--no-images]

Takes the settings of ``train.py``. Prints what is there, what would be dropped or repaired and why, and the image files
that cannot be used; the exit status is 1 where training would stop.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from hydra import compose, initialize_config_dir
from rich.console import Console
from rich.progress import track
from rich.table import Table

from contrastmask.data.datamodule import CocoDataModule
from contrastmask.data.images import read_image
from contrastmask.data.records import Records
from contrastmask.errors import ContrastMaskError, DataError
from contrastmask.programs.build import build_datamodule, typed
from contrastmask.programs.config import register

CONF = Path(__file__).resolve().parents[1] / "conf"
SHOWN = 20


def main(arguments: list[str]) -> int:
    """Check the data that ``arguments`` (overrides of ``train.py``) describe; the exit status."""
    console = Console()
    images = "--no-images" not in arguments
    try:
        datamodule = _datamodule([a for a in arguments if a != "--no-images"])
    except ContrastMaskError as error:
        console.print(f"{type(error).__name__}: {error}", markup=False, style="red", soft_wrap=True)
        return 1
    console.print(_classes(datamodule))
    bad = 0
    for side, records in (("train", datamodule.train_records), ("val", datamodule.val_records)):
        for line in records.report.lines():
            console.print(f"{side}: {line}", markup=False, soft_wrap=True)
        if images:
            bad += _report_images(console, side, records)
    skip = datamodule.on_bad == "skip"
    if bad:
        console.print(f"{bad} image files cannot be used" + ("; data.on_bad=skip leaves them out" if not skip else ""))
    else:
        console.print("ready to train" if images else "ready to train, images not looked at")
    return 1 if bad and not skip else 0


def _datamodule(overrides: list[str]) -> CocoDataModule:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        # without a run there is no run folder, which these groups write to
        cfg = compose("train", [*overrides, "logger=none", "callbacks=none", "trainer.default_root_dir=null"])
    datamodule = build_datamodule(typed(cfg))
    datamodule.prepare_data()
    datamodule.setup("fit")
    return datamodule


def _classes(datamodule: CocoDataModule) -> Table:
    table = Table(title=f"split {datamodule.split.name}", caption="masks: those that training may see")
    for column in ("class", "side", "train objects", "masks", "val objects", "masks"):
        table.add_column(column, justify="left" if column in ("class", "side") else "right")
    for label, name in enumerate(datamodule.class_names):
        counts: list[str] = []
        for records in (datamodule.train_records, datamodule.val_records):
            mine = (records.labels == label) & ~records.crowd
            counts += [str(int(mine.sum())), str(int((mine & records.has_mask).sum()))]
        table.add_row(name, "novel" if label in datamodule.split.novel else "base", *counts)
    return table


def _report_images(console: Console, side: str, records: Records) -> int:
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(partial(_problem, records), range(len(records.image_ids)))
        problems = [p for p in track(found, f"{side} images", len(records.image_ids), console=console) if p]
    for problem in problems[:SHOWN]:
        # a path must come out in one piece to be copied
        console.print(f"{side}: {problem}", markup=False, soft_wrap=True)
    if len(problems) > SHOWN:
        console.print(f"{side}: and {len(problems) - SHOWN} more")
    return len(problems)


def _problem(records: Records, i: int) -> str | None:
    try:
        read_image(records.file_path(i), int(records.heights[i]), int(records.widths[i]))
    except DataError as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
