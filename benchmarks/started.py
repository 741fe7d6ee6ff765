"""Starts a program and tells on stderr, as JSON, what it took. `started.py WORD...`

A process of its own, and a small one: Linux counts the memory of who starts a program as the program's.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    began = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = {
        "wall": time.monotonic() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss // 1024,
        "status": status,
    }
    print(json.dumps(took), file=sys.stderr)


if __name__ == "__main__":
    main()
