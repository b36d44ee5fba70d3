from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask
from torch import Tensor

from contrastmask.pictures.drawing import instance_colour, legible_font, tag
from contrastmask.pictures.overlays import heat_map, overlay, panel, save_png, truth_of

NAMES = ("person", "kite", "dog")
GREY = 100


def picture(height: int, width: int) -> Tensor:
    return torch.full((3, height, width), GREY, dtype=torch.uint8)


def square(height: int, width: int) -> Tensor:
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True
    return mask


def box_of(height: int, width: int) -> list[float]:
    return [width / 4, height / 4, width / 2, height / 2]


def drawn(image: Tensor, **changes: Any) -> Tensor:
    height, width = image.shape[1:]
    settings = {"boxes": [box_of(height, width)], "labels": [0], "masks": square(height, width)[None], **changes}
    boxes, labels, masks = (settings.pop(name) for name in ("boxes", "labels", "masks"))
    return overlay(image, boxes, labels, masks, class_names=NAMES, **settings)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((96, 128), (360, 480)), ((480, 640), (480, 640)), ((700, 30), (700, 30)), ((1, 1), (480, 480))],
)
def test_small_pictures_grow_and_large_ones_stay(size: tuple[int, int], expected: tuple[int, int]) -> None:
    found = drawn(picture(*size))
    assert found.shape == (3, *expected)
    assert found.dtype == torch.uint8


def test_the_mask_is_tinted_and_the_rest_untouched() -> None:
    image = picture(480, 640)
    found = drawn(image)
    inside, outside = found[:, 150:230, 200:310].float(), found[:, 300:, 400:]
    tint = 0.55 * GREY + 0.45 * torch.tensor(instance_colour(0)).float()
    assert torch.allclose(inside.mean(dim=(1, 2)), tint, atol=1.0)
    assert (outside == GREY).all()
    assert (image == GREY).all()


def test_a_hole_stays_open() -> None:
    mask = square(480, 640)
    mask[150:200, 200:260] = False
    assert (drawn(picture(480, 640), masks=[mask])[:, 160:190, 210:250] == GREY).all()


def test_bitmaps_and_run_lengths_give_the_same_picture() -> None:
    mask = square(480, 640)
    rle = coco_mask.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
    text = {"size": rle["size"], "counts": rle["counts"].decode()}
    pictures = [drawn(picture(480, 640), masks=m) for m in (mask[None], mask[None].numpy(), [rle], [text])]
    assert all(torch.equal(pictures[0], other) for other in pictures[1:])


def test_boxes_of_box_only_classes_are_dashed() -> None:
    colour = torch.tensor(instance_colour(0), dtype=torch.uint8)[:, None]
    lower_side = slice(165, 315)
    solid, dashed = (drawn(picture(480, 640), masks=None, novel=novel)[:, 240, lower_side] for novel in ([1], [0]))
    assert (solid == colour).all()
    share = (dashed == colour).all(dim=0).float().mean().item()
    assert 0.4 < share < 0.6


@pytest.mark.parametrize("ground", [instance_colour(0), (220, 20, 20), (0, 0, 0), (255, 255, 255), (GREY,) * 3])
def test_a_dashed_box_is_seen_on_any_ground(ground: tuple[int, int, int]) -> None:
    image = torch.tensor(ground, dtype=torch.uint8)[:, None, None].expand(3, 480, 640)
    found = drawn(image, masks=None, novel=[0])
    side = found[:, 236:245, 165:315].float()  # the lower one, and what lies beside it
    apart = (side - torch.tensor(ground)[:, None, None].float()).abs().amax(dim=(0, 1))
    assert 0.4 < (apart > 100).float().mean() < 0.6
    assert (apart[apart <= 100] == 0).all()  # between the dashes nothing


def colours_of(monkeypatch: pytest.MonkeyPatch, truth: dict[str, Any], prediction: dict[str, Any]) -> list[tuple]:
    """Of a panel, the name and the colour of every tag, left and right, large objects last."""
    tags: list[tuple] = []
    monkeypatch.setattr(
        "contrastmask.pictures.overlays.tag", lambda draw, text, box, colour, *_: tags.append((text, colour))
    )
    panel(picture(480, 640), truth, prediction, class_names=NAMES)
    return tags


def test_an_object_has_one_colour_left_and_right(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = np.array([[10, 10, 300, 300], [320, 10, 520, 210], [320, 230, 420, 330]], dtype=float)
    truth = {"boxes": boxes, "labels": np.array([0, 1, 2])}
    moved = boxes[[2, 1, 0, 0, 2]] + np.array([[3], [4], [2], [9], [1]])
    prediction = {"boxes": torch.from_numpy(moved), "labels": torch.tensor([2, 1, 0, 0, 1])}
    scores = torch.tensor([0.9, 0.2, 0.5, 0.8, 0.7])
    tags = colours_of(monkeypatch, truth, {**prediction, "scores": scores})
    names = {name: instance_colour(i) for i, name in enumerate(NAMES)}
    assert dict(tags[:3]) == names
    right = dict(tags[3:])
    assert {text.split()[0] for text in right} == {"person", "kite", "dog"}
    # the best of its class has the object's colour; a second one, and one of another class, none that is on the left
    assert right["dog 0.90"] == names["dog"]
    assert right["person 0.80"] == names["person"]
    others = {right["person 0.50"], right["kite 0.70"]}
    assert len(others) == 2
    assert not others & set(names.values())


def test_names_of_box_only_classes_are_starred(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    monkeypatch.setattr("contrastmask.pictures.overlays.tag", lambda draw, text, *rest: texts.append(text))
    boxes = [[10, 10, 50, 50], [100, 100, 190, 190]]
    overlay(picture(480, 640), boxes, [1, 2], class_names=NAMES, scores=[0.876, 0.5], novel=[1])
    assert sorted(texts) == ["dog 0.50", "kite* 0.88"]


def test_small_objects_lie_on_top() -> None:
    big, small = torch.ones(480, 640, dtype=torch.bool), square(480, 640)
    for order in ([0, 1], [1, 0]):
        masks = [[small, big][i] for i in order]
        boxes = [[box_of(480, 640), [0, 0, 640, 480]][i] for i in order]
        found = overlay(picture(480, 640), boxes, [0, 0], masks, class_names=NAMES)[:, 150:230, 200:310].float()
        # the small one's colour was mixed in last
        tints = [torch.tensor(instance_colour(i)).float() for i in range(2)]
        last, first = (tints[order.index(i)] for i in range(2))
        expected = 0.55 * (0.55 * GREY + 0.45 * first) + 0.45 * last
        assert torch.allclose(found.mean(dim=(1, 2)), expected, atol=1.0)


@pytest.mark.parametrize("box", [[-50, -50, 700, 500], [630, 470, 640, 480], [5, 5, 5, 5], [9, 9, 3, 3]])
def test_odd_boxes_do_not_stop_a_picture(box: list[float]) -> None:
    found = overlay(picture(480, 640), [box], [0], class_names=NAMES, scores=[1.0], novel=[0])
    assert found.shape == (3, 480, 640)


def test_tags_stay_inside_and_apart() -> None:
    page = Image.new("RGB", (480, 360))
    draw, font, taken = ImageDraw.Draw(page), legible_font((360, 480)), []
    for box in ([0, 0, 100, 100], [0, 0, 100, 100], [400, 340, 479, 359], [1, 1, 99, 99]):
        tag(draw, "traffic light 0.99", np.array(box, dtype=float), (255, 0, 0), font, taken)
    for i, (left, top, right, bottom) in enumerate(taken):
        assert min(left, top) >= 0
        assert right <= 480
        assert bottom <= 360
        assert bottom - top >= 13
        for other in taken[:i]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_colours_differ() -> None:
    assert len({instance_colour(i) for i in range(100)}) == 100


def test_nothing_to_draw_leaves_the_image() -> None:
    image = picture(480, 640)
    found = overlay(
        image, torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0, 480, 640), class_names=NAMES
    )
    assert torch.equal(found, image)


@pytest.mark.parametrize("image", [torch.zeros(3, 9, 9), torch.zeros(1, 9, 9, dtype=torch.uint8)])
def test_images_of_another_kind_are_refused(image: Tensor) -> None:
    with pytest.raises(ValueError, match="uint8 image"):
        overlay(image, [], [], class_names=NAMES)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="1 boxes, 2 labels"):
        drawn(picture(20, 20), labels=[0, 1])


@pytest.mark.parametrize("size", [(480, 640), (96, 128), (300, 40)])
def test_a_panel_shows_truth_beside_prediction(size: tuple[int, int]) -> None:
    image, mask = picture(*size), square(*size)
    truth = {"boxes": np.array([box_of(*size)]), "labels": np.array([1]), "masks": [mask]}
    empty = {"boxes": np.zeros((0, 4)), "labels": np.zeros(0), "scores": np.zeros(0), "rles": []}
    weak = {**truth, "masks": None, "scores": np.array([0.2]), "rles": [mask.numpy()]}
    nothing, hidden, shown = (
        panel(image, truth, prediction, class_names=NAMES, novel=[1], min_score=score)
        for prediction, score in ((empty, 0.3), (weak, 0.3), (weak, 0.1))
    )
    single = overlay(image, truth["boxes"], truth["labels"], [mask], class_names=NAMES, novel=[1])
    height, width = single.shape[1:]
    assert shown.shape[1] > height
    assert shown.shape[2] >= 2 * width
    # the left pictures agree, the right one has something only where the score suffices
    half = shown.shape[2] // 2
    top = (shown.shape[1] - height) // 2
    assert torch.equal(shown[:, top : top + height, 8 : 8 + width], single)
    assert torch.equal(nothing[:, top : top + height], hidden[:, top : top + height])
    assert not torch.equal(shown[:, top : top + height, half:], hidden[:, top : top + height, half:])
    assert not torch.equal(nothing[:, :top], hidden[:, :top])  # the caption counts what is not shown


def test_truth_of_an_image_leaves_crowds_out() -> None:
    masks = {0: np.ones((4, 5)), 3: np.zeros((4, 5))}
    records = SimpleNamespace(
        offsets=np.array([0, 1, 4]),
        boxes=np.arange(16.0).reshape(4, 4),
        labels=np.array([0, 1, 2, 1]),
        crowd=np.array([False, False, True, False]),
        has_mask=np.array([True, False, True, True]),
        mask=lambda a: masks[a],
    )
    found = truth_of(records, 1)
    assert found["labels"].tolist() == [1, 1]
    assert found["boxes"][:, 0].tolist() == [4.0, 12.0]
    assert found["masks"][0] is None
    assert found["masks"][1] is masks[3]


def test_heat_maps_go_from_dark_to_bright() -> None:
    ramp = torch.linspace(-3, 8, 7).expand(7, 7)
    found = heat_map(ramp, side=70).float().sum(dim=0)
    assert found.shape == (70, 70)
    assert (found[35].diff() >= 0).all()
    assert found[35, 0] < 100 < 600 < found[35, -1]
    flat = heat_map(torch.full((7, 14), 0.3))
    assert flat.shape == (3, 112, 224)
    assert len(torch.unique(flat.flatten(1), dim=1).T) == 1


def test_png_round_trip(tmp_path: Path) -> None:
    image = torch.randint(0, 256, (3, 20, 30), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    save_png(tmp_path / "new" / "a.png", image)
    with Image.open(tmp_path / "new" / "a.png") as stored:
        assert np.array_equal(np.array(stored), image.permute(1, 2, 0).numpy())
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.png"]
