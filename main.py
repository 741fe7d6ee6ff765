import os
import signal

from source_closeio.run import main

if __name__ == "__main__":
    # Linux keeps a SIGTERM from the first process of a container unless it has a handler. This one does what happens
    # elsewhere: it ends at once, whatever the readers wait for, and the last state on stdout is valid.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    main()
