"""Names of settings: those there are, those nearest to a misspelt one, those that a command line made up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from contrastmask.errors import ConfigError


def key_names(cfg: DictConfig, parent: str = "") -> list[str]:
    """Dotted names of all settings and of the groups they stand in, in the order of the configuration."""
    names = []
    for key in cfg:
        names.append(f"{parent}{key}")
        if OmegaConf.is_missing(cfg, key) or OmegaConf.is_interpolation(cfg, key):
            continue
        if isinstance(value := cfg[key], DictConfig):
            names += key_names(value, f"{parent}{key}.")
    return names


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """At most three names that may be meant: one of another place first, then those that are spelt alike."""
    names = [known for known in names if name.startswith("hydra") or not known.startswith("hydra.")]
    parent, _, leaf = name.rpartition(".")
    elsewhere = [known for known in names if known != name and known.rpartition(".")[2] == leaf]
    beside = {known.rpartition(".")[2]: known for known in names if known.rpartition(".")[0] == parent}
    spelt = [beside[match] for match in get_close_matches(leaf, beside, n=2)]
    found = dict.fromkeys([*elsewhere, *spelt, *get_close_matches(name, names, n=2, cutoff=0.75)])
    meant: list[str] = []
    for known in found:
        # neither the place where it was looked for, nor what lies below a better one
        if not name.startswith(f"{known}.") and not known.startswith(tuple(f"{other}." for other in meant)):
            meant.append(known)
    return meant[:3]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """``" (did you mean …?)"``, or nothing where no name is near."""
    found = nearest(name, names)
    return f" (did you mean {' or '.join(found)}?)" if found else ""


def refuse_unknown(cfg: DictConfig) -> None:
    """Refuse keys that the typed parts do not have, which ``+KEY=VALUE`` adds, and those that ``~KEY`` took away.

    Raises:
        ConfigError: names the key.
    """
    unknown = [f"{place}{key}" for part, place, known in _typed_parts(cfg, "") for key in part if key not in known]
    if unknown:
        names = [name for name in key_names(cfg) if not any(f"{name}.".startswith(f"{new}.") for new in unknown)]
        said = ", ".join(f"{name}{did_you_mean(name, names)}" for name in unknown)
        raise ConfigError(f"no setting {said}; +KEY=VALUE adds no setting that is not known")
    gone = [f"{place}{key}" for part, place, known in _typed_parts(cfg, "") for key in sorted(known - set(part))]
    if gone:
        raise ConfigError(f"~ took away {', '.join(gone)}, which has to have a value; KEY=null where none is meant")


def checked_object(cfg: DictConfig) -> Any:
    """The configuration as an object of its dataclass.

    Raises:
        ConfigError: a key that there is not, a value that nobody has given or that refers to another that is not there.
    """
    refuse_unknown(cfg)
    try:
        if missing := sorted(OmegaConf.missing_keys(cfg)):
            raise ConfigError(f"no value for {', '.join(missing)}; --help shows what there is")
        return OmegaConf.to_object(cfg)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error.msg or error).splitlines()[0]}") from error


def _typed_parts(cfg: DictConfig, parent: str) -> Iterator[tuple[DictConfig, str, set[str]]]:
    kind: Any = OmegaConf.get_type(cfg)
    if not hasattr(kind, "__dataclass_fields__"):
        return
    known = {field.name for field in fields(kind)}
    yield cfg, parent, known
    for key in known & set(cfg):
        without_value = OmegaConf.is_missing(cfg, key) or OmegaConf.is_interpolation(cfg, key)
        if not without_value and isinstance(value := cfg[key], DictConfig):
            yield from _typed_parts(value, f"{parent}{key}.")
