"""The programs as people start them; what computes is imported when a configuration stands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from contrastmask.files.interruption import Ended, listening
from contrastmask.programs import (
    audit_config,
    config,
    export_config,
    model_export_config,
    predict_config,
    review_config,
)
from contrastmask.programs.composing import run
from contrastmask.programs.key_names import refuse_unknown
from contrastmask.programs.launch import job
from contrastmask.programs.named_files import check_named, check_named_data
from contrastmask.programs.option_words import file_first
from contrastmask.spoken import warnings_in_the_log


def train(words: Sequence[str] | None = None) -> None:
    """Train, evaluate, report.

    Args:
        words: of the command line behind the program's name; None for those of the script that was started. Given, the
            script was started with the program's name in front of them, which its further processes repeat.
    """
    _run("train", words)


def test(words: Sequence[str] | None = None) -> None:  # noqa: PT028 (no test case)
    """Evaluate a checkpoint; ``words`` as for `train`."""
    _run("test", words)


def predict(words: Sequence[str] | None = None) -> None:
    """Predict, or complete a data set; ``words`` as for `train`. Exit status 1 where a file could not be read."""
    predict_config.register()
    with _ending("predict"):
        run("predict", _predict, sys.argv[1:] if words is None else words)


def review(words: Sequence[str] | None = None) -> None:
    """Look at the masks of a file; ``words`` as for `train`, the file may stand alone among them."""
    review_config.register()
    words = file_first(sys.argv[1:] if words is None else words, "data.annotations")
    with _ending("review"):
        run("review", _review, words)


def export_annotations(words: Sequence[str] | None = None) -> None:
    """Hand a file's annotations over to another tool; ``words`` as for `train`, the file may stand alone among them."""
    export_config.register()
    words = file_first(sys.argv[1:] if words is None else words, "data.annotations")
    with _ending("export-annotations"):
        run("export_annotations", _export_annotations, words)


def export(words: Sequence[str] | None = None) -> None:
    """Write a model for other runtimes; ``words`` as for `train`."""
    model_export_config.register()
    run("export", _export, sys.argv[1:] if words is None else words)


def audit(words: Sequence[str] | None = None) -> None:
    """Find a file's masks that are likeliest wrong; ``words`` as for `train`, the file may stand alone among them."""
    audit_config.register()
    words = file_first(sys.argv[1:] if words is None else words, "data.annotations")
    with _ending("audit"):
        run("audit", _audit, words)


def _run(program: str, words: Sequence[str] | None) -> None:
    def task(cfg: DictConfig) -> None:
        # what cannot be needs no torch to be told
        settings, given = _settings(cfg, config.typed), HydraConfig.get().overrides.task
        if program == "train":
            check_named_data(settings, ("train", "val"))
        elif settings.ckpt_path or any(word.startswith("data") for word in given):
            check_named_data(settings, ("val",))
        from contrastmask.programs import train as work

        with warnings_in_the_log(), job(() if words is None else (program,)) as folder:
            getattr(work, program)(cfg, folder)

    config.register()
    with _ending(program):
        run(program, task, sys.argv[1:] if words is None else words)


@contextmanager
def _ending(program: str) -> Iterator[None]:
    """SIGTERM and Ctrl+C end the block with the exit status 143 or 130 and a word instead of a traceback."""
    try:
        with listening():
            yield
    except Ended as ended:
        with suppress(OSError):
            print(f"{program} ended by {ended.signal.name}", file=sys.stderr)
        raise


def _settings(cfg: DictConfig, typed: Callable[[DictConfig], Any], *, exported: bool = False) -> Any:
    """The composed configuration as checked dataclasses; what it names wrongly is told before what it lacks."""
    refuse_unknown(cfg)
    check_named(cfg, exported=exported)
    return typed(cfg)


def _review(cfg: DictConfig) -> None:
    _settings(cfg, review_config.typed)
    from contrastmask.programs.review import review as work

    _done(work, cfg)


def _export(cfg: DictConfig) -> None:
    _settings(cfg, model_export_config.typed)
    from contrastmask.programs.model_export import export_model

    _done(export_model, cfg)


def _predict(cfg: DictConfig) -> None:
    _settings(cfg, predict_config.typed, exported=True)
    from contrastmask.programs.predict import predict as work

    _done(work, cfg)


def _export_annotations(cfg: DictConfig) -> None:
    _settings(cfg, export_config.typed)
    from contrastmask.programs.export_annotations import export_annotations as work

    _done(work, cfg)


def _audit(cfg: DictConfig) -> None:
    _settings(cfg, audit_config.typed)
    from contrastmask.programs.audit import audit as work

    _done(work, cfg)


def _done(work: Callable[[DictConfig], int | None], cfg: DictConfig) -> None:
    """Do the work; its warnings are the program's own lines, its status not 0 ends the program."""
    with warnings_in_the_log():
        status = work(cfg)
    if status:
        sys.exit(status)
