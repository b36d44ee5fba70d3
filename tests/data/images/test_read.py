"""Every kind of image file: RGB of the expected size, or a DataError that begins with the path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from contrastmask.data.images.read import read_image
from contrastmask.errors import DataError

H, W = 24, 36


def picture(height: int = H, width: int = W) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([255 * x / width, 255 * y / height, 128 + 60 * np.sin(x / 5)], axis=2)
    return Image.fromarray(pixels.astype(np.uint8))


def as_tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return (a.float() - b.float()).abs().max().item()


@pytest.mark.parametrize(
    ("name", "convert"),
    [
        ("rgb.jpg", lambda image: image),
        ("grey.jpg", lambda image: image.convert("L")),
        ("cmyk.jpg", lambda image: image.convert("CMYK")),
        ("rgb.png", lambda image: image),
        ("grey.png", lambda image: image.convert("L")),
        ("grey_alpha.png", lambda image: image.convert("LA")),
        ("palette.png", lambda image: image.convert("P")),
        ("bilevel.png", lambda image: image.convert("1")),
        ("rgba.png", lambda image: image.convert("RGBA")),
        ("palette.gif", lambda image: image.convert("P")),
        ("rgb.webp", lambda image: image),
        ("rgb.bmp", lambda image: image),
        ("rgb.tif", lambda image: image),
    ],
)
def test_every_mode_becomes_rgb(tmp_path: Path, name: str, convert: Callable[[Image.Image], Image.Image]) -> None:
    convert(picture()).save(tmp_path / name)
    result = read_image(tmp_path / name, H, W)
    assert result.dtype == torch.uint8
    assert result.shape == (3, H, W)
    assert result.is_contiguous()
    # CMYK: two libraries round its conversion differently.
    tolerance = 3 if "cmyk" in name else 0
    assert distance(result, as_tensor(Image.open(tmp_path / name))) <= tolerance


def test_the_content_counts_not_the_suffix(tmp_path: Path) -> None:
    picture().save(tmp_path / "really_png.jpg", format="PNG")
    assert distance(read_image(tmp_path / "really_png.jpg", H, W), as_tensor(picture())) == 0


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    ramp = np.linspace(0, 65535, H * W).reshape(H, W).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / f"deep.{suffix}")
    result = read_image(tmp_path / f"deep.{suffix}", H, W)
    assert result.dtype == torch.uint8
    assert result.shape == (3, H, W)
    assert distance(result[0], torch.from_numpy((ramp / 257).round().astype(np.uint8))) == 0
    assert (result[0] == result[2]).all()


def test_floating_point_samples_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((H, W), dtype=np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(DataError, match="floating-point"):
        read_image(tmp_path / "float.tif", H, W)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_camera_orientation_only_if_the_size_then_agrees(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    picture().save(path, exif=exif)
    stored = Image.open(path)
    assert distance(read_image(path, H, W), as_tensor(stored)) == 0
    if orientation >= 5:
        assert distance(read_image(path, W, H), as_tensor(ImageOps.exif_transpose(stored))) == 0
    else:
        with pytest.raises(DataError, match=f"{W}×{H}"):
            read_image(path, W, H)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif"])
def test_truncated_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"short.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    with pytest.raises(DataError, match=f"short.{suffix}: "):
        read_image(path, H, W)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"PK\x03\x04 zip", "archive"),
        (b"\xff\xd8\xff\xe0 not much of a JPEG", "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n", "cannot be decoded"),
        (b"hello", "cannot be decoded"),
    ],
)
def test_files_that_are_no_images(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=why) as error:
        read_image(path, H, W)
    assert str(error.value).startswith(str(path))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.jpg.*does not exist"):
        read_image(tmp_path / "gone.jpg", H, W)
    with pytest.raises(DataError, match="cannot be read"):
        read_image(tmp_path, H, W)


@pytest.mark.parametrize("size", [(H, W + 1), (H - 1, W), (W, H)])
def test_size_that_contradicts_the_annotations(tmp_path: Path, size: tuple[int, int]) -> None:
    picture().save(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=rf"has {W}×{H} pixels.*say {size[1]}×{size[0]}"):
        read_image(tmp_path / "a.jpg", *size)


def test_pixel_limit_is_pils(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture().save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match="DecompressionBomb"):
        read_image(tmp_path / "a.png", H, W)
