"""How the mask head's logits start."""

from __future__ import annotations

import torch

from contrastmask.model.mask_head import MaskHead


def test_logits_start_near_0_whatever_the_features_are() -> None:
    torch.manual_seed(0)
    features = 50 * torch.rand(3, 32, 14, 14)  # as large as a trained pyramid's
    near, released = (MaskHead(32, channels=32, logits_std=std)(features).abs().max() for std in (0.001, None))
    assert near < 1
    assert released > 20
    with torch.no_grad():
        loss = torch.nn.functional.softplus(MaskHead(32, channels=32, logits_std=0.001)(features)).mean()
    assert abs(float(loss) - 0.693) < 0.1
