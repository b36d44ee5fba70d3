"""Work in a process of its own: what it printed, or one sentence why it failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from contrastmask.errors import ProcessError


def printed(what: str, code: str, *words: str, folder: Path | None = None, env: dict[str, str] | None = None) -> str:
    """The last line that a Python program printed; what it wrote to stderr is passed on.

    Args:
        what: the work, for the error. code: the program's text. words: its arguments.
        folder: where it runs. env: its environment; None for this process's own.

    Raises:
        ProcessError: it failed; with the last line that it wrote to stderr.
    """
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=env)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise ProcessError(f"{what} ended with status {done.returncode}: {said[-1]}")
    sys.stderr.write(done.stderr)
    return done.stdout.splitlines()[-1]
