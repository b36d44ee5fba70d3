"""``--help`` says of every setting what it means."""

from __future__ import annotations

import pytest

from contrastmask.programs import audit_config, export_config, model_export_config, predict_config, review_config
from contrastmask.programs.composing import composed
from contrastmask.programs.help_text import help_text
from contrastmask.programs.key_names import key_names
from contrastmask.programs.setting_words import setting_words, with_words

PROGRAMS = {
    "predict": predict_config,
    "audit": audit_config,
    "review": review_config,
    "export_annotations": export_config,
    "export": model_export_config,
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_setting_lacks_its_words(program: str) -> None:
    PROGRAMS[program].register()
    names = key_names(composed(program, []))
    settings = [name for name in names if not any(other.startswith(f"{name}.") for other in names)]
    words = setting_words(program)
    assert not [name for name in settings if name not in words]
    # and no words are of a setting that is gone; how files are read is told for all programs
    assert not [name for name in words if not name.startswith("data.") and name not in names]
    lines = help_text(program, []).splitlines()
    shown = [line for line in lines if line.partition(": ")[0] in settings]
    assert shown
    assert not [line for line in shown if "# " not in line]
    assert max(map(len, lines)) <= 150


def test_words_of_a_heading_and_of_a_place_below() -> None:
    PROGRAMS["predict"].register()
    said = help_text("predict", ["form=polygons"])
    assert "form: polygons                  # task=complete: rle | polygons" in said
    assert "  crowd: region                 # object: rows with iscrowd 1 are objects" in said
    assert "ckpt_path: ???                  # needed: the model" in said


def test_lists_and_texts_stay_as_they_are() -> None:
    assert with_words("a:\n- b\nc:\n  a: 'x: y'\n", {"a": "one", "c.a": "two"}).split() == (
        ["a:", "#", "one", "-", "b", "c:", "a:", "'x:", "y'", "#", "two"]
    )
