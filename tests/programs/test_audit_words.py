"""The audit's last line opens the review with the settings that say how the file is read."""

from __future__ import annotations

import shlex

from contrastmask.programs.review_config import reading_words


def test_a_review_is_told_how_the_file_is_read() -> None:
    given = ["data.annotations=in.json", "data.images=photos", "data.crowd=object", "data.strip_path='a b'",
             "data.rectangles=box", "ckpt_path=last.ckpt", "+data.repair=true"]  # fmt: skip
    told = shlex.split(reading_words(given))
    assert told == ["data.crowd=object", "data.strip_path='a b'", "+data.repair=true"]
