"""Partially-supervised instance segmentation: boxes for all, masks for some."""

__version__ = "0.1.0"
