"""Whatever a checkpoint, a run folder or a command line holds: a named error or the right result, in bounded time.

Annotation files are fuzzed in tests/data/annotations/test_fuzz.py, what a completion writes back in
tests/completion/test_write_back_fuzz.py, what a resumed training starts from in test_resumed_fuzz.py.
"""

from __future__ import annotations

import copy
import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from contrastmask.assemble import build_detector
from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.read import load_weights, read_checkpoint
from contrastmask.errors import ContrastMaskError
from contrastmask.programs import config
from contrastmask.programs.composing import composed
from contrastmask.report.write import write_report
from tests.checkpoints.test_damage import content
from tests.tiny_run import NO_CHECKPOINTS, run_train, tiny_data

MORE = pytest.mark.slow
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**70, -1, 10**9, 1e308, float("nan"), float("inf"), "", "x", "../../etc/passwd", b"\0", [], {}]),
    st.text(max_size=5),
    st.lists(st.integers(-2, 2), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(-2, 2), max_size=2),
    st.sampled_from(
        [torch.zeros(3), torch.zeros(2, 3, dtype=torch.int8), torch.zeros(2, dtype=torch.cfloat), torch.ones(1).bool(),
         torch.full((2,), float("nan")), torch.zeros(0), torch.zeros(2).to_sparse()]
    ),
)  # fmt: skip


def places(node: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of everything within plain containers."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def spoiled(good: Any, choose: Any, junk: Any, gone: bool) -> Any:
    """A copy, one place of which holds junk, or is gone."""
    bad = copy.deepcopy(good)
    path = choose(sorted(places(bad), key=repr))
    node = bad
    for key in path[:-1]:
        node = node[key]
    if gone:
        del node[path[-1]]
    else:
        node[path[-1]] = junk
    return bad


def named(error: ContrastMaskError, what: object) -> None:
    """The message says where."""
    assert len(str(error)) > 5
    assert str(what) in str(error)


def read_whole(path: Path) -> None:
    checkpoint = read_checkpoint(path)
    load_weights(build_detector(network_config(checkpoint), checkpoint.classes, pretrained=False), checkpoint)


def any_checkpoint(data: st.DataObject, folder: Path) -> None:
    good = content()
    tensors = data.draw(st.booleans())
    part = good["state_dict"] if tensors else {k: v for k, v in good.items() if k != "state_dict"}
    bad = spoiled(part, lambda found: data.draw(st.sampled_from(found)), data.draw(JUNK), data.draw(st.booleans()))
    path = folder / "bad.ckpt"
    torch.save({"state_dict": bad, **{k: v for k, v in good.items() if k != "state_dict"}} if tensors
               else {"state_dict": good["state_dict"], **bad}, path)  # fmt: skip
    try:
        read_whole(path)
    except ContrastMaskError as error:
        named(error, path)


FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(st.data())
def test_checkpoints(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        any_checkpoint(data, Path(folder))


@MORE
@MANY
@given(st.data())
def test_hundreds_of_checkpoints(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        any_checkpoint(data, Path(folder))


# --------------------------------------------------------------------------------------------------- run folders
@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    words = ("schedule.epochs=1", "trainer.log_every_n_steps=1", NO_CHECKPOINTS)
    run_train(root / "run", *tiny_data(root / "data", n_images=2), *words)
    return root / "run"


def any_folder(run: Path, chance: random.Random, folder: Path) -> None:
    shutil.copytree(run, folder / "run")
    files = sorted(path for path in (folder / "run").rglob("*") if path.is_file())
    for _ in range(chance.randint(1, 4)):
        path = chance.choice(files)
        if not path.is_file():
            continue
        how = chance.randrange(6)
        data = bytearray(path.read_bytes())
        if how == 0:
            path.unlink()
        elif how == 1:
            path.write_bytes(data[: chance.randrange(len(data) + 1)])
        elif how == 2 and data:
            for _ in range(5):
                data[chance.randrange(len(data))] = chance.randrange(256)
            path.write_bytes(data)
        elif how == 3:
            path.unlink()
            path.mkdir()
        elif how == 4:
            path.write_text(json.dumps(chance.choice([None, [], {}, 5, "x", [[[]]], {"mask": [1]}, {"": {"": None}}])))
        elif path.suffix == ".json":
            try:
                good = json.loads(data)
            except ValueError:
                continue
            junk = chance.choice([None, [], {}, "x", -1, 1e308, [None], {"a": []}, True, "<script>", "../../x.png"])
            if any(True for _ in places(good)):
                path.write_text(json.dumps(spoiled(good, chance.choice, junk, chance.random() < 0.3)))
    try:
        page = write_report([folder / "run", run], folder / "report.html")
    except ContrastMaskError as error:
        named(error, folder / "run")
    else:
        assert "</html>" in page.read_text()


@pytest.mark.parametrize("count", [8, pytest.param(200, marks=pytest.mark.slow)])
def test_run_folders(count: int, run: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    for number in range(count):
        (tmp_path / str(number)).mkdir()
        any_folder(run, chance, tmp_path / str(number))
        shutil.rmtree(tmp_path / str(number))


# ---------------------------------------------------------------------------------------------------- overrides
VALUES = st.one_of(
    st.sampled_from(["null", "true", "nan", "inf", "-inf", "-1", "0", "1e400", "[]", "{}", "[1,2]", "{a:1}", "''", "x",
                     "???", "${seed}", "${nowhere}", "${oc.env:HOME}", "9" * 30, "a=b", "[", "'", "\\", "é", "1e-320",
                     "[[]]", "${", "None", "0x10", "1_000", "-0.0", "[null]", "[nan]", "[-1]", "*", "range(3)"]),
    st.integers().map(str), st.floats().map(str), st.text(max_size=6),
)  # fmt: skip


def leaves(cfg: Any, prefix: str = "") -> Iterator[str]:
    for key in cfg:
        name = f"{prefix}{key}"
        yield name
        node = None if OmegaConf.is_interpolation(cfg, key) else cfg._get_node(key)
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_missing():
            yield from leaves(node, f"{name}.")


@pytest.fixture(scope="module")
def names() -> list[str]:
    config.register()
    return [*leaves(composed("train", [])), "nowhere", "data.", ".", "", "split", "experiment", "hydra.run.dir"]


def any_words(data: st.DataObject, names: list[str]) -> None:
    sign = st.sampled_from(["", "", "", "+", "++", "~"])
    words = [
        f"{data.draw(sign)}{data.draw(st.sampled_from(names))}={data.draw(VALUES)}"
        for _ in range(data.draw(st.integers(1, 2)))
    ]
    try:
        cfg = composed("train", words)
        config.typed(cfg)
    except ContrastMaskError as error:
        named(error, "")


@FEW
@given(st.data())
def test_overrides(names: list[str], data: st.DataObject) -> None:
    any_words(data, names)


@MORE
@MANY
@given(st.data())
def test_hundreds_of_overrides(names: list[str], data: st.DataObject) -> None:
    any_words(data, names)
