"""From the words of a command line to a composed configuration, and to a program that runs under Hydra."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import hydra
from omegaconf import DictConfig

from contrastmask.conf_folder import CONF
from contrastmask.errors import ContrastMaskError, plain_errors
from contrastmask.programs.claimed_folder import released
from contrastmask.programs.composition_errors import explained
from contrastmask.programs.help_text import help_text
from contrastmask.programs.option_words import asked_for_help, options_first, overrides_of

FULL_ERROR = "HYDRA_FULL_ERROR"


def composed(program: str, overrides: Sequence[str]) -> DictConfig:
    """A program's configuration without the program; its schema must have been registered.

    Raises:
        ConfigError: an override that cannot be used.
    """
    try:
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            return hydra.compose(program, list(overrides))
    except Exception as error:
        if os.environ.get(FULL_ERROR) == "1":
            raise
        raise explained(error, program, overrides) from error


@plain_errors
def run(program: str, task: Callable[[DictConfig], Any], words: Sequence[str]) -> None:
    """Run ``task`` under Hydra, once or, with ``-m``, once a job; errors of overrides are one short message, exit 1.

    With HYDRA_FULL_ERROR=1 in the environment everything is shown as it was raised.

    Args:
        program: name of the configuration. words: of the command line, behind the program's name.
    """
    words = options_first(words)
    full = os.environ.get(FULL_ERROR)
    arguments, in_task, home = list(sys.argv), False, os.getpid()

    def guarded(cfg: DictConfig) -> None:
        nonlocal in_task
        if os.getpid() != home:
            with _environment(full):
                run_elsewhere(task, cfg)
            return
        in_task = True
        with _environment(full):  # the task's own processes start as the user's
            (task if full == "1" else plain_errors(task))(cfg)
        in_task = False

    sys.argv = [arguments[0], *words]
    try:
        with _environment("1"), released():  # so Hydra hands errors on instead of printing them
            if (own := asked_for_help(words)) is not None:
                print(help_text(program, overrides_of(words), own))
                return
            hydra.main(version_base="1.3", config_path=str(CONF), config_name=program)(guarded)()
    except Exception as error:
        if full == "1" or isinstance(error, ContrastMaskError):  # the latter of a job in another process
            raise
        if in_task:
            raise error.with_traceback(_behind(guarded.__code__, error.__traceback__)) from error.__cause__
        raise explained(error, program, overrides_of(words)) from error
    finally:
        sys.argv = arguments


def run_elsewhere(task: Callable[[DictConfig], Any], cfg: DictConfig) -> None:
    """A job in the process of one of Hydra's launchers, which would wait for ever for one that exits.

    Raises:
        ContrastMaskError: as the task does; or the job's exit status says that it failed.
    """
    try:
        task(cfg)
    except SystemExit as end:
        if end.code:
            raise ContrastMaskError(f"a job ended with status {end.code}; what it said stands above") from None


@contextmanager
def _environment(full: str | None) -> Iterator[None]:
    before = os.environ.get(FULL_ERROR)
    try:
        _set(full)
        yield
    finally:
        _set(before)


def _set(value: str | None) -> None:
    os.environ.pop(FULL_ERROR, None)
    if value is not None:
        os.environ[FULL_ERROR] = value


def _behind(code: Any, traceback: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that is the task's own: nobody looks for a fault in Hydra's frames."""
    step = traceback
    while step is not None and step.tb_frame.f_code is not code:
        step = step.tb_next
    return step.tb_next if step is not None else traceback
