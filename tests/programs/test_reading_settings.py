"""How a file is read goes into every command that reads it again, wherever the setting came from."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from contrastmask.data.images.rules import ImageRules
from contrastmask.data.reading import RULES, Reading
from contrastmask.programs import audit_config
from contrastmask.programs.audit import audit
from contrastmask.programs.audit_config import AuditConfig
from contrastmask.programs.closing import data_words, reading_words
from contrastmask.programs.config import DataConfig, typed
from contrastmask.programs.export_config import ExportConfig
from contrastmask.programs.predict_config import PredictConfig, PredictDataConfig
from contrastmask.programs.reading_settings import reading_settings
from contrastmask.programs.review_config import ReviewConfig, ReviewDataConfig
from tests.composing import composed

GIVEN = {"annotations": "in.json", "crowd": "object", "strip_path": "auto", "rectangles": "box", "repair": True,
         "exif": "auto", "predicted_masks": "use", "flip": 0.3, "train_images": "a b"}  # fmt: skip


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (ReviewDataConfig, ["repair=true", "crowd=object", "rectangles=box", "strip_path=auto"]),
        (PredictDataConfig, ["repair=true", "crowd=object", "rectangles=box", "strip_path=auto"]),
        (DataConfig, ["repair=true", "crowd=object", "rectangles=box", "predicted_masks=use", "strip_path=auto"]),
    ],
)
def test_another_program_is_told_what_it_understands_and_would_not_do_by_itself(other: type, told: list[str]) -> None:
    assert reading_words(reading_settings(GIVEN, other)) == [f"data.{word}" for word in told]


def test_every_command_that_reads_a_file_takes_what_the_pages_say() -> None:
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "data.md").read_text()
    listed = re.findall(r"^\| `data\.(\w+)` \|", page, re.MULTILINE)
    assert listed == [*(entry.name for entry in fields(Reading)), "on_bad", "cache"]
    said = re.search(r"^Every command takes (.+?); (.+?)\s+belong to", page, re.MULTILINE | re.DOTALL)
    for_all, of_training = (re.findall(r"`data\.(\w+)`", part) for part in said.groups())
    assert for_all == [*RULES, *(entry.name for entry in fields(ImageRules))]
    assert [*for_all, *of_training] == sorted(listed, key=[*for_all, *of_training].index)
    for config in (AuditConfig, ExportConfig, PredictConfig, ReviewConfig):
        kind = next(entry for entry in fields(config) if entry.name == "data").default_factory
        known = {entry.name for entry in fields(kind)}
        assert (set(for_all) - known, set(of_training) & known) == (set(), set()), config
    assert set(listed) <= {entry.name for entry in fields(DataConfig)}
    for name in ("completion", "review", "handover"):
        row = next(
            line for line in (docs / f"{name}.md").read_text().splitlines() if line.startswith("| `data.repair`")
        )
        assert re.findall(r"`data\.(\w+)`", row) == for_all, name


def test_what_no_word_said_is_told_once(tmp_path) -> None:
    words = ["data.crowd=object", "++data.repair=true", "++data.flip=0.25", "data.exif=auto"]
    config = typed(composed(f"data.root={tmp_path}", *words))
    for given in ([], words):  # of a group of the user's own, or of the command line
        told = shlex.split(data_words(config, given))
        assert [word for word in told if "crowd" in word or "repair" in word] == [
            "data.repair=true",
            "data.crowd=object",
        ]
        assert "data.exif=auto" not in told
        assert ("++data.flip=0.25" in told) == bool(given)


def test_an_audit_opens_the_review_as_it_read_the_file(monkeypatch, capsys: pytest.CaptureFixture) -> None:
    summary = {"judged": 0, "unreadable": [], "unmarked": []}
    monkeypatch.setattr("contrastmask.programs.audit.judge", lambda *_: summary)
    monkeypatch.setattr("contrastmask.programs.audit._predictor", lambda config: None)
    audit_config.register()
    words = ["data.annotations=in.json", "data.images=our photos", "data.crowd=object", "data.rectangles=box"]
    assert audit(composed(*words, "ckpt_path=last.ckpt", "output=out.json", program="audit")) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("next:"))
    told = shlex.split(line, comments=True)
    assert told[told.index("review") + 1 :] == ["out.json", "data.images='our photos'", *words[2:4]]
