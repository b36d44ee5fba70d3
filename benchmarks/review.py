"""The review page on large files: how long until it is there, until the first object, a decision; the memory it takes.

``python -m benchmarks.review [objects=500,5000,50000] [decisions=200] [side=640]``

The program runs in a process of its own and is asked over its address as a browser asks. An object is shown when its
text and the two pictures in sight are there; a decision ends when the next object's text is there, and is on the disk
then. ``journal`` is the part of a decision that waits for the disk, measured alone in the same folder.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from benchmarks.harness import arguments, hardware, report
from benchmarks.start import ROOT
from contrastmask.completion.sieve import attributes_of
from contrastmask.data.segmentation.figures import measure_masks
from contrastmask.files.journal import Journal

PER_IMAGE = 7
CLASSES = 80
KINDS = 50  # different masks


def main(argv: list[str]) -> None:
    """Measure files of each size and write the table."""
    options = arguments(argv, objects="500,5000,50000", decisions="200", side="640", out="outputs/benchmarks")
    rows = []
    for objects in map(int, options["objects"].split(",")):
        with tempfile.TemporaryDirectory() as folder:
            size = write_file(Path(folder), objects, int(options["side"]))
            rows.append(
                {"objects": objects, "file, MB": size / 1e6, **measured(Path(folder), int(options["decisions"]))}
            )
    report("review", {**hardware("cpu", "fp32"), "load": round(os.getloadavg()[0], 1)}, rows, options["out"])


def measured(folder: Path, decisions: int) -> dict[str, float]:
    """Seconds and MiB of one start: until the address, the first object, decisions (median and the slowest of 100)."""
    start = time.perf_counter()
    with running(folder) as (process, address):
        found = {"start, s": time.perf_counter() - start}
        browser = Browser(address)
        start = time.perf_counter()
        browser.ask("")
        shown = browser.look()
        found["first page, s"] = time.perf_counter() - start
        taken = []
        for number in range(decisions):
            start = time.perf_counter()
            shown = browser.say(("accepted", "rejected", "skipped")[number % 3], shown, pictures=False)
            taken.append(time.perf_counter() - start)
            browser.pictures(shown)
        taken.sort()
        found["decision, ms"] = 1000 * statistics.median(taken)
        found["slowest in 100, ms"] = 1000 * taken[min(int(0.99 * len(taken)), len(taken) - 1)]
        found["journal, ms"] = 1000 * waiting(folder)
        start = time.perf_counter()
        browser.say("surer", shown, pictures=False)
        found["all of a class, ms"] = 1000 * (time.perf_counter() - start)
        start = time.perf_counter()
        browser.look("first", order="agreement")
        found["another order, ms"] = 1000 * (time.perf_counter() - start)
        found["peak, MiB"] = peak(process.pid)
        start = time.perf_counter()
        browser.ask("finish", {})
        found["finish, s"] = time.perf_counter() - start
        found["peak with finish, MiB"] = peak(process.pid)
    return found


def waiting(folder: Path) -> float:
    """Median seconds until one entry of a journal is on the disk."""
    journal, taken = Journal(folder / "waiting", {}, sync_every=0), []
    for number in range(50):
        start = time.perf_counter()
        journal.add(number, {"rows": [number], "state": "accepted", "by": "a window"})
        taken.append(time.perf_counter() - start)
    journal.close(remove=True)
    return statistics.median(taken)


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """The program on ``folder/out.json``, and its address.

    Raises:
        RuntimeError: it ended before it told one.
    """
    command = [
        sys.executable,
        "-m",
        "contrastmask",
        "review",
        str(folder / "out.json"),
        f"data.images={folder}/pictures",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    try:
        said = ""
        while not (address := re.search(r"^review (http://\S+)", said, re.MULTILINE)):
            if not (line := process.stdout.readline()):
                raise RuntimeError(said)
            said += line
        yield process, address[1]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def peak(process: int) -> float:
    """The kernel's mark of a process's greatest memory so far, MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


class Browser:
    """Asks over one connection that stays open, as browsers do."""

    def __init__(self, address: str) -> None:
        place = urlsplit(address)
        self.connection, self.place = http.client.HTTPConnection(place.hostname, place.port), place
        self.wish = {"order": "confidence", "source": "model"}

    def ask(self, path: str, body: Any = None) -> str:
        """The text of an answer.

        Raises:
            RuntimeError: it is none that was wanted.
        """
        headers = (
            {"Content-Type": "application/json", "Origin": f"http://{self.place.netloc}"} if body is not None else {}
        )
        content = None if body is None else json.dumps(body)
        self.connection.request("GET" if body is None else "POST", self.place.path + path, content, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {text[:200]!r}")
        return text.decode("utf-8", "replace")

    def look(self, way: str = "first", **wish: str) -> str:
        """An object with its pictures."""
        words = {**self.wish, **wish, "way": way, "window": "w"}
        return self.pictures(self.ask("object?" + "&".join(f"{k}={v}" for k, v in words.items())))

    def say(self, what: str, shown: str, *, pictures: bool = True) -> str:
        """A decision about what is shown; the next object."""
        place, seen = re.search(r'data-place="(\d+)" data-seen="(\d+)"', shown).groups()
        body = {"wish": self.wish, "window": "w", "place": int(place), "seen": int(seen)}
        text = self.ask(f"say/{what}", body)
        return self.pictures(text) if pictures else text

    def pictures(self, shown: str) -> str:
        """Fetch the pictures in sight."""
        for path in re.findall(r'<image href="([^"]+)"', shown):
            self.ask(path)
        return shown


def write_file(folder: Path, objects: int, side: int) -> int:
    """A completed file of so many objects, 7 an image, with pictures; its bytes."""
    random = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    first = folder / "pictures" / "1.jpg"
    Image.fromarray(random.integers(0, 256, (side * 3 // 4, side, 3), dtype=np.uint8)).save(first, quality=80)
    images = [{"id": n, "file_name": f"{n}.jpg", "height": side * 3 // 4, "width": side}
              for n in range(1, -(-objects // PER_IMAGE) + 1)]  # fmt: skip
    for picture in images[1:]:
        os.link(first, folder / "pictures" / picture["file_name"])
    masks = [_blob(random, side) for _ in range(KINDS)]
    boxes = np.array([box for box, _ in masks])
    boxes[:, 2:] += boxes[:, :2]
    figures = attributes_of(measure_masks([rle["counts"] for _, rle in masks], np.full(KINDS, side * 3 // 4), boxes))
    chosen, classes = random.integers(0, KINDS, objects).tolist(), random.integers(1, CLASSES + 1, objects).tolist()
    sure = random.beta(6, 2, objects).round(6).tolist()
    annotations = []
    for n in range(objects):
        box, rle = masks[chosen[n]]
        marks = {"segmentation_predicted": True, "segmentation_confidence": sure[n]}
        inner = {**marks, **figures[chosen[n]]}
        row = {"id": n + 1, "image_id": n // PER_IMAGE + 1, "category_id": classes[n], "iscrowd": 0}
        area = box[2] * box[3] * 0.7
        annotations.append({**row, "bbox": box, "area": area, "segmentation": rle, **marks, "attributes": inner})
    categories = [{"id": n, "name": f"class {n}"} for n in range(1, CLASSES + 1)]
    path = folder / "out.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path.stat().st_size


def _blob(random: np.random.Generator, side: int) -> tuple[list[int], dict[str, Any]]:
    """A box and the run lengths of a ragged round in it."""
    height = side * 3 // 4
    wide, high = (int(random.integers(side // 20 + 4, side // 3)) for _ in range(2))
    left, top = int(random.integers(0, side - wide)), int(random.integers(0, height - high))
    y, x = np.mgrid[:height, :side] + 0.5
    angle = np.arctan2((y - top - high / 2) / high, (x - left - wide / 2) / wide)
    far = np.hypot((x - left - wide / 2) / (wide / 2), (y - top - high / 2) / (high / 2))
    mask = far <= 0.9 + 0.1 * np.sin(9 * angle + random.uniform(0, 6))
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return [left, top, wide, high], {"size": [height, side], "counts": rle["counts"].decode()}


if __name__ == "__main__":
    main(sys.argv[1:])
