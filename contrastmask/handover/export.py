"""A folder of files for another tool, and the account of what they hold: whole, or not there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from contrastmask.files.whole_file import write_json
from contrastmask.files.whole_folder import replace_folder
from contrastmask.handover.account import Account
from contrastmask.handover.cvat import write_cvat
from contrastmask.handover.fiftyone import write_fiftyone
from contrastmask.handover.label_studio import write_label_studio
from contrastmask.handover.options import SUMMARY, ExportOptions
from contrastmask.handover.source import Source
from contrastmask.handover.yolo import write_yolo

_WRITERS = {"labelstudio": write_label_studio, "yolo": write_yolo, "cvat": write_cvat, "fiftyone": write_fiftyone}


def export(options: ExportOptions) -> dict[str, Any]:
    """Write ``options.output``.

    Returns:
        ``rows`` of the file = ``written`` + the rows listed in ``left_out`` (reason → ids); ``changed``: what is other
        than in the file → number; ``loss`` by class, where the form cannot hold every mask
        (:meth:`contrastmask.handover.account.Loss.to_dict`); ``records``: what reading found; ``warnings`` of it as
        lines. Without ``warnings`` the same stands in the folder, as ``export.json``.

    Raises:
        DataError: the file cannot be used, an image is missing where images go along, or the folder cannot be written.
    """
    source = Source(options.annotations, options.images, options.reading)
    account = Account(left_out=dict(source.left_out))
    summary: dict[str, Any] = {}
    replace_folder(options.output, partial(_write, source, options, account, summary), options.check_output)
    return summary | {"warnings": source.records.report.lines("warning", "dropped", "repaired", "without_mask")}


def _write(source: Source, options: ExportOptions, account: Account, summary: dict[str, Any], folder: Path) -> None:
    _WRITERS[options.to](source, folder, options, account)
    summary |= {
        "to": options.to,
        "annotations": options.annotations.name,
        "rows": source.count,
        "written": account.written,
        "left_out": account.left_out,
        "changed": dict(account.changed),
        "loss": {name: loss.to_dict() for name, loss in sorted(account.loss.items())},
        "records": source.records.report.to_dict(),
    }
    write_json(folder / SUMMARY, summary)
