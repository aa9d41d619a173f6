"""A worker of a live merchant at a local Amazon Pay: for the throttle, and over plain HTTP.

`autopay worker` sends live charges over https only. This program is the same worker with the
settings of the benchmark.
"""

import logging
import os
import signal
import sys
from pathlib import Path

from billing import decode_master_key, open_engine
from scheduler import AmazonEndpoint, SystemClock, Worker, start_engine


def main() -> int:
    """Work until SIGTERM."""
    logging.basicConfig(level=logging.WARNING)
    given = os.environ
    engine = start_engine(
        database=open_engine(given["AUTOPAY_DATABASE_URL"]),
        merchant_id=given["AUTOPAY_MERCHANT"],
        master_key=decode_master_key(Path(given["AUTOPAY_MASTER_KEY_FILE"]).read_text()),
        endpoint=AmazonEndpoint(base_url=given["AUTOPAY_AMAZON_URL"], paced=True),
        clock=SystemClock(),
    )
    worker = Worker(engine)
    signal.signal(signal.SIGTERM, lambda *_: worker.end())
    worker.start()
    worker.wait()
    return 0 if worker.stop() else 1


if __name__ == "__main__":
    sys.exit(main())
