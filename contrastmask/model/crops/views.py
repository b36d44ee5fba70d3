"""The views of an object that a mask can be the mean of at test."""

from __future__ import annotations

from typing import NamedTuple

TTA = ("none", "flip", "scales", "all")  # what a program's tta= may be
CLOSER, WIDER = 0.05, 0.1  # shares of the box's sides; training has moved windows by as much (mask_branch.jitter)


class View(NamedTuple):
    """One scale of an object."""

    context: float  # share of the box's sides that is added at each end
    sides: tuple[bool, ...]  # the crop as it is, False, and mirrored, True


def views_of(tta: str, context: float) -> list[View]:
    """What the mean is made of: 1, 2 (flip), 3 (scales) or 6 (all) masks; fewer scales where ``context`` is 0.

    Args:
        tta: one of ``TTA``.
        context: the crop branch's own, which is always among them.

    Raises:
        ValueError: ``tta`` is none of ``TTA``.
    """
    if tta not in TTA:
        raise ValueError(f"tta={tta!r} is not one of {', '.join(TTA)}")
    sides = (False, True) if tta in ("flip", "all") else (False,)
    contexts = [context]
    if tta in ("scales", "all"):
        contexts += [max(context - CLOSER, 0.0), context + WIDER]
    return [View(scale, sides) for scale in dict.fromkeys(contexts)]
