"""``python -m contrastmask.report``."""

import sys

from contrastmask.report.write import main

sys.exit(main())
