"""Break each detail of the method on purpose, and see which tests notice.

    python tests/parity/mutations.py [WORD …]

Every mutation is made in a copy of the sources; the tests named with it run there, and at least one must fail. With
words, only the mutations whose names contain one of them. Ends with status 1 if a mutation passes unnoticed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
INFERENCE, HEADS = "tests/parity/test_inference.py", "tests/parity/test_heads.py"
FIGURES, ROUTES = "tests/parity/test_figures.py", "tests/model/test_gradient_routes.py"
SMOKE, LOSSES = "tests/model/test_detector_smoke.py", "tests/losses"


class Mutation(NamedTuple):
    """One edit of one file of the package, and the tests that should notice it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "anchors rounded", "model/rpn.py", "heights], dim=1) / 2", "heights], dim=1).div(2).round()", (INFERENCE,)
    ),
    Mutation("RoIAlign without the half pixel", "model/roi_products.py", "* scale - 0.5)", "* scale)", (INFERENCE,)),
    Mutation(
        "CAM read at the refined box",
        "model/roi_heads.py",
        "self.box_head.cam(image_map[found.proposals], found.labels)",
        "self.cams_of(features, [found.boxes], [found.labels])",
        (INFERENCE,),
    ),
    Mutation(
        "CAM with the classifier's bias",
        "model/box_head.py",
        "cls_map.float(), rows)",
        "cls_map.float(), rows) + self.fc_cls.bias.detach()[labels][:, None, None]",
        (HEADS, INFERENCE),
    ),
    Mutation(
        "CAM's weight not detached", "model/box_head.py", "fc_cls.weight.detach()", "fc_cls.weight", (HEADS, ROUTES)
    ),
    Mutation(
        "contrastive branch's features not detached",
        "model/roi_heads.py",
        "[f.detach() for f in features]",
        "features",
        (ROUTES,),
    ),
    Mutation(
        "edge on the mask's side only",
        "losses/pixel_sets.py",
        "(above ^ below) | (left ^ right)",
        "((above ^ below) | (left ^ right)) & masks",
        (LOSSES, FIGURES),
    ),
    Mutation(
        "ring of radius two",
        "losses/pixel_sets.py",
        "dilated = dilate_edges(edges)",
        "dilated = dilate_edges(dilate_edges(edges))",
        (LOSSES, FIGURES),
    ),
    Mutation("edge counted in the ring", "losses/pixel_sets.py", "dilated & ~edges", "dilated", (LOSSES, FIGURES)),
    Mutation("floor for ceil", "losses/pixel_sets.py", "torch.ceil(", "torch.floor(", (LOSSES, FIGURES)),
    Mutation("exact product under ceil", "losses/pixel_sets.py", "n.float() *", "n.double() *", (LOSSES, FIGURES)),
    Mutation(
        "background first, in training",
        "model/sampling.py",
        "torch.full_like(objects, classes)",
        "torch.zeros_like(objects)",
        (SMOKE, "tests/model/test_sampling.py"),
    ),
    Mutation(
        "background first, in detections", "model/postprocess.py", "scores[:, :-1]", "scores[:, 1:]", (INFERENCE,)
    ),
    Mutation(
        "temperature on the positive term of the denominator",
        "losses/contrastive.py",
        'own = scaled if formula == "paper" else cosines',
        "own = scaled",
        (FIGURES, LOSSES),
    ),
    Mutation(
        "keys not shifted by the query",
        "losses/contrastive.py",
        'if formula == "paper":\n        lengths',
        "if True:\n        lengths",
        (FIGURES, HEADS),
    ),
    Mutation(
        "mask loss on all positives",
        "model/roi_heads.py",
        'if self.mask_rois == "objects" else with_mask)',
        "if False else with_mask)",
        (SMOKE,),
    ),
    Mutation("small boxes dropped", "model/rpn.py", "self.min_size = 0.0", "self.min_size = 1e-3", (INFERENCE,)),
    Mutation(
        "any best anchor taken",
        "model/boxes.py",
        "(best >= self.min_pos_iou)",
        "(best > 0)",
        ("tests/model/test_boxes.py",),
    ),
    Mutation(
        "box deltas clamped above only",
        "model/boxes.py",
        "codes[:, 2::4].clamp_(min=-self.bbox_xform_clip * self.weights[2])",
        "pass",
        ("tests/model/test_boxes.py",),
    ),
    Mutation(
        "two classes' boxes not shifted apart",
        "model/postprocess.py",
        "shifted = boxes + (labels.to(boxes) * (boxes.max() + 1))[:, None]",
        "shifted = boxes",
        ("tests/model/test_postprocess.py", INFERENCE),
    ),
    Mutation(
        "enhanced map with a temperature",
        "model/contrastive_head.py",
        "scale=1 / self.temperature",
        "scale=None",
        (HEADS,),
    ),
    Mutation(
        "smooth L1 for boxes",
        "losses/detection.py",
        "loss_box = F.l1_loss(per_class",
        "loss_box = F.smooth_l1_loss(per_class",
        ("tests/losses/test_detection.py",),
    ),
    Mutation(
        "anchors outside an image's own padded area trained",
        "model/rpn.py",
        "padded = tuple(math.ceil(side / self.divisor) * self.divisor for side in size)",
        "padded = (10**6, 10**6)",
        ("tests/model/test_rpn.py",),
    ),
)


def apply(mutation: Mutation, package: Path) -> None:
    """Edit a copy of the package.

    Raises:
        ValueError: the text to replace is not there exactly once.
    """
    path = package / mutation.file
    text = path.read_text()
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.name}: {mutation.file} has {text.count(mutation.old)} times {mutation.old!r}")
    path.write_text(text.replace(mutation.old, mutation.new))


def failing(tests: tuple[str, ...], mutation: Mutation | None = None) -> list[str]:
    """Names of the tests that fail in a copy of the sources, under a mutation or none."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("contrastmask", "tests", "conf"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        if mutation is not None:
            apply(mutation, copy / "contrastmask")
        # from inside the copy, whose package comes first on the path of `python -m`
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rfE", "--tb=no", *tests]
        said = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False).stdout
    return re.findall(r"^(?:FAILED|ERROR) (\S+)", said, flags=re.MULTILINE)


def main(words: list[str]) -> int:
    """Run the mutations; returns the exit status."""
    chosen = [m for m in MUTATIONS if not words or any(word in m.name for word in words)]
    if already := failing(tuple(sorted({test for m in chosen for test in m.tests}))):
        print(f"without any mutation these fail: {', '.join(already)}")
        return 1
    unnoticed = 0
    for mutation in chosen:
        names = failing(mutation.tests, mutation)
        unnoticed += not names
        shown = ", ".join(name.removeprefix("tests/") for name in names[:4])
        print(f"{mutation.name}: {shown or 'UNNOTICED'}{f' and {len(names) - 4} more' * (len(names) > 4)}", flush=True)
    return int(unnoticed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
