"""``python -m cambist_cli`` is ``cambist``."""

import sys

from cambist_cli._main import main

if __name__ == "__main__":
    sys.exit(main())
