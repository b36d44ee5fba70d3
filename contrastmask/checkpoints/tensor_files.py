"""Files of tensors, torch's and safetensors', read without running anything that is written in them."""

from __future__ import annotations

import pickle
import shlex
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from contrastmask.errors import CheckpointError
from contrastmask.files.checksums import damage
from contrastmask.files.kinds import require_weights

# plain records of settings that everyone's training script keeps beside the weights
HARMLESS = ("argparse.Namespace",)
_CHECKSUM = "crc32"  # of a safetensors file, which has none of its own


class _LeaveOut(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> LeftOut:
        """What unpickling a function's result calls."""
        return object.__new__(cls)


class LeftOut(metaclass=_LeaveOut):
    """What stands in a file's content for an object of a foreign class: nothing of the object, and no code of it."""

    def __new__(cls, *args: Any) -> OrderedDict[Any, Any]:
        """What unpickling an instance calls: torch fills plain dictionaries only, and many foreign classes are one."""
        return OrderedDict()

    def __setstate__(self, state: Any) -> None:
        pass


def read_tensors(path: str | Path, allow: Sequence[str] = ()) -> dict[str, Any]:
    """The content of a file: tensors on the CPU in plain containers.

    Args:
        path: written by ``torch.save``, or named ``*.safetensors``, whose content is returned as
            ``{"state_dict": tensors, "metadata": strings}``.
        allow: names of classes and functions, as the error message gives them, whose objects the file may hold beside
            its tensors. Such an object becomes a plain dictionary of what was in it, or is left out altogether
            (:class:`LeftOut`); none of their code is imported or run. Those in HARMLESS need not be named.

    Raises:
        CheckpointError: no such file; not a file of tensors; damaged, as its checksums tell (files of the format before
            torch 1.6 have none); or objects of classes that are not in ``allow``.
    """
    path = Path(path)
    require_weights(path)
    try:
        if path.suffix == ".safetensors":
            return _read_safetensors(path)
        broken = damage(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    if broken:
        raise CheckpointError(f"{path} is damaged: {broken}. Take another copy")
    with safe_globals([(LeftOut, name) for name in (*HARMLESS, *allow)]):
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise CheckpointError(_foreign_objects(path, error, allow)) from error
        except Exception as error:
            raise CheckpointError(f"{path} is not a file of tensors: {_first_line(error)}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not named tensors")
    return content


def _foreign_objects(path: Path, error: Exception, allow: Sequence[str]) -> str:
    try:
        found = sorted(set(get_unsafe_globals_in_checkpoint(path)) - {*allow, *HARMLESS})
    except Exception:  # the format before torch 1.6 cannot be searched
        found = []
    if not found:
        return f"{path} does not load safely: {_reason(error)}"
    allowed = " ".join(f"--allow {name}" for name in (*allow, *found))
    target = path.with_name(f"{path.stem}_plain.pth")
    return (
        f"{path} holds objects that are neither tensors nor plain values: {', '.join(found)}. "
        "To leave them out (nothing of them is run), write a file without them once for all and use that: "
        f"`python -m contrastmask.checkpoints convert {shlex.quote(str(path))} {shlex.quote(str(target))} {allowed}`"
    )


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _reason(error: Exception) -> str:
    """The part of torch's message that is about the file; the rest advises to load it unsafely."""
    for line in (line.strip() for line in str(error).splitlines()):
        if line.startswith(("Trying", "Can only")):
            return line
        if "GLOBAL" in line:
            return f"it holds{line.split('GLOBAL', 1)[1].split(' was not')[0]}"
    return "it holds more than tensors and plain values"


def _read_safetensors(path: Path) -> dict[str, Any]:
    safe_open = _safetensors().safe_open
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dictionary
            metadata = dict(file.metadata() or {})
    except Exception as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
    checksum = metadata.pop(_CHECKSUM, None)
    if checksum is not None and checksum != _checksum(tensors):
        raise CheckpointError(f"{path} is damaged: its checksum does not agree with its tensors. Take another copy")
    return {"state_dict": tensors, "metadata": metadata}


def _checksum(tensors: dict[str, Tensor]) -> str:
    """CRC-32 of names and bytes, in the order of the names."""
    value = 0
    for name in sorted(tensors):
        value = zlib.crc32(name.encode(), value)
        value = zlib.crc32(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy(), value)
    return f"{value:08x}"


def write_safetensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors and strings, and a checksum that :func:`read_tensors` verifies.

    Raises:
        CheckpointError: the safetensors package is not installed.
    """
    _safetensors()
    from safetensors.torch import save_file

    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(tensors, path, {**metadata, _CHECKSUM: _checksum(tensors)})


def _safetensors() -> Any:
    try:
        import safetensors
    except ImportError as error:
        raise CheckpointError("*.safetensors files need the package safetensors; install it, or use *.ckpt") from error
    return safetensors


class Differences(NamedTuple):
    """How the tensors of a file differ from those a module wants, by name."""

    missing: list[str]
    left_over: list[str]
    reshaped: list[str]  # in both, of different shapes


def differences(wanted: dict[str, Tensor], given: dict[str, Tensor]) -> Differences:
    """Compare names and shapes."""
    return Differences(
        [name for name in wanted if name not in given],
        [name for name in given if name not in wanted],
        [name for name in wanted if name in given and given[name].shape != wanted[name].shape],
    )
