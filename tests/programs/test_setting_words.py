"""``--help`` says of every setting what it means."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from contrastmask.conf_folder import CONF
from contrastmask.programs import (
    audit_config,
    config,
    export_config,
    model_export_config,
    predict_config,
    review_config,
)
from contrastmask.programs.composing import composed
from contrastmask.programs.help_text import help_text
from contrastmask.programs.key_names import key_names
from contrastmask.programs.setting_words import setting_words
from contrastmask.programs.yaml_lines import WIDTH, as_yaml, named_lines, with_words

PROGRAMS = {
    "predict": predict_config,
    "audit": audit_config,
    "review": review_config,
    "export_annotations": export_config,
    "export": model_export_config,
}
NO_CHOICES = ("experiment", "hydra", "study")  # of settings that explain themselves
CHOICES = {
    folder.name: sorted(file.stem for file in folder.glob("*.yaml"))
    for folder in sorted(CONF.iterdir())
    if folder.is_dir() and folder.name not in NO_CHOICES
}


def unexplained(said: str) -> list[str]:
    """The settings of a help text without words; the lines must fit the terminal."""
    assert max(map(len, said.splitlines())) <= WIDTH
    lines = [*named_lines(said.partition("== Configuration ==\n")[2]), ("", "")]
    settings = [(line, name, further) for (line, name), (further, _) in pairwise(lines) if name]
    assert len(settings) > 5
    bare = [
        (line, name) for line, name, further in settings if "# " not in line and not further.startswith(" " * 32 + "# ")
    ]
    # groups have headings or names that say enough; what Hydra makes is Hydra's to say
    groups = [name for line, name in bare if line.endswith((":", "{}")) and ("." not in name or name.endswith("_head"))]
    return [name for _, name in bare if name not in groups and not name.endswith("._target_")]


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_setting_lacks_its_words(program: str) -> None:
    PROGRAMS[program].register()
    names = key_names(composed(program, []))
    settings = [name for name in names if not any(other.startswith(f"{name}.") for other in names)]
    words = setting_words(program)
    assert not [name for name in settings if name not in words]
    # and no words are of a setting that is gone; how files are read is told for all programs
    assert not [name for name in words if not name.startswith("data.") and name not in names]
    assert not unexplained(help_text(program, []))


def test_words_of_a_heading_and_of_a_place_below() -> None:
    PROGRAMS["predict"].register()
    said = help_text("predict", ["form=polygons"])
    assert "form: polygons                  # task=complete: rle | polygons" in said
    assert "  crowd: region                 # object: rows with iscrowd 1 are objects" in said
    assert "ckpt_path: ???                  # needed: the model" in said


@pytest.mark.parametrize("program", ["train", "test"])
@pytest.mark.parametrize("turn", range(max(map(len, CHOICES.values()))))
def test_no_setting_of_any_choice_lacks_its_words(program: str, turn: int) -> None:
    config.register()
    chosen = {group: names[turn % len(names)] for group, names in CHOICES.items()}
    said = help_text(program, [f"{group}={name}" for group, name in chosen.items()])
    assert not unexplained(said)
    for group, name in chosen.items():
        assert re.search(rf"^ *# {group}={name}: \S", said, re.MULTILINE), (group, name)


@pytest.mark.parametrize("name", sorted(file.stem for file in (CONF / "experiment").glob("*.yaml")))
def test_no_setting_of_a_whole_run_lacks_its_words(name: str) -> None:
    config.register()
    said = help_text("train", [f"experiment={name}"])
    assert f"# experiment={name}\n#   " in said
    assert not unexplained(said)


def test_words_of_the_choice_of_those_it_builds_upon_and_of_the_others() -> None:
    config.register()
    said = help_text("train", ["data=shapes", "backbone=x101", "experiment=[study/shapes,study/full]"])
    assert "\n# data: coco | shapes\n# data=shapes: The embedded data set: drawn once" in said
    assert "    size: 96                    # px, side of the square images\n" in said
    assert "  weights: null                 # torchvision has none for 32x4d: give a file" in said
    assert "  depth: 101                    # torchvision: layers, 18 | 50 | 101\n" in said  # backbone=r50's
    assert "  mean: null                    # timm: RGB of 0..255" in said  # backbone=timm's
    assert "  # mask_head=fcn: The released head" in said
    assert "# experiment=study/shapes\n" in said
    assert "#   Shows:    ContrastMask as released\n" in said
    assert "crops: null                     # test: a crop branch" in said


def test_the_test_says_what_is_of_no_effect() -> None:
    config.register()
    said = help_text("test", [])
    assert "\n# schedule: of no effect\n# schedule=1x: " in said
    assert "ckpt_path: null                 # needed: the checkpoint to evaluate\n" in said
    assert "init_path: null                 # train: start from" in said


def test_a_choice_of_the_users_own_explains_itself(tmp_path: Path) -> None:
    config.register()
    (tmp_path / "schedule").mkdir()
    own = "# A week\ndefaults:\n  - 1x\nname: week\nlr: 0.5  # a bold one\n"
    (tmp_path / "schedule" / "week.yaml").write_text(own)
    said = help_text("train", ["schedule=week"], [str(tmp_path)])
    assert "# schedule=week: A week\n" in said
    assert "  lr: 0.5                       # a bold one\n" in said
    assert not unexplained(said)


def test_values_stay_as_they_are_and_long_words_are_wrapped() -> None:
    settings = {"a": [1, "b"], "c": {"d": "x: y", "e": "z" * 90}, "f": None}
    words = {"a": "one", "c.d": "two " * 20, "c.e": "three", "f": "four"}
    assert with_words(as_yaml(settings), words, {"c": ["the c"]}).splitlines() == [
        f"{'a: [1, b]':32}# one",
        "",
        "# the c",
        "c:",
        f"  d: 'x: y'{'':21}# {'two ' * 16}".rstrip(),
        f"{'':32}# two two two two",
        f"  e: {'z' * 90}",
        f"{'':32}# three",
        "",
        f"{'f: null':32}# four",
    ]
