"""``contrastmask COMMAND``: one table of programs; what cannot be understood is one short message."""

from __future__ import annotations

from importlib import import_module

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
            "given_boxes: there is no such file or folder of detections; `contrastmask test ",
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


def test_job_words_name_commands_that_there_are() -> None:
    commands = [words.split()[0] for words in job_words.JOBS.values()]
    assert set(commands) <= {*COMMANDS, "--help", "--version"}
