"""The numbers of the contrastive loss, and its two steps by them."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from contrastmask.losses.contrastive import contrastive_loss
from contrastmask.losses.pixel_sets import PixelSets, pixel_sets


class ContrastiveOptions(NamedTuple):
    """Numbers of the contrastive loss; see ``conf/loss`` for the values and METHOD's terms."""

    formula: str = "released"  # or "paper"
    delta: float = 0.1  # CAM threshold of box-only objects: foreground > 1 - delta, background < delta
    query_high: float = 0.95  # CAM threshold that replaces a query side with fewer than two pixels
    query_low: float = 0.05
    min_pixels: int = 5  # an object with fewer pixels in any key set is left out
    sample_ratio: float = 0.3  # share of each key set that is drawn
    temperature_easy: float = 0.3
    temperature_hard: float = 0.7
    query: str = "shared"  # or "own": queries of each object by itself
    hard_keys: bool = True  # the two terms of keys along the outline
    box_only: bool = True  # objects without mask take part

    def sets(self, heat: Tensor, masks: Tensor, has_mask: Tensor, *, normalise: bool = True) -> PixelSets:
        """The pixel sets of N objects before the draw; those without mask are left out where they take no part.

        Args:
            heat: ``[N, S, S]``, what tells foreground where there is no mask. The others, and the result, are those of
                :func:`contrastmask.losses.pixel_sets.pixel_sets`.
        """
        sets = pixel_sets(
            heat,
            masks,
            has_mask,
            delta=self.delta,
            query_high=self.query_high,
            query_low=self.query_low,
            min_pixels=self.min_pixels,
            normalise=normalise,
        )
        return sets if self.box_only else sets._replace(keep=sets.keep & has_mask)

    def loss(self, projected: Tensor, sets: PixelSets) -> Tensor:
        """:func:`contrastmask.losses.contrastive.contrastive_loss` of ``projected [N, C, S, S]``."""
        return contrastive_loss(
            projected,
            sets,
            formula=self.formula,
            temperature_easy=self.temperature_easy,
            temperature_hard=self.temperature_hard,
            query=self.query,
            hard_keys=self.hard_keys,
        )
