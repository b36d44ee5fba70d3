"""Each head against the released one: outputs, losses, gradients, and which parameters get none."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from contrastmask.checkpoints.mmdetection import mmdetection_name
from contrastmask.losses.cam import minmax_normalize, upsample_cam
from contrastmask.losses.contrastive import contrastive_loss
from contrastmask.losses.detection import mask_loss
from contrastmask.losses.pixel_sets import PixelSets, pixel_sets
from contrastmask.model.roi_heads import RoIHeads
from tests.parity.golden import Ledger, bits, detector, load
from tests.recipe_train import box_inputs, contrastive_inputs, mask_inputs

pytestmark = pytest.mark.parity
KEYS = ("easy_pos", "easy_neg", "hard_pos", "hard_neg")


@pytest.fixture(scope="module")
def released() -> RoIHeads:
    return detector("r50").roi_heads


@pytest.fixture
def heads(released: RoIHeads) -> RoIHeads:
    """Heads of its own for each test: statistics and gradients stay with it."""
    return copy.deepcopy(released)


def gradients(modules: dict[str, nn.Module], within: str) -> dict[str, Tensor | None]:
    """Gradients under MMDetection's names below ``within``."""
    found = {}
    for prefix, module in modules.items():
        for name, parameter in module.named_parameters():
            found[mmdetection_name(f"{prefix}.{name}").removeprefix(within)] = parameter.grad
    return found


def compare_gradients(
    ledger: Ledger, what: str, ours: dict[str, Tensor | None], names: np.ndarray, sums: np.ndarray
) -> None:
    """Sums of absolute values by name; NaN stands for a parameter without gradient."""
    assert set(ours) == set(names)
    without = {name for name, total in zip(names, sums, strict=True) if np.isnan(total)}
    assert {name for name, gradient in ours.items() if gradient is None} == without
    kept = [name for name in names if name not in without]
    golden = sums[~np.isnan(sums)]
    totals = [ours[name].double().abs().sum().item() for name in kept]
    ledger.close(f"{what}, gradients of {len(kept)} parameters", totals, golden, rtol=1e-3, scale=golden)


def test_box_head_and_its_cams(heads: RoIHeads, ledger: Ledger) -> None:
    golden, head = load("box_head"), heads.box_head
    logits, deltas, cls_map = head(torch.from_numpy(box_inputs()))
    ledger.close("box head, class logits", logits, golden["cls_score"], atol=1e-4)
    ledger.close("box head, deltas", deltas, golden["bbox_pred"], atol=1e-4)
    classes = golden["bbox_cam"].shape[1]  # background has one as well
    cams = torch.stack([head.cam(cls_map, torch.full((6,), label)) for label in range(classes)], dim=1)
    ledger.close("box head, CAMs of 81 classes", cams, golden["bbox_cam"], atol=2e-4)
    # no bias in a CAM: it disappears in the normalisation, so only these figures show it
    torch.testing.assert_close(cams.mean(dim=(2, 3)) + head.fc_cls.bias, logits, rtol=1e-4, atol=1e-4)


def test_cam_gives_the_classifier_no_gradient(heads: RoIHeads) -> None:
    """It would move the classifier's gradient by 5e-5 only: no loss and no sum of a whole step shows it."""
    head = heads.box_head
    _, _, cls_map = head(torch.from_numpy(box_inputs()))
    head.cam(cls_map, torch.arange(6)).sum().backward()
    assert head.fc_cls.weight.grad is None
    assert head.cls_convs[0].weight.grad.abs().sum() > 0
    assert head.shared_convs[0].weight.grad.abs().sum() > 0


def test_contrastive_head_in_test_mode(heads: RoIHeads, ledger: Ledger) -> None:
    golden, head = load("contrastive_head"), heads.contrastive_head.eval()
    with torch.no_grad():
        encoded = head.encode(torch.from_numpy(contrastive_inputs().features))
        ledger.sampled(
            "contrastive head, enhanced map (test)", head.enhance(encoded), golden, "eval_x_enhance", atol=1e-5
        )
        ledger.sampled(
            "contrastive head, projection (test)", by_pixel(head.project(encoded)), golden, "eval_x_pro", atol=1e-4
        )


def test_contrastive_head_and_loss_in_training(heads: RoIHeads, ledger: Ledger) -> None:
    golden, head, inputs = load("contrastive_head"), heads.contrastive_head.train(), contrastive_inputs()
    features = torch.from_numpy(inputs.features).requires_grad_()
    encoded = head.encode(features)
    projected = head.project(encoded)
    projected.retain_grad()
    ledger.sampled(
        "contrastive head, enhanced map (training)", head.enhance(encoded), golden, "train_x_enhance", atol=1e-5
    )
    ledger.sampled("contrastive head, projection (training)", by_pixel(projected), golden, "train_x_pro", atol=1e-4)
    for i, norm in enumerate(head.projector.norms):
        for kind in ("mean", "var"):
            value = golden[f"train_bn{i}_running_{kind}_after"]
            ledger.close(f"contrastive head, BN {i} running {kind}", getattr(norm, f"running_{kind}"), value, atol=1e-5)

    cams, masks = upsample_cam(torch.from_numpy(inputs.cams), 28), torch.from_numpy(inputs.masks)
    sets = pixel_sets(cams, masks, torch.from_numpy(inputs.has_mask))
    ledger.equal("contrastive head, RoIs kept", sets.keep, golden["keeps"])
    for side in ("pos", "neg"):
        ledger.equal(
            f"contrastive head, query_{side}", getattr(sets, f"query_{side}"), bits(golden[f"query_{side}_sets"])
        )
    drawn = fed(sets, {name: bits(golden[f"sampled_{name}"]) for name in KEYS})
    for name in KEYS:
        assert getattr(drawn, name).sum() == int(golden[f"n_keys_{name}"])
        assert not (getattr(drawn, name) & ~getattr(sets, name)).any(), (
            f"{name}: the golden draw is among our candidates"
        )

    for side in ("pos", "neg"):
        pixels = getattr(sets, f"query_{side}")[sets.keep].flatten(1).float()
        means = torch.einsum("rdp,rp->rd", projected[sets.keep].flatten(2), pixels) / pixels.sum(1, keepdim=True)
        ledger.close(f"contrastive head, query_{side} means", means, golden[f"query_{side}"][:, 0], atol=1e-4)
    loss = contrastive_loss(projected, drawn)
    ledger.close("contrastive loss, sum of four terms", loss, golden["info_terms"].sum(), rtol=1e-5)
    ledger.close("contrastive loss, ramp 1", 0.1 * loss, golden["loss_weight1"], rtol=1e-5)
    ledger.close("contrastive loss, ramp 0.25", 0.025 * loss, golden["loss_weight025"], rtol=1e-5)
    (0.1 * loss).backward()
    ledger.sampled("contrastive loss, gradient of the features", features.grad, golden, "grad_x", rtol=1e-3)
    total = golden["grad_x_pro_summ"][2]
    ledger.close("contrastive loss, gradient of the projection", projected.grad.double().abs().sum(), total, rtol=1e-4)
    found = gradients({"roi_heads.contrastive_head": head}, "roi_head.mask_head.contrastive_head.")
    compare_gradients(ledger, "contrastive loss", found, golden["grad_names"], golden["grad_abssum"])


def by_pixel(projected: Tensor) -> Tensor:
    """The released projector's order: one row a pixel."""
    return projected.permute(0, 2, 3, 1)


def fed(sets: PixelSets, recorded: dict[str, np.ndarray]) -> PixelSets:
    """``sets`` with recorded draws of the kept RoIs in place of the keys."""
    drawn = {}
    for name, pixels in recorded.items():
        grid = torch.zeros_like(sets.easy_pos)
        grid[sets.keep] = torch.from_numpy(pixels)
        drawn[name] = grid
    return sets._replace(**drawn)


def test_mask_head_and_loss(heads: RoIHeads, ledger: Ledger) -> None:
    golden, inputs = load("mask_head"), mask_inputs()
    features, pixels, cams = (
        torch.from_numpy(a).requires_grad_() for a in (inputs.features, inputs.contrastive, inputs.cams)
    )
    fused = []
    heads.mask_head.convs[0].register_forward_pre_hook(lambda module, given: fused.append(given[0]))
    cams14 = upsample_cam(cams, 14)
    enhanced = heads.contrastive_head.enhance(heads.contrastive_head.encode(pixels))
    logits = heads.mask_head(features, enhanced, cams14)
    ledger.close("mask head, normalised CAMs", minmax_normalize(cams14), golden["cam14_norm"][:, 0], atol=2e-6)
    ledger.sampled("mask head, fused features", fused[0], golden, "fused", atol=1e-5)
    ledger.close("mask head, logits", logits, golden["logits"][:, 0], atol=1e-4)
    valid = torch.from_numpy(inputs.valid)
    loss = mask_loss(logits[valid], torch.from_numpy(inputs.masks)[valid])
    ledger.close("mask head, loss", loss, golden["loss_mask"][0], rtol=1e-5)
    loss.backward()
    for what, grad, name in (("14x14", features.grad, "grad_x14"), ("28x28", pixels.grad, "grad_x28")):
        total = golden[f"{name}_summ"][2]
        ledger.close(f"mask head, gradient of the {what} features", grad.double().abs().sum(), total, rtol=1e-4)
    ledger.close("mask head, gradient of the CAMs", cams.grad, golden["grad_cam7"][:, 0], rtol=1e-3)
    modules = {"roi_heads.mask_head": heads.mask_head, "roi_heads.contrastive_head": heads.contrastive_head}
    found = gradients(modules, "roi_head.mask_head.")
    compare_gradients(ledger, "mask head", found, golden["grad_names"], golden["grad_abssum"])


def test_a_flat_cam_which_is_nan_in_the_released_head(heads: RoIHeads) -> None:
    inputs = mask_inputs()
    features, pixels = torch.from_numpy(inputs.features), torch.from_numpy(inputs.contrastive)
    cams = torch.from_numpy(inputs.cams.copy())
    nan_rows = load("mask_head")["nan_rois"].astype(bool)
    cams[torch.from_numpy(nan_rows)] = 0.37
    assert nan_rows.any()
    with torch.no_grad():
        enhanced = heads.contrastive_head.enhance(heads.contrastive_head.encode(pixels))
        assert torch.isfinite(heads.mask_head(features, enhanced, upsample_cam(cams, 14))).all()
