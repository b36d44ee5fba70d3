"""The classes and the split that a checkpoint was trained on, beside those of the data that it meets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contrastmask.data.splits import Split, SplitRule


@dataclass(frozen=True)
class Trained:
    """What a checkpoint says of the classes it was trained on.

    Attributes:
        class_names: in label order. whose: the file, for messages.
        base: names of those that had masks; None where the file does not say.
    """

    class_names: tuple[str, ...]
    whose: str
    base: tuple[str, ...] | None = None


def training_file(settings: Mapping[str, Any]) -> Path | None:
    """The annotation file that a training with these settings read; None where they do not say."""
    data = settings.get("data")
    parts = [data.get(key) for key in ("root", "train_annotations")] if isinstance(data, Mapping) else [None]
    return Path(*parts) if all(isinstance(part, str) for part in parts) else None


def trained_split(rule: SplitRule, trained: Trained) -> Split | None:
    """A checkpoint's own split, for a rule that asks for the file of its training; None where it does not say."""
    if rule.own or rule.rule != "as_annotated" or trained.base is None:
        return None
    names = tuple(trained.class_names)
    base = tuple(label for label, name in enumerate(names) if name in trained.base)
    return Split(rule.name or rule.rule, names, base, tuple(sorted(set(range(len(names))) - set(base))))


def differences(split: Split, trained: Trained, rule: SplitRule) -> list[str]:
    """Where the split that a rule made of the data is another than that of a checkpoint's training, as a sentence."""
    if trained.base is None:
        return []
    base = {split.class_names[label] for label in split.base}
    learnt = set(trained.base)
    found = (
        ("base here, but trained without masks", sorted(base - learnt)),
        ("novel here, but trained with masks", sorted(learnt & set(split.class_names) - base)),
    )
    said = "; ".join(f"{what}: {', '.join(names)}" for what, names in found if names)
    way = f"{rule.to_annotated} takes that of the training"
    return [f"split {split.name} differs from the training of {trained.whose}: {said}. {way}"] if said else []
