"""Predict with a trained model.

python predict.py ckpt_path=last.ckpt source=photos/ output=found/
python predict.py ckpt_path=last.ckpt task=complete data.annotations=in.json data.images=DIR output=out.json
"""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig

from contrastmask.programs.launch import plain_errors
from contrastmask.programs.predict_config import register

register()


@hydra.main(version_base="1.3", config_path="conf", config_name="predict")
@plain_errors
def main(cfg: DictConfig) -> None:
    """Load the model, predict, report; the exit status is 1 where a file could not be read."""
    from contrastmask.programs.predict import predict

    if status := predict(cfg):
        sys.exit(status)


if __name__ == "__main__":
    main()
