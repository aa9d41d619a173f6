"""`python -m amazonpay.sandbox`."""

import sys

from amazonpay.sandbox.cli import main

sys.exit(main(sys.argv[1:]))
