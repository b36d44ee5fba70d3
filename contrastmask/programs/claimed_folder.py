"""A run's folder belongs to one run: made by it alone, held while it runs, never that of a finished one.

Hydra writes settings and log into the folder before a program of ours begins. The claim is therefore a callback of
Hydra's. Its folder is made by ``mkdir`` itself, which of two processes succeeds in one: the other takes the next name.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from contrastmask.errors import ConfigError, DataError, plain_errors
from contrastmask.files.lock import held
from contrastmask.programs.failed_start import Forgotten, missing_folders
from contrastmask.programs.several_processes import agreed_folder
from contrastmask.spoken import is_first_process

LOCK = ".running"  # the file in a run's folder that the run holds
RESULTS = "results.json"
_ROOM = 1 << 16  # bytes that settings and log take in any case
_FIGURES = ("csv", "tensorboard")  # a logger would add its rows to those of another run
_CLAIMS = ExitStack()


@contextmanager
def released() -> Iterator[None]:
    """Let go, at the end of the block, of every folder that was claimed within it; where an error ended it before the
    run had begun, the folder goes, too."""
    with _CLAIMS:
        yield


class ClaimedFolder(Callback):
    """Claims the folder of a run, of a sweep and of each of its jobs; other processes of a run use the first one's.

    A folder that nobody has named (a pattern with the time) gets ``-2``, ``-3``, … where it is there already. A folder
    that was named may be there, but neither be held by a run, nor hold the results or checkpoints of one, unless this
    run goes on from a checkpoint inside it. Refusals are a message and exit status 1 (Hydra swallows errors here).
    """

    @plain_errors
    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Claim ``hydra.run.dir``; changed in ``config`` where another name was taken."""
        _Claim(config, "run", "CONTRASTMASK_OUTPUT").make()

    @plain_errors
    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Claim ``hydra.sweep.dir``, as above, with all its jobs' folders."""
        _Claim(config, "sweep", "CONTRASTMASK_SWEEP").make()

    @plain_errors
    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Claim the folder of one job of a sweep, which lies where the user wants it."""
        if config.hydra.mode == RunMode.MULTIRUN and is_first_process():
            folder = Path(config.hydra.runtime.output_dir)
            self._job = ExitStack()
            _CLAIMS.push(self._job)
            self._job.enter_context(held(folder, folder / LOCK))
            _refuse(folder, _resumed(config), config.hydra.job.name)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Let go of it."""
        if hasattr(self, "_job"):
            self._job.close()


class _Claim:
    def __init__(self, config: DictConfig, kind: str, variable: str) -> None:
        self.config, self.key, self.variable = config, f"hydra.{kind}.dir", variable
        self.sweep = kind == "sweep"
        given = [word.partition("=")[0].lstrip("+") for word in config.hydra.overrides.hydra]
        self.named = self.key in given or variable in os.environ
        # jobs under names of the user's own may lie beside those of an earlier sweep
        self.shared = self.sweep and "hydra.sweep.subdir" in given

    def make(self) -> None:
        folder = Path(str(OmegaConf.select(self.config, self.key)))
        if not is_first_process():
            self._put("hydra.output_subdir", None)  # the first process writes the settings
        place = agreed_folder(self._mine, folder, None if self.named else self.variable)
        if place != folder:
            self._put(self.key, str(place))

    def _mine(self, folder: Path) -> Path:
        new, around = not folder.exists(), missing_folders(folder.parent)
        try:
            place = _existing(folder) if self.named else _fresh(folder)
            with tempfile.TemporaryFile(dir=place) as file:
                file.write(bytes(_ROOM))
        except OSError as error:
            raise DataError(
                f"{folder} cannot be written ({error.strerror or error}); choose another {self.key}"
            ) from error
        if not self.shared:
            _CLAIMS.enter_context(held(place, place / LOCK))
            for part in sorted(place.iterdir()) if self.sweep else [place]:
                _refuse(part, _resumed(self.config), self.config.hydra.job.name)
            _CLAIMS.push(Forgotten([place, *around] if new or place != folder else [], LOCK))
        if self.named and not self.sweep:
            _set_aside(place, _resumed(self.config))
        return place

    def _put(self, key: str, value: Any) -> None:
        with read_write(self.config.hydra), open_dict(self.config.hydra):
            OmegaConf.update(self.config, key, value)
            if self.sweep and key == self.key:  # each job composes its settings anew from these words
                quoted = str(value).replace("\\", "\\\\").replace("'", "\\'")
                self.config.hydra.overrides.hydra.append(f"{key}='{quoted}'")


def _existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fresh(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(2):
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            stem = folder.name if number == 2 else folder.name.rpartition("-")[0]
            folder = folder.with_name(f"{stem}-{number}")
    raise AssertionError


def _resumed(config: DictConfig) -> Path | None:
    path = OmegaConf.select(config, "ckpt_path")
    return None if path is None else Path(str(path)).resolve()


def _inside(folder: Path, checkpoint: Path | None) -> bool:
    return checkpoint is not None and checkpoint.is_relative_to(folder.resolve())


def _refuse(folder: Path, resumed: Path | None, program: str) -> None:
    """Raise ConfigError where ``folder`` holds what a run of ``program`` would write over."""
    own = _inside(folder, resumed)
    finished = (folder / RESULTS).is_file()
    checkpoints = sorted((folder / "checkpoints").glob("*.ckpt"))
    if not (finished or checkpoints) or (own and not (finished and program == "test")):
        return
    if finished:
        what = f"a finished run ({RESULTS})"
    else:
        what = f"an unfinished run (checkpoints/{checkpoints[0].name})"
    way = "name another folder with hydra.run.dir=DIR, or move this one away"
    if program == "train" and (folder / "checkpoints" / "last.ckpt").is_file():
        way += f", or go on from it with ckpt_path={folder / 'checkpoints' / 'last.ckpt'}"
    raise ConfigError(f"{folder} holds {what}, which nothing is written over: {way}")


def _set_aside(folder: Path, resumed: Path | None) -> None:
    """Rename the figures of a run that came to no checkpoint: those of this one are another curve."""
    if _inside(folder, resumed):
        return
    for name in _FIGURES:
        if (folder / name).is_dir():
            number = next(n for n in itertools.count(1) if not (folder / f"{name}-{n}").exists())
            (folder / name).rename(folder / f"{name}-{number}")
