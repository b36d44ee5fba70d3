"""Several processes: DDP equals one process, sweeps leave clean folders, two nodes find each other."""

from __future__ import annotations

import csv
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2

from tests.tiny_run import MODEL, NO_CHECKPOINTS, PROGRAM, R18, run_test, run_train, tiny_data

ROOT = Path(__file__).parents[2]


def program(
    *arguments: str,
    env: dict[str, str] | None = None,
    script: str = "train.py",
    model: tuple[str, ...] = MODEL,
) -> subprocess.Popen:
    """Start a program as a person would, from the checkout's root."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **(env or {})}
    model = model if script == "train.py" else ()
    # argparse takes the switch in front of the overrides only
    switches = [a for a in arguments if a == "-m"]
    arguments = tuple(a for a in arguments if a != "-m")
    return subprocess.Popen(
        [sys.executable, script, *switches, *model, *PROGRAM, *arguments],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(*processes: subprocess.Popen) -> list[str]:
    """Wait for processes to end well; what they printed."""
    said = [process.communicate(timeout=600)[0] for process in processes]
    for process, text in zip(processes, said, strict=True):
        assert process.returncode == 0, text[-4000:]
    return said


def logged(folder: Path, name: str) -> list[float]:
    rows = csv.DictReader(next((folder / "csv").rglob("metrics.csv")).open())
    return [float(row[name]) for row in rows if row.get(name)]


def state(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    """A folder whose ``two`` was trained and evaluated by two processes, and the overrides of its data and training."""
    root = tmp_path_factory.mktemp("two")
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18().state_dict(), root / "r18.pth")  # pretrained: BatchNorm in eval mode
    data = (
        *tiny_data(root / "data", n_images=2, size=(64, 64)),
        "data.batch_size=1",
        "schedule.epochs=2",
        "evaluate=given_boxes",
        "trainer.log_every_n_steps=1",
        *R18,
        f"backbone.weights={root}/r18.pth",
    )
    finish(program(*data, f"hydra.run.dir={root}/two", "trainer=ddp", "trainer.accelerator=cpu"))
    return root, data


def test_two_processes_equal_one_that_accumulates(two: tuple[Path, tuple[str, ...]]) -> None:
    """The same two images a step, on two processes and one after the other on one: same loss and weights."""
    root, data = two
    run_train(root / "one", *data, "trainer.accumulate_grad_batches=2", "evaluate_after=false")
    one, both = state(root / "one"), state(root / "two")
    assert one.keys() == both.keys()
    for name, value in one.items():
        # the projector's statistics are each process's own, as released; its loss takes the batch's
        if "running_" not in name and "num_batches" not in name:
            assert torch.allclose(value.float(), both[name].float(), rtol=1e-3, atol=1e-5), name
    for name in ("epoch/loss", "epoch/loss_mask", "epoch/loss_contrastive"):
        losses = logged(root / "one", name)
        assert len(losses) == 2
        assert losses == pytest.approx(logged(root / "two", name), rel=1e-4)


def test_evaluation_is_the_same_on_one_and_two_processes(two: tuple[Path, tuple[str, ...]]) -> None:
    """What two processes evaluated after training, evaluated again by one."""
    root, data = two
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the two had: sums in another order would show in the last digits
    try:
        words = ("evaluate=given_boxes", "model.roi.score=0.0", "model.roi.limit=5")
        run_test(root / "again", *data[:5], *words, f"ckpt_path={root}/two/checkpoints/last.ckpt")
    finally:
        torch.set_num_threads(threads)
    for name in ("results.json", "detections.json"):
        one, both = ((root / run / name).read_text() for run in ("again", "two"))
        assert one == both
        assert len(one) > 500


@pytest.mark.slow
def test_evaluation_by_the_test_program_is_the_same_on_one_and_two_processes(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data")
    finish(program(*data, f"hydra.run.dir={tmp_path}/run", "schedule.epochs=1", "evaluate=given_boxes"))
    test = (*data, f"ckpt_path={tmp_path}/run/checkpoints/last.ckpt", "evaluate=given_boxes", "model.roi.score=0.0")
    finish(program(*test, f"hydra.run.dir={tmp_path}/one", script="test.py"))
    finish(program(*test, f"hydra.run.dir={tmp_path}/two", "trainer=ddp", "trainer.accelerator=cpu", script="test.py"))
    for name in ("results.json", "detections.json", "detections_boxes.json"):
        one, two = ((tmp_path / run / name).read_text() for run in ("one", "two"))
        assert one == two
        assert len(one) > 500


@pytest.mark.slow
def test_a_sweep_of_two_jobs_with_two_processes_leaves_two_clean_folders(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data", n_images=4)
    (said,) = finish(
        program(
            "-m",
            *data,
            f"hydra.sweep.dir={tmp_path}/sweep",
            "seed=1,2",
            "trainer=ddp",
            "trainer.accelerator=cpu",
            "schedule.epochs=1",
            "data.batch_size=1",
        )
    )
    jobs = sorted(p.name for p in (tmp_path / "sweep").iterdir() if p.is_dir())
    assert jobs == ["0", "1"], said[-3000:]
    for job, seed in (("0", 1), ("1", 2)):
        folder = tmp_path / "sweep" / job
        assert json.loads((folder / "results.json").read_text())["images"]["evaluated"] == 3
        assert f"seed: {seed}" in (folder / "resolved.yaml").read_text()
        assert len(list(folder.rglob("metrics.csv"))) == 1
        assert len(list(folder.rglob("last.ckpt"))) == 1
        assert not list(folder.rglob("multirun.yaml"))


@pytest.mark.slow
def test_two_nodes_of_one_process_each_on_loopback(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data", n_images=4)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "1",
        "LOCAL_RANK": "0",
        "TORCHELASTIC_RUN_ID": "none",
        "CONTRASTMASK_OUTPUT": str(tmp_path / "run"),
    }
    nodes = [
        program(
            *data,
            "trainer=ddp",
            "trainer.devices=1",
            "trainer.num_nodes=2",
            "trainer.accelerator=cpu",
            "schedule.epochs=1",
            "data.batch_size=1",
            env={**common, "RANK": str(node), "GROUP_RANK": str(node)},
        )
        for node in range(2)
    ]
    finish(*nodes)
    assert json.loads((tmp_path / "run" / "results.json").read_text())["images"]["evaluated"] == 3
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["data", "run"]


def wandb_messages(file: Path) -> Iterator[bytes]:
    """The messages of a W&B transaction log: LevelDB's log format behind a head of seven bytes."""
    content, at, message = file.read_bytes(), 7, b""
    while at < len(content):
        room = 32768 - at % 32768
        if room < 7:  # a block's end too short for a head
            at += room
            continue
        size, kind = struct.unpack_from("<HB", content, at + 4)
        message += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or a message's last part
            yield message
            message = b""


def wandb_records(folder: Path) -> tuple[Any, dict[str, Any], dict[str, list[Any]]]:
    """What an offline W&B run holds: the run's record, its configuration, and the logged values by name."""
    (file,) = folder.glob("offline-run-*/*.wandb")
    run, config, history = None, {}, {}
    for message in wandb_messages(file):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(message)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = record.run
        updates = run.config.update if kind == "run" else record.config.update if kind == "config" else ()
        config |= {item.key or item.nested_key[0]: json.loads(item.value_json) for item in updates}
        for item in record.history.item if kind == "history" else ():
            history.setdefault(item.key or ".".join(item.nested_key), []).append(json.loads(item.value_json))
    return run, config, history


SCALARS = {
    *(f"train/loss{name}" for name in ("", "_cls", "_box", "_mask", "_contrastive", "_rpn_cls", "_rpn_box")),
    *(f"val/{kind}/{group}/AP" for kind in ("mask", "box") for group in ("novel", "base", "all")),
    *("lr", "speed/images_per_second", "memory/host_peak_MiB"),
}


def check_wandb(folder: Path, name: str, group: str) -> str:
    """Assert that an offline W&B run below ``folder`` holds all that is logged; returns its id."""
    run, config, history = wandb_records(folder)
    assert run.display_name == f"voc_nonvoc-r50-1x-contrastmask-released-{name}"
    assert run.run_group == group
    assert f"seed{config['seed']}" == name
    assert config["data_summary"]["train"]["images"] == 2
    assert "git" in config
    assert set(history) >= SCALARS
    assert all(value > 0 for value in history["speed/images_per_second"])
    assert history["memory/host_peak_MiB"][-1] > 100
    assert {"val/overlays", "val/heat_maps", "val/per_class"} <= {name.partition(".")[0] for name in history}
    (offline,) = folder.glob("offline-run-*")
    (table,) = (offline / "files" / "media" / "table" / "val").glob("per_class*.json")
    rows = json.loads(table.read_text())
    assert rows["columns"][:4] == ["class", "group", "images", "objects"]
    assert {row[1] for row in rows["data"]} == {"base", "novel"}
    assert list(offline.rglob("overlays*.png"))
    assert list(offline.rglob("heat_maps*.png"))
    return run.run_id


def logged_run(folder: Path, *more: str) -> str:
    """Train with a logger, as a person without an account; what was printed."""
    env = {"WANDB_API_KEY": "", "HOME": str(folder)}
    data = tiny_data(folder / "data", n_images=2)
    return finish(program(*more, *data, "schedule.epochs=1", "trainer.log_every_n_steps=1", env=env))[0]


@pytest.mark.slow
def test_a_sweep_gives_each_job_a_wandb_run_of_its_own(tmp_path: Path) -> None:
    said = logged_run(tmp_path, "-m", f"hydra.sweep.dir={tmp_path}/sweep", "seed=1,2", "logger=wandb")
    assert "recorded offline" in said
    runs = {check_wandb(tmp_path / "sweep" / str(job) / "wandb", f"seed{job + 1}", "sweep") for job in (0, 1)}
    assert len(runs) == 2


@pytest.mark.slow
def test_a_run_by_itself_is_in_no_group_of_wandb(tmp_path: Path) -> None:
    said = logged_run(tmp_path, f"hydra.run.dir={tmp_path}/run", "seed=7", "logger=wandb")
    assert "recorded offline" in said
    check_wandb(tmp_path / "run" / "wandb", "seed7", "")


def test_tensorboard_records_losses_figures_and_pictures(tmp_path: Path) -> None:
    words = ("logger=tensorboard", "schedule.epochs=1", "trainer.log_every_n_steps=1", NO_CHECKPOINTS)
    run_train(tmp_path / "run", *tiny_data(tmp_path / "data", n_images=2), *words)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"images": 0}).Reload()
    tags = events.Tags()
    assert set(tags["scalars"]) >= SCALARS
    assert events.Scalars("speed/images_per_second")[-1].value > 0
    for name in ("val/overlays", "val/heat_maps"):
        assert any(tag.startswith(name) for tag in tags["images"])
    (text,) = events.Tensors("val/per_class/text_summary")
    assert b"| class | group |" in text.tensor_proto.string_val[0]
    assert any("hparams" in str(path) or path.name == "hparams.yaml" for path in (tmp_path / "run").rglob("*"))


def test_errors_are_one_message_and_a_status(tmp_path: Path) -> None:
    process = program(f"data.root={tmp_path}/nowhere", f"hydra.run.dir={tmp_path}/run")
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "DataError" in said
    assert "data.root: the folder" in said
    assert not (tmp_path / "run").exists()
    assert "Traceback" not in said
