"""A completion in parts, joined: the same bytes as in one piece, whatever was killed on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contrastmask import Predictor
from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.errors import ConfigError, DataError
from contrastmask.files.journal import Journal
from contrastmask.files.lock import held


@pytest.fixture(scope="module")
def predictor(model: Path) -> Predictor:
    return Predictor(model, device="cpu")


@pytest.fixture
def options(model: Path, tmp_path: Path) -> CompletionOptions:
    """A file in which every other annotation has no mask."""
    content = json.loads((model.parents[2] / "data" / "annotations" / "train.json").read_text())
    for row in content["annotations"][::2]:
        row.pop("segmentation")
        row["iscrowd"] = 0
    (tmp_path / "in.json").write_text(json.dumps(content))
    return CompletionOptions(tmp_path / "in.json", model.parents[2] / "data" / "train", tmp_path / "out.json")


def shard(options: CompletionOptions, number: int | None, shards: int = 2, **more: Any) -> CompletionOptions:
    return replace(options, shards=shards, shard=number, **more)


def written(options: CompletionOptions) -> dict[str, bytes]:
    """The output and its summary, which are then removed, and nothing else is left."""
    folder = options.output.parent
    assert sorted(path.name for path in folder.iterdir()) == ["in.json", "out.json", "out.summary.json"]
    found = {path.name: path.read_bytes() for path in (options.output, options.summary)}
    options.output.unlink()
    options.summary.unlink()
    return found


@pytest.fixture
def whole(options: CompletionOptions, predictor: Predictor) -> dict[str, bytes]:
    complete(options, predictor)
    return written(options)


@pytest.mark.parametrize("shards", [2, 3, 7])
def test_shards_join_to_the_whole_file(
    shards: int, options: CompletionOptions, predictor: Predictor, whole: dict[str, bytes]
) -> None:
    told = [complete(shard(options, number, shards), predictor) for number in reversed(range(shards))]
    assert not options.output.exists()
    assert sum(one["masks"] for one in told) > 3
    assert sum(one["groups"] for one in told) == 4  # images; of seven shards three have nothing to do
    complete(shard(options, None, shards), predictor)
    assert written(options) == whole


def test_a_killed_shard_goes_on(
    options: CompletionOptions, predictor: Predictor, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(shard(options, 0), predictor)
    add, added = Journal.add, []

    def stop_at_the_second(self: Journal, number: int, piece: object) -> None:
        if added:
            raise KeyboardInterrupt
        added.append(number)
        add(self, number, piece)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            complete(shard(options, 1), predictor)
    with pytest.raises(DataError, match=r"shard 1 of 2 has done 1 of its 2 groups of images: start it again"):
        complete(shard(options, None), predictor)
    monkeypatch.setattr(Journal, "add", lambda self, number, piece: (added.append(number), add(self, number, piece)))
    assert complete(shard(options, 1), predictor)["groups"] == 2
    assert added == [1, 3]
    complete(shard(options, None), predictor)
    assert written(options) == whole


def test_what_cannot_be_joined(options: CompletionOptions, predictor: Predictor) -> None:
    complete(shard(options, 1), predictor)
    with pytest.raises(DataError, match=r"shard 0 of 2 has left no .out.json.shard-0-of-2.journal"):
        complete(shard(options, None), predictor)
    complete(shard(options, 0, check=False), predictor)
    with pytest.raises(DataError, match=r"other settings \(check was False, is True"):
        complete(shard(options, None), predictor)
    assert not options.output.exists()


def test_one_process_a_shard_and_none_while_they_are_joined(options: CompletionOptions, predictor: Predictor) -> None:
    with held(shard(options, 0).journal):
        complete(shard(options, 1), predictor)  # another part
        for number in (0, None):
            with pytest.raises(DataError, match="is being written by process"):
                complete(shard(options, number), predictor)


def test_thresholds_are_the_joins_own(options: CompletionOptions, predictor: Predictor) -> None:
    for number in range(2):
        complete(shard(options, number), predictor)
    assert complete(shard(options, None, min_confidence=1.0), predictor)["completed"] == 0


def test_an_interrupted_join_goes_on(
    options: CompletionOptions, predictor: Predictor, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed behind the last line of the output, before the journals are gone."""
    for number in range(2):
        complete(shard(options, number), predictor)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "close", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            complete(shard(options, None), predictor)
    assert options.output.exists()
    complete(shard(options, None), predictor)
    assert written(options) == whole


@pytest.mark.parametrize(("shards", "number"), [(0, None), (2, 2), (2, -1)])
def test_shards_that_there_are_not(shards: int, number: int | None, options: CompletionOptions) -> None:
    with pytest.raises(ConfigError, match="counted from 0"):
        shard(options, number, shards)


def test_one_shard_is_the_whole(options: CompletionOptions, predictor: Predictor, whole: dict[str, bytes]) -> None:
    complete(shard(options, 0, 1), predictor)
    assert written(options) == whole
