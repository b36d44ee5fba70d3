"""The list of mutations keeps up with the sources; running it is a matter of minutes and of ``mutations.py`` itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.parity.mutations import MUTATIONS, ROOT, Mutation, apply


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_every_mutation_still_applies(mutation: Mutation, tmp_path: Path) -> None:
    (tmp_path / mutation.file).parent.mkdir(parents=True)
    shutil.copy(ROOT / "contrastmask" / mutation.file, tmp_path / mutation.file)
    apply(mutation, tmp_path)
    assert all((ROOT / test).exists() for test in mutation.tests)
