"""The configured logger, and what every logger is told about a run: configuration and pictures."""

from __future__ import annotations

import netrc
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger
from torch import Tensor

from contrastmask.spoken import say
from contrastmask.training.lasting_logger import going_on, has_room, told_once


def build_logger(node: DictConfig | None, *, notes: str = "") -> Logger | bool:
    """Instantiate ``conf/logger``'s choice, or return False for none.

    Weights & Biases records offline where it has no key or no network, unless ``logger.offline`` says otherwise.
    """
    if not node or "_target_" not in node:
        return False
    if node["_target_"].endswith("WandbLogger"):
        offline = node.get("offline")
        if offline is None:
            offline = not _wandb_reachable()
            if offline:
                say("wandb: no key or no network; the run is recorded offline")
        Path(node.save_dir).mkdir(parents=True, exist_ok=True)
        return going_on(instantiate(node, offline=offline, notes=notes or None, group=node.get("group") or _sweep()))
    return going_on(instantiate(node))


def _sweep() -> str | None:
    """The name of the sweep's folder, None outside a sweep."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    return Path(HydraConfig.get().sweep.dir).name


def _wandb_reachable() -> bool:
    host = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai").split("//")[-1].split("/")[0].split(":")[0]
    if os.environ.get("WANDB_MODE") in ("offline", "disabled"):
        return False
    try:
        key = os.environ.get("WANDB_API_KEY") or netrc.netrc().authenticators(host)
        if not key:
            return False
        socket.create_connection((host, 443), timeout=3).close()
    except (OSError, netrc.NetrcParseError):
        return False
    return True


def log_config(loggers: list[Logger], plain: Mapping[str, Any]) -> None:
    """Hand the resolved configuration (and whatever else identifies the run) to every logger."""
    for logger in loggers:
        logger.log_hyperparams(dict(plain))


def show_pictures(loggers: list[Logger]) -> bool:
    """Whether any logger can show pictures, so that drawing them is worth it."""
    return any(isinstance(logger, (WandbLogger, TensorBoardLogger)) for logger in loggers)


def log_table(loggers: list[Logger], name: str, columns: list[str], rows: list[list[Any]], step: int) -> None:
    """Show a table where the logger can: W&B's own, TensorBoard's as text."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_table(name, columns=columns, data=rows, step=step)
        elif isinstance(logger, TensorBoardLogger) and has_room(logger):
            lines = [columns, ["---"] * len(columns), *rows]
            text = "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)
            with told_once(logger):
                logger.experiment.add_text(name, text, step)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    # Markdown: a class may be named "cup | glass" or "<unknown>"
    text = f"{value:.1f}" if isinstance(value, float) else re.sub(r"([\\`*_\[\]<>|])", r"\\\1", str(value))
    return " ".join(text.split())


def log_pictures(loggers: list[Logger], name: str, pictures: list[Tensor], step: int) -> None:
    """Show uint8 ``[3, h, w]`` pictures under ``name`` where the logger can show pictures."""
    if not pictures:
        return
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(name, [p.permute(1, 2, 0).numpy() for p in pictures], step=step)
        elif isinstance(logger, TensorBoardLogger) and has_room(logger):
            for index, picture in enumerate(pictures):
                with told_once(logger):
                    logger.experiment.add_image(f"{name}/{index}", picture.numpy(), step)
