"""Whether a training can go on with what a checkpoint says of the one before: checked before any of it is taken over.

Lightning and PyTorch take over what they are given: a rate that is a text, moments of another shape or a progress of
-3 batches end in the middle of a step, or never. What the run would write itself at this moment is the measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from contrastmask.checkpoints.packing import unfit
from contrastmask.checkpoints.tensor_files import differences
from contrastmask.errors import CheckpointError
from contrastmask.spoken import say
from contrastmask.training.plain_state import counts_apart, misfit
from contrastmask.training.resumed_optimizer import begin_moments, optimizer_misfit

_POSITIVE = ("total_iters", "T_max", "start_factor")  # of a schedule; a division by them
_MOST = 3  # problems in one message


def check_weights(path: Any, own: dict[str, Tensor], content: dict[str, Any]) -> None:
    """Compare the tensors of a checkpoint's model with those of the one that is to get them.

    Raises:
        CheckpointError: missing, left over, of another shape, no finite floating-point numbers; each is named.
    """
    given = content["state_dict"]
    missing, left_over, reshaped = differences(own, given)
    problems = [f"it lacks {name}" for name in missing] + [f"{name} is not known here" for name in left_over]
    problems += [f"{name} is {tuple(given[name].shape)}, here {tuple(own[name].shape)}" for name in reshaped]
    problems = problems or [why for name in own if (why := unfit(name, own[name], given[name]))]
    _refuse(path, problems)


def check_callbacks(path: Any, trainer: pl.Trainer, content: dict[str, Any]) -> None:
    """Compare what a checkpoint keeps for the callbacks of this run with what these keep.

    Raises:
        CheckpointError: another kind of thing; a callback that was not there before is none.
    """
    given = content.get("callbacks")
    if not isinstance(given, dict) or not all(isinstance(name, str) for name in given):
        _refuse(path, ["callbacks holds no states by name"])
    states = {callback.state_key: callback.state_dict() for callback in trainer.callbacks}
    _refuse(path, (misfit(given[name], own, f"callbacks.{name}") for name, own in states.items() if name in given))


def check_training(path: Any, trainer: pl.Trainer, content: dict[str, Any]) -> None:
    """Compare optimiser, schedules, precision and progress of a checkpoint with this run's, which are set up.

    Raises:
        CheckpointError: of another kind, shape or number; counts that contradict each other; further than the training
            is to go.
    """
    _refuse(path, _progress(trainer, content))
    plugin = trainer.precision_plugin
    if (name := type(plugin).__qualname__) in content and plugin.state_dict():
        _refuse(path, [misfit(content[name], plugin.state_dict(), name)])
    _refuse(path, _several(content["optimizer_states"], trainer.optimizers, "optimizer_states", optimizer_misfit))
    for given, optimizer in zip(content["optimizer_states"], trainer.optimizers, strict=True):
        if content["global_step"] and not given["state"]:
            _refuse(path, [f"optimizer_states holds no moments after {content['global_step']} steps"])
        if begun := begin_moments(given, optimizer):
            say(f"{path} has no moments of {begun} parameters (no gradient yet, or lost): theirs begin anew")
    schedulers = [config.scheduler.state_dict() for config in trainer.lr_scheduler_configs]
    _refuse(path, _several(content["lr_schedulers"], schedulers, "lr_schedulers", _schedule))
    epoch, last = content["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"], trainer.max_epochs
    if last is not None and 0 <= last < epoch:
        raise CheckpointError(
            f"{path} has {epoch} epochs behind it, and this training is to end after {last}: a larger schedule.epochs "
            "goes on"
        )


def _refuse(path: Any, problems: Any) -> None:
    if found := [problem for problem in problems if problem][:_MOST]:
        raise CheckpointError(
            f"{path} cannot be gone on with: {'; '.join(found)}. It is damaged, made by hand, or of another training; "
            f"take another checkpoint, or start anew from its weights with init_path={path}"
        )


def _progress(trainer: pl.Trainer, content: dict[str, Any]) -> Iterator[str | None]:
    given, own = content["loops"], trainer.fit_loop.state_dict()
    wrong = [misfit(content[name], 0, name) for name in ("epoch", "global_step")]
    wrong.append(misfit(given, {"fit_loop": own}, "loops") or counts_apart(given["fit_loop"], "loops.fit_loop"))
    if any(wrong):
        yield from wrong
        return
    loop = given["fit_loop"]
    steps = loop["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]["total"]["completed"]
    if content["global_step"] != steps:
        yield f"global_step is {content['global_step']}, loops.fit_loop counts {steps}"
    epochs = loop["epoch_progress"]["current"]["processed"]
    if abs(content["epoch"] - epochs) > 1:  # one ahead where it was saved between an epoch and the next
        yield f"epoch is {content['epoch']}, loops.fit_loop counts {epochs}"


def _several(given: Any, own: list, where: str, wrong: Callable[[Any, Any, str], str | None]) -> Iterator[str | None]:
    if not isinstance(given, list) or len(given) != len(own):
        yield f"{where} is no list of {len(own)}"
        return
    for number, (theirs, mine) in enumerate(zip(given, own, strict=True)):
        yield wrong(theirs, mine, f"{where}[{number}]")


def _schedule(given: Any, own: dict[str, Any], where: str) -> str | None:
    if isinstance(given, dict):  # names with an underscore come and go with PyTorch's versions
        own = {name: value for name, value in own.items() if name in given or not name.startswith("_")}
    if wrong := misfit(given, own, where):
        return wrong
    zero = [name for name in _POSITIVE if name in own and given[name] <= 0]
    return f"{where}.{zero[0]} is {given[zero[0]]}" if zero else None
