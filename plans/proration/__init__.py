"""Parts of a period: the arithmetic of a change, what it settles, and the words that explain it.

Other rooms import from `plans`, the one door.
"""
