"""The image files of one side of a data set as `check` tells of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.progress import track

from contrastmask.data.images.common_fault import CommonFault, common_fault, nearly_all_lost
from contrastmask.data.images.findings import findings_report, look_at
from contrastmask.data.records import Records
from contrastmask.data.report import Report

_SHOWN = 20


@dataclass(frozen=True)
class LookedAt:
    """What was found.

    Attributes:
        report: of images that can be used. bad: number of those that cannot. total: of all.
        fault: that nearly all have in common. lines: of the first images that cannot be used for another reason.
    """

    report: Report
    bad: int
    total: int
    fault: CommonFault | None
    lines: list[str]

    @property
    def lost(self) -> bool:
        """Whether hardly an image is left without those that cannot be used."""
        return nearly_all_lost(self.bad, self.total)


def look_at_images(records: Records, side: str, console: Console) -> LookedAt:
    """Find and decode every image as training would, with a bar of progress."""
    total = len(records.image_ids)
    with ThreadPoolExecutor(4) as pool:
        looked = pool.map(partial(look_at, records), range(total))
        findings = list(track(looked, f"{side} images", total, console=console))
    fault = common_fault(records, findings)
    told = fault.images if fault else ()
    problems = [finding.problem for i, finding in enumerate(findings) if finding.problem and i not in told]
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    bad = len(problems) + len(told)
    return LookedAt(findings_report(records, findings), bad, total, fault, [*problems[:_SHOWN], *more])


def cannot_be_used(looked: list[LookedAt], *, skip: bool) -> str:
    """How many image files cannot be used, and the ways out.

    Args:
        skip: whether these images are left out already.
    """
    bad = sum(side.bad for side in looked)
    ways = [side.fault.way for side in looked if side.fault and side.fault.way]
    if not skip and not any(side.lost for side in looked):
        ways.append(f"data.on_bad=skip leaves {'it' if bad == 1 else 'them'} out")
    return "; ".join([f"{bad} image file{'s' * (bad != 1)} cannot be used", *dict.fromkeys(ways)])
