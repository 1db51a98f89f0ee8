"""Ports of this machine for the servers that tests start."""

import random
import socket

PORTS = range(20_000, 32_768)
"""Below those that the system gives to clients."""
RESERVATIONS: list[socket.socket] = []
"""Names of the ports that this process was given, taken until its end."""


def free_port() -> int:
    """A port on which nothing listens, and which no other process of tests is given.

    What the system has named as free may be given away again before the server that it is for has
    started.
    """
    while True:
        port = random.SystemRandom().choice(PORTS)
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0nowcast-test-port-{port}")  # abstract: there is no file
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            reservation.close()
        else:
            RESERVATIONS.append(reservation)
            return port
