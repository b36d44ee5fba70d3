"""The numbers of the contrastive loss as the RoI heads need them."""

from __future__ import annotations

from typing import NamedTuple


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
