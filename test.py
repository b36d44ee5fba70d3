"""Evaluate a checkpoint.

python test.py ckpt_path=outputs/…/checkpoints/last.ckpt data.root=/data/coco split=voc_nonvoc
python test.py ckpt_path=… evaluate=given_boxes                      # the mask branch alone, too
python test.py ckpt_path=DETECTOR crops=CROPS                        # its boxes, masks of a crop branch
python test.py ckpt_path=… trainer.limit_test_batches=8              # only the images seen count; the results say so
"""

from contrastmask.programs.commands import test

if __name__ == "__main__":
    test()
