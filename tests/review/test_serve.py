"""The program itself: what it prints, one at a time, nothing lost by a kill, its end by a signal, no torch."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from contrastmask.__main__ import main
from tests.review.room import PLACES, write

ROOT = Path(__file__).parents[2]
CASE = str(ROOT / "tests" / "cases" / "flat-polygons.train.json")
NEEDED = pytest.mark.skipif(
    not (find_spec("starlette") and find_spec("uvicorn")),
    reason="the page's libraries are not installed: pip install 'contrastmask[review]'",
)


def command(folder: Path, *words: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "contrastmask",
        "review",
        str(folder / "out.json"),
        f"data.images={folder}/pictures",
        *words,
    ]


@contextmanager
def running(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen, str, str]]:
    """The program, its address, and what it said before."""
    process = subprocess.Popen(
        command(folder, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )
    said = ""
    try:
        while not (found := re.search(r"^review (http://\S+)", said, re.MULTILINE)):
            line = process.stdout.readline()
            assert line, said
            said += line
        yield process, found[1], said
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(address: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    method, content = ("GET", None) if body is None else ("POST", json.dumps(body))
    if body is not None:
        headers = {"Origin": f"http://{place.netloc}", "Content-Type": "application/json", **headers}
    connection.request(method, place.path + path, content, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def said_of(place: int, seen: int = 0) -> dict[str, object]:
    return {"wish": {"order": "file", "source": "model"}, "window": "w", "place": place, "seen": seen}


@NEEDED
def test_killed_and_started_again_nothing_is_lost(tmp_path: Path) -> None:
    write(tmp_path)
    with running(tmp_path) as (process, address, said):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", address)
        assert "7 masks of a model: 7 pending, 0 accepted, 0 rejected, 0 skipped" in said
        assert ask(address, "say/accepted", said_of(PLACES[0]))[0] == 200
        assert ask(address, "say/rejected", said_of(PLACES[1]))[0] == 200
        process.kill()  # the moment the answer is here
        process.wait()
    with running(tmp_path) as (process, again, said):
        assert again.rpartition("/")[0] != address.rpartition("/")[0]  # a token of its own
        assert "7 masks of a model: 5 pending, 1 accepted, 1 rejected, 0 skipped" in said
        assert ask(again, "say/undo", said_of(0))[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    finished = subprocess.run(command(tmp_path, "finish=true"), capture_output=True, text=True, cwd=ROOT)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("1 accepted, 0 rejected, 0 skipped, 6 pending: ")
    assert not list(tmp_path.glob(".*lock"))


@NEEDED
def test_one_at_a_time_on_this_machine_alone(tmp_path: Path) -> None:
    write(tmp_path)
    with running(tmp_path) as (process, address, _):
        assert ask(address, "say/accepted", said_of(PLACES[0]))[0] == 200
        for words in ((), ("finish=true",)):
            second = subprocess.run(command(tmp_path, *words), capture_output=True, text=True, cwd=ROOT)
            assert second.returncode == 1
            assert re.search(
                rf"DataError: .*out\.reviewed\.json is being written by process {process.pid} ", second.stderr
            )
            assert second.stderr.count("\n") == 1
        port = urlsplit(address).port
        taken = subprocess.run(
            command(tmp_path, f"output={tmp_path}/other.json", f"port={port}"), capture_output=True, text=True, cwd=ROOT
        )
        assert f"DataError: port={port} cannot be used" in taken.stderr
        assert ask(address, "", Host="evil.example")[0] == 403
        with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
            socket.create_connection((_own_address(), port), timeout=2).close()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def _own_address() -> str:
    """Another address of this machine than 127.0.0.1; all of 127.0.0.0/8 leads here."""
    return "127.0.0.2"


@NEEDED
def test_no_torch(tmp_path: Path) -> None:
    write(tmp_path)
    code = (
        "import sys; from contrastmask.programs import review; from contrastmask.review import serve, finish; "
        "from tests.review.room import write, opened; from pathlib import Path; "
        f"options = write(Path({str(tmp_path)!r})); from contrastmask.review.app import Pages; "
        "pages = Pages(options, *opened(options)); pages.picture(1, 'close'); "
        "print(sorted({'torch', 'torchvision', 'pytorch_lightning'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["review"], "no value for data.annotations, data.images"),
        (
            ["review", CASE, "data.images=.", "order=best"],
            "order=best is unknown; choose from confidence, suspicion",
        ),
        (["review", CASE, "data.images=.", "port=70000"], "port=70000 must lie in 0..65535"),
        (["review", "a.json", "data.images=.", "finsh=true"], "no setting finsh (did you mean finish?)"),
        (["review", "no such.json", "data.images=.", "finish=true"], "no such.json does not exist"),
    ],
)
def test_words_that_cannot_be_understood(words: list[str], said: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    printed = capsys.readouterr()
    assert end.value.code == 1
    assert said in printed.err


@pytest.mark.parametrize(
    "name", ['odd "name" [1].json', "a=b.json", "back\\slash.json", "${x}.json", "end\\", "ä, ö.json"]
)
def test_any_file_name_can_be_said(tmp_path: Path, name: str, capsys: pytest.CaptureFixture) -> None:
    options = write(tmp_path)
    options.annotations.rename(tmp_path / name)
    word = str(tmp_path / name) if "=" not in name else f"data.annotations={tmp_path}/'{name}'"
    if "=" in name:
        word = f'data.annotations="{tmp_path / name}"'
    with pytest.raises(SystemExit):
        main(["review", word, f"data.images={tmp_path}/pictures", "finish=true"])
    assert f"there is no {(tmp_path / name).with_suffix('.reviewed.journal')}" in capsys.readouterr().err
