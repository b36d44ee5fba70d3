"""``python -m contrastmask.evaluation``."""

import sys

from contrastmask.errors import plain_errors
from contrastmask.evaluation.command import main

if __name__ == "__main__":
    sys.exit(plain_errors(main)())
