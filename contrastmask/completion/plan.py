"""What is to become of every row of the file, told apart by its place in the list `annotations`.

A row that has a mask stays as it is, whoever else bears its id. A row without one is either completed or listed with
the reason why not; every row of the file is under exactly one heading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.work import holds_work
from contrastmask.data.annotations.mending import meanings
from contrastmask.data.annotations.rectangles import are_boxes
from contrastmask.data.annotations.reviewed import ACCEPTED, REJECTED, review_of
from contrastmask.data.annotations.turned import OUTLINE, are_before_turn
from contrastmask.data.columns import flags, quadruples
from contrastmask.data.records import Records
from contrastmask.data.segmentation.check import PROBLEMS, SOUND, pack
from contrastmask.data.segmentation.extents import mask_extents
from contrastmask.errors import ConfigError

BLANK = "mask covers no pixel of the image"
UNREADABLE = (*PROBLEMS[1:], BLANK)  # reasons under which what may be somebody's work is left as it is
TURNED_DOWN = "mask was rejected in a review"
NO_CLASS = "(no class)"  # rows whose category the file does not have


@dataclass(eq=False)
class Plan:
    """What is to become of the N rows of the file.

    Attributes:
        count: N.
        wanted: bool [A], of the records: a mask is to be made and written.
        judged: bool [A], of the records: a person's mask, predicted too for comparison alone.
        kept: why a row needs no mask → number of rows.
        left: why a row without a mask gets none → places of the rows.
        replaced: what stood in rows that are to be completed, where something did → number of rows.
        without_mask: class name → number of rows that have no mask and were asked for.
    """

    count: int
    wanted: np.ndarray
    judged: np.ndarray
    kept: Counter[str] = field(default_factory=Counter)
    left: dict[str, list[int]] = field(default_factory=dict)
    replaced: Counter[str] = field(default_factory=Counter)
    without_mask: Counter[str] = field(default_factory=Counter)

    @property
    def chosen(self) -> np.ndarray:
        """bool [A]: the model is asked for a mask."""
        return self.wanted | self.judged

    def leave(self, reason: str, places: Iterable[int]) -> None:
        """List rows that stay without a mask."""
        self.left.setdefault(reason, []).extend(places)


def make_plan(
    options: CompletionOptions, records: Records, gone: dict[str, list[int]], rows: list[Any], asked: set[str]
) -> Plan:
    """Decide for every row.

    Args:
        records: read with ``predicted_masks="ignore"``: `has_mask` tells people's masks. gone: reason → places of the
            rows that the reading dropped. rows: the file's list `annotations`. asked: names of the classes to complete.
    """
    of_class = np.isin(records.labels, [n for n, name in enumerate(records.class_names) if name in asked])
    person, made = records.has_mask & ~records.crowd, records.predicted & ~records.has_mask & ~records.crowd
    plan = Plan(len(rows), np.zeros(len(records.rows), bool), person & of_class & options.check)
    said = [review_of(rows[place]) for place in records.rows.tolist()]
    accepted = made & np.fromiter((state == ACCEPTED for state in said), bool, len(said))
    lacking = ~records.crowd & ~person & ~accepted & ~(made & ~(options.redo & of_class))
    plan.kept.update({
        "mask": int(person.sum()),
        "predicted mask": int((made & ~lacking & ~accepted).sum()),
        "accepted mask": int(accepted.sum()),
        "crowd region": int(records.crowd.sum()),
        "of a class not asked for": int((lacking & ~of_class).sum()),
    })  # fmt: skip
    plan.wanted[:] = lacking & of_class
    plan.replaced["mask that a model made before"] = int((plan.wanted & made).sum())
    names = np.array(records.class_names, dtype=object)
    plan.without_mask.update(names[records.labels[plan.wanted]].tolist())
    _settle_rejected(
        plan, options, records, np.fromiter((state == REJECTED for state in said), bool, len(said)) & ~made
    )
    _keep_work(plan, options, records, rows, plan.wanted & ~made)
    _settle_gone(plan, records, gone, rows, asked)
    plan.kept, plan.replaced = +plan.kept, +plan.replaced  # without zeros
    return plan


def _settle_rejected(plan: Plan, options: CompletionOptions, records: Records, rejected: np.ndarray) -> None:
    """What a person did not want is not made again unless it is asked for."""
    rejected = rejected & plan.wanted
    if options.rejected == "complete":
        plan.replaced[TURNED_DOWN] += int(rejected.sum())
    elif rejected.any():
        plan.wanted &= ~rejected
        plan.leave(TURNED_DOWN, records.rows[rejected].tolist())


def _keep_work(plan: Plan, options: CompletionOptions, records: Records, rows: list[Any], empty: np.ndarray) -> None:
    """Nothing that somebody may have drawn is replaced unless it is asked for."""
    odd = [a for a in np.flatnonzero(empty).tolist() if rows[records.rows[a]].get("segmentation")]
    if not odd:
        return
    images = records.images_of(np.array(odd))
    raw = [rows[records.rows[a]]["segmentation"] for a in odd]
    heights, widths = records.heights[images], records.widths[images]
    packed = pack(raw, heights, widths)
    if options.repair and options.rectangles == "box":
        raw = _with_mended_boxes(raw, packed.problem, records.boxes[odd], heights, widths)
        packed = pack(raw, heights, widths)
    before_turn = _before_turn(raw, [rows[records.rows[a]] for a in odd]) if options.repair else [False] * len(odd)
    for a, value, problem, blank, none in zip(
        odd, raw, packed.problem.tolist(), packed.blank.tolist(), before_turn, strict=True
    ):
        if problem == SOUND and not blank:
            # the reading was asked to take this mask for none; whatever else did so has no say here
            reason, replace = (OUTLINE, True) if none else ("mask is its own box", options.rectangles == "box")
        elif holds_work(value, blank=problem == SOUND):
            reason = PROBLEMS[problem] if problem != SOUND else BLANK
            replace = options.unreadable == "complete"
        else:
            continue
        if replace:
            plan.replaced[reason] += 1
        else:
            plan.wanted[a] = False
            plan.leave(reason, [int(records.rows[a])])


def _before_turn(raw: list[Any], rows: list[dict[str, Any]]) -> list[bool]:
    xywh = quadruples([row.get("bbox") for row in rows], text=True)
    return are_before_turn(xywh, [row.get("attributes") for row in rows], raw).tolist()


def _with_mended_boxes(
    raw: list[Any], problem: np.ndarray, boxes: np.ndarray, heights: np.ndarray, widths: np.ndarray
) -> list[Any]:
    """The values; of what a repair reads in another form, and what then is its own box, that reading."""
    result, sizes = list(raw), np.stack([widths, heights], axis=1).astype(np.int64)
    for number in np.flatnonzero(problem != SOUND).tolist():
        size = sizes[number : number + 1]
        for meant in meanings(raw[number], int(size[0, 1]), int(size[0, 0])):
            read = pack([meant], size[:, 1], size[:, 0])
            if are_boxes(mask_extents(read, size[:, 1]), boxes[number : number + 1].astype(np.float64), size)[0]:
                result[number] = meant
                break
    return result


def _settle_gone(plan: Plan, records: Records, gone: dict[str, list[int]], rows: list[Any], asked: set[str]) -> None:
    """Rows that no box and class could be read of: those that have or need no mask are kept, the others listed."""
    names = {category.id: category.name for category in records.categories}
    for reason, places in gone.items():
        for place in places:
            row = rows[place] if isinstance(rows[place], dict) else {}
            category = row.get("category_id")
            name = names.get(category, NO_CLASS) if isinstance(category, (int, float)) else NO_CLASS
            if holds_work(row.get("segmentation")):
                plan.kept["unusable, with a segmentation"] += 1
            elif flags([row.get("iscrowd")])[0][0]:
                plan.kept["crowd region"] += 1
            elif name != NO_CLASS and name not in asked:
                plan.kept["of a class not asked for"] += 1
            else:
                plan.leave(f"unusable: {reason}", [place])
                plan.without_mask[name] += 1


def asked_classes(options: CompletionOptions, records: Records) -> set[str]:
    """The names of the classes to complete.

    Raises:
        ConfigError: the file has no such class.
    """
    asked = set(records.class_names if options.classes is None else options.classes)
    if unknown := sorted(asked - set(records.class_names)):
        raise ConfigError(
            f"classes: {', '.join(unknown)} unknown; {options.annotations} has {', '.join(records.class_names)}"
        )
    return asked
