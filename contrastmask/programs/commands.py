"""The programs as people start them; what computes is imported when a configuration stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from omegaconf import DictConfig

from contrastmask.files.interruption import Ended, listening
from contrastmask.programs import config, predict_config, review_config
from contrastmask.programs.composing import run
from contrastmask.programs.launch import job
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
    run("predict", _predict, sys.argv[1:] if words is None else words)


def review(words: Sequence[str] | None = None) -> None:
    """Look at the masks of a file; ``words`` as for `train`, a word that is no setting being the file."""
    words = [_as_setting(word) for word in (sys.argv[1:] if words is None else words)]
    review_config.register()
    with listening():
        run("review", _review, words)


def _as_setting(word: str) -> str:
    """A file's name as Hydra reads one, whatever signs it has."""
    if "=" in word or word.startswith(("-", "~")):
        return word
    # backslashes count as signs of their own where a quote or the end follows
    quoted = re.sub(r'(\\*)("|$)', lambda found: 2 * found[1] + found[2].replace('"', '\\"'), word)
    return 'data.annotations="' + quoted.replace("${", "\\${") + '"'


def _run(program: str, words: Sequence[str] | None) -> None:
    def task(cfg: DictConfig) -> None:
        config.typed(cfg)  # a setting that cannot be needs no torch to be told
        from contrastmask.programs import train as work

        with warnings_in_the_log(), job(() if words is None else (program,)) as folder:
            getattr(work, program)(cfg, folder)

    config.register()
    try:
        with listening():
            run(program, task, sys.argv[1:] if words is None else words)
    except Ended as ended:
        print(f"{program} ended by {ended.signal.name}", file=sys.stderr)
        raise


def _review(cfg: DictConfig) -> None:
    from contrastmask.programs.review import review as work

    work(cfg)


def _predict(cfg: DictConfig) -> None:
    predict_config.typed(cfg)
    from contrastmask.programs.predict import predict as work

    if status := work(cfg):
        sys.exit(status)
