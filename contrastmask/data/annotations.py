"""From a COCO annotation file to checked records.

A file that contradicts itself (missing keys, ids twice, unknown images or classes) stops the program, with ids and the
way out; ``repair`` drops and counts such rows instead. A box that nothing can be learned from is dropped and counted
in any case, a segmentation that cannot be used is lost while its box stays, and is counted.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from contrastmask.data.records import Category, Records, Segmentations, _starts
from contrastmask.data.report import EXAMPLES, Report
from contrastmask.data.segmentation import BadSegmentation, checked, has_area
from contrastmask.errors import DataError

LAYOUT = """expected COCO's own layout:
  ROOT/annotations/instances_train2017.json   ROOT/train2017/*.jpg
  ROOT/annotations/instances_val2017.json     ROOT/val2017/*.jpg
COCO 2017 is at cocodataset.org; set data.root=ROOT, or data.train_annotations=, data.train_images=, data.val_annotations=
and data.val_images= for other files, or take data=shapes, which needs no download"""


def load_annotations(path: str | Path, image_root: str | Path, *, repair: bool = False) -> Records:
    """Read and check one annotation file.

    Args:
        path: COCO JSON with ``images``, ``annotations`` and ``categories``.
        image_root: the folder that ``file_name`` is relative to.
        repair: drop and count self-contradictory rows instead of stopping.

    Raises:
        DataError: a file or folder is missing, the JSON is malformed, or (without ``repair``) contradicts itself.
    """
    path, image_root = Path(path), Path(image_root)
    if not path.is_file():
        raise DataError(f"no annotation file {path}; {LAYOUT}")
    if not image_root.is_dir():
        raise DataError(f"no image folder {image_root}; {LAYOUT}")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise DataError(f"{path} is no COCO annotation file: it has no list {key!r}")
    return _Check(path, image_root, repair).records(content)


class _Check:
    """One pass over one file."""

    def __init__(self, path: Path, image_root: Path, repair: bool) -> None:
        self.path, self.image_root, self.repair = path, image_root, repair
        self.report = Report()

    def contradiction(self, reason: str, ids: list[Any]) -> None:
        """Stop, or count where rows may be dropped."""
        if not ids:
            return
        if not self.repair:
            shown = ", ".join(map(repr, ids[:EXAMPLES])) + (f" and {len(ids) - EXAMPLES} more" if len(ids) > EXAMPLES else "")
            raise DataError(f"{self.path}: {reason}: {shown}. Mend the file, or set data.repair=true to drop and count these")
        self.report.add("dropped", reason, [i if isinstance(i, (int, str)) else repr(i) for i in ids])

    def records(self, content: dict[str, Any]) -> Records:
        categories = self.categories(content["categories"])
        images = self.images(content["images"])
        rows = self.rows(content["annotations"], {c.id for c in categories}, {i["id"]: n for n, i in enumerate(images)})
        label = {c.id: n for n, c in enumerate(categories)}
        heights = np.array([i["height"] for i in images], dtype=np.int32)
        widths = np.array([i["width"] for i in images], dtype=np.int32)
        index = np.array([position for position, _ in rows], dtype=np.int64)
        order = np.argsort(index, kind="stable")
        index, annotations = index[order], [rows[n][1] for n in order]
        boxes, kept = self.boxes(annotations, heights[index], widths[index])
        index, boxes = index[kept], boxes[kept]
        annotations = [annotations[n] for n in np.flatnonzero(kept)]
        segmentations = Segmentations.pack(
            [self.segmentation(a, int(heights[i]), int(widths[i])) for a, i in zip(annotations, index, strict=True)]
        )
        names = [i["file_name"].encode() for i in images]
        return Records(
            path=self.path,
            image_root=self.image_root,
            categories=categories,
            image_ids=np.array([i["id"] for i in images], dtype=np.int64),
            heights=heights,
            widths=widths,
            names=np.frombuffer(b"".join(names), dtype=np.uint8),
            name_starts=_starts([len(name) for name in names]),
            offsets=np.searchsorted(index, np.arange(len(images) + 1)).astype(np.int64),
            ann_ids=np.array([a["id"] for a in annotations], dtype=np.int64),
            boxes=boxes.astype(np.float32).reshape(-1, 4),
            labels=np.array([label[a["category_id"]] for a in annotations], dtype=np.int64),
            areas=_areas(annotations, boxes),
            crowd=np.array([bool(a.get("iscrowd", 0)) for a in annotations], dtype=bool),
            segmentations=segmentations,
            has_mask=segmentations.present(),
            report=self.report,
        )

    def categories(self, rows: list[Any]) -> tuple[Category, ...]:
        good = [r for r in rows if isinstance(r, dict) and _is_id(r.get("id")) and isinstance(r.get("name"), str)]
        if len(good) != len(rows) or not rows:
            raise DataError(f"{self.path}: every category needs an integer id and a name; there are {len(rows)} rows, {len(good)} good")
        for key in ("id", "name"):
            values = [r[key] for r in rows]
            twice = sorted({v for v in values if values.count(v) > 1})
            if twice:
                raise DataError(f"{self.path}: category {key} given twice: {', '.join(map(repr, twice))}. Mend the file")
        return tuple(Category(r["id"], r["name"]) for r in sorted(rows, key=lambda r: r["id"]))

    def images(self, rows: list[Any]) -> list[dict[str, Any]]:
        good, bad, unsafe, twice, seen = [], [], [], [], set()
        for row in rows:
            if not (isinstance(row, dict) and _is_id(row.get("id")) and _is_side(row.get("height")) and _is_side(row.get("width"))):
                bad.append(row.get("id") if isinstance(row, dict) else row)
            elif not _is_inside(row.get("file_name")):
                unsafe.append(row["id"])
            elif row["id"] in seen:
                twice.append(row["id"])
            else:
                seen.add(row["id"])
                good.append(row)
        self.contradiction("images without integer id, height and width (image ids)", bad)
        self.contradiction("images whose file_name is missing or leads outside the image folder (image ids)", unsafe)
        self.contradiction("image ids given twice", twice)
        return good

    def rows(self, annotations: list[Any], classes: set[int], images: dict[int, int]) -> list[tuple[int, dict[str, Any]]]:
        found, seen, ignored = [], set(), []
        bad: dict[str, list[Any]] = {
            "annotations that are no objects or have no integer id": [],
            "annotation ids given twice": [],
            "annotations of unknown images (annotation ids)": [],
            "annotations of unknown categories (annotation ids)": [],
            "annotations whose bbox is no list of four numbers (annotation ids)": [],
            "annotations whose iscrowd is neither 0 nor 1 (annotation ids)": [],
        }
        nameless, twice, no_image, no_class, no_box, no_crowd = bad.values()
        for row in annotations:
            if not isinstance(row, dict) or not _is_id(row.get("id")):
                nameless.append(row.get("id") if isinstance(row, dict) else repr(row)[:40])
            elif row["id"] in seen:
                twice.append(row["id"])
            elif not _is_id(row.get("image_id")) or row["image_id"] not in images:
                no_image.append(row["id"])
            elif not _is_id(row.get("category_id")) or row["category_id"] not in classes:
                no_class.append(row["id"])
            elif not _is_box(row.get("bbox")):
                no_box.append(row["id"])
            elif row.get("iscrowd", 0) not in (0, 1):
                no_crowd.append(row["id"])
            elif row.get("ignore"):
                ignored.append(row["id"])
            else:
                seen.add(row["id"])
                found.append((images[row["image_id"]], row))
        for reason, ids in bad.items():
            self.contradiction(reason, ids)
        self.report.add("dropped", "marked ignore", ignored)
        return found

    def boxes(self, annotations: list[dict[str, Any]], heights: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes ``[A, 4]`` xyxy clipped to their images, and which to keep."""
        raw = np.array([a["bbox"] for a in annotations], dtype=np.float64).reshape(-1, 4)
        ids = np.array([a["id"] for a in annotations], dtype=np.int64)
        limit = np.stack([widths, heights, widths, heights], axis=1).astype(np.float64)
        finite = np.isfinite(raw).all(axis=1)
        raw = np.where(finite[:, None], raw, 0.0)
        corners = np.concatenate([raw[:, :2], raw[:, :2] + raw[:, 2:]], axis=1)
        clipped = np.clip(corners, 0, limit)
        area = (raw[:, 2:] > 0).all(axis=1)
        inside = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
        self.report.add("dropped", "box not finite", ids[~finite].tolist())
        self.report.add("dropped", "box without area", ids[finite & ~area].tolist())
        self.report.add("dropped", "box outside its image", ids[finite & area & ~inside].tolist())
        kept = finite & area & inside
        moved = kept & (np.abs(clipped - corners).max(axis=1, initial=0) > 1)
        self.report.add("changed", "box clipped to its image by more than a pixel", ids[moved].tolist())
        return clipped, kept

    def segmentation(self, annotation: dict[str, Any], height: int, width: int) -> list[np.ndarray] | bytes | None:
        segmentation = annotation.get("segmentation")
        if segmentation is None:
            return None
        try:
            found = checked(segmentation, height, width)
            if isinstance(found, list) and not has_area(found, height, width):
                raise BadSegmentation("polygons without area inside the image")
        except BadSegmentation as reason:
            self.report.add("mask lost", str(reason), [annotation["id"]])
            return None
        return found


def _areas(annotations: list[dict[str, Any]], boxes: np.ndarray) -> np.ndarray:
    own = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    given = np.array([a.get("area") if _is_number(a.get("area")) else np.nan for a in annotations], dtype=np.float64)
    return np.where(np.isfinite(given) & (given > 0), given, own)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_side(value: Any) -> bool:
    return _is_id(value) and 0 < value < 2**20


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e30


def _is_box(value: Any) -> bool:
    # NaN and infinity are numbers here, and are dropped and counted with the boxes that nothing can be learned from
    return isinstance(value, list) and len(value) == 4 and all(
        isinstance(v, float) or (isinstance(v, int) and not isinstance(v, bool) and abs(v) < 2**53) for v in value
    )


def _is_inside(name: Any) -> bool:
    if not isinstance(name, str) or not name or "\0" in name or "://" in name or "\\" in name:
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and name.isprintable()
