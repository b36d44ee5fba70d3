"""Whatever a file holds: every row is in its place, and none that has a mask is other than it was."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contrastmask.errors import ContrastMaskError
from tests.completion.filled_boxes import run
from tests.data.annotations.test_fuzz import COORDINATES, JUNK
from tests.data.coco_rows import CROWD, TRIANGLE, content, image

MARKS = {"segmentation", "area", "segmentation_predicted", "segmentation_confidence", "attributes"}
NONE = st.sampled_from([None, [], [[]], "", {}, {"counts": []}, [[1, 2, 3, 4]], [[7, 7] * 3]])
ROW = st.fixed_dictionaries(
    {
        "image_id": st.one_of(st.just(1), st.just(1), st.sampled_from([2, "1", 1.0, None])),
        "bbox": st.just([5, 5, 20, 20]),
    },
    optional={
        "id": st.one_of(st.integers(0, 3), JUNK),
        "category_id": st.one_of(st.just(18), st.sampled_from([1, 90, "18"]), JUNK),
        "area": JUNK,
        "iscrowd": st.one_of(st.integers(0, 1), JUNK),
        "ignore": JUNK,
        "attributes": JUNK,
        "segmentation_predicted": JUNK,
        "segmentation": st.one_of(
            NONE, NONE, st.just(TRIANGLE), st.just(CROWD), st.lists(COORDINATES, max_size=3), JUNK
        ),
    },
)


def drawn(row: dict[str, Any]) -> bool:
    """A polygon of three different points, or run lengths with a foreground: somebody's work."""
    value = row.get("segmentation")
    if isinstance(value, dict):
        return value == CROWD
    parts = value if isinstance(value, list) else []
    return any(
        isinstance(part, list)
        and all(type(x) in (int, float) for x in part)
        and len({*zip(part[::2], part[1::2], strict=False)}) > 2
        for part in parts
    )


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)  # NaN is itself


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.one_of(ROW, ROW, ROW, JUNK), max_size=6),
    images=st.one_of(st.just([image(1), image(2)]), st.lists(st.builds(image, JUNK, height=JUNK), max_size=2)),
    repair=st.booleans(),
    redo=st.booleans(),
    polygons=st.booleans(),
)
def test_every_row_is_in_its_place(
    rows: list[Any], images: list[Any], repair: bool, redo: bool, polygons: bool
) -> None:
    before = content(rows, [image(1), *images[1:]])
    with tempfile.TemporaryDirectory() as folder:
        try:
            _, after = run(Path(folder), before, repair=repair, redo=redo, form="polygons" if polygons else "rle")
        except ContrastMaskError:
            assert not (Path(folder) / "out.json").exists()
            return
    assert same(after["images"], before["images"])
    assert len(after["annotations"]) == len(rows)
    for old, new in zip(rows, after["annotations"], strict=True):
        if same(old, new):
            continue
        assert new["segmentation_predicted"] is True
        assert new["segmentation"]
        assert new["area"] > 0
        attributes = old["attributes"] if isinstance(old.get("attributes"), dict) else {}
        marked = old.get("segmentation_predicted") or attributes.get("segmentation_predicted")
        assert not drawn(old) or (redo and marked)
        assert same([(k, v) for k, v in old.items() if k not in MARKS], [(k, new[k]) for k in old if k not in MARKS])
