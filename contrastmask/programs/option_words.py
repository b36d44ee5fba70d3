"""The dashes on a program's command line: known ones in front, where Hydra looks for them, others refused."""

from __future__ import annotations

import re
from collections.abc import Sequence

from contrastmask import __version__
from contrastmask.errors import ConfigError
from contrastmask.programs.key_names import did_you_mean

# of hydra 1.3; what follows the first ones is their value
_WITH_VALUE = (
    *("--cfg", "-c", "--package", "-p", "--info", "-i", "--experimental-rerun"),
    *("--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd"),
)
_ALONE = (
    *("--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r", "--multirun", "-m"),
    *("--shell-completion", "-sc"),
)
OPTIONS = (*_WITH_VALUE, *_ALONE)


def options_first(words: Sequence[str]) -> list[str]:
    """The words with options before overrides: argparse would refuse what follows an option between overrides.

    Raises:
        ConfigError: an option that there is not.
        SystemExit: ``--version``, which has been printed.
    """
    options, overrides = _parted(words)
    for option, _ in options:
        if option not in OPTIONS:
            raise ConfigError(f"no option {option}{did_you_mean(option, OPTIONS)}; --help shows what there is")
        if option == "--version":
            print(f"contrastmask {__version__}")
            raise SystemExit(0)
    return [word for pair in options for word in pair if word is not None] + overrides


def overrides_of(words: Sequence[str]) -> list[str]:
    """The words that are neither options nor their values."""
    return _parted(words)[1]


def file_first(words: Sequence[str], key: str) -> list[str]:
    """The words, the first that is no setting as the value of ``key``: ``out.json`` becomes ``key='out.json'``."""
    overrides = overrides_of(words)
    name = next((word for word in overrides if "=" not in word and word[0] not in "+~"), None)
    if name is None:
        return list(words)
    place = list(words).index(name)
    # Hydra's grammar: a backslash stands for itself unless a quote follows
    quoted = re.sub(r"(\\*)'", r"\1\1\\'", name.replace("${", "\\${"))
    quoted += "\\" * (len(quoted) - len(quoted.rstrip("\\")))
    return [*words[:place], f"{key}='{quoted}'", *words[place + 1 :]]


def asked_for_help(words: Sequence[str]) -> list[str] | None:
    """The folders of ``--config-dir`` where help is asked for, without another of Hydra's options; None otherwise."""
    options = _parted(words)[0]
    if not {"--help", "-h"} & {option for option, _ in options}:
        return None
    rest = [(option, value) for option, value in options if option not in ("--help", "-h")]
    only_folders = all(option in ("--config-dir", "-cd") for option, _ in rest)
    return [value for _, value in rest if value is not None] if only_folders else None


def _parted(words: Sequence[str]) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Options with their values, and overrides."""
    options: list[tuple[str, str | None]] = []
    overrides: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            overrides.append(word)
        elif name not in _WITH_VALUE:
            options.append((name, value if equals else None))
        else:
            options.append((name, value if equals else next(rest, None)))
    return options, overrides
