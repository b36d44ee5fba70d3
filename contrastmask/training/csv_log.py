"""A run's figures as CSV, kept through a resume and a full disk."""

from __future__ import annotations

import csv
from pathlib import Path

from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.loggers.csv_logs import ExperimentWriter
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from contrastmask.spoken import warn


class KeptCSVLogger(CSVLogger):
    """Lightning's CSV logger, going on after the rows that are in the file already.

    (Lightning 2.6.6 deletes the file of an earlier part of the run.) What cannot be written is told once, and the
    training goes on without it.
    """

    @property
    @rank_zero_experiment
    def experiment(self) -> ExperimentWriter:
        """The writer; made when first asked for, the earlier rows put back."""
        if self._experiment is not None:
            return self._experiment
        path = Path(self.log_dir) / ExperimentWriter.NAME_METRICS_FILE
        earlier = path.read_bytes() if path.is_file() else b""
        path.unlink(missing_ok=True)
        writer = ExperimentWriter(log_dir=self.log_dir)
        if earlier:
            path.write_bytes(earlier if earlier.endswith(b"\n") else earlier + b"\n")
            header = earlier.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
            writer.metrics_keys = next(csv.reader([header]), [])
        self._experiment = writer
        return writer

    @rank_zero_only
    def save(self) -> None:
        """Write what has been logged since; a full disk costs these rows, not the training."""
        try:
            super().save()
        except OSError as error:
            self.experiment.metrics = []
            if not self._told:
                self._told = True
                warn(f"{self.log_dir} cannot be written ({error}); the training goes on without these figures")

    _told = False
