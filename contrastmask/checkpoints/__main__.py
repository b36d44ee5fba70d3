"""``python -m contrastmask.checkpoints``."""

import sys

from contrastmask.checkpoints.convert import main

sys.exit(main())
