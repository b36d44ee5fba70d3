"""The reviewed file: accepted masks say so, rejected ones are taken out and kept beside, all else is as it was."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contrastmask.completion.sieve import CONFIDENCE, FIGURES
from contrastmask.completion.source_file import SourceFile, digest
from contrastmask.data.annotations.predicted import PREDICTED
from contrastmask.data.annotations.reviewed import BEFORE, REVIEW
from contrastmask.data.columns import flags
from contrastmask.errors import ConfigError, DataError
from contrastmask.files.lock import held
from contrastmask.files.whole_file import whole_file, write_json
from contrastmask.review.decisions import Decisions
from contrastmask.review.objects import Objects, read_objects
from contrastmask.review.options import ReviewOptions
from contrastmask.review.states import ACCEPTED, PENDING, REJECTED, SKIPPED, STATES, initial_states

TOGETHER = 1000  # rows that become text at once
MARKS = (PREDICTED, CONFIDENCE, *FIGURES)


def finish_alone(options: ReviewOptions) -> dict[str, Any]:
    """Write the result of the decisions that lie on the disk, without a page; its summary.

    Raises:
        DataError: nothing has been decided, a page of the same review is open, the file cannot be read so, or as
            :func:`finish`.
        ConfigError: as :func:`finish`.
    """
    with held(options.target):
        source = SourceFile(options.annotations)
        if not options.journal.exists():
            raise DataError(f"nothing has been decided yet: there is no {options.journal}")
        decisions = Decisions(options.journal, source.digest, initial_states(source.rows()))
        try:
            return finish(options, source, read_objects(options, source), decisions)
        finally:
            decisions.close()


def finish(options: ReviewOptions, source: SourceFile, objects: Objects, decisions: Decisions) -> dict[str, Any]:
    """Write ``options.target`` and a summary beside it, each whole or not at all; the journal stays.

    An accepted mask's row says ``segmentation_review: accepted``. A rejected mask's row says ``rejected``, has an empty
    segmentation and the area of its box; the mask and its marks are kept under ``segmentation_rejected``.

    Returns:
        the summary: ``rows`` of the file; ``accepted``, ``rejected``, ``skipped``: rows of the file of which that was
        said, now or in an earlier review; ``pending``: the masks that this review asks about (``options.source``) and
        of which nothing was said, as its page counts them; ``accepted_rows``, ``rejected_rows`` by place, from 0;
        ``rejected_ids``; ``per_class``.

    Raises:
        DataError: the file changed meanwhile, or the disk is full.
        ConfigError: the output is a file that another work has written.
    """
    with decisions.lock:
        _refuse_foreign(options, decisions)
        content = source.content()
        rows = content["annotations"]
        initial, state = initial_states(rows), decisions.state
        summary = _summary(options, content, objects, state)
        for place in (state != initial).nonzero()[0].tolist():
            if state[place] == ACCEPTED:
                _mark(rows[place], STATES[ACCEPTED])
            elif state[place] == REJECTED:
                _take_out(rows[place])
        write_json(options.summary, summary, indent=1)
        found = hashlib.sha256()
        with whole_file(options.target) as file:
            for text in _texts(content):
                file.write(encoded := text.encode())
                found.update(encoded)
            decisions.note_finish(found.hexdigest())  # before it takes its place: what is there is known again
    return summary


def _texts(content: dict[str, Any]) -> Iterator[str]:
    """``json.dumps(content)`` in pieces: the whole text of a large file takes as much memory as its rows."""
    for number, (key, value) in enumerate(content.items()):
        yield f"{', ' if number else '{'}{json.dumps(key)}: "
        if isinstance(value, list):
            for first in range(0, len(value), TOGETHER):
                yield f"{', ' if first else '['}{json.dumps(value[first : first + TOGETHER])[1:-1]}"
            yield "]" if value else "[]"
        else:
            yield json.dumps(value)
    yield "}"


def _refuse_foreign(options: ReviewOptions, decisions: Decisions) -> None:
    if options.target.exists() and not options.overwrite and not decisions.has_written(digest(options.target)):
        raise ConfigError(
            f"{options.target} exists and is not what this review has written before; overwrite=true replaces it, "
            "output=FILE takes another name"
        )


def _mark(row: dict[str, Any], said: str) -> None:
    row[REVIEW] = said
    attributes = row.get("attributes")
    if attributes is None or isinstance(attributes, dict):  # another form is another tool's: not ours to change
        row["attributes"] = {**(attributes or {}), REVIEW: said}


def _take_out(row: dict[str, Any]) -> None:
    attributes = row.get("attributes")
    inner = attributes if isinstance(attributes, dict) else {}
    marks = {key: inner.get(key, row.get(key)) for key in MARKS if key in inner or key in row}
    row[BEFORE] = {"segmentation": row.get("segmentation"), "area": row.get("area"), **marks}
    if CONFIDENCE in marks and row.get("score") == marks[CONFIDENCE]:
        del row["score"]
    for key in MARKS:
        row.pop(key, None)
        inner.pop(key, None)
    row["segmentation"] = []
    box = row.get("bbox")
    if isinstance(box, list) and len(box) == 4 and all(type(value) in (int, float) for value in box):
        row["area"] = box[2] * box[3]
    _mark(row, STATES[REJECTED])


def _summary(options: ReviewOptions, content: dict[str, Any], objects: Objects, state: Any) -> dict[str, Any]:
    names = {c.get("id"): c.get("name") for c in content["categories"] if isinstance(c, dict)}
    asked = set(objects.records.rows[objects.of_source(objects.source(options.source))].tolist())
    per_class: dict[str, Counter[str]] = {}
    places: dict[int, list[int]] = {s: [] for s in (PENDING, ACCEPTED, REJECTED, SKIPPED)}
    for place, (row, said) in enumerate(zip(content["annotations"], state.tolist(), strict=True)):
        region = options.crowd == "region" and isinstance(row, dict) and flags([row.get("iscrowd")])[0][0]
        if isinstance(row, dict) and (said != PENDING or place in asked) and not region:
            places[said].append(place)
            category = row.get("category_id")
            name = str(names.get(category if isinstance(category, (int, float, str)) else None))
            per_class.setdefault(name, Counter())[STATES[said]] += 1
    return {
        "output": options.target.name,
        "input": options.annotations.name,
        "rows": len(state),
        **{STATES[s]: len(found) for s, found in places.items()},
        "accepted_rows": places[ACCEPTED],
        "rejected_rows": places[REJECTED],
        "rejected_ids": [content["annotations"][place].get("id") for place in places[REJECTED]],
        "per_class": {name: dict(counts) for name, counts in sorted(per_class.items())},
    }


def told(summary: dict[str, Any], target: Path) -> str:
    """One line about a result."""
    said = ", ".join(
        f"{summary[state]} {state}" for state in (STATES[ACCEPTED], STATES[REJECTED], "skipped", "pending")
    )
    return f"{said}: {target}"
