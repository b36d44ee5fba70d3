"""Words of a command line: argparse's parser, whose complaint is one message like all others of this package."""

from __future__ import annotations

import argparse
from typing import NoReturn

from contrastmask.errors import ConfigError


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` that raises ConfigError where a command line cannot be understood."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse; the message names the word."""
        raise ConfigError(f"{message}; `{self.prog} --help` shows how")
