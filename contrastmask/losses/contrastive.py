"""The pixel-level contrastive loss: one foreground and one background query shared by all objects of the batch.

For ablations each object may have queries of its own, compared with its own keys only.

Shapes: R RoIs, S = 28 cells on a side, D dimensions of the projected space, N = R * S * S pixels. Keys are selected by
masks over all N pixels, never gathered, so that no shape depends on data and the host never waits for the device.
Everything is computed in float32 (float64 stays), whatever autocast says.
"""

from __future__ import annotations

import torch
from torch import Tensor

from contrastmask.losses.pixel_sets import PixelSets

FORMULAS = ("released", "paper")
QUERIES = ("shared", "own")


def info_nce(
    query: Tensor, keys: Tensor, positive: Tensor, negative: Tensor, temperature: float, formula: str = "released"
) -> Tensor:
    """One term of the loss, the mean over the positive keys p of, with the negative keys n and temperature t::

        paper       -log( e^(cos(q,p)/t)   / ( e^(cos(q,p)/t) + sum_n e^(cos(q,n)/t) ) )
        released    -log( e^(cos(q,p-q)/t) / ( e^cos(q,p-q)   + sum_n e^(cos(q,n-q)/t) ) )

    The released code shifts the keys by the query ("more stable", its authors say) and leaves the temperature out of
    one exponent (a slip, which lets the term become negative). The published figures were made with it.

    Args:
        query: q, ``[D]``; gradients flow into it.
        keys: ``[M, D]``, any precision.
        positive, negative: bool ``[M]``.
        temperature: t > 0.
        formula: ``"released"`` or ``"paper"``.

    Returns:
        scalar; 0 in the graph where there is no positive or no negative key.

    Raises:
        ValueError: unknown formula.
    """
    with torch.autocast(keys.device.type, enabled=False):
        cosines = _cosines(_at_least_float32(query)[None], _at_least_float32(keys), formula)
        return _term(cosines[0], positive, negative, temperature, formula)


def contrastive_loss(
    projected: Tensor,
    sampled: PixelSets,
    *,
    formula: str = "released",
    temperature_easy: float = 0.3,
    temperature_hard: float = 0.7,
    query: str = "shared",
    hard_keys: bool = True,
) -> Tensor:
    """Sum of four terms: for the foreground query easy and hard keys, for the background query the same, swapped.

    A shared query is the mean over kept RoIs of each RoI's mean projected pixel in its query set. Weight (0.1) and ramp
    are the caller's.

    Args:
        projected: ``[R, D, S, S]``, not normalised. Cheapest in the layout of a linear layer over pixels (channels
            last in memory): then the loss adds one float32 copy of it, otherwise two.
        sampled: what :func:`contrastmask.losses.pixel_sets.sample_keys` drew.
        query: ``"shared"`` (the method), or ``"own"``: each RoI's mean pixels are its queries, its keys the only keys;
            the loss is then the mean over kept RoIs.
        hard_keys: False leaves the two terms of hard keys out.

    Returns:
        scalar; 0 in the graph where no RoI is kept.

    Raises:
        ValueError: unknown formula or query, or shapes that do not agree.
    """
    if query not in QUERIES:
        raise ValueError(f"unknown query {query!r}; choose from {', '.join(QUERIES)}")
    if projected.dim() != 4 or sampled.easy_pos.shape != (projected.shape[0], *projected.shape[2:]):
        raise ValueError(f"projected {tuple(projected.shape)} and sets {tuple(sampled.easy_pos.shape)} do not agree")
    with torch.autocast(projected.device.type, enabled=False):
        # pixels of the batch in one row, [N, D], or of each RoI in a row of its own, [R, S * S, D]
        rows = (-1,) if query == "shared" else (projected.shape[0], projected.shape[2] * projected.shape[3])
        keys = _at_least_float32(projected.permute(0, 2, 3, 1).reshape(*rows, projected.shape[1]))
        weights = [_query_weights(q, sampled.keep, keys.dtype) for q in (sampled.query_pos, sampled.query_neg)]
        if query == "own":  # each RoI's share in the shared query, made whole
            weights = [w.reshape(rows) * sampled.keep.sum() for w in weights]
        cosines = _cosines(torch.stack(weights, dim=-2) @ keys, keys, formula)
        foreground, background = cosines[..., 0, :], cosines[..., 1, :]
        easy_pos, easy_neg, hard_pos, hard_neg = (s.reshape(rows) for s in sampled[2:6])
        terms = _term(foreground, easy_pos, easy_neg, temperature_easy, formula) + _term(
            background, easy_neg, easy_pos, temperature_easy, formula
        )
        if hard_keys:
            terms = terms + _term(foreground, hard_pos, hard_neg, temperature_hard, formula)
            terms = terms + _term(background, hard_neg, hard_pos, temperature_hard, formula)
        return terms if query == "shared" else terms.sum() / sampled.keep.sum().clamp(min=1)


def ramp(epoch: float, start: float = 0.25, epochs: float = 4) -> float:
    """Weight of the contrastive loss in a 0-based epoch: ``min(max(start, epoch / epochs), 1)``; 1 of no epochs."""
    return min(max(start, epoch / epochs), 1.0) if epochs > 0 else 1.0


def _query_weights(pixels: Tensor, keep: Tensor, dtype: torch.dtype) -> Tensor:
    """The weight ``[N]`` of each pixel in the mean over kept RoIs of each one's mean over ``pixels [R, S, S]``."""
    kept = (pixels & keep[:, None, None]).flatten(1)
    share = kept.sum(1).clamp(min=1) * keep.sum().clamp(min=1)
    return (kept.to(dtype) / share[:, None]).flatten()


def _cosines(queries: Tensor, keys: Tensor, formula: str) -> Tensor:
    """Cosine of each query with each (released: shifted) key; ``[…, Q, D]`` and ``[…, N, D]`` to ``[…, Q, N]``."""
    if formula not in FORMULAS:
        raise ValueError(f"unknown contrastive formula {formula!r}; choose from {', '.join(FORMULAS)}")
    eps = 1e-8  # as in torch.nn.CosineSimilarity
    norms = torch.linalg.vector_norm(queries, dim=-1)
    if formula == "paper":
        lengths = torch.linalg.vector_norm(keys, dim=-1)
        products = (keys @ queries.mT).mT
        return products / norms.clamp(min=eps)[..., None] / lengths.clamp(min=eps)[..., None, :]
    # |k - q|^2 = |k|^2 - 2kq + |q|^2 needs no shifted copy of the keys for each query, but cancels where keys and
    # queries lie close together and far from the origin. Moved to the middle of the queries first, they do not; the
    # result does not depend on that point, so it is a constant.
    centre = queries.mean(-2, keepdim=True).detach()
    keys, moved = keys - centre, queries - centre
    count = queries.shape[-2]
    products = torch.cat([queries, moved], dim=-2) @ keys.mT  # [..., 2Q, N]
    along = products[..., :count, :] - (queries * moved).sum(-1)[..., None]
    apart = torch.linalg.vector_norm(keys, dim=-1).square()[..., None, :] + moved.square().sum(-1)[..., None]
    # below the rounding of these sums a key has no direction from its query: bound what remains of it (pixels that
    # all equal their query, from a collapsed projector, would else get cosines far beyond 1)
    floor = (16 * torch.finfo(keys.dtype).eps * apart.detach()).clamp(min=eps**2)
    squared = torch.maximum(apart - 2 * products[..., count:, :], floor)
    return along / norms.clamp(min=eps)[..., None] / squared.sqrt()


def _term(cosines: Tensor, positive: Tensor, negative: Tensor, temperature: float, formula: str) -> Tensor:
    """One term from the cosines ``[…, N]`` of its query; ``[…]``."""
    scaled = cosines / temperature
    others = torch.logsumexp(torch.where(negative, scaled, -torch.inf), dim=-1, keepdim=True)
    own = scaled if formula == "paper" else cosines
    losses = torch.logaddexp(own, others) - scaled
    # where, not a product: the gradient of what is not selected must be 0, not 0 times infinity
    selected = torch.where(positive & negative.any(-1, keepdim=True), losses, 0.0)
    return selected.sum(-1) / positive.sum(-1).clamp(min=1)


def _at_least_float32(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
