"""Any content gives usable records or a DataError, never anything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.reading import CHOICES, Reading
from contrastmask.errors import DataError
from tests.data.annotations.test_row_table import assert_alike
from tests.data.coco_rows import content, image

LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.integers(-2, 60), st.floats(), st.text(max_size=4))
JUNK = st.recursive(
    LEAF,
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=12,
)
COORDINATES = st.lists(st.one_of(st.floats(-60, 250), st.floats(), st.integers()), max_size=9)
# The kinds of trouble that real files have; see tests/data/test_siblings.py.
NUMBER = st.one_of(st.floats(0, 60), st.integers(0, 60), st.floats(0, 1))
OUTLINE = st.lists(NUMBER, min_size=6, max_size=10).map(lambda values: values[: len(values) // 2 * 2])
RECTANGLE = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER).map(lambda b: [b[0], b[1], b[2], b[1], b[2], b[3], b[0], b[3]])
RUNS = st.one_of(
    st.lists(st.integers(0, 2000), max_size=5),
    st.integers(0, 2000).map(lambda ones: [0, ones, 2000 - ones]),
    st.sampled_from(["PPYo", "", "b'PPYo'", "X2h1X2000", None, "a" * 40]),
)
RLE = st.fixed_dictionaries(
    {},
    optional={"size": st.sampled_from([[40, 50], [50, 40], ["40", "50"], [40.0, 50.0], [1, 1], None]), "counts": RUNS},
)
PAIRS = st.lists(st.lists(NUMBER, min_size=2, max_size=2), max_size=5)
POINTS = st.lists(st.fixed_dictionaries({}, optional={"x": NUMBER, "y": NUMBER}), max_size=4)
MASK = st.one_of(
    st.lists(st.one_of(OUTLINE, RECTANGLE, st.just([])), max_size=3),
    OUTLINE,
    RLE,
    PAIRS,
    st.lists(PAIRS, max_size=2),
    st.lists(POINTS, max_size=2),
    OUTLINE.map(lambda outline: [[str(value) for value in outline]]),
    OUTLINE.map(lambda outline: json.dumps([outline])),
    st.sampled_from([{}, "", [[]], [[], []], {"counts": []}, "[", "[" * 3000, "nan", 0]),
)
FLAG = st.one_of(st.integers(0, 1), st.sampled_from(["0", "1", "true", "", None, 1.0, float("nan"), "maybe", [1]]))
ROW = st.fixed_dictionaries(
    {},
    optional={
        "id": st.one_of(st.integers(0, 5), st.sampled_from(["1", "x", 2**63 - 1, -(2**63), 1.0]), JUNK),
        "image_id": st.one_of(st.integers(1, 2), st.sampled_from(["1", "2", "x", 1.0]), JUNK),
        "category_id": st.one_of(st.just(18), st.sampled_from(["18", 90, 1, 18.0]), JUNK),
        "bbox": st.one_of(
            st.lists(st.floats(-10, 60), min_size=4, max_size=4),
            st.lists(st.floats(0, 1), min_size=4, max_size=4),
            st.sampled_from([[10, 10, 20, 20], [10, 10, 30, 30], [10.0, 10.5, 20, 20], [], None, "10 10 20 20"]),
            COORDINATES,
            JUNK,
        ),
        "area": JUNK,
        "iscrowd": st.one_of(FLAG, JUNK),
        "ignore": st.one_of(st.just(0), JUNK),
        "segmentation": st.one_of(MASK, MASK, st.lists(COORDINATES, max_size=3), JUNK),
        "segmentation_predicted": st.one_of(FLAG, JUNK),
        "attributes": st.one_of(st.fixed_dictionaries({"segmentation_predicted": FLAG}), JUNK),
    },
)
CATEGORY = st.fixed_dictionaries(
    {"id": st.sampled_from([18, 18, 90, 1, "18", "a"]), "name": st.sampled_from(["dog", "dog", "Dog", "kite", " dog"])}
)
READING = st.builds(
    Reading,
    repair=st.booleans(),
    **{name: st.sampled_from(choices) for name, choices in CHOICES.items()},
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    annotations=st.lists(st.one_of(ROW, ROW, JUNK), max_size=6),
    images=st.lists(
        st.one_of(st.builds(image, st.integers(1, 3)), st.builds(image, JUNK, height=JUNK), JUNK), max_size=4
    ),
    categories=st.one_of(st.none(), st.lists(st.one_of(CATEGORY, CATEGORY, JUNK), min_size=1, max_size=4)),
    reading=READING,
)
def test_any_content_gives_usable_records_or_a_data_error(
    tmp_path: Path, annotations: list[Any], images: list[Any], categories: list[Any] | None, reading: Reading
) -> None:
    path = tmp_path / "junk.json"
    path.write_text(json.dumps(content(annotations, images or [image(1)], categories)))
    assert_alike(path, reading)
    try:
        records = load_annotations(path, tmp_path, reading)
    except DataError:
        return
    sizes = np.diff(records.offsets)
    assert len(set(records.rows.tolist())) == len(records.rows) <= len(annotations)
    assert json.loads(json.dumps(records.report.to_dict(), allow_nan=False))
    assert all("\n" not in line for line in records.report.lines())
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
