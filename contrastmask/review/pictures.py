"""Parts of image files as small JPEG files, read when they are asked for; the last ones are kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from io import BytesIO

from PIL import Image

from contrastmask.data.images.files import image_errors, open_image, rgb_by_pil
from contrastmask.data.records import Records
from contrastmask.errors import DataError

SIDE = 1000  # px that a part's longer side is shown with at most
DECODED, ENCODED = 80 * 2**20, 16 * 2**20  # bytes that are kept
IMAGES = 4  # that are kept: neighbours and the other views of an object ask for the same ones
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
Window = tuple[int, int, int, int]  # left, top, width, height in pixels of the image


class Pictures:
    """The pictures of records. Two at once are not decoded: one may take half a gigabyte."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self._images: OrderedDict[int, Image.Image] = OrderedDict()
        self._parts: OrderedDict[tuple[int, Window], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def part(self, image: int, window: Window) -> bytes:
        """A part of the image at a position of the records, as JPEG.

        Raises:
            DataError: the file is missing, outside the image folder, no image, or of another size.
        """
        with self._lock:
            if (found := self._parts.get((image, window))) is None:
                left, top, width, height = window
                part = self._image(image).crop((left, top, left + width, top + height))
                scale = SIDE / max(width, height)
                if scale < 1:
                    part = part.resize(
                        (max(round(width * scale), 1), max(round(height * scale), 1)), Image.Resampling.BOX
                    )
                file = BytesIO()
                part.save(file, "JPEG", quality=90)
                found = self._parts[image, window] = file.getvalue()
            self._parts.move_to_end((image, window))
            while sum(map(len, self._parts.values())) > ENCODED:
                self._parts.popitem(last=False)
            return found

    def _image(self, image: int) -> Image.Image:
        if image not in self._images:
            fresh = self._read(image)
            room = DECODED - 3 * fresh.width * fresh.height
            kept = self._images
            while kept and (len(kept) >= IMAGES or sum(3 * i.width * i.height for i in kept.values()) > max(room, 0)):
                kept.popitem(last=False)
            if room < 0:
                return fresh
            self._images[image] = fresh
        self._images.move_to_end(image)
        return self._images[image]

    def _read(self, image: int) -> Image.Image:
        size = int(self.records.heights[image]), int(self.records.widths[image])
        file = open_image(self.records.file_path(image), size, self.records.image_rules)
        with image_errors(file.path, file.content):
            pixels = Image.fromarray(rgb_by_pil(file.image, self.records.image_rules)[0])
        if file.orientation is not None:
            pixels = pixels.transpose(TURNS[file.orientation])
        if pixels.size != size[::-1]:
            raise DataError(f"{file.path}: decoded to {pixels.size}, expected {size[::-1]}")
        return pixels
