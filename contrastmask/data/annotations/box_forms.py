"""Whether a file's boxes are x, y, width, height in pixels, by the masks that lie in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.annotations.whole_fault import AGREE, FEW, nearly_all, stop
from contrastmask.data.segmentation.extents import Extents

WAY = "data.repair=true reads the file's boxes so"
PIXELS = "write them in pixels"
SHARES = "x, y, width, height in shares of the image (0..1)"
CORNERS_IN_SHARES = "two corners in shares of the image (0..1)"
CENTRES_IN_SHARES = "the centre, width and height in shares of the image (0..1)"
UNTOLD = "in shares of the image (0..1), of x, y or of the centre: nothing tells which"
EDGE = 0.005  # of its image that a box in shares may stand out by
BEYOND = 0.3  # of boxes without masks that leave their image


def _plain(xywh: np.ndarray, size: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def _centre(xywh: np.ndarray, size: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([xywh[:, :2] - xywh[:, 2:] / 2, xywh[:, :2] + xywh[:, 2:] / 2], axis=1)


def _scaled(form: Callable[..., np.ndarray], unit: float) -> Callable[..., np.ndarray]:
    return lambda xywh, size: form(xywh, size) * np.concatenate([size, size], axis=1) / unit


def _as_it_is(xywh: np.ndarray, size: np.ndarray) -> np.ndarray:
    return xywh


FORMS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "two corners x1, y1, x2, y2": _as_it_is,
    "the centre, width and height": _centre,
    SHARES: _scaled(_plain, 1),
    CORNERS_IN_SHARES: _scaled(_as_it_is, 1),
    CENTRES_IN_SHARES: _scaled(_centre, 1),
    "x, y, width, height in percent of the image": _scaled(_plain, 100),
    "two corners in percent of the image": _scaled(_as_it_is, 100),
}


@dataclass(frozen=True, eq=False)
class BoxForm:
    """What the boxes of a file are.

    Attributes:
        name: in words; "" for x, y, width, height in pixels. rows: bool [A], the boxes that are read so.
        read: (xywh [A, 4], size [A, 2] as (W, H)) → xyxy float64 [A, 4], pixels.
        whole: nearly all boxes of the file are so, and more than chance tells it.
    """

    name: str
    rows: np.ndarray
    read: Callable[[np.ndarray, np.ndarray], np.ndarray]
    whole: bool = False

    @property
    def told(self) -> bool:
        """The boxes can only mean this form."""
        return self.name not in ("", UNTOLD)

    @property
    def reason(self) -> str:
        """For the report."""
        return f"box is {self.name}, not x, y, width, height in pixels"


def box_form(xywh: np.ndarray, size: np.ndarray, masks: Extents) -> BoxForm:
    """The form that the masks (or, where there is none, the boxes themselves) tell. Arrays as in `clean_boxes`."""
    usual = BoxForm("", np.zeros(len(xywh), dtype=bool), _plain)
    finite = np.isfinite(xywh).all(axis=1)
    known = np.flatnonzero(finite & masks.present)
    if _are_shares(xywh[finite], size[finite]) and not (masks.box[known] > 1).any():
        name = _kind_of_shares(xywh, masks.box, finite)
        return BoxForm(name, finite, FORMS.get(name, _plain), whole=True)
    if len(known):
        return _by_masks(xywh, size, masks.box, known) or usual
    return _by_boxes_alone(xywh, size, finite) or usual


def require_pixels(path: Path, form: BoxForm, sieve: Sieve) -> None:
    """Raise where a file of boxes in another form would be read as x, y, width, height.

    Args:
        path: of the file, for the message. sieve: the rows, none of them dropped for its box yet.

    Raises:
        DataError: nearly all boxes are of one form that is known; with their number, classes, first ids and the way
            out.
    """
    if not (form.told and form.whole):
        return
    stop(path, form.rows, form.reason, f"{WAY}; or {PIXELS}", sieve)


def _by_masks(xywh: np.ndarray, size: np.ndarray, around: np.ndarray, known: np.ndarray) -> BoxForm | None:
    """The form that most boxes have which do not fit their masks; of the whole file, where none contradicts it."""
    fits = _fit(_plain(xywh[known], size[known]), around[known])
    odd, sound = known[~fits], known[fits]
    agree = {name: _fit(read(xywh[odd], size[odd]), around[odd]) for name, read in FORMS.items()}
    name = max(agree, key=lambda form: int(agree[form].sum()))
    number, read = int(agree[name].sum()), FORMS[name]
    told = np.zeros(len(xywh), dtype=bool)
    told[odd[agree[name]]] = True
    against = int((~_fit(read(xywh[sound], size[sound]), around[sound])).sum())
    if number and number >= AGREE * (number + against) and 2 * (number + len(sound) - against) >= len(known):
        rows = _read_otherwise(read, xywh, size)
        return BoxForm(name, rows, read, whole=number >= FEW and nearly_all(rows, np.isfinite(xywh).all(axis=1)))
    if number < FEW:
        return None
    # a part of the file: its rows alone, as their masks tell them
    return BoxForm(name, told, lambda xywh, size: np.where(told[:, None], read(xywh, size), _plain(xywh, size)))


def _fit(boxes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """bool [M]: xyxy boxes agree with what lies around the mask, to 1.5 px or 5 % of a side."""
    side = np.tile(masks[:, 2:] - masks[:, :2], 2)
    with np.errstate(over="ignore", invalid="ignore"):
        return (np.abs(boxes - masks) <= np.maximum(1.5, 0.05 * side)).all(axis=1)


def _are_shares(given: np.ndarray, sizes: np.ndarray) -> bool:
    inside = ((given >= 0) & (given <= 1)).all() and (given[:, 2:] > 0).all()
    return bool(len(given) and inside and (sizes > 1).all())


def _kind_of_shares(xywh: np.ndarray, around: np.ndarray, finite: np.ndarray) -> str:
    """Which numbers boxes in shares are: as the masks that are in shares, too, tell; else the one that no box
    contradicts by leaving its image or by its second corner."""
    forms = {SHARES: _plain, CENTRES_IN_SHARES: _centre, CORNERS_IN_SHARES: _as_it_is}
    one = np.ones((len(xywh), 2))
    boxes = {name: form(xywh, one)[finite] for name, form in forms.items()}
    drawn = np.isfinite(around[finite]).all(axis=1)
    if drawn.any():
        off = {
            name: float(np.median(np.abs(found - around[finite])[drawn].max(axis=1))) for name, found in boxes.items()
        }
        return min(off, key=off.__getitem__)
    possible = [
        name
        for name, found in boxes.items()
        if (found >= -EDGE).all() and (found <= 1 + EDGE).all() and (found[:, 2:] > found[:, :2]).all()
    ]
    return possible[0] if len(possible) == 1 else UNTOLD


def _by_boxes_alone(xywh: np.ndarray, size: np.ndarray, finite: np.ndarray) -> BoxForm | None:
    given, sizes = xywh[finite], size[finite]
    if len(given) == 0:
        return None
    ordered = (given[:, 2:] > given[:, :2]).all() and (given >= 0).all() and (given[:, 2:] <= sizes + 1).all()
    beyond = (given[:, :2] + given[:, 2:] > sizes + 1).any(axis=1)
    if ordered and len(given) >= 5 and beyond.mean() >= BEYOND:
        name = "two corners x1, y1, x2, y2"
        return BoxForm(name, _read_otherwise(FORMS[name], xywh, size), FORMS[name], whole=True)
    return None


def _read_otherwise(read: Callable[..., np.ndarray], xywh: np.ndarray, size: np.ndarray) -> np.ndarray:
    """bool [A]: rows that a form of the whole file reads as other boxes, whether a mask tells so or not."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.isfinite(xywh).all(axis=1) & (read(xywh, size) != _plain(xywh, size)).any(axis=1)
