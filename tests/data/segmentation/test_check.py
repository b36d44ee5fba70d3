"""One segmentation of any content: checked before C code sees it, decoded as pycocotools does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from contrastmask.data.segmentation.check import check, decode, lacks_mask, pack
from contrastmask.data.segmentation.rle import read_runs
from contrastmask.errors import DataError

H, W = 20, 30
SQUARE = [5.0, 5.0, 15.0, 5.0, 15.0, 15.0, 5.0, 15.0]


def compressed(mask: np.ndarray) -> dict[str, Any]:
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": rle["counts"].decode()}


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    flat = mask.astype(bool).ravel(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    edges = [0, *changes.tolist(), len(flat)]
    counts = np.diff(edges).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}


def random_mask(seed: int, density: float = 0.4, size: tuple[int, int] = (H, W)) -> np.ndarray:
    return (np.random.default_rng(seed).random(size) < density).astype(np.uint8)


def test_polygons_are_united_as_pycocotools_does() -> None:
    other = [12.0, 2.0, 25.5, 9.3, 14.2, 18.0]
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([SQUARE, other], H, W)))
    result = decode([SQUARE, other], H, W)
    assert result.dtype == np.uint8
    assert result.shape == (H, W)
    assert (result == expected).all()
    assert 100 < result.sum() < H * W


@pytest.mark.parametrize("density", [0.0, 0.02, 0.4, 1.0])
def test_run_lengths_round_trip(density: float) -> None:
    mask = random_mask(1, density)
    for form in (compressed(mask), uncompressed(mask)):
        assert (decode(form, H, W) == mask).all()
        checked = check(form, H, W)
        assert isinstance(checked["counts"], str)
        assert (coco_mask.decode(checked) == mask).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e9, -1e9, 4 * W + 1, 10**400])
def test_coordinates_that_kill_the_process_are_refused(bad: float) -> None:
    with pytest.raises(DataError, match=r"not finite|neither polygons"):
        decode([[*SQUARE[:7], bad]], H, W)


def test_coordinates_a_little_outside_are_accepted() -> None:
    assert decode([[-10, -10, 4 * W, -10, 4 * W, 60, -10, 60]], H, W).all()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (None, "no segmentation"),
        ([], "is empty"),
        ([[]], "is empty"),
        ([[1, 2, 3, 4]], "fewer than 3 points"),
        ([[*SQUARE, 3.0]], "odd number"),
        ([SQUARE, [1, 2, 3]], "odd number"),
        (SQUARE, "neither polygons"),
        ([[*SQUARE[:7], "15"]], "neither polygons"),
        ([[*SQUARE[:7], None]], "neither polygons"),
        ([[[5, 5], [15, 5], [15, 15]]], "neither polygons"),
        ([{"x": 1}], "neither polygons"),
        (["abcdef"], "neither polygons"),
        ("abc", "neither polygons"),
        (7, "neither polygons"),
        ({}, "is empty"),
        ([[0, 0, W, H] * 20_000 + [W, 0]], "longer than the image"),
    ],
)
def test_malformed_polygons(bad: Any, why: str) -> None:
    with pytest.raises(DataError, match=why):
        decode(bad, H, W)


@pytest.mark.parametrize(
    "counts",
    [
        [10],  # short: pycocotools decodes memory that nobody wrote
        [H * W, 1],
        [H * W + 5, -5],
        [],
        [1.5, H * W - 1.5],
        ["600"],
        [2**63, H * W],
        [2**32, H * W],
        [True, H * W - 1],
        None,
        7,
        "",
        "é",
        "a",
        "\x00",
        "P" * 50,  # a number that never ends
        "oooooooo0",
        "5",
        compressed(random_mask(3))["counts"][:-1],
        compressed(random_mask(3))["counts"] + "1",
        compressed(random_mask(3, size=(H, W + 1)))["counts"],
    ],
)
def test_malformed_run_lengths(counts: Any) -> None:
    with pytest.raises(DataError, match="malformed" if counts else "is empty"):
        decode({"size": [H, W], "counts": counts}, H, W)


@pytest.mark.parametrize("size", [[W, H], [H], [H, W, 1], None, "20,30", [H + 1, W]])
def test_run_lengths_of_another_size(size: Any) -> None:
    with pytest.raises(DataError, match="another size"):
        decode({"size": size, "counts": compressed(random_mask(3))["counts"]}, H, W)


def test_no_mask_has_an_impossible_size() -> None:
    for height, width in ((0, 5), (5, -1), (10**6, 10**6)):
        with pytest.raises(DataError, match="size"):
            decode([SQUARE], height, width)


def test_many_at_once_do_not_disturb_each_other() -> None:
    masks = [random_mask(seed, 0.3) for seed in range(4)]
    raw = [
        compressed(masks[0]),
        {"size": [H, W], "counts": "P"},
        [[float("nan")] * 6],
        compressed(masks[1]),
        [SQUARE, [1, 1, 2, 2]],
        None,
        [SQUARE, ["x"]],
        uncompressed(masks[2]),
        [[3, 3, 9, 9, 15, 15]],
        [[-9, -9, -3, -9, -3, -3]],
        compressed(np.zeros((H, W))),
        [SQUARE],
    ]
    packed = pack(raw, np.full(len(raw), H), np.full(len(raw), W))
    assert packed.problem.astype(bool).tolist() == [i in (1, 2, 5, 6) for i in range(12)]
    assert packed.trimmed.nonzero()[0].tolist() == [4]
    assert packed.blank.nonzero()[0].tolist() == [8, 9, 10]
    assert (packed.table.present == (packed.problem == 0)).all()
    for row, mask in ((0, masks[0]), (3, masks[1]), (7, masks[2])):
        assert (coco_mask.decode(packed.table.get(row, H, W)) == mask).all()
    assert packed.table.get(4, H, W) == [SQUARE]
    assert packed.table.get(11, H, W) == [SQUARE]
    assert packed.table.get(1, H, W) is None


def test_thin_slivers_are_told_blank_only_if_they_are() -> None:
    slivers = [[[2, y, 28, y, 28, y + t, 2, y + t]] for y in (3.0, 3.3, 7.5) for t in (0.0, 0.01, 0.3, 0.6, 1.0, 2.0)]
    packed = pack(slivers, np.full(len(slivers), H), np.full(len(slivers), W))
    truth = [not coco_mask.decode(coco_mask.frPyObjects(s, H, W)).any() for s in slivers]
    assert packed.blank.tolist() == truth
    assert 0 < sum(truth) < len(truth)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**30), st.floats(0, 1)), min_size=1, max_size=5))
def test_run_sums_agree_with_pycocotools(recipes: list[tuple[int, float]]) -> None:
    masks = [random_mask(seed, density, (11, 13)) for seed, density in recipes]
    texts = [coco_mask.encode(np.asfortranarray(mask))["counts"] for mask in masks]
    offsets = np.cumsum([0, *map(len, texts)])
    runs = read_runs(np.frombuffer(b"".join(texts), dtype=np.uint8), offsets)
    (pixels, area), ok = runs.sums, runs.ok
    assert ok.all()
    assert (pixels == 11 * 13).all()
    assert area.tolist() == [int(mask.sum()) for mask in masks]


def test_run_sums_of_large_runs() -> None:
    # Runs of 28 bits need six characters, differences the sign.
    side = 13_000
    rle = coco_mask.frPyObjects({"size": [side, side], "counts": [3, side * side - 8, 5]}, side, side)
    text = np.frombuffer(rle["counts"], dtype=np.uint8)
    runs = read_runs(text, np.array([0, len(text)]))
    (pixels, area), ok = runs.sums, runs.ok
    assert ok.all()
    assert pixels.tolist() == [side * side]
    assert area.tolist() == [side * side - 8]


NUMBER = st.one_of(st.integers(), st.floats(), st.floats(-40, 150), st.integers(-40, 150))
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=8), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=20,
)
ALMOST = st.one_of(
    st.lists(st.lists(NUMBER, max_size=10), max_size=3),
    st.fixed_dictionaries(
        {
            "size": st.sampled_from([[H, W], [H, W], [W, H], None]),
            "counts": st.one_of(
                st.lists(st.one_of(st.integers(-3, 700), NUMBER), max_size=6),
                st.text(alphabet=[chr(c) for c in range(44, 116)], max_size=12),
                st.text(max_size=6),
            ),
        }
    ),
    JUNK,
)


@settings(max_examples=400, deadline=None)
@given(ALMOST)
def test_any_content_gives_a_mask_or_a_data_error(segmentation: Any) -> None:
    try:
        mask = decode(segmentation, H, W)
    except DataError:
        return
    assert mask.shape == (H, W)
    assert mask.dtype == np.uint8
    assert mask.max() <= 1


@settings(max_examples=100, deadline=None)
@given(st.lists(ALMOST, max_size=6))
def test_checking_many_equals_checking_each(segmentations: list[Any]) -> None:
    packed = pack(segmentations, np.full(len(segmentations), H), np.full(len(segmentations), W))
    for row, segmentation in enumerate(segmentations):
        alone = pack([segmentation], np.array([H]), np.array([W]))
        assert packed.problem[row] == alone.problem[0]
        assert packed.blank[row] == alone.blank[0]
        assert packed.table.get(row, H, W) == alone.table.get(0, H, W)


NO_MASK = [
    None, [], [[]], [[], []], "", {}, [1, 2, 3, 4, 5, 6], [[10, 20, 30, 40]], [[10, 10, 10, 10, 10, 10]],
    [[0, 0, 0, 0, 0, 0]], [[5, 5] * 4, [7, 7] * 3], {"counts": []}, {"size": [40, 50], "counts": []},
    {"size": [40, 50], "counts": ""}, {"size": [40, 50], "counts": b""}, {"size": [1, 1], "counts": "PPYo"},
    {"size": [50, 40], "counts": [900, 100, 1000]}, {"size": None, "counts": None}, {"size": [40, 50]}, 0, False, "[]",
    [None], [[None] * 6], [[[1, 2], [3, 4], [5, 6]]], [{"x": 1, "y": 2}], float("nan"),
]  # fmt: skip


def test_one_meaning_of_no_mask() -> None:
    sizes = np.full(len(NO_MASK), 40), np.full(len(NO_MASK), 50)
    assert lacks_mask(NO_MASK, *sizes).tolist() == [True] * len(NO_MASK)
    masks = [[[1, 1, 9, 1, 9, 9]], {"size": [40, 50], "counts": [900, 100, 1000]}, [[5, 5] * 3, [1, 1, 9, 1, 9, 9]]]
    assert not lacks_mask(masks, *(size[:3] for size in sizes)).any()
