"""The study's program.

    contrastmask study run table=minimal out=outputs/study [seeds=5] [devices=cpu | cpu,cpu | 0,1]
    contrastmask study measure table=minimal out=outputs/study      (CAMs, features, masks; finished runs)
    contrastmask study look table=minimal out=outputs/study to=docs/study   (pictures of novel objects)
    contrastmask study report table=minimal out=outputs/study to=docs/study
    contrastmask study draw table=minimal to=docs/study   (the plots again, of the minimal.json that a report left)

``measure`` and ``look`` are of detectors: a table of the crop branch (crop_…) has neither.

``splits=voc_nonvoc`` takes one direction of a table that has both, ``variants=baseline,full`` some of its lines.
A run that is finished is kept, a broken one redone; the command can be repeated at any time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from contrastmask.errors import ConfigError, plain_errors
from contrastmask.study.plan import Table, load_table

WORK = ("run", "measure", "look", "report", "draw")
DEFAULTS = {
    "table": "minimal",
    "out": "outputs/study",
    "seeds": "",
    "splits": "",
    "variants": "",
    "devices": "cpu",
    "to": "docs/study",
}


@plain_errors
def main(argv: list[str]) -> int:
    """Do what the words say; returns the exit status, 1 where a run failed."""
    if {"-h", "--help"} & set(argv):
        print(__doc__)
        return 0
    if not argv or argv[0] not in WORK:
        said = f"{argv[0]!r} is none of its commands" if argv else "no command is given"
        raise ConfigError(f"{said}: {', '.join(WORK)}; `contrastmask study --help` shows how")
    words = _words(argv[1:], DEFAULTS)
    seeds = words["seeds"]
    if seeds and not (seeds.isdecimal() and int(seeds) > 0):
        raise ConfigError(f"seeds={seeds} is no number of seeds: 1, 2, …")
    changes: dict[str, Any] = {"seeds": int(seeds)} if seeds else {}
    changes |= {name: words[name].split(",") for name in ("splits", "variants") if words[name]}
    table = load_table(words["table"], **changes)
    if argv[0] == "measure":
        return _measure(table, Path(words["out"]))
    if argv[0] == "look":
        return _look(words["table"], table, Path(words["out"]), Path(words["to"]))
    if argv[0] == "report":
        from contrastmask.study.report import write_report

        print(write_report(words["table"], table, Path(words["out"]), Path(words["to"])))
        return 0
    if argv[0] == "draw":
        from contrastmask.study.report import draw_again

        print(*draw_again(words["table"], table, Path(words["to"])), sep="\n")
        return 0
    from contrastmask.study.runner import run_all

    return 1 if run_all(table.runs(), Path(words["out"]), words["devices"].split(",")) else 0


def _measure(table: Table, root: Path) -> int:
    from contrastmask.study import branch_reach, cam_truth, mask_truth, separation
    from contrastmask.study.figures import novel_classes
    from contrastmask.study.runner import finished

    for split in table.splits:
        novel = novel_classes(table, root, split)
        for run in table.runs():
            folder = run.folder(root)
            # the oracle serves every split, whose novel classes differ: it is measured for the first one
            if (run.split == split or run.oracle) and finished(run, root):
                if not (folder / separation.FILE).exists():
                    print(folder, separation.measure(folder, novel))
                for part in (cam_truth, mask_truth, branch_reach):
                    if not (folder / part.FILE).exists():
                        print(folder, part.measure(folder))
    return 0


def _look(name: str, table: Table, root: Path, to: Path) -> int:
    from contrastmask.study.figures import novel_classes
    from contrastmask.study.runner import finished
    from contrastmask.study.sheet import write_sheet

    for split in table.splits:
        lines = {variant: line for line, variant in table.names().items()}
        runs = {lines[run.variant]: run.folder(root) for run in table.runs()
                if run.seed == 0 and (run.split == split or run.oracle) and finished(run, root)}  # fmt: skip
        write_sheet(to / f"{name}-{split}-objects.png", runs, novel_classes(table, root, split))
        print(to / f"{name}-{split}-objects.png")
    return 0


def _words(argv: list[str], defaults: dict[str, str]) -> dict[str, str]:
    values = dict(defaults)
    for word in argv:
        name, equals, value = word.partition("=")
        if not equals or name not in values:
            raise ConfigError(f"{word!r} is not one of {', '.join(f'{n}=…' for n in values)}")
        values[name] = value
    return values


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
