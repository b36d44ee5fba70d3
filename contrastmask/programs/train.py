"""The two programs, once their configuration is composed: train and test."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities import rank_zero_only

from contrastmask.assemble import require_no_detector, segmenter_for
from contrastmask.checkpoints.read import GROUPS, load_weights, read_checkpoint, read_resumable
from contrastmask.data.batches.datamodule import CocoDataModule
from contrastmask.data.trained import Trained
from contrastmask.errors import ConfigError
from contrastmask.evaluation.description import sentences
from contrastmask.evaluation.detections import FILES, to_coco_results
from contrastmask.evaluation.tables import format_tables
from contrastmask.files.interruption import deferred
from contrastmask.files.whole_file import write_json
from contrastmask.programs.branches import Branch, branch_of, joined_branch
from contrastmask.programs.build import build_trainer, with_network
from contrastmask.programs.build_crops import with_own_colours
from contrastmask.programs.closing import evaluation, what_next, where_things_are
from contrastmask.programs.config import Config, typed
from contrastmask.programs.foreign_objects import check_arguments
from contrastmask.programs.going_on import goes_on
from contrastmask.programs.incomplete import Incomplete, incomplete, of_training
from contrastmask.programs.moved_names import under_todays_names
from contrastmask.programs.resume import check_resumed
from contrastmask.programs.run_folder import git_revision, write_identity
from contrastmask.spoken import say, say_tables
from contrastmask.training.callbacks import Overlays
from contrastmask.training.dead_processes import Orphans, dead_processes_named
from contrastmask.training.divergence import Divergence
from contrastmask.training.ending import Ending
from contrastmask.training.evaluated import EvaluatedModule
from contrastmask.training.joined_module import JoinedModule
from contrastmask.training.loggers import log_config


def train(cfg: DictConfig, folder: Path) -> dict[str, Any]:
    """Train, then evaluate the last weights; returns the results (empty where nothing was evaluated)."""
    cfg = with_own_colours(under_todays_names(cfg))
    config, plain = typed(cfg), OmegaConf.to_container(cfg, resolve=True)
    check_arguments(cfg)
    if config.crops is not None:
        raise ConfigError("crops= belongs to test.py and predict.py: a crop branch is trained alone, mask_branch=crop")
    # before the data: a damaged or foreign file is named at once
    resumed = None if config.ckpt_path is None else read_resumable(config.ckpt_path)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    branch = branch_of(config)
    datamodule = _data(branch, config, "fit")
    if resumed is not None:
        check_resumed(resumed, config, datamodule.split)
    module = branch.module(config, plain, datamodule, branch.start(config, datamodule.class_names))
    trainer = _trainer(cfg, plain, folder, datamodule)
    last = folder / "checkpoints" / "last.ckpt"
    evaluates = evaluation(last, None, config, finds_boxes=config.mask_branch.kind != "crop")
    keeps = config.trainer["enable_checkpointing"] and not trainer.fast_dev_run
    ending = _ending(trainer)
    ending.evaluates = evaluates if keeps else ""
    with ending.telling(), deferred(), dead_processes_named(trainer, goes_on(folder)), _divergence(trainer).named():
        # our own checkpoints hold tensors and plain containers only
        trainer.fit(module, datamodule=datamodule, ckpt_path=config.ckpt_path, weights_only=True)
        if keeps:
            trainer.save_checkpoint(last)
            say(f"checkpoint   {last}")
    wanted = module.was_trained if config.evaluate_after is None else config.evaluate_after
    if not wanted:
        why = "evaluate_after=false" if config.evaluate_after is False else "no step was trained"
        say(f"{why}, so nothing is evaluated" + (f"; {evaluates} does it" if keeps else ""))
        return {}
    lacking = incomplete(datamodule.subsets, plain["data"])
    return _evaluate(trainer, folder, module, datamodule, config, lacking)


def test(cfg: DictConfig, folder: Path) -> dict[str, Any]:
    """Evaluate ``cfg.ckpt_path``; returns the results."""
    config = typed(cfg)
    check_arguments(cfg)
    if config.ckpt_path is None:
        raise ConfigError("test.py needs ckpt_path=FILE, a checkpoint of train.py")
    pl.seed_everything(config.seed, workers=True, verbose=False)
    checkpoint = read_checkpoint(config.ckpt_path)
    crops = None if config.crops is None else segmenter_for(checkpoint, config.crops, tta=config.tta)
    network = with_network(cfg, checkpoint.network)
    require_no_detector(network, checkpoint.path)
    branch = branch_of(network) if crops is None else joined_branch(crops)
    datamodule = _data(branch, network, "test", checkpoint.trained)
    checkpoint.check_classes(datamodule.val_records.categories)
    detector = branch.network(network, datamodule.class_names)
    load_weights(detector, checkpoint)
    tested = _as_trained(cfg, network, checkpoint.schedule)
    plain = OmegaConf.to_container(tested, resolve=True)
    module = branch.module(network, plain, datamodule, detector)
    lacking = incomplete(datamodule.subsets, plain["data"], of_training(checkpoint))
    return _evaluate(_trainer(tested, plain, folder, datamodule), folder, module, datamodule, network, lacking)


def _as_trained(cfg: DictConfig, network: Config, schedule: dict[str, Any]) -> DictConfig:
    """The settings of a test with the checkpoint's own network and schedule: what the run folder and loggers keep."""
    own: dict[str, Any] = {group: asdict(getattr(network, group)) for group in GROUPS}
    own["schedule"] = {**OmegaConf.to_container(cfg.schedule), **(schedule or {"name": "untold"})}
    # what refers to them, as the run's name does, follows
    return OmegaConf.create({**OmegaConf.to_container(cfg, resolve=False), **own})


def _data(branch: Branch, config: Config, stage: str, trained: Trained | None = None) -> CocoDataModule:
    datamodule = branch.datamodule(config, trained)
    # before the trainer does it: the model needs to know the classes
    datamodule.prepare_data()
    datamodule.setup(stage)
    return datamodule


def _trainer(cfg: DictConfig, plain: dict[str, Any], folder: Path, datamodule: CocoDataModule) -> pl.Trainer:
    keeps = cfg.trainer.enable_checkpointing and not cfg.trainer.fast_dev_run
    ending = Ending(folder / "checkpoints" / "last.ckpt" if keeps else None, goes_on(folder))
    # results before pictures: those can be drawn again
    results = pl.callbacks.LambdaCallback(on_test_end=lambda _, module: _report(folder, module, datamodule, cfg.notes))
    pictures = Overlays(folder / "overlays", cfg.overlays)
    trainer = build_trainer(cfg, callbacks=[results, pictures, Divergence(folder), Orphans(), ending])
    _identify(cfg, plain, folder, datamodule, trainer)
    return trainer


def _divergence(trainer: pl.Trainer) -> Divergence:
    return next(callback for callback in trainer.callbacks if isinstance(callback, Divergence))


def _ending(trainer: pl.Trainer) -> Ending:
    return next(callback for callback in trainer.callbacks if isinstance(callback, Ending))


def _evaluate(
    trainer: pl.Trainer,
    folder: Path,
    module: EvaluatedModule,
    datamodule: CocoDataModule,
    config: Config,
    lacking: Incomplete | None,
) -> dict[str, Any]:
    finds_boxes = module.config["mask_branch"]["kind"] != "crop"
    if (judged := _checkpoint(folder, config)) is not None:
        _ending(trainer).evaluates = evaluation(judged, config.crops, config, finds_boxes=finds_boxes)
    with deferred(), dead_processes_named(trainer), _divergence(trainer).named():
        trainer.test(module, datamodule=datamodule, verbose=False)
        sees = isinstance(module, JoinedModule) and bool(module.crops.network.cam)
        checkpoint = _checkpoint(folder, config)
        further = what_next(
            folder, checkpoint, config.crops, config, finds_boxes=finds_boxes, sees=sees, lacking=lacking
        )
        say("\n".join([*where_things_are(folder), *further]))
    return module.results


@rank_zero_only
def _identify(
    cfg: DictConfig, plain: dict[str, Any], folder: Path, datamodule: CocoDataModule, trainer: pl.Trainer
) -> None:
    summary = datamodule.summary()
    write_identity(folder, cfg, summary)
    log_config(trainer.loggers, {**plain, "data_summary": summary, "git": git_revision()})
    say(f"run folder   {folder}")


@rank_zero_only
def _report(folder: Path, module: EvaluatedModule, datamodule: CocoDataModule, notes: str) -> None:
    say_tables(format_tables(module.results))
    for line in sentences(module.results["truth"]) if "truth" in module.results else []:
        say(line)
    write_json(folder / "results.json", {**module.results, "notes": notes})
    classes = datamodule.val_records.categories
    for kind, name in FILES.items():
        found = to_coco_results(module.predictions, classes, module.truth_file, kind)
        write_json(folder / name, found, indent=None)


def _checkpoint(folder: Path, config: Config) -> Path | None:
    """The checkpoint that the results are of: the one this run wrote, or the one it evaluated."""
    last = folder / "checkpoints" / "last.ckpt"
    return last if last.is_file() else config.ckpt_path and Path(config.ckpt_path)
