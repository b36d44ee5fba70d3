"""The export program, once its configuration is composed."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from contrastmask.data.reading import AS_IT_IS
from contrastmask.export.quantise import Sample, sample_of
from contrastmask.export.write import export
from contrastmask.prediction.predictor import Predictor
from contrastmask.programs.model_export_config import ExportConfig, typed


def export_model(cfg: DictConfig) -> None:
    """Write the folder that ``cfg`` describes, and say what is in it."""
    config, console = typed(cfg), Console()
    lines = export(
        Path(config.ckpt_path),
        Path(config.output),
        form=config.format,
        precision=config.precision,
        sample=lambda predictor: _sample(config, predictor),
        overwrite=config.overwrite,
    )
    for line in [*lines, f"written: {config.output}"]:
        console.print(line, markup=False, soft_wrap=True, highlight=False)


def _sample(config: ExportConfig, predictor: Predictor) -> Sample:
    data = config.data
    return sample_of(predictor, Path(data.annotations), Path(data.images), config.objects, AS_IT_IS)
