"""A run's folder is one run's alone: started at once, again, beside others, under torchrun."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hydra.core.hydra_config import HydraConfig

from contrastmask.programs import config
from contrastmask.programs.composing import run

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="flock and fork")

# what train.py does around its task, without torch: COUNT processes at once, ROUNDS times, each says its folder and
# leaves its seed there; those of a round are all told the same second
MANY = """
import datetime, multiprocessing, os, pathlib, sys
import hydra.core.utils
from hydra.core.hydra_config import HydraConfig
from contrastmask.programs import config
from contrastmask.programs.composing import run

config.register()
count, rounds, *words = sys.argv[1:]

class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 2, 3, 4, number)

hydra.core.utils.datetime = Clock

def one(seed, together):
    def task(cfg):
        folder = pathlib.Path(HydraConfig.get().runtime.output_dir)
        with (folder / "seeds").open("a") as file:
            print(cfg.seed, file=file)
        os.write(1, f"{folder} {cfg.seed}\\n".encode())  # a line at once: several processes write here
        together.wait()  # all have a folder before the first ends
    sys.argv = ["train.py"]
    together.wait()
    try:
        run("train", task, [*words, f"seed={seed}"])
    except BaseException:
        together.wait()
        raise

fork = multiprocessing.get_context("fork")
for number in range(int(rounds)):
    together = fork.Barrier(int(count))
    processes = [fork.Process(target=one, args=(number * int(count) + i, together)) for i in range(int(count))]
    [process.start() for process in processes]
    [process.join() for process in processes]
    print("ended", sorted(process.exitcode for process in processes), flush=True)
"""


def program(script: str, cwd: Path, *words: object, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        cwd=cwd, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment},
    )  # fmt: skip


def folders(said: str) -> dict[str, str]:
    """Seed → folder."""
    lines = [line.split() for line in said.splitlines() if not line.startswith("ended")]
    assert len(lines) == len({folder for folder, _ in lines}), said
    return {seed: folder for folder, seed in lines}


def many_at_once(tmp_path: Path, count: int, rounds: int) -> None:
    done = program(MANY, tmp_path, count, rounds)
    found = folders(done.stdout)
    assert len(found) == count * rounds, done.stderr
    for seed, folder in found.items():
        assert (Path(folder) / "seeds").read_text().split() == [seed]
        assert yaml.safe_load((Path(folder) / ".hydra" / "overrides.yaml").read_text()) == [f"seed={seed}"]
        assert not (Path(folder) / ".running").exists()
    names = {Path(folder).name.removeprefix("2026-01-02_03-04-") for folder in found.values()}
    assert names == {f"{n:02}{'' if k == 1 else f'-{k}'}" for n in range(rounds) for k in range(1, count + 1)}


def test_runs_started_in_the_same_second_have_folders_of_their_own(tmp_path: Path) -> None:
    many_at_once(tmp_path, 3, 1)


@pytest.mark.slow
def test_a_hundred_runs_started_at_once(tmp_path: Path) -> None:
    many_at_once(tmp_path, 4, 30)


def test_of_those_that_name_one_folder_one_runs(tmp_path: Path) -> None:
    done = program(MANY, tmp_path, 3, 1, "hydra.run.dir=out")
    assert done.stdout.splitlines()[-1] == "ended [0, 1, 1]"
    ((seed, folder),) = folders(done.stdout).items()
    assert done.stderr.count(f"{Path('out')} is being written by process") == 2
    assert yaml.safe_load((Path(folder) / ".hydra" / "overrides.yaml").read_text()) == [f"seed={seed}"]


def test_sweeps_started_in_the_same_second(tmp_path: Path) -> None:
    done = program(MANY.replace('f"seed={seed}"', 'f"seed={seed}", "-m"'), tmp_path, 2, 1)
    found = folders("\n".join(line for line in done.stdout.splitlines() if line.startswith(str(tmp_path))))
    sweeps = {Path(folder).parent.name for folder in found.values()}
    assert sweeps == {"2026-01-02_03-04-00", "2026-01-02_03-04-00-2"}, done.stderr
    assert done.stdout.splitlines()[-1] == "ended [0, 0]"


def finished(folder: Path, *names: str) -> dict[Path, bytes]:
    """Leave what a run leaves; all that is below the folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def started(name: str, *words: str) -> list[str]:
    """The folders that the jobs of a program have got; SystemExit where one was refused."""
    found = []
    config.register()
    quiet = ("hydra/job_logging=none", "hydra/hydra_logging=none")
    run(name, lambda cfg: found.append(HydraConfig.get().runtime.output_dir), [*words, *quiet])
    return found


RESULTS, LAST = "results.json", "checkpoints/last.ckpt"


@pytest.mark.parametrize(
    ("there", "words", "said"),
    [
        ((RESULTS, LAST), (), "out holds a finished run (results.json), which nothing is written over"),
        ((LAST,), (), "out holds an unfinished run (checkpoints/last.ckpt)"),
        (("checkpoints/best.ckpt",), (), "out holds an unfinished run (checkpoints/best.ckpt)"),
        ((RESULTS, LAST), ("ckpt_path=other/last.ckpt",), "ckpt_path=out/checkpoints/last.ckpt"),
        ((RESULTS, LAST), ("init_path=out/checkpoints/last.ckpt",), "holds a finished run"),
        ((RESULTS, LAST), ("ckpt_path=out/checkpoints/last.ckpt",), None),
        ((LAST,), ("ckpt_path=./out/../out/checkpoints/last.ckpt",), None),
        (("train.log", "resolved.yaml", "study.log"), (), None),
    ],
)
def test_a_folder_that_holds_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, there: tuple, words: tuple,
    said: str | None,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = finished(tmp_path / "out", *there)
    if said is None:
        assert started("train", "hydra.run.dir=out", *words) == [str(tmp_path / "out")]
        assert not (tmp_path / "out" / ".running").exists()
    else:
        with pytest.raises(SystemExit) as end:
            started("train", "hydra.run.dir=out", *words)
        assert end.value.code == 1
        assert said in capsys.readouterr().err
        assert before == finished(tmp_path / "out")


def test_an_evaluation_writes_over_no_results_though_they_are_of_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("hydra.run.dir=out", "ckpt_path=out/checkpoints/last.ckpt")
    before = finished(tmp_path / "out", RESULTS, LAST)
    with pytest.raises(SystemExit):
        started("test", *words)
    assert "holds a finished run" in capsys.readouterr().err
    assert before == finished(tmp_path / "out")
    (tmp_path / "out" / RESULTS).unlink()
    assert started("test", *words)


def test_a_sweep_over_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    before = finished(tmp_path / "out" / "1", RESULTS)
    with pytest.raises(SystemExit):
        started("train", "-m", "hydra.sweep.dir=out", "seed=1,2")
    assert f"{Path('out') / '1'} holds a finished run" in capsys.readouterr().err
    assert before == finished(tmp_path / "out")
    # jobs with names of their own go beside it, but not into it
    own = ("-m", "hydra.sweep.dir=out", "hydra.sweep.subdir=${seed}")
    assert len(started("train", *own, "seed=2,3")) == 2
    with pytest.raises(SystemExit):
        started("train", *own, "seed=4,1")
    assert "holds a finished run" in capsys.readouterr().err
    assert (tmp_path / "out" / "1" / RESULTS).read_text() == RESULTS


def test_figures_of_a_run_without_checkpoint_are_set_aside(tmp_path: Path) -> None:
    finished(tmp_path / "out", "csv/metrics.csv", "csv-1/metrics.csv")
    started("train", f"hydra.run.dir={tmp_path}/out")
    assert sorted(p.parent.name for p in (tmp_path / "out").glob("*/metrics.csv")) == ["csv-1", "csv-2"]


def test_a_place_where_no_folder_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").write_text("")
    with pytest.raises(SystemExit):
        started("train")
    said = capsys.readouterr().err
    assert "DataError: outputs/" in said
    assert "cannot be written" in said


def test_processes_that_cannot_ask_each_other_are_told_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit):
        started("train")
    said = capsys.readouterr().err
    assert "ConfigError: this is one process of several" in said
    assert "CONTRASTMASK_OUTPUT=DIR" in said
    assert not (tmp_path / "outputs").exists()


def test_a_further_process_writes_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = finished(tmp_path / "out", ".hydra/overrides.yaml")
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "CONTRASTMASK_OUTPUT": f"{tmp_path}/out"}.items():
        monkeypatch.setenv(name, value)
    assert started("train") == [f"{tmp_path}/out"]
    assert before == finished(tmp_path / "out")


ONE = MANY.replace("together.wait()", "pass")


@pytest.mark.slow
def test_processes_of_torchrun_use_the_folder_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        ONE.replace("count, rounds, *words = sys.argv[1:]", "count = rounds = 1; words = []")
    )
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "script.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for _ in range(2):
        done = subprocess.run(launch, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=environment)
        places = [line.split()[0] for line in done.stdout.splitlines() if line.startswith(str(tmp_path))]
        assert len(places) == 2, done.stderr
        assert len(set(places)) == 1
    assert len(list(tmp_path.rglob("seeds"))) == 2
