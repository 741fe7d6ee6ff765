"""`python -m close_emulator`."""

import sys

from close_emulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
