"""Stacks of RoI convolutions by Winograd's filtering (``winograd.py``) that can be trained.

Few RoIs at a time go through the whole stack, forward and backward, so that their transforms stay in the cache. A
convolution is T' (W * T x), with * a product at each of 36 points: the gradient of its input is the transposed way
T^T (W^T * T'^T g), and that of W is the product of T x and T'^T g, a third of the multiply-adds each, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from contrastmask.model.winograd import (
    convolve_rois,
    from_products,
    grid_first,
    rois_at_once,
    to_products,
    transformed,
    transforms,
    weight_gradient,
)


def convolved(x: Tensor, layers: Sequence[nn.Conv2d]) -> Tensor:
    """Convolutions with ReLU, one after the other: ``[R, C, S, S]`` to ``[R, C', S, S]``, channels last in memory.

    For the backward pass only ``x`` and the result are kept; what lies between is computed again there.
    """
    weights, biases = [c.weight for c in layers], [c.bias for c in layers]
    given = (x, *weights, *biases)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given):
        return _Stack.apply(*given)
    return convolve_rois(x, weights, biases)


class _Stack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        depth = len(parameters) // 2
        y = convolve_rois(x, parameters[:depth], parameters[depth:])
        ctx.save_for_backward(x, y, *parameters)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, y, *parameters = ctx.saved_tensors
        depth, side = len(parameters) // 2, x.shape[2]
        layers = [
            (transformed(weight), bias) for weight, bias in zip(parameters[:depth], parameters[depth:], strict=True)
        ]
        products = [torch.zeros_like(weight) for weight, _ in layers]
        sums = [torch.zeros_like(bias) for _, bias in layers]
        of_input = torch.empty_like(x, memory_format=torch.channels_last) if ctx.needs_input_grad[0] else None
        parts = [tensor.split(rois_at_once(side)) for tensor in (x, y, gradient)]
        for number, (given, result, wanted) in enumerate(zip(*parts, strict=True)):
            back = _part(
                grid_first(given),
                grid_first(result),
                grid_first(wanted),
                layers,
                products,
                sums,
                to_input=of_input is not None,
            )
            if back is not None:
                start = number * rois_at_once(side)
                of_input[start : start + len(given)] = back.permute(2, 3, 0, 1)
        return of_input, *map(weight_gradient, products), *sums


def _part(
    x: Tensor,
    y: Tensor,
    gradient: Tensor,
    layers: Sequence[tuple[Tensor, Tensor]],
    products: Sequence[Tensor],
    sums: Sequence[Tensor],
    *,
    to_input: bool,
) -> Tensor | None:
    """Add a few RoIs' part of the gradients of transformed weights and of biases; the gradient of their input.

    Args:
        x, y, gradient: input, result and its gradient, ``[S, S, R, C]``.
        layers: transformed weights and biases; products, sums: what is added to.
        to_input: whether the input's gradient is wanted; None is returned where it is not.
    """
    matrices, rois = transforms(len(x)), x.shape[2]
    inputs, results = [], []
    for weight, bias in layers[:-1]:
        inputs.append(to_products(x, matrices.to_tiles))
        x = from_products(torch.bmm(inputs[-1], weight), matrices.from_tiles, rois).add_(bias).relu_()
        results.append(x)
    inputs.append(to_products(x, matrices.to_tiles))
    results.append(y)
    for layer in reversed(range(len(layers))):
        gradient = torch.ops.aten.threshold_backward(gradient, results.pop(), 0)
        sums[layer].add_(gradient.sum(dim=(0, 1, 2)))
        wanted = to_products(gradient, matrices.gradient_to_tiles)
        products[layer].baddbmm_(inputs.pop().transpose(1, 2), wanted)
        if layer or to_input:
            wanted = torch.bmm(wanted, layers[layer][0].transpose(1, 2))
            gradient = from_products(wanted, matrices.gradient_from_tiles, rois)
    return gradient if to_input else None
