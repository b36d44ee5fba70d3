"""An exported file, opened: by onnxruntime where its name ends in ``.onnx``, by OpenVINO where it does in ``.xml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.files.absent import absent
from contrastmask.files.kinds import no_file
from contrastmask.runtime.schema import KEY, About, read_about

SUFFIXES = (".onnx", ".xml")
_PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}


class ModelFile:
    """A graph that takes and gives arrays by name.

    Args:
        path: of ``contrastmask export``.
        device: ``"cpu"``, ``"cuda"`` (onnxruntime) or a device of OpenVINO's; None: the best that there is.
        threads: of one run; None: as many as the runtime chooses.

    Attributes:
        about: what the file tells of itself. provider: what runs it.

    Raises:
        CheckpointError: there is no such file, it is no exported model, damaged or foreign, or cannot be run in part.
        ConfigError: the runtime is not installed, or has not the device.
    """

    def __init__(self, path: str | Path, device: str | None = None, threads: int | None = None) -> None:
        self.path = Path(path)
        if said := absent("the exported model", self.path):
            raise CheckpointError(said)
        if instead := no_file(self.path):
            raise CheckpointError(f"{self.path} is no exported model: {instead}; a file is needed")
        if self.path.suffix not in SUFFIXES:
            raise CheckpointError(
                f"{self.path} is no exported model ({', '.join(SUFFIXES)}); a checkpoint itself needs PyTorch"
            )
        opened = _Onnx if self.path.suffix == ".onnx" else _OpenVino
        self._graph = opened(self.path, device, threads)
        self.about: About = read_about(self._graph.description, self.path)
        self.provider: str = self._graph.provider

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Results by name.

        Raises:
            CheckpointError: the graph cannot take these arrays: it is not what its description says.
        """
        try:
            return self._graph.run(feeds)
        except Exception as error:
            raise CheckpointError(f"{self.path} cannot be run: {_first_line(error)}") from error


class _Onnx:
    def __init__(self, path: Path, device: str | None, threads: int | None) -> None:
        runtime = _imported("onnxruntime", path)
        available = runtime.get_available_providers()
        wanted = [_PROVIDERS[device]] if device in _PROVIDERS else [p for p in _PROVIDERS.values() if p in available]
        if device is not None and (device not in _PROVIDERS or wanted[0] not in available):
            raise ConfigError(f"onnxruntime has no device {device!r} here; it has {', '.join(available)}")
        options = runtime.SessionOptions()
        options.log_severity_level = 4  # what matters is raised
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            # from bytes: a file cannot name others that would be read with it
            self._session = runtime.InferenceSession(path.read_bytes(), options, providers=wanted)
        except Exception as error:
            raise CheckpointError(f"{path} is no model that onnxruntime can open: {_first_line(error)}") from error
        self.description = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        self.provider = self._session.get_providers()[0]
        self._names = [output.name for output in self._session.get_outputs()]
        self._takes = {given.name for given in self._session.get_inputs()}

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = {name: value for name, value in feeds.items() if name in self._takes}
        return dict(zip(self._names, self._session.run(None, given), strict=True))


class _OpenVino:
    def __init__(self, path: Path, device: str | None, threads: int | None) -> None:
        runtime = _imported("openvino", path)
        core = runtime.Core()
        device = {None: "CPU", "cpu": "CPU", "cuda": "GPU"}.get(device, device)
        if device.split(".")[0] not in {name.split(".")[0] for name in core.available_devices}:
            raise ConfigError(f"OpenVINO has no device {device!r} here; it has {', '.join(core.available_devices)}")
        options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            options["INFERENCE_NUM_THREADS"] = threads
        try:
            model = core.read_model(path)
            self._compiled = core.compile_model(model, device, options)
        except Exception as error:
            raise CheckpointError(f"{path} is no model that OpenVINO can open: {_first_line(error)}") from error
        self.description = model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None
        self.provider = f"OpenVINO {device}"
        # a tensor may have several names there
        self._names = [tuple(output.names) for output in self._compiled.outputs]
        self._takes = {name for given in self._compiled.inputs for name in given.names}

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = self._compiled({name: value for name, value in feeds.items() if name in self._takes})
        return {name: np.asarray(found[place]) for place, names in enumerate(self._names) for name in names}


def _imported(name: str, path: Path) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise ConfigError(f"{path} needs {name}: pip install {name} (docs/export.md)") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
