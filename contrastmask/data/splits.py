"""Which classes are base (boxes and masks) and which novel (boxes alone), and taking novel masks away.

`voc_nonvoc` and `nonvoc_voc` are the benchmark of "Learning to Segment Every Thing" (Hu et al., CVPR 2018) as
ContrastMask uses it: base → novel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from contrastmask.data.learnable import count_masks, lost, require_masks
from contrastmask.data.records import Records
from contrastmask.errors import ConfigError

# PASCAL VOC's classes under COCO's names (motorcycle, airplane, couch, potted plant, dining table, tv).
VOC_CLASSES: tuple[str, ...] = (
    "airplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "dining table",
    "dog",
    "horse",
    "motorcycle",
    "person",
    "potted plant",
    "sheep",
    "couch",
    "train",
    "tv",
)
RULES = ("voc_nonvoc", "nonvoc_voc", "as_annotated", "all")


@dataclass(frozen=True)
class SplitRule:
    """How to tell base from novel.

    Attributes:
        rule: voc_nonvoc (base: VOC's classes), nonvoc_voc (base: all others), as_annotated (novel: classes that have
            objects but no mask), all (every class base).
        base, novel: own lists by class name, which replace the rule; from one list alone the rest is the other side.
        name: of the resulting split; by default the rule, or "own" for own lists.
        mask_share: 0..1, share of the base classes' masks that a training keeps, class by class; 0: boxes alone.
    """

    rule: str = "voc_nonvoc"
    base: list[str] | None = None
    novel: list[str] | None = None
    name: str | None = None
    mask_share: float = 1.0

    @property
    def own(self) -> bool:
        """Own lists replace the rule."""
        return self.base is not None or self.novel is not None

    @property
    def to_annotated(self) -> str:
        """What makes the rule as_annotated of this one, in the words of the command line."""
        return f"split=as_annotated{' without split.base and split.novel' if self.own else ''}"


@dataclass(frozen=True)
class Split:
    """Labels 0..K-1 in two groups: sorted, disjoint, together all classes. `class_names` in label order."""

    name: str
    class_names: tuple[str, ...]
    base: tuple[int, ...]
    novel: tuple[int, ...]


def resolve_split(rule: SplitRule, records: Records, *, by_crops: bool = False) -> Split:
    """Apply a rule to the classes of a data set.

    VOC names that the data set does not have are no error; classes under other names than COCO's are not VOC's.

    Raises:
        ConfigError: unknown rule; own lists with unknown, overlapping or forgotten names; nothing on one side.
        DataError: the file has no mask, or for as_annotated none that a person drew.
    """
    names = tuple(records.class_names)
    everything = set(range(len(names)))
    if rule.own:
        base = _own_base(rule, names)
        # A configuration group sets its rule's name even where own lists replace the rule.
        name = rule.name if rule.name and rule.name not in RULES else "own"
    else:
        base = _base_by_rule(rule, records)
        name = rule.name or rule.rule
    novel = everything - base
    may_lack_novel = not rule.own and rule.rule in ("all", "as_annotated")
    if not base or not (novel or may_lack_novel):
        if (not rule.own and rule.rule == "as_annotated") or not count_masks(records).any():
            require_masks(sorted(base), records, by_crops=by_crops)
        raise ConfigError(
            f"split {name!r} leaves no {'novel' if base else 'base'} class among the {len(names)} of {records.path} "
            f"({', '.join(names[:10])}{', …' if len(names) > 10 else ''}). {_ways(records, rule)}",
            lost(records),
        )
    return Split(name, names, tuple(sorted(base)), tuple(sorted(novel)))


def _ways(records: Records, rule: SplitRule) -> str:
    """What to do where one side is empty; some class has a mask."""
    if not _box_only(records):
        return "Name them yourself (split.base=[…] or split.novel=[…]), or use split=all to train on every mask"
    return (
        f"{rule.to_annotated} takes the classes that have no mask for novel; or name them yourself "
        "(split.base=[…] or split.novel=[…])"
    )


def base_by_names(rule: SplitRule, names: Sequence[str]) -> set[int]:
    """Labels of the base classes where names alone tell them: own lists, or a rule that looks at no annotation.

    Raises:
        ConfigError: as `resolve_split`; the rule as_annotated.
    """
    if rule.own:
        return _own_base(rule, names)
    voc = {label for label, name in enumerate(names) if name in VOC_CLASSES}
    everything = set(range(len(names)))
    bases = {"voc_nonvoc": voc, "nonvoc_voc": everything - voc, "all": everything}
    if rule.rule not in bases:
        raise ConfigError(
            f"split.rule={rule.rule!r} is unknown; choose from {', '.join(RULES)}, or give split.base=[…]"
        )
    return bases[rule.rule]


def apply_split(split: Split, records: Records, mask_share: float = 1.0) -> Records:
    """The records with the masks of all novel classes removed, and of the others all but ``mask_share``; where nothing
    is to remove, the records themselves."""
    kept = records.withhold(split.novel)
    return kept.thin_masks(mask_share) if mask_share < 1 else kept


def _base_by_rule(rule: SplitRule, records: Records) -> set[int]:
    if rule.rule == "as_annotated":
        return set(range(len(records.categories))) - _box_only(records)
    return base_by_names(rule, records.class_names)


def _box_only(records: Records) -> set[int]:
    """Labels with objects of which none has a mask; crowd regions do not count, as training leaves them out."""
    count = len(records.categories)
    objects = np.bincount(records.labels[~records.crowd], minlength=count)
    return set(np.flatnonzero((objects > 0) & (count_masks(records) == 0)).tolist())


def _own_base(rule: SplitRule, names: Sequence[str]) -> set[int]:
    given = {side: _labels(side, chosen, names) for side, chosen in (("base", rule.base), ("novel", rule.novel))}
    base, novel, everything = given["base"], given["novel"], set(range(len(names)))
    if base is None:
        return everything - novel
    if novel is None:
        return base
    if base & novel:
        raise ConfigError(f"split.base and split.novel both name {_listed(base & novel, names)}; keep each in one")
    if everything - base - novel:
        raise ConfigError(
            f"neither split.base nor split.novel names {_listed(everything - base - novel, names)}; "
            "add them to one, or give one list alone: the rest is then the other side"
        )
    return base


def _labels(side: str, chosen: Iterable[str] | None, names: Sequence[str]) -> set[int] | None:
    if chosen is None:
        return None
    if isinstance(chosen, str):
        raise ConfigError(f"split.{side}={chosen} must be a list: split.{side}=[{chosen}]")
    chosen = list(chosen)
    unknown = [str(name) for name in chosen if name not in names]
    if unknown:
        raise ConfigError(
            f"split.{side} names no class of the data: {'; '.join(_with_matches(name, names) for name in unknown)}. "
            f"Choose from: {', '.join(names)}"
        )
    return {names.index(name) for name in chosen}


def _with_matches(unknown: str, names: Sequence[str]) -> str:
    folded = {name.casefold(): name for name in names}
    matches = [folded[match] for match in get_close_matches(unknown.casefold(), folded, n=3)]
    return f"{unknown!r} (did you mean {' or '.join(map(repr, matches))}?)" if matches else repr(unknown)


def _listed(labels: Iterable[int], names: Sequence[str]) -> str:
    return ", ".join(names[label] for label in sorted(labels))
