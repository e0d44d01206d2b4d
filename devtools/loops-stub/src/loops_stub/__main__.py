"""python -m loops_stub."""

import uvicorn

from loops_stub.app import create_app
from loops_stub.settings import Settings


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    uvicorn.run(
        create_app(settings),
        host=settings.http_host,
        port=settings.http_port,
        access_log=False,
        log_level="warning",
    )


main()
