"""The mean of several views of an object, and what is near a detection."""

from __future__ import annotations

import pytest
import torch

from contrastmask.model.crops.detections import others_near
from contrastmask.model.crops.network import CropNetwork, CropOutput
from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.model.crops.views import View, views_of
from contrastmask.model.crops.windows import into_other_windows, windows_of

MEAN, STD = (120.0, 120.0, 120.0), (60.0, 60.0, 60.0)


def test_views_by_name() -> None:
    assert views_of("none", 0.1) == [View(0.1, (False,))]
    assert views_of("flip", 0.1) == [View(0.1, (False, True))]
    assert views_of("scales", 0.1) == [View(c, (False,)) for c in (0.1, 0.05, 0.2)]
    assert sum(len(view.sides) for view in views_of("all", 0.1)) == 6
    assert [view.context for view in views_of("scales", 0.0)] == [0.0, 0.1]
    with pytest.raises(ValueError, match="tta='both' is not one of none, flip, scales, all"):
        views_of("both", 0.1)


@pytest.mark.parametrize("other", [0.0, 0.05, 0.4])
def test_a_plane_stays_a_plane_in_other_windows(other: float) -> None:
    boxes = torch.tensor([[10.2, 20.0, 50.7, 90.0], [-3.0, 4.0, 8.0, 12.5]])
    here, there = windows_of(boxes, 0.1), windows_of(boxes, other)

    def plane(windows: torch.Tensor) -> torch.Tensor:
        steps = (torch.arange(32) + 0.5) / 32
        x = windows[:, :1] + steps * (windows[:, 2:3] - windows[:, :1])
        y = windows[:, 1:2] + steps * (windows[:, 3:] - windows[:, 1:2])
        return 0.3 * x[:, None, :] - 0.2 * y[:, :, None]

    moved = into_other_windows(plane(there), there, here)
    # beyond the outermost cells' middles there is nothing to interpolate
    inner = slice(6, -6) if other < 0.1 else slice(None)
    torch.testing.assert_close(moved[:, inner, inner], plane(here)[:, inner, inner], atol=1e-3, rtol=1e-4)


class Rule(torch.nn.Module):
    """In a network's place: what is bright is the object."""

    cam = False

    def forward(self, crops: torch.Tensor, planes: torch.Tensor) -> object:
        half = torch.nn.functional.avg_pool2d(crops, 2)
        return CropOutput(8 * half[:, 0], half[:, 0].mean(dim=(1, 2)), half)


@pytest.mark.parametrize("tta", ["flip", "scales", "all"])
def test_views_agree_where_the_network_sees_every_pixel_by_itself(tta: str) -> None:
    # a network that is told nothing by a mirror or a scale: the mean is the mask of one view but for resampling
    image = torch.zeros((3, 80, 100), dtype=torch.uint8)
    image[:, 22:58, 35:70] = 255
    image[:, 22:30, 60:70] = 0  # no mirror image of itself
    boxes, labels = [torch.tensor([[35.0, 22.0, 70.0, 58.0]])], [torch.zeros(1, dtype=torch.long)]

    def mask(kind: str) -> torch.Tensor:
        segmenter = CropSegmenter(Rule(), side=128, context=0.1, mean=MEAN, std=STD, tta=kind)
        (found,) = segmenter.segment([image], [(80, 100)], boxes, labels)
        return found["mask_probs"][0]

    one, mean = mask("none"), mask(tta)
    assert ((one > 0.5) != (mean > 0.5)).float().mean() < 0.01
    assert 0.3 < (mean > 0.5).float().mean() < 0.9


def test_chunks_of_crops_see_their_own_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = CropNetwork(channels=8, depth=50, width_per_group=4)
    segmenter = CropSegmenter(network, side=64, context=0.1, mean=MEAN, std=STD, tta="all").eval()
    torch.nn.init.normal_(segmenter.network.planes.weight, std=0.1)
    image = torch.randint(0, 255, (3, 80, 100), dtype=torch.uint8)
    boxes = torch.tensor([[5.0, 5, 40, 40], [20, 10, 60, 50], [50, 30, 99, 79], [0, 50, 30, 80], [10, 20, 90, 70]])
    asked = ([image], [(80, 100)], [boxes], [torch.zeros(5, dtype=torch.long)])
    (whole,) = segmenter.segment(*asked)
    monkeypatch.setattr("contrastmask.model.crops.segmenter.ON_CPU", 2)
    (parts,) = segmenter.segment(*asked)
    torch.testing.assert_close(whole["mask_probs"], parts["mask_probs"], atol=1e-4, rtol=1e-4)
    (lonely,) = segmenter.segment(*asked, others=[torch.zeros(5, 5, dtype=torch.bool)])
    for number in range(5):
        (alone,) = segmenter.segment([image], [(80, 100)], [boxes[number : number + 1]], [torch.zeros(1)])
        torch.testing.assert_close(lonely["mask_probs"][number], alone["mask_probs"][0], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(lonely["mask_probs"], whole["mask_probs"], atol=1e-4)


def test_near_a_detection_lies_what_is_most_likely_an_object() -> None:
    boxes = torch.tensor(
        [
            [0.0, 0, 40, 40],  # an object
            [1, 1, 41, 41],  # the same under another class
            [30, 0, 70, 40],  # another object
            [31, 1, 71, 41],  # the same, hardly believed
            [60, 0, 99, 40],  # one that is not likely
            [50, 50, 50, 60],  # without area
        ]
    )
    near = others_near(boxes, torch.tensor([0.9, 0.6, 0.8, 0.1, 0.2, 0.05]))
    assert near.int().tolist() == [
        [0, 0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [1, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0],
        [1, 0, 1, 0, 0, 0],
    ]
    assert others_near(torch.zeros(0, 4), torch.zeros(0)).shape == (0, 0)
