"""Tables, plots and figures of the finished runs, written into a folder."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import torch

from contrastmask.errors import DataError
from contrastmask.files.whole_file import write_whole
from contrastmask.study.figures import table_figures
from contrastmask.study.page import table_page
from contrastmask.study.plan import Table
from contrastmask.study.plots import plot_curves, plot_variants
from contrastmask.study.runner import MARK


def write_report(name: str, table: Table, root: Path, folder: Path) -> Path:
    """Write ``NAME.md``, ``NAME.json`` and a plot a split into ``folder``; returns the page.

    Raises:
        DataError: nothing is finished.
        ConfigError: matplotlib is not installed.
    """
    if not any(root.rglob(MARK)):
        raise DataError(f"{root} holds no finished run; python -m contrastmask.study run table={name} out={root}")
    found = table_figures(table, root)
    plot = plot_curves if table.points else plot_variants
    for split, variants in found.items():
        plot(folder / f"{name}-{split}.png", f"{name}, {split}", variants)
    write_whole(folder / f"{name}.json", json.dumps(found, indent=1) + "\n")
    header = [f"Hardware of this report's machine: {processor()}; PyTorch {torch.__version__}."]
    write_whole(folder / f"{name}.md", table_page(name, table, found, header))
    return folder / f"{name}.md"


def processor() -> str:
    """GPU, or processor and number of cores."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.is_file() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.machine()}, {os.cpu_count()} cores"
