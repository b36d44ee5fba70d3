"""A job in another process than the program's own: an exit there would leave Hydra's launcher waiting for ever."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

import pytest

from contrastmask.errors import ContrastMaskError, DataError
from contrastmask.programs.composing import run_elsewhere


def exits(status: object) -> None:
    sys.exit(status)


@pytest.mark.parametrize("status", [0, None])
def test_a_job_that_ends_well(status: object) -> None:
    run_elsewhere(exits, status)


def test_a_job_that_fails() -> None:
    with pytest.raises(ContrastMaskError, match="a job ended with status 1"):
        run_elsewhere(exits, 1)


def test_an_error_arrives_as_it_was_raised() -> None:
    def fails(_: object) -> None:
        raise DataError("in.json: no image is left")

    with pytest.raises(DataError, match="no image is left") as found:
        run_elsewhere(fails, None)
    assert str(pickle.loads(pickle.dumps(found.value))) == "in.json: no image is left"


@pytest.mark.slow
def test_two_shards_by_joblib(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="hydra-joblib-launcher is not installed")
    from contrastmask.__main__ import main

    words = ["predict", "-m", "hydra/launcher=joblib", f"hydra.sweep.dir={tmp_path}/sweep", "task=complete",
             f"ckpt_path={tmp_path}/none.ckpt", f"data.annotations={tmp_path}/none.json", f"data.images={tmp_path}",
             f"output={tmp_path}/out.json", "shards=2", "shard=0,1"]  # fmt: skip
    home = os.getpid()
    with pytest.raises(SystemExit) as end:
        main(words)
    assert (os.getpid(), end.value.code) == (home, 1)
    assert "none.ckpt" in capfd.readouterr().err
