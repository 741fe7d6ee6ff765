"""Starts tap-closeio 1.6.6, in its own environment, on the address in CLOSE_BASE_URL: it has no option for that."""

import os

import tap_closeio
import tap_closeio.http

tap_closeio.http.BASE_URL = os.environ["CLOSE_BASE_URL"]
tap_closeio.main()
