"""Work on objects, shown as it goes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from contrastmask.spoken import Pulse


def progress(
    work: Iterator[tuple[int, Any]],
    console: Console,
    objects: list[int],
    done: int,
    total: int,
    what: str = "completing",
) -> Iterator[tuple[int, Any]]:
    """The work, shown as it goes; ``objects``: of every group, ``done``: before this call."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TextColumn("{task.fields[rate]}"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("objects", total=total, completed=done, rate="")
        pulse = Pulse(what, total, "objects", done=done, tell=partial(console.print, markup=False))
        for number, piece in work:
            yield number, piece
            if not console.is_terminal:  # where no bar is shown
                pulse.add(objects[number])
            speed = bar.tasks[0].speed
            bar.update(task, advance=objects[number], rate=f"{speed:.1f}/s" if speed else "")
