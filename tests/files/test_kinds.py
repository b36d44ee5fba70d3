"""What people give in place of a checkpoint, and of an annotation file, is named with the way out."""

from __future__ import annotations

import json
import os
import re
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contrastmask.completion.source_file import digest
from contrastmask.data.file_content import read_json
from contrastmask.data.images.files import open_image
from contrastmask.errors import DataError
from contrastmask.evaluation.run_files import run_files
from contrastmask.files.journal import Journal
from contrastmask.files.kinds import HEAD, mistaken_for_weights, no_file, what_it_is
from contrastmask.report.pictures import data_uri

TORCH = b"PK\x03\x04" + b"\0" * 26 + b"last/data.pkl"
COCO = {"images": [], "annotations": [], "categories": []}


def picture(form: str) -> bytes:
    file = BytesIO()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", json.dumps(COCO).encode(), "JSON and looks like an annotation file.*data.annotations="),
        ("a.ckpt", json.dumps({"info": "", **COCO}).encode(), "looks like an annotation file"),
        ("a.json", json.dumps({"images": ["x" * 100_000], "annotations": []}).encode(), "looks like an annotation"),
        ("a.json", b'[{"image_id": 1, "category_id": 2, "bbox": []}]', "file of detections.*contrastmask evaluate"),
        ("a.json", b'\xef\xbb\xbf{"a": 1}', "it is JSON; a run's checkpoint is RUN/checkpoints/last.ckpt"),
        *(("a.bin", picture(form), f"an image .{form}.; predict's source=") for form in ("JPEG", "PNG", "BMP", "WebP")),
        ("a.onnx", b"\x08\x0a\x12\x07pytorch", "an exported model.*the checkpoint that it was made of"),
        ("a.xml", b'<?xml version="1.0"?>\n<net name="crops" version="11">', "an exported model"),
        ("a.xml", b'<?xml version="1.0"?>\n<annotations>', "XML as CVAT and VOC write"),
        ("resolved.yaml", b"data:\n  root: x\n", "settings .YAML."),
        ("a.pth", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("a.pth", b"<!DOCTYPE html><html>", "web page"),
        ("a.pth", b"", "empty"),
        ("a.zip", b"PK\x03\x04\x14\0\0\0", "compressed archive"),
        ("a.ckpt", (9).to_bytes(8, "little") + b'{"a": {}}', "named .*safetensors"),
        ("a.safetensors", TORCH, r"checkpoint of PyTorch, which has to be named \*.ckpt"),
        ("notes.txt", "größer".encode(), "a text file"),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    found = mistaken_for_weights(tmp_path / name)
    assert found is not None
    assert re.search(said, found)


@pytest.mark.parametrize("content", [TORCH, b"PK\x03\x04", b"\x80\x02\x8a\x0a", b"\x08\0"])
def test_what_may_be_one_is_left_to_the_reader(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pth").write_bytes(content)
    assert mistaken_for_weights(tmp_path / "a.pth") is None


def test_of_a_folder_the_file_in_it_is_named(tmp_path: Path) -> None:
    assert mistaken_for_weights(tmp_path) == "it is a folder; the file in it is needed"
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    assert mistaken_for_weights(tmp_path) == f"it is a folder; its checkpoint is {tmp_path}/checkpoints/last.ckpt"
    assert mistaken_for_weights(tmp_path / "checkpoints") == mistaken_for_weights(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TORCH, "file of weights"),
        (picture("PNG"), "an image"),
        (b"<annotations><version>1.1</version>", "CVAT and VOC"),
    ],
)
def test_what_is_no_annotation_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_json(tmp_path / "a.json")


def test_a_broken_image_is_not_told_to_be_one() -> None:
    assert what_it_is(picture("JPEG")[:HEAD]) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_is_told_before_it_is_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "a.ckpt"
    os.mkfifo(pipe)
    assert no_file(pipe) == "it is a device, a pipe or a socket"
    assert no_file(tmp_path) == "it is a folder"
    assert no_file(tmp_path / "none") is no_file(Path("a\0b")) is no_file(Path(__file__)) is None
    assert mistaken_for_weights(pipe) == "it is a device, a pipe or a socket; a file is needed"
    for read in (read_json, digest, partial(open_image, size=None), partial(Journal, identity={})):
        with pytest.raises(DataError, match=r"a\.ckpt.*it is a device, a pipe"):
            read(pipe)
    (tmp_path / "data.json").write_text("{}")
    (tmp_path / "detections.json").write_text("[]")
    os.mkfifo(tmp_path / "resolved.yaml")
    with pytest.raises(DataError, match=r"resolved\.yaml cannot be read: it is a device"):
        run_files(tmp_path)
    os.mkfifo(tmp_path / "a.png")
    assert data_uri(tmp_path, "a.png") is None
