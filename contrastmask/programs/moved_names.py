"""Settings of runs of earlier versions, as their resolved.yaml has them, under today's names."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

# a callback that is still the same, by the name that it had
_MOVED = {"contrastmask.tracking.Speed": "contrastmask.training.speed.Speed"}


def under_todays_names(cfg: DictConfig) -> DictConfig:
    """The configuration with callbacks as this version has them; ``cfg`` itself is left as it is."""
    found = {name: _today(node) for name, node in (cfg.get("callbacks") or {}).items()}
    changed = {name: node for name, node in found.items() if node is not cfg.callbacks[name]}
    if not changed:
        return cfg
    today = cfg.copy()
    for name, node in changed.items():
        OmegaConf.update(today, f"callbacks.{name}", node, merge=False, force_add=True)
    return today


def _today(node: DictConfig | None) -> DictConfig | None:
    target = str(node.get("_target_", "")) if node is not None else ""
    if target in _MOVED:
        return OmegaConf.merge(node, {"_target_": _MOVED[target]})
    # watched one figure, and ended the training where that lacked
    if target.endswith(".ModelCheckpoint") and node.get("monitor") == "val/mask/novel/AP":
        path = f"{node.dirpath}/{node.filename}.ckpt"
        return OmegaConf.create({"_target_": "contrastmask.training.best.Best", "path": path})
    return node
