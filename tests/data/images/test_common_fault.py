"""What nearly all image files have in common is said once, with a way out that works."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contrastmask.check import main
from contrastmask.data.images.common_fault import common_fault
from contrastmask.data.images.findings import look_at
from contrastmask.data.images.read import read_image_of
from contrastmask.errors import DataError
from tests.data.coco_rows import H, W, content, image, read, reasons, row
from tests.tiny_run import tiny_data

EXCHANGED = "whose width and height are exchanged: taken from the picture"


def rewrite(root: Path, **changes: str) -> int:
    """Give each image of the training file the values that its own key of that name has, or a name with a prefix."""
    file = root / "annotations" / "train.json"
    found = json.loads(file.read_text())
    for row_ in found["images"]:
        row_ |= {key: row_[value] for key, value in changes.items() if key != "prefix"}
        row_["file_name"] = changes.get("prefix", "") + row_["file_name"]
    file.write_text(json.dumps(found))
    return len(found["images"])


def test_exchanged_sizes_are_one_reason_and_a_repair_takes_them_from_the_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    data = tiny_data(tmp_path)
    assert main(data) == 0
    sound = capsys.readouterr().out
    number = rewrite(tmp_path, height="width", width="height")
    assert main(data) == 1
    said = capsys.readouterr().out
    assert said.count("exchanged") == 1
    assert f"train: {number} images, whose width and height are exchanged in the annotation file (ids 100, " in said
    assert f"{number} image files cannot be used; data.repair=true takes sizes from the pictures" in said
    assert "clipped" not in said  # follows from the sizes
    assert "on_bad" not in said  # nothing would be left
    assert main([*data, "data.repair=true"]) == 0
    mended = capsys.readouterr().out
    assert f"train: repaired: {number} images, {EXCHANGED}" in mended
    assert [line for line in mended.splitlines() if EXCHANGED not in line] == sound.splitlines()


def test_boxes_that_lie_as_the_file_says_speak_against_it(tmp_path: Path) -> None:
    """Somebody turned the pictures; sizes taken from them would clip sound boxes."""
    Image.fromarray(np.zeros((W, H, 3), dtype=np.uint8)).save(tmp_path / "1.jpg")
    file = content([row(1, bbox=[W - 10, 5, 10, 10], segmentation=...)], [image(1)])
    records = read(tmp_path, file, repair=True)
    assert (records.heights.tolist(), records.widths.tolist()) == ([H], [W])
    with pytest.raises(DataError, match=r"exchanged in the annotation file; data\.repair=true .* unless the boxes lie"):
        read_image_of(records, 0)
    file["annotations"][0]["bbox"] = [5, H, 10, 10]
    records = read(tmp_path, file, repair=True)
    assert (records.heights.tolist(), records.widths.tolist()) == ([W], [H])
    assert reasons(records, "repaired") == {EXCHANGED: 1}
    assert records.boxes.tolist() == [[5, H, 15, W]]


def test_cameras_turn_is_no_exchange(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((W, H, 3), dtype=np.uint8)).save(tmp_path / "1.jpg", exif=exif)
    upright, turned = image(1), image(1, height=W, width=H)
    for said in (upright, turned):
        for how in ("auto", "ignore"):
            records = read(tmp_path, content([row()], [said]), repair=True, exif=how)
            assert (records.heights[0], records.widths[0]) == (said["height"], said["width"])
            assert reasons(records, "repaired") == {}
    # a picture that no camera turned is not what data.exif=apply is about
    Image.fromarray(np.zeros((W, H, 3), dtype=np.uint8)).save(tmp_path / "1.jpg")
    assert reasons(read(tmp_path, content([row()], [upright]), exif="apply"), "repaired") == {}


def test_names_with_a_folder_too_many_are_one_reason_with_its_way(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    data = tiny_data(tmp_path)
    number = rewrite(tmp_path, prefix="sub/")
    assert main(data) == 1
    said = capsys.readouterr().out
    way = "data.strip_path=1 leaves their first folder out and finds the files"
    assert f"train: {number} images, whose files are not where `file_name` says (ids 100, 107, " in said
    assert said.rstrip().endswith(f"{number} image files cannot be used; {way}")
    assert "does not exist" not in said
    assert main([*data, "data.strip_path=1"]) == 0


def test_leaving_out_is_offered_where_images_are_left(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    data = tiny_data(tmp_path)
    first, *others = sorted((tmp_path / "train").iterdir())
    first.write_bytes(b"")
    assert main(data) == 1
    assert capsys.readouterr().out.rstrip().endswith("1 image file cannot be used; data.on_bad=skip leaves it out")
    for file in others:
        file.write_bytes(b"")
    assert main(data) == 1
    assert capsys.readouterr().out.rstrip().endswith(f"{1 + len(others)} image files cannot be used")


def fault_of(root: Path, pictures: dict[str, tuple[int, int]], names: list[str]) -> str:
    """Line and way out of a file of images H × W, given the pictures that are there, by name: height and width."""
    for name, size in pictures.items():
        Image.fromarray(np.zeros((*size, 3), dtype=np.uint8)).save(root / name)
    rows = [image(i, file_name=name) for i, name in enumerate(names, 1)]
    records = read(root, content([row()], rows))
    fault = common_fault(records, [look_at(records, i) for i in range(len(names))])
    assert fault is None or len(fault.images) == len(names)
    return f"{fault.line}; {fault.way}" if fault else ""


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((H // 2, W // 2), ("have 0.5 times the width and height", "no setting scales")),
        ((H, W + 1), ("a pixel larger or smaller", "write their sizes into the file's `width`")),
    ],
)
def test_sizes_that_all_differ_alike_are_one_reason(
    tmp_path: Path, size: tuple[int, int], said: tuple[str, str]
) -> None:
    found = fault_of(tmp_path, {"1.jpg": size, "2.jpg": size}, ["1.jpg", "2.jpg"])
    assert all(part in found for part in ("2 images", *said))


def test_sizes_that_differ_each_by_its_own_have_nothing_in_common(tmp_path: Path) -> None:
    assert fault_of(tmp_path, {"1.jpg": (H * 2, W), "2.jpg": (H, W * 3)}, ["1.jpg", "2.jpg"]) == ""


def test_another_ending_is_one_reason(tmp_path: Path) -> None:
    found = fault_of(tmp_path, {"1.jpg": (H, W), "2.jpeg": (H, W)}, ["1.png", "2.png"])
    assert "2 images, whose file_name ends in .png and the file beside in .jpeg or .jpg" in found
    assert "every `file_name` needs its file's ending" in found


def test_missing_files_are_one_line_with_names_and_folder(tmp_path: Path) -> None:
    found = fault_of(tmp_path, {}, [f"{i}.jpg" for i in range(4)])
    assert f"4 images, whose files are not in {tmp_path}: '0.jpg', '1.jpg', '2.jpg', …" in found


def test_links_that_lead_out_keep_their_own_way(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    for name in ("1.jpg", "2.jpg"):
        (outside / name).touch()
        (root / name).symlink_to(outside / name)
    assert fault_of(root, {}, ["1.jpg", "2.jpg"]) == ""
