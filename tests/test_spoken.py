"""What is said, where, and how often."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
import warnings

import pytest
from rich.table import Table

from contrastmask.programs import commands
from contrastmask.spoken import (
    LOGGER,
    Pulse,
    SpokenWarning,
    Terminal,
    duration,
    say,
    say_tables,
    warn,
    warnings_in_the_log,
)


@pytest.fixture
def terminal() -> Terminal:
    handler, before = Terminal(), (LOGGER.handlers[:], LOGGER.level)
    LOGGER.handlers[:] = [handler]  # a program that another test ran in this process leaves its own
    LOGGER.setLevel(logging.INFO)
    yield handler
    LOGGER.handlers[:], level = before
    LOGGER.setLevel(level)


def test_words_alone(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    say("run folder x")
    warn("look at it")
    warn("warning: once")
    assert capsys.readouterr().out == "run folder x\nwarning: look at it\nwarning: once\n"


def test_our_warnings_are_spoken_and_others_are_in_the_log(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with warnings_in_the_log():
            warnings.warn("skipped: a.png", SpokenWarning, stacklevel=1)
            warnings.warn("is deprecated", DeprecationWarning, stacklevel=1)
    assert capsys.readouterr().out == "warning: skipped: a.png\n"
    assert "is deprecated" in caplog.text
    assert [r.name for r in caplog.records] == ["contrastmask", "py.warnings"]


@pytest.mark.parametrize(
    ("task", "work"),
    [
        ("_predict", "predict.predict"),
        ("_audit", "audit.audit"),
        ("_review", "review.review"),
        ("_export", "model_export.export_model"),
        ("_export_annotations", "export_annotations.export_annotations"),
    ],
)
def test_every_program_speaks_our_warnings(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, task: str, work: str
) -> None:
    monkeypatch.setattr(commands, "_settings", lambda *_, **__: None)
    module, name = work.split(".")
    says = lambda _: warnings.warn("skipped: a.png", SpokenWarning, stacklevel=1)  # noqa: E731
    monkeypatch.setattr(importlib.import_module(f"contrastmask.programs.{module}"), name, says)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        getattr(commands, task)(None)
    assert capsys.readouterr().out == "warning: skipped: a.png\n"


def test_a_process_that_was_started_anew_speaks_as_the_program() -> None:
    words = "import warnings\nfrom contrastmask.spoken import SpokenWarning, speak_in_worker\nspeak_in_worker()\n"
    words += "warnings.warn('skipped: a.png', SpokenWarning)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("warning: skipped: a.png\n", "")


def test_a_line_after_ten_seconds_and_then_every_thirty() -> None:
    now, said = [0.0], []
    pulse = Pulse("training", 100, "steps", clock=lambda: now[0], tell=said.append)
    for second in range(1, 101):
        now[0] = float(second)
        pulse.add(more=", loss 1.5")
    assert said == [
        "training: 10 of 100 steps, loss 1.5, 1 steps/s, about 1:30 min left",
        "training: 40 of 100 steps, loss 1.5, 1 steps/s, about 1:00 min left",
        "training: 70 of 100 steps, loss 1.5, 1 steps/s, about 30 s left",
        "training: 100 of 100 steps, loss 1.5, 1 steps/s, about 0 s left",
    ]


def test_work_of_unknown_length() -> None:
    now, said = [0.0], []
    pulse = Pulse("reading", None, "rows", every=1.0, clock=lambda: now[0], tell=said.append)
    now[0] = 2.0
    pulse.add(5)
    assert said == ["reading: 5 rows, 2.5 rows/s"]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (245, "4:05 min"), (7440, "2:04 h")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_rate_is_that_of_late() -> None:
    now, said = [0.0], []
    pulse = Pulse("training", 100, "steps", every=10.0, clock=lambda: now[0], tell=said.append)
    now[0] = 10.0
    pulse.add(1)
    now[0] = 20.0
    pulse.add(20)
    assert said[-1] == "training: 21 of 100 steps, 2 steps/s, about 40 s left"


def test_work_that_goes_on_is_counted_from_the_beginning() -> None:
    now, said = [0.0], []
    pulse = Pulse("training", 660, "steps", done=464, clock=lambda: now[0], tell=said.append)
    now[0] = 10.0
    pulse.add(10)
    assert said == ["training: 474 of 660 steps, 1 steps/s, about 3:06 min left"]


def test_speaking_needs_neither_torch_nor_lightning() -> None:
    code = (
        "import logging, sys; from contrastmask.spoken import LOGGER, Terminal, say; "
        "LOGGER.addHandler(Terminal()); LOGGER.setLevel(logging.INFO); say('hello'); "
        "assert not {'torch', 'pytorch_lightning', 'rich'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "hello\n"


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "SLURM_PROCID"])
def test_the_first_process_speaks(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for number in ("0", "1"):
        monkeypatch.setenv(name, number)
        say(f"process {number}")
    assert capsys.readouterr().out == "process 0\n"


def test_tables_go_to_the_log_too(terminal: Terminal, caplog: pytest.LogCaptureFixture) -> None:
    table = Table("class", "AP")
    table.add_row("dog", "1.5")
    say_tables([table])
    assert "dog" in caplog.text
    assert "\x1b" not in caplog.text
