"""The page's addresses: who may ask, what is shown, that nothing of a file is ever more than text."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contrastmask.review.states import ACCEPTED
from tests.data.coco_rows import H, W, content, image
from tests.review.room import HOST, HOSTILE, PLACES, ROWS, TOKEN, Browser, opened, runs, write

pytest.importorskip("starlette", reason="the page's library is not installed: pip install 'contrastmask[review]'")

from contrastmask.review.app import Pages, application
from contrastmask.review.guard import Guard


def browser(folder: Path, rows: list[dict[str, Any]] = ROWS, **choices: Any) -> Browser:
    options = write(folder, rows, **choices)
    pages = Pages(options, *opened(options))
    found = Browser(Guard(application(pages), TOKEN))
    found.pages = pages
    return found


def shown(text: str) -> tuple[int, int] | None:
    """Annotation id and revision of what an answer shows."""
    found = re.search(r'data-place="(\d+)" data-seen="(\d+)"', text)
    return None if found is None else (ROWS[int(found[1])]["id"], int(found[2]))


ADDRESSES = ("", "object?order=file&window=w", "picture/1/close.jpg", "static/app.js")


@pytest.mark.parametrize("address", ADDRESSES)
def test_only_who_knows_the_token_at_this_very_address(tmp_path: Path, address: str) -> None:
    asked = browser(tmp_path)
    status, _, headers = asked.ask(address)
    assert status == 200
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    for wrong in ("/", "//", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/", "/x/", "/static/app.js", f"/x/../{TOKEN}/", "/\xff/"):
        status, text, _ = asked.ask(wrong + address)
        assert status == 404
        assert TOKEN not in text
    own = f"http://{HOST}"
    for headers, right in (
        ({"host": "localhost:8000"}, True),
        ({"host": "127.0.0.1:9999"}, True),  # another port of a tunnel
        ({"origin": own}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, True),  # a link
        ({"host": "evil.example:8000"}, False),
        ({"host": "127.0.0.1.evil.example:8000"}, False),
        ({"host": "127.0.0.1"}, False),
        ({"host": "192.168.0.7:8000"}, False),
        ({"host": ""}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://127.0.0.1:8001"}, False),
        ({"origin": "https://127.0.0.1:8000"}, False),
        ({"origin": "http://localhost:8000"}, False),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, False),
        ({"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"}, False),
    ):
        assert (asked.ask(address, **headers)[0] == 200) == right, headers


def test_pages_of_other_sites_decide_nothing(tmp_path: Path) -> None:
    asked = browser(tmp_path)
    body = {"wish": {"order": "file"}, "window": "w", "place": 1, "seen": 0}
    for headers in ({"origin": "http://evil.example"}, {"content_type": "text/plain"}, {"host": "evil.example:80"},
                    {"content_type": "application/x-www-form-urlencoded"}):  # fmt: skip
        assert asked.ask("say/accepted", body, **headers)[0] in (400, 403)
    assert asked.ask("say/accepted?" + "&".join(f"{k}={v}" for k, v in body.items()))[0] == 405
    assert asked.pages.decisions.state.sum() == 0
    assert asked.ask("say/accepted", body)[0] == 200
    assert asked.pages.decisions.state[1] == ACCEPTED


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("say/accepted", {}),
        ("say/accepted", {"wish": {"order": "file"}, "window": "w", "place": "x", "seen": 0}),
        ("say/accepted", {"wish": {"order": "file"}, "window": "w", "place": 7, "seen": 0}),
        ("say/accepted", {"wish": {"order": "file"}, "window": "w", "place": 10**30, "seen": 0}),
        ("say/accepted", {"wish": {"order": "file"}, "window": "w", "place": -1, "seen": 0}),
        ("say/accepted", {"wish": {"order": "file"}, "window": "w", "place": 1.5, "seen": 0}),
        ("say/accepted", {"wish": {"order": "file"}, "window": "w", "place": 1}),
        ("say/accepted", {"wish": {"order": "file"}, "window": "w" * 65, "place": 1, "seen": 0}),
        ("say/pending", {"wish": {"order": "file"}, "window": "w", "place": 1, "seen": 0}),
        ("say/../finish", {"wish": {"order": "file"}, "window": "w", "place": 1, "seen": 0}),
        ("say/surer", {"wish": {"order": "file"}, "window": "w", "place": 0, "seen": 0}),
        ("say/undo", {"wish": {"order": "file"}, "window": "w"}),
        ("say/undo", [1]),
        ("say/undo", b"{"),
        ("say/undo", b"[" * 20000),
        ("say/undo", b"[" * 9000),
        ("object?order=file", None),
        ("object?order=file&window=w&way=up", None),
        ("object?order=file&window=w&way=here&place=7", None),
        ("object?order=file&window=w&place=%C2%B2", None),
        ("picture/7/close.jpg", None),
        ("picture/1/wide.jpg", None),
        ("picture/x/close.jpg", None),
        ("static/../guard.py", None),
        ("static/page.html", None),
        ("etc/passwd", None),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(tmp_path: Path, path: str, body: Any) -> None:
    asked = browser(tmp_path)
    status, text, _ = asked.ask(path, body)
    assert 400 <= status < 500
    assert "Traceback" not in text
    assert asked.pages.decisions.state.sum() == 0
    assert asked.ask(path, body, method="PUT")[0] in (404, 405)


def test_a_round_of_decisions(tmp_path: Path) -> None:
    asked = browser(tmp_path)
    status, text = asked.look()
    assert (status, shown(text)) == (200, (4, 0))
    place = {ROWS[p]["id"]: p for p in PLACES}
    assert shown(asked.say("accepted", place[4])[1]) == (6, 0)
    assert shown(asked.say("rejected", place[6])[1]) == (2, 0)
    assert shown(asked.say("skipped", place[2])[1]) == (9, 0)
    status, text = asked.say("undo", 0)
    assert (status, shown(text)) == (200, (2, 4))
    assert "undone" in text
    status, text = asked.say("surer", place[2], seen=4)
    assert (status, shown(text)) == (200, (7, 0))
    assert "4 accepted" in text
    assert "<b>6</b> of 7 decided" in text
    assert shown(asked.look("back", place[7])[1]) == (7, 0)  # the only one of this choice that is left
    assert "Nothing more matches the filters" not in text
    status, text = asked.say("rejected", place[7])
    assert shown(text) is None
    assert "Everything is decided" in text
    assert shown(asked.look(source="all")[1]) == (1, 0)
    status, text, _ = asked.ask("finish", {})
    assert (status, text) == (200, f"5 accepted, 2 rejected, 0 skipped, 0 pending: {tmp_path / 'out.reviewed.json'}")
    assert (
        json.loads((tmp_path / "out.reviewed.json").read_text())["annotations"][1]["segmentation_review"] == "accepted"
    )


def test_two_windows_never_contradict_each_other(tmp_path: Path) -> None:
    one = browser(tmp_path)
    two = Browser(one.app, "two")
    place = {ROWS[p]["id"]: p for p in PLACES}
    assert shown(one.look()[1]) == (4, 0)
    assert shown(two.look()[1]) == (6, 0)  # not the one that somebody is looking at
    assert two.say("accepted", place[4])[0] == 200
    status, text = one.say("rejected", place[4])
    assert status == 409
    assert shown(text) == (4, 1)
    assert "not taken: meanwhile accepted in another window" in text
    assert one.say("rejected", place[4], seen=1)[0] == 200
    status, text = two.say("undo", 0)
    assert (status, text) == (409, "cannot be undone: decided again in another window since")


def test_hostile_names_are_text(tmp_path: Path) -> None:
    rows = [{**ROWS[1], "attributes": {**ROWS[1]["attributes"], "reason": HOSTILE, "suspicion": 1}}, ROWS[2]]
    options = write(tmp_path, rows)
    name = "<script>alert(1)<\\x2fscript>\udcff.png"
    data = content(rows, [image(1, file_name=name)], [{"id": 18, "name": HOSTILE}, {"id": 1, "name": "'\"><b>"}])
    options.annotations.write_text(json.dumps(data))
    asked = Browser(Guard(application(Pages(options, *opened(options))), TOKEN))
    for text in (asked.ask("")[1], asked.look()[1]):
        assert "&lt;img src=x onerror=alert(1)&gt;" in text
        assert "\\ud800" in text
        assert not re.search(r"<img|<script>|<b>\"|onerror=alert\(1\)>", text)
    assert "&lt;script&gt;alert(1)" in asked.look()[1]
    status, text, headers = asked.ask("picture/0/close.jpg")
    assert status == 404
    assert headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/hostname", "sub/../../secret.png", "link.png", "C:\\secret.png"]
)
def test_pictures_outside_the_folder_are_not_shown(tmp_path: Path, name: str) -> None:
    options = write(tmp_path)
    Image.new("RGB", (W, H)).save(tmp_path / "secret.png")
    (tmp_path / "pictures" / "link.png").symlink_to(tmp_path / "secret.png")
    data = content(ROWS, [image(1, file_name=name), image(2)])
    options.annotations.write_text(json.dumps(data))
    if name == "link.png":
        asked = Browser(Guard(application(Pages(options, *opened(options))), TOKEN))
        status, text, _ = asked.ask("picture/1/whole.jpg")
        assert status == 404
        assert "leads out of the image folder" in text
    else:  # such a file is no data set
        with pytest.raises(Exception, match=r"leaves the image folder|absolute path"):
            opened(options)


def test_pictures_show_the_part_that_is_asked_for(tmp_path: Path) -> None:
    asked = browser(tmp_path)
    pixels = np.zeros((H, W, 3), dtype=np.uint8)
    pixels[:, : W // 2] = (255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "pictures" / "1.jpg", quality=95, subsampling=0)
    whole = Image.open(BytesIO(asked.pages.picture(1, "whole")))
    assert whole.size == (W, H)
    close = Image.open(BytesIO(asked.pages.picture(5, "close")))  # at the right: nothing red
    assert np.asarray(close)[..., 0].max() < 60
    left = re.search(r'<figure class="view close">\s*<svg viewBox="(\d+) (\d+) (\d+) (\d+)"', asked.look("here", 5)[1])
    assert close.size == (int(left[3]), int(left[4]))
    (tmp_path / "pictures" / "sub" / "ä 2.png").unlink()
    status, text, _ = asked.ask("picture/4/close.jpg")
    assert status == 404
    assert "does not exist" in text


@pytest.mark.parametrize(("orientation", "stored_as"), [(1, None), (5, 5), (6, 2), (7, 6), (8, 4)])
def test_a_turned_picture_lies_as_its_annotations_do(tmp_path: Path, orientation: int, stored_as: int | None) -> None:
    asked = browser(tmp_path)
    upright = np.zeros((H, W, 3), dtype=np.uint8)
    upright[: H // 2, : W // 2] = 255
    stored = Image.fromarray(upright)
    stored = stored if stored_as is None else stored.transpose(Image.Transpose(stored_as))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "pictures" / "1.jpg", exif=exif, quality=95)
    found = np.asarray(Image.open(BytesIO(asked.pages.picture(1, "whole"))))[..., 0]
    assert found.shape == (H, W)
    assert found[: H // 2 - 4, : W // 2 - 4].min() > 200
    assert found[H // 2 + 4 :].max() < 60


def test_what_an_object_shows(tmp_path: Path) -> None:
    rows = [dict(one) for one in ROWS]
    rows[1] = {**rows[1], "segmentation": runs(0, 5, 3, 15)}
    rows[2]["segmentation_rejected"] = {"segmentation": [[13, 6, 20, 6, 20, 14]]}
    rows[3]["attributes"] = {
        **rows[3]["attributes"],
        "predicted": runs(24, 6, 30, 12),
        "suspicion": 0.75,
        "reason": "low",
    }
    asked = browser(tmp_path, rows)
    text = asked.look("here", 1)[1]
    assert "<h2><bdi>dog</bdi>" in text
    assert "0.50" in text
    assert '<dd class="odd">30 %</dd>' in text  # agreement with its box
    assert '<dd class="odd">right</dd>' in text
    (path,) = re.findall(r'<g id="mask-shape"><path d="M([\d ]+)Z"/></g>', text)
    numbers = [int(number) for number in path.split()]
    assert {*zip(numbers[::2], numbers[1::2], strict=True)} == {(0, 5), (3, 5), (3, 15), (0, 15)}
    assert text.count('data-go="') == 5  # dogs and people beside it, the drawn one among them
    assert "no mask" in text
    assert 'id="other-shape"' not in text
    text = asked.look("here", 2)[1]
    assert "M13 6 20 6 20 14Z" in text
    assert 'data-mask="now" data-other="before"' in text
    text = asked.look("here", 3)[1]
    assert 'data-mask="before" data-other="after"' in text
    assert "0.75" in text
    assert "<dd>low</dd>" in text
    page = asked.ask("")[1]
    assert '<option value="suspicion" selected>' in page
