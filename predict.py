"""Predict with a trained model.

python predict.py ckpt_path=last.ckpt source=photos/ output=found/
python predict.py ckpt_path=detector.ckpt crops=crops.ckpt source=photos/ output=found/
python predict.py ckpt_path=last.ckpt task=complete data.annotations=in.json data.images=DIR output=out.json
"""

from contrastmask.programs.commands import predict

if __name__ == "__main__":
    predict()
