"""Damaged files and implausible ones: a named error in bounded time, or the very same weights."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from contrastmask.checkpoints.convert import main
from contrastmask.checkpoints.initialisation import load_initialisation
from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.read import load_weights, read_checkpoint, read_resumable
from contrastmask.checkpoints.write import write_checkpoint
from contrastmask.errors import CheckpointError
from contrastmask.files.checksums import damage
from tests.detectors import tiny

NAMES = ("person", "kite", "dog", "cow", "bus")


@cache
def _weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {f"detector.{name}": value for name, value in tiny(len(NAMES)).state_dict().items()}


@cache
def _file() -> bytes:
    torch.save(content(), file := io.BytesIO())
    return file.getvalue()


def content() -> dict[str, Any]:
    """What a file holds; its tensors are shared by all tests, which put others in their place."""
    state = dict(_weights())
    config = {
        "backbone": {"name": "r18", "depth": 18, "groups": 1, "width_per_group": 64},
        "model": {"cam": True, "fpn_channels": 16, "mask_head": {"channels": 16, "depth": 1}, "mean": [1.0, 2, 3.5]},
        "data": {"test_short_side": 64, "long_side": 128},
    }
    categories = [{"id": i, "name": name} for i, name in enumerate(NAMES)]
    return {"state_dict": state, "contrastmask": {"format": 1, "config": config, "categories": categories}}


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    (tmp_path / "last.ckpt").write_bytes(_file())
    return tmp_path / "last.ckpt"


def equal(path: Path, state: dict[str, torch.Tensor]) -> bool:
    found = read_checkpoint(path).state
    return found.keys() == state.keys() and all(torch.equal(found[n], v) for n, v in state.items())


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_no_flipped_bit_loads_as_other_weights(sound: Path, tmp_path: Path, suffix: str) -> None:
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"copy{suffix}"
    write_checkpoint(read_checkpoint(sound), path)
    state, good = read_checkpoint(path).state, path.read_bytes()
    generator, refused = torch.Generator().manual_seed(0), 0
    for place in torch.randint(len(good), (24,), generator=generator).tolist():
        bad = bytearray(good)
        bad[place] ^= 1 << (place % 8)
        path.write_bytes(bad)
        try:
            assert equal(path, state), place
        except CheckpointError:
            refused += 1
    assert refused >= 20


def test_all_readers_refuse_a_damaged_file(sound: Path, tmp_path: Path) -> None:
    bad = bytearray(sound.read_bytes())
    bad[len(bad) // 2] ^= 16
    sound.write_bytes(bad)
    for reader in (read_checkpoint, read_resumable, lambda path: load_initialisation(tiny(5), path)):
        with pytest.raises(CheckpointError, match=r"last\.ckpt is damaged: its checksums .*data/\d+"):
            reader(sound)
    assert main(["convert", str(sound), str(tmp_path / "out.ckpt")]) == 1
    assert not (tmp_path / "out.ckpt").exists()


@pytest.mark.parametrize("keep", [0, 3, 1000, -1])
def test_truncated_files(sound: Path, keep: int) -> None:
    sound.write_bytes(sound.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"last\.ckpt") as raised:
        read_checkpoint(sound)
    assert "\n" not in str(raised.value)


def test_files_written_without_checksums_load(tmp_path: Path) -> None:
    before = torch.serialization.get_crc32_options()
    try:
        torch.serialization.set_crc32_options(False)
        torch.save(content(), tmp_path / "a.ckpt")
    finally:
        torch.serialization.set_crc32_options(before)
    assert damage(tmp_path / "a.ckpt") is None
    assert read_checkpoint(tmp_path / "a.ckpt").classes == len(NAMES)


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.int64, torch.uint8, torch.complex64])
def test_weights_of_a_wrong_type_are_named(sound: Path, dtype: torch.dtype) -> None:
    changed, name = content(), "roi_heads.mask_head.logits.weight"
    changed["state_dict"][f"detector.{name}"] = changed["state_dict"][f"detector.{name}"].to(dtype)
    torch.save(changed, sound)
    with pytest.raises(CheckpointError, match=rf"last\.ckpt.*{name} is (a complex|{dtype})"):
        load_weights(tiny(5), read_checkpoint(sound))
    if dtype != torch.complex64:
        report = load_initialisation(tiny(5), sound)
        assert report.not_used == {"roi_heads.mask_head.logits": report.not_used["roi_heads.mask_head.logits"]}
        assert str(dtype) in report.not_used["roi_heads.mask_head.logits"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_cast(sound: Path, dtype: torch.dtype) -> None:
    changed, model = content(), tiny(5)
    changed["state_dict"] = {n: v.to(dtype) if v.is_floating_point() else v for n, v in changed["state_dict"].items()}
    torch.save(changed, sound)
    load_weights(model, read_checkpoint(sound))
    assert all(value.dtype != dtype for value in model.state_dict().values())


def test_weights_that_are_not_finite_are_named(sound: Path) -> None:
    changed = content()
    name = "detector.rpn.head.cls_logits.bias"
    changed["state_dict"][name] = changed["state_dict"][name].index_fill(0, torch.tensor([0]), torch.nan)
    torch.save(changed, sound)
    with pytest.raises(CheckpointError, match=r"rpn\.head\.cls_logits\.bias has values that are not finite"):
        load_weights(tiny(5), read_checkpoint(sound))


def put(place: str, value: Any) -> Callable[[dict], None]:
    def change(about: dict) -> None:
        *path, last = place.split(".")
        for key in path:
            about = about.setdefault(key, {})
        about[last] = value

    return change


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("config.model.mask_head.depth", 10**9, r"model\.mask_head\.depth=1000000000 is out of proportion"),
        ("config.model.mask_head.extra", 10**9, r"model\.mask_head\.extra"),
        ("config.model.mask_head.blocks", [1, 10**9], r"model\.mask_head\.blocks"),
        ("config.model.box_head.shared", 10**9, r"model\.box_head\.shared"),
        ("config.model.fpn_channels", 10**9, r"model\.fpn_channels"),
        ("config.model.divisor", 10**9, r"model\.divisor"),
        ("config.model.roi.limit", 10**12, r"model\.roi\.limit"),
        ("config.backbone.depth", "fifty", r"backbone\.depth=fifty must be of type int"),
        ("config.backbone.depth", True, r"backbone\.depth"),
        ("config.model.cam", "yes", r"model\.cam=yes must be of type bool"),
        ("config.model.mean", "grey", r"model\.mean"),
        ("config.model.mean", [0.0, float("nan"), 1.0], r"model\.mean"),
        ("config.model.mean", [0.0] * 10**5, r"model\.mean"),
        ("config.model.rpn.anchor_scale", None, r"model\.rpn\.anchor_scale"),
        ("config.model", 7, "settings model are of type int"),
        ("config.model.roi.magic", 1, r"model\.roi\.magic is unknown"),
        ("config.data.test_short_side", 10**9, r"data\.test_short_side"),
        ("config.data.long_side", None, r"data\.long_side"),
        ("config", [], "settings are of type list"),
        ("format", 2, "format 2"),
        ("format", "new", "format 'new'"),
        ("categories", "person", "list of classes is damaged"),
        ("categories", [{"id": 1}], "list of classes is damaged"),
        ("categories", [{"id": 1, "name": "person"}], "names 1 classes, its classifier has 5"),
    ],
)
def test_implausible_descriptions_are_named_at_once(sound: Path, place: str, value: Any, said: str) -> None:
    changed = content()
    put(place, value)(changed["contrastmask"])
    torch.save(changed, sound)
    with pytest.raises(CheckpointError, match=rf"last\.ckpt.*{said}"):
        read_checkpoint(sound)


@pytest.mark.parametrize("about", [[1], "text", 3, {"format": 1, "config": {}, "categories": None}])
def test_other_descriptions(sound: Path, about: Any) -> None:
    changed = content()
    changed["contrastmask"] = about
    torch.save(changed, sound)
    if isinstance(about, dict):
        assert read_checkpoint(sound).categories is None
    else:
        with pytest.raises(CheckpointError, match="description is of type"):
            read_checkpoint(sound)


def test_sound_settings_pass(sound: Path) -> None:
    checkpoint = read_checkpoint(sound)
    assert checkpoint.sides == (64, 128)
    config = network_config(checkpoint)
    assert (config.model.mean, config.model.roi.limit) == ([1.0, 2, 3.5], 100)


def test_weights_alone_are_nothing_to_resume(sound: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no training to resume: it lacks optimizer_states.*init_path="):
        read_resumable(sound)
    whole = content() | dict.fromkeys(("optimizer_states", "lr_schedulers", "loops", "epoch", "global_step"), 0)
    torch.save(whole, sound)
    with pytest.raises(CheckpointError, match="its pytorch-lightning_version is 'None'"):
        read_resumable(sound)
    torch.save(whole | {"pytorch-lightning_version": "2.6.6"}, sound)
    assert read_resumable(sound).classes == len(NAMES)


def test_a_conversion_onto_its_own_source_is_refused(sound: Path, capsys: pytest.CaptureFixture) -> None:
    before = sound.read_bytes()
    assert main(["convert", str(sound), str(sound.parent / "." / sound.name)]) == 1
    assert "is the source itself" in capsys.readouterr().err
    assert sound.read_bytes() == before


def test_a_full_disk_leaves_what_was_there(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = sound.with_name("out.pth")
    target.write_bytes(b"older")
    monkeypatch.setattr("contrastmask.files.whole_file.os.fsync", full)
    with pytest.raises(CheckpointError, match=r"out\.pth cannot be written.*No space left"):
        write_checkpoint(read_checkpoint(sound), target, "contrastmask")
    assert target.read_bytes() == b"older"
    assert sorted(p.name for p in sound.parent.iterdir()) == ["last.ckpt", "out.pth"]
