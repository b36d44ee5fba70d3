"""Whatever a checkpoint says of its training: a named error before the first step, or a training that goes on."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from contrastmask.errors import CheckpointError, ContrastMaskError, DivergedError
from contrastmask.training import trained
from contrastmask.training.resumed_state import check_callbacks, check_training
from tests.faults.test_fuzz import FEW, JUNK, MANY, MORE, named, places
from tests.tiny_run import run_train, tiny_data

QUICK = ("logger=none", "evaluate_after=false", "trainer.limit_val_batches=0", "trainer.log_every_n_steps=1")


class Resumable:
    """A checkpoint in the middle of a training, its content, and the trainer of one that went on with it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
        self.root = root
        self.words = (*tiny_data(root / "data"), "data.batch_size=1", "schedule.epochs=3", *QUICK, *more)
        run_train(root / "first", *self.words, "trainer.max_steps=6")
        self.path = root / "first" / "checkpoints" / "last.ckpt"
        self.content = torch.load(self.path, weights_only=True)
        with monkeypatch.context() as patch:
            patch.setattr(trained, "check_training", self._seen)
            self.resume(self.path)

    def _seen(self, path: object, trainer: Any, content: dict[str, Any]) -> None:
        self.trainer = trainer
        check_training(path, trainer, content)

    def resume(self, path: Path) -> None:
        """Two steps further."""
        out = self.root / "on"
        try:
            run_train(out, *self.words, "trainer.max_steps=8", f"ckpt_path={path}")
        finally:
            shutil.rmtree(out, ignore_errors=True)

    def spoiled(self, choose: Any, junk: Any, gone: bool) -> tuple[tuple, dict[str, Any]]:
        """A place in what is kept of the training, and the content with junk, or nothing, there."""
        kept = {k: v for k, v in self.content.items() if k not in ("state_dict", "contrastmask")}
        # any part as likely as another: most places are moments of a weight
        part = choose(sorted(kept))
        place = choose([path for path in sorted(places(kept), key=repr) if path[0] == part])
        return place, {**self.content, **put(kept, place, junk, gone)}

    def looked_at(self, content: dict[str, Any], path: Path) -> None:
        """What a resumed training looks at, without the file and the training."""
        check_callbacks(path, self.trainer, content)
        check_training(path, self.trainer, content)


def put(node: Any, place: tuple, junk: Any, gone: bool) -> Any:
    """A copy of the containers on the way to a place, which holds junk, or is gone; the rest is shared."""
    copied = copy.copy(node)
    if len(place) > 1:
        copied[place[0]] = put(node[place[0]], place[1:], junk, gone)
    elif gone:
        del copied[place[0]]
    else:
        copied[place[0]] = junk
    return copied


@pytest.fixture(scope="module", params=["adamw", pytest.param("sgd", marks=pytest.mark.slow)])
def resumable(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Resumable:
    with pytest.MonkeyPatch.context() as patch:
        return Resumable(tmp_path_factory.mktemp("resumed"), patch, f"schedule.optimizer={request.param}")


LOOP = ("loops", "fit_loop")
GROUP = ("optimizer_states", 0, "param_groups", 0)
MOMENTS = ("optimizer_states", 0, "state", 3)
BEST = "callbacks", "Best"


@pytest.mark.parametrize(
    ("place", "junk", "said"),
    [
        (("epoch",), 4, "epoch is 4, loops.fit_loop counts 2"),
        (("global_step",), torch.ones(2), "global_step is a tensor"),
        (("global_step",), True, "global_step is True"),
        (("loops",), [], "loops is of type list"),
        ((*LOOP, "epoch_progress"), None, "epoch_progress is of type NoneType"),
        ((*LOOP, "epoch_progress", "current", "completed"), -1, "epoch_progress.current.completed is -1"),
        ((*LOOP, "epoch_loop.batch_progress", "current", "ready"), 10**9, "counts 1000000000 ready of"),
        ((*LOOP, "epoch_loop.batch_progress", "current", "completed"), 4, "more ended than begun"),
        ((*LOOP, "epoch_loop.batch_progress", "is_last_batch"), 2, "is_last_batch is 2"),
        ((*LOOP, "epoch_loop.state_dict"), {}, "lacks _batches_that_stepped"),
        (("optimizer_states",), [], "optimizer_states is no list of 1"),
        (("optimizer_states", 0), "x", "holds no moments"),
        (GROUP[:3], [], "param_groups is no list of 1"),
        ((*GROUP, "params"), torch.zeros(3), "is of other parameters"),
        ((*GROUP, "params", 1), torch.zeros(2, 3), "is of other parameters"),
        ((*GROUP, "lr"), "0.1", "lr is '0.1'"),
        ((*GROUP, "lr"), -1.0, "lr is -1.0"),
        ((*GROUP, "lr"), float("nan"), "lr is nan"),
        ((*GROUP, "fused"), [], r"fused=\[\]"),
        ((*GROUP, "maximize"), True, "maximize is True, here False"),
        (MOMENTS, {}, "does not hold"),
        (MOMENTS, torch.zeros(3), "does not hold"),
        (("optimizer_states", 0, "state", 999), {}, "is of no parameter"),
        (("lr_schedulers",), [{}], "lr_schedulers is no list of 2"),
        (("lr_schedulers", 0), {}, "lacks"),
        (("lr_schedulers", 0, "total_iters"), 0, "total_iters is 0"),
        (("lr_schedulers", 0, "base_lrs"), [], "has 0 items, this training 1"),
        (("lr_schedulers", 1, "milestones"), {"x": 1}, "milestones holds no whole numbers"),
        (("lr_schedulers", 1, "gamma"), float("inf"), "gamma is inf"),
        (("callbacks",), None, "callbacks holds no states"),
        (BEST, [], "Best is of type list"),
        ((*BEST, "value"), "x", "value is 'x'"),
        ((*BEST, "figure"), {}, "figure is {}"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_training_cannot_go_on_with(place: tuple, junk: Any, said: str, resumable: Resumable) -> None:
    with pytest.raises(CheckpointError, match=said):
        resumable.looked_at({**resumable.content, **put(resumable.content, place, junk, False)}, resumable.path)


@pytest.mark.parametrize("name", ["exp_avg", "momentum_buffer", "step"])
def test_moments_that_are_none(name: str, resumable: Resumable) -> None:
    if name not in resumable.content["optimizer_states"][0]["state"][3]:
        pytest.skip("not of this optimiser")
    good = resumable.content["optimizer_states"][0]["state"][3][name]
    for junk in (torch.zeros(7), good.to(torch.int8), torch.full_like(good, torch.nan), good.to_sparse(), 3, None, "x"):
        if junk is not None or name != "momentum_buffer":
            with pytest.raises(CheckpointError, match=rf"state\[3\]\.{name}"):
                resumable.looked_at(put(resumable.content, (*MOMENTS, name), junk, False), resumable.path)


def test_a_file_of_them_is_refused_before_a_step(resumable: Resumable, tmp_path: Path) -> None:
    bad = tmp_path / "bad.ckpt"
    name = "detector.roi_heads.mask_head.logits.bias"
    for place, junk, said in (
        ((*GROUP, "lr"), "x", "lr is 'x'"),
        (BEST, 3, "Best is of type int"),
        (("pytorch-lightning_version",), "0", "pytorch-lightning_version is '0'"),
        (("state_dict", name), torch.zeros(99), rf"{name} is \(99,\)"),
    ):
        torch.save(put(resumable.content, place, junk, False), bad)
        with pytest.raises(CheckpointError, match=said) as error:
            resumable.resume(bad)
        named(error.value, bad)
    torch.save(resumable.content, bad)
    with pytest.raises(CheckpointError, match="has 2 epochs behind it, and this training is to end after 0"):
        run_train(tmp_path / "on", *resumable.words, "trainer.max_epochs=0", f"ckpt_path={bad}")


def test_moments_that_are_lost_begin_anew_and_it_is_said(
    resumable: Resumable, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    torch.save(put(resumable.content, MOMENTS, None, True), tmp_path / "some.ckpt")
    resumable.resume(tmp_path / "some.ckpt")
    assert "has no moments of 1 parameters" in caplog.text
    torch.save(put(resumable.content, MOMENTS[:3], {}, False), tmp_path / "none.ckpt")
    with pytest.raises(CheckpointError, match="holds no moments after 6 steps"):
        resumable.resume(tmp_path / "none.ckpt")


def any_resume(data: st.DataObject, start: Resumable, whole: bool) -> None:
    def choose(found: list) -> Any:
        return data.draw(st.sampled_from(found))

    place, content = start.spoiled(choose, data.draw(JUNK), data.draw(st.booleans()))
    bad = start.root / "bad.ckpt"
    try:
        if len(place) > 1:
            start.looked_at(content, bad)
        if whole:
            torch.save(content, bad)
            start.resume(bad)
    except ContrastMaskError as error:
        named(error, start.root / "on" if isinstance(error, DivergedError) else bad)


@settings(FEW, max_examples=60)
@given(st.data())
def test_resumed_trainings(resumable: Resumable, data: st.DataObject) -> None:
    any_resume(data, resumable, whole=False)


@MORE
@settings(MANY, max_examples=15)
@given(st.data())
def test_hundreds_of_resumed_trainings(resumable: Resumable, data: st.DataObject) -> None:
    any_resume(data, resumable, whole=True)
