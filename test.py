"""Evaluate a checkpoint.

python test.py ckpt_path=outputs/…/checkpoints/last.ckpt data.root=/data/coco split=voc_nonvoc
python test.py ckpt_path=… evaluate=given_boxes                      # the mask branch alone, too
python test.py ckpt_path=… trainer.limit_test_batches=8              # only the images seen count; the results say so
"""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from contrastmask.programs.config import register
from contrastmask.programs.launch import job, plain_errors

register()


@hydra.main(version_base="1.3", config_path="conf", config_name="test")
@plain_errors
def main(cfg: DictConfig) -> None:
    """Compose, build, evaluate, report."""
    from contrastmask.programs.train import test

    with job() as folder:
        test(cfg, folder)


if __name__ == "__main__":
    main()
