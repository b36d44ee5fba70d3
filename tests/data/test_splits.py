"""Rules, own lists, their errors, and what applying a split takes away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from contrastmask.data.annotations.load import Records, load_annotations
from contrastmask.data.learnable import bare_classes, require_masks
from contrastmask.data.splits import VOC_CLASSES, Split, SplitRule, apply_split, resolve_split
from contrastmask.errors import ConfigError, DataError
from tests.data.coco_rows import content, read, row

Make = Callable[..., Records]
NAMES = ["person", "cat", "kite", "bench", "dog"]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Records with one object of every class; of classes in `without` it has no mask; those in `absent` have none."""

    def build(names: list[str] = NAMES, without: tuple[str, ...] = (), absent: tuple[str, ...] = ()) -> Records:
        rows = []
        for number, name in enumerate(names):
            if name in absent:
                continue
            row = {"id": number, "image_id": 5, "category_id": number + 1, "bbox": [2, 2, 9, 9], "area": 40.5}
            rows.append({**row, "segmentation": None if name in without else [[2, 2, 11, 2, 2, 11]]})
            crowd = {"size": [40, 50], "counts": [0, 100, 1900]}
            rows.append({**row, "id": 100 + number, "iscrowd": 1, "segmentation": crowd})
        content = {
            "images": [{"id": 5, "file_name": "a.jpg", "height": 40, "width": 50}],
            "annotations": rows,
            "categories": [{"id": number + 1, "name": name} for number, name in enumerate(names)],
        }
        (tmp_path / "a.json").write_text(json.dumps(content))
        return load_annotations(tmp_path / "a.json", tmp_path)

    return build


def named(split: Split) -> tuple[list[str], list[str]]:
    return [split.class_names[i] for i in split.base], [split.class_names[i] for i in split.novel]


def test_voc_has_twenty_names() -> None:
    assert len(set(VOC_CLASSES)) == 20


def test_benchmark_rules(make: Make) -> None:
    records = make()
    there, back = (resolve_split(SplitRule(rule), records) for rule in ("voc_nonvoc", "nonvoc_voc"))
    assert named(there) == (["person", "cat", "dog"], ["kite", "bench"])
    assert named(back) == (["kite", "bench"], ["person", "cat", "dog"])
    assert there.name == "voc_nonvoc"
    assert there.class_names == tuple(NAMES)
    assert (there.base, there.novel) == ((0, 1, 4), (2, 3))


@pytest.mark.parametrize("names", [["cat", "dog"], ["kite", "blob"]])
@pytest.mark.parametrize("rule", ["voc_nonvoc", "nonvoc_voc"])
def test_nothing_on_one_side(make: Make, names: list[str], rule: str) -> None:
    with pytest.raises(ConfigError, match=r"leaves no (base|novel) class.*split=all"):
        resolve_split(SplitRule(rule), make(names))


@pytest.mark.parametrize("rule", [SplitRule("voc_nonvoc"), SplitRule("nonvoc_voc", novel=[]), SplitRule(base=[])])
def test_where_some_classes_have_masks_the_rule_that_sees_it_comes_first(make: Make, rule: SplitRule) -> None:
    with pytest.raises(
        ConfigError, match=r"\. split=as_annotated.* takes the classes that have no mask.*; or"
    ) as error:
        resolve_split(rule, make(["bin", "blob"], without=("bin",)))
    assert "split=all" not in str(error.value)
    assert ("without split.base and split.novel" in str(error.value)) == (rule.base is not None or rule.novel == [])


def test_all(make: Make) -> None:
    split = resolve_split(SplitRule("all"), make())
    assert split == Split("all", tuple(NAMES), (0, 1, 2, 3, 4), ())


def test_as_annotated(make: Make) -> None:
    # Crowd regions with masks make no class base; a class without objects had nothing withheld.
    split = resolve_split(SplitRule("as_annotated"), make(without=("cat", "bench"), absent=("dog",)))
    assert named(split) == (["person", "kite", "dog"], ["cat", "bench"])
    assert named(resolve_split(SplitRule("as_annotated"), make())) == (NAMES, [])
    with pytest.raises(DataError, match="no object of a base class has a mask"):
        resolve_split(SplitRule("as_annotated"), make(without=tuple(NAMES)))


def test_an_error_shows_what_was_lost_and_no_way_to_nothing(make: Make) -> None:
    records = make(without=tuple(NAMES))
    with pytest.raises(DataError) as error:
        resolve_split(SplitRule("as_annotated"), records)
    assert "split=all" not in str(error.value)
    assert "\n  kept without mask: 5 annotations, no segmentation (person 1, cat 1, kite 1, bench 1, dog 1" in str(
        error.value
    )
    with pytest.raises(DataError, match=r"(?s)no object of a base class has a mask.*mask_share=0.*no segmentation"):
        require_masks(resolve_split(SplitRule("all"), records).base, records)
    with pytest.raises(DataError) as again:  # one fact, one wording, whichever rule meets it
        require_masks(resolve_split(SplitRule("all"), records).base, records)
    assert str(again.value) == str(error.value)
    with pytest.raises(DataError) as crops:
        resolve_split(SplitRule("as_annotated"), records, by_crops=True)
    assert "mask_share" not in str(crops.value)
    assert "None of its 5 objects has one; a crop branch needs masks that people drew: draw some" in str(crops.value)
    some = make(without=("cat",))
    with pytest.raises(DataError, match=r"no object of a base class has a mask.*Masks are there of person.*split.base"):
        require_masks([NAMES.index("cat")], some)
    split = resolve_split(SplitRule(novel=["dog"]), some)
    require_masks(split.base, some)
    assert bare_classes(split.base, some) == ["cat"]


def test_crowds_alone_are_no_training(tmp_path: Path) -> None:
    rows = [row(i, iscrowd=1) for i in range(1, 4)]
    records = read(tmp_path, content(rows))
    with pytest.raises(DataError, match=r"(?s)no object is left.*every object is a crowd.*dog 3.*data\.crowd=object"):
        require_masks(resolve_split(SplitRule("all"), records).base, records)
    records = read(tmp_path, content(rows), crowd="object")
    require_masks(resolve_split(SplitRule("all"), records).base, records)


def test_unknown_rule_lists_the_choices(make: Make) -> None:
    with pytest.raises(ConfigError, match=r"'coco'.*voc_nonvoc, nonvoc_voc, as_annotated, all"):
        resolve_split(SplitRule("coco"), make())


@pytest.mark.parametrize("own", [{"base": ["dog", "cat"]}, {"novel": ["bench", "person", "kite"]}])
def test_one_own_list(make: Make, own: dict[str, list[str]]) -> None:
    split = resolve_split(SplitRule(**own), make())
    assert named(split) == (["cat", "dog"], ["person", "kite", "bench"])
    assert split.name == "own"


def test_names_of_own_splits(make: Make) -> None:
    # A configuration group gives its rule's name along with the lists.
    assert resolve_split(SplitRule(base=["cat"], name="voc_nonvoc"), make()).name == "own"
    assert resolve_split(SplitRule(base=["cat"], name="cats"), make()).name == "cats"
    assert resolve_split(SplitRule(name="benchmark"), make()).name == "benchmark"


def test_two_own_lists(make: Make) -> None:
    split = resolve_split(SplitRule(base=["cat", "dog"], novel=["kite", "bench", "person"]), make())
    assert named(split) == (["cat", "dog"], ["person", "kite", "bench"])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            SplitRule(base=["cta"]),
            r"split\.base names no class.*'cta' \(did you mean 'cat'\?\).*Choose from: person, cat",
        ),
        (SplitRule(novel=["Kite"]), r"split\.novel.*did you mean 'kite'"),
        (SplitRule(base=["zzz", "qqq"]), "'zzz'; 'qqq'"),
        (SplitRule(base=["cat", "dog"], novel=["dog", "kite", "cat"]), "both name cat, dog"),
        (SplitRule(base=["cat"], novel=["dog"]), "names person, kite, bench"),
        (SplitRule(base=[]), "no base class"),
        (SplitRule(base=list(NAMES)), "no novel class"),
        (SplitRule(novel=list(NAMES), rule="all"), "no base class"),
        (SplitRule(base="cat"), r"must be a list: split\.base=\[cat\]"),  # type: ignore[arg-type]
    ],
)
def test_own_lists_that_make_no_sense(make: Make, rule: SplitRule, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve_split(rule, make())


def test_apply_takes_exactly_the_novel_masks(make: Make) -> None:
    records = make()
    split = resolve_split(SplitRule("voc_nonvoc"), records)
    result = apply_split(split, records)
    assert {int(label) for label in result.labels[result.has_mask]} == set(split.base)
    assert len(result.ann_ids) == len(records.ann_ids)
    assert records.has_mask.all()
    assert apply_split(resolve_split(SplitRule("all"), records), records).has_mask.all()
    partly = make(without=("cat",))
    kept = apply_split(resolve_split(SplitRule("as_annotated"), partly), partly)
    assert (kept.has_mask | kept.crowd).tolist() == (partly.has_mask | partly.crowd).tolist()
