"""Which classes keep their masks (base) and which have boxes only (novel)."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np

from contrastmask.data.records import Records
from contrastmask.errors import ConfigError

RULES = ("voc_nonvoc", "nonvoc_voc", "as_annotated", "all")
# the 20 classes of PASCAL VOC under COCO's names
VOC_CLASSES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "boat", "bird", "cat",
    "dog", "horse", "sheep", "cow", "bottle", "chair", "couch", "potted plant", "dining table", "tv",
)  # fmt: skip


@dataclass(frozen=True)
class SplitRule:
    """How to split; own lists of class names replace the rule.

    Attributes:
        rule: ``voc_nonvoc``: VOC's classes are base, the others novel; ``nonvoc_voc``: the other way round;
            ``as_annotated``: novel is a class none of whose objects has a mask; ``all``: no class is novel.
        base, novel: own lists; where one is given the rest is the other side.
        name: label; None for the rule, or ``own``.
    """

    rule: str = "voc_nonvoc"
    base: list[str] | None = None
    novel: list[str] | None = None
    name: str | None = None


@dataclass(frozen=True)
class Split:
    """A resolved split: labels of both sides, sorted, disjoint, covering all K classes."""

    name: str
    class_names: tuple[str, ...]
    base: tuple[int, ...]
    novel: tuple[int, ...]
    withholds: bool = True  # whether novel masks have to be removed, or are absent by themselves


def resolve_split(rule: SplitRule, records: Records) -> Split:
    """Apply a rule to a file's classes.

    Raises:
        ConfigError: unknown or overlapping names, classes on neither side, or a benchmark side that is empty.
    """
    names = tuple(records.class_names)
    if rule.base is not None or rule.novel is not None:
        base = _own_lists(rule, names)
        label = "own" if rule.name in (None, *RULES) else rule.name
        return _split(label, names, base, withholds=True)
    if rule.rule not in RULES:
        raise ConfigError(f"split.rule={rule.rule!r} is not one of {', '.join(RULES)}")
    name = rule.name or rule.rule
    if rule.rule == "all":
        return _split(name, names, set(names), withholds=False)
    if rule.rule == "as_annotated":
        masked = np.unique(records.labels[records.has_mask & ~records.crowd])
        return _split(name, names, {names[label] for label in masked}, withholds=False)
    voc = set(names) & set(VOC_CLASSES)
    base = voc if rule.rule == "voc_nonvoc" else set(names) - voc
    if not base or len(base) == len(names):
        raise ConfigError(
            f"split={rule.rule}: {records.path} has {len(voc)} of VOC's classes and {len(names) - len(voc)} others; "
            f"both are needed. Name base classes yourself, split.base=[…], out of: {', '.join(names)}"
        )
    return _split(name, names, base, withholds=True)


def apply_split(split: Split, records: Records) -> Records:
    """The records a model may train on: novel masks are removed where the rule withholds them."""
    return records.withhold(split.novel) if split.withholds and split.novel else records


def _own_lists(rule: SplitRule, names: tuple[str, ...]) -> set[str]:
    given = [*(rule.base or []), *(rule.novel or [])]
    unknown = [name for name in given if name not in names]
    if unknown:
        near = {n: difflib.get_close_matches(n, names, 3) for n in unknown}
        hints = "; ".join(f"{n!r}" + (f" (did you mean {' or '.join(m)}?)" if m else "") for n, m in near.items())
        raise ConfigError(f"split: no class named {hints}. Choose from: {', '.join(names)}")
    if rule.base is not None and rule.novel is not None:
        both = sorted(set(rule.base) & set(rule.novel))
        if both:
            raise ConfigError(f"split: {', '.join(both)} stand in both split.base and split.novel")
        neither = [name for name in names if name not in given]
        if neither:
            raise ConfigError(
                f"split: {', '.join(neither)} stand in neither split.base nor split.novel; add them, or give one list only"
            )
    return set(rule.base) if rule.base is not None else set(names) - set(rule.novel or [])


def _split(name: str, names: tuple[str, ...], base: set[str], *, withholds: bool) -> Split:
    labels = range(len(names))
    return Split(
        name,
        names,
        tuple(n for n in labels if names[n] in base),
        tuple(n for n in labels if names[n] not in base),
        withholds,
    )
