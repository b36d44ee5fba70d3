"""Errors that a user can mend arrive as their one sentence, whichever process raised them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader, Dataset

from contrastmask.__main__ import main
from contrastmask.errors import CheckpointError, ConfigError, ContrastMaskError, DataError, plain_errors


class Broken(Dataset):
    """Every sample is an error, raised from another one."""

    def __init__(self, kind: type[ContrastMaskError], said: str) -> None:
        self.kind, self.said = kind, said

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        try:
            raise ValueError("a cause\nof two lines")
        except ValueError as error:
            raise self.kind(self.said) from error


@pytest.mark.parametrize("kind", [DataError, ConfigError, CheckpointError])
@pytest.mark.parametrize("said", ["a.jpg: the image file does not exist", "two\nlines: Caught in", "Caught x"])
def test_errors_of_loader_workers_are_one_sentence(kind: type[ContrastMaskError], said: str) -> None:
    for workers in (0, 1):
        with pytest.raises(kind) as raised:
            list(DataLoader(Broken(kind, said), num_workers=workers))
        assert str(raised.value) == said
        assert type(raised.value) is kind


def test_lines_beside_an_error_are_data_and_stand_below_it() -> None:
    error = pickle.loads(pickle.dumps(DataError("a.json: nothing is left", ["2 dropped", "1 noted"])))
    assert (error.message, error.lines) == ("a.json: nothing is left", ("2 dropped", "1 noted"))
    assert str(error) == "a.json: nothing is left\n  2 dropped\n  1 noted"
    assert DataError("alone").lines == ()


def test_what_the_system_refuses_is_one_sentence_with_the_file(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    name = "x" * 300
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "a.json").write_text("{}")
    for words in (
        ["report", str(tmp_path), "-o", f"{tmp_path}/{name}"],
        ["convert", f"{tmp_path}/{name}", f"{tmp_path}/a.ckpt"],
        ["predict", f"ckpt_path={tmp_path}/{name}", "source=x", "output=y"],
        ["check", f"data.root={tmp_path}/{name}"],
        ["review", f"{tmp_path}/a.json", f"output={tmp_path}/loop", f"data.images={tmp_path}"],
        ["export-annotations", f"{tmp_path}/a.json", "to=cvat", f"output={tmp_path}/{name}", f"data.images={tmp_path}"],
    ):
        with pytest.raises(SystemExit) as ended:
            raise SystemExit(main(words))
        assert ended.value.code == 1
        said = "".join(capsys.readouterr())
        assert "Error: " in said
        assert name in said or "loop" in said
        assert "Traceback" not in said


def test_what_a_terminal_has_no_sign_for_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = BytesIO()
    monkeypatch.setattr("sys.stdout", TextIOWrapper(written, encoding="ascii", write_through=True))
    plain_errors(lambda: print("Möwe \ud800"))()
    assert written.getvalue() == b"M\\xf6we \\ud800\n"


PROGRAM = """
import sys
from contrastmask.errors import plain_errors
@plain_errors
def work():
    for number in range(20000):
        print("step", number, flush=number < 10)
    print("saved", file=sys.stderr)
work()
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_cannot_be_printed_ends_no_work(monkeypatch: pytest.MonkeyPatch, unbuffered: str) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    command = [sys.executable, "-c", PROGRAM]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        silent = subprocess.run(command, stdout=full, stderr=full, check=False)
    assert done.stderr.splitlines() == [
        "saved",
        "the work is done; what it printed was lost in part (No space left on device)",
    ]
    assert done.returncode == silent.returncode == 1
    reader, writer = os.pipe()
    os.close(reader)
    nobody = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (nobody.returncode, nobody.stderr) == (0, "saved\n")
    whole = subprocess.run(command, capture_output=True, text=True, check=False)
    assert whole.returncode == 0
    assert len(whole.stdout.splitlines()) == 20000
