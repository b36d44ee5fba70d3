"""One tiny set for the tests of the evaluation."""

from __future__ import annotations

import pytest

from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.records import Records
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_file import read_truth
from tests.tiny_coco import TinyCoco, write_tiny_coco


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyCoco:
    return write_tiny_coco(tmp_path_factory.mktemp("coco"), 12, seed=3, size=(160, 240), name="val")


@pytest.fixture(scope="module")
def records(tiny: TinyCoco) -> Records:
    return load_annotations(tiny.annotations, tiny.images)


@pytest.fixture(scope="module")
def truth(tiny: TinyCoco) -> Truth:
    return read_truth(tiny.annotations)
