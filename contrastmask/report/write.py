"""One self-contained HTML file about runs, to open offline, on a desk or a phone.

python -m contrastmask.report RUN [RUN …] -o report.html      # differences are to the first
python -m contrastmask.report outputs/multirun/DATE -o report.html   # a sweep: mean ± standard deviation over seeds
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from contrastmask.arguments import Parser
from contrastmask.errors import ConfigError, ContrastMaskError, plain_errors, told
from contrastmask.files.whole_file import write_whole
from contrastmask.report.columns import read_columns
from contrastmask.report.page import page

_START = b"<!doctype html>"  # of every page


def write_report(folders: Sequence[str | Path], output: str | Path) -> Path:
    """Write the report of run and sweep folders to ``output``, whole or not at all.

    Raises:
        DataError: a folder holds no run, or ``output`` cannot be written.
        ConfigError: ``output`` is a file that no report is.
    """
    output = Path(output)
    if output.is_file():
        with output.open("rb") as file:
            start = file.read(len(_START)).lower()
        if start not in (b"", _START):
            raise ConfigError(f"{output} exists and is no report; give -o another name")
    write_whole(output, page(read_columns([Path(folder) for folder in folders])))
    return output


@plain_errors
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit status."""
    parser = Parser(prog="contrastmask report", description="One HTML file about runs.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a run or of a sweep")
    parser.add_argument("-o", "--output", default="report.html", help="the file to write (default: %(default)s)")
    try:
        options = parser.parse_args(arguments)
        print(f"report {write_report(options.runs, options.output)}")
    except ContrastMaskError as error:
        print(told(error), file=sys.stderr)
        return 1
    return 0
