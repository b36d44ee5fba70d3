"""Every choice of every group composes, and what cannot work is refused before any data is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf

from contrastmask.checkpoints.ranges import KEY
from contrastmask.errors import ConfigError
from contrastmask.programs.audit_config import AuditConfig
from contrastmask.programs.build import build_trainer
from contrastmask.programs.config import Config, typed
from contrastmask.programs.export_config import ExportConfig
from contrastmask.programs.predict_config import PredictConfig
from contrastmask.programs.review_config import ReviewConfig
from tests.composing import CONF, composed

GROUPS = (
    "backbone",
    "split",
    "schedule",
    "model",
    "mask_head",
    "mask_branch",
    "loss",
    "data",
    "trainer",
    "logger",
    "callbacks",
)
CHOICES = {group: [path.stem for path in sorted((CONF / group).glob("*.yaml"))] for group in GROUPS}
# the first choice of every group at once, then the second, …: a composition takes a quarter of a second
TOGETHER = [
    {group: choices[number] for group, choices in CHOICES.items() if number < len(choices)}
    for number in range(max(map(len, CHOICES.values())))
]
FOLDER = CONF / "experiment"
EXPERIMENTS = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in sorted(FOLDER.rglob("*.yaml"))]


@pytest.mark.parametrize("choices", TOGETHER, ids=lambda choices: ",".join(choices.values()))
def test_every_choice_of_every_group_composes(choices: dict[str, str]) -> None:
    if choices.get("backbone") == "timm":  # timm's bodies are the crop branch's
        choices = {**choices, "mask_branch": "crop"}
    config = typed(composed(*(f"{group}={choice}" for group, choice in choices.items())))
    for group, choice in choices.items():
        part = config.model.mask_head if group == "mask_head" else getattr(config, group)
        if group == "mask_head":
            assert (part.kind, part.extra > 0) == ("fcn" if choice == "deep" else choice, choice == "deep")
        if group == "mask_branch":
            assert part.kind == choice
        if group in ("backbone", "split", "schedule", "model", "data"):
            assert part.name == ("convnext_tiny" if choice == "timm" else choice)


@pytest.mark.parametrize("program", ["train", pytest.param("test", marks=pytest.mark.slow)])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_says_what_it_costs(experiment: str, program: str) -> None:
    typed(composed(f"experiment={experiment}", program=program))
    header = (CONF / "experiment" / f"{experiment}.yaml").read_text()
    assert all(word in header for word in ("# Command:", "# Shows:", "# Cost:"))


@pytest.fixture(scope="module")
def defaults() -> DictConfig:
    return composed()


def test_groups_are_all_listed() -> None:
    assert {p.name for p in CONF.iterdir() if p.is_dir()} == {*GROUPS, "experiment", "study", "hydra"}


def test_names_that_people_type_exist() -> None:
    cfg = composed()
    for name in ("data.root", "data.batch_size", "data.num_workers", "seed", "ckpt_path", "evaluate", "notes"):
        OmegaConf.select(cfg, name, throw_on_missing=True)
    for name in ("max_steps", "devices", "precision", "limit_val_batches", "num_nodes", "accumulate_grad_batches"):
        assert name in cfg.trainer


@pytest.mark.parametrize(
    "override", ["backbone.dept=3", "backbone.depth=fifty", "seed=1.5", "sede=1", "trainer.max_step=3", "loss.tau=1"]
)
def test_misspelt_keys_and_wrong_types_are_refused(override: str) -> None:
    with pytest.raises(ConfigCompositionException):
        composed(override)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("split.rule=voc", "voc_nonvoc"),
        ("loss.formula=own", "released, paper"),
        ("model.contrastive_head.temperature=0", "model.contrastive_head.temperature=0.0 must be above 0"),
        ("model.mask_head.logits_std=0", "model.mask_head.logits_std=0.0 must be above 0"),
        ("model.trains=boxes", "all, masks"),
        ("split.mask_share=1.5", "split.mask_share=1.5"),
        ("model.mask_rois=gt", "objects, positives"),
        ("evaluate=masks", "given_boxes"),
        ("data.on_bad=ignore", "error, skip"),
        ("backbone.depth=34", "18, 50, 101"),
        ("backbone.depth=null", "18, 50, 101"),
        ("backbone=timm", "a detector takes backbone=r18, r50"),
        ("backbone.library=torch", "torchvision, timm"),
        ("backbone.mean=[1,2,3]", "backbone.mean and .std are of timm's bodies"),
        ("data.short_sides=[800,640]", "least, greatest"),
        ("data.test_short_side=2000", "data.long_side"),
        ("data.flip=2", "data.flip=2.0"),
        ("data.batch_size=0", "batch_size"),
        ("loss.delta=1.5", "loss.delta=1.5"),
        ("loss.temperature_easy=0", "temperature"),
        ("schedule.epochs=0", "schedule.epochs"),
        ("seed=-1", "seed=-1 must lie in 0..4294967295"),
        ("schedule.lr=nan", "schedule.lr=nan must be a finite number"),
        ("schedule.lr=-inf", "schedule.lr=-inf must be a finite number"),
        ("data.short_sides=[]", "data.short_sides=[] must be a list of 2 numbers"),
        ("data.num_workers=-1", "data.num_workers=-1 must be at least 0"),
        ("model.rpn.anchor_scale=0", "model.rpn.anchor_scale=0.0 must be above 0"),
        ("model.rpn.anchor_ratios=[]", "at least one number"),
        ("model.rpn.iou_low=0.9", "model.rpn.iou_high=0.7"),
        ("model.std=[1,1,0]", "model.std"),
        ("model.box_head.stds=[1,1]", "a list of 4 numbers"),
        ("overlays=-3", "overlays=-3 must be at least 0"),
        ("schedule.milestones=[-1]", "must be at least 1, each of them"),
        ("trainer.accumulate_grad_batches=0", "trainer.accumulate_grad_batches=0 must be at least 1"),
        ("trainer.max_epochs=abc", "trainer.max_epochs='abc' must be a whole number"),
        ("trainer.max_steps=1e30", "trainer.max_steps=1e+30 must be a whole number"),
        ("trainer.min_epochs=[1]", "trainer.min_epochs=[1] must be a whole number"),
        ("trainer.limit_val_batches=-1", "trainer.limit_val_batches=-1"),
    ],
)
def test_values_that_make_no_sense_name_the_way_out(defaults: DictConfig, override: str, said: str) -> None:
    (word,) = OverridesParser.create().parse_overrides([override])
    if word.key_or_group in GROUPS:
        cfg = composed(override)
    else:  # as Hydra does, which takes a quarter of a second to come to this point
        cfg = defaults.copy()
        OmegaConf.update(cfg, word.key_or_group, word.value(), merge=True)
    with pytest.raises(ConfigError, match=re.escape(said)):
        typed(cfg)


@pytest.mark.parametrize("override", ["trainer.devices=0", "trainer.devices=[]", "trainer.max_time=soon"])
def test_what_lightning_does_not_take_is_said_in_its_words(tmp_path: Path, override: str) -> None:
    cfg = composed("trainer=cpu", "logger=none", "callbacks=none", override, folder=tmp_path)
    with pytest.raises(ConfigError, match=r"the settings of trainer cannot be used: \w+: "):
        build_trainer(cfg, callbacks=[])


def _numbers(kind: Any, parent: str = "") -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(kind)
    for item in fields(kind):
        here = hints[item.name]
        options = [t for t in (get_args(here) if get_origin(here) is UnionType else (here,)) if t is not NoneType]
        if is_dataclass(options[0]):
            yield from _numbers(options[0], f"{parent}{item.name}.")
        elif options[0] in (int, float, list[int], list[float]):
            yield f"{parent}{item.name}", item


@pytest.mark.parametrize("kind", [Config, PredictConfig, ReviewConfig, ExportConfig, AuditConfig])
def test_every_number_has_a_range(kind: type) -> None:
    names = [name for name, item in _numbers(kind) if KEY not in item.metadata]
    assert [name for name in names if name != "backbone.depth"] == []  # which is one of three


def test_a_name_that_does_not_exist_lists_the_choices() -> None:
    with pytest.raises(Exception, match=r"(?s)x9.*r101.*x101"):
        composed("backbone=x9")


@pytest.mark.parametrize("override", ["backbone.width_per_group=4", "backbone.groups=2"])
def test_basic_blocks_have_one_width(override: str) -> None:
    with pytest.raises(ConfigError, match=f"{override.split('=')[0]}.* must be (64|1) for depth 18"):
        typed(composed("backbone=r18", override))


def test_experiment_switches_groups_and_the_command_line_wins() -> None:
    cfg = composed("experiment=demo", "backbone=r50", "seed=3")
    assert cfg.data.name == "shapes"
    assert cfg.seed == 3


def test_published_numbers_are_the_defaults() -> None:
    """The values of the released 1x recipe, pinned; the mask head alone is another one by default."""
    cfg = composed()
    assert (cfg.schedule.epochs, list(cfg.schedule.milestones), cfg.schedule.gamma) == (12, [8, 11], 0.1)
    assert (cfg.schedule.lr, cfg.schedule.base_images, cfg.schedule.momentum) == (0.02, 16, 0.9)
    assert (cfg.schedule.weight_decay, cfg.schedule.warmup_steps, cfg.schedule.warmup_start) == (1e-4, 500, 0.001)
    assert (cfg.loss.weight, cfg.loss.delta, cfg.loss.sample_ratio) == (0.1, 0.1, 0.3)
    assert (cfg.loss.temperature_easy, cfg.loss.temperature_hard) == (0.3, 0.7)
    assert (cfg.model.roi.batch, cfg.model.roi.positive_fraction, cfg.model.roi.limit) == (512, 0.25, 100)
    assert (cfg.model.rpn.batch, cfg.model.rpn.post_nms, cfg.model.rpn.anchor_scale) == (256, 1000, 8)
    released = composed("experiment=paper_r50_3x").model.mask_head
    assert (released.kind, released.extra, released.logits_std) == ("fcn", 0, None)
    assert cfg.model.mask_head.kind == "hourglass"
    three = composed("schedule=3x").schedule
    assert (three.epochs, three.repeats, list(three.milestones)) == (12, 3, [9, 11])
