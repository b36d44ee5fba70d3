"""A small file to review, and ways to ask the page without a network."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from contrastmask.completion.source_file import SourceFile
from contrastmask.review.decisions import Decisions
from contrastmask.review.objects import read_objects
from contrastmask.review.options import ReviewOptions
from tests.data.coco_rows import CROWD, H, W, content, image, row

TOKEN = "the-token"
HOST = "127.0.0.1:8000"
HOSTILE = "<img src=x onerror=alert(1)>\u202e\ud800"
SURE = {2: 0.5, 3: 0.9, 4: 0.3, 5: 0.7, 6: 0.4, 7: 0.8, 9: 0.6}  # confidence by annotation id


def runs(left: int, top: int, right: int, bottom: int) -> dict[str, Any]:
    mask = np.zeros((H, W), dtype=np.uint8, order="F")
    mask[top:bottom, left:right] = 1
    found = coco_mask.encode(mask)
    return {**found, "counts": found["counts"].decode()}


def made(id_: int, left: int, **changes: Any) -> dict[str, Any]:
    """A row whose mask a model made."""
    marks = {"segmentation_predicted": True, "segmentation_confidence": SURE[id_]}
    mask = runs(left, 5, left + 9, 15)
    return row(id_, bbox=[left, 5, 10, 10], segmentation=mask, area=90, **marks, attributes=dict(marks), **changes)


ROWS = [
    row(1),  # somebody drew it
    *(made(id_, left) for id_, left in ((2, 0), (3, 12), (4, 24))),
    made(5, 12, image_id=2),
    *(made(id_, left, category_id=1) for id_, left in ((6, 36), (7, 30))),
    row(8, segmentation=None),
    made(9, 24, image_id=2, score=SURE[9]),
    row(10, segmentation=CROWD, iscrowd=1, bbox=[5, 0, 5, 40]),
]
PLACES = [n for n, one in enumerate(ROWS) if one["id"] in SURE]  # of the masks that a model made


def write(folder: Path, rows: list[dict[str, Any]] = ROWS, **choices: Any) -> ReviewOptions:
    """Write ``out.json`` and its pictures; how to review it."""
    data = content(rows, [image(1), image(2, file_name="sub/ä 2.png")])
    (folder / "out.json").write_text(json.dumps(data))
    (folder / "pictures" / "sub").mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
    for name in ("1.jpg", "sub/ä 2.png"):
        Image.fromarray(pixels).save(folder / "pictures" / name)
    return ReviewOptions(folder / "out.json", folder / "pictures", **choices)


def opened(options: ReviewOptions) -> tuple[SourceFile, Any, Decisions]:
    """What a start of the page reads."""
    source = SourceFile(options.annotations)
    objects = read_objects(options, source)
    return source, objects, Decisions(options.journal, source.digest, objects.initial)


class Browser:
    """Asks a guarded application as a browser at one window would."""

    def __init__(self, app: Any, window: str = "one") -> None:
        self.app, self.window = app, window

    def ask(
        self, path: str, body: Any = None, *, method: str | None = None, **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        """Status, text and headers of an answer; ``path`` is what stands behind the token, or begins with ``/``."""
        path, _, query = (path if path.startswith("/") else f"/{TOKEN}/{path}").partition("?")
        said = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body is not None:
            said = {"origin": f"http://{HOST}", "content-type": "application/json", **said}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
            "method": method or ("GET" if body is None else "POST"), "path": path, "raw_path": path.encode(),
            "query_string": query.encode(), "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in said.items()],
        }  # fmt: skip
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        text = b"".join(part.get("body", b"") for part in sent[1:])
        return (
            sent[0]["status"],
            text.decode("utf-8", "replace"),
            {k.decode(): v.decode() for k, v in sent[0]["headers"]},
        )

    def look(self, way: str = "first", place: int | str = "", **wish: Any) -> tuple[int, str]:
        words = {"order": "confidence", "source": "model", **wish, "way": way, "place": place, "window": self.window}
        status, text, _ = self.ask("object?" + "&".join(f"{k}={v}" for k, v in words.items()))
        return status, text

    def say(self, what: str, place: int, seen: int = 0, **wish: Any) -> tuple[int, str]:
        words = {"order": "confidence", "source": "model", **wish}
        status, text, _ = self.ask(f"say/{what}", {"wish": words, "window": self.window, "place": place, "seen": seen})
        return status, text
