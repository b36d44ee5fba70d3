"""``contrastmask COMMAND``: one table of programs; what cannot be understood is one short message."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from contrastmask.__main__ import COMMANDS, main
from contrastmask.programs import job_words


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_table_says(name: str) -> None:
    module, _, function = COMMANDS[name][0].partition(":")
    assert callable(getattr(import_module(module), function))


def test_the_list_of_commands(capsys: pytest.CaptureFixture) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in COMMANDS)
    assert main([]) == 1
    capsys.readouterr()
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("contrastmask 0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek"], "no command 'chek' (did you mean check?)"),
        (["train", "data.rot=x"], "no setting data.rot (did you mean data.root"),
        (["train", "--multrun"], "no option --multrun (did you mean --multirun"),
        (["predict", "ckpt_pth=x"], "did you mean ckpt_path?"),
        (["predict"], "no value for ckpt_path, output"),
        (["report"], "RUN"),
        (["convert", "a"], "target"),
        (["convert", "a", "b", "--layout", "x"], "mmdetection"),
        (["study"], "run, measure, look, report"),
        (["study", "rnu"], "'rnu' is none of its commands"),
        (["study", "run", "tabel=3"], "table=…"),
    ],
)
def test_words_that_cannot_be_understood(words: list[str], said: str, capsys: pytest.CaptureFixture) -> None:
    try:
        status = main(words)
    except SystemExit as end:
        status = end.code
    printed = capsys.readouterr()
    assert status == 1
    assert said in printed.err
    assert printed.err.count("\n") <= 3
    assert not printed.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["complete"], "`contrastmask predict task=complete` does it"),
        (["complete", "ckpt_path=a b"], "`contrastmask predict task=complete 'ckpt_path=a b'` does it"),
        (["complet"], "`contrastmask predict task=complete` does it"),
        (["Detect"], "`contrastmask predict` does it"),
        (["given_boxes"], "`contrastmask test evaluate=given_boxes` does it"),
        (["demo"], "`contrastmask train experiment=demo` does it"),
        (["export_annotations"], "did you mean export-annotations?"),
        (["labelstudio"], "`contrastmask export-annotations FILE.json to=labelstudio` does it"),
        (["eval"], "did you mean evaluate?"),
        (["task=complete", "a=b"], "the command comes first: `contrastmask predict task=complete a=b`"),
        (["--multirun", "x"], "the command comes first: `contrastmask COMMAND --multirun x`"),
        (["train", "demo"], "did you mean experiment=demo?"),
        (["train", "as_annotated"], "did you mean split=as_annotated?"),
        (["predict", "complete"], "did you mean task=complete?"),
        (["predict", "last.ckpt"], "did you mean ckpt_path=last.ckpt?"),
        (["test", "given_boxes"], "did you mean evaluate=given_boxes?"),
        (["export", "onnx"], "did you mean format=onnx?"),
        (["export-annotations", "a.json", "labelstudio"], "did you mean to=labelstudio?"),
        (
            ["evaluate", "given_boxes"],
            "the file or folder of detections given_boxes does not exist; ",
        ),
        (["evaluate", "last.ckpt"], "`contrastmask test ckpt_path=last.ckpt …` evaluates a checkpoint"),
    ],
)
def test_a_job_under_another_name_leads_to_its_command(
    words: list[str], said: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 1
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1


COCO = b'{"images": [], "annotations": [], "categories": []}'
GONE = "the annotation file no.json does not exist; in "


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("audit no.json", GONE),
        ("export-annotations no.json", GONE),
        ("review no.json", GONE),
        ("predict task=complete data.annotations=no.json", GONE),
        ("predict source=no.json", GONE),
        ("predict data.truth=no.json", GONE),
        ("export data.annotations=no.json", GONE),
        ("audit picture.json", "picture.json is not a JSON file: it is an image (PNG)"),
        ("review weights.json", "weights.json is not a JSON file: it is a file of weights"),
        ("audit in.json data.images=in.json", "the image folder in.json is no folder"),
        ("audit in.json ckpt_path=no.ckpt", "the checkpoint no.ckpt does not exist; in "),
        ("audit in.json ckpt_path=exported.onnx", "it is an exported model, which `predict task=complete` alone takes"),
        ("predict ckpt_path=exported.onnx", "no value for output"),
        ("predict ckpt_path=no.onnx", "the exported model no.onnx does not exist; in "),
        ("predict ckpt_path=in.json", "in.json is no checkpoint: it is JSON and looks like an annotation file"),
        ("predict crops=no.ckpt", "the checkpoint no.ckpt does not exist; in "),
        ("export ckpt_path=no.ckpt", "the checkpoint no.ckpt does not exist; in "),
        ("train data.root=. ckpt_path=no.ckpt", "the checkpoint no.ckpt does not exist; in "),
        ("train data.root=. init_path=in.json", "in.json is no checkpoint: it is JSON"),
        ("train data.root=.", "train: the annotation file annotations/instances_train2017.json does not exist"),
        ("train data.root=./gone", "DataError: data.root: the folder gone does not exist; in "),
        ("train data.root=. data.train_annotations=picture.json", "picture.json is not a JSON file"),
        ("test data.root=.", "val: the annotation file annotations/instances_val2017.json does not exist"),
        ("test", "test.py needs ckpt_path=FILE"),
    ],
)
def test_what_is_named_wrongly_is_told_before_what_is_not_given(
    words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (
        ("in.json", COCO),
        ("picture.json", b"\x89PNG\r\n\x1a\n"),
        ("weights.json", b"PK\x03\x04" + b"\0" * 26 + b"last/data.pkl"),
        ("exported.onnx", b"\x08\x0a\x12\x07pytorch"),
    ):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SystemExit) as end:
        main([*words.split()])
    assert end.value.code == 1
    assert said in capsys.readouterr().err


def test_job_words_name_commands_that_there_are() -> None:
    commands = [words.split()[0] for words in job_words.JOBS.values()]
    assert set(commands) <= {*COMMANDS, "--help", "--version"}
