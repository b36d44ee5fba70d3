"""Whether a training may go on from a checkpoint: the same network, classes, split and optimiser, or told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from contrastmask.checkpoints.read import Checkpoint
from contrastmask.data.splits import Split
from contrastmask.errors import CheckpointError
from contrastmask.programs.config import Config

# labels of folder and run names, the choice of detections, and where weights came from: no part of the network
_FREE = ("name", "weights", "require_weights", "roi.score", "roi.nms", "roi.limit", "roi.mask_limit", "roi.mask_score")
# what a training can go on with though it differs, when told so
CHANGEABLE = ("split", "loss")


def check_resumed(checkpoint: Checkpoint, config: Config, split: Split) -> None:
    """Compare a checkpoint with the run that is to go on from it.

    Args:
        split: of the data of this run.

    Raises:
        CheckpointError: they differ; every setting with the file's value and the run's, and the way out.
    """
    found = [
        (group, text) for group, text in _differences(checkpoint, config, split) if group not in config.resume_changed
    ]
    if not found:
        return
    path = checkpoint.path
    ways = [f"repeat that run's settings, or start anew from its weights with init_path={path}"]
    allowed = [group for group in CHANGEABLE if any(g == group for g, _ in found)]
    if allowed and all(g in CHANGEABLE for g, _ in found):
        ways.append(f"resume_changed=[{','.join(allowed)}] goes on all the same")
    raise CheckpointError(f"{path} is of another run: {'; '.join(text for _, text in found)}. {'. Or '.join(ways)}")


def _differences(checkpoint: Checkpoint, config: Config, split: Split) -> Iterator[tuple[str, str]]:
    # files older than the crop branch do not name theirs
    network = {"mask_branch": {"kind": "pyramid"}, **checkpoint.network}
    for group, settings in network.items():
        ours = _flat(asdict(getattr(config, group)))
        for name, value in _flat(settings).items():
            body = name == "name" and ours.get("library") == "timm"  # there the name is the network
            if (name not in _FREE or body) and name in ours and ours[name] != value:
                yield group, f"{group}.{name} is {value!r} there and {ours[name]!r} here"
    optimizer = checkpoint.schedule.get("optimizer", config.schedule.optimizer)
    if optimizer != config.schedule.optimizer:
        yield "schedule", f"schedule.optimizer is {optimizer!r} there and {config.schedule.optimizer!r} here"
    if checkpoint.categories is not None:
        yield from _classes(tuple(category["name"] for category in checkpoint.categories), split.class_names)
    if checkpoint.base is not None:
        base = {split.class_names[label] for label in split.base}
        gained, lost = sorted(base - set(checkpoint.base)), sorted(set(checkpoint.base) - base)
        if gained:
            yield "split", f"{', '.join(gained)} had no masks there and would have masks here"
        if lost:
            yield "split", f"{', '.join(lost)} had masks there and would have none here"


def _classes(there: tuple[str, ...], here: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if there == here:
        return
    if sorted(there) == sorted(here):
        yield "classes", f"the classes are in another order: {', '.join(there)} there, {', '.join(here)} here"
        return
    missing, extra = ([n for n in one if n not in other] for one, other in ((there, here), (here, there)))
    said = [f"{', '.join(missing)} of its classes not here"] if missing else []
    said += [f"{', '.join(extra)} of the classes here not in it"] if extra else []
    yield "classes", "; ".join(said) or "one of them has a class twice"


def _flat(node: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return flat
