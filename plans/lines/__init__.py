"""The lines of one cycle: what it costs, discounts spread over lines, metered usage.

Other rooms import from `plans`, the one door.
"""
