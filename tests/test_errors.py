"""Errors that a user can mend arrive as their one sentence, whichever process raised them."""

from __future__ import annotations

from typing import Any

import pytest
from torch.utils.data import DataLoader, Dataset

from contrastmask.errors import CheckpointError, ConfigError, ContrastMaskError, DataError


class Broken(Dataset):
    """Every sample is an error, raised from another one."""

    def __init__(self, kind: type[ContrastMaskError], said: str) -> None:
        self.kind, self.said = kind, said

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        try:
            raise ValueError("a cause\nof two lines")
        except ValueError as error:
            raise self.kind(self.said) from error


@pytest.mark.parametrize("kind", [DataError, ConfigError, CheckpointError])
@pytest.mark.parametrize("said", ["a.jpg: the image file does not exist", "two\nlines: Caught in", "Caught x"])
def test_errors_of_loader_workers_are_one_sentence(kind: type[ContrastMaskError], said: str) -> None:
    for workers in (0, 1):
        with pytest.raises(kind) as raised:
            list(DataLoader(Broken(kind, said), num_workers=workers))
        assert str(raised.value) == said
        assert type(raised.value) is kind
