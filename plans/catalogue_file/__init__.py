"""The price list as a YAML file: strict reading, every problem with its line.

Other rooms import from `plans`, the one door.
"""
