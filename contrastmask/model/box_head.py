"""The box head: convolutions up to the pooling, so that the classifier's weights give class activation maps.

R RoIs, C channels, K classes (label K = background), 7x7 cells a RoI.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from contrastmask.model.layers import ConvStack


class CAMBoxHead(nn.Module):
    """Shared convolutions, one branch each for class and box, global average pooling, two linear layers.

    Args:
        in_channels: width of the pyramid; channels: width of the head.
        classes: K.
        shared, cls, reg: number of 3x3 convolutions in the shared part and the two branches (4, 1, 2).
        class_agnostic: one set of box deltas for all classes instead of one per class.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        *,
        channels: int = 256,
        shared: int = 4,
        cls: int = 1,
        reg: int = 2,
        class_agnostic: bool = False,
    ) -> None:
        super().__init__()
        self.classes = classes
        self.shared_convs = ConvStack(shared, in_channels, channels)
        self.cls_convs = ConvStack(cls, channels if shared else in_channels, channels)
        self.reg_convs = ConvStack(reg, channels if shared else in_channels, channels)
        self.fc_cls = nn.Linear(channels, classes + 1)
        self.fc_reg = nn.Linear(channels, 4 if class_agnostic else 4 * classes)
        nn.init.normal_(self.fc_cls.weight, std=0.01)
        nn.init.normal_(self.fc_reg.weight, std=0.001)
        nn.init.zeros_(self.fc_cls.bias)
        nn.init.zeros_(self.fc_reg.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Score and refine RoIs.

        Args:
            x: RoI features ``[R, C, 7, 7]``.

        Returns:
            class logits ``[R, K + 1]`` (background last), box deltas ``[R, 4K]`` (or ``[R, 4]``), and the
            classification branch's map before pooling ``[R, C, 7, 7]``, from which :meth:`cam` reads.
        """
        logits, cls_map, shared = self.score(x)
        return logits, self.refine(shared), cls_map

    def score(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The classifying part of :meth:`forward`: logits, the map before pooling, and what :meth:`refine` takes."""
        shared = self.shared_convs(x)
        cls_map = self.cls_convs(shared)
        return self.fc_cls(cls_map.mean(dim=(2, 3))), cls_map, shared

    def refine(self, shared: Tensor) -> Tensor:
        """Box deltas from the shared convolutions' features ``[R, C, 7, 7]`` of :meth:`score`."""
        return self.fc_reg(self.reg_convs(shared).mean(dim=(2, 3)))

    def cam(self, cls_map: Tensor, labels: Tensor) -> Tensor:
        """Class activation maps: the classifier's weight row, detached and without bias, at every cell.

        Args:
            cls_map: ``[P, C, 7, 7]`` from :meth:`forward`; gradients flow into it.
            labels: ``[P]`` in 0..K-1.

        Returns:
            ``[P, 7, 7]`` float32, unnormalised; its mean plus the class's bias is the class's logit.
        """
        rows = self.fc_cls.weight.detach()[labels].float()
        with torch.autocast(cls_map.device.type, enabled=False):
            return torch.einsum("pchw,pc->phw", cls_map.float(), rows)
