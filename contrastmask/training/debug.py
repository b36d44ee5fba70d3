"""A batch that ended a training, run again: where the first number comes from that is none.

contrastmask debug RUN/diverged-step41.pt [--device cuda] [--precision 32-true]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from contrastmask.arguments import Parser
from contrastmask.assemble import build_contrast, build_detector, build_segmenter
from contrastmask.checkpoints.network import NetworkConfig
from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.read import PREFIX, checkpoint_of
from contrastmask.checkpoints.tensor_files import read_tensors
from contrastmask.errors import CheckpointError
from contrastmask.losses.contrastive import ramp
from contrastmask.model.crops.contrast import CropContrast
from contrastmask.model.crops.losses import BoxLessons, crop_losses
from contrastmask.model.crops.planes import near_of
from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.model.detector import Detector
from contrastmask.training.divergence import KEPT, unfit

_TOLD = 5  # names of a kind


def run_again(path: Path, device: str = "cpu", precision: str | None = None) -> tuple[list[str], bool]:
    """Run the step that a file of a diverged training holds.

    Args:
        path: a ``diverged-step….pt`` of a run folder.
        precision: Lightning's name of it, ``32-true``, ``16-mixed`` or ``bf16-mixed``; None: what it was.

    Returns:
        what there is to tell, a line each; whether everything was finite this time.

    Raises:
        CheckpointError: it is no such file, or of another network.
    """
    content = read_tensors(path)
    kept = content.get(KEPT)
    if not isinstance(kept, dict) or not {"batch", "losses", "what", "at", "seed", "eval", "fixed"} <= kept.keys():
        raise CheckpointError(f"{path} is no file of a diverged training (diverged-step….pt in its run folder)")
    network, config, epoch = _network(content, path, kept, device)
    lines = [f"{kept['at']}: {kept['what']}", *_figures(kept)]
    wrong = _told("weights that are not finite", unfit(network.state_dict()))
    batch = _moved(kept["batch"], device)
    lines += _about(batch)
    precision = precision or kept["precision"]
    half = {"16": torch.float16, "bf": torch.bfloat16}.get(precision[:2]) if precision.endswith("mixed") else None
    torch.manual_seed(kept["seed"])
    with torch.autocast(torch.device(device).type, half, enabled=half is not None), _watched(network) as first:
        try:
            contrast = _contrast(content, config, device)
            wrong += (
                _step(network, batch, config, epoch, lines, contrast) if kept["training"] else _look(network, batch)
            )
        except FloatingPointError as error:
            wrong.append(str(error))
    if first:
        wrong.insert(0, f"the first result that is not finite is {first[0]}'s")
    return lines + (wrong or ["everything is finite this time"]), not wrong


def _network(
    content: dict[str, Any], path: Path, kept: dict[str, Any], device: str
) -> tuple[Detector | CropSegmenter, NetworkConfig, int]:
    """The network as it was, its settings, and the epoch that it was in."""
    checkpoint = checkpoint_of(content, path)
    config = network_config(checkpoint)
    network = (
        build_segmenter(config, pretrained=False)
        if checkpoint.crops
        else build_detector(config, checkpoint.classes, pretrained=False)
    )
    try:
        network.load_state_dict(checkpoint.state)
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit the network that it describes: {error}") from error
    # as it was, whatever the settings make of a network without a file of weights
    for name, part in network.named_modules():
        part.training = PREFIX + name not in kept["eval"] if name else bool(kept["training"])
    for name, value in network.named_parameters():
        value.requires_grad_(PREFIX + name not in kept["fixed"])
    return network.to(device), config, int(content["state_dict"].get("epoch", kept.get("epoch", 0)))


def _contrast(content: dict[str, Any], config: NetworkConfig, device: str) -> CropContrast | None:
    """The crop branch's contrastive lesson as it was."""
    contrast = build_contrast(config)
    if contrast is not None:
        own = "contrast."
        state = content["state_dict"].items()
        contrast.load_state_dict({name.removeprefix(own): value for name, value in state if name.startswith(own)})
        contrast.to(device)
    return contrast


def _look(network: Detector | CropSegmenter, batch: Any) -> list[str]:
    images, targets = batch
    sizes = [tuple(target["original_size"]) for target in targets]
    if isinstance(network, CropSegmenter):
        cams = [t["cams"] for t in targets] if network.network.cam else None
        found = network.segment(images, sizes, [t["boxes"] for t in targets], [t["labels"] for t in targets], cams=cams)
    else:
        found = network.predict(images, sizes)
    return _told("results that are not finite", unfit({k: v for part in found for k, v in part.items()}))


def _step(
    network: Detector | CropSegmenter,
    batch: Any,
    config: NetworkConfig,
    epoch: int,
    lines: list[str],
    contrast: CropContrast | None,
) -> list[str]:
    if isinstance(network, CropSegmenter):
        lessons = BoxLessons(**vars(config.mask_branch.lessons))
        said = network(batch["crop"], batch["given"].float(), near_of(batch["near"]), batch.get("cam"))
        losses = crop_losses(said, batch, lessons, ramp(epoch, 0.0, lessons.ramp_epochs), contrast)
        parts = list(network.network.named_children())
    else:
        loss = config.loss
        weight = loss.weight * ramp(epoch, loss.ramp_start, loss.ramp_epochs)
        losses = network(*batch, contrastive_weight=weight)
        parts = [*network.named_children(), *network.roi_heads.named_children()]
    lines.append("now: " + ", ".join(f"{name} {float(value):.4g}" for name, value in losses.items()))
    sum(losses.values()).backward()
    gradients = {name: value.grad for name, value in network.named_parameters() if value.grad is not None}
    for part, module in parts:
        norms = [value.grad.norm() for value in module.parameters() if value.grad is not None]
        if norms:
            lines.append(f"gradient of {part}: {float(torch.stack(norms).norm()):.4g}")
    return _told("losses that are not finite", unfit(losses)) + _told("gradients that are not", unfit(gradients))


def _moved(value: Any, device: str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: _moved(part, device) for name, part in value.items()}
    return [_moved(part, device) for part in value] if isinstance(value, (list, tuple)) else value


@contextmanager
def _watched(network: nn.Module) -> Iterator[list[str]]:
    """The names of parts whose result was not finite, in the order that they came to it."""
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(part: nn.Module, given: Any, result: Any) -> None:
            if not all(bool(torch.isfinite(value).all()) for value in _tensors(result)):
                found.append(name)

        return hook

    handles = [part.register_forward_hook(look(name)) for name, part in network.named_modules() if name]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)


def _figures(kept: dict[str, Any]) -> list[str]:
    losses = ", ".join(f"{name} {value:.4g}" for name, value in kept["losses"].items())
    lines = [f"then: {losses}"] if losses else []
    return lines + ([f"learning rate {max(kept['rates']):.4g}"] if kept.get("rates") else [])


def _about(batch: Any) -> list[str]:
    if isinstance(batch, dict):
        masks = int(batch["has_mask"].sum())
        return [f"{len(batch['crop'])} objects of {batch['crop'].shape[-1]} px a side, {masks} with a mask"]
    return [_of_image(image, target) for image, target in zip(*batch, strict=True)]


def _of_image(image: Tensor, target: dict[str, Any]) -> str:
    boxes = target["boxes"]
    said = f"image {target.get('image_id')}: {image.shape[-1]}x{image.shape[-2]}, values {image.min()} to {image.max()}"
    if not len(boxes):
        return f"{said}, no boxes"
    sides = boxes[:, 2:] - boxes[:, :2]
    return f"{said}, {len(boxes)} boxes, sides {float(sides.min()):.4g} to {float(sides.max()):.4g}"


def _told(what: str, names: Sequence[str]) -> list[str]:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return [f"{what}: {', '.join(names[:_TOLD])}{more}"] if names else []


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; exit status 0 where everything was finite this time, else 1."""
    parser = Parser(prog="contrastmask debug", description="Run a batch again that ended a training.")
    parser.add_argument("file", type=Path, metavar="FILE", help="diverged-step….pt of a run folder")
    parser.add_argument("--device", default="cpu", help="where to compute (default: %(default)s)")
    parser.add_argument("--precision", help="32-true, 16-mixed or bf16-mixed (default: as it was)")
    options = parser.parse_args(arguments)
    lines, fine = run_again(options.file, options.device, options.precision)
    print("\n".join(lines))
    return 0 if fine else 1
