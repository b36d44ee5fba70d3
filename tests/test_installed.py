"""The built wheel in a fresh environment: the command works from an empty folder, with all its processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from contrastmask import __version__
from tests.tiny_run import MODEL

ROOT = Path(__file__).parents[1]
SOURCES = ("contrastmask", "conf", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
SMALL = ("data.shapes.train_images=4", "data.shapes.val_images=2", "data.num_workers=0", "overlays=1")

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """A command's output; it must end well, and sees nothing of the checkout."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "HYDRA_FULL_ERROR", "PYTEST_CURRENT_TEST")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["OMP_NUM_THREADS"] = "1"
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def environment(folder: Path) -> Path:
    """A fresh environment that sees this one's packages behind its own; the folder of its programs."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    (own,) = folder.glob("lib/python*/site-packages")
    # paths that stand in a .pth are searched as they are: an editable install in them does not count
    found = [sysconfig.get_paths()[name] for name in ("purelib", "platlib")]
    found += [path for path in sys.path if path.endswith("site-packages")]
    (own / "this_one.pth").write_text("\n".join(dict.fromkeys(found)))
    return folder / "bin"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as git has it, with nothing that was built in it."""
    folder = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        take = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        options = {"ignore": shutil.ignore_patterns("__pycache__")} if (ROOT / name).is_dir() else {}
        take(ROOT / name, folder / name, **options)
    return folder


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the unpacked source distribution, as package indices do."""
    pytest.importorskip("setuptools", minversion="77", reason="the build's setuptools, of the extra 'test', is missing")
    dist = tmp_path_factory.mktemp("dist")
    build = "from setuptools import build_meta; build_meta.build_{}({!r})"
    run(sys.executable, "-c", build.format("sdist", str(dist)), cwd=sources)
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        content.extractall(dist, filter="data")
    (unpacked,) = (path for path in dist.iterdir() if path.is_dir())
    run(sys.executable, "-c", build.format("wheel", str(dist)), cwd=unpacked)
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment in which the wheel is installed."""
    folder = environment(tmp_path_factory.mktemp("installed") / "venv")
    run(folder / "python", "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", wheel, cwd=folder)
    return folder


def test_the_wheel_holds_every_setting_and_no_test(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
        for file in (ROOT / "conf").rglob("*.yaml"):
            assert content.read(f"contrastmask/conf/{file.relative_to(ROOT / 'conf').as_posix()}") == file.read_bytes()
    for file in (ROOT / "contrastmask").rglob("*"):
        if file.is_file() and file.suffix != ".pyc":
            assert file.relative_to(ROOT).as_posix() in names
    assert not [name for name in names if not name.startswith(("contrastmask/", "contrastmask-"))]


def test_it_is_the_installed_package(programs: Path, tmp_path: Path) -> None:
    show = "from contrastmask.conf_folder import CHECKOUT, CONF; print(CONF, CHECKOUT)"
    where = run(programs / "python", "-c", show, cwd=tmp_path)
    assert where.startswith(str(programs.parent.resolve()))
    assert where.endswith("contrastmask/conf None\n")


def test_help_lists_the_groups(programs: Path, tmp_path: Path) -> None:
    said = run(programs / "contrastmask", "train", "--help", cwd=tmp_path)
    assert re.search(r"^backbone: .*\br50\b", said, re.MULTILINE)
    assert re.search(r"^experiment: .*\bdemo\b", said, re.MULTILINE)
    assert "convert" in run(programs / "contrastmask", "--help", cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_check_train_test_and_report_from_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    command = programs / "contrastmask"
    assert "ready to train" in run(command, "check", "experiment=demo", *SMALL, cwd=tmp_path)
    words = ("experiment=demo", *SMALL, "trainer.max_steps=2", "trainer.accelerator=cpu", "hydra.run.dir=first")
    run(command, "train", *words, cwd=tmp_path)
    assert json.loads((tmp_path / "first" / "versions.json").read_text())["git"] is None
    assert (tmp_path / "first" / "train.log").exists()
    data = ("data=shapes", *SMALL, "trainer.accelerator=cpu")
    run(command, "test", *data, "ckpt_path=first/checkpoints/last.ckpt", "hydra.run.dir=second", cwd=tmp_path)
    assert json.loads((tmp_path / "second" / "results.json").read_text())["images"]["evaluated"] == 2
    run(command, "convert", "first/checkpoints/last.ckpt", "small.ckpt", cwd=tmp_path)
    (images,) = (tmp_path / "data" / "shapes").glob("*/val*")
    run(command, "predict", "ckpt_path=small.ckpt", f"source={images}", "output=found", "num_workers=0", cwd=tmp_path)
    assert len(list((tmp_path / "found").rglob("*.png"))) >= 2
    run(command, "report", "second", "-o", "report.html", cwd=tmp_path)
    assert "second" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("start", [("contrastmask",), ("python", "-m", "contrastmask")], ids=" ".join)
def test_two_processes_and_a_sweep(start: tuple[str, ...], programs: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "experiment"
    mine.mkdir(parents=True)
    (mine / "own.yaml").write_text("# @package _global_\nnotes: of an own folder\n")
    said = run(
        *(programs / start[0], *start[1:], "train", "--config-dir", "mine", "data=shapes", *SMALL, *MODEL),
        *("experiment=own", "seed=1,2", "-m", "trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu"),
        *("data.batch_size=1", "schedule.epochs=1", "hydra.sweep.dir=sweep", "logger=none"),
        cwd=tmp_path,
    )
    assert said.count("on 2 x cpu") == 2  # the first process of each job says it, and no other
    for job in "01":
        results = json.loads((tmp_path / "sweep" / job / "results.json").read_text())
        assert results["images"]["evaluated"] == 2
        assert results["notes"] == "of an own folder"
    assert {path.name for path in tmp_path.iterdir()} <= {"mine", "sweep", "data", "outputs"}


def test_an_editable_install_reads_the_checkouts_settings(sources: Path, tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77", reason="the build's setuptools, of the extra 'test', is missing")
    folder = environment(tmp_path / "venv")
    install = ("-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation", "--quiet", "-e", sources)
    run(folder / "python", "-m", "pip", "uninstall", "--yes", "--quiet", "setuptools", cwd=tmp_path)  # an old one
    run(folder / "python", *install, cwd=tmp_path)
    where = run(folder / "python", "-c", "from contrastmask.conf_folder import CONF; print(CONF)", cwd=tmp_path)
    assert Path(where.strip()) == (sources / "conf").resolve()
    assert "backbone: r101" in run(folder / "contrastmask", "test", "--help", cwd=tmp_path)
    # a script beside a clone: the folder of the clone, of the package's own name, does not hide the package
    (tmp_path / "contrastmask").mkdir()
    (tmp_path / "mine.py").write_text("import contrastmask; print(contrastmask.__version__)")
    assert run(folder / "python", "mine.py", cwd=tmp_path).strip() == __version__
