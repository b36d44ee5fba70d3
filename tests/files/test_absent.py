"""What is said of a path that leads nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from contrastmask.data.file_content import look_at, read_json, require_folder
from contrastmask.errors import CheckpointError, ConfigError, DataError
from contrastmask.evaluation.run_files import given_files
from contrastmask.files.absent import absent
from contrastmask.files.kinds import require_weights
from contrastmask.prediction.image_sources import find_images
from contrastmask.report.columns import read_columns
from contrastmask.runtime.model_file import ModelFile


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder as people have them."""
    for folder in ("images", "annotations", "Photos"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    for name in ("train.json", "val.json", "notes.txt", ".hidden.json", "train.zip", "annotations/more.json"):
        (tmp_path / "data" / name).touch()
    (tmp_path / "empty").mkdir()
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("name", "folder", "clue"),
    [
        ("trian.json", False, "; did you mean train.json?"),
        ("Val.JSON", False, "; did you mean val.json?"),
        ("val.jsn", False, "; did you mean val.json?"),
        ("dev.json", False, "; in {data} lie val.json, train.json, notes.txt, train.zip and 3 more"),
        ("more.json", False, "; did you mean annotations/more.json?"),
        ("imgs", True, "; did you mean images?"),
        ("photo", None, "; did you mean Photos?"),
        ("test.json", False, "; in {data} lie train.json, val.json, notes.txt, train.zip and 3 more"),
        ("xyz", True, "; in {data} lie Photos, annotations, images, notes.txt and 3 more"),
        ("image/a/train.json", False, ": there is no folder {data}/image; did you mean images?"),
        ("q/a.json", False, ": there is no folder {data}/q; in {data} lie Photos, annotations, images, train.json "
         "and 3 more"),
        ("train.json/a.json", False, ": {data}/train.json is no folder"),
        ("../empty/a.json", False, "; {data}/../empty is empty"),
    ],
)  # fmt: skip
def test_the_way_out(data: Path, name: str, folder: bool | None, clue: str) -> None:
    said = absent("the file", data / name, folder=folder)
    assert said == f"the file {data / name} does not exist{clue.format(data=data)}"


def test_what_is_there_is_not_absent(data: Path) -> None:
    assert absent("the file", data / "train.json") is absent("the folder", data, folder=True) is None
    assert absent("the folder", data / "train.json", folder=True) == f"the folder {data}/train.json is no folder"
    assert "cannot be read" in str(absent("the file", "a\0b"))
    assert "cannot be read" in str(absent("the file", "a" * 1000))


def test_a_link_and_a_home_and_here(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "link.json").symlink_to("gone/far.json")
    assert str(absent("the file", data / "link.json")).endswith("does not exist: it is a link to gone/far.json, which "
                                                                "is not there")  # fmt: skip
    monkeypatch.chdir(data.parent)
    assert "$HOME stands for the same folder" in str(absent("the file", "~/train.json"))
    assert str(absent("the file", "RUN/last.ckpt")).endswith(f"no folder RUN; in {data.parent} lie data, empty")


def test_every_reader_says_it(data: Path) -> None:
    readers = (look_at, read_json, require_folder, require_weights, ModelFile, find_images)
    for read in (*readers, lambda path: given_files([path]), lambda path: read_columns([path])):
        path = data / ("trian.json" if read in (look_at, read_json) else "imagse.onnx")
        with pytest.raises((DataError, CheckpointError, ConfigError), match=f"{path} does not exist; ") as error:
            read(path)
        assert str(error.value).count(str(path)) == 1
