"""A disk that fills up: figures, pictures and logs are lost and said so, results and checkpoints whole or as before."""

from __future__ import annotations

import csv
import json
import logging
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from contrastmask.training.module import ContrastMaskModule
from tests.faults.small_disk import fill, small_disk
from tests.tiny_run import MODEL, NO_CHECKPOINTS, PROGRAM, run_train, tiny_data

ROOT = Path(__file__).parents[2]
SMALL = ("schedule.epochs=2", "data.batch_size=1", "trainer.log_every_n_steps=1")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return tiny_data(tmp_path_factory.mktemp("data"), n_images=2)


def full_from_the_first_step(disk: Path, monkeypatch: pytest.MonkeyPatch, until: int = 1000) -> None:
    """Fill the disk when the first step begins; room again at step ``until``."""
    steps, step = [0], ContrastMaskModule.training_step

    def stepped(self: ContrastMaskModule, *args: object) -> object:
        steps[0] += 1
        if steps[0] == 1:
            fill(disk)
        elif steps[0] == until:
            (disk / "filler").unlink()
        return step(self, *args)

    monkeypatch.setattr(ContrastMaskModule, "training_step", stepped)


@pytest.mark.parametrize(
    "logger", ["csv", *(pytest.param(x, marks=pytest.mark.slow) for x in ("tensorboard", "wandb"))]
)
def test_a_training_goes_on_without_its_figures(
    logger: str,
    data: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    with small_disk(tmp_path / "disk") as disk:
        full_from_the_first_step(disk, monkeypatch)
        words = (NO_CHECKPOINTS, "evaluate_after=false", f"logger={logger}")
        run_train(disk / "run", *data, *SMALL, *words)
    warned = [r.getMessage() for r in caplog.records if r.name == "contrastmask" and r.levelno >= logging.WARNING]
    lost = [text for text in warned if "No space left on device" in text]
    assert lost
    assert len(lost) == len(set(lost)) <= 2, "said once, pictures apart"
    assert all("goes on without" in text or "nothing else depends" in text for text in lost)


def test_figures_come_again_with_room(data: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path / "disk") as disk:
        full_from_the_first_step(disk, monkeypatch, until=4)
        words = (NO_CHECKPOINTS, "evaluate_after=false", "logger=csv")
        run_train(disk / "run", *data, *SMALL, *words)
        with (disk / "run" / "csv" / "metrics.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["train/loss"]]
    assert [row["step"] for row in rows] == ["0", "1", "2", "3"]


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [0, 16, 48, 64, 80, 96, 128, 256, 1024, 4096])
def test_whatever_room_there_is(kilobytes: int, data: tuple[str, ...], tmp_path: Path) -> None:
    """The program as people start it: a named error or a run, no half a file, nothing of an earlier run lost."""
    with small_disk(tmp_path / "disk") as disk:
        earlier = {disk / name: name.encode() * 50 for name in ("a", "b")}
        for path, content in earlier.items():
            path.write_bytes(content)
        filler = fill(disk)
        os.truncate(filler, max(filler.stat().st_size - kilobytes * 1024, 0))
        done = train(*data, f"hydra.run.dir={disk}/run")
        check(done, disk / "run")
        assert all(path.read_bytes() == content for path, content in earlier.items())


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [1, 10, 100, 1000, 5000])
def test_files_that_may_not_grow(kilobytes: int, data: tuple[str, ...], tmp_path: Path) -> None:
    """A limit of the system on every single file, as quotas set it."""
    limit = kilobytes * 1024

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    check(train(*data, f"hydra.run.dir={tmp_path}/run", preexec_fn=limited), tmp_path / "run")


def train(*words: str, **more: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "train.py", *MODEL, *PROGRAM, *words, "trainer.max_steps=1", "evaluate_after=true"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False, **more
    )


def check(done: subprocess.CompletedProcess, run: Path) -> None:
    """A named error or a run; every file that has its name is whole."""
    said = done.stderr
    assert "Traceback" not in said, said[-3000:]
    assert done.returncode in (0, 1), said
    if done.returncode:
        assert any(f"{kind}Error: " in said for kind in ("Data", "Config", "Checkpoint")), said
        assert "No space left" in said or "File too large" in said
        assert str(run) in said
    for path in run.rglob("*.json"):
        json.loads(path.read_text())
    for path in run.rglob("*.ckpt"):
        torch.load(path, weights_only=True)
    assert not list(run.rglob("*.part")), "room is taken by nothing that is of no use"
