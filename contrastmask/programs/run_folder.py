"""What a run leaves in its folder, besides what Hydra, the loggers and the checkpoints write there."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from contrastmask.conf_folder import CHECKOUT
from contrastmask.files.whole_file import write_json, write_whole

_PACKAGES = (
    "contrastmask",
    "torch",
    "torchvision",
    "pytorch-lightning",
    "hydra-core",
    "omegaconf",
    "pycocotools",
    "faster-coco-eval",
    "torchmetrics",
    "wandb",
    "numpy",
    "msgspec",
    "pillow",
)


def write_identity(folder: Path, cfg: DictConfig, data: dict[str, Any]) -> None:
    """Write ``resolved.yaml`` (every setting), ``versions.json`` (packages, machine, git) and ``data.json``."""
    write_whole(folder / "resolved.yaml", OmegaConf.to_yaml(cfg, resolve=True))
    write_json(folder / "versions.json", versions())
    write_json(folder / "data.json", data)


def versions() -> dict[str, Any]:
    """Packages, Python, machine, threads, GPUs and the git revision of the code."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "packages": found,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": gpus,
        "git": git_revision(),
    }


def git_revision() -> str | None:
    """The commit of the code, with ``-dirty`` where it was changed; None outside a checkout.

    An installed package asks nobody: the repository around its environment is other people's.
    """
    if CHECKOUT is None:
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
