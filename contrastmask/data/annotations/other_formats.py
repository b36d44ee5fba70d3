"""What is given in place of a COCO annotation file, told by its keys, and the way to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

AGAIN = "export the data set in COCO's format"
NEEDED = "the data set itself is needed, with its images and categories"
_COCO = {"images", "annotations", "categories"}


def other_format(content: Any) -> str | None:
    """What a parsed JSON file is and what to do instead; None where it may be COCO's, or nothing that is known here.

    Args:
        content: of the file; of its list `annotations` the first row is enough.
    """
    return next((said for is_it, said in _FORMATS if is_it(_keys(content), content)), None)


def _keys(value: Any) -> set[str]:
    return set(value) if type(value) is dict else set()


def _first(value: Any) -> Any:
    return value[0] if type(value) is list and value else None


def _rows(*needed: str) -> Callable[[set[str], Any], bool]:
    """The file is a list whose first row has these keys."""
    return lambda _, content: set(needed) <= _keys(_first(content))


def _objects(*needed: str) -> Callable[[set[str], Any], bool]:
    """The file is an object with these keys, and not all lists of COCO's."""
    return lambda keys, _: set(needed) <= keys and not keys >= _COCO


def _annotations(needed: str) -> Callable[[set[str], Any], bool]:
    """The first of the file's `annotations` has this key and no class."""

    def is_it(keys: set[str], content: Any) -> bool:
        first = _keys(_first(content["annotations"])) if "annotations" in keys else set()
        return needed in first and "category_id" not in first

    return is_it


def _is_via(keys: set[str], content: Any) -> bool:
    entry = next(iter(content.values()), None) if keys else None
    return "_via_img_metadata" in keys or {"filename", "regions"} <= _keys(entry)


_FORMATS: tuple[tuple[Callable[[set[str], Any], bool], str], ...] = (
    (
        _rows("image_id", "score"),
        f"it is a list of detections (COCO's results format), which `contrastmask evaluate` judges; {NEEDED}",
    ),
    (_rows("image_id", "category_id"), f"it is a list of annotations alone; {NEEDED}"),
    (
        lambda _, content: (
            "annotation_id" in _keys(_first(content))
            or ("data" in _keys(_first(content)) and bool({"annotations", "predictions"} & _keys(_first(content))))
        ),
        f"it is Label Studio's own JSON; {AGAIN} there",
    ),
    (_rows("image", "annotations"), f"it is in the format of CreateML; {AGAIN}"),
    (
        _annotations("segments_info"),
        "it is a panoptic file, whose masks are in PNG files; the file of instances is needed (COCO: instances_*.json)",
    ),
    (_annotations("caption"), "it has captions; the file of instances is needed (COCO: instances_*.json)"),
    (_objects("videos"), f"its annotations are of videos; {AGAIN} for single frames"),
    (_objects("items", "categories"), f"it is Datumaro's own JSON; {AGAIN} (coco_instances)"),
    (_objects("shapes", "imagePath"), f"it is labelme's file of a single image; {AGAIN}"),
    (_is_via, f"it is a project of VIA (VGG Image Annotator); {AGAIN} there"),
    (
        lambda keys, _: "features" in keys,
        f"it is GeoJSON, as QuPath writes it; {AGAIN}",
    ),
)
