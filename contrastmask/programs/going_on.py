"""The command line that goes on with a run that was cut off: its own words, its folder, its last checkpoint."""

from __future__ import annotations

import shlex
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from contrastmask.programs.closing import command, given_words, setting

# in place of the run's own: where it started from, and where it wrote to
_REPLACED = ("ckpt_path", "init_path")
_PLACES = ("hydra.mode", "hydra.run.dir", "hydra.sweep")


def goes_on(folder: Path) -> str:
    """What goes on with this run from the last checkpoint in its ``folder``, and adds its figures to those there.

    Every setting that the run was given stands in the line, as a shell takes it.
    """
    given = [word for word in given_words() if word.partition("=")[0].lstrip("+~") not in _REPLACED]
    words = [*own_choices(), *given, *kept_hydra_words()]
    last = setting("ckpt_path", folder / "checkpoints" / "last.ckpt")
    return command("train", " ".join([*map(shlex.quote, words), last, setting("hydra.run.dir", folder)]))


def own_choices() -> list[str]:
    """The options that name folders of the user's own choices (``--config-dir``); none where Hydra did not start it."""
    if not HydraConfig.initialized():
        return []
    sources = HydraConfig.get().runtime.config_sources
    return [word for source in sources if source.provider == "command-line" for word in ("--config-dir", source.path)]


def kept_hydra_words() -> list[str]:
    """The overrides of Hydra's own settings, but for where the run writes and whether it was one of a sweep."""
    if not HydraConfig.initialized():
        return []
    return [word for word in HydraConfig.get().overrides.hydra if not word.startswith(_PLACES)]
