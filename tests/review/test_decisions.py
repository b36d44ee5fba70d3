"""What was said lies on the disk and holds, whoever says what in whatever order, and whatever ends the program."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contrastmask.errors import DataError
from contrastmask.review.decisions import ConflictError, Decisions
from contrastmask.review.states import ACCEPTED, PENDING, REJECTED, SKIPPED


def fresh(path: Path, count: int = 6, digest: str = "a") -> Decisions:
    return Decisions(path, digest, np.zeros(count, dtype=np.int8))


def test_decisions_are_there_again_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first = fresh(path)
    first.decide([1], ACCEPTED, "w", 0)
    first.decide([2], REJECTED, "w", 0)
    first.decide([1], REJECTED, "w", 1)
    first.decide([3, 4], ACCEPTED, "w")
    assert first.undo("w") == [3, 4]
    # nothing is closed: what a killed process leaves is what lies there now, and half a line at the most
    path.write_bytes(path.read_bytes() + b'[9, {"rows"')
    again = fresh(path)
    assert again.state.tolist() == first.state.tolist() == [PENDING, REJECTED, REJECTED, PENDING, PENDING, PENDING]
    assert again.revision.tolist() == first.revision.tolist()
    assert again.undo("another") == [1]  # nobody sits at the window of the killed program any more
    assert again.undo("another") == [2]
    assert again.undo("another") == [1]
    assert again.state.tolist() == [PENDING] * 6
    with pytest.raises(ConflictError, match="nothing to undo"):
        again.undo("another")


def test_every_decision_has_reached_the_disk_when_it_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decisions = fresh(tmp_path / "j")
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (fsync(file), synced.append(os.fstat(file).st_size)))
    for number in range(5):
        decisions.decide([number], ACCEPTED, "w", 0)
        assert synced[-1] == (tmp_path / "j").stat().st_size
    assert len(synced) == 5


def test_a_window_that_saw_another_state_is_refused(tmp_path: Path) -> None:
    decisions = fresh(tmp_path / "j")
    decisions.decide([1], ACCEPTED, "one", 0)
    with pytest.raises(ConflictError, match="meanwhile accepted in another window"):
        decisions.decide([1], REJECTED, "two", 0)
    assert decisions.state[1] == ACCEPTED
    decisions.decide([1], REJECTED, "two", int(decisions.revision[1]))
    with pytest.raises(ConflictError, match="decided again"):
        decisions.undo("one")
    assert decisions.undo("two") == [1]
    assert decisions.state[1] == ACCEPTED
    with pytest.raises(ConflictError, match="nothing to undo"):
        decisions.undo("three")


def test_undoing_takes_back_ones_own(tmp_path: Path) -> None:
    decisions = fresh(tmp_path / "j")
    decisions.decide([1], ACCEPTED, "one", 0)
    decisions.decide([2], REJECTED, "two", 0)
    assert decisions.undo("one") == [1]
    assert decisions.state.tolist()[1:3] == [PENDING, REJECTED]


def test_another_file_is_refused_and_the_way_out_is_named(tmp_path: Path) -> None:
    fresh(tmp_path / "j").close()
    with pytest.raises(DataError, match=r"another state of the annotation file.*move the journal away"):
        fresh(tmp_path / "j", digest="b")


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_full_disk_takes_nothing_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    decisions = fresh(tmp_path / "j")
    decisions.decide([1], ACCEPTED, "w", 0)

    class Full:
        def __init__(self, file: object) -> None:
            self.file = file

        def write(self, line: bytes) -> int:
            if len(line) > 5:
                return self.file.write(line[:5])  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, "No space left on device")

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    def no_room(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if failing == "write":
            patch.setattr(decisions._journal, "_file", Full(decisions._journal._file))
        else:
            patch.setattr(os, "fsync", no_room)
        with pytest.raises(DataError, match="No space left"):
            decisions.decide([2], REJECTED, "w", 0)
    lines = (tmp_path / "j").read_text().splitlines()
    on_disk = {row: entry["state"] for _, entry, _ in map(json.loads, lines[1:]) for row in entry["rows"]}
    assert (decisions.state[2] == REJECTED) == (2 in on_disk)
    decisions.decide([3], SKIPPED, "w", 0)
    decisions.close()
    assert fresh(tmp_path / "j").state.tolist() == decisions.state.tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["one", "two"]), st.integers(0, 3), st.integers(0, 4)), max_size=25))
def test_any_course_of_two_windows_is_the_same_after_a_kill_at_any_moment(
    tmp_path_factory: pytest.TempPathFactory, course: list[tuple[str, int, int]]
) -> None:
    path = tmp_path_factory.mktemp("course") / "j"
    decisions, seen = fresh(path, 5), []
    for window, what, place in course:
        try:
            if what == 0:
                decisions.undo(window)
            elif place == 4:
                decisions.decide([0, 2, 4], what, window)
            else:
                decisions.decide([place], what, window, int(decisions.revision[place]))
        except ConflictError:
            continue
        seen.append((path.stat().st_size, decisions.state.tolist(), decisions.revision.tolist()))
    decisions.close()
    whole = path.read_bytes()
    for size, state, revision in seen:
        path.write_bytes(whole[: size + 3])  # and a little of the next line
        again = fresh(path, 5)
        assert (again.state.tolist(), again.revision.tolist()) == (state, revision)
        again.close()


def test_a_lost_line_loses_its_decision_alone(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first = fresh(path)
    for row in (1, 2, 3):
        first.decide([row], ACCEPTED, "w")
    first.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    again = fresh(path)
    again.decide([4], REJECTED, "w")
    again.close()
    expected = [PENDING, ACCEPTED, PENDING, ACCEPTED, REJECTED, PENDING]
    assert fresh(path).state.tolist() == expected
    for entry in ('{"undoes": 2, "by": "w"}', '{"rows": [99], "state": "accepted"}', '{"rows": 1}', "7"):
        path.write_bytes(lines[0] + f"[9, {entry}]\n".encode())
        with pytest.raises(DataError, match=r"decision 9 is damaged.*take its line out"):
            fresh(path)
