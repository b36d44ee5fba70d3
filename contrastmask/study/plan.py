"""Which runs a table of the study consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from contrastmask.conf_folder import CONF
from contrastmask.errors import ConfigError

ORACLE = "oracle"  # trained with all masks, so the same run whichever classes are novel


@dataclass(frozen=True)
class StudyRun:
    """One training.

    Attributes:
        variant: a file of ``conf/experiment/study``, and ``@POINT`` where a point of a curve has settings of its own.
        split: which classes are novel; seed: of everything random.
        overrides: what ``train.py`` gets, without the folder; place: sub-folder of the study's.
        start: the run whose fitting parts this one starts from (``init_path``).
    """

    variant: str
    split: str
    seed: int
    overrides: tuple[str, ...]
    place: str = ""
    start: StudyRun | None = None

    @property
    def oracle(self) -> bool:
        """Whether it has the masks of all classes."""
        return self.variant.split("@")[0] == ORACLE

    def folder(self, root: Path) -> Path:
        """Where the run leaves its results."""
        return root / self.place / ("all" if self.oracle else self.split) / self.variant / f"seed{self.seed}"


@dataclass(frozen=True)
class Table:
    """A file of ``conf/study``.

    Attributes:
        title: of its plots.
        experiment: data and model size of all runs; variants, splits, seeds (0..seeds-1): every combination is a run.
        overrides: further settings of all runs.
        points: further settings by name, for a curve: every run once with each. A point without any is the plain run,
            which other tables of the same place share. axis: what the points are, for its plots.
        place: sub-folder of all runs, where they share no run with other tables.
        start: a variant that is trained once and that all runs start from; start_seed: its seed.
    """

    experiment: str
    variants: tuple[str, ...]
    splits: tuple[str, ...]
    seeds: int
    overrides: tuple[str, ...] = ()
    points: dict[str, list[str]] = field(default_factory=dict)
    axis: str = ""
    title: str = ""
    place: str = ""
    start: str = ""
    start_seed: int = 0

    def names(self) -> dict[str, str]:
        """Name of every line of the table → variant of its runs."""
        return {line: name for line, (name, _, _) in self._lines().items()}

    def _lines(self) -> dict[str, tuple[str, str, list[str]]]:
        """Line → variant of its runs, the variant's file, settings of the point."""
        lines = {}
        for point, extra in (self.points or {"": []}).items():
            for variant in self.variants:
                line = f"{variant}@{point}" if point else variant
                lines[line] = (line if extra else variant, variant, extra)
        return lines

    def runs(self) -> list[StudyRun]:
        """All runs, seed by seed, so that what is finished at any moment is a fair comparison.

        The oracle appears once, whatever the number of splits.
        """
        runs: dict[Path, StudyRun] = {}
        start = self.first()
        for seed in range(self.seeds):
            for split in self.splits:
                for name, variant, extra in self._lines().values():
                    chosen = f"experiment=[{self.experiment},study/{variant}]"
                    classes = () if variant == ORACLE else (f"split={split}",)
                    overrides = (chosen, *classes, f"seed={seed}", *self.overrides, *extra)
                    run = StudyRun(name, split, seed, overrides, self.place, start)
                    runs.setdefault(run.folder(Path()), run)
        return list(runs.values())

    def first(self) -> StudyRun | None:
        """The run that all others start from, if the table has one; its masks, and so its split, do not matter."""
        if not self.start:
            return None
        overrides = (f"experiment=[{self.experiment},study/{self.start}]", f"seed={self.start_seed}", *self.overrides)
        return StudyRun(self.start, "start", self.start_seed, overrides, self.place)


def load_table(name: str, **changes: Any) -> Table:
    """Read ``conf/study/NAME.yaml``; ``changes`` replace its values.

    Raises:
        ConfigError: no such table or variant; the message lists the choices.
    """
    path = CONF / "study" / f"{name}.yaml"
    if not path.is_file():
        choices = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise ConfigError(f"table={name} is not one of {choices}")
    content = {**yaml.safe_load(path.read_text(encoding="utf-8")), **changes}
    if unknown := sorted(set(content) - set(Table.__dataclass_fields__)):
        raise ConfigError(f"{path}: unknown {', '.join(unknown)}; known are {', '.join(Table.__dataclass_fields__)}")
    known = sorted(p.stem for p in (CONF / "experiment" / "study").glob("*.yaml"))
    named = [*content["variants"], *filter(None, [content.get("start")])]
    if wrong := [v for v in named if v not in known]:
        raise ConfigError(f"{path}: no variant {', '.join(wrong)}; there are {', '.join(known)}")
    listed = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    return Table(**listed)
