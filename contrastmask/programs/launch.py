"""One Hydra job as one clean run: its own folder, its own processes, nothing left over for the next job of a sweep.

Lightning starts the other processes of a run by repeating the command line. In a sweep that line names *all* jobs, so
each child would run the whole sweep in lock-step; and a child or a torchrun rank that evaluates ``${now:…}`` by itself
writes into a folder of its own. The guard therefore hands the children this job's overrides and the folder, and puts
everything back afterwards.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from contrastmask.programs.going_on import kept_hydra_words, own_choices

OUTPUT = "CONTRASTMASK_OUTPUT"
# what Lightning leaves in the environment of the process that it launched others from
_TRACES = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PL_GLOBAL_SEED", "PL_SEED_WORKERS")


@contextmanager
def job(command: Sequence[str] = ()) -> Iterator[Path]:
    """Guard one job; yields its output folder, the same for all its processes.

    Args:
        command: words that stand between the script and its arguments, ``("train",)`` for ``contrastmask train``.
    """
    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    arguments = list(sys.argv)
    traces = {name: os.environ.get(name) for name in (*_TRACES, OUTPUT)}
    options = ["--config-name", hydra.job.config_name, *own_choices()]
    sys.argv = [arguments[0], *command, *options, *hydra.overrides.task, *kept_hydra_words()]
    os.environ[OUTPUT] = str(folder)
    try:
        yield folder
    finally:
        _end_process_group()
        _finish_wandb()
        sys.argv = arguments
        for name, value in traces.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _end_process_group() -> None:
    torch = sys.modules.get("torch")  # a job that ended before it computed anything has none
    if torch is not None and torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _finish_wandb() -> None:
    # a live run would be taken over by the next job's logger
    wandb = sys.modules.get("wandb")
    if wandb is not None and getattr(wandb, "run", None) is not None:
        wandb.finish()
