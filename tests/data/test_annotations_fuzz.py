"""Any content gives usable records or a DataError, never anything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contrastmask.data.annotations import load_annotations
from contrastmask.data.reading import Reading
from contrastmask.errors import DataError
from tests.data.coco_rows import content, image

LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.integers(-2, 60), st.floats(), st.text(max_size=4))
JUNK = st.recursive(
    LEAF,
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=12,
)
COORDINATES = st.lists(st.one_of(st.floats(-60, 250), st.floats(), st.integers()), max_size=9)
ROW = st.fixed_dictionaries(
    {},
    optional={
        "id": st.one_of(st.integers(0, 5), JUNK),
        "image_id": st.one_of(st.integers(1, 2), JUNK),
        "category_id": st.one_of(st.just(18), JUNK),
        "bbox": st.one_of(st.lists(st.floats(-10, 60), min_size=4, max_size=4), COORDINATES, JUNK),
        "area": JUNK,
        "iscrowd": st.one_of(st.integers(0, 1), JUNK),
        "ignore": JUNK,
        "segmentation": st.one_of(st.lists(COORDINATES, max_size=3), JUNK),
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    annotations=st.lists(st.one_of(ROW, ROW, JUNK), max_size=6),
    images=st.lists(
        st.one_of(st.builds(image, st.integers(1, 3)), st.builds(image, JUNK, height=JUNK), JUNK), max_size=4
    ),
    repair=st.booleans(),
)
def test_any_content_gives_usable_records_or_a_data_error(
    tmp_path: Path, annotations: list[Any], images: list[Any], repair: bool
) -> None:
    path = tmp_path / "junk.json"
    path.write_text(json.dumps(content(annotations, images or [image(1)])))
    try:
        records = load_annotations(path, tmp_path, Reading(repair=repair))
    except DataError:
        return
    sizes = np.diff(records.offsets)
    assert sizes.sum() == len(records.ann_ids) == len(set(records.ann_ids.tolist()))
    assert np.isfinite(records.boxes).all()
    assert (records.boxes[:, 2:] - records.boxes[:, :2] >= 0.99).all()
    assert (records.boxes >= 0).all()
    assert (records.areas > 0).all()
    assert np.isfinite(records.areas).all()
    for a in range(len(records.ann_ids)):
        position = records.image_of(a)
        height, width = records.heights[position], records.widths[position]
        assert (records.boxes[a] <= [width, height] * 2).all()
        if records.has_mask[a]:
            assert records.mask(a).any()
