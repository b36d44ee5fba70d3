"""Memory that is freed stays with the process."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from contrastmask.completion.freed_memory import CHOSEN, keep_freed_memory

FAULTS = """
import resource, sys
from contrastmask.completion.freed_memory import keep_freed_memory
import torch
if not keep_freed_memory():
    sys.exit(3)
def work():
    for _ in range(20):
        pieces = [torch.ones(5 << 20) for _ in range(4)]  # of 20 MB, all of which are free afterwards
        del pieces
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.fixture
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"PATH": "/bin"})


def test_what_is_freed_is_used_again() -> None:
    told = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=False)
    if told.returncode == 3:
        pytest.skip("the C library of this machine is not glibc, or somebody has chosen its settings")
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) < 1000  # pages; 20 times 80 MB are 400,000


@pytest.mark.usefixtures("nothing_chosen")
def test_what_the_c_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    library = SimpleNamespace(mallopt=lambda *words: asked.append(words) or 1)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    assert keep_freed_memory()
    assert asked == [(-3, 32 << 20), (-1, 128 << 20), (-2, 64 << 20)]
    library.mallopt = lambda number, _: int(number != -1)
    assert not keep_freed_memory()


@pytest.mark.usefixtures("nothing_chosen")
def test_another_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    assert not keep_freed_memory()


@pytest.mark.parametrize("name", CHOSEN)
def test_who_has_chosen_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {name: "1"})
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("asked"))
    assert not keep_freed_memory()
