#!/usr/bin/env bash
# onnxruntime 1.32.0, openvino 2026.4.1, onnx 1.23.2: `Resize` of a picture of bytes (uint8), linear
#
# Input: a model of one node, Resize from 16 x 16 to 40 x 40 pixels, with `antialias` 0 and 1 (which makes no difference when a
# picture grows); random bytes, and a mask of 8 x 8 pixels whose values are 0 and 1. The same model in float32 says what is right.
# Expected: the nearest byte, so that the mean error is 0, and a mask of 20 x 20. Seen on 2026-11-29: so it is in openvino and
# in onnx's own reference. onnxruntime cuts fractions off, a picture is half a level darker and the mask has 18 x 18 pixels; with
# `antialias` it is 0.1 of a level lighter. A model that takes bytes and resizes them sees another picture in either program.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnxruntime==1.32.0 openvino==2026.4.1 onnx==1.23.2
cd "$folder"
cat > find.py <<'PYTHON'
import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def model(kind, antialias, side):
    node = helper.make_node("Resize", ["picture", "", "", "sizes"], ["made"], mode="linear", antialias=antialias,
                            coordinate_transformation_mode="half_pixel")
    graph = helper.make_graph(
        [node], "resize", [helper.make_tensor_value_info("picture", kind, [1, 1, 16, 16])],
        [helper.make_tensor_value_info("made", kind, [1, 1, side, side])],
        [helper.make_tensor("sizes", TensorProto.INT64, [4], [1, 1, side, side])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def by_reference(network, picture):
    return ReferenceEvaluator(network).run(None, {"picture": picture})[0]


def by_onnxruntime(network, picture):
    return onnxruntime.InferenceSession(network.SerializeToString()).run(None, {"picture": picture})[0]


def by_openvino(network, picture):
    core = openvino.Core()
    read = core.read_model(network.SerializeToString())
    return core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([picture])[0]


picture = np.random.default_rng(0).integers(0, 256, (1, 1, 16, 16)).astype(np.uint8)
mask = np.zeros((1, 1, 16, 16), np.uint8)
mask[0, 0, 4:12, 4:12] = 1
for run in (by_reference, by_onnxruntime, by_openvino):
    for antialias in (0, 1):
        network = model(TensorProto.UINT8, antialias, 40)
        right = by_reference(model(TensorProto.FLOAT, antialias, 40), picture.astype(np.float32))
        error = run(network, picture).astype(np.float64) - right
        side = int(run(network, mask).any(axis=3).sum())
        print(f"{run.__name__}, antialias {antialias}: mean error {error.mean():+.1f}, side of the mask {side}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py | tee seen.txt
diff seen.txt - <<'SEEN'
by_reference, antialias 0: mean error +0.0, side of the mask 20
by_reference, antialias 1: mean error +0.0, side of the mask 20
by_onnxruntime, antialias 0: mean error -0.5, side of the mask 18
by_onnxruntime, antialias 1: mean error +0.1, side of the mask 20
by_openvino, antialias 0: mean error +0.0, side of the mask 20
by_openvino, antialias 1: mean error +0.0, side of the mask 20
SEEN
