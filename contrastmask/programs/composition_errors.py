"""What Hydra and OmegaConf say of overrides that cannot be composed, in one to three short lines: what, what is near,
the way out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from contextlib import suppress

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException, ValidationError

from contrastmask.conf_folder import CONF
from contrastmask.errors import ConfigError
from contrastmask.programs.job_words import setting_meant
from contrastmask.programs.key_names import did_you_mean, key_names
from contrastmask.programs.others_words import word_here

_KINDS = {"Float": "a number", "Integer": "a whole number", "Boolean": "true or false", "String": "a text"}
_WAY_OUT = "--help lists all"


def explained(error: Exception, program: str, overrides: Sequence[str]) -> ConfigError:
    """A composition's failure as an error of ours.

    Args:
        program: name of its configuration, ``"train"``, ``"test"`` or ``"predict"``.
        overrides: the words of the command line.
    """
    cause = error.__cause__
    if nameless := [word for word in overrides if not word.lstrip("+~").partition("=")[0]]:
        return ConfigError(_unreadable(nameless[0].strip("="), program))
    if isinstance(error, OverrideParseException):
        return ConfigError(_unreadable(error.override, program))
    if isinstance(error, MissingConfigException):
        return ConfigError(_no_choice(error))
    if isinstance(cause, ValidationError):
        return ConfigError(_wrong_value(cause, overrides))
    if found := re.search(r"ould not (?:override|delete)[^']*'([^']+)'", str(error)):
        return ConfigError(_no_key(found[1], program, overrides))
    if str(error).startswith("Ambiguous value"):
        word = re.search(r"'(.*)'", str(error))
        return ConfigError(
            f"{word[1] if word else overrides} has a comma: -m in front runs once with each, [a,b] is a list, "
            "'KEY=\"a,b\"' is one text"
        )
    if taken := [word for word in overrides if word.startswith("~") and "deletion" in f"{error}{cause}"]:
        return ConfigError(f"{taken[0]}: a setting cannot be taken away; KEY=null where it may have no value")
    if inside := [parent for word in overrides if (parent := _null_parent(word, program))]:
        return ConfigError(f"{inside[0]} is null with these choices, so nothing below it can be set; {_WAY_OUT}")
    if isinstance(error, OSError):
        return ConfigError(f"the run cannot start: {error}")
    lines = [line.strip() for line in str(cause or error).splitlines() if line.strip()]
    known = isinstance(error, ConfigCompositionException | OmegaConfBaseException)
    said = lines[0] if known and lines else f"{type(error).__name__}: {lines[0] if lines else ''}"
    return ConfigError(f"{said}\nHYDRA_FULL_ERROR=1 in front of the command shows where")


def _unreadable(word: str, program: str) -> str:
    key, equals, value = word.partition("=")
    if not equals:
        meant = setting_meant(word, program)
        return f"{word!r} is no setting: KEY=VALUE is wanted{f' (did you mean {meant}?)' * bool(meant)}; {_WAY_OUT}"
    if any(word.count(a) != word.count(b) for a, b in ("[]", "{}", "()")):
        return f"{word}: a bracket is not closed. Lists are KEY=[a,b]; 'KEY=\"…\"' where a bracket belongs to a name"
    if value.count('"') % 2 or value.count("'") % 2:
        return f"{word}: a quote is not closed. 'KEY=\"…\"' where a quote belongs to a name"
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    inner = value.replace("\\", "\\\\").replace('"', '\\"')
    offered = shlex.quote(f'{key}="{inner}"')
    return f"{word} cannot be read: signs like ( ) [ ] {{ }} : = , in a value need quotes\n  {offered}"


def _no_choice(error: MissingConfigException) -> str:
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    choices = sorted(error.options or [])
    if not group or not choices:
        return str(error).splitlines()[0]
    return f"{group}={name}: no such choice{did_you_mean(name, choices)}; there are {', '.join(choices)}"


def _wrong_value(cause: ValidationError, overrides: Sequence[str]) -> str:
    key = str(cause.full_key or "")
    given = [word for word in overrides if word.lstrip("+").partition("=")[0] == key]
    first = str(cause.msg or cause).splitlines()[0]
    kind = re.search(r"could not be converted to (\w+)", first)
    if "not a valid bool" in first:
        wanted = "true or false is wanted"
    elif kind:
        wanted = f"{_KINDS.get(kind[1], kind[1])} is wanted"
    elif "ListConfig" in first:
        value = given[0].partition("=")[2] if given else ""
        wanted = f"a list is wanted: {key}=[{value}]"
    elif "is not a subclass" in first:
        wanted = "it holds settings and is none itself: KEY.SETTING=VALUE"
    else:
        wanted = first
    return f"{given[0] if given else key}: {wanted}"


def _no_key(key: str, program: str, overrides: Sequence[str]) -> str:
    key = key.replace("/", ".")
    meant = word_here(key, program, overrides) or did_you_mean(key, _names(program))
    return f"no setting {key}{meant}; {_WAY_OUT}"


def _names(program: str) -> list[str]:
    """Every setting and every group; none where not even the plain program can be composed."""
    groups = [folder.name for folder in CONF.iterdir() if folder.is_dir() and folder.name != "study"]
    with suppress(Exception):
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = compose(program, return_hydra_config=True)
            return list(dict.fromkeys([*key_names(cfg), *groups]))
    return groups


def _null_parent(word: str, program: str) -> str | None:
    """The place that holds nothing, as ``data.shapes`` does with ``data=coco``; None for a setting that there is."""
    key = word.lstrip("+~").partition("=")[0]
    parent, names = key.rpartition(".")[0], set(_names(program))
    return parent if parent in names and key not in names else None
