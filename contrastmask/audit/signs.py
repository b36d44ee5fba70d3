"""What speaks against a mask, each measured by what is usual in the file itself.

A model errs, and how much depends on how sure it is and how large the object: an overlap of 0.5 is nothing where it is
unsure and a lot where it is not. So the usual overlap of the file's masks with the model's is fitted to confidence and
size, and so is the usual distance from it; what counts is how many such distances a mask lies below. In the same way
the agreement of masks with their boxes is judged by that of the file's other objects. The fits are of least absolute
distances: the wrong masks that are looked for move them little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrastmask.audit.measures import Measures

HALF = 4.0  # distances at which the suspicion is one half
_MOST = 6.0  # distances that one sign counts for at most
_FEW = 20  # masks; of fewer a fit is their median
_LEAST = {"overlap": 0.2, "box": 0.5}  # the usual distance, in log odds, is at least this
_FITS = 0.97  # agreement of a mask's own box with the given one from which they are one
_LARGE = 256  # px²; smaller masks are rectangles by chance
_RECTANGLE, _FREE = 0.99, 0.9  # share filled by a rectangle, and at most by the model's mask of another shape


@dataclass(frozen=True, eq=False)
class Signs:
    """What speaks against N masks, in usual distances, each ``[N]`` from 0.

    Attributes:
        overlap: it overlaps the model's mask less than is usual; usual: [N] in 0..1, the overlap that is.
        box: its own box is another than the given one. beside: it lies on another object's mask rather than on its own.
        covers: it covers the mask of another object of its class nearly. rectangle: it is a filled box.
        other_class: the model finds another class there, and is surer of it.
    """

    overlap: np.ndarray
    usual: np.ndarray
    box: np.ndarray
    beside: np.ndarray
    covers: np.ndarray
    rectangle: np.ndarray
    other_class: np.ndarray

    @property
    def suspicion(self) -> np.ndarray:
        """[N] in 0..1: a rank, no probability; one half is four usual distances."""
        total = self.overlap + self.box + self.beside + self.covers + self.rectangle + self.other_class
        return total / (total + HALF)


def signs_of(measures: Measures, other_class: np.ndarray | None = None) -> Signs:
    """Judge every mask by the others of the file.

    Args:
        other_class: [N] in 0..1, how much surer the model is of another class; None: it was not asked.
    """
    m = measures
    size = np.log(np.maximum(m.size, 1))
    overlap = _log_odds(m.overlap)
    low, usual = _below(overlap, [_log_odds(m.confidence), size], _LEAST["overlap"])
    loose, _ = _below(_log_odds(m.agreement.clip(0, _FITS)), [size], _LEAST["box"])
    beside = np.where(m.neighbour >= 0, _log_odds(m.beside) - overlap, 0.0)
    return Signs(
        overlap=low.clip(0, _MOST),
        usual=1 / (1 + np.exp(-usual)),
        box=loose.clip(0, _MOST),
        beside=beside.clip(0, HALF),
        covers=_rare(m.covered >= 0, len(size)),
        rectangle=_rectangles(m),
        other_class=np.zeros(len(size)) if other_class is None else (_MOST * other_class).clip(0, _MOST),
    )


def _rectangles(m: Measures) -> np.ndarray:
    """Filled boxes, the more telling the fewer there are; none where the model's mask fills its box nearly, too."""
    large = m.extent >= _LARGE
    rectangle = large & (m.filled >= _RECTANGLE)
    return _rare(rectangle, int(large.sum())) * (m.filled_by_model < _FREE)


def _rare(found: np.ndarray, of: int) -> np.ndarray:
    """[N]: what is so counts the more the rarer it is: minus the logarithm of its share of so many."""
    share = found.sum() / max(of, 1)
    return np.where(found, min(-np.log(max(float(share), 1e-3)), _MOST), 0.0)


def _log_odds(share: np.ndarray) -> np.ndarray:
    share = share.clip(1e-3, 1 - 1e-3)
    return np.log(share / (1 - share))


def _below(values: np.ndarray, of: list[np.ndarray], least: float) -> tuple[np.ndarray, np.ndarray]:
    """How many usual distances each value [N] lies below the usual value, and that value, both fitted to ``of``."""
    if len(values) == 0:
        return values, values
    columns = [np.ones(len(values))]
    if len(values) >= _FEW:
        columns += [(x - x.mean()) / max(float(x.std()), 1e-9) for x in of]
    design = np.stack(columns, axis=1)
    usual = design @ _least_absolute(design, values)
    distance = np.log(np.maximum(np.abs(values - usual), 1e-2))
    # 1.4826: of a normal distribution, its standard deviation over the median distance
    spread = 1.4826 * np.exp(design @ _least_absolute(design, distance))
    return (usual - values) / np.maximum(spread, least), usual


def _least_absolute(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients of least absolute distances, by squares that are weighted anew (Schlossmacher 1973)."""
    weights = np.ones(len(values))
    coefficients = np.zeros(design.shape[1])
    for _ in range(30):
        root = np.sqrt(weights)
        coefficients = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
        weights = 1 / np.maximum(np.abs(values - design @ coefficients), 0.05)
    return coefficients
