"""The errors a user can cause and mend. Each message names the file, image or annotation and the way out."""

from __future__ import annotations


class ContrastMaskError(Exception):
    """Base of every error raised on purpose by this package."""


class DataError(ContrastMaskError):
    """An image, an annotation file or one of its records cannot be used."""


class ConfigError(ContrastMaskError):
    """A setting, or a combination of settings, makes no sense."""


class CheckpointError(ContrastMaskError):
    """A checkpoint cannot be read, or does not fit the model or the data."""
