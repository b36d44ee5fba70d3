"""What check says of image files that can be read and may not be what is meant: turned, mirrored, dark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from contrastmask.check import main
from contrastmask.data.images.findings import findings_report, look_at
from contrastmask.data.images.read import read_image, view_image
from contrastmask.data.images.rules import ImageRules
from contrastmask.errors import DataError
from tests.data.coco_rows import content, image, read
from tests.data.images.test_places import CASES, both

H, W = 40, 50


def pixels(height: int = H, width: int = W) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, array: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(array).save(path, exif=exif)


def found(root: Path, **rules: object) -> dict[str, int]:
    records = read(root, content([], [image(1, file_name="1.png"), image(2, file_name="2.png")]), **rules)
    report = findings_report(records, [look_at(records, i) for i in range(2)])
    return {f"{outcome}: {row['reason']}": row["count"] for outcome, rows in report.to_dict().items() for row in rows}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_viewers_picture_of_every_orientation(tmp_path: Path, orientation: int, square: bool, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    save(path, pixels(H, H if square else W), orientation)
    shown = np.array(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    np.testing.assert_array_equal(view_image(path).permute(1, 2, 0).numpy(), shown)
    turned = read_image(path, *shown.shape[:2], ImageRules(exif="apply"))
    np.testing.assert_array_equal(turned.permute(1, 2, 0).numpy(), shown)
    stored = np.array(Image.open(path).convert("RGB"))
    left = read_image(path, *stored.shape[:2], ImageRules(exif="ignore"))
    np.testing.assert_array_equal(left.permute(1, 2, 0).numpy(), stored)
    if orientation > 4 and not square:
        with pytest.raises(DataError, match=r"data\.exif=apply"):
            read_image(path, *stored.shape[:2], ImageRules(exif="apply"))
        with pytest.raises(DataError, match=r"data\.exif=ignore"):
            read_image(path, *shown.shape[:2], ImageRules(exif="ignore"))


def test_orientations_that_the_sizes_do_not_tell_are_counted(tmp_path: Path) -> None:
    save(tmp_path / "1.png", pixels(), 3)
    save(tmp_path / "2.png", pixels(), 6)
    assert found(tmp_path) == {
        "warning: that a viewer mirrors or turns (EXIF) without another size: read as stored": 1,
        "warning: that a viewer turns (EXIF) while the annotation file has the size before turning: read as stored": 1,
    }
    assert found(tmp_path, exif="ignore") == {
        "noted: that a viewer turns or mirrors (EXIF): read as stored, data.exif=ignore": 2
    }
    # the size before turning is exchanged
    assert found(tmp_path, exif="apply") == {"noted: turned as EXIF says": 2}
    records = read(tmp_path, content([], [image(1, file_name="1.png"), image(2, file_name="2.png")]), exif="apply")
    assert (records.heights.tolist(), records.widths.tolist()) == ([H, W], [W, H])
    assert "size is the one before EXIF turns it" in records.report.lines()[0]
    save(tmp_path / "2.png", pixels(W, H), 8)
    assert found(tmp_path, exif="apply") == {"noted: turned as EXIF says": 2}
    save(tmp_path / "1.png", pixels(), 1)
    assert found(tmp_path) == {"noted: turned as EXIF says": 1}


def deep(path: Path, greatest: int, colours: bool = False) -> np.ndarray:
    ramp = np.linspace(0, greatest, H * W).round().astype(np.uint16).reshape(H, W)
    if colours:
        _write_rgb16(path, np.stack([ramp] * 3, axis=-1))
    else:
        Image.fromarray(ramp).save(path)
    return ramp


def _write_rgb16(path: Path, samples: np.ndarray) -> None:
    """A PNG of 16 bits a colour, which PIL cannot write."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) +
                     chunk(b"IEND", b""))  # fmt: skip


@pytest.mark.parametrize("colours", [False, True])
@pytest.mark.parametrize(("bits", "greatest"), [(12, 4095), (10, 1000), (12, 2900)])
def test_few_bits_in_a_16_bit_file_are_said_and_can_be_told(
    tmp_path: Path, bits: int, greatest: int, colours: bool
) -> None:
    ramp = deep(tmp_path / "1.png", greatest, colours)
    deep(tmp_path / "2.png", 65535)
    (reason,) = found(tmp_path)
    assert f"({bits} bits): read as almost black" in reason
    assert found(tmp_path, bit_depth="own") == {}
    with pytest.warns(UserWarning, match=r"data\.bit_depth=12"):
        dark = read_image(tmp_path / "1.png", H, W)
    assert dark.max() < 17
    told = read_image(tmp_path / "1.png", H, W, ImageRules(bit_depth=bits))
    np.testing.assert_array_equal(told[0].numpy(), np.round(ramp.astype(float) * 255 / (2**bits - 1)).astype(np.uint8))
    assert read_image(tmp_path / "1.png", H, W, ImageRules(bit_depth="own")).max() == 255
    with pytest.raises(DataError, match=rf"a sample of 65535, more than data\.bit_depth={bits} allows"):
        read_image(tmp_path / "2.png", H, W, ImageRules(bit_depth=bits))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_noted_and_read_in_the_files_own_colours(tmp_path: Path, mode: str) -> None:
    opaque = Image.fromarray(pixels()).convert({"RGBA": "RGB", "LA": "L", "P": "P"}[mode])
    clear = opaque.convert(mode)
    for name, least in (("1.png", 0), ("2.png", 255)):
        if mode == "P":
            clear.save(tmp_path / name, transparency=bytes([least] + [255] * 255))
        else:
            clear.putalpha(Image.fromarray(np.linspace(least, 255, H * W).astype(np.uint8).reshape(H, W)))
            clear.save(tmp_path / name)
    (reason,) = found(tmp_path)
    assert reason.startswith("noted: with transparent pixels: read as if they were opaque")
    assert found(tmp_path)[reason] == 1
    np.testing.assert_array_equal(
        read_image(tmp_path / "1.png", H, W).permute(1, 2, 0), np.array(opaque.convert("RGB"))
    )


@pytest.mark.parametrize("bit_depth", [16, 12, "own"])
def test_a_black_picture_stays_black(tmp_path: Path, bit_depth: int | str) -> None:
    Image.fromarray(np.zeros((H, W), dtype=np.uint16)).save(tmp_path / "a.png")
    assert torch.equal(read_image(tmp_path / "a.png", H, W, ImageRules(bit_depth=bit_depth)),
                       torch.zeros(3, H, W, dtype=torch.uint8))  # fmt: skip


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the cases in ../shared")
def test_the_cases(capsys: pytest.CaptureFixture) -> None:
    assert main(both(CASES / "exif6-raw-size")) == 0
    assert "warning: 4 images, that a viewer turns (EXIF) while the annotation file has" in capsys.readouterr().out
    assert main([*both(CASES / "exif6-raw-size"), "data.exif=apply"]) == 0
    said = capsys.readouterr().out
    assert "train: repaired: 4 images, whose size is the one before EXIF turns it" in said
    assert "dropped" not in said
    assert main(both(CASES / "png-12-bits")) == 0
    said = capsys.readouterr().out
    assert "train: warning: 4 images, whose 16-bit samples are" in said
    assert "data.bit_depth=12" in said
    assert main([*both(CASES / "png-12-bits"), "data.bit_depth=12"]) == 0
    assert "almost black" not in capsys.readouterr().out
