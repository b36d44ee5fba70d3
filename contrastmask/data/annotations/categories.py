"""The class table of an annotation file, and the tables of two files brought together by name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.annotations.keys import Keys, free_ids, read_keys
from contrastmask.data.reading import Reading
from contrastmask.data.records import Category, Records
from contrastmask.data.report import Report
from contrastmask.errors import ContrastMaskError, DataError

BOXES = "_bbox"


def read_categories(
    path: Path, rows: list[Any], reading: Reading, count: Callable[[Keys, dict[str, int]], Counter[int]], report: Report
) -> tuple[tuple[Category, ...], Keys, dict[int, int]]:
    """Categories sorted by id. The label table must be beyond doubt: little is repaired here.

    Args:
        count: gives, from the table's ids and names, how many annotations every id has.

    Returns:
        the categories; the ids of the whole table; the ids that stand for another: id → id of the same name.

    Raises:
        DataError: a category without integer id or name, ids or names that occur twice, no category left, or
            annotations that use the ids one off.
    """
    rows = [row if type(row) is dict else {} for row in rows]
    keys = read_keys([row.get("id") for row in rows], text=reading.repair)
    names = [row.get("name") for row in rows]
    for position, (is_id, name) in enumerate(zip(keys.ok.tolist(), names, strict=True)):
        if not is_id or type(name) is not str or not name.strip():
            text = type(rows[position].get("id")) is str and type(name) is str
            way = "; data.repair=true reads ids that are text" if text else ""
            raise DataError(
                f"{path}: category {position} of the list needs an integer `id` and a `name`; mend the file{way}"
            )
    report.add("repaired", "category", "id is text: read as a number", _named(names, keys.as_text))
    table = list(dict.fromkeys(zip(keys.ids.tolist(), names, strict=True)))
    if len(table) < len(names) and not reading.repair:
        raise DataError(f"{path}: a category is listed twice; mend the file, or set data.repair=true to read it once")
    twice = [id_ for id_, number in Counter(id_ for id_, _ in table).items() if number > 1]
    if twice:
        raise DataError(f"{path}: categories share the id {', '.join(map(repr, twice[:5]))}; mend the file")
    objects = count(keys, {name: id_ for id_, name in reversed(table)})
    _require_one_count(path, {id_ for id_, _ in table}, objects)
    empty = [entry for entry in table if not objects[entry[0]]]
    if reading.empty_categories == "drop" and empty:
        report.add("dropped", "category", "without objects", [name for _, name in empty])
        table = [entry for entry in table if objects[entry[0]]]
        if not table:
            raise DataError(f"{path}: no category has an object; data.empty_categories=keep keeps the empty ones")
    else:
        remedy = "data.empty_categories=drop leaves such categories out"
        report.add("noted", "category", "without objects", [name for _, name in empty], remedy=remedy)
    table, alias = _join_names(path, table, objects, reading.repair, report)
    _warn_of_near_names(table, report)
    _warn_of_box_names(table, report)
    return tuple(Category(id_, name) for id_, name in sorted(table)), keys, alias


def _require_one_count(path: Path, table: set[int], objects: Counter[int]) -> None:
    """Raise where annotations count the classes from 1 and the table from 0, or the other way round: every object would
    be of its class's neighbour."""
    used = set(objects)
    if used <= table or 2 * len(used) <= len(table):
        return
    if any({id_ - step for id_ in used} <= table for step in (1, -1)):
        own, theirs = (f"{min(ids)} to {max(ids)}" for ids in (table, used))
        raise DataError(
            f"{path}: the categories have the ids {own}, the annotations use {theirs}: they are one off, and every "
            "object would be of the class beside its own. Mend the ids in the file"
        )


def _named(names: list[str], chosen: np.ndarray) -> list[str]:
    return [names[i] for i in np.flatnonzero(chosen).tolist()]


def _join_names(
    path: Path, table: list[tuple[int, str]], objects: Counter[int], repair: bool, report: Report
) -> tuple[list[tuple[int, str]], dict[int, int]]:
    by_name = defaultdict(list)
    for id_, name in table:
        by_name[name].append(id_)
    shared = {name: ids for name, ids in by_name.items() if len(ids) > 1}
    if shared and not repair:
        said = "; ".join(
            f"{name!r} ({', '.join(f'id {i}: {objects[i]} objects' for i in ids)})"
            for name, ids in list(shared.items())[:5]
        )
        spare = all(sum(objects[i] > 0 for i in ids) <= 1 for ids in shared.values())
        way = "data.empty_categories=drop leaves out those without objects, " if spare else ""
        raise DataError(
            f"{path}: categories share the name {said}. Mend the file; or {way}data.repair=true reads categories of "
            "one name as one"
        )
    report.add("repaired", "category", "of one name with another: read as one", list(shared))
    alias = {id_: ids[0] for ids in shared.values() for id_ in ids[1:]}
    return [entry for entry in table if entry[0] not in alias], alias


def _warn_of_near_names(table: list[tuple[int, str]], report: Report) -> None:
    near = defaultdict(list)
    for _, name in table:
        near[" ".join(name.casefold().split())].append(name)
    alike = [" / ".join(map(repr, names)) for names in near.values() if len(names) > 1]
    report.add(
        "warning", "category", "of names that differ by case or spaces alone: they are classes of their own", alike
    )


def _warn_of_box_names(table: list[tuple[int, str]], report: Report) -> None:
    """Supervisely gives objects that have a box alone a class of their own: `car_bbox` beside `car`."""
    names = {name for _, name in table}
    stems = [name.removesuffix(BOXES) for name in sorted(names) if name.endswith(BOXES)]
    report.add(
        "warning",
        "category",
        f"named as another with {BOXES} behind it, as objects with boxes alone are in Supervisely: both are classes",
        [f"{stem + BOXES!r} beside {stem!r}" for stem in stems if stem in names],
        remedy="name them alike in the file, and data.repair=true reads them as one",
    )


def match_classes(
    records: Records, names: Sequence[str], whose: str, error: type[ContrastMaskError] = DataError
) -> Records:
    """The records under another table's labels: classes are the same where their names are.

    Classes that the file lacks have no object; categories of the file that the table lacks must have none, either, and
    are left out. Ids stay the file's own.

    Args:
        names: in label order. whose: whose table it is, for the message. error: what is raised.

    Raises:
        DataError: objects of a class that the table does not have, or not one class in common.
    """
    theirs = list(records.class_names)
    if theirs == list(names):
        return records
    label = {name: position for position, name in enumerate(names)}
    objects = np.bincount(records.labels, minlength=len(theirs))
    unknown = [(name, int(objects[i])) for i, name in enumerate(theirs) if name not in label]
    lacking = [name for name in names if name not in theirs]
    if any(number for _, number in unknown) or len(lacking) == len(names):
        raise error(
            f"{records.path} has classes that {whose} does not have: "
            + ", ".join(_unknown(name, number, lacking) for name, number in unknown[:8] if number or not objects.any())
            + (f"; {whose} has {', '.join(map(repr, lacking[:8]))} beside those in common" if lacking else "")
            + ". Classes are matched by name: name them alike in both files, or take those objects out of the file"
        )
    report = records.report.merge(Report())
    report.add("noted", "category", f"that {whose} does not have, without objects: left out", [n for n, _ in unknown])
    report.add("noted", "category", f"of {whose} that this file does not have: nothing to judge there", lacking)
    own = {category.name: category.id for category in records.categories}
    free = free_ids(np.array(list(own.values()), dtype=np.int64))
    fresh = {name: free + number for number, name in enumerate(lacking)}
    table = tuple(Category(own[name] if name in own else fresh[name], name) for name in names)
    new = np.array([label.get(name, -1) for name in theirs], dtype=np.int64)
    return replace(records, categories=table, labels=new[records.labels], report=report)


def _unknown(name: str, number: int, lacking: list[str]) -> str:
    near = get_close_matches(name.casefold(), [other.casefold() for other in lacking], n=1)
    meant = next((other for other in lacking if near and other.casefold() == near[0]), None)
    return f"{name!r} ({number} objects{f'; did you mean {meant!r}?' if meant else ''})"
