"""One self-contained HTML file about runs, to open offline, on a desk or a phone.

python -m contrastmask.report RUN [RUN …] -o report.html      # differences are to the first
python -m contrastmask.report outputs/multirun/DATE -o report.html   # a sweep: mean ± standard deviation over seeds
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from contrastmask.errors import ContrastMaskError, DataError
from contrastmask.report.page import page
from contrastmask.report.runs import read_columns


def write_report(folders: Sequence[str | Path], output: str | Path) -> Path:
    """Write the report of run and sweep folders to ``output``, whole or not at all.

    Raises:
        DataError: a folder holds no run, a file in it is broken, or ``output`` cannot be written.
    """
    output = Path(output)
    text = page(read_columns([Path(folder) for folder in folders]))
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(output)
    except OSError as error:
        raise DataError(f"{output} cannot be written ({error}); choose another place with -o") from error
    finally:
        if part.exists():
            part.unlink()
    return output


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m contrastmask.report", description="One HTML file about runs.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a run or of a sweep")
    parser.add_argument("-o", "--output", default="report.html", help="the file to write (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        print(f"report {write_report(options.runs, options.output)}")
    except ContrastMaskError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0
