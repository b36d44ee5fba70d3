"""`data=shapes`: an embedded data set, written once as COCO-format files and then read like any other.

    shapes_root("~/.cache/contrastmask", train_images=800)  →  <cache>/shapes-<hash>/
        annotations/instances_{train,val}2017.json   {train,val}2017/000000000001.jpg …   manifest.json

The folder's name carries a hash of all arguments and of the generator's version; a manifest tells a whole data set from
a damaged one. `files` writes, `scenes` draws, `classes` and `textures` hold the looks.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contrastmask.data.shapes.classes import SHAPE_CLASSES
from contrastmask.data.shapes.files import SUBSETS, write_subset
from contrastmask.data.shapes.scenes import SceneSettings
from contrastmask.errors import ConfigError, DataError
from contrastmask.files.whole_folder import publish_folder
from contrastmask.spoken import say

# To be raised with any change that alters a pixel or an annotation: caches of older versions are then left alone.
GENERATOR_VERSION = 3
MANIFEST = "manifest.json"
# Four of a side of the VOC split; thin chairs and scissors are for longer trainings than the demo's.
DEMO_CLASSES = ("airplane", "boat", "bottle", "tv", "umbrella", "cup", "banana", "donut")


@dataclass(frozen=True)
class ShapesConfig:
    """The arguments of `generate_shapes`; the defaults make the demo's data set, learnable in minutes on a CPU.

    Attributes:
        train_images, val_images: images a subset, at least 1. A larger set begins with the images of a smaller one.
        size: side of the square images in pixels, at least 48.
        seed: at least 0.
        classes: COCO names out of `SHAPE_CLASSES`; None = all 24, the default = `DEMO_CLASSES`.
        objects: fewest and most objects a scene; one that finds no room is left out, so a scene may hold fewer.
        object_size: shortest and longest long side of an object, in shares of the image side.
        rotation: largest turn from upright in degrees, 0..180; some classes (a boat, a tv) turn less.
        overlap: 0..1, probability that an object is put beside or over an earlier one.
        min_visible: 0..1, share of its area that an object keeps in sight when others come to lie over it (the frame
            of the image may cut off up to three tenths by itself).
        contrast: 0..1, colour distance from the pixels around that an object's colours keep (YCbCr, Y in 0..1).
        clutter: 0..1, from smooth backgrounds to busy ones.
        noise: standard deviation of the pixel noise, in shares of white.
        class_colour: 0..1, share of the objects that wear their class's own hue; the others wear any.
        polygons: 0..1, share of the wholly visible objects without holes that are annotated by polygons and not by RLE.
    """

    train_images: int = 660
    val_images: int = 200
    size: int = 128
    seed: int = 0
    classes: tuple[str, ...] | None = DEMO_CLASSES
    objects: tuple[int, int] = (2, 4)
    object_size: tuple[float, float] = (0.32, 0.62)
    rotation: float = 30.0
    overlap: float = 0.1
    min_visible: float = 0.75
    contrast: float = 0.55
    clutter: float = 0.3
    noise: float = 0.02
    class_colour: float = 0.5
    polygons: float = 0.8

    def __post_init__(self) -> None:
        """Lists become tuples, so that `[2, 4]` from a configuration file and `(2, 4)` are the same data set.

        Raises:
            ConfigError: a value out of its range, or an unknown class.
        """
        known = [shape.name for shape in SHAPE_CLASSES]
        names = known if self.classes is None else list(self.classes)
        if not names or len(set(names)) != len(names) or not set(names) <= set(known):
            raise ConfigError(f"shapes: classes={names}: distinct names out of {known} are needed")
        # In the order of their ids, whatever the order given: the same classes are the same data set.
        object.__setattr__(self, "classes", tuple(name for name in known if name in names))
        object.__setattr__(self, "objects", _pair("objects", self.objects, int))
        object.__setattr__(self, "object_size", _pair("object_size", self.object_size, float))
        for name in ("overlap", "min_visible", "contrast", "clutter", "noise", "class_colour", "polygons"):
            object.__setattr__(self, name, float(getattr(self, name)))  # 1 and 1.0 hash alike
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"shapes: {name}={getattr(self, name)} must lie in 0..1")
        object.__setattr__(self, "rotation", float(self.rotation))
        if not 0 <= self.rotation <= 180:
            raise ConfigError(f"shapes: rotation={self.rotation} must lie in 0..180 degrees")
        for name, low in (("train_images", 1), ("val_images", 1), ("size", 48), ("seed", 0)):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < low:
                raise ConfigError(f"shapes: {name}={getattr(self, name)!r} must be a whole number of at least {low}")
        if not 0 <= self.objects[0] <= self.objects[1] <= 50:
            raise ConfigError(f"shapes: objects={self.objects} must be (fewest, most) in 0..50")
        if not 0.05 <= self.object_size[0] <= self.object_size[1] <= 1:
            raise ConfigError(f"shapes: object_size={self.object_size} must be (shortest, longest) in 0.05..1")

    def digest(self) -> str:
        """Twelve hex digits that change with any argument and with the generator's version."""
        text = json.dumps({"generator": GENERATOR_VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def scene_settings(self) -> SceneSettings:
        own = {k: getattr(self, k) for k in SceneSettings.__dataclass_fields__ if k != "classes"}
        return SceneSettings(classes=tuple(s for s in SHAPE_CLASSES if s.name in (self.classes or ())), **own)


def _pair(name: str, value: Sequence[Any], kind: type) -> tuple[Any, Any]:
    try:
        first, second = value
        if kind(first) != first or kind(second) != second:
            raise ValueError
    except (TypeError, ValueError):
        raise ConfigError(f"shapes: {name}={value!r} must be two numbers") from None
    return kind(first), kind(second)


def _config(arguments: dict[str, Any]) -> ShapesConfig:
    unknown = sorted(set(arguments) - set(ShapesConfig.__dataclass_fields__))
    if unknown:
        raise ConfigError(f"shapes: unknown {unknown}; there are {sorted(ShapesConfig.__dataclass_fields__)}")
    return ShapesConfig(**arguments)


def shapes_root(cache_dir: str | Path, **arguments: Any) -> Path:
    """The folder of the data set with these arguments (fields of `ShapesConfig`); generated where it is missing.

    Raises:
        ConfigError: bad arguments.
        DataError: the folder holds something that is no shapes data set.
    """
    return generate_shapes(Path(cache_dir).expanduser() / f"shapes-{_config(arguments).digest()}", **arguments)


def generate_shapes(root: str | Path, **arguments: Any) -> Path:
    """Writes the data set with these arguments (fields of `ShapesConfig`) to `root`, unless it is there already.

    Equal arguments give bit-identical files on one platform. `root` is whole or absent, also after an interruption and
    with several processes at work. A damaged data set of the same arguments is written anew.

    Returns:
        `root`, to be used as `data.root`.

    Raises:
        ConfigError: bad arguments.
        DataError: `root` holds anything else, be it shapes of other arguments: nothing of it is touched.
    """
    config, root = _config(arguments), Path(root).expanduser().absolute()
    publish_folder(root, lambda fresh: _write(fresh, config), lambda: _is_whole(root, config))
    return root


def _write(root: Path, config: ShapesConfig) -> None:
    say(f"drawing {config.train_images} training and {config.val_images} validation scenes, once, into {root.parent}")
    settings, counts = config.scene_settings(), (config.train_images, config.val_images)
    subsets = {}
    for number, (subset, count) in enumerate(zip(SUBSETS, counts, strict=True)):
        subsets[subset] = write_subset(root, settings, number, count, config.polygons)
    manifest = {"generator": GENERATOR_VERSION, "arguments": asdict(config), "subsets": subsets}
    (root / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _is_whole(root: Path, config: ShapesConfig) -> bool:
    """True: `root` holds this data set. False: nothing, or this data set damaged. DataError: something else."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    way_out = "choose another folder or remove this one yourself"
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        version, arguments = manifest["generator"], manifest["arguments"]
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{root} is not empty and its {MANIFEST} is missing or unreadable: {way_out}") from None
    if version != GENERATOR_VERSION or arguments != json.loads(json.dumps(asdict(config))):
        raise DataError(f"{root} holds shapes of other arguments or of another generator version: {way_out}")
    with contextlib.suppress(OSError, KeyError, TypeError):
        for subset in SUBSETS:
            facts = manifest["subsets"][subset]
            text = (root / "annotations" / f"instances_{subset}.json").read_bytes()
            with os.scandir(root / subset) as files:
                sizes = [file.stat().st_size for file in files]
            if hashlib.sha256(text).hexdigest() != facts["annotations_sha256"]:
                return False
            if len(sizes) != facts["images"] or sum(sizes) != facts["image_bytes"]:
                return False
        return True
    return False
