"""Masks, layout, paths, withholding and selecting."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from contrastmask.data.annotations.load import load_annotations
from contrastmask.errors import DataError
from tests.data.coco_rows import CROWD, TRIANGLE, H, W, content, image, read, row


def test_masks(tmp_path: Path) -> None:
    records = read(tmp_path, content([row(1), row(2, iscrowd=1, segmentation=CROWD)]))
    assert records.segmentation(0) == TRIANGLE
    assert records.mask(0).shape == (H, W)
    assert 180 < records.mask(0).sum() < 230
    assert set(records.segmentation(1)) == {"size", "counts"}
    expected = np.zeros((H, W), dtype=np.uint8)
    expected[:, 5:10] = 1
    assert (records.mask(1) == expected).all()


def test_memory_layout_is_arrays_alone(tmp_path: Path) -> None:
    records = read(tmp_path, content([row(1), row(2)]))
    dtypes = {
        "image_ids": np.int64, "heights": np.int32, "widths": np.int32, "offsets": np.int64, "ann_ids": np.int64,
            "rows": np.int64, "predicted": np.bool_, "confidence": np.float32,
        "boxes": np.float32, "labels": np.int64, "areas": np.float64, "crowd": np.bool_, "has_mask": np.bool_,
        "names": np.uint8, "name_offsets": np.int64,
    }  # fmt: skip
    for name, dtype in dtypes.items():
        values = getattr(records, name)
        assert values.dtype == dtype, name
        assert not values.flags.writeable, name
    others = {"path", "image_root", "categories", "segmentations", "report", "_has_mask", "image_rules"}
    assert set(vars(records)) - others == set(dtypes) - {"has_mask"}
    assert all(isinstance(values, np.ndarray) for values in vars(records.segmentations).values())


def test_pickling_gives_the_same(tmp_path: Path) -> None:
    records = read(tmp_path, content([row(1), row(2, segmentation=None)]))
    again = pickle.loads(pickle.dumps(records))
    assert again.has_mask.tolist() == [True, False]
    assert (again.mask(0) == records.mask(0)).all()


def test_withheld_bytes_are_gone(tmp_path: Path) -> None:
    marked = [[11.5, 10.25, 31.75, 10.25, 11.5, 33.125]]
    rows = [
        row(1, segmentation=marked),
        row(2, category_id=90),
        row(3, iscrowd=1, segmentation=CROWD),
        row(4, image_id=2),
    ]
    records = read(tmp_path, content(rows))
    withheld = records.withhold([1])
    assert records.has_mask.all()
    assert withheld.has_mask.tolist() == [False, True, False, False]
    assert withheld.segmentation(1) == TRIANGLE
    assert len(withheld.segmentations.runs) == 0
    assert withheld.segmentations.coordinates.tolist() == TRIANGLE[0]
    needle = np.float64(33.125).tobytes()
    assert needle in pickle.dumps(records)
    assert needle not in pickle.dumps(withheld)
    with pytest.raises(DataError, match="annotation 1 of image 1 has no mask"):
        withheld.mask(0)
    assert withheld.areas.tolist() == [400, 200, 400, 400]
    assert (withheld.boxes == records.boxes).all()


def test_withheld_segmentations_change_nothing(tmp_path: Path) -> None:
    others = [
        TRIANGLE,
        [[1, 1, 1.1, 1, 1, 1.1]],
        [[0, 0, W, 0, W, H]],
        None,
        [[float("nan")] * 6],
        CROWD,
        "x",
        [[-9] * 6],
    ]
    results = [read(tmp_path, content([row(1, segmentation=s), row(2, category_id=1)])).withhold([1]) for s in others]
    for result in results[1:]:
        for name in ("ann_ids", "boxes", "labels", "areas", "crowd", "has_mask", "offsets"):
            assert (getattr(result, name) == getattr(results[0], name)).all(), name
        assert (result.segmentations.coordinates == results[0].segmentations.coordinates).all()


def test_predicted_masks_are_neither_withheld_nor_thinned(tmp_path: Path) -> None:
    rows = [row(i, segmentation_predicted=i > 2) for i in range(1, 5)]
    used = read(tmp_path, content(rows), predicted_masks="use")
    assert used.withhold([1]).has_mask.tolist() == [False, False, True, True]
    assert used.thin_masks(0.5).has_mask.tolist().count(True) == 3
    assert used.thin_masks(0).has_mask.tolist() == [False, False, True, True]
    assert used.withhold([1]).areas[2:].tolist() == used.areas[2:].tolist()
    ignored = read(tmp_path, content(rows))
    assert not ignored.withhold([1]).has_mask.any()
    assert ignored.withhold([1]).areas.tolist() == [400.0] * 4


def test_withholding_nothing(tmp_path: Path) -> None:
    records = read(tmp_path, content([row(1)]))
    assert records.withhold([]) is records
    assert records.withhold([0]) is records


def test_thinned_masks_are_nested_shares_of_every_class(tmp_path: Path) -> None:
    rows = [row(k, category_id=1 if k % 4 else 90) for k in range(1, 101)]
    records = read(tmp_path, content(rows))
    assert records.thin_masks(1.0) is records
    kept = {share: set(np.flatnonzero(records.thin_masks(share).has_mask)) for share in (0.01, 0.1, 0.5)}
    assert kept[0.01] < kept[0.1] < kept[0.5]
    by_class = np.bincount(records.labels[sorted(kept[0.1])]).tolist()
    assert sorted(n for n in by_class if n) == [3, 8]  # of 25 and 75, rounded up
    assert len(kept[0.01]) == 2
    assert not records.thin_masks(0).has_mask.any()
    halves = np.array(sorted(kept[0.5]))
    assert 15 < (halves < 50).sum() < 37  # chosen across the file
    assert records.thin_masks(0.5).ann_ids.tolist() == records.ann_ids.tolist()
    turned = read(tmp_path, content(rows[::-1]))
    assert set(turned.ann_ids[turned.thin_masks(0.1).has_mask]) == set(records.ann_ids[sorted(kept[0.1])])


def test_select_images(tmp_path: Path) -> None:
    rows = [row(1), row(2, image_id=2, segmentation=CROWD), row(3, image_id=3, segmentation=None), row(4, image_id=2)]
    records = read(tmp_path, content(rows, [*map(image, (1, 2, 3))]))
    part = records.select_images([2, 1])
    assert part.image_ids.tolist() == [3, 2]
    assert [part.file_name(i) for i in range(2)] == ["3.jpg", "2.jpg"]
    assert part.ann_ids.tolist() == [3, 2, 4]
    assert part.offsets.tolist() == [0, 1, 3]
    assert part.has_mask.tolist() == [False, True, True]
    assert (part.mask(1) == records.mask(1)).all()
    assert part.segmentation(2) == TRIANGLE
    assert part.categories == records.categories


@pytest.mark.parametrize("name", ["é ü/日本.jpg", "train/deep/a.b.jpg", "..a.jpg", "\udce9.jpg", "~a.jpg"])
def test_unusual_but_honest_names(tmp_path: Path, name: str) -> None:
    records = read(tmp_path, content([], [image(1, file_name=name)]))
    assert records.file_name(0) == name
    assert records.file_path(0) == records.image_root.resolve() / name


def test_links_may_not_leave_the_image_folder(tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}_outside"
    outside.mkdir()
    (outside / "1.jpg").write_bytes(b"")
    (tmp_path / "1.jpg").symlink_to(outside / "1.jpg")
    (tmp_path / "folder").symlink_to(outside)
    (tmp_path / "real.jpg").write_bytes(b"")
    (tmp_path / "3.jpg").symlink_to(tmp_path / "real.jpg")
    records = read(tmp_path, content([], [image(1), image(2, file_name="folder/1.jpg"), image(3)]))
    for position in (0, 1):
        with pytest.raises(DataError, match=f"image {position + 1}: .* leads out of the image folder"):
            records.file_path(position)
    assert records.file_path(2) == (tmp_path / "real.jpg").resolve()
    # The folder itself may be a link: that is how people point at their COCO.
    (tmp_path / "link").symlink_to(tmp_path)
    through = load_annotations(tmp_path / "a.json", tmp_path / "link")
    assert through.file_path(2) == (tmp_path / "real.jpg").resolve()
