"""`data=shapes`: valid COCO files, written deterministically, whole, and once."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from contrastmask.data.shapes import files, generate
from contrastmask.data.shapes.classes import SHAPE_CLASSES
from contrastmask.data.shapes.files import POLYGON_IOU, SUBSETS
from contrastmask.data.shapes.generate import ShapesConfig, generate_shapes, shapes_root
from contrastmask.data.shapes.scenes import render_scene
from contrastmask.data.splits import VOC_CLASSES
from contrastmask.errors import ConfigError, DataError

VOC = {shape.id for shape in SHAPE_CLASSES if shape.name in VOC_CLASSES}
HARD = {
    "classes": None,
    "objects": (2, 6),
    "object_size": (0.16, 0.55),
    "rotation": 180,
    "overlap": 0.5,
    "min_visible": 0.4,
}
SMALL = {"train_images": 6, "val_images": 3, "size": 64}


def _digests(root: Path) -> dict[str, str]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shapes_root(tmp_path_factory.mktemp("cache"), train_images=120, val_images=40, **HARD)


@pytest.fixture(scope="module")
def coco(root: Path) -> COCO:
    return COCO(str(root / "annotations" / "instances_train2017.json"))


def test_equal_arguments_give_bit_identical_files(tmp_path: Path) -> None:
    first, second = (generate_shapes(tmp_path / name, **SMALL) for name in "ab")
    assert _digests(first) == _digests(second)
    assert len(_digests(first)) == 6 + 3 + 2 + 1
    other = _digests(generate_shapes(tmp_path / "c", **SMALL, seed=1))
    assert not set(other.values()) & set(_digests(first).values())


def test_a_larger_set_begins_with_the_smaller_one(tmp_path: Path) -> None:
    few, many = (generate_shapes(tmp_path / str(n), **{**SMALL, "train_images": n}) for n in (2, 5))
    assert (few / "train2017" / f"{2:012d}.jpg").read_bytes() == (many / "train2017" / f"{2:012d}.jpg").read_bytes()


@pytest.mark.parametrize("subset", SUBSETS)
def test_files_are_coco(root: Path, subset: str) -> None:
    coco = COCO(str(root / "annotations" / f"instances_{subset}.json"))
    assert set(coco.dataset) == {"info", "licenses", "images", "annotations", "categories"}
    fields = {"license", "file_name", "coco_url", "height", "width", "date_captured", "flickr_url", "id"}
    assert all(set(image) == fields for image in coco.dataset["images"])
    fields = {"segmentation", "area", "iscrowd", "image_id", "bbox", "category_id", "id"}
    assert all(set(a) == fields and a["iscrowd"] == 0 for a in coco.dataset["annotations"])
    assert len(coco.anns) == len(coco.dataset["annotations"])  # ids are unique
    assert len(coco.imgs) == len(coco.dataset["images"]) == {"train2017": 120, "val2017": 40}[subset]
    assert {p.name for p in (root / subset).iterdir()} == {image["file_name"] for image in coco.dataset["images"]}
    for image in coco.dataset["images"][:10]:
        with Image.open(root / subset / image["file_name"]) as picture:
            assert (picture.mode, picture.size) == ("RGB", (image["width"], image["height"]))


def test_subsets_share_no_id(root: Path) -> None:
    train, val = (json.loads((root / "annotations" / f"instances_{s}.json").read_text()) for s in SUBSETS)
    for table in ("images", "annotations"):
        assert not {r["id"] for r in train[table]} & {r["id"] for r in val[table]}
    assert train["categories"] == val["categories"]


def test_classes_carry_cocos_names_and_ids_from_both_sides_of_the_split(coco: COCO) -> None:
    official = {1: "person", 3: "car", 5: "airplane", 6: "bus", 9: "boat", 16: "bird", 44: "bottle", 62: "chair"}
    official |= {63: "couch", 64: "potted plant", 67: "dining table", 72: "tv"}
    official |= {13: "stop sign", 28: "umbrella", 38: "kite", 46: "wine glass", 47: "cup", 52: "banana", 53: "apple"}
    official |= {59: "pizza", 60: "donut", 86: "vase", 87: "scissors", 88: "teddy bear"}
    assert {c["id"]: c["name"] for c in coco.dataset["categories"]} == official
    counts = np.unique([a["category_id"] for a in coco.dataset["annotations"]], return_counts=True)
    assert set(counts[0].tolist()) == set(official)
    assert counts[1].min() >= 10
    assert len(VOC & set(official)) == len(set(official) - VOC) == 12


def test_boxes_and_areas_are_those_of_the_masks(coco: COCO) -> None:
    kinds = set()
    for a in coco.dataset["annotations"]:
        mask = coco.annToMask(a)
        y, x = np.nonzero(mask)
        assert a["bbox"] == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]
        assert a["area"] == mask.sum() >= 25
        kinds.add(type(a["segmentation"]))
    assert kinds == {list, dict}


def test_annotations_are_the_visible_masks(root: Path, coco: COCO) -> None:
    settings = ShapesConfig(**HARD).scene_settings()
    polygons = 0
    for image_id in range(1, 41):
        scene = render_scene(settings, 0, image_id - 1)
        annotations = coco.imgToAnns[image_id]
        assert len(annotations) == len(scene.objects)
        for a, thing in zip(annotations, scene.objects, strict=True):
            assert a["category_id"] == thing.shape.id
            mask = coco.annToMask(a).astype(bool)
            polygons += isinstance(a["segmentation"], list)
            if isinstance(a["segmentation"], list):
                assert (mask & thing.mask).sum() / (mask | thing.mask).sum() > POLYGON_IOU
            else:
                assert np.array_equal(mask, thing.mask)
        stored = np.asarray(Image.open(root / "train2017" / coco.imgs[image_id]["file_name"])).astype(int)
        assert np.abs(stored - scene.image).mean() < 4
    assert polygons >= 10


def test_a_second_call_does_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = shapes_root(tmp_path, **SMALL)
    assert root.parent == tmp_path
    monkeypatch.setattr(generate, "write_subset", lambda *_: pytest.fail("drawn twice"))
    assert shapes_root(tmp_path, **SMALL) == root
    # As a configuration file gives the arguments.
    assert shapes_root(str(tmp_path), **SMALL, objects=[2, 4], rotation=30, overlap=0.10) == root


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"val_images": 4}, {"polygons": 0.1}, {"objects": (1, 6)}, {"classes": None}]
)
def test_changed_arguments_go_to_another_folder(tmp_path: Path, change: dict) -> None:
    assert ShapesConfig(**{**SMALL, **change}).digest() != ShapesConfig(**SMALL).digest()


def test_a_new_generator_goes_to_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ShapesConfig().digest()
    monkeypatch.setattr(generate, "GENERATOR_VERSION", generate.GENERATOR_VERSION + 1)
    assert ShapesConfig().digest() != before


@pytest.mark.parametrize("damage", ["lost image", "cut image", "cut json", "changed json", "lost subset"])
def test_a_damaged_cache_is_written_anew(tmp_path: Path, damage: str) -> None:
    root = shapes_root(tmp_path, **SMALL)
    whole, image = _digests(root), sorted((root / "train2017").iterdir())[0]
    table = root / "annotations" / "instances_val2017.json"
    if damage == "lost image":
        image.unlink()
    elif damage == "cut image":
        image.write_bytes(image.read_bytes()[:100])
    elif damage == "cut json":
        table.write_bytes(table.read_bytes()[:-10])
    elif damage == "changed json":
        table.write_bytes(table.read_bytes().replace(b'"iscrowd": 0', b'"iscrowd": 1', 1))
    else:
        (root / "val2017").rename(tmp_path / "elsewhere")
    assert shapes_root(tmp_path, **SMALL) == root
    assert _digests(root) == whole
    assert not list(tmp_path.glob(".*.tmp"))


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def interrupted(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return render_scene(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(files, "render_scene", interrupted)
        with pytest.raises(KeyboardInterrupt):
            shapes_root(tmp_path, **SMALL)
    assert [p for p in tmp_path.iterdir() if p.is_dir()] == []
    # A killed process cannot tidy up: the next one does.
    stale = tmp_path / f".shapes-{ShapesConfig(**SMALL).digest()}.0123.tmp"
    (stale / "train2017").mkdir(parents=True)
    root = shapes_root(tmp_path, **SMALL)
    assert [p for p in tmp_path.iterdir() if p.is_dir()] == [root]


def test_two_processes_at_once(tmp_path: Path) -> None:
    code = f"from contrastmask.data.shapes.generate import shapes_root; shapes_root({str(tmp_path)!r}, **{SMALL})"
    workers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    (root,) = (p for p in tmp_path.iterdir() if p.is_dir())
    assert _digests(root) == _digests(generate_shapes(tmp_path / "alone", **SMALL))


def test_other_peoples_files_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    generate_shapes(tmp_path / "mine", **SMALL)  # an empty folder is free
    before = _digests(tmp_path / "mine")
    with pytest.raises(DataError, match="other arguments"):
        generate_shapes(tmp_path / "mine", **SMALL, seed=3)
    assert _digests(tmp_path / "mine") == before
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("one")
    with pytest.raises(DataError, match="not empty"):
        generate_shapes(tmp_path / "thesis", **SMALL)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "one"


def test_own_classes_and_full_scenes(tmp_path: Path) -> None:
    root = generate_shapes(tmp_path / "own", **SMALL, classes=["donut", "tv"], objects=(0, 1), polygons=0)
    table = json.loads((root / "annotations" / "instances_train2017.json").read_text())
    assert [(c["id"], c["name"]) for c in table["categories"]] == [(60, "donut"), (72, "tv")]
    assert {a["category_id"] for a in table["annotations"]} <= {60, 72}
    assert all(isinstance(a["segmentation"], dict) for a in table["annotations"])
    assert len(table["annotations"]) < len(table["images"]) == 6  # images without objects are kept


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train_images": 0}, "train_images"),
        ({"size": 20}, "size"),
        ({"size": 128.5}, "size"),
        ({"seed": -1}, "seed"),
        ({"objects": (3, 2)}, "objects"),
        ({"objects": 3}, "objects"),
        ({"objects": (1.5, 2)}, "objects"),
        ({"object_size": (0.1, 2)}, "object_size"),
        ({"rotation": 270}, "rotation"),
        ({"contrast": 1.5}, "contrast"),
        ({"noise": float("nan")}, "noise"),
        ({"classes": ["unicorn"]}, "airplane"),
        ({"classes": ["tv", "tv"]}, "distinct"),
        ({"colour": 1}, "unknown"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        shapes_root(tmp_path, **arguments)
    assert not list(tmp_path.iterdir())
