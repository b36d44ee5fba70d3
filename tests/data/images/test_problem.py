"""What check says of an image file is what training's reader would say."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contrastmask.data.images import read
from contrastmask.data.images.problem import image_problem
from contrastmask.data.images.read import read_image
from contrastmask.errors import DataError

H, W = 24, 36


def encoded(mode: str, kind: str, **options) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, format=kind, **options)
    return buffer.getvalue()


FILES = {
    "rgb.jpg": encoded("RGB", "JPEG"),
    "progressive.jpg": encoded("RGB", "JPEG", progressive=True),
    "grey.jpg": encoded("L", "JPEG"),
    "cmyk.jpg": encoded("CMYK", "JPEG"),
    "rgb.png": encoded("RGB", "PNG"),
    "palette.png": encoded("P", "PNG"),
    "alpha.png": encoded("RGBA", "PNG"),
    "rgb.webp": encoded("RGB", "WEBP"),
    "rgb.gif": encoded("P", "GIF"),
    "rgb.tif": encoded("RGB", "TIFF"),
    "rgb.bmp": encoded("RGB", "BMP"),
}


def of_the_reader(path: Path, height: int = H, width: int = W) -> str | None:
    try:
        read_image(path, height, width)
    except DataError as error:
        return str(error)
    return None


def damaged(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    kind = chance.choice(("cut", "short of the end", "a bit", "zeros", "a hole"))
    if kind == "cut":
        return content[: at + 1]
    if kind == "short of the end":
        return content[: -chance.randrange(1, 20)]
    if kind == "a bit":
        return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]
    if kind == "zeros":
        return content[:at] + bytes(len(content[at : at + 16])) + content[at + 16 :]
    return content[:at] + content[at + chance.randrange(1, 30) :]


@pytest.mark.parametrize("name", FILES)
def test_sound_files_have_no_problem_and_need_no_torch(name: str, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    monkeypatch.setattr(read, "read_image", lambda *_: pytest.fail("asked training's reader"))
    assert image_problem(tmp_path / name, H, W) is None


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_judged_as_by_the_reader(name: str, tmp_path: Path) -> None:
    chance, path, broken = random.Random(name), tmp_path / name, 0
    for _ in range(60):
        path.write_bytes(damaged(FILES[name], chance))
        said = image_problem(path, H, W)
        assert said == of_the_reader(path)
        broken += said is not None
    assert broken > 5


def test_what_has_no_pixels_at_all(tmp_path: Path) -> None:
    for name, content in {"empty": b"", "html": b"<html>", "zeros": bytes(500), "text": b"version https://x"}.items():
        (tmp_path / name).write_bytes(content)
        assert image_problem(tmp_path / name, H, W) == of_the_reader(tmp_path / name) is not None
    assert "does not exist" in image_problem(tmp_path / "gone", H, W)
    (tmp_path / "a.png").write_bytes(FILES["rgb.png"])
    assert "24×36" in image_problem(tmp_path / "a.png", W, H)


def test_no_message_shows_an_address_in_memory(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(FILES["rgb.png"][:20] + bytes(300))
    assert "0x" not in image_problem(tmp_path / "a.png", H, W)
