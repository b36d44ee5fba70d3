"""Ranges of numeric settings: declared beside the fields, checked by one walk::

    epochs: int = at_least(1)                 # no value until a configuration file gives it
    flip: float = between(0, 1, default=0.5)

A range stands in the field's ``metadata``, where OmegaConf leaves it alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from contrastmask.errors import ConfigError

MISSING: Any = "???"  # what OmegaConf reads as "no value yet"
KEY = "range"


@dataclass(frozen=True)
class Range:
    """What a number, or each number of a list, may be: ``low`` to ``high``, the ends included unless ``above``."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False  # low itself is not allowed
    length: int | None = None  # of a list, where it is fixed
    filled: bool = False  # a list must not be empty
    whole: bool = False  # of a setting without a type of its own: a whole number is wanted

    def misfit(self, value: Any) -> str | None:
        """Why ``value`` is refused; None where it is not, or is null."""
        if value is None:
            return None
        if isinstance(value, (list, tuple)):
            if self.length is not None and len(value) != self.length:
                return f"must be a list of {self.length} numbers"
            if self.filled and not value:
                return "must be a list of at least one number"
            return next((f"{why}, each of them" for item in value if (why := self.misfit(item))), None)
        if not math.isfinite(value):
            return "must be a finite number"
        if value < self.low or value > self.high or (self.above and value == self.low):
            return self.said()
        return None

    def said(self) -> str:
        """The range in words."""
        if self.high < math.inf:
            return f"must lie in {_plain(self.low)}..{_plain(self.high)}" + (
                f", above {_plain(self.low)}" if self.above else ""
            )
        return f"must be above {_plain(self.low)}" if self.above else f"must be at least {_plain(self.low)}"


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else f"{number:g}"


def _field(limits: Range, default: Any) -> Any:
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata={KEY: limits})
    return field(default=default, metadata={KEY: limits})


def at_least(low: float, *, default: Any = MISSING, **of_list: Any) -> Any:
    """A field whose number is at least ``low``."""
    return _field(Range(low, **of_list), default)


def above(low: float, *, default: Any = MISSING, **of_list: Any) -> Any:
    """A field whose number is above ``low``."""
    return _field(Range(low, above=True, **of_list), default)


def between(low: float, high: float, *, default: Any = MISSING, **more: Any) -> Any:
    """A field whose number lies in ``low..high``, the ends included unless ``above=True`` leaves out ``low``."""
    return _field(Range(low, high, **more), default)


def check_ranges(config: Any, parent: str = "") -> None:
    """Compare every number of a settings object with its range.

    Raises:
        ConfigError: names the first settings that are out of range, their values and what they may be.
    """
    said = [f"{name}={value!r} {why}" for name, value, why in _misfits(config, parent)]
    if said:
        raise ConfigError("; ".join(said[:5]))


def check_values(values: Mapping[str, Any], limits: Mapping[str, Range], parent: str = "") -> None:
    """The same of settings that belong to another program and so have no fields here; of those that need not be whole
    numbers, only numbers are looked at.

    Raises:
        ConfigError: as :func:`check_ranges`.
    """
    for name, limit in limits.items():
        value = values.get(name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and (why := limit.misfit(value)):
            raise ConfigError(f"{parent}{name}={value!r} {why}")
        if limit.whole and value is not None and type(value) is not int:
            raise ConfigError(f"{parent}{name}={value!r} must be a whole number")


def _misfits(config: Any, parent: str) -> Iterator[tuple[str, Any, str]]:
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value):
            yield from _misfits(value, f"{parent}{item.name}.")
        elif (limits := item.metadata.get(KEY)) and (why := limits.misfit(value)):
            yield f"{parent}{item.name}", value, why
