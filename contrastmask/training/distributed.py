"""Talking between the processes of a run; every function works, and costs nothing, where there is one process only."""

from __future__ import annotations

from typing import Any

import torch.distributed as dist

Prediction = dict[str, Any]


def world_size() -> int:
    """Number of processes in the run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number, 0 first."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def gather_predictions(local: list[Prediction], *, to: int | None = None) -> list[Prediction]:
    """Merge the predictions of all processes into one list that does not depend on how many there are.

    Every process must call it, with an empty list where it has seen no image. Images come in the order of ``image_id``;
    of an image that several processes saw (a sampler that fills up the last batch) the lowest rank's prediction stays.

    Args:
        local: this process's predictions, one dict with an ``image_id`` per image. Arrays should be numpy's, which
            travel as they are; a tensor of an accelerator would be sent to the same device everywhere.
        to: the rank that gets the list, the others get an empty one; None gives it to all.
    """
    parts: list[list[Prediction] | None] | None = [local]
    if world_size() > 1:
        receives = to is None or rank() == to
        parts = [None] * world_size() if receives else None
        if to is None:
            dist.all_gather_object(parts, local)
        else:
            dist.gather_object(local, parts, dst=to)
    merged: dict[int, Prediction] = {}
    for part in parts or ():
        for prediction in part or ():
            merged.setdefault(int(prediction["image_id"]), prediction)
    return [merged[image_id] for image_id in sorted(merged)]


def share(value: Any, *, source: int = 0) -> Any:
    """The object that rank ``source`` passed, on all ranks; the others' arguments are ignored."""
    if world_size() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=source)
    return box[0]
