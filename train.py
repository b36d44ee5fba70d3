"""Train ContrastMask and evaluate it.

python train.py experiment=demo                                      # minutes on a CPU, no download
python train.py data.root=/data/coco split=voc_nonvoc backbone=x101  # the real thing
python train.py -m split=voc_nonvoc,nonvoc_voc backbone=r50,x50      # a sweep
python train.py ckpt_path=outputs/…/checkpoints/last.ckpt            # resume (with the settings of that run)
python train.py --help                                               # every setting
"""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from contrastmask.programs.config import register
from contrastmask.programs.launch import job, plain_errors

register()


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@plain_errors
def main(cfg: DictConfig) -> None:
    """Compose, build, fit, evaluate, report."""
    from contrastmask.programs.train import train  # late: --help and completion need no torch

    with job() as folder:
        train(cfg, folder)


if __name__ == "__main__":
    main()
