"""Train ContrastMask and evaluate it.

python train.py experiment=demo                                      # minutes on a CPU, no download
python train.py data.root=/data/coco split=voc_nonvoc backbone=x101  # the real thing
python train.py -m split=voc_nonvoc,nonvoc_voc backbone=r50,x50      # a sweep
python train.py ckpt_path=outputs/…/checkpoints/last.ckpt …          # resume: give that run's settings again
python train.py --help                                               # every setting
"""

from contrastmask.programs.commands import train

if __name__ == "__main__":
    train()
