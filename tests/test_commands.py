"""``contrastmask COMMAND``: one table of programs; what cannot be understood is one short message."""

from __future__ import annotations

from importlib import import_module

import pytest

from contrastmask.__main__ import COMMANDS, main


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
