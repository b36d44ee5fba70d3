"""The program that hands annotations over, once its configuration is composed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contrastmask.data.annotations.crowds import OBJECTS
from contrastmask.errors import ConfigError
from contrastmask.handover.account import CROWD, NO_MASK, PAINTED
from contrastmask.handover.export import export
from contrastmask.handover.options import (
    SUMMARY,
    ExportOptions,
    FiftyOneOptions,
    LabelStudioOptions,
    YoloOptions,
)
from contrastmask.programs.export_config import ExportConfig, typed

_WAYS = {NO_MASK: "yolo.without_mask=box writes their boxes", PAINTED: OBJECTS, CROWD: OBJECTS}


def export_annotations(cfg: DictConfig) -> int:
    """Hand over what ``cfg`` says; returns the exit status, 1 where an object was left out. Crowd regions are none, but
    where they look like objects.

    Raises:
        ConfigError: a setting is missing or makes no sense.
    """
    options = _options(typed(cfg))
    summary, console = export(options), Console()
    for line in summary["warnings"]:
        console.print(line, markup=False, soft_wrap=True)
    if summary["loss"]:
        console.print(_losses(summary["loss"]))
    for line in [*_account(summary), *_next(options)]:
        console.print(line, markup=False, soft_wrap=True)
    return int(bool(set(summary["left_out"]) - {CROWD}))


def _options(config: ExportConfig) -> ExportOptions:
    data = config.data
    if data.annotations is None or data.images is None:
        raise ConfigError("export-annotations needs a file and data.images=DIR: "
                          "contrastmask export-annotations FILE.json data.images=DIR to=… output=…")  # fmt: skip
    return ExportOptions(
        Path(data.annotations),
        Path(data.images),
        Path(config.output),
        config.to,
        form=config.form,
        overwrite=config.overwrite,
        **data.rules,
        labelstudio=LabelStudioOptions(**vars(config.labelstudio)),
        yolo=YoloOptions(**vars(config.yolo)),
        fiftyone=FiftyOneOptions(**vars(config.fiftyone)),
    )


def _losses(loss: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="what one polygon an object keeps", caption="IoU with the file's masks, in percent")
    for column in ("class", "objects", "lost parts", "lost holes", "IoU", "least"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for name, row in loss.items():
        counts = (str(row[key]) for key in ("objects", "parts_lost", "holes_lost"))
        table.add_row(Text(name), *counts, f"{row['IoU']:.1f}", f"{row['IoU_least']:.1f}")
    return table


def _account(summary: dict[str, Any]) -> Iterator[str]:
    """Every row of the file under one heading, a line each; then what is other than in the file."""
    yield f"{summary['rows']} rows: {summary['written']} written"
    for reason, ids in summary["left_out"].items():
        way = f"; {_WAYS[reason]}" if reason in _WAYS else ""
        yield f"left out, {reason}: {len(ids)} annotations, first ids {ids[:5]}{way}"
    for reason, number in summary["changed"].items():
        yield f"changed: {number} {reason}"


def _next(options: ExportOptions) -> Iterator[str]:
    """Where it is, and what one does with it."""
    output = options.output
    if options.to == "labelstudio":
        yield f"set up the project with {output / 'label_config.xml'}, then import {output / 'tasks.json'}"
    elif options.to == "yolo":
        yield f"for Ultralytics: yolo segment train data={output / 'data.yaml'}"
    elif options.to == "cvat":
        yield (
            f"in CVAT: make a task of the images, paste {output / 'labels.json'} as its labels (raw), then upload "
            f"{output / 'annotations' / 'instances_default.json'} as COCO 1.0"
        )
    else:
        places = (
            f"data_path={str(options.images.absolute())!r}, labels_path={str((output / 'labels.json').absolute())!r}"
        )
        yield (
            f"in Python: fiftyone.Dataset.from_dir({places}, dataset_type=fiftyone.types.COCODetectionDataset, "
            "include_annotation_id=True)"
        )
    yield f"account      {output / SUMMARY}"
