"""The whole detector, tiny: always a finite loss with every parameter in its graph, and any number of detections."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from contrastmask.model.detector import Detector
from tests.detectors import scene, tiny

NOTHING = {"boxes": (), "labels": (), "has_mask": ()}
LOSSES = {"loss_rpn_cls", "loss_rpn_box", "loss_cls", "loss_box", "loss_mask", "loss_contrastive"}


@pytest.fixture
def detector() -> Detector:
    torch.manual_seed(0)
    return tiny()


def step(detector: Detector, *scenes: tuple[Tensor, dict[str, Tensor]], weight: float = 0.1) -> dict[str, Tensor]:
    """Losses of a batch, after a backward pass in which every trainable parameter must have got a gradient."""
    images, targets = zip(*scenes, strict=True)
    losses = detector(list(images), list(targets), contrastive_weight=weight)
    for name, loss in losses.items():
        assert (loss.shape, loss.dtype, loss.requires_grad) == ((), torch.float32, True), name
        assert torch.isfinite(loss), name
    sum(losses.values()).backward()
    for name, parameter in detector.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
    return losses


def test_an_ordinary_batch_of_two_sizes(detector: Detector) -> None:
    losses = step(detector, scene(), scene((80, 64), ((4, 6, 40, 50),), (1,), (True,), seed=1))
    assert set(losses) == LOSSES
    assert all(losses[name] > 0 for name in LOSSES - {"loss_contrastive"})
    assert losses["loss_contrastive"] != 0  # the released formula may be negative


def test_one_image_without_objects(detector: Detector) -> None:
    assert step(detector, scene(**NOTHING), scene())["loss_mask"] > 0


def test_no_objects_in_the_batch(detector: Detector) -> None:
    losses = step(detector, scene(**NOTHING), scene(**NOTHING, seed=1))
    assert losses["loss_cls"] > 0
    assert losses["loss_rpn_cls"] > 0
    assert all(losses[name] == 0 for name in ("loss_rpn_box", "loss_box", "loss_mask", "loss_contrastive"))


def test_only_objects_without_masks(detector: Detector) -> None:
    losses = step(detector, scene(has_mask=(False, False)), scene(has_mask=(False, False), seed=1))
    assert losses["loss_mask"] == 0
    assert losses["loss_contrastive"] != 0  # their CAMs give keys


def test_objects_without_masks_may_be_left_out_of_the_contrast() -> None:
    torch.manual_seed(0)
    detector = tiny(options={"box_only": False})
    bare = [scene(has_mask=(False, False), seed=k) for k in range(2)]
    assert step(detector, *bare)["loss_contrastive"] == 0
    assert step(detector, *bare, scene())["loss_contrastive"] != 0


def test_every_object_with_a_mask(detector: Detector) -> None:
    losses = step(detector, scene(has_mask=(True, True)))
    assert losses["loss_mask"] > 0
    assert losses["loss_contrastive"] != 0


def test_no_positive_is_drawn(detector: Detector) -> None:
    # objects, but the draw takes background only
    detector.roi_heads.sampler.draw = lambda labels: ([torch.zeros_like(x) for x in labels], [1 - x for x in labels])
    losses = step(detector, scene(), scene(seed=1))
    assert losses["loss_cls"] > 0
    assert losses["loss_box"] == losses["loss_mask"] == losses["loss_contrastive"] == 0


def test_flat_cams(detector: Detector) -> None:
    with torch.no_grad():
        detector.roi_heads.box_head.fc_cls.weight.zero_()
    losses = step(detector, scene(has_mask=(True, True)), scene(has_mask=(False, False)))
    assert losses["loss_mask"] > 0
    # no key is left where CAMs say nothing and there is no mask
    assert step(detector, scene(has_mask=(False, False)))["loss_contrastive"] == 0


def test_constant_features(detector: Detector) -> None:
    with torch.no_grad():
        detector.roi_heads.box_head.cls_convs[0].weight.zero_()
        detector.roi_heads.contrastive_head.encoder[-1].weight.zero_()
    step(detector, scene())


@pytest.mark.parametrize("pixels", [0, 1])
def test_masks_of_one_pixel_or_none(detector: Detector, pixels: int) -> None:
    image, target = scene(has_mask=(True, True))
    target["masks"].zero_()
    target["masks"][:, 20, 20] = pixels
    losses = step(detector, (image, target))
    assert losses["loss_mask"] > 0  # nothing is foreground at 28x28, which is a target like any other
    assert losses["loss_contrastive"] == 0


@pytest.mark.parametrize("content", [{}, NOTHING], ids=["objects", "no objects"])
def test_no_proposals(detector: Detector, content: dict) -> None:
    detector.rpn.filter_proposals = lambda boxes, scores, sizes, counts: ([boxes[0, :0]] * len(sizes), [])
    losses = step(detector, scene(**content), scene(**content, seed=1))
    assert (losses["loss_cls"] > 0) == bool(not content)


def test_the_smallest_boxes(detector: Detector) -> None:
    step(detector, scene(boxes=((3.0, 3.0, 3.5, 3.25), (95.5, 63.5, 96.0, 64.0)), has_mask=(True, True)))


def test_a_weight_of_zero_keeps_the_projector_in_the_graph(detector: Detector) -> None:
    assert step(detector, scene(), weight=0.0)["loss_contrastive"] == 0


@pytest.mark.parametrize("cam", [True, False])
@pytest.mark.parametrize("contrastive", [True, False])
@pytest.mark.parametrize("enhance", [True, False])
def test_every_switch(cam: bool, contrastive: bool, enhance: bool) -> None:
    torch.manual_seed(0)
    detector = tiny(cam=cam, contrastive=contrastive, enhance=enhance)
    losses = step(detector, scene(), scene(seed=1))
    assert set(losses) == (LOSSES if contrastive else LOSSES - {"loss_contrastive"})
    step(detector, scene(**NOTHING))
    names = {name.split(".")[2] for name, _ in detector.named_parameters() if "contrastive_head" in name}
    assert ("encoder" in names, "projector" in names) == (enhance or contrastive, contrastive)
    found = detector.eval().predict([scene()[0]], [(64, 96)])[0]
    assert found["mask_probs"].shape == (6, 28, 28)


def test_the_mask_loss_sees_objects_or_all_positives() -> None:
    seen = {}
    for mask_rois in ("objects", "positives"):
        torch.manual_seed(0)
        detector = tiny(mask_rois=mask_rois)
        # proposals that overlap the first object, so that there are positives beside the objects themselves
        near = torch.tensor([[4.0, 6, 40, 52], [5, 6, 40, 50], [4, 8, 41, 50], [60, 40, 64, 44]])
        detector.rpn.filter_proposals = lambda boxes, scores, sizes, counts, near=near: ([near] * len(sizes), [])
        detector.roi_heads.mask_head.register_forward_hook(
            lambda module, inputs, output, key=mask_rois: seen.update({key: len(output)})
        )
        detector([scene()[0]], [scene()[1]])
    assert seen == {"objects": 1, "positives": 4}


def test_class_agnostic_boxes() -> None:
    torch.manual_seed(0)
    detector = tiny(class_agnostic=True)
    step(detector, scene())
    assert len(detector.eval().predict([scene()[0]], [(64, 96)])[0]["boxes"]) == 6


def test_detections_are_in_the_image_best_first(detector: Detector) -> None:
    detector.eval()
    found = detector.predict([scene()[0], scene((80, 64))[0]], [(128, 192), (80, 64)])
    for image, (height, width) in zip(found, [(128, 192), (80, 64)], strict=True):
        boxes, scores = image["boxes"], image["scores"]
        assert len(boxes) == 6
        assert torch.equal(scores, scores.sort(descending=True).values)
        assert boxes.min() >= 0
        assert boxes[:, 2].max() <= width
        assert boxes[:, 3].max() <= height
        assert image["cams"].shape == (6, 7, 7)
        assert image["mask_probs"].shape == (6, 28, 28)
        assert image["mask_probs"].min() >= 0
        assert image["mask_probs"].max() <= 1
        assert all(v.dtype == torch.float32 for k, v in image.items() if k != "labels")
    # twice as large an original gives boxes twice as large
    same = detector.predict([scene()[0], scene((80, 64))[0]], [(64, 96), (80, 64)])[0]
    torch.testing.assert_close(found[0]["boxes"], 2 * same["boxes"])


def test_no_detection_at_all(detector: Detector) -> None:
    detector.eval()
    detector.roi_heads.selection.score = 1.0
    for found in detector.predict([scene()[0], scene(seed=1)[0]], [(64, 96)] * 2):
        shapes = {"boxes": (0, 4), "scores": (0,), "labels": (0,), "mask_probs": (0, 28, 28), "cams": (0, 7, 7)}
        assert {k: tuple(v.shape) for k, v in found.items()} == shapes


def test_no_proposal_at_all(detector: Detector) -> None:
    detector.eval()
    detector.rpn.filter_proposals = lambda boxes, scores, sizes, counts: ([boxes[0, :0]] * len(sizes), [])
    assert len(detector.predict([scene()[0]], [(64, 96)])[0]["boxes"]) == 0


def test_given_boxes_keep_their_order(detector: Detector) -> None:
    detector.eval()
    images, targets = zip(scene(), scene(**NOTHING), scene(seed=2), strict=True)
    boxes, labels = [t["boxes"] for t in targets], [t["labels"] for t in targets]
    found = detector.segment(list(images), [(128, 192)] * 3, boxes, labels)
    assert [len(f["boxes"]) for f in found] == [2, 0, 2]
    for given, kinds, image in zip(boxes, labels, found, strict=True):
        torch.testing.assert_close(image["boxes"], 2 * given)
        assert torch.equal(image["labels"], kinds)
        assert ((image["scores"] == 0) | (image["scores"] >= 0.5)).all()
    alone = detector.segment([images[2]], [(128, 192)], [boxes[2]], [labels[2]])[0]
    torch.testing.assert_close(alone["mask_probs"], found[2]["mask_probs"], rtol=1e-4, atol=1e-5)


def test_a_box_only_object_leaves_the_mask_of_another_alone(detector: Detector) -> None:
    """What a mask RoI gets is its own object's mask, also where objects without mask stand in between."""
    _, target = scene(
        boxes=((2, 2, 30, 30), (32, 2, 60, 30), (62, 2, 90, 30)), labels=(0, 1, 2), has_mask=(True, False, True)
    )
    target["masks"][1].zero_()
    target["masks"][1, 2:30, 62:90] = 1
    seen = []
    detector.roi_heads._mask_loss = lambda features, cams, encoded, positives: seen.append(positives) or cams.sum()
    detector.rpn.filter_proposals = lambda boxes, scores, sizes, counts: ([boxes[0, :0]] * len(sizes), [])
    detector([scene()[0]], [target])
    positives = seen[0]
    assert positives.has_mask.tolist() == [True, False, True]
    assert positives.mask_rows().tolist() == [0, 2]
    share = positives.masks.float().mean(dim=(1, 2))
    assert math.isclose(share[0], 0.5, abs_tol=0.05)
    assert share[1:].tolist() == [0.0, 1.0]


def test_bfloat16_autocast_on_the_cpu(detector: Detector) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        step(detector, scene(), scene(**NOTHING))
    detector.eval()
    with torch.autocast("cpu", torch.bfloat16):
        found = detector.predict([scene()[0]], [(64, 96)])[0]
    assert all(v.dtype == torch.float32 and torch.isfinite(v).all() for k, v in found.items() if k != "labels")


@pytest.mark.parametrize("rows", [slice(None), slice(0, 1)], ids=["all", "some"])
def test_losses_need_training_mode_and_boxes_that_are_numbers(detector: Detector, rows: slice) -> None:
    image, target = scene()
    with torch.no_grad():
        detector.rpn.head.bbox_pred.weight[rows] = torch.nan
    with pytest.raises(FloatingPointError, match="NaN"):
        detector([image], [target])
    with pytest.raises(RuntimeError, match="training mode"):
        detector.eval()([image], [target])
