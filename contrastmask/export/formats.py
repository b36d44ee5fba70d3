"""Files of the two formats, each with the description of the model in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contrastmask.errors import ConfigError
from contrastmask.runtime.schema import KEY, About


def save_onnx(program: Any, path: Path, about: About) -> None:
    """Write what ``torch.onnx.export`` gave, weights and description in the one file."""
    program.model.metadata_props[KEY] = about.to_json()
    program.save(path, external_data=False)


def to_openvino(path: Path, about: About) -> Path:
    """Turn an ONNX file into OpenVINO's two, ``.xml`` and ``.bin``, in its place; the path of the first.

    Raises:
        ConfigError: OpenVINO is not installed.
    """
    try:
        import openvino
    except ImportError as error:
        raise ConfigError("format=openvino needs OpenVINO: pip install 'contrastmask[openvino]'") from error
    model = openvino.Core().read_model(path)
    model.set_rt_info(about.to_json(), [KEY])
    target = path.with_suffix(".xml")
    openvino.save_model(model, target, compress_to_fp16=False)
    path.unlink()
    return target
