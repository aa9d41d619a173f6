"""A price list that uses every key there is, for the tests of several topics."""

from plans import Catalogue, parse_catalogue

RICH = """plans:
  - code: light
    name: {ja: ライト, en: Light}
    price: 980
    tax: standard
    every: {unit: month, count: 1}
    anchor_day: 27
    first_period: free
    valid_until: 2026-12-31
    prices:
      - {valid_from: 2027-01-01, price: 1080}
  - code: team
    name: {ja: チーム, en: Team}
    tax: standard
    every: {unit: month, count: 1}
    setup_fee: {price: 3300, tax: reduced}
    minimum_cycles: 12
    cancellation_fee: {kind: remaining_percent, percent: '12.5'}
    tiers:
      mode: graduated
      steps:
        - {up_to: 10, unit_price: 1000}
        - {up_to: 50, unit_price: 900, flat_fee: 500}
        - {unit_price: 800}
  - code: coffee
    name: {ja: コーヒー豆, en: Coffee beans}
    price: 3240
    tax: reduced
    every: {unit: month, count: 1}
    first_price: 1980
    trial_until: 2026-12-31
    cycle_prices:
      - {cycle: 4, price: 0}
      - {cycle: 2, to: 3, price: 2500}
    gifts:
      - {cycle: 6, item: mug, name: {ja: マグカップ, en: Mug}, tax: standard}
      - {cycle: 1, item: spoon, name: {ja: スプーン, en: Spoon}}
  - code: api
    name: {ja: API従量, en: API metered}
    price: 500
    tax: standard
    every: {unit: year, count: 1}
    usage:
      meter: calls
      included: 1000
      tiers: [{up_to: 10000, unit_price: '0.5'}, {unit_price: '0.3'}]
      aggregate: max
      rounding: ceil
      late_days: 5
add_ons:
  - code: support
    name: {ja: 電話サポート, en: Phone support}
    price: 550
    tax: standard
    plans: [team, light]
  - code: bag
    name: {ja: 保存袋, en: Storage bag}
    price: 108
    per_seat: true
    tax: reduced
    recurring: false
    quantity: {min: 2, max: 5}
  - code: seats
    valid_from: 2026-04-01
    name: {ja: 追加席, en: Extra seats}
    tiers: {mode: volume, steps: [{up_to: 5, unit_price: 300}, {unit_price: 200}]}
    tax: standard
coupons:
  - code: spring
    name: {ja: 春割, en: Spring}
    off: {yen: 500}
    cycles: 3
    campaign: {from: 2026-03-01, until: 2026-04-30}
    once_per_buyer: true
    plans: [light]
    stackable: true
    rank: 1
  - code: half
    name: {ja: 半額, en: Half price}
    off: {percent: '12.5', rounding: half_up}
    cycles: forever
    scope: plan
    stackable: true
families:
  - {code: software, plans: [light, [team, api]]}
  - {code: food, plans: [[coffee]]}
migrations:
  - code: light-2027
    from: {plan: light}
    to: {plan: light, valid_from: 2027-01-01}
    notice_on: 2026-12-01
    effective_on: 2027-02-01
    notice_days: 60
    grandfather: {subscribed_before: 2020-04-01, until: 2028-03-31}
"""


def rich() -> Catalogue:
    """Read the price list anew."""
    return parse_catalogue(RICH)
