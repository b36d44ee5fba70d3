"""Tables, plots and figures of the finished runs, written into a folder."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from contrastmask.errors import DataError
from contrastmask.files.whole_file import write_whole
from contrastmask.study.figures import table_figures
from contrastmask.study.page import table_page
from contrastmask.study.plan import Table
from contrastmask.study.plots import plot_split
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
    draw(name, table, found, folder)
    write_whole(folder / f"{name}.json", json.dumps(found, indent=1) + "\n")
    header = [f"Hardware of this report's machine: {processor()}; PyTorch {torch.__version__}."]
    write_whole(folder / f"{name}.md", table_page(name, table, found, header))
    return folder / f"{name}.md"


def draw_again(name: str, table: Table, folder: Path) -> list[Path]:
    """Draw the plots of the ``NAME.json`` that a report left in ``folder``; returns them.

    Raises:
        DataError: there is none, or it cannot be read.
        ConfigError: matplotlib is not installed.
    """
    file = folder / f"{name}.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read ({error}); python -m contrastmask.study report writes it") from error
    return draw(name, table, found, folder)


def draw(name: str, table: Table, found: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw a plot a split into ``folder``, of what :func:`table_figures` gives; returns them.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    paths = []
    for split, lines in found.items():
        paths.append(folder / f"{name}-{split}.png")
        plot_split(paths[-1], name, table, split, lines)
    return paths


def processor() -> str:
    """GPU, or processor and number of cores."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.is_file() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.machine()}, {os.cpu_count()} cores"
