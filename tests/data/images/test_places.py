"""Names of image files as real tools write them, and the guard: no name leads out of the image folder."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from contrastmask.check import main
from contrastmask.data.images.places import find_image
from contrastmask.data.images.rules import ImageRules
from contrastmask.errors import ConfigError, DataError
from tests.data.coco_rows import content, image, read

CASES = Path(__file__).parents[4] / "shared" / "cases"


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root.resolve()


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("sub\\a.png", "sub/a.png"),
        ("sub\\deep/a.png", "sub/deep/a.png"),
        ("back\\slash.png", "back\\slash.png"),  # a file of that very name
        (unicodedata.normalize("NFC", "café/é.png"), unicodedata.normalize("NFD", "café/é.png")),
        (unicodedata.normalize("NFD", "日が/é.png"), unicodedata.normalize("NFC", "日が/é.png")),
        (unicodedata.normalize("NFC", "é\\ü.png"), unicodedata.normalize("NFD", "é/ü.png")),
        ("plain.png", "plain.png"),
        ("Sub/FRAME_01.PNG", "sub/frame_01.png"),
        ("É.PNG", unicodedata.normalize("NFD", "é.png")),
        ("my%20photos%2Fa%5F1.png", "my photos/a_1.png"),
        ("100%25%20sure.png", "100%25%20sure.png"),  # a file of that very name
        ("50% of it.png", "50% of it.png"),
        (" a.png\n", "a.png"),
    ],
)
def test_other_spellings_of_a_name_are_found(tmp_path: Path, name: str, there: str) -> None:
    root = files(tmp_path, there, "other.png")
    assert find_image(root, name) == (root / there, there)


@pytest.mark.parametrize(
    ("name", "strip", "there"),
    [
        ("/data/upload/1/a.png", 3, "a.png"),
        ("b.png", 3, "b.png"),  # Label Studio mixes both in one file
        ("C:\\data\\photos\\sub\\a.png", 2, "sub/a.png"),
        ("https://host/data/a.png", 2, "a.png"),
        ("upload/1/a.png", 2, "a.png"),
        ("/data/upload/1/a.png", "auto", "a.png"),
        ("/data/upload/sub/a.png", "auto", "sub/a.png"),
        ("s3://bucket/set/sub/a.png", "auto", "sub/a.png"),
        ("../../set/a.png", "auto", "a.png"),
        ("/data/é.png", "auto", "deep/down/é.png"),
        ("a.png", "auto", "a.png"),
        ("https://host/bucket/a.png?X-Amz-Signature=3%2Fc&part=/b", 2, "a.png"),
        ("https://host/bucket/my%20a.png#top", "auto", "my a.png"),
        ("/data/upload/3/0f3ab9d1-a.png", "auto", "a.png"),
        ("images/d4ddc42d__a.png", "auto", "a.png"),  # Label Studio's converter (label-studio-sdk 2.1.2) of an address
        ("/data/upload/3/0f3ab9d1-a.png", "auto", "0f3ab9d1-a.png"),
        ("/data/upload/3/0f3ab9d1-a.png", "auto", "deep/down/a.png"),
        ("/data/local-files/?d=photos/sub/a.png", 2, "photos/sub/a.png"),
        ("/data/local-files/?d=a.png", "auto", "a.png"),
        ("/data/local-files/?d=my%20photos%5Ca.png", "auto", "my photos/a.png"),
    ],
)
def test_folders_of_an_upload_are_left_out(tmp_path: Path, name: str, strip: int | str, there: str) -> None:
    root = files(tmp_path, there)
    records = read(root, content([], [image(1, file_name=name)]), strip_path=strip)
    assert records.file_name(0) == name
    assert records.file_path(0) == root / there
    assert records.inner_name(0) == there


def test_a_name_that_several_files_have_is_not_guessed(tmp_path: Path) -> None:
    root = files(tmp_path, "one/a.png", "two/a.png")
    with pytest.raises(DataError, match=r"may be any of one/a\.png, two/a\.png .*strip_path=N"):
        find_image(root, "/data/3/a.png", ImageRules(strip_path="auto"))
    assert find_image(root, "/data/two/a.png", ImageRules(strip_path="auto"))[1] == "two/a.png"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["/data/upload/1/1.jpg", "2.jpg"], "data.strip_path=3 leaves"),
        (["/up/1.jpg", "/other/up/2.jpg"], "data.strip_path=2 leaves"),
        (["/up/x.jpg", "/other/up/2.jpg"], "data.strip_path=auto finds 2 of 2"),
        (["C:\\x\\1.jpg"], "data.strip_path=1 leaves"),
        (["https://host/1.jpg?size=9", "https://host/2.jpg"], "data.strip_path=1 leaves"),
        (["/data/local-files/?d=up/1.jpg", "/data/local-files/?d=up/2.jpg"], "data.strip_path=3 leaves"),
        (["https://host/gone.jpg", "https://host/lost.jpg"], ""),
    ],
)
def test_absolute_names_are_refused_with_a_way_out_that_works(tmp_path: Path, names: list[str], said: str) -> None:
    files(tmp_path, "1.jpg", "2.jpg", "deep/x.jpg")
    data = content([], [image(i, file_name=name) for i, name in enumerate(names)])
    with pytest.raises(DataError, match="file_name") as raised:
        read(tmp_path, data)
    assert said in str(raised.value)
    if said:
        setting = said.split("=")[1].split()[0]
        records = read(tmp_path, data, strip_path=setting if setting == "auto" else int(setting))
        assert all(records.file_path(i).is_file() for i in range(len(names)))
    else:
        assert "strip_path" not in str(raised.value)


def test_a_missing_file_says_which_setting_finds_it(tmp_path: Path) -> None:
    root = files(tmp_path, "1.jpg", "deep/x.jpg")
    names = ["upload/7/1.jpg", "upload/x.jpg", "gone.jpg", "images/d4ddc42d__1.jpg"]
    records = read(root, content([], [image(i, file_name=name) for i, name in enumerate(names)]))
    with pytest.raises(DataError, match=r"image 0: .*1\.jpg: the image file does not exist; data\.strip_path=2 finds"):
        records.file_path(0)
    with pytest.raises(DataError, match=r"data\.strip_path=auto finds deep/x\.jpg"):
        records.file_path(1)
    assert records.file_path(2) == root / "gone.jpg"
    with pytest.raises(DataError, match=r"data\.strip_path=auto finds 1\.jpg"):
        records.file_path(3)


def test_of_several_that_differ_by_capitals_none_is_guessed(tmp_path: Path) -> None:
    root = files(tmp_path, "a.png", "A.png")
    assert find_image(root, "A.png")[1] == "A.png"
    with pytest.raises(DataError, match=r"A\.PNG: the image file does not exist; A\.png does"):
        find_image(root, "A.PNG")


@pytest.mark.parametrize("name", ["sub/frame_000001", "sub/frame_000001.PNG"])
def test_another_ending_is_told(tmp_path: Path, name: str) -> None:
    root = files(tmp_path, "sub/frame_000001.jpg", "sub/frame_000002.jpg")
    with pytest.raises(DataError, match=r"not exist; sub/frame_000001\.jpg does: if it is this one, `file_name` needs"):
        find_image(root, name)
    files(tmp_path, "sub/frame_000001.tif")
    assert find_image(root, name) == (root / name, name)


@pytest.mark.parametrize("strip", [0, 1, 2, "auto"])
@pytest.mark.parametrize(
    "name",
    [
        "..%2Fsecret.txt",
        "%2e%2e/secret.txt",
        "https://host/x/%2e%2e/%2e%2e/secret.txt",
        "/local-files/?d=../secret.txt",
        "../secret.txt",
        "a/../../secret.txt",
        "..\\secret.txt",
        "a\\..\\..\\secret.txt",
        "x/../../secret.txt",
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str, strip: int | str) -> None:
    (tmp_path / "secret.txt").write_text("own")
    root = files(tmp_path / "images", "a/b.png")
    for rules in (ImageRules(strip_path=strip), ImageRules(strip_path=strip, follow_links=True)):
        try:
            path, inner = find_image(root, name, rules)
        except DataError:
            continue
        assert path.is_relative_to(root)
        assert ".." not in Path(inner).parts
        assert not path.exists()
    (tmp_path / "absolute.txt").write_text("own")
    with pytest.raises(DataError, match="leads out"):
        find_image(root, str(tmp_path / "absolute.txt"), ImageRules(follow_links=True))


def test_links_that_a_user_made_are_followed_on_request(tmp_path: Path) -> None:
    outside, root = files(tmp_path / "disk", "a.png", "sub/b.png"), files(tmp_path / "images", "c.png")
    (root / "a.png").symlink_to(outside / "a.png")
    (root / "folder").symlink_to(outside / "sub")
    data = content([], [image(1, file_name="a.png"), image(2, file_name="folder/b.png"), image(3, file_name="c.png")])
    with pytest.raises(DataError, match=r"image 1: .*by a link\. data\.follow_links=true"):
        read(root, data).file_path(0)
    records = read(root, data, follow_links=True)
    assert [records.file_path(i) for i in range(3)] == [outside / "a.png", outside / "sub" / "b.png", root / "c.png"]
    assert records.inner_name(1) == "folder/b.png"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"strip_path": -1}, r"strip_path=-1"),
        ({"strip_path": "all"}, r"strip_path=all"),
        ({"strip_path": True}, r"strip_path=True"),
        ({"exif": "maybe"}, r"exif=maybe .*auto, apply, ignore"),
        ({"bit_depth": 8}, r"bit_depth=8"),
        ({"bit_depth": "max"}, r"bit_depth=max"),
    ],
)
def test_settings_that_do_not_exist_are_named(settings: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ImageRules(**settings)


def both(root: Path) -> list[str]:
    sides = [f"data.{side}_{what}" for side in ("train", "val") for what in ("annotations", "images")]
    values = ["train.json", "images", "val.json", "images"]
    return [f"data.root={root}", *(f"{k}={v}" for k, v in zip(sides, values, strict=True)), "split=as_annotated"]


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the cases in ../shared")
def test_the_case_of_windows_separators(capsys: pytest.CaptureFixture) -> None:
    assert main(both(CASES / "windows-separators")) == 0
    said = capsys.readouterr().out
    assert "train: noted: 4 images, that were found though file_name differs" in said
    assert "ready to train" in said


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the cases in ../shared")
def test_the_case_of_label_studios_paths(tmp_path: Path) -> None:
    data = json.loads((CASES / "label_studio_paths.json").read_text())
    nowhere = rf"\(id 11\): none of these files lies in {tmp_path}, with or without its folders: name the folder"
    with pytest.raises(DataError, match=nowhere):
        read(tmp_path, data)
    files(tmp_path, "a.png", "b.png")
    with pytest.raises(DataError, match=r"\(id 11\): data\.strip_path=3 leaves their first 3 folders out and finds"):
        read(tmp_path, data)
    records = read(tmp_path, data, strip_path=3)
    assert [records.file_path(i).name for i in range(2)] == ["a.png", "b.png"]
