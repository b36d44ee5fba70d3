"""What the folder of a run says of its evaluation: the files of detections, their truth, how it was read, the split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from contrastmask.data.reading import AS_IT_IS, Reading
from contrastmask.data.records import Category
from contrastmask.data.splits import Split, SplitRule, base_by_names
from contrastmask.errors import ConfigError, DataError
from contrastmask.evaluation.detections import FILES, places_of
from contrastmask.evaluation.truth import Truth
from contrastmask.files.absent import absent
from contrastmask.files.kinds import no_file


@dataclass
class Evaluated:
    """An evaluation that can be repeated from files.

    Attributes:
        files: of detections. truth: the annotation file. image_folder: of its images, None where unknown.
        reading: how the file was read. split_name: of the classes' two groups.
        base, novel: the model's classes, None where they are the file's and a rule tells the groups.
        sha256: of the truth as it was; "" where nobody knows. image_ids: of the images that were judged, None for all.
        in_given_boxes: the run drew masks into the file's boxes, and found none.
    """

    files: list[Path]
    truth: Path | None = None
    image_folder: Path | None = None
    reading: Reading = AS_IT_IS
    split_name: str = "all"
    base: list[Category] | None = None
    novel: list[Category] | None = None
    sha256: str = ""
    image_ids: list[Any] | None = field(default=None)
    in_given_boxes: bool = False

    def ids(self, truth: Truth) -> list[Any]:
        """The id that the detections have for each place of the truth: a run's own where it has a class of that name,
        as another file may number the classes otherwise; None where another class has the id."""
        own = [*(self.base or ()), *(self.novel or ())]
        taken = {category.id for category in own}
        ids: list[Any] = [None if category.id in taken else category.id for category in truth.categories]
        for category, place in zip(own, places_of(own, truth).tolist(), strict=True):
            if place >= 0:
                ids[place] = category.id
        return ids

    def classes(self, truth: Truth, rule: SplitRule) -> tuple[list[Category], Split, np.ndarray]:
        """The model's classes in label order, their split, and the label of each place of the truth, -1 for none."""
        if self.base is None or self.novel is None:
            names = tuple(truth.class_names)
            base = base_by_names(rule, names)
            novel = sorted(set(range(len(names))) - base)
            split = Split(rule.name or rule.rule, names, tuple(sorted(base)), tuple(novel))
            return list(truth.categories), split, np.arange(len(names))
        classes = [*self.base, *self.novel]
        count = len(self.base)
        names = tuple(category.name for category in classes)
        split = Split(self.split_name, names, tuple(range(count)), tuple(range(count, len(names))))
        labels = np.full(len(truth.categories), -1, dtype=np.int64)
        places = places_of(classes, truth)
        labels[places[places >= 0]] = np.flatnonzero(places >= 0)
        return classes, split, labels


def run_files(folder: Path) -> Evaluated:
    """Of a run that was evaluated.

    Raises:
        DataError: the folder has no detections, or not what tells their truth.
    """
    files = [folder / name for name in FILES.values() if (folder / name).is_file()]
    if not files:
        raise DataError(
            f"{folder} has no {' and no '.join(FILES.values())}: no evaluation of detections has ended there"
        )
    data = _read(folder / "data.json", json.loads)
    resolved = _read(folder / "resolved.yaml", yaml.safe_load)
    settings, branch = (resolved.get(name) or {} for name in ("data", "mask_branch"))
    results = _read(folder / "results.json", json.loads) if (folder / "results.json").is_file() else {}
    try:
        split, val, truth = data["split"], data["val"], results.get("truth") or {}
        ids = {category["name"]: category["id"] for category in val.get("categories", ())}
        base, novel = ([Category(ids.get(name, -1), name) for name in split[side]] for side in ("base", "novel"))
        root, images = settings.get("root"), settings.get("val_images")
        known = {item.name: settings[item.name] for item in fields(Reading) if item.name in settings}
        return Evaluated(
            files,
            truth=Path(val["annotations_file"]),
            image_folder=None if root is None or images is None else Path(root) / images,
            reading=Reading(**{**known, "predicted_masks": "ignore"}),
            split_name=split["name"],
            base=base,
            novel=novel,
            sha256=truth.get("sha256", ""),
            image_ids=truth.get("image_ids"),
            in_given_boxes=branch.get("kind") == "crop",
        )
    except (KeyError, TypeError, AttributeError, ConfigError) as error:
        raise DataError(f"{folder}: data.json or resolved.yaml is not as a run writes it ({error!r})") from error


def given_files(paths: Sequence[Path]) -> Evaluated:
    """Of results files that are named themselves.

    Raises:
        ConfigError: more than two, or a file of weights.
        DataError: there is no such file.
    """
    for path in paths:
        if path.suffix in (".ckpt", ".pth", ".pt", ".safetensors"):
            raise ConfigError(
                f"{path} is named as a checkpoint is; what is judged here are detections: a run's folder, or a file of "
                f"results. `contrastmask test ckpt_path={path} …` evaluates a checkpoint"
            )
        if said := absent("the file or folder of detections", path, folder=None):
            beside = "; `contrastmask test evaluate=given_boxes ckpt_path=…` judges masks of given boxes"
            hint = beside if str(path) == "given_boxes" else ""
            raise DataError(said + hint)
    if len(paths) > 2:
        raise ConfigError("give a run's folder, or one results file, or two: one of masks and one of boxes")
    return Evaluated(list(paths))


def _read(path: Path, parse: Any) -> dict[str, Any]:
    if instead := no_file(path):
        raise DataError(f"{path} cannot be read: {instead}")
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist: name the files of detections, with --truth") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if type(content) is not dict:
        raise DataError(f"{path} is not as a run writes it")
    return content
