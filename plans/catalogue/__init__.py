"""What is sold: plans, dated prices and their terms, add-ons, coupons, families, migrations.

Other rooms import from `plans`, the one door.
"""
