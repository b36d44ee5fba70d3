"""A checkpoint is whole, or what was there before."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from contrastmask.errors import CheckpointError
from contrastmask.training.checkpoint_io import WholeCheckpointIO


def test_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "last.ckpt"
    WholeCheckpointIO().save_checkpoint({"a": torch.arange(3)}, path)
    assert torch.load(path, weights_only=True)["a"].tolist() == [0, 1, 2]
    assert os.listdir(path.parent) == ["last.ckpt"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "last.ckpt"
    WholeCheckpointIO().save_checkpoint({"a": 1}, path)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(f"contrastmask.files.whole_file.os.{call}", full)
        with pytest.raises(CheckpointError, match=r"last.ckpt cannot be written \(No space left on device\)"):
            WholeCheckpointIO().save_checkpoint({"a": 2}, path)
    assert torch.load(path, weights_only=True) == {"a": 1}
    assert os.listdir(tmp_path) == ["last.ckpt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_writer_that_is_refused_a_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    real = Path.open

    def full(self: Path, *args: object, **kwargs: object) -> object:
        return open("/dev/full", "wb", buffering=0) if self.name.endswith(".part") else real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(CheckpointError, match="cannot be written"):
        WholeCheckpointIO().save_checkpoint({"a": torch.zeros(10000)}, path)
    assert not path.exists()
