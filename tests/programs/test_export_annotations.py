"""``contrastmask export-annotations`` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pycocotools.mask import toBbox

from contrastmask.__main__ import main
from contrastmask.programs import export_config
from contrastmask.programs.composing import composed
from contrastmask.programs.option_words import file_first
from tests.handover.scene import NOISE, TWO, write_scene


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = write_scene(tmp_path)
    words = ["export-annotations", str(scene.annotations), f"data.images={scene.images}"]
    with pytest.raises(SystemExit) as ended:  # a box without mask is left out
        main([*words, "to=yolo", f"output={tmp_path / 'yolo'}"])
    said = capsys.readouterr().out
    assert ended.value.code == 1
    assert all(
        text in said for text in ("7 written", "first ids [17]; yolo.without_mask=box", "lost holes", "data.yaml")
    )
    assert main([*words, "to=labelstudio", f"output={tmp_path / 'ls'}"]) == 0
    assert "label_config.xml" in capsys.readouterr().out


@pytest.mark.parametrize("tool", ["labelstudio", "yolo"])
def test_painted_masks_that_the_file_calls_crowds(
    tool: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a completed file, where a model's run lengths are no crowds."""
    scene = write_scene(tmp_path)
    for row in scene.content["annotations"]:
        if isinstance(row["segmentation"], dict):
            made = row["id"] in (TWO, NOISE)
            row |= {"iscrowd": int(not made), "segmentation_predicted": made}
            row["bbox"] = toBbox(row["segmentation"]).tolist()
    scene.annotations.write_text(json.dumps(scene.content))
    words = ["export-annotations", str(scene.annotations), f"data.images={scene.images}", f"to={tool}"]
    words += ["yolo.without_mask=box"]
    with pytest.raises(SystemExit) as ended:
        main([*words, f"output={tmp_path / 'regions'}"])
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "warning: 3 annotations, crowd regions (iscrowd 1) that look like painted masks" in said
    assert "left out, crowd region that looks like an object: 3 annotations" in said
    assert said.count("data.crowd=object reads rows with iscrowd 1 as objects") == 2
    assert main([*words, f"output={tmp_path / 'objects'}", "data.crowd=object"]) == 0
    assert "9 rows: 9 written" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["to=yolo"], "no value for output"),
        (["to=yolo", "output=x"], "export-annotations needs a file"),
        (["to=yolo", "output=x", "yolo.part=joined"], "yolo.part"),
    ],
)
def test_what_is_missing_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export-annotations", *words])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    ["out.json", "a b.json", "it's.json", "a\\b.json", "a\\'b", "x\\", "${oc.env:HOME}.json", "a,b(1)[2]{3}", "ä#"],
)
def test_a_file_may_stand_first_whatever_it_is_called(name: str) -> None:
    export_config.register()
    words = file_first(["to=yolo", name, "output=x"], "data.annotations")
    assert composed("export_annotations", words).data.annotations == name
    assert file_first(["to=yolo", "+a", "~b", "--help"], "data.annotations") == ["to=yolo", "+a", "~b", "--help"]
