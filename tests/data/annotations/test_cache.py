"""Kept records are the loaded ones; whatever changes makes a new entry, whatever is damaged is made anew."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from contrastmask.data.annotations import cache
from contrastmask.data.annotations.cache import load_cached
from contrastmask.data.reading import Reading
from contrastmask.data.records import Records
from contrastmask.data.segmentation.table import SegmentationTable
from contrastmask.errors import DataError
from tests.tiny_coco import TinyCoco, write_tiny_coco


@pytest.fixture
def tiny(tmp_path: Path) -> TinyCoco:
    found = write_tiny_coco(tmp_path / "data", n_images=4, seed=1, missing_masks=("kite",))
    found.content["annotations"][0]["bbox"] = [1, 1, 0.2, 0.2]  # something for the report
    found.rewrite(found.content)
    return found


def load(tiny: TinyCoco, folder: Path | None, **settings: bool) -> Records:
    return load_cached(tiny.annotations, tiny.images, folder=folder, smallest=1, **settings)


def assert_same(one: Records | SegmentationTable, other: Records | SegmentationTable) -> None:
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert (a.dtype, a.flags.writeable) == (b.dtype, b.flags.writeable)
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        elif isinstance(a, SegmentationTable):
            assert_same(a, b)
        elif field.name == "report":
            assert a.to_dict() == b.to_dict()
            assert a.lines() == b.lines()
        else:
            assert a == b, field.name


def test_the_second_time_is_the_first(tiny: TinyCoco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(tiny, tmp_path / "cache")
    assert first.report
    monkeypatch.setattr(cache, "load_annotations", lambda *_, **__: pytest.fail("read anew"))
    assert_same(load(tiny, tmp_path / "cache"), first)
    with pytest.raises(DataError, match="gone"):
        load_cached(tiny.annotations, tmp_path / "gone", folder=tmp_path / "cache", smallest=1)


def test_other_content_other_settings_other_code(
    tiny: TinyCoco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    load(tiny, folder)
    load(tiny, folder, reading=Reading(repair=True))
    tiny.content["annotations"][1]["bbox"][0] += 1
    tiny.rewrite(tiny.content)
    load(tiny, folder)
    assert len(list(folder.iterdir())) == 3
    monkeypatch.setattr(cache, "_code", lambda: "another version")
    load(tiny, folder)
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other arrays"])
def test_a_damaged_entry_is_made_anew(tiny: TinyCoco, tmp_path: Path, damage: str) -> None:
    first = load(tiny, tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    content = bytearray(entry.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        place = content.index(first.boxes.tobytes()[:16])
        content[place] ^= 0xFF
    elif damage == "empty":
        content.clear()
    entry.write_bytes(content)
    if damage == "other arrays":
        np.savez(entry, about=np.frombuffer(json.dumps({"categories": [], "report": {}}).encode(), dtype=np.uint8))
    assert_same(load(tiny, tmp_path / "cache"), first)
    assert_same(load(tiny, tmp_path / "cache"), first)


def test_without_a_place_and_for_small_files_nothing_is_kept(tiny: TinyCoco, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    whole = load(tiny, None)
    assert_same(load(tiny, tmp_path / "file" / "cache"), whole)
    load_cached(tiny.annotations, tiny.images, folder=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_no_damaged_byte_of_an_entry_is_taken_for_the_records(tiny: TinyCoco, tmp_path: Path) -> None:
    """Headers, too: numpy reads no further than a header says, and then never compares the checksum."""
    first = load(tiny, tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    good = entry.read_bytes()
    headers = [i for i in range(len(good)) if good.startswith(b"\x93NUMPY", i)]
    places = [h + offset for h in headers for offset in (8, 60, 70)]
    places += np.random.default_rng(0).integers(0, len(good), 40).tolist()
    for place in places:
        entry.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        assert_same(load(tiny, tmp_path / "cache"), first)
    longer = good.replace(b"'shape': (4,)", b"'shape': (9,)").replace(b"'shape': (", b"'shape':  (", 1)
    for bad in (longer, good[: len(good) // 2], b"PK\x03\x04", b""):
        entry.write_bytes(bad)
        assert_same(load(tiny, tmp_path / "cache"), first)


def test_rules_of_image_files_belong_to_kept_records(tiny: TinyCoco, tmp_path: Path) -> None:
    reading = Reading(bit_depth="own", strip_path=1)
    for _ in range(2):
        assert load(tiny, tmp_path / "cache", reading=reading).image_rules == reading.image_rules
