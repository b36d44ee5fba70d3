"""The method's contrastive loss on the features of crops, which it shapes down to the body.

The detector's contrastive branch reads detached features; here nothing is detached. N crops, C channels, G = S/2 cells
on a side.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from contrastmask.losses.pixel_sets import sample_keys
from contrastmask.model.contrastive_head import Projector
from contrastmask.model.contrastive_options import ContrastiveOptions
from contrastmask.model.crops.network import CropOutput


class CropContrast(nn.Module):
    """Foreground and background of all objects of a batch, told apart.

    The pixel sets of an object with a drawn mask are the method's. Of any other the network's own probabilities stand
    where the method has the CAM, as they are: above ``1 - delta`` is foreground; below ``delta``, and outside the box,
    is background; an object with too few pixels of either is left out.

    The projector is a part of the training and none of the model: checkpoints have it beside the model's tensors.

    Args:
        channels: C; the projected space has as many dimensions.
        options: numbers of the loss.
    """

    def __init__(self, channels: int, options: ContrastiveOptions) -> None:
        super().__init__()
        self.projector = Projector(channels, channels)
        self.options = options

    def forward(
        self, said: CropOutput, masks: Tensor, drawn: Tensor, inside: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The loss of a batch; 0 in the graph where no object is kept.

        Args:
            masks: ``[N, G, G]`` in 0..1, read where ``drawn``, bool ``[N]``, says so.
            inside: bool ``[N, G, G]``, cells of the box.
            generator: of the draw among the keys; None takes torch's own.
        """
        options = self.options
        with torch.no_grad():
            sets = options.sets(said.logits.sigmoid() * inside, masks > 0.5, drawn, normalise=False)
            sets = sample_keys(sets, options.sample_ratio, generator)
        return options.loss(self.projector(said.features), sets)
