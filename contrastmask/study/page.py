"""The study as a page of tables (Markdown)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contrastmask.study.figures import BRANCH_REACH, CAM_TRUTH, GROUPS, LAYERS, MASK_TRUTH
from contrastmask.study.plan import ORACLE, Table
from contrastmask.study.statistics import Comparison, Mean, compare, mean_of

COLUMNS = ("given-box IoU", "given-box boundary IoU", "given-box mask AP", "mask AP", "box AP")
MAIN = "given-box IoU"
CAM_LEGEND = (
    "Of the cells of an object's box: the share inside its mask; of those that the loss would take as foreground "
    "(CAM > 1 - delta) and as background (CAM < delta), the shares that are; and the area under the CAM's ROC curve "
    "for the mask (50: chance). A CAM that knows nothing has foreground = inside, background = 100 - inside."
)
MASK_LEGEND = (
    "In given boxes, on the mask head's own grid: the shares of a box that its object covers and that its mask does; "
    "the IoU at probability 0.5 and at each object's best threshold; and the area under the ROC curve (50: chance)."
)
BRANCH_LEGEND = (
    "How far foreground and background lie apart in the contrastive encoder's output and in the enhanced map made of "
    "it, in shares of the mean's length; of what the map adds to the mask head's features the pattern over the box and "
    "the constant, in shares of those features' own pattern."
)
# sections of what `measure` adds: title, lines of explanation, measures
MEASURED = (
    (
        "Feature separation, percent (50: chance; see contrastmask/study/separation.py)",
        (),
        [f"{layer} separation" for layer in LAYERS],
    ),
    ("What the CAM knows of the masks, percent", (CAM_LEGEND, ""), [f"CAM {figure}" for figure in CAM_TRUTH]),
    ("What is wrong with the masks, percent", (MASK_LEGEND, ""), [f"mask {figure}" for figure in MASK_TRUTH]),
    (
        "What of the contrastive branch reaches the mask head, percent",
        (BRANCH_LEGEND, ""),
        [f"branch {figure}" for figure in BRANCH_REACH],
    ),
)
# (ours, theirs): what the difference is made of
PAIRS = (
    ("cam", "baseline"),
    ("contrast", "baseline"),
    ("full", "baseline"),
    ("full", "cam"),
    ("full", "contrast"),
    ("full", "no_loss"),
    ("no_loss", "baseline"),
    ("no_loss", "cam"),
    ("paper", "full"),
    ("baseline_positives", "baseline"),
    ("own_query", "full"),
    ("easy_keys", "full"),
    ("base_only", "full"),
    ("wide_delta", "full"),
    ("all_pixels", "full"),
    ("one_temperature", "full"),
    ("no_ramp", "full"),
    ("baseline", "kaiming_baseline"),
    ("full", "kaiming_full"),
    ("kaiming_full", "kaiming_baseline"),
    ("norm_baseline", "kaiming_baseline"),
    ("norm_baseline", "baseline"),
    ("deep_baseline", "baseline"),
    ("hourglass_baseline", "baseline"),
    ("hourglass_baseline", "norm_baseline"),
    ("norm", "full"),
    ("deep", "full"),
    ("hourglass", "full"),
    ("sharp", "baseline"),
    ("sharp", "full"),
    ("centred", "baseline"),
    ("centred", "full"),
    ("centred", "no_loss"),
    ("sharp_centred", "baseline"),
    ("sharp_centred", "full"),
    ("wide_no_loss", "baseline"),
    ("wide", "baseline"),
    ("wide", "full"),
    ("wide", "wide_no_loss"),
    ("wide_centred", "baseline"),
    ("wide_centred", "centred"),
    ("wide_centred", "wide"),
    ("wide_centred", "wide_no_loss"),
    ("norm_cam", "norm_baseline"),
    ("norm", "norm_baseline"),
    ("norm", "norm_cam"),
    ("norm_sharp", "norm_baseline"),
    ("norm_sharp", "norm"),
    ("deep", "deep_baseline"),
    ("hourglass", "hourglass_baseline"),
    ("hourglass", "hourglass_cam"),
    ("hourglass", "hourglass_no_loss"),
    ("crop_outside", "crop"),
    ("crop_projection", "crop"),
    ("crop_pairwise", "crop"),
    ("crop_boxes", "crop"),
    ("crop_contrastive", "crop"),
)

# variant -> seed (of a direction) -> what figures.table_figures returns
Figures = Mapping[str, Mapping[Any, Mapping[str, Any]]]


def table_page(name: str, table: Table, found: Mapping[str, Figures], header: Sequence[str]) -> str:
    """One table of the study.

    Args:
        name: of the table, as the command takes it; found: :func:`contrastmask.study.figures.table_figures`.
        header: lines about hardware and versions.
    """
    lines = [f"# {name}", "", f"`python -m contrastmask.study run table={name}` and `… report table={name}`", ""]
    lines += [*header, "", f"Settings of all runs: `experiment={table.experiment}` {' '.join(table.overrides)}", ""]
    if start := table.first():
        lines += [f"All start from the fitting parts of one training, `{' '.join(start.overrides)}`.", ""]
    for split, variants in found.items():
        lines += [f"## {split}", "", *_counts(table, variants), ""]
        for group in GROUPS:
            lines += [f"### {group} classes, percent", "", *_main_table(variants, group), ""]
        lines += ["### Paired by seed, novel classes", "", *_comparisons(variants), ""]
        for title, legend, measures in MEASURED:
            if rows := _features(variants, measures):
                lines += [f"### {title}", "", *legend, *rows, ""]
        lines += [f"![novel classes]({name}-{split}.png)", ""]
    if len(found) > 1:
        lines += ["## All directions together, paired by seed, novel classes", "", *_comparisons(_pooled(found)), ""]
    return "\n".join(lines)


def values(rows: Mapping[Any, Mapping[str, Any]], group: str, measure: str) -> dict[Any, float]:
    """Seed → figure of the runs that have it."""
    return {seed: row[group][measure] for seed, row in rows.items() if row[group].get(measure) is not None}


def shown(mean: Mean, digits: int = 1) -> str:
    """``12.3 ± 0.4``, the 95 % interval."""
    return f"{mean.mean:.{digits}f}" + ("" if mean.half is None else f" ± {mean.half:.{digits}f}")


def _counts(table: Table, variants: Figures) -> list[str]:
    short = [f"{name} {len(rows)}" for name, rows in variants.items() if len(rows) < table.seeds]
    gone = [name for name in table.names() if name not in variants]
    lines = [f"Mean over seeds and its 95 % interval (Student's t), {table.seeds} seeds a variant."]
    if short or gone:
        lines.append(f"Not finished: {', '.join([*short, *(f'{name} 0' for name in gone)])} seeds.")
    return lines


def _main_table(variants: Figures, group: str) -> list[str]:
    lines = ["| variant | " + " | ".join(COLUMNS) + " | share of the oracle | s / run |"]
    lines.append("|---" * (len(COLUMNS) + 3) + "|")
    oracle = values(variants[ORACLE], group, MAIN) if ORACLE in variants else {}
    filled = next(iter(variants.values()), {})
    if measured := values(filled, group, "filled-box IoU"):
        cells = [f"{mean_of(list(measured.values())).mean:.1f}", *["–"] * (len(COLUMNS) - 1)]
        lines.append("| filled box | " + " | ".join(cells) + f" | {_share(measured, oracle)} | – |")
    for name, rows in variants.items():
        cells = []
        for column in COLUMNS:
            found = values(rows, group, column)
            cells.append(shown(mean_of(list(found.values()))) if found else "–")
        seconds = mean_of([row["seconds"] for row in rows.values()])
        share = _share(values(rows, group, MAIN), oracle)
        lines.append(f"| {name} | {' | '.join(cells)} | {share} | {seconds.mean:.0f} |")
    return lines


def _features(variants: Figures, measures: Sequence[str]) -> list[str]:
    rows = []
    for name, runs in variants.items():
        cells = []
        for measure in measures:
            for group in GROUPS:
                found = list(values(runs, group, measure).values())
                cells.append(shown(mean_of(found)) if found else "–")
        if set(cells) != {"–"}:
            rows.append(f"| {name} | {' | '.join(cells)} |")
    if not rows:
        return []
    columns = [f"{measure}, {group}" for measure in measures for group in GROUPS]
    return [f"| variant | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|", *rows]


def _share(mine: Mapping[int, float], oracle: Mapping[int, float]) -> str:
    seeds = sorted(mine.keys() & oracle.keys())
    if not seeds:
        return "–"
    return shown(mean_of([100 * mine[s] / oracle[s] for s in seeds]), 0) + " %"


def comparisons(variants: Figures, measure: str) -> list[tuple[str, str, Comparison]]:
    """``(ours, theirs, comparison)`` of novel classes for the pairs of ``PAIRS`` that share a seed; in a curve, of each
    point."""
    found = []
    for point in dict.fromkeys(name.removeprefix(name.split("@")[0]) for name in variants):
        for ours, theirs in ((f"{a}{point}", f"{b}{point}") for a, b in PAIRS):
            if ours in variants and theirs in variants:
                a, b = (values(variants[name], "novel", measure) for name in (ours, theirs))
                if seeds := sorted(a.keys() & b.keys()):
                    found.append((ours, theirs, compare([a[s] for s in seeds], [b[s] for s in seeds])))
    return found


def _pooled(found: Mapping[str, Figures]) -> Figures:
    """Variant → (direction, seed) → figures, of variants that were run in every direction."""
    shared = [name for name in next(iter(found.values())) if all(name in variants for variants in found.values())]
    return {
        name: {(split, seed): row for split, variants in found.items() for seed, row in variants[name].items()}
        for name in shared
    }


def _comparisons(variants: Figures) -> list[str]:
    lines = ["| | measure | difference | p (paired t) | p (sign flips) | pairs |", "|---|---|---|---|---|---|"]
    for measure in COLUMNS[:4]:
        for ours, theirs, result in comparisons(variants, measure):
            p = ["–" if value is None else f"{value:.3f}" for value in (result.p, result.p_exact)]
            cells = [f"{ours} − {theirs}", measure, shown(result.difference), *p, str(result.difference.n)]
            lines.append(f"| {' | '.join(cells)} |")
    return lines
