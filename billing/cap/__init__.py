"""The most a charge permission may be charged in a calendar month: planned, reserved, judged."""
