"""One process of the web server, on a socket that `serve` has bound: python -m cdss.web DESCRIPTOR."""

import os
import socket
import sys
import warnings

import uvicorn

from cdss import env, lifeline

# Static files and images are small; what is large is streamed asynchronously.
QUIET = "StreamingHttpResponse must consume synchronous iterators"


def main(descriptor: int) -> None:
    lifeline.hold()
    # What it writes is of patients: its owner's alone.
    os.umask(0o077)
    warnings.filterwarnings("ignore", message=QUIET)
    config = uvicorn.Config(
        "cdss.asgi:application",
        lifespan="off",
        # Addresses of pages can hold what was searched for.
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=env.boolean("CDSS_BEHIND_PROXY", False),
        timeout_graceful_shutdown=3,
        # Longer than a reader thinks and than a proxy keeps a connection: none is closed while a request is on its way.
        timeout_keep_alive=75,
    )
    with socket.socket(fileno=descriptor) as listener:
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]))
