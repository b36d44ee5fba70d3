"""A picture that several image rows list is warned about where the rows tell other objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contrastmask.data.annotations.same_pictures import AGAIN, DIFFER
from tests.data.coco_rows import content, image, read, reasons, row


@pytest.mark.parametrize(
    ("second", "outcome", "reason"),
    [
        ([], "warning", DIFFER),
        ([row(2, image_id=2, bbox=[12, 10, 20, 20])], "warning", DIFFER),
        ([row(2, image_id=2)], "noted", AGAIN),
    ],
)
def test_rows_of_one_picture(tmp_path: Path, second: list[dict[str, Any]], outcome: str, reason: str) -> None:
    file = content([row(1), *second], [image(1), image(2, file_name="1.jpg")])
    records = read(tmp_path, file)
    assert reasons(records, outcome).get(reason) == 1
    other = {DIFFER: AGAIN, AGAIN: DIFFER}[reason]
    assert other not in {**reasons(records, "noted"), **reasons(records, "warning")}
