"""One folder for all processes of a run, however they were started."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from contrastmask.errors import ConfigError, ContrastMaskError
from contrastmask.spoken import is_first_process

_WAIT = timedelta(minutes=2)  # for the first process, which may still be importing


def agreed_folder(claim: Callable[[Path], Path], folder: Path, variable: str | None) -> Path:
    """The folder that the first process claims, on every process of the run.

    Processes that Lightning starts are told the folder in the environment; those of torchrun ask the first one, by the
    store of torchrun's agent. Others (srun, a process started by hand on each machine) cannot ask before they know each
    other, and must be told.

    Args:
        claim: makes the folder and returns it, perhaps under another name; called on the first process alone.
        folder: where it would lie.
        variable: of the environment, to name the folder with; None where somebody has named it.

    Raises:
        ConfigError: there are several processes, and no way to agree on a folder.
        ContrastMaskError: what ``claim`` raises.
    """
    if variable is None or not _several():
        return claim(folder) if is_first_process() else folder
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        raise ConfigError(
            f"this is one process of several, which need one folder between them: name it with {variable}=DIR in the "
            "environment of all"
        )
    from torch.distributed import TCPStore  # late: what stops here needs no torch

    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(host, port, is_master=False, timeout=_WAIT)
    key = f"{variable}/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}"
    if not is_first_process():
        place = store.get(key).decode()
        if not place:
            raise SystemExit(1)  # the first process says why
        return Path(place)
    try:
        place = claim(folder)
    except ContrastMaskError:
        store.set(key, "")
        raise
    store.set(key, str(place))
    return place


def _several() -> bool:
    """Whether something else than Lightning has started several processes, of which this is one."""
    numbers = {"RANK": "WORLD_SIZE", "SLURM_PROCID": "SLURM_STEP_NUM_TASKS"}
    return any(name in os.environ and int(os.environ.get(total) or 1) > 1 for name, total in numbers.items())
