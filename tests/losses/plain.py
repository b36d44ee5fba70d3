"""Slow twins of the method's losses: one RoI, one pixel at a time, numpy and float64, straight from the formulas."""

from __future__ import annotations

import math

import numpy as np

KEYS = ("easy_pos", "easy_neg", "hard_pos", "hard_neg")


def normalize(cam: np.ndarray) -> np.ndarray:
    """Min-max of one map in float32; zeros for a flat one."""
    cam = cam.astype(np.float32)
    span = cam.max() - cam.min()
    return np.zeros_like(cam) if span == 0 else (cam - cam.min()) / span


def edges(mask: np.ndarray) -> np.ndarray:
    along_y, along_x = np.gradient(mask.astype(np.float32))
    return np.hypot(along_y, along_x) != 0


def near(edge: np.ndarray, radius: float = 2.0) -> np.ndarray:
    """Cells whose centre is nearer than ``radius`` to the centre of an edge cell."""
    out = np.zeros_like(edge)
    row, column = np.indices(edge.shape)
    for y, x in np.argwhere(edge):
        out |= np.hypot(row - y, column - x) < radius
    return out


def pixel_sets(
    cam: np.ndarray, mask: np.ndarray, has_mask: bool, delta: float = 0.1, minimum: int = 5
) -> dict[str, np.ndarray]:
    """The six sets of one RoI and ``keep``."""
    cam = normalize(cam)
    if has_mask:
        edge = edges(mask)
        ring = near(edge) & ~edge
        sets = {
            "query_pos": mask if mask.sum() >= 2 else cam > np.float32(0.95),
            "query_neg": ~mask if (~mask).sum() >= 2 else cam < np.float32(0.05),
            "easy_pos": mask & ~ring,
            "easy_neg": ~mask & ~near(edge),
            "hard_pos": mask & ring,
            "hard_neg": ~mask & ring,
        }
    else:
        high, low = cam > np.float32(1 - delta), cam < np.float32(delta)
        sets = {"query_pos": high, "query_neg": low, "easy_pos": high, "easy_neg": low}
        sets |= {"hard_pos": high, "hard_neg": low}
    sets["keep"] = np.bool_(min(sets[k].sum() for k in KEYS) >= minimum)
    return sets


def drawn_count(n: int, ratio: float = 0.3) -> int:
    return math.ceil(np.float32(ratio) * np.float32(n))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def info_nce(
    query: np.ndarray, positives: np.ndarray, negatives: np.ndarray, temperature: float, formula: str
) -> float:
    """One term, with plain exponentials; 0 without positives or negatives."""
    if len(positives) == 0 or len(negatives) == 0:
        return 0.0
    shift, own_temperature = (query, 1.0) if formula == "released" else (0.0, temperature)
    against = sum(math.exp(cosine(query, n - shift) / temperature) for n in negatives)
    total = 0.0
    for key in positives:
        similarity = cosine(query, key - shift)
        numerator = math.exp(similarity / temperature)
        total -= math.log(numerator / (math.exp(similarity / own_temperature) + against))
    return total / len(positives)


def contrastive_loss(
    projected: np.ndarray, sets: dict[str, np.ndarray], formula: str, easy: float = 0.3, hard: float = 0.7
) -> float:
    """Sum of the four terms over ``projected [R, D, S, S]`` and sets ``[R, S, S]``."""
    projected = projected.astype(np.float64)
    kept = np.flatnonzero(sets["keep"])
    if len(kept) == 0:
        return 0.0

    def query(name: str) -> np.ndarray:
        return np.mean([projected[r][:, sets[name][r]].mean(1) for r in kept], axis=0)

    def keys(name: str) -> np.ndarray:
        return np.concatenate([projected[r][:, sets[name][r]].T for r in kept])

    front, back = query("query_pos"), query("query_neg")
    return (
        info_nce(front, keys("easy_pos"), keys("easy_neg"), easy, formula)
        + info_nce(front, keys("hard_pos"), keys("hard_neg"), hard, formula)
        + info_nce(back, keys("easy_neg"), keys("easy_pos"), easy, formula)
        + info_nce(back, keys("hard_neg"), keys("hard_pos"), hard, formula)
    )
