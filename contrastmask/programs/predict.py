"""The prediction program, once its configuration is composed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contrastmask.completion.boxes_apart import ADVICE
from contrastmask.completion.complete import complete
from contrastmask.completion.learnt import words_on
from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.plan import TURNED_DOWN, UNREADABLE
from contrastmask.completion.run_lengths import AS_IT_WAS
from contrastmask.completion.sieve import SIFTED
from contrastmask.completion.thresholds import NAMES
from contrastmask.errors import ConfigError, DivergedError
from contrastmask.programs.predict_config import PredictConfig, typed
from contrastmask.runtime.given_boxes import GivenBoxes
from contrastmask.runtime.model_file import SUFFIXES

if TYPE_CHECKING:
    from contrastmask.prediction.predictor import Predictor

COMPLETION = ("form", "form_all", "as_score", "redo", "unreadable", "rejected", *NAMES, "check", "shards", "shard")
_SCORES = (
    "IoU in percent: the mean, and what a quarter, half and three quarters of the masks stay below; rank: how well the "
    "order by confidence is that by IoU (Spearman's correlation, 1 at best)"
)
# reasons to leave a row without mask that somebody has asked for
ON_REQUEST = {*SIFTED, TURNED_DOWN}
SIEVE_ROWS = {
    "confidence": "confidence",
    "box_agreement": "agreement with box",
    "largest_share": "largest part",
    "box_filled": "box filled",
}


def predict(cfg: DictConfig) -> int:
    """Do what ``cfg.task`` says; returns the exit status, 1 where a file could not be read.

    Raises:
        ConfigError: a setting is missing or makes no sense.
        DivergedError: the network gives NaN.
    """
    config = typed(cfg)
    try:
        return {"detect": _detect, "complete": _complete}[config.task](config, Console())
    except FloatingPointError as error:
        way = (
            "" if config.precision == "fp32" else f"; precision={config.precision} cannot hold what precision=fp32 can"
        )
        raise DivergedError(f"{config.ckpt_path} gives no numbers: {error}{way}") from error


def _predictor(config: PredictConfig) -> Predictor | GivenBoxes:
    # without torch, Predictor is what opens exported models
    from contrastmask import Predictor

    sizes = {"short_side": config.short_side, "long_side": config.long_side}
    choice = {name: getattr(config, name) for name in ("score", "limit", "mask_limit", "mask_score")}
    try:
        return Predictor(
            config.ckpt_path,
            config.device,
            crops=config.crops,
            tta=config.tta,
            **sizes,
            **choice,
            precision=config.precision,
            allow=config.allow,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _common(config: PredictConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in ("batch_size", "num_workers", "overwrite")}


def _detect(config: PredictConfig, console: Console) -> int:
    if config.source is None:
        raise ConfigError("source= is needed: an image, a folder, a pattern or a COCO-format file")
    if Path(config.ckpt_path).suffix in SUFFIXES:
        raise ConfigError(
            f"{config.ckpt_path} is an exported model, which finds no boxes: task=complete, or the checkpoint itself"
        )
    from contrastmask.prediction.detection import DetectionOptions, detect

    options = DetectionOptions(
        config.source,
        Path(config.output),
        None if config.data.images is None else Path(config.data.images),
        config.overlays,
        config.overlay_score,
        config.instance_masks,
        image_rules=config.data.image_rules,
        **_common(config),
    )
    summary = detect(options, _predictor(config), console)
    console.print(f"{summary['objects']} objects in {summary['images']} images: {config.output}", markup=False)
    if config.overlays:
        said = f"drawn are the {summary['drawn']} with a score of at least {config.overlay_score:g} (overlay_score=)"
        console.print(said, markup=False, soft_wrap=True)
    if lost := summary["without_pictures"]:
        console.print(f"{lost} images are without pictures; overwrite=true draws them again", style="red")
    return _bad(console, list(summary["skipped"])) or int(lost > 0)


def _complete(config: PredictConfig, console: Console) -> int:
    data = config.data
    if data.annotations is None or data.images is None:
        raise ConfigError("task=complete needs data.annotations=FILE and data.images=DIR")
    options = CompletionOptions(
        Path(data.annotations),
        Path(data.images),
        Path(config.output),
        truth=None if data.truth is None else Path(data.truth),
        classes=config.classes,
        **{name: getattr(config, name) for name in COMPLETION},
        **data.rules,
        **_common(config),
    )
    predictor = _predictor(config)
    if isinstance(predictor, GivenBoxes):
        console.print(f"{predictor.path}: {predictor.precision}, run by {predictor.provider}", markup=False)
    summary = complete(options, predictor, console)
    if options.shard is not None:
        console.print(
            f"shard {options.shard} of {options.shards}: {summary['masks']} masks of {summary['groups']} groups of "
            f"images kept in {options.journal}; the same words without shard= join all shards",
            markup=False, soft_wrap=True,
        )  # fmt: skip
        return 0  # what could not be read is told, and the status tells it, where the shards are joined
    console.print(_table(summary))
    if summary["sieve"]:
        console.print(_sieve(summary["sieve"]["all"]))
    for title in ("check", "truth"):
        if summary.get(title):
            console.print(_scores(title, summary[title]))
    if summary["check"] and (words := words_on(summary["check_learnt"], str(options.annotations))):
        console.print(words, markup=False, soft_wrap=True)
    for line in _account(summary, repaired=data.repair):
        console.print(line, markup=False, soft_wrap=True)
    console.print(_added(summary, config), markup=False, soft_wrap=True)
    if apart := summary["boxes_apart"]:
        said = f"warning: {apart} of these masks lie beside boxes in another form than pixels: {ADVICE}"
        console.print(said, markup=False, soft_wrap=True)
    return _bad(console, summary["unreadable"]) or int(bool(set(summary["left"]) - ON_REQUEST))


def _added(summary: dict[str, Any], config: PredictConfig) -> str:
    said = f"{summary['completed']} masks added: {config.output}"
    if summary["completed"]:
        return said
    why = "what kept them back stands above" if summary["left"] else "every object that was asked for has one"
    return f"{said} has the same masks as {config.data.annotations}: {why}"


def _account(summary: dict[str, Any], *, repaired: bool) -> Iterator[str]:
    """Every row of the file under one heading, a line each; then what was replaced."""
    kept = ", ".join(f"{number} {reason}" for reason, number in summary["kept"].items())
    yield f"{summary['rows']} rows: {summary['completed']} completed" + (f"; left as they are: {kept}" if kept else "")
    for reason, ids in summary["left"].items():
        rows = ", ".join(map(str, summary["left_rows"][reason][:5]))
        yield f"left without mask, {reason}: {len(ids)} annotations, first ids {ids[:5]}, rows {rows} (from 0)"
    if any(reason in UNREADABLE for reason in summary["left"]):
        reads = "" if repaired else "data.repair=true reads some of it, "
        yield f"what may be somebody's work is kept: {reads}unreadable=complete replaces it"
    if TURNED_DOWN in summary["left"]:
        yield "what was rejected in a review stays without mask; rejected=complete makes new ones"
    runs = summary.get("run_lengths", {"converted": 0, "left": {}})
    if runs["converted"]:
        yield f"run lengths turned into polygons: {runs['converted']} rows"
    for reason, number in runs["left"].items():
        remedy = "; form_all=true turns them into polygons" if reason == AS_IT_WAS else ""
        yield f"run lengths kept: {number} rows, {reason}{remedy}"
    for reason, number in summary["replaced"].items():
        yield f"replaced: {number} rows, {reason}"


def _bad(console: Console, files: list[str]) -> int:
    if files:
        names = ", ".join(name.encode("utf-8", "backslashreplace").decode() for name in files[:5])
        console.print(
            f"{len(files)} file{'s' * (len(files) > 1)} could not be read: {names}",
            markup=False,
            style="red",
            soft_wrap=True,
        )
    return 1 if files else 0


def _table(summary: dict[str, Any]) -> Table:
    table = Table(title="completed", caption="below: less confident, or agrees less with its box, than asked")
    for column in ("class", "without mask", "completed", "below", "mean confidence"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for name, row in summary["per_class"].items():
        sure = "" if row["confidence"] is None else f"{row['confidence']:.2f}"
        table.add_row(Text(name), str(row["without_mask"]), str(row["completed"]), str(row["below"]), sure)
    return table


def _sieve(figures: dict[str, Any]) -> Table:
    one = figures["components"]["1"]
    sides = figures["sides_touched"]["4"]
    caption = (f"of {figures['masks']} masks: {one} in one part, {figures['masks'] - one} in more; {sides} reach all "
               "four sides of their box")  # fmt: skip
    table = Table(title="what the new masks are like", caption=caption)
    for column in ("", "least", "5 %", "25 %", "median", "75 %", "95 %", "greatest"):
        table.add_column(column, justify="right" if column else "left")
    for figure, said in SIEVE_ROWS.items():
        table.add_row(said, *(f"{value:.2f}" for value in figures[figure]["quantiles"]))
    return table


def _scores(title: str, scores: dict[str, dict[str, Any]]) -> Table:
    said = {"check": "where the file has masks (not written)", "truth": "new masks beside the true ones"}
    table = Table(title=said[title], caption=_SCORES)
    for column in ("class", "objects", "IoU", "quartiles", "filled box", "rank"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for name, row in scores.items():
        rank = "" if row["rank_correlation"] is None else f"{row['rank_correlation']:.2f}"
        quartiles = " ".join(f"{q:.0f}" for q in row["IoU_quartiles"])
        table.add_row(
            Text(name), str(row["objects"]), f"{row['IoU']:.1f}", quartiles, f"{row['filled_box_IoU']:.1f}", rank
        )
    return table
