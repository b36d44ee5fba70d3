"""What completion says of the pictures before it begins: turned by a viewer, or none that can be read."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.errors import DataError
from tests.completion.filled_boxes import FilledBoxes
from tests.data.coco_rows import H, W, content, image, row

TURNED = "warning: 1 image, that a viewer turns (EXIF) while the annotation file has the size before turning"


def turned(path: Path, orientation: int = 6) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.zeros((H, W, 3), dtype=np.uint8)).save(path, exif=exif)


def written(folder: Path, names: tuple[str, ...] = ("1.jpg", "2.jpg")) -> None:
    """A file with two images that lack a mask each."""
    rows = [row(n, image_id=n, segmentation=None) for n in (1, 2)]
    images = [image(n, file_name=name) for n, name in enumerate(names, 1)]
    (folder / "in.json").write_text(json.dumps(content(rows, images)))
    (folder / "model").write_text("")


def run(folder: Path, **choices: Any) -> tuple[dict[str, Any], str]:
    said = Console(file=StringIO(), width=400)
    choices = {"images": folder, "output": folder / "out.json", "overwrite": True, **choices}
    options = CompletionOptions(folder / "in.json", **choices)
    return complete(options, FilledBoxes(folder / "model"), said), said.file.getvalue()  # type: ignore[arg-type]


def test_a_picture_that_a_viewer_turns_is_told(tmp_path: Path) -> None:
    written(tmp_path)
    turned(tmp_path / "1.jpg")
    turned(tmp_path / "2.jpg", 1)
    summary, said = run(tmp_path)
    assert TURNED in said
    assert "data.exif=apply" in said
    (warning,) = summary["records"]["warning"]
    assert (warning["count"], warning["examples"]) == (1, [1])
    whole = (tmp_path / "out.summary.json").read_bytes()
    for shard in (0, 1):
        assert (TURNED in run(tmp_path, shards=2, shard=shard)[1]) == (shard == 0)
    (tmp_path / "1.jpg").unlink()  # where shards are joined no image is needed
    _, said = run(tmp_path, shards=2)
    assert TURNED in said
    assert (tmp_path / "out.summary.json").read_bytes() == whole


@pytest.mark.parametrize("shards", [{}, {"shards": 2, "shard": 1}])
def test_without_any_image_nothing_is_written(tmp_path: Path, shards: dict[str, int]) -> None:
    written(tmp_path, ("sub/1.jpg", "sub/2.jpg"))
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"no image that is asked for in .*in\.json can be read") as error:
        run(tmp_path, images=tmp_path / "images", **shards)
    assert "data.images=" in str(error.value)
    assert "data.strip_path=" in str(error.value)
    assert not list(tmp_path.glob("*out*json*"))
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".journal"]


def test_of_some_images_one_is_enough(tmp_path: Path) -> None:
    written(tmp_path)
    turned(tmp_path / "1.jpg")
    run(tmp_path, shards=2, shard=1)  # whose only image is missing
    run(tmp_path, shards=2, shard=0)
    summary, _ = run(tmp_path, shards=2)
    assert (summary["completed"], summary["unreadable"]) == (1, ["2.jpg"])


def test_images_that_are_all_damaged(tmp_path: Path) -> None:
    written(tmp_path)
    for name in ("1.jpg", "2.jpg"):
        turned(tmp_path / name)
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-200])
    with pytest.raises(DataError, match="no image that is asked for"):
        run(tmp_path)
    assert not list(tmp_path.glob("*out*"))
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".journal"]
