"""HTTP: the server, what goes over it, how requests are counted, and what goes wrong on the way."""
