"""Every benchmark runs at a tiny size and leaves its table; how long things take is not asserted."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools.mask import encode

from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.read import read_checkpoint
from contrastmask.errors import ProcessError

TINY = {
    "audit": ("root=missing", "seeds=2"),
    "masks": ("size=tiny", "masks=4"),
    "pixel_sets": ("rois=6",),
    "evaluation": ("images=6", "detections=22", "peer_images=3", "earlier=none", "repeats=1", "growth=none"),
    "inference": ("size=tiny",),
    "data": ("images=20", "objects=60", "root=missing", "earlier=none", "repeats=1"),
    "completion": ("size=tiny", "boxes=2", "objects=300"),
    "outlines": ("size=tiny", "objects=14"),
    "whole_completion": ("size=tiny", "boxes=3", "threads=1", "earlier=none", "repeats=1", "growth=2,4"),
    "export": ("size=tiny", "objects=2"),
    "growth": ("size=tiny", "axes=rois,classes"),
    "network": ("size=tiny", "positives=6", "earlier=none", "repeats=1"),
    "step": ("size=tiny", "positives=6"),
    "review": ("objects=30", "decisions=3", "side=128"),
    "start": ("images=2", "repeats=1"),
    "variants": ("size=tiny", "positives=6"),
}


SHARED = {"__init__", "builds", "curves", "harness", "host_reads", "processes", "released_order", "works"}


def test_every_benchmark_is_tried() -> None:
    folder = Path(__file__).parents[1] / "benchmarks"
    assert {p.stem for p in folder.glob("*.py")} - SHARED == set(TINY)


SECONDS = {
    "export",
    "whole_completion",
    "growth",
    "outlines",
    "start",
    "inference",
    "network",
    "step",
    "variants",
}  # each of them takes 6 to 18


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SECONDS)) for n in TINY])
def test_it_leaves_a_table(name: str, tmp_path: Path) -> None:
    if name == "review":
        pytest.importorskip(
            "uvicorn", reason="the page's libraries are not installed: pip install 'contrastmask[review]'"
        )
    if name == "export":
        pytest.importorskip("onnxscript", reason="onnx and onnxscript are not installed (extra export)")
    importlib.import_module(f"benchmarks.{name}").main([*TINY[name], f"out={tmp_path}"])
    found = json.loads((tmp_path / f"{name}.json").read_text())
    assert found["header"]["threads"] >= 1
    assert found["rows"]
    for row in found["rows"]:
        assert row.get("same as full pasting", True)
        assert row.get("as many pixels", True)
        assert row.get("least IoU of their masks", 1) > 0.99
        assert row.get("figures apart by, percent", 0) < 1e-9


def test_detections_that_differ_are_noticed() -> None:
    apart = importlib.import_module("benchmarks.inference").apart
    boxes = torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40]])
    one = {"boxes": boxes, "labels": torch.tensor([0, 1]), "scores": torch.tensor([0.9, 0.8]),
           "mask_probs": torch.zeros(2, 28, 28)}  # fmt: skip
    swapped = {name: value.flip(0) for name, value in one.items()}
    assert set(apart(one, swapped).values()) == {0.0}
    assert max(apart(one, {**swapped, "scores": torch.tensor([0.8, 0.8])}).values()) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="2 and 1"):
        apart(one, {name: value[:1] for name, value in one.items()})
    with pytest.raises(ValueError, match="same one"):
        apart({**one, "boxes": boxes[:1].repeat(2, 1), "labels": torch.zeros(2, dtype=torch.long)}, one)


def test_growth_is_a_slope_in_doubly_logarithmic_scale() -> None:
    rows = [{"axis": "side", "value": n, "s": n**2, "GMAC": n, "peak, MiB": 7} for n in (1, 2, 4)]
    slopes = importlib.import_module("benchmarks.growth").exponents(rows, "side")
    assert slopes == pytest.approx({"s": 2, "GMAC": 1, "peak, MiB": 0})


@pytest.mark.slow
def test_a_childs_peak_is_its_own() -> None:
    """Started by a process that holds more than the child ever will."""
    held = np.ones(1 << 28, dtype=np.uint8)
    code = "from benchmarks.harness import peak_mib; print(peak_mib())"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    own = importlib.import_module("benchmarks.harness").peak_mib()
    assert float(said) < own - held.nbytes / 2**21


def test_a_build_whose_work_fails_is_told_in_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    builds = importlib.import_module("benchmarks.builds")
    with pytest.raises(ProcessError) as caught:
        builds.work(builds.ROOT, "reading", str(tmp_path / "missing.json"))
    said = str(caught.value)
    assert said.startswith("reading in this build ended with status 1: ")
    assert "def " not in said
    assert "Traceback" not in said
    assert capfd.readouterr() == ("", "")


def test_masks_of_two_builds_that_differ_are_noticed(tmp_path: Path) -> None:
    """And objects that neither found a mask for are no difference."""
    full = encode(np.asfortranarray(np.ones((4, 4), np.uint8)))
    half = encode(np.asfortranarray(np.tril(np.ones((4, 4), np.uint8))))
    masks = [{"size": m["size"], "counts": m["counts"].decode()} for m in (full, half)]

    def overlap(*two: list[dict[str, object]]) -> float:
        paths = [tmp_path / "a.json", tmp_path / "b.json"]
        for path, rows in zip(paths, two, strict=True):
            path.write_text(json.dumps({"annotations": rows}))
        return importlib.import_module("benchmarks.whole_completion").least_overlap(paths)

    whole, part, none = {"segmentation": masks[0]}, {"segmentation": masks[1]}, {}
    assert overlap([whole, part, none], [whole, part, none]) == 1
    assert overlap([whole, part], [whole, whole]) == pytest.approx(10 / 16)
    assert overlap([whole, none], [whole, part]) == 0


def test_both_builds_read_the_settings_that_were_chosen_and_no_others(tmp_path: Path) -> None:
    whole = importlib.import_module("benchmarks.whole_completion")
    random = importlib.import_module("benchmarks.export").random_crop_branch(tmp_path / "random.ckpt", True)
    first, second = map(read_checkpoint, (random, whole.for_both_builds(random, tmp_path / "both.ckpt")))
    assert network_config(first) == network_config(second)
    assert first.network["model"]["roi"]["mask_limit"] is None
    assert "mask_limit" not in second.network["model"]["roi"]
    assert second.network["mask_branch"]["side"] == 64
    assert "context" not in second.network["mask_branch"]
    assert second.categories == first.categories
    assert second.state.keys() == first.state.keys()


def test_unknown_words_are_named() -> None:
    with pytest.raises(SystemExit, match="rois="):
        importlib.import_module("benchmarks.pixel_sets").main(["roi=3"])


def test_a_step_waits_for_its_device_no_more_than_it_must() -> None:
    step = importlib.import_module("benchmarks.step").way_of("ours", 16, "tiny", "cpu", "fp32")
    with importlib.import_module("benchmarks.host_reads").host_reads() as reads:
        step()
    ours = {line: n for line, n in reads.items() if "torchvision" not in line and not line.startswith("benchmarks")}
    by_file: Counter[str] = Counter()
    for line, count in ours.items():
        by_file[Path(line.split(":")[0]).name] += count
    by_file.pop("roi_products.py")  # on a CPU only
    # two images: positives and negatives of each; rows with a mask and in the mask loss; anchors inside, NaN, positives
    assert by_file == {"sampling.py": 4, "roi_heads.py": 4, "rpn.py": 4, "detection.py": 1, "roi_align.py": 3,
                       "masks.py": 4}  # fmt: skip
    assert sum(reads.values()) - sum(ours.values()) <= 7 * 2  # torchvision's parts


def test_the_lines_of_a_virtual_environment_in_the_checkout_are_not_ours() -> None:
    host_reads = importlib.import_module("benchmarks.host_reads")
    inside = host_reads.ROOT / ".venv/lib/python3.11/site-packages/torch/_dynamo/eval_frame.py"
    names = {str(inside): "theirs", str(host_reads.ROOT / "contrastmask/somewhere.py"): "ours"}
    told = {name: eval(compile("line()", path, "eval"), {"line": host_reads._line}) for path, name in names.items()}
    assert told["ours"] == "contrastmask/somewhere.py:1"
    assert told["theirs"].startswith("tests/test_benchmarks.py")


def test_host_reads_are_what_depends_on_values() -> None:
    host_reads = importlib.import_module("benchmarks.host_reads").host_reads
    values, mask = torch.arange(4.0), torch.tensor([True, False, True, False])

    def free() -> None:
        values[torch.tensor([0, 1])] = values[:2] * 2
        values[mask] = 1.0

    with host_reads() as reads:
        free()
    assert not reads
    for work in (
        lambda: values[mask],
        lambda: float(values[0]),
        lambda: mask.nonzero(),
        values.tolist,
        lambda: bool(mask.any()),
    ):
        with host_reads() as reads:
            work()
        assert sum(reads.values()) == 1
