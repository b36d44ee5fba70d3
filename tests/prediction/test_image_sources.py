"""Sources of prediction: lists without annotations, hidden files, its own output, brackets, every orientation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from contrastmask.data.images.rules import ImageRules
from contrastmask.errors import ConfigError, DataError
from contrastmask.prediction.image_sources import SourceDataset, find_images, pictures_of

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def pictures(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS).save(root / name)
    return root


def names(source: str | Path, **options: object) -> list[str]:
    return [image.name for image in find_images(source, **options)[0]]


def listed(path: Path, **changes: object) -> Path:
    content = {"info": {}, "images": [{"id": 7, "file_name": "a.png", "height": 20, "width": 30}],
               "categories": [{"id": 3, "name": "cat"}]}  # fmt: skip
    path.write_text(json.dumps({key: value for key, value in (content | changes).items() if value is not None}))
    return path


@pytest.mark.parametrize("annotations", [None, [], [{"id": 1, "image_id": 99}], "broken"])
def test_a_list_of_images_needs_no_annotations(tmp_path: Path, annotations: object) -> None:
    pictures(tmp_path, "a.png")
    images, categories = find_images(listed(tmp_path / "test-dev.json", annotations=annotations), tmp_path)
    assert [(i.id, i.name, i.size) for i in images] == [(7, "a.png", (20, 30))]
    assert categories == {"cat": 3}
    assert SourceDataset(images)[0][2] is None


def test_a_list_without_categories_has_the_checkpoints(tmp_path: Path) -> None:
    assert find_images(listed(pictures(tmp_path, "a.png") / "a.json", categories=None), tmp_path)[1] is None


@pytest.mark.parametrize("images", [None, [], "broken", [{"id": 1, "file_name": "a.png"}]])
def test_a_file_that_lists_no_images_is_said(tmp_path: Path, images: object) -> None:
    with pytest.raises(DataError, match=r"x\.json (lists no images|is not consistent)"):
        find_images(listed(tmp_path / "x.json", images=images), tmp_path)


def test_one_image_that_cannot_be_found_costs_itself_alone(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    root = pictures(tmp_path / "images", "a.png")
    pictures(tmp_path / "outside", "b.png")
    (root / "b.png").symlink_to(tmp_path / "outside" / "b.png")
    rows = [{"id": i, "file_name": f, "height": 20, "width": 30} for i, f in ((1, "b.png"), (2, "a.png"))]
    source = listed(tmp_path / "x.json", images=rows)
    dataset = SourceDataset(find_images(source, root)[0])
    assert "follow_links" in dataset[0][2]
    assert dataset[1][2] is None
    rules = ImageRules(follow_links=True)
    assert SourceDataset(find_images(source, root, rules=rules)[0], rules)[0][2] is None


def test_upload_paths_name_files_inside_the_output(tmp_path: Path) -> None:
    pictures(tmp_path, "sub/a.png")
    rows = [{"id": 1, "file_name": "/data/upload/sub/a.png", "height": 20, "width": 30}]
    source = listed(tmp_path / "x.json", images=rows)
    with pytest.raises(DataError, match=r"data\.strip_path=2"):
        find_images(source, tmp_path)
    for strip in (2, "auto"):
        assert names(source, images=tmp_path, rules=ImageRules(strip_path=strip)) == ["sub/a.png"]


def test_hidden_files_and_the_output_are_no_source(tmp_path: Path) -> None:
    root = pictures(tmp_path / "shots", "a.png", "._a.png", ".cache/b.png", "deep/c.png", "found/overlays/a.png.png")
    (root / "folder.png").mkdir()
    assert names(root, output=root / "found") == ["a.png", "deep/c.png"]
    assert names(root) == ["a.png", "deep/c.png", "found/overlays/a.png.png"]
    assert names(str(root / "**" / "*.png"), output=root / "found") == ["a.png", "deep/c.png"]
    # what is asked for by name is taken
    assert names(root / "._a.png") == ["._a.png"]
    assert names(root / "found" / "overlays", output=root / "found") == ["a.png.png"]
    assert names(root, output=root) == ["a.png", "deep/c.png", "found/overlays/a.png.png"]


@pytest.mark.parametrize("folder", ["shots[1]", "[a]", "a[b]c/d[e]", "shots [2024-05-01]", "x[!y]"])
def test_brackets_of_a_folder_that_exists(tmp_path: Path, folder: str) -> None:
    root = pictures(tmp_path / folder, "one.jpg", "two.jpg", "deep/three.jpg")
    assert names(f"{root}/*.jpg") == ["one.jpg", "two.jpg"]
    assert names(f"{root}/**/*.jpg") == ["deep/three.jpg", "one.jpg", "two.jpg"]
    assert names(f"{root}/[ot]*.jpg") == ["one.jpg", "two.jpg"]
    assert names(root) == ["deep/three.jpg", "one.jpg", "two.jpg"]
    with pytest.raises(ConfigError, match="no image there"):
        find_images(f"{root}/*.gif")


def test_brackets_that_are_a_pattern(tmp_path: Path) -> None:
    pictures(tmp_path, "shots1/a.jpg", "shots2/b.jpg", "shots3/c.jpg")
    assert names(f"{tmp_path}/shots[12]/*.jpg") == ["shots1/a.jpg", "shots2/b.jpg"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("square", [False, True])
def test_folders_are_read_as_a_viewer_shows_them(tmp_path: Path, orientation: int, square: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PIXELS[:, :20] if square else PIXELS).save(tmp_path / "a.png", exif=exif)
    _, shown, problem = SourceDataset(find_images(tmp_path)[0])[0]
    assert problem is None
    np.testing.assert_array_equal(shown, np.array(ImageOps.exif_transpose(Image.open(tmp_path / "a.png"))))
    # an annotation file's boxes lie in the frame that its sizes say
    height, width = shown.shape[:2]
    rows = [{"id": 1, "file_name": "a.png", "height": 20, "width": 20 if square else 30}]
    source = listed(tmp_path / "x.json", images=rows)
    _, stored, _ = SourceDataset(find_images(source, tmp_path)[0])[0]
    np.testing.assert_array_equal(stored, PIXELS[:, :20] if square else PIXELS)
    rows[0] |= {"height": height, "width": width}
    rules = ImageRules(exif="apply")
    source = listed(tmp_path / "x.json", images=rows)
    np.testing.assert_array_equal(SourceDataset(find_images(source, tmp_path, rules=rules)[0], rules)[0][1], shown)


def test_a_link_to_itself_is_no_image(tmp_path: Path) -> None:
    root = pictures(tmp_path / "images", "a.png")
    (root / "b.png").symlink_to("b.png")
    assert [image.name for image in find_images(root, None, output=tmp_path / "out")[0]] == ["a.png"]


def test_what_the_pictures_of_a_file_are_like_is_told_before_predicting(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    rows = [{"id": n, "file_name": f"{name}.png", "height": 20, "width": 30} for n, name in enumerate("ab", 1)]
    source = listed(tmp_path / "x.json", images=rows)
    (line,) = pictures_of(find_images(source, tmp_path)[0], ImageRules(), str(source)).lines()
    assert line.startswith("warning: 1 image, that a viewer turns (EXIF)")
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match=r"no image that is asked for in .*x\.json can be read"):
        pictures_of(find_images(source, tmp_path)[0], ImageRules(), str(source))
    pictures(tmp_path / "images", "a.png")
    assert not pictures_of(find_images(tmp_path / "images")[0], ImageRules(), "images")
