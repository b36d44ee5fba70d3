"""Which calls would make a host wait for its GPU, counted without a GPU.

A GPU works behind the host, until the host needs to know a number: a scalar, or the size of a result that depends on
values (boolean masks, ``nonzero``, ``unique``), or to choose among boxes (torchvision's NMS, whose GPU kernel ends on
the host). Each such call is counted by the line that makes it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

ROOT = Path(__file__).resolve().parents[1]
READS = {"_local_scalar_dense", "nonzero", "masked_select", "unique", "_unique2", "equal", "is_nonzero", "nms"}


@contextmanager
def host_reads() -> Iterator[Counter[str]]:
    """Counts within it, by ``file:line operation``, what a GPU's host would wait for.

    Checks that are made on a CPU only count too.
    """
    lines: Counter[str] = Counter()
    with _Lists(lines), _Operations(lines):
        yield lines


class _Operations(TorchDispatchMode):
    def __init__(self, lines: Counter[str]) -> None:
        super().__init__()
        self.lines = lines

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        put = name in ("index_put_", "index_put")
        # one value wherever a mask holds is torch's masked_fill, which waits for nothing
        if name in READS or ((name == "index" or (put and args[2].numel() > 1)) and _has_mask(args[1])):
            self.lines[f"{_line()} {name}"] += 1
        return func(*args, **(kwargs or {}))


class _Lists(TorchFunctionMode):
    """Whole tensors as lists are no operation that could be dispatched."""

    def __init__(self, lines: Counter[str]) -> None:
        super().__init__()
        self.lines = lines

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.tolist:
            self.lines[f"{_line()} tolist"] += 1
        return func(*args, **(kwargs or {}))


def _has_mask(indices: Any) -> bool:
    return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in indices)


def _line() -> str:
    """The innermost line outside torch; of ours, if torchvision's part was called by us."""
    frame, outside = sys._getframe(1), ""
    while frame:
        path = frame.f_code.co_filename
        if _ours(path):
            short = f"{Path(path).relative_to(ROOT)}:{frame.f_lineno}"
            return f"{short} ({outside})" if outside else short
        if "torchvision" in path and not outside:
            outside = f"torchvision/{path.rsplit('torchvision/', 1)[1]}:{frame.f_lineno}"
        frame = frame.f_back
    return outside or "?"


def _ours(path: str) -> bool:
    """Whether the project wrote the file: a virtual environment may lie in the checkout, as ``.ci/run`` makes it."""
    return path.startswith(str(ROOT)) and path != __file__ and "site-packages" not in Path(path).relative_to(ROOT).parts
