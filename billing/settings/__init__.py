"""What an owner of the shop sets: keys, rules, senders and words of notices; and who did what.

Every change is checked here, is one audit event with what was before and after, and so a version.
"""

from billing.settings.account import (
    Account,
    GivenAccount,
    KeyOfTheOther,
    KeyWithoutFile,
    change_account,
    load_account,
    twin_of,
)
from billing.settings.audit_log import (
    AuditEntry,
    AuditWish,
    ChainedUpTo,
    audit_actors,
    audit_entries,
    audit_kinds,
    chained_up_to,
)
from billing.settings.notice_words import (
    WordsVersion,
    preview_words,
    restore_words,
    store_words,
    words_versions,
)
from billing.settings.plan_tests import (
    NoTestKeys,
    OtherTermsInTest,
    PlanTest,
    plan_tests,
    plans_out_of_test,
    switch_plan_test,
)
from billing.settings.rules import (
    NOTICE_RULE_NAMES,
    RULES,
    CapTooLow,
    ChangedMeanwhile,
    Rule,
    RuleChange,
    change_notice_rules,
    change_rules,
    held_notice_rules,
    held_rules,
    rule_differences,
    rules_mark,
)

__all__ = [
    "NOTICE_RULE_NAMES",
    "RULES",
    "Account",
    "AuditEntry",
    "AuditWish",
    "CapTooLow",
    "ChainedUpTo",
    "ChangedMeanwhile",
    "GivenAccount",
    "KeyOfTheOther",
    "KeyWithoutFile",
    "NoTestKeys",
    "OtherTermsInTest",
    "PlanTest",
    "Rule",
    "RuleChange",
    "WordsVersion",
    "audit_actors",
    "audit_entries",
    "audit_kinds",
    "chained_up_to",
    "change_account",
    "change_notice_rules",
    "change_rules",
    "held_notice_rules",
    "held_rules",
    "load_account",
    "plan_tests",
    "plans_out_of_test",
    "preview_words",
    "restore_words",
    "rule_differences",
    "rules_mark",
    "store_words",
    "switch_plan_test",
    "twin_of",
    "words_versions",
]
