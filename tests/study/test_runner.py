"""Plan and runner: every combination once, finished runs kept, broken ones redone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from omegaconf import DictConfig

from contrastmask.errors import ConfigError
from contrastmask.study import runner
from contrastmask.study.__main__ import main
from contrastmask.study.plan import CONF, StudyRun, Table, load_table
from contrastmask.study.runner import MARK, finished, run_all
from tests.composing import composed

PROGRAM = """
import json, os, pathlib, sys
words = dict(w.split("=", 1) for w in sys.argv[1:])
folder = pathlib.Path(words["hydra.run.dir"])
with open(folder.parents[2] / "calls", "a") as calls:
    print(folder.relative_to(folder.parents[2]), words["trainer.accelerator"], file=calls)
broken = folder.parents[2] / "broken"
if broken.exists() and words["seed"] == broken.read_text():
    sys.exit("boom")
if "init_path" in words:
    print(pathlib.Path(words["init_path"]).relative_to(folder.parents[2]), file=open(folder / "init_path", "w"))
(folder / "results.json").write_text(json.dumps({"seed": words["seed"]}))
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.py").write_text(PROGRAM)
    monkeypatch.setattr(runner, "PROGRAM", (str(tmp_path / "train.py"),))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def calls(root: Path) -> list[str]:
    lines = (root / "calls").read_text().splitlines()
    (root / "calls").unlink()
    return sorted(lines)


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["settings", "runs"])
def test_every_table_is_of_settings_that_exist(every: bool) -> None:
    """Of each table the first run, and those with an override that is new: to compose all runs takes a minute.

    Each experiment by itself is composed in tests/programs/test_config.py.
    """
    tables = {path.stem: load_table(path.stem, seeds=1).runs() for path in (CONF / "study").glob("*.yaml")}
    known: set[str] = set()
    starts: dict[tuple[str, ...], DictConfig] = {}
    for runs in tables.values():
        for run in runs:
            new = {word for word in run.overrides if not word.startswith("experiment=")} - known
            known |= new
            if not (every or new or run is runs[0]):
                continue
            cfg = composed(*run.overrides)
            assert cfg.seed == 0
            assert cfg.split.name == ("all" if run.variant == "oracle" else run.split)
            if run.start:
                overrides = run.start.overrides
                start = starts[overrides] = starts.get(overrides) or composed(*overrides)
                assert start.split.mask_share == 0
                assert start.model.mask_head.channels < cfg.model.mask_head.channels


def test_what_a_table_has_not_is_named() -> None:
    with pytest.raises(ConfigError, match="minimal"):
        load_table("gone")
    with pytest.raises(ConfigError, match="no variant unicorn"):
        load_table("minimal", variants=["unicorn"])
    with pytest.raises(ConfigError, match="no variant unicorn"):
        load_table("learned", start="unicorn")


@pytest.mark.parametrize("seeds", ["abc", "0", "-1", "1.5"])
def test_seeds_are_a_number(seeds: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match="1"):
        main(["run", "table=minimal", f"seeds={seeds}"])
    assert f"seeds={seeds} is no number of seeds" in capsys.readouterr().err


def test_seed_by_seed_and_the_oracle_once() -> None:
    runs = Table("study/shapes", ("full", "oracle"), ("voc_nonvoc", "nonvoc_voc"), 2).runs()
    assert [(r.variant, r.split, r.seed) for r in runs] == [
        ("full", "voc_nonvoc", 0), ("oracle", "voc_nonvoc", 0), ("full", "nonvoc_voc", 0),
        ("full", "voc_nonvoc", 1), ("oracle", "voc_nonvoc", 1), ("full", "nonvoc_voc", 1),
    ]  # fmt: skip
    assert runs[1].overrides == ("experiment=[study/shapes,study/oracle]", "seed=0")
    apart = Table("study/shapes", ("full", "oracle"), ("voc_nonvoc",), 1, place="there").runs()
    assert [str(r.folder(Path("root"))) for r in apart] == [
        "root/there/voc_nonvoc/full/seed0",
        "root/there/all/oracle/seed0",
    ]


def test_broken_runs_are_redone_and_finished_ones_kept(root: Path) -> None:
    runs = Table("study/shapes", ("full",), ("voc_nonvoc",), 3).runs()
    (root / "broken").write_text("1")
    failed = run_all(runs, root, ["cpu", "cpu"])
    assert [r.seed for r in failed] == [1]
    assert "boom" in (runs[1].folder(root) / "study.log").read_text()
    assert calls(root) == [f"voc_nonvoc/full/seed{k} cpu" for k in range(3)]
    (root / "broken").unlink()
    (runs[2].folder(root) / "results.json").write_text("{cut")
    assert run_all(runs, root, ["0"]) == []
    assert calls(root) == ["voc_nonvoc/full/seed1 gpu", "voc_nonvoc/full/seed2 gpu"]
    assert all(finished(r, root) for r in runs)
    assert json.loads((runs[0].folder(root) / MARK).read_text())["device"] == "cpu"


def test_what_others_start_from_is_trained_first_and_once(root: Path) -> None:
    table = Table("study/shapes", ("full", "cam"), ("voc_nonvoc",), 2, start="detector")
    (root / "broken").write_text("0")
    assert run_all(table.runs(), root, ["cpu", "cpu"]) == [table.first()]
    assert calls(root) == ["start/detector/seed0 cpu"]  # nothing that hangs on it was begun
    (root / "broken").unlink()
    assert run_all(table.runs(), root, ["cpu", "cpu"]) == []
    others = [f"voc_nonvoc/{v}/seed{k} cpu" for v in ("cam", "full") for k in (0, 1)]
    assert calls(root) == ["start/detector/seed0 cpu", *others]
    for run in table.runs():
        assert (run.folder(root) / "init_path").read_text() == "start/detector/seed0/checkpoints/last.ckpt\n"


def test_what_others_start_from_has_the_settings_of_all_and_a_seed_of_its_own() -> None:
    settings = {"overrides": ("data.root=there",), "start": "detector", "start_seed": 3}
    run = Table("study/shapes", ("full",), ("voc_nonvoc",), 1, **settings).first()
    assert run.overrides == ("experiment=[study/shapes,study/detector]", "seed=3", "data.root=there")
    assert run.folder(Path("root")) == Path("root/start/detector/seed3")


def test_words_take_some_lines_of_a_table(root: Path) -> None:
    words = ["run", "table=learned", "variants=cam,oracle", "splits=nonvoc_voc", "seeds=1", f"out={root}"]
    assert main(words) == 0
    assert calls(root / "learned") == [
        "all/oracle/seed0 cpu",
        "nonvoc_voc/cam/seed0 cpu",
        "start/detector/seed0 cpu",
    ]


def test_results_of_other_settings_are_not_taken_for_these(root: Path) -> None:
    (run,) = Table("study/shapes", ("full",), ("voc_nonvoc",), 1).runs()
    run_all([run], root)
    other = StudyRun(run.variant, run.split, run.seed, (*run.overrides, "schedule.lr=1"))
    with pytest.raises(ConfigError, match="choose another out="):
        finished(other, root)


def test_no_two_tables_share_a_folder_but_for_the_same_run() -> None:
    """Of one ``out``; the curves and the oracle of a place are shared on purpose."""
    settings: dict[Path, tuple[str, ...]] = {}
    for path in sorted((CONF / "study").glob("*.yaml")):
        for run in load_table(path.stem, seeds=1).runs():
            assert settings.setdefault(run.folder(Path()), run.overrides) == run.overrides


def test_a_run_that_was_cut_off_is_not_finished_by_the_results_of_an_earlier_one(root: Path) -> None:
    runs = Table("study/shapes", ("baseline",), ("voc_nonvoc",), 1).runs()
    assert run_all(runs, root) == []
    (runs[0].folder(root) / MARK).unlink()
    program = root.parent / "train.py"
    program.write_text("")  # ends well and leaves nothing
    assert run_all(runs, root) == runs
    assert not finished(runs[0], root)
