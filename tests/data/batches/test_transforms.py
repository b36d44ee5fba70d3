"""Resize and flip: MMDetection's figures, and properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from torchvision import tv_tensors

from contrastmask.data.batches.transforms import (
    TestTransform,
    TrainTransform,
    horizontal_flip,
    nearest_index,
    resize,
    resize_masks,
    resized_size,
)
from contrastmask.errors import ConfigError
from tests.recipes import PIPELINE_POLYGONS, PIPELINE_SEED, PIPELINE_SIZE, make_image

GOLDEN = Path(__file__).parents[2] / "golden" / "pipeline.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as figures:
        return dict(figures)


@pytest.fixture(scope="module")
def scene() -> tuple[tv_tensors.Image, dict]:
    """The golden figures' image (RGB), its polygons as masks, and their boxes."""
    height, width = PIPELINE_SIZE
    rgb = make_image(PIPELINE_SEED, height, width)[:, :, ::-1].copy()
    masks = [coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(p, height, width))) for p in PIPELINE_POLYGONS]
    corners = [np.concatenate([np.reshape(part, (-1, 2)) for part in parts]) for parts in PIPELINE_POLYGONS]
    boxes = np.array([[*c.min(axis=0), *c.max(axis=0)] for c in corners], dtype=np.float32)
    target = {
        "boxes": tv_tensors.BoundingBoxes(torch.from_numpy(boxes), format="XYXY", canvas_size=PIPELINE_SIZE),
        "masks": tv_tensors.Mask(torch.from_numpy(np.stack(masks))),
        "labels": torch.tensor([3, 1, 2]),
    }
    return tv_tensors.Image(torch.from_numpy(rgb).permute(2, 0, 1)), target


def unpack(packed: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.unpackbits(packed, axis=1)[:, : height * width].reshape(-1, height, width)


@pytest.mark.parity
def test_masks_boxes_and_flip_equal_the_released_pipeline(scene, golden):
    image, target = scene
    np.testing.assert_array_equal(target["masks"].numpy(), unpack(golden["bitmap"], *PIPELINE_SIZE))
    image, target = resize(image, target, (200, 267))
    np.testing.assert_array_equal(target["masks"].numpy(), unpack(golden["rs_masks"], 200, 267))
    torch.testing.assert_close(target["boxes"].as_subclass(torch.Tensor), torch.from_numpy(golden["rs_boxes"]))
    _, target = horizontal_flip(image, target)
    np.testing.assert_array_equal(target["masks"].numpy(), unpack(golden["flip_masks"], 200, 267))
    torch.testing.assert_close(target["boxes"].as_subclass(torch.Tensor), torch.from_numpy(golden["flip_boxes"]))
    assert target["labels"].tolist() == [3, 1, 2]


@pytest.mark.parity
def test_pixels_are_within_one_level_of_the_released_pipeline(scene, golden):
    image, _ = scene
    shrunk = resize(image, {}, (200, 267))[0].permute(1, 2, 0).numpy()[:, :, ::-1].astype(int)
    difference = np.abs(shrunk[::2, ::2] - golden["resized_every_second"])
    assert difference.max() <= 1
    assert difference.mean() < 0.25

    height, width = (int(side) for side in golden["up_shape"][:2])
    assert resized_size(*PIPELINE_SIZE, 640, 1333) == (height, width)
    enlarged = resize(image, {}, (height, width))[0].permute(1, 2, 0).numpy()[:, :, ::-1].astype(int)
    sampled = enlarged.ravel()[:: enlarged.size // 3268]
    assert np.abs(sampled - golden["up_sub"]).max() <= 1
    # OpenCV's fixed point rounds down a little: mean +0.13 level here, on photographs too.
    assert 0.0 <= (enlarged.sum() - int(golden["up_sum"])) / enlarged.size < 0.15


@pytest.mark.parametrize(
    ("size", "short", "expected"),
    [
        ((480, 640), 800, (800, 1067)),  # torchvision's own rules give 1066
        ((427, 640), 800, (800, 1199)),
        ((640, 480), 640, (853, 640)),
        ((300, 1200), 800, (333, 1333)),  # the long side decides
        ((240, 320), 640, (640, 853)),
        ((1, 5000), 800, (1, 1333)),
    ],
)
def test_resized_size(size, short, expected):
    assert resized_size(*size, short, 1333) == expected


sides = st.integers(8, 900)


@settings(max_examples=100, deadline=None)
@given(height=sides, width=sides, short=st.integers(100, 800), extra=st.integers(0, 800))
def test_resized_size_reaches_one_bound_and_keeps_the_ratio(height, width, short, extra):
    new = resized_size(height, width, short, short + extra)
    assert min(new) <= short
    assert max(new) <= short + extra
    assert min(new) == short or max(new) == short + extra
    scale = min((short + extra) / max(height, width), short / min(height, width))
    assert abs(new[0] - height * scale) <= 0.5 + 1e-9
    assert abs(new[1] - width * scale) <= 0.5 + 1e-9


@st.composite
def boxes_in(draw) -> tuple[int, int, list[list[float]]]:
    height, width = draw(sides), draw(sides)
    unit = st.floats(0, 1, width=32)
    rows = []
    for _ in range(draw(st.integers(0, 4))):
        x, y = sorted([draw(unit), draw(unit)]), sorted([draw(unit), draw(unit)])
        rows.append([x[0] * width, y[0] * height, x[1] * width, y[1] * height])
    return height, width, rows


@settings(max_examples=60, deadline=None)
@given(boxes_in(), st.integers(20, 120), st.booleans())
def test_boxes_come_back_and_stay_inside(case, short, mirrored):
    height, width, rows = case
    before = torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
    image = tv_tensors.Image(torch.zeros(3, height, width, dtype=torch.uint8))
    boxes = tv_tensors.BoundingBoxes(before.clone(), format="XYXY", canvas_size=(height, width))
    new = resized_size(height, width, short, 2 * short)
    image, target = resize(image, {"boxes": boxes}, new)
    if mirrored:
        image, target = horizontal_flip(image, target)
    after = target["boxes"].as_subclass(torch.Tensor)
    assert tuple(image.shape) == (3, *new)
    assert after.shape == before.shape
    assert target["boxes"].canvas_size == new
    assert (after >= 0).all()
    assert (after[:, 0::2] <= new[1]).all()
    assert (after[:, 1::2] <= new[0]).all()
    if mirrored:
        after = torch.stack([new[1] - after[:, 2], after[:, 1], new[1] - after[:, 0], after[:, 3]], dim=1)
    back = after * torch.tensor([width / new[1], height / new[0]] * 2)
    torch.testing.assert_close(back, before, rtol=1e-5, atol=1e-3)


def test_boxes_are_clipped():
    image = tv_tensors.Image(torch.zeros(3, 50, 100, dtype=torch.uint8))
    boxes = tv_tensors.BoundingBoxes([[-5.0, 10.0, 120.0, 70.0]], format="XYXY", canvas_size=(50, 100))
    _, target = resize(image, {"boxes": boxes}, (100, 200))
    assert target["boxes"].tolist() == [[0.0, 20.0, 200.0, 100.0]]
    # The same holds where nothing is resized.
    _, target = resize(image, {"boxes": boxes}, (50, 100))
    assert target["boxes"].tolist() == [[0.0, 10.0, 100.0, 50.0]]


@settings(max_examples=100, deadline=None)
@given(sides, sides)
def test_nearest_index_covers_in_order(old, new):
    index = nearest_index(old, new)
    assert index[0] == 0
    assert (index.diff() >= 0).all()
    assert int(index[-1]) < old
    if new >= old:
        assert index.unique().numel() == old


@pytest.mark.parametrize(
    ("old", "new", "position", "source"),
    # What OpenCV 5.0 gives; torch's float32 rule is off by one in each.
    [(152, 800, 100, 18), (632, 640, 480, 473), (168, 640, 240, 63), (624, 800, 250, 194), (638, 1067, 679, 406)],
)
def test_nearest_index_where_float32_would_differ(old, new, position, source):
    assert int(nearest_index(old, new)[position]) == source
    single = torch.nn.functional.interpolate(torch.arange(old, dtype=torch.float32)[None, None], size=new)[0, 0]
    assert int(single[position]) != source


def test_resize_masks_keeps_empty_sets_and_same_size():
    assert resize_masks(torch.zeros(0, 10, 20, dtype=torch.uint8), (15, 30)).shape == (0, 15, 30)
    masks = torch.ones(2, 10, 20, dtype=torch.uint8)
    assert resize_masks(masks, (10, 20)) is masks


def test_train_transform_draws_size_and_flip_from_its_generator_alone():
    image = tv_tensors.Image(torch.arange(3 * 20 * 30, dtype=torch.uint8).reshape(3, 20, 30))
    transform = TrainTransform((40, 44), 100, flip=0.5)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    outcomes = [transform(image, {}, torch.Generator().manual_seed(seed))[0] for seed in range(60)]
    assert torch.equal(state, torch.get_rng_state())
    assert {out.shape[1] for out in outcomes} == {40, 41, 42, 43, 44}
    again = transform(image, {}, torch.Generator().manual_seed(7))[0]
    assert torch.equal(again, outcomes[7])
    plain = [resize(image, {}, tuple(out.shape[1:]))[0] for out in outcomes]
    mirrored = sum(not torch.equal(out, p) for out, p in zip(outcomes, plain, strict=True))
    assert 15 <= mirrored <= 45
    assert all(torch.equal(out, p) or torch.equal(out.flip(-1), p) for out, p in zip(outcomes, plain, strict=True))


@pytest.mark.parametrize(("flip", "mirrored"), [(0.0, False), (1.0, True)])
def test_flip_probability_ends(flip, mirrored):
    image = tv_tensors.Image(torch.arange(3 * 8 * 8, dtype=torch.uint8).reshape(3, 8, 8))
    for seed in range(10):
        out, _ = TrainTransform((8, 8), 8, flip=flip)(image, {}, torch.Generator().manual_seed(seed))
        assert torch.equal(out, image.flip(-1) if mirrored else image)


def test_test_transform_takes_an_image_alone():
    image, target = TestTransform(60, 100)(tv_tensors.Image(torch.zeros(3, 48, 64, dtype=torch.uint8)))
    assert tuple(image.shape) == (3, 60, 80)
    assert target == {}


@pytest.mark.parametrize("arguments", [((800, 640), 1333, 0.5), ((640, 1400), 1333, 0.5), ((640, 800), 1333, 1.5)])
def test_impossible_settings_are_refused(arguments):
    with pytest.raises(ConfigError):
        TrainTransform(*arguments)
    with pytest.raises(ConfigError):
        TestTransform(900, 800)
