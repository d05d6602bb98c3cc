"""What the tests of an operator's tools share is in ``inbox_shifty``, which they import."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
