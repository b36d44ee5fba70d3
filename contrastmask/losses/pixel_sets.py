"""Which pixels of a RoI are queries, easy keys and hard keys of the contrastive loss, and the draw among the keys.

Shapes: R positive RoIs, S = 28 cells on a side, P = S * S. Everything is bool ``[R, S, S]`` unless said otherwise, on
the device of the inputs, for all RoIs at once and without a round trip to the host.

    edge    where the numeric gradient of the mask is not zero: one cell on either side of the outline
    ring    the 8-neighbours of the edge without the edge itself
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from contrastmask.losses.cam import minmax_normalize


class PixelSets(NamedTuple):
    """Queries and keys of R RoIs; positive and negative keys of one kind never share a pixel."""

    query_pos: Tensor  # bool [R, S, S]: Q+
    query_neg: Tensor  # Q-
    easy_pos: Tensor  # E+
    easy_neg: Tensor  # E-
    hard_pos: Tensor  # H+
    hard_neg: Tensor  # H-
    keep: Tensor  # bool [R]: RoIs that take part in the loss


def mask_edges(masks: Tensor) -> Tensor:
    """Where ``numpy.gradient`` of the mask is not zero along either axis; bool ``[R, S, S]`` in and out.

    Central differences inside, one-sided ones at the frame (which is what repeating the outermost cells gives). A mask
    that touches the frame has no edge there, a constant mask has none at all.
    """
    above = torch.cat([masks[:, :1], masks[:, :-1]], dim=1)
    below = torch.cat([masks[:, 1:], masks[:, -1:]], dim=1)
    left = torch.cat([masks[..., :1], masks[..., :-1]], dim=2)
    right = torch.cat([masks[..., 1:], masks[..., -1:]], dim=2)
    return (above ^ below) | (left ^ right)


def dilate_edges(edges: Tensor) -> Tensor:
    """Cells at a Euclidean distance below 2 from an edge cell: the edge and its 8 neighbours. Bool ``[R, S, S]``."""
    rows = edges.clone()
    rows[..., 1:] |= edges[..., :-1]
    rows[..., :-1] |= edges[..., 1:]
    out = rows.clone()
    out[:, 1:] |= rows[:, :-1]
    out[:, :-1] |= rows[:, 1:]
    return out


@torch.no_grad()
def pixel_sets(
    cams: Tensor,
    masks: Tensor,
    has_mask: Tensor,
    *,
    delta: float = 0.1,
    query_high: float = 0.95,
    query_low: float = 0.05,
    min_pixels: int = 5,
    normalise: bool = True,
) -> PixelSets:
    """The sets of every RoI, before the draw.

    With M the mask and c the normalised CAM of a RoI::

                with mask                                   without
        Q+      M           (c > query_high if |M| < 2)     c > 1 - delta
        Q-      not M       (c < query_low if < 2 cells)    c < delta
        H+, H-  ring inside M, ring outside M               as Q+, Q-
        E+      M without the ring (edge cells belong)      as Q+
        E-      outside of M, of the ring and of the edge   as Q-

    Args:
        cams: ``[R, S, S]``, any range; min-max normalised here, a flat one to zeros.
        masks: bool ``[R, S, S]``; not read where ``has_mask`` is false.
        has_mask: bool ``[R]``.
        delta: in (0, 0.5]; beyond, a pixel would be positive and negative at once.
        query_high, query_low: of the queries of a mask that fills its box, or none of it.
        min_pixels: a RoI with fewer pixels in any of the four key sets drops out.
        normalise: False: the maps are in 0..1 and mean it, as probabilities do.

    Raises:
        ValueError: the shapes do not agree, or ``delta`` is out of range.
    """
    if cams.dim() != 3 or cams.shape != masks.shape or has_mask.shape != cams.shape[:1]:
        shapes = f"{tuple(cams.shape)}, {tuple(masks.shape)}, {tuple(has_mask.shape)}"
        raise ValueError(f"cams [R, S, S], masks [R, S, S] and has_mask [R] do not agree: {shapes}")
    if not 0 < delta <= 0.5:
        raise ValueError(f"delta must be in (0, 0.5], got {delta}")
    cams, inside = minmax_normalize(cams) if normalise else cams, masks.bool()
    outside = ~inside
    base = _per_pixel(has_mask.bool(), inside)
    edges = mask_edges(inside)
    dilated = dilate_edges(edges)
    ring = dilated & ~edges
    likely, unlikely = cams > 1 - delta, cams < delta

    keys = [
        _select(base, inside & ~ring, likely),
        _select(base, outside & ~dilated, unlikely),
        _select(base, inside & ring, likely),
        _select(base, outside & ring, unlikely),
    ]
    keep = _count(keys[0]) >= min_pixels
    for key in keys[1:]:
        keep &= _count(key) >= min_pixels
    query_pos = _select(_per_pixel(_count(inside) < 2, inside), cams > query_high, inside)
    query_neg = _select(_per_pixel(_count(outside) < 2, inside), cams < query_low, outside)
    return PixelSets(_select(base, query_pos, likely), _select(base, query_neg, unlikely), *keys, keep)


@torch.no_grad()
def sample_keys(sets: PixelSets, ratio: float = 0.3, generator: torch.Generator | None = None) -> PixelSets:
    """Draw ``ceil(ratio * n)`` pixels of every key set of every kept RoI, without replacement, each set by itself.

    The product is taken in float32, as the released code does: 0.3 * 50 then makes 16, not 15. Queries and ``keep``
    pass unchanged; a RoI that was dropped gets no keys.

    Positive and negative keys of one kind are disjoint, so one shuffle of a RoI's pixels serves both; easy and hard
    keys of a RoI without mask are the same set, so each kind has a shuffle of its own. A shuffle of all RoIs is one
    sort of (RoI, set, random number); pixels with equal random numbers (of 20 bits at 512 RoIs) come in the order of
    the grid, which moves no pixel's chance by more than 1e-5.

    Args:
        ratio: in (0, 1].
        generator: of any device; the numbers are drawn on its own device.

    Raises:
        ValueError: ``ratio`` is out of range.
    """
    if not 0 < ratio <= 1:
        raise ValueError(f"ratio must be in (0, 1], got {ratio}")
    keep = _per_pixel(sets.keep, sets.easy_pos)
    easy_pos, easy_neg = _draw(sets.easy_pos & keep, sets.easy_neg & keep, ratio, generator)
    hard_pos, hard_neg = _draw(sets.hard_pos & keep, sets.hard_neg & keep, ratio, generator)
    return sets._replace(easy_pos=easy_pos, easy_neg=easy_neg, hard_pos=hard_pos, hard_neg=hard_neg)


def _draw(positive: Tensor, negative: Tensor, ratio: float, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Draw from two disjoint sets of every RoI; what was drawn of each."""
    if positive.numel() == 0:
        return positive, negative
    rois, pixels, device = len(positive), positive[0].numel(), positive.device
    in_pos, in_neg = positive.reshape(rois, pixels), negative.reshape(rois, pixels)
    # sort key: RoI, then 0 positive, 1 negative, 2 neither, then a random number in the bits that int32 has left
    bits = 31 - (3 * rois - 1).bit_length()
    source = generator.device if generator is not None else device
    key = torch.randint(0, 1 << bits, (rois, pixels), dtype=torch.int32, generator=generator, device=source).to(device)
    key += ((3 * torch.arange(rois, dtype=torch.int32, device=device) + 2) << bits)[:, None]
    key.add_(in_pos, alpha=-(2 << bits)).add_(in_neg, alpha=-(1 << bits))
    # flat and of integers: the CPU has a radix sort for this only, several times faster than sorting row by row
    order = key.view(-1).sort().indices

    n_pos, n_neg = in_pos.sum(1, dtype=torch.int32)[:, None], in_neg.sum(1, dtype=torch.int32)[:, None]
    k_pos, k_neg = (torch.ceil(n.float() * ratio).int() for n in (n_pos, n_neg))
    place = torch.arange(pixels, dtype=torch.int32, device=device)  # every RoI keeps its P places in the order
    taken = (place < k_pos) | ((place >= n_pos) & (place < n_pos + k_neg))
    drawn = torch.empty_like(in_pos).view(-1).scatter_(0, order, taken.view(-1)).view_as(positive)
    return positive & drawn, negative & drawn


def _count(pixels: Tensor) -> Tensor:
    return pixels.flatten(1).sum(1, dtype=torch.int32)


def _select(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return no ^ ((yes ^ no) & condition)  # torch.where on bool takes several times as long on a CPU


def _per_pixel(rois: Tensor, like: Tensor) -> Tensor:
    # written out: on bool a broadcast operand costs the CPU its vector instructions, twenty times the time
    return rois[:, None, None].expand_as(like).contiguous()
