"""`python -m source_closeio.emulator`."""

import sys

from source_closeio.emulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
