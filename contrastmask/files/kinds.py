"""What a file is that is not what was asked for, by its first bytes: the kinds that people take for one another."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISDIR, S_ISREG

from contrastmask.errors import CheckpointError
from contrastmask.files.absent import absent

HEAD = 1024  # bytes that tell
_JSON_READ = 1 << 16  # bytes of a JSON file in which its first keys stand
_IMAGES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
_EXPORTED = "`predict task=complete` alone takes; give the checkpoint that it was made of"
WEIGHTS = "it is a file of weights (a checkpoint of PyTorch)"
_ARCHIVES = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf")


def no_file(path: Path) -> str | None:
    """What there is in place of a file that could be read to its end; None where it is one, or there is nothing.

    A pipe waits for a writer and a device such as ``/dev/zero`` never ends: both are told before they are opened.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # ValueError: a name with NUL
        return None
    if S_ISDIR(mode):
        return "it is a folder"
    return None if S_ISREG(mode) else "it is a device, a pipe or a socket"


def what_it_is(head: bytes) -> str | None:
    """Name the usual impostors by a file's first `HEAD` bytes; None where it is none of them."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    lower = text.lower()
    if not head:
        return "the file is empty"
    if lower.startswith(b"<?xml") and b"<net" in lower:
        return "it is a model in OpenVINO's format"
    if lower.startswith((b"<?xml", b"<annotation")) and b"<annotation" in lower:
        return "it is XML as CVAT and VOC write annotations; export them in COCO's format (JSON) instead"
    if lower.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        return "it is a web page (HTML or XML), perhaps a failed download"
    if lower.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer; fetch the real file with `git lfs pull`"
    if head.startswith(b"PK\x03\x04") and (b"/data.pkl" in head or b"/.format_version" in head):
        return WEIGHTS
    if head.startswith(_ARCHIVES):
        return "it is a compressed archive; unpack it first"
    return None


def image_kind(head: bytes) -> str | None:
    """That a file is an image, by its first bytes; None where it is none of the usual kinds."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "it is an image (WebP)"
    return next((f"it is an image ({name})" for start, name in _IMAGES.items() if head.startswith(start)), None)


def require_weights(path: Path) -> None:
    """Whether a file may be a checkpoint.

    Raises:
        CheckpointError: it is not there, cannot be read, or is of another kind.
    """
    if said := absent("the checkpoint", path):
        raise CheckpointError(said)
    try:
        instead = mistaken_for_weights(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    if instead:
        raise CheckpointError(f"{path} is no checkpoint: {instead}")


def mistaken_for_weights(path: Path) -> str | None:
    """What a file that was given as a checkpoint is instead, and the way out; None where it may be one.

    Args:
        path: of a file or folder that exists and can be read.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_dir():
        inside = [path / "checkpoints" / "last.ckpt", path / "last.ckpt"]
        found = next((str(file) for file in inside if file.is_file()), None)
        return "it is a folder; " + (f"its checkpoint is {found}" if found else "the file in it is needed")
    if instead := no_file(path):
        return f"{instead}; a file is needed"
    with path.open("rb") as file:
        head = file.read(_JSON_READ)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in (b"{", b"["):
        return _kind_of_json(text)
    if path.suffix in (".yaml", ".yml") and _is_text(head):
        return "it is a file of settings (YAML); a run's checkpoint is RUN/checkpoints/last.ckpt"
    kind = what_it_is(head[:HEAD])
    if path.suffix == ".onnx" or (kind and "OpenVINO" in kind):
        return f"it is an exported model, which {_EXPORTED}"
    if image := image_kind(head):
        return f"{image}; predict's source= takes images"
    if named_wrongly := _under_anothers_name(head, path.suffix):
        return named_wrongly
    if kind == WEIGHTS or (head.startswith(b"PK") and path.suffix != ".zip"):  # perhaps the rest of a checkpoint
        return None
    return kind or ("it is a text file" if _is_text(head) else None)


def _under_anothers_name(head: bytes, suffix: str) -> str | None:
    safe = head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 100_000_000  # a length, then JSON
    if safe and suffix != ".safetensors":
        return "it is a file of safetensors, which has to be named *.safetensors"
    if suffix == ".safetensors" and what_it_is(head[:HEAD]) == WEIGHTS:
        return "it is a checkpoint of PyTorch, which has to be named *.ckpt or *.pth"
    return None


def _kind_of_json(text: bytes) -> str:
    keys = [key for key in ("images", "annotations", "categories") if f'"{key}"'.encode() in text]
    if (text[:1] == b"{" and "images" in keys) or len(keys) > 1:
        return (
            "it is JSON and looks like an annotation file in COCO's format, which belongs to data.annotations= "
            "(predict) or data.train_annotations= and data.val_annotations= (train, test)"
        )
    if text[:1] == b"[" and b'"category_id"' in text:
        return "it is JSON and looks like a file of detections; `contrastmask evaluate` judges those"
    if _is_text(text):
        return "it is JSON; a run's checkpoint is RUN/checkpoints/last.ckpt"
    return "it looks like JSON, and is damaged"


def _is_text(head: bytes) -> bool:
    if any(value < 9 for value in head):  # no text has these
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # cut within a sign
    return bool(head)
