"""``--help`` of the programs. Hydra's own copies every configuration once for every choice: a second of work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import hydra
from omegaconf import OmegaConf

from contrastmask.conf_folder import CONF
from contrastmask.programs.setting_words import setting_words, with_words

_TABLES = "study"  # read by the study alone, no group of a program


def help_text(program: str, overrides: Sequence[str], own: Sequence[str] = ()) -> str:
    """The template ``hydra.help.template`` of a program with its groups and its settings under ``overrides``, each with
    its words.

    Args:
        own: folders of further choices, as given to ``--config-dir``.
    """
    folders = [*map(Path, own), CONF]
    found = [f"hydra.searchpath=[{','.join(f'file://{folder.resolve()}' for folder in folders[:-1])}]"] if own else []
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = hydra.compose(program, [*overrides, *found], return_hydra_config=True)
    template = cfg.hydra.help.template
    settings = OmegaConf.masked_copy(cfg, [key for key in cfg if key != "hydra"])
    told = with_words(OmegaConf.to_yaml(settings), setting_words(program))
    return template.replace("$APP_CONFIG_GROUPS", _groups(folders)).replace("$CONFIG", told)


def _groups(folders: Sequence[Path]) -> str:
    groups: dict[str, set[str]] = {}
    for folder in folders:
        for file in folder.rglob("*.yaml"):
            group = file.parent.relative_to(folder).as_posix()
            if group not in (".", _TABLES):
                groups.setdefault(group, set()).add(file.stem)
    return "\n".join(f"{group}: {', '.join(sorted(names))}" for group, names in sorted(groups.items()))
