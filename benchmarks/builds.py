"""This build and an earlier one beside each other: one piece of work, in turns, each time in a process of its own.

The earlier build is a commit, checked out into a temporary folder (``git worktree``): none of its code is kept here.
A process of its own also tells the peak memory of that work alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.processes import printed

ROOT = Path(__file__).parents[1]
WORKS = Path(__file__).with_name("works.py")
EARLIER = "f31d5b2a1be4"  # before evaluation in arrays and rows in columns
NONE = "none"


@contextlib.contextmanager
def builds(earlier: str) -> Iterator[dict[str, Path]]:
    """Name → folder of this build and of the earlier one, a revision; without it for "none" or where git lacks it."""
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "build"
        add = ["git", "-C", str(ROOT), "worktree", "add", "--quiet", "--detach", str(other), earlier]
        if earlier != NONE and subprocess.run(add, capture_output=True, check=False).returncode == 0:
            try:
                yield {"ours": ROOT, "earlier": other}
            finally:
                subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(other)], check=False)
            return
        if earlier != NONE:
            print(f"the commit {earlier} is not in this repository: its figures are left out")
        yield {"ours": ROOT}


def work(build: Path, name: str, *words: str) -> dict[str, Any]:
    """What a function of ``works.py`` tells, with the package of a build, in a new process.

    Raises:
        ProcessError: it failed; the build, the work and the last line of what it said are named.
    """
    what = f"{name} in {'this' if build == ROOT else 'the earlier'} build"
    # the text, not the file, whose neighbours would stand before the package
    env = {**os.environ, "PYTHONPATH": str(build)}
    return json.loads(printed(what, WORKS.read_text(), name, *words, folder=build, env=env))


def beside(found: dict[str, Path], name: str, *words: str, repeats: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row of medians for a table, and what the first process of each build told."""
    told: dict[str, list[dict[str, Any]]] = {build: [] for build in found}
    for _ in range(repeats):
        for build, folder in found.items():
            told[build].append(work(folder, name, *words))
    row = {}
    for key, unit in (("s", "s"), ("CPU s", "CPU s"), ("peak, MiB", "peak, MiB")):
        medians = {build: statistics.median(one[key] for one in ones) for build, ones in told.items()}
        row |= {f"{build}, {unit}": value for build, value in medians.items()}
        if "earlier" in medians:
            row[f"earlier / ours, {unit.split(',')[0]}"] = medians["earlier"] / medians["ours"]
    return row, {build: ones[0] for build, ones in told.items()}
