"""``--help`` of the programs. Hydra's own copies every configuration once for every choice: a second of work."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from contrastmask.conf_folder import CONF
from contrastmask.programs.setting_words import group_files, group_words, opening_words, setting_words
from contrastmask.programs.yaml_lines import as_yaml, with_words, wrapped

_TABLES = "study"  # read by the study alone, no group of a program
_WHOLE = "experiment"  # a choice of settings of all groups


def help_text(program: str, overrides: Sequence[str], own: Sequence[str] = ()) -> str:
    """The template ``hydra.help.template`` of a program with its groups and its settings under ``overrides``, each with
    its words.

    Args:
        own: folders of further choices, as given to ``--config-dir``.
    """
    folders = [CONF, *map(Path, own)]
    found = [f"hydra.searchpath=[{','.join(f'file://{folder.resolve()}' for folder in folders[1:])}]"] if own else []
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = hydra.compose(program, [*overrides, *found], return_hydra_config=True)
    template, choices = cfg.hydra.help.template, cfg.hydra.runtime.choices
    settings = OmegaConf.masked_copy(cfg, [key for key in cfg if key != "hydra"])
    told = with_words(
        as_yaml(OmegaConf.to_container(settings)),
        setting_words(program, choices, folders),
        group_words(program, choices, folders),
    )
    told = "\n".join([*_experiments(cfg.hydra, folders), told])
    return template.replace("$APP_CONFIG_GROUPS", _groups(folders)).replace("$CONFIG", told)


def _experiments(hydra_cfg: DictConfig, folders: Sequence[Path]) -> Iterator[str]:
    """What the chosen experiments say of themselves."""
    chosen = hydra_cfg.runtime.choices.get(_WHOLE)
    names = [chosen] if chosen else []
    for override in hydra_cfg.overrides.task:  # of several Hydra tells no choice
        key, _, value = override.partition("=")
        if key == _WHOLE and value.startswith("["):
            names = [name.strip() for name in value.strip("[]").split(",")]
    for name in names:
        group, _, choice = f"{_WHOLE}/{name}".rpartition("/")
        if choice in (files := group_files(group, folders)):
            yield f"# {_WHOLE}={name}"
            for line in opening_words(files[choice]):
                label = re.match(r"(?:\w+:)? *", line)[0]  # such as "Command:  "
                yield from wrapped(line, "#   ", f"#   {' ' * len(label)}")
            yield ""


def _groups(folders: Sequence[Path]) -> str:
    groups: dict[str, set[str]] = {}
    for folder in folders:
        for file in folder.rglob("*.yaml"):
            group = file.parent.relative_to(folder).as_posix()
            if group not in (".", _TABLES) and not group.startswith("hydra/"):
                groups.setdefault(group, set()).add(file.stem)
    lines = (wrapped(f"{group}: {', '.join(sorted(names))}", "", "    ") for group, names in sorted(groups.items()))
    return "\n".join(line for group in lines for line in group)
