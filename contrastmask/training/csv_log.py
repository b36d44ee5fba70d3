"""A run's figures as CSV, kept through a resume, a kill and a full disk."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.loggers.csv_logs import ExperimentWriter
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from contrastmask.files.whole_file import write_whole
from contrastmask.training.lasting_logger import told_once


class KeptCSVLogger(CSVLogger):
    """Lightning's CSV logger, going on after the rows that are in the file already.

    (Lightning 2.6.6 deletes the file of an earlier part of the run, and empties it before it writes a longer header.)
    What cannot be written is told once and tried again; the training goes on meanwhile.
    """

    @property
    @rank_zero_experiment
    def experiment(self) -> ExperimentWriter:
        """The writer; made when first asked for."""
        if self._experiment is None:
            self._experiment = _Writer(log_dir=self.log_dir)
        return self._experiment

    @rank_zero_only
    def save(self) -> None:
        """Write what has been logged since; with a full disk it waits in memory for room."""
        with told_once(self):
            super().save()


class _Writer(ExperimentWriter):
    def __init__(self, log_dir: str) -> None:
        super().__init__(log_dir)
        self.path = Path(self.metrics_file_path)
        self.metrics_keys = self._earlier()[0]

    def _check_log_dir_exists(self) -> None:
        """What is there stays there."""

    def save(self) -> None:
        """Rows behind those that are there; a longer header comes with a file of its own, in the old one's place.

        Raises:
            OSError: not written. The file is as it was, and the rows are kept for the next time.
            DataError: the same.
        """
        if not self.metrics:
            return
        keys = sorted({*self.metrics_keys, *set().union(*self.metrics)})
        if self.path.is_file() and keys == self.metrics_keys:
            self._append(_text(keys, self.metrics))
        else:
            header = dict(zip(keys, keys, strict=True))
            write_whole(self.path, _text(keys, [header, *self._earlier()[1], *self.metrics]))
        self.metrics_keys, self.metrics = keys, []

    def _append(self, text: str) -> None:
        with self.path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            cut = file.read(1) not in (b"\n", b"")  # by a kill
            try:
                file.write(b"\r\n" * cut + text.encode())
                file.flush()
            except OSError:
                with contextlib.suppress(OSError):
                    os.truncate(self.path, size)
                raise

    def _earlier(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Header and rows of the file, of a damaged one what can be read."""
        rows: list[dict[str, Any]] = []
        if not self.path.is_file():
            return [], rows
        reader = csv.DictReader(io.StringIO(self.path.read_text(encoding="utf-8", errors="replace"), newline=""))
        with contextlib.suppress(csv.Error):
            rows += reader
        return list(reader.fieldnames or ()), rows


def _text(keys: list[str], rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    csv.DictWriter(text, keys, extrasaction="ignore").writerows(rows)
    return text.getvalue()
