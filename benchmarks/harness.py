"""What every benchmark shares: arguments, interleaved timing, counted work, product rate, table and JSON."""

from __future__ import annotations

import contextlib
import json
import platform
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def arguments(argv: list[str], **defaults: str) -> dict[str, str]:
    """``key=value`` words over ``defaults``; device=cpu and precision=fp32 are always known.

    Raises:
        SystemExit: an unknown key or precision; the message lists the choices.
    """
    values = {"device": "cpu", "precision": "fp32", **defaults}
    for word in argv:
        key, equals, value = word.partition("=")
        if not equals or key not in values:
            raise SystemExit(f"{word!r} is not one of {', '.join(f'{name}=…' for name in values)}")
        values[key] = value
    if values["precision"] not in DTYPES:
        raise SystemExit(f"precision={values['precision']} is not one of {', '.join(DTYPES)}")
    return values


def seconds(work: Callable[[], Any], device: str = "cpu") -> float:
    """Time of one call; on a GPU between two events, after which the host waits."""
    if torch.device(device).type != "cuda":
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize(device)
    begin.record()
    work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1000


def interleaved(
    peers: dict[str, Callable[[], Any]], device: str = "cpu", repeats: int = 5, warmup: int = 1
) -> dict[str, float]:
    """Median seconds of every peer; the peers take turns, so that a slow moment of the machine meets them all.

    Raises:
        ValueError: fewer than 5 repeats make no median worth quoting.
    """
    if repeats < 5:
        raise ValueError(f"a median needs at least 5 repeats, got {repeats}")
    for _ in range(warmup):
        for work in peers.values():
            work()
    times: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, work in peers.items():
            times[name].append(seconds(work, device))
    return {name: statistics.median(values) for name, values in times.items()}


def multiply_adds(work: Callable[[], Any]) -> int:
    """Multiply-adds of one call, by torch's counter (which counts two operations for each)."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() // 2


def print_profile(name: str, work: Callable[[], Any], device: str = "cpu") -> None:
    """The fifteen operations of one call that take most time of their own on the device."""
    with torch.profiler.profile() as profile:
        work()
    print(name)
    by = "self_cuda_time_total" if torch.device(device).type == "cuda" else "self_cpu_time_total"
    print(profile.key_averages().table(sort_by=by, row_limit=15, max_name_column_width=40))


def product_rate(device: str = "cpu", precision: str = "fp32", side: int = 2048) -> float:
    """Multiply-adds a second that a product of two square matrices reaches here; median of 5."""
    a = torch.randn(side, side, device=device).to(DTYPES[precision])
    return side**3 / interleaved({"product": lambda: a @ a}, device)["product"]


def peak_mib(device: str = "cpu") -> float:
    """Greatest memory so far: of the GPU's tensors, or of this process.

    Linux: the mark of the process's own address space. ``ru_maxrss`` outlives exec, so that a child would report its
    parent's peak where that is greater.
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def hardware(device: str, precision: str) -> dict[str, Any]:
    """Device, threads and versions, for the header and the JSON."""
    on_gpu = torch.device(device).type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else _cpu(),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
    }


def _cpu() -> str:
    """The processor's name as the system tells it, or the kind of machine alone."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return f"CPU {platform.machine()}"


def report(name: str, header: dict[str, Any], rows: list[dict[str, Any]], folder: str | Path) -> Path:
    """Print one table and write ``folder/name.json`` with the same rows; returns the file's path.

    A table wider than the terminal is printed on its side: a line for each column, a column for each row.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns] + [[_said(row.get(column, "")) for column in columns] for row in rows]
    console = Console()
    if sum(3 + max(map(len, cells)) for cells in zip(*lines, strict=True)) >= console.width:
        lines = list(map(list, zip(*lines, strict=True)))
    table = Table(*lines[0], title=name, caption=", ".join(f"{key} {value}" for key, value in header.items()))
    for line in lines[1:]:
        table.add_row(*line)
    console.print(table)
    path = Path(folder) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"header": header, "rows": rows}, indent=1) + "\n")
    return path


def _said(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
