"""Files of tensors: nothing that is written in them runs, and what they hold beside tensors is named."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from contrastmask.checkpoints.packing import named_tensors
from contrastmask.checkpoints.tensor_files import LeftOut, read_tensors, write_safetensors
from contrastmask.errors import CheckpointError


class Trap:
    """Calls ``function(argument)`` when unpickled the unsafe way."""

    def __init__(self, function: Callable[[str], Any], argument: str) -> None:
        self.call = function, (argument,)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def create(path: str) -> None:
    Path(path).touch()


class Settings(dict):
    """As the dictionaries of other programs' configurations: keys as attributes, state of its own."""

    def __init__(self, **values: Any) -> None:
        super().__init__(values)
        self.extra = values


def test_plain_values_and_tensors_load(tmp_path: Path) -> None:
    torch.save(
        {"state_dict": {"a": torch.ones(2)}, "meta": {"epoch": 12, "CLASSES": ("cat", "dog")}}, tmp_path / "a.pth"
    )
    content = read_tensors(tmp_path / "a.pth")
    assert content["meta"] == {"epoch": 12, "CLASSES": ("cat", "dog")}
    assert torch.equal(named_tensors(content, tmp_path)["a"], torch.ones(2))


def test_foreign_objects_are_named_and_never_run(tmp_path: Path) -> None:
    path, made = tmp_path / "a.pth", tmp_path / "made"
    torch.save({"state_dict": {"a": torch.ones(2)}, "meta": {"x": Trap(create, str(made))}}, path)
    with pytest.raises(CheckpointError, match=r"create.*convert.*--allow") as raised:
        read_tensors(path)
    names = named(raised)
    assert names == [f"{__name__}.create"]
    content = read_tensors(path, allow=names)  # even named, it does not run
    assert isinstance(content["meta"]["x"], LeftOut)
    assert not made.exists()


def test_commands_of_the_system_are_refused_even_if_named(tmp_path: Path) -> None:
    torch.save({"a": Trap(os.system, "true")}, tmp_path / "a.pth")
    name = f"{os.system.__module__}.system"
    with pytest.raises(CheckpointError, match=f"not load safely: .*{name}.*blocked") as raised:
        read_tensors(tmp_path / "a.pth", allow=[name])
    assert "weights_only" not in str(raised.value)


def named(raised: pytest.ExceptionInfo[CheckpointError]) -> list[str]:
    """The classes that an error names."""
    return str(raised.value).split("plain values: ")[1].split(". To leave")[0].split(", ")


def test_objects_of_all_kinds_can_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    meta = {
        "config": Settings(lr=0.1, nested=Settings(steps=[8, 11])),
        "best": np.float64(0.3),
        "history": np.arange(3),
        "time": datetime.datetime(2022, 3, 18),
        datetime.date(2022, 3, 18): "a key",
        "epoch": 12,
    }
    torch.save({"state_dict": {"a": torch.ones(2)}, "meta": meta}, path)
    with pytest.raises(CheckpointError) as raised:
        read_tensors(path)
    names = named(raised)
    assert {f"{__name__}.Settings", "datetime.datetime", "datetime.date"} <= set(names)
    content = read_tensors(path, allow=names)
    assert content["meta"]["epoch"] == 12
    assert all(isinstance(content["meta"][key], LeftOut) for key in ("best", "time"))
    assert content["meta"]["config"] == {"lr": 0.1, "nested": {"steps": [8, 11]}}
    assert not isinstance(content["meta"]["config"], Settings)
    # what is allowed for one file is not allowed for the next
    with pytest.raises(CheckpointError, match="Settings"):
        read_tensors(path)


def test_what_is_no_file_of_tensors_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        read_tensors(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("<html>not found</html>")
    with pytest.raises(CheckpointError, match=r"text\.pth is no checkpoint: it is a web page"):
        read_tensors(tmp_path / "text.pth")
    (tmp_path / "text.safetensors").write_bytes(b"\0\1" * 40)
    pytest.importorskip("safetensors")
    with pytest.raises(CheckpointError, match=r"text\.safetensors is not"):
        read_tensors(tmp_path / "text.safetensors")
    torch.save([torch.ones(2)], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="holds a list"):
        read_tensors(tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="b are not tensors"):
        named_tensors({"a": torch.ones(1), "b": "c"}, tmp_path)


def test_the_format_before_torch_1_6(tmp_path: Path) -> None:
    content = {"state_dict": {"module.a": torch.arange(3)}}
    torch.save(content, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    found = named_tensors(read_tensors(tmp_path / "old.pth"), tmp_path)
    assert found["a"].tolist() == [0, 1, 2]
    torch.save({**content, "x": Settings(a=1)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match="Settings"):
        read_tensors(tmp_path / "old.pth")


def test_safetensors_keep_values_and_words(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    tensors = {"a": torch.randn(3, 4).T, "count": torch.tensor(7), "half": torch.randn(2).bfloat16()}
    write_safetensors(tmp_path / "a.safetensors", tensors, {"note": "grüße"})
    content = read_tensors(tmp_path / "a.safetensors")
    assert content["metadata"] == {"note": "grüße"}
    for name, value in tensors.items():
        assert content["state_dict"][name].dtype == value.dtype
        assert torch.equal(content["state_dict"][name], value)
