"""Pictures of another size than the annotation file says, where all differ alike: by one factor, or by a pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from contrastmask.data.images.picture_size import PictureSize

_FACTOR = (
    "name the folder of the pictures that the objects were drawn on, or make copies of these at the sizes that the "
    "file says; no setting scales"
)
_PIXEL = (
    "if the objects were drawn on these very pictures, write their sizes into the file's `width` and `height` (and "
    "`size` of run lengths); if not, name the folder of those that they were drawn on"
)


def said_of_sizes(
    sizes: Sequence[PictureSize | None], said: Sequence[tuple[int, int]]
) -> Iterator[tuple[list[int], str, str]]:
    """Places of the pictures that differ alike, the reason, and the way out.

    Args:
        sizes: of the pictures, None where unknown. said: height and width that the file says, pixels.
    """
    pairs = {
        place: (size[:2], told)
        for place, (size, told) in enumerate(zip(sizes, said, strict=True))
        if size is not None and size[:2] != told and size[1::-1] != told and min(told) > 0
    }
    pixel = [place for place, (size, told) in pairs.items() if _near(size, told, 1.0)]
    yield pixel, "whose pictures are a pixel larger or smaller than the annotation file says", _PIXEL
    if not pairs:
        return
    factor = median(max(size) / max(told) for size, told in pairs.values())
    alike = [place for place, (size, told) in pairs.items() if _near(size, told, factor)]
    yield alike, f"whose pictures have {factor:.4g} times the width and height that the annotation file says", _FACTOR


def _near(size: tuple[int, ...], told: tuple[int, int], factor: float) -> bool:
    return all(abs(found - factor * side) <= 1 for found, side in zip(size, told, strict=True))
