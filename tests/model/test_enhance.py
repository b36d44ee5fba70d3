"""The enhanced map in inference is that of training."""

from __future__ import annotations

import pytest
import torch

from contrastmask.model.contrastive_head import ContrastiveHead


@pytest.mark.parametrize("temperature", [1.0, 0.1])
@pytest.mark.parametrize("rois", [0, 1, 4, 9])
def test_both_ways_agree(rois: int, temperature: float) -> None:
    torch.manual_seed(0)
    head = ContrastiveHead(8, channels=8, depth=1, temperature=temperature)
    encoded = torch.randn(rois, 8, 6, 6).relu()
    encoded[:, :, 0, 0] = 0  # a pixel without direction looks at all others alike
    with torch.no_grad():
        quick = head.enhance(encoded)
    plain = head.enhance(encoded)
    assert quick.shape == plain.shape
    torch.testing.assert_close(quick, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.1])
@pytest.mark.parametrize("rois", [1, 5])
def test_training_keeps_no_weights_and_has_the_gradient_of_the_formula(rois: int, temperature: float) -> None:
    torch.manual_seed(0)
    head = ContrastiveHead(8, channels=8, depth=1, temperature=temperature)
    encoded = torch.randn(rois, 8, 12, 12).relu().requires_grad_()
    sizes = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        mixed = head.enhance(encoded)
    assert max(sizes) < rois * 144 * 144
    wanted = torch.randn_like(mixed)
    (found,) = torch.autograd.grad(mixed, encoded, wanted)
    exact = encoded.detach().double().requires_grad_()
    pixels = exact.flatten(2).mT
    unit = torch.nn.functional.normalize(pixels, dim=2)
    formula = (torch.softmax(unit @ unit.mT / temperature, dim=2) @ pixels).mT.reshape(exact.shape)
    (gradient,) = torch.autograd.grad(formula, exact, wanted.double())
    torch.testing.assert_close(mixed.double(), formula, rtol=1e-5, atol=1e-6)
    assert (found - gradient).norm() < 1e-5 * gradient.norm()


def test_temperature_goes_from_the_mean_of_all_pixels_to_each_its_own() -> None:
    torch.manual_seed(0)
    encoded = torch.randn(3, 8, 6, 6).relu() + 0.01
    mean = encoded.mean((2, 3), keepdim=True).expand_as(encoded)
    hot, cold = (ContrastiveHead(8, channels=8, depth=1, temperature=t).enhance(encoded) for t in (1e4, 1e-4))
    torch.testing.assert_close(hot, mean, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(cold, encoded, rtol=1e-3, atol=1e-3)
    pixel = encoded[0].flatten(1)
    cosines = torch.nn.functional.cosine_similarity(pixel[:, :1], pixel, dim=0)
    expected = (pixel * (cosines / 0.2).softmax(0)).sum(1)
    torch.testing.assert_close(
        ContrastiveHead(8, channels=8, depth=1, temperature=0.2).enhance(encoded)[0, :, 0, 0], expected
    )


def test_centred_map_has_no_mean_and_the_same_pattern() -> None:
    torch.manual_seed(0)
    encoded = torch.randn(3, 8, 6, 6).relu()
    plain, centred = (ContrastiveHead(8, channels=8, depth=1, centred=c).enhance(encoded) for c in (False, True))
    torch.testing.assert_close(centred.mean((2, 3)), torch.zeros(3, 8), rtol=0, atol=1e-6)
    pattern = plain - plain.mean((2, 3), keepdim=True)
    torch.testing.assert_close(centred, pattern, rtol=0, atol=1e-6)
    assert pattern.abs().max() > 0.01
