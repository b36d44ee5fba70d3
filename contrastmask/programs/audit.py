"""The audit, once its configuration is composed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contrastmask.audit.audit import SUSPECT
from contrastmask.audit.audit import audit as judge
from contrastmask.audit.options import AuditOptions
from contrastmask.completion.learnt import words_on
from contrastmask.errors import ConfigError
from contrastmask.prediction.predictor import Predictor
from contrastmask.programs.audit_config import AuditConfig, typed
from contrastmask.programs.closing import command, reading_words, setting
from contrastmask.programs.reading_settings import reading_settings
from contrastmask.programs.review_config import ReviewDataConfig

_SAME = ("classes", "predicted", "other_classes", "shown", "overwrite", "batch_size", "num_workers")


def audit(cfg: DictConfig) -> int:
    """Judge the masks that ``cfg`` names; returns the exit status, 1 where a file could not be read.

    Raises:
        ConfigError: a setting is missing or makes no sense.
    """
    config = typed(cfg)
    options, console = _options(config), Console()
    summary = judge(options, _predictor(config), console)
    if summary["judged"]:
        console.print(_table(summary["reasons"]))
        console.print(
            f"{summary['judged']} masks judged, which overlap the model's by {summary['overlap']:.1f} % on average; "
            f"{summary['suspect']} have a suspicion of {SUSPECT} or more",
            markup=False, soft_wrap=True,
        )  # fmt: skip
        if summary["learnt"] and (words := words_on(summary["learnt"], str(options.annotations))):
            console.print(words, markup=False, soft_wrap=True)
    for what, names in (
        ("files could not be read", "unreadable"),
        ("rows have attributes of another form", "unmarked"),
    ):
        if summary[names]:
            console.print(f"{len(summary[names])} {what}: {summary[names][:5]}", markup=False, soft_wrap=True)
    reading = reading_words(reading_settings(vars(config.data), ReviewDataConfig))
    words = [shlex.quote(str(options.output)), setting("data.images", options.images), *reading]
    look = command("review", " ".join(words), "look at them, accept or reject")
    for line in (f"sheet        {options.sheet}", f"file         {options.output}", f"next:        {look}"):
        console.print(line, markup=False, soft_wrap=True)
    return int(bool(summary["unreadable"]))


def _options(config: AuditConfig) -> AuditOptions:
    data = config.data
    if data.annotations is None or data.images is None:
        raise ConfigError("audit needs a file and data.images=DIR: "
                          "contrastmask audit FILE.json data.images=DIR ckpt_path=… output=…")  # fmt: skip
    return AuditOptions(
        Path(data.annotations),
        Path(data.images),
        Path(config.output),
        **{name: getattr(config, name) for name in _SAME},
        **data.rules,
    )


def _predictor(config: AuditConfig) -> Predictor:
    choices = ("crops", "tta", "short_side", "long_side", "precision", "allow")
    try:
        return Predictor(config.ckpt_path, config.device, **{name: getattr(config, name) for name in choices})
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _table(reasons: list[list[Any]]) -> Table:
    table = Table(title="likeliest wrong")
    for column in ("suspicion", "class", "id", "image", "why"):
        table.add_column(column, justify="right" if column in ("suspicion", "id") else "left", overflow="fold")
    for suspicion, name, id_, image, reason in reasons:
        table.add_row(f"{suspicion:.2f}", Text(name), str(id_), Text(image), Text(reason))
    return table
