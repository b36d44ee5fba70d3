#!/usr/bin/env bash
# openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2: `antialias` of an ONNX `Resize`
#
# Input: a model of one node, a linear Resize from 16 x 16 to 7 x 7 pixels in float32 (opset 18), with `antialias` 0 and 1: what
# torch.onnx writes for `interpolate(…, antialias=True)`; a picture of random values from 0 to 255.
# Expected: with 1 the filter is as wide as the picture shrinks, as in onnx's own reference and in onnxruntime. Seen on
# 2026-11-29: openvino reads the model without a word and gives the same picture for 0 and 1, up to 86 levels from the right
# one. A model whose resizing is within the graph sees another picture there than in training.
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


picture = np.random.default_rng(0).integers(0, 256, (1, 1, 16, 16)).astype(np.float32)
for run in (by_reference, by_onnxruntime, by_openvino):
    made = {antialias: run(model(TensorProto.FLOAT, antialias, 7), picture) for antialias in (0, 1)}
    error = np.abs(made[1] - by_reference(model(TensorProto.FLOAT, 1, 7), picture)).max()
    print(f"{run.__name__}: with antialias {error:.1f} levels off, {np.abs(made[1] - made[0]).max():.1f} from without")
PYTHON
"$folder/venv/bin/python" -W ignore find.py | tee seen.txt
diff seen.txt - <<'SEEN'
by_reference: with antialias 0.0 levels off, 86.5 from without
by_onnxruntime: with antialias 0.0 levels off, 86.5 from without
by_openvino: with antialias 86.5 levels off, 0.0 from without
SEEN
