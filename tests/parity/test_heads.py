"""Each head against the released one: outputs, losses, gradients, and which parameters get none."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from contrastmask.checkpoints.mmdetection import mmdetection_name
from contrastmask.losses.cam import minmax_normalize, upsample_cam
from contrastmask.losses.contrastive import contrastive_loss
from contrastmask.losses.detection import mask_loss
from contrastmask.losses.pixel_sets import PixelSets, pixel_sets
from contrastmask.model.contrastive_head import ContrastiveHead
from contrastmask.model.roi_heads import RoIHeads
from tests.parity.golden import bits, detector, load
from tests.parity.ledger import FORWARD, GRADIENTS, SUMS, Ledger
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
    ledger: Ledger,
    what: str,
    ours: dict[str, Tensor | None],
    names: np.ndarray,
    sums: np.ndarray,
    float64: dict[str, Tensor | None],
) -> None:
    """Sums of absolute values by name; NaN stands for a parameter without gradient."""
    assert set(ours) == set(names)
    without = {name for name, total in zip(names, sums, strict=True) if np.isnan(total)}
    assert {name for name, gradient in ours.items() if gradient is None} == without
    kept = [name for name in names if name not in without]
    golden = sums[~np.isnan(sums)]
    totals, exact = ([run[name].double().abs().sum().item() for name in kept] for run in (ours, float64))
    what = f"{what}, gradients of {len(kept)} parameters"
    ledger.alike(what, totals, golden, float64=exact, scale=golden, **SUMS)


def test_box_head_and_its_cams(heads: RoIHeads, ledger: Ledger) -> None:
    golden, head = load("box_head"), heads.box_head
    logits, deltas, cls_map = head(torch.from_numpy(box_inputs()))
    ledger.alike("box head, class logits", logits, golden["cls_score"], **FORWARD)
    ledger.alike("box head, deltas", deltas, golden["bbox_pred"], **FORWARD)
    classes = golden["bbox_cam"].shape[1]  # background has one as well
    cams = torch.stack([head.cam(cls_map, torch.full((6,), label)) for label in range(classes)], dim=1)
    ledger.alike("box head, CAMs of 81 classes", cams, golden["bbox_cam"], **FORWARD)
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
    golden, head, given = load("contrastive_head"), heads.contrastive_head.eval(), contrastive_inputs().features
    runs = []
    with torch.no_grad():
        for dtype in (torch.float64, torch.float32):
            encoded = head.to(dtype).encode(torch.from_numpy(given).to(dtype))
            runs.append((head.enhance(encoded), by_pixel(head.project(encoded))))
    for name, what, exact, ours in zip(("enhance", "pro"), ("enhanced map", "projection"), *runs, strict=True):
        ledger.sampled(f"contrastive head, {what} (test)", ours, golden, f"eval_x_{name}", float64=exact, **FORWARD)


class ContrastiveStep(NamedTuple):
    """What a contrastive head makes of the golden inputs, and its gradients."""

    features: Tensor
    enhanced: Tensor
    projected: Tensor
    loss: Tensor
    parameters: dict[str, Tensor | None]  # their gradients


def contrastive_step(head: ContrastiveHead, drawn: PixelSets, dtype: torch.dtype) -> ContrastiveStep:
    """A training step of ``head`` on recorded keys; the ramp is at 1."""
    features = torch.from_numpy(contrastive_inputs().features).to(dtype).requires_grad_()
    encoded = head.train().to(dtype).encode(features)
    projected = head.project(encoded)
    projected.retain_grad()
    loss = contrastive_loss(projected, drawn)
    (0.1 * loss).backward()
    found = gradients({"roi_heads.contrastive_head": head}, "roi_head.mask_head.contrastive_head.")
    return ContrastiveStep(features, head.enhance(encoded), projected, loss, found)


def test_contrastive_head_and_loss_in_training(heads: RoIHeads, ledger: Ledger) -> None:
    golden, head, inputs = load("contrastive_head"), heads.contrastive_head, contrastive_inputs()
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

    exact = contrastive_step(copy.deepcopy(head), drawn, torch.float64)
    ours = contrastive_step(head, drawn, torch.float32)
    for name, what, one, other in (
        ("enhance", "enhanced map", exact.enhanced, ours.enhanced),
        ("pro", "projection", by_pixel(exact.projected), by_pixel(ours.projected)),
    ):
        what = f"contrastive head, {what} (training)"
        ledger.sampled(what, other, golden, f"train_x_{name}", float64=one, **FORWARD)
    for i, norm in enumerate(head.projector.norms):
        for kind in ("mean", "var"):
            value = golden[f"train_bn{i}_running_{kind}_after"]
            ledger.alike(f"contrastive head, BN {i} running {kind}", getattr(norm, f"running_{kind}"), value, **FORWARD)
    for side in ("pos", "neg"):
        pixels = getattr(sets, f"query_{side}")[sets.keep].flatten(1).float()
        means = torch.einsum("rdp,rp->rd", ours.projected[sets.keep].flatten(2), pixels) / pixels.sum(1, keepdim=True)
        ledger.alike(f"contrastive head, query_{side} means", means, golden[f"query_{side}"][:, 0], **FORWARD)
    ledger.close("contrastive loss, sum of four terms", ours.loss, golden["info_terms"].sum(), rtol=1e-5)
    ledger.close("contrastive loss, ramp 1", 0.1 * ours.loss, golden["loss_weight1"], rtol=1e-5)
    ledger.close("contrastive loss, ramp 0.25", 0.025 * ours.loss, golden["loss_weight025"], rtol=1e-5)
    what = "contrastive loss, gradient of the features"
    ledger.sampled(what, ours.features.grad, golden, "grad_x", float64=exact.features.grad, **GRADIENTS)
    for run, precision in ((ours, ""), (exact, ", in float64")):
        total, theirs = run.projected.grad.double().abs().sum(), golden["grad_x_pro_summ"][2]
        ledger.close(f"contrastive loss, gradient of the projection{precision}", total, theirs, rtol=1e-4)
    names, sums = golden["grad_names"], golden["grad_abssum"]
    compare_gradients(ledger, "contrastive loss", ours.parameters, names, sums, exact.parameters)


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


class MaskStep(NamedTuple):
    """What a mask head makes of the golden inputs, and its gradients."""

    given: tuple[Tensor, Tensor, Tensor]  # RoI features at 14x14 and 28x28, CAMs
    normalised: Tensor
    fused: Tensor
    logits: Tensor
    loss: Tensor
    parameters: dict[str, Tensor | None]  # their gradients


def mask_step(heads: RoIHeads, dtype: torch.dtype) -> MaskStep:
    """A training step of the mask head, the contrastive encoder in front of it."""
    inputs, heads = mask_inputs(), heads.to(dtype)
    given = (inputs.features, inputs.contrastive, inputs.cams)
    features, pixels, cams = given = tuple(torch.from_numpy(a).to(dtype).requires_grad_() for a in given)
    fused = []
    heads.mask_head.convs[0].register_forward_pre_hook(lambda module, given: fused.append(given[0]))
    cams14 = upsample_cam(cams, 14)
    enhanced = heads.contrastive_head.enhance(heads.contrastive_head.encode(pixels))
    logits = heads.mask_head(features, enhanced, cams14)
    valid = torch.from_numpy(inputs.valid)
    loss = mask_loss(logits[valid], torch.from_numpy(inputs.masks)[valid])
    loss.backward()
    modules = {"roi_heads.mask_head": heads.mask_head, "roi_heads.contrastive_head": heads.contrastive_head}
    found = gradients(modules, "roi_head.mask_head.")
    return MaskStep(given, minmax_normalize(cams14), fused[0], logits, loss, found)


def test_mask_head_and_loss(heads: RoIHeads, ledger: Ledger) -> None:
    golden = load("mask_head")
    exact, ours = mask_step(copy.deepcopy(heads), torch.float64), mask_step(heads, torch.float32)
    for what, name in (("normalised CAMs", "cam14_norm"), ("logits", "logits")):
        run, same = (getattr(step, "normalised" if name == "cam14_norm" else name) for step in (ours, exact))
        ledger.alike(f"mask head, {what}", run, golden[name][:, 0], float64=same, **FORWARD)
    ledger.sampled("mask head, fused features", ours.fused, golden, "fused", float64=exact.fused, **FORWARD)
    ledger.close("mask head, loss", ours.loss, golden["loss_mask"][0], rtol=1e-5)
    for step, precision in ((ours, ""), (exact, ", in float64")):
        for what, given, name in zip(("14x14", "28x28"), step.given[:2], ("grad_x14", "grad_x28"), strict=True):
            total, theirs = given.grad.double().abs().sum(), golden[f"{name}_summ"][2]
            ledger.close(f"mask head, gradient of the {what} features{precision}", total, theirs, rtol=1e-4)
    run, same = (step.given[2].grad for step in (ours, exact))
    ledger.alike("mask head, gradient of the CAMs", run, golden["grad_cam7"][:, 0], float64=same, **GRADIENTS)
    names, sums = golden["grad_names"], golden["grad_abssum"]
    compare_gradients(ledger, "mask head", ours.parameters, names, sums, exact.parameters)


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
