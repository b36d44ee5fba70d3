"""A fault that nearly all rows of a file have: it stops the reading, as the one reason that all others follow from."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np

from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.report import Report
from contrastmask.errors import DataError

AGREE = 0.9  # of the rows that could have the fault
FEW = 3  # rows with a fault in a sound file are chance


def nearly_all(rows: np.ndarray, among: np.ndarray) -> bool:
    """Whether the rows marked in bool [A] are more than chance, and nearly all of those marked in ``among``, bool
    [A]."""
    return bool(rows.sum() >= max(FEW, AGREE * among.sum()))


def stop(path: Path, rows: np.ndarray, reason: str, remedy: str, sieve: Sieve) -> NoReturn:
    """End the reading of a file for one reason.

    Args:
        path: of the file, for the message. rows: bool [A], those that have the fault. remedy: the way out.

    Raises:
        DataError: always; with the number of rows, their classes and first ids and the way out.
    """
    sieve.report = Report()  # what else was found follows from this
    sieve.count("warning", rows, reason, remedy)
    [line] = [line.partition(": ")[2] for line in sieve.report.lines()]
    raise DataError(f"{path}: {line}")
