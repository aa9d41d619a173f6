"""The demo: a sample merchant's year of renewals through a local Amazon Pay.

Nothing here is special to the demo but the stage, the scripted buyers and the moving clock: the
charges go through the same engine, client and database as any merchant's.
"""
