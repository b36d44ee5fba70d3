"""Checkpoints that are whole or as they were before, whatever ends the process or fills the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO

from contrastmask.errors import CheckpointError, DataError, system_error
from contrastmask.files.whole_file import remove_stale_parts, whole_file


class WholeCheckpointIO(TorchCheckpointIO):
    """Lightning's reading and removing; writing beside the file's place, onto the disk, and then into its place.

    (Lightning 2.6.6 writes into the system's temporary folder and copies from there: a kill while it copies leaves an
    empty or half a file under the good name, and so does a full disk.)
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write ``checkpoint`` to ``path``.

        Raises:
            CheckpointError: no permission, no room; the checkpoint that was there before is untouched.
        """
        path = Path(path)
        remove_stale_parts(path)
        try:
            with whole_file(path) as file:
                torch.save(checkpoint, file)
        except (DataError, RuntimeError) as error:  # RuntimeError: torch's writer was refused a byte
            reason = system_error(error) or error
            raise CheckpointError(
                f"{path} cannot be written ({getattr(reason, 'strerror', None) or reason}); the training stops, what "
                "was there before is untouched. Make room and resume, or write elsewhere with hydra.run.dir=DIR"
            ) from error
