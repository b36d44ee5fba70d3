"""Where ``conf/``, the values of all settings, lies: beside the package in a checkout, inside it once installed."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

# an installed package never looks beside itself: what lies in site-packages is other people's
CHECKOUT: Path | None = None if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent
"""The folder of ``train.py`` and its like, or None in an installed package."""
CONF: Path = (CHECKOUT or _PACKAGE) / "conf"
