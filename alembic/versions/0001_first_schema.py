"""First schema."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "merchant",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("environment", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("seller_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("store_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("public_key_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("algorithm", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=True),
        sa.Column("key_fingerprint", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("timezone", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("charge_hour", sa.Integer(), nullable=False),
        sa.Column("cap_yen", sa.Integer(), nullable=False),
        sa.Column("cap_rule", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("tax_rounding", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("dunning_days", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("dunning_end", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("registration_number", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint(
            "cap_rule IN ('refuse', 'defer', 'split')", name=op.f("merchant_cap_rule")
        ),
        sa.CheckConstraint(
            "dunning_end IN ('pause', 'cancel', 'keep_open')", name=op.f("merchant_dunning_end")
        ),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name=op.f("merchant_environment")),
        sa.CheckConstraint("cap_yen >= 0", name=op.f("merchant_cap_yen")),
        sa.CheckConstraint("charge_hour BETWEEN 0 AND 23", name=op.f("merchant_charge_hour")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchant")),
    )
    op.create_table(
        "tick",
        sa.Column("job", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("slot", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("worker_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("job", "slot", name=op.f("pk_tick")),
    )
    op.create_table(
        "charge_permission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("amazon_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("buyer_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("amount_limit_yen", sa.Integer(), nullable=True),
        sa.Column("expires_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("checked_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_charge_permission_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge_permission")),
        sa.UniqueConstraint(
            "merchant_id", "amazon_id", name=op.f("uq_charge_permission_merchant_id_amazon_id")
        ),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kana", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("postal_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_customer_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint(
            "merchant_id", "external_id", name=op.f("uq_customer_merchant_id_external_id")
        ),
    )
    op.create_table(
        "pacing",
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("operation", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("next_at_us", sa.BigInteger(), nullable=False),
        sa.Column("interval_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_pacing_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "operation", name=op.f("pk_pacing")),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_ja", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_en", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"], name=op.f("fk_plan_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("merchant_id", "code", name=op.f("uq_plan_merchant_id_code")),
    )
    op.create_table(
        "cap_month",
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.Column("month", sqlmodel.sql.sqltypes.AutoString(length=7), nullable=False),
        sa.Column("limit_yen", sa.Integer(), nullable=False),
        sa.Column("learned_limit_yen", sa.Integer(), nullable=True),
        sa.Column("used_yen", sa.Integer(), nullable=False),
        sa.Column("held_yen", sa.Integer(), nullable=False),
        sa.CheckConstraint("used_yen + held_yen <= limit_yen", name=op.f("cap_month_limit")),
        sa.CheckConstraint("used_yen >= 0 AND held_yen >= 0", name=op.f("cap_month_positive")),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["charge_permission.id"], name=op.f("fk_cap_month_permission_id")
        ),
        sa.PrimaryKeyConstraint("permission_id", "month", name=op.f("pk_cap_month")),
    )
    op.create_table(
        "price",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=False),
        sa.Column("tax_category", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("interval_unit", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("interval_count", sa.Integer(), nullable=False),
        sa.Column("anchor_rule", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("per_seat", sa.Boolean(), nullable=False),
        sa.Column("trial_days", sa.Integer(), nullable=False),
        sa.Column("minimum_cycles", sa.Integer(), nullable=False),
        sa.Column("first_amount_yen", sa.Integer(), nullable=True),
        sa.Column("physical", sa.Boolean(), nullable=False),
        sa.Column("usage_meter", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("usage_included", sa.Integer(), nullable=True),
        sa.Column("usage_unit_price", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("content_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint("amount_yen > 0", name=op.f("price_amount_yen")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_price_merchant_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_price_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price")),
        sa.UniqueConstraint("plan_id", "valid_from", name=op.f("uq_price_plan_id_valid_from")),
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.Column("price_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("anchor_year", sa.Integer(), nullable=False),
        sa.Column("anchor_month", sa.Integer(), nullable=False),
        sa.Column("anchor_day", sa.Integer(), nullable=False),
        sa.Column("first_cycle", sa.Integer(), nullable=False),
        sa.Column("next_cycle", sa.Integer(), nullable=False),
        sa.Column("cycles_done", sa.Integer(), nullable=False),
        sa.Column("due_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("resume_on", sa.Date(), nullable=True),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("import_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'trialing', 'active', 'past_due', 'paused', 'canceled')",
            name=op.f("subscription_state"),
        ),
        sa.CheckConstraint("next_cycle >= 0", name=op.f("subscription_next_cycle")),
        sa.CheckConstraint("quantity >= 1", name=op.f("subscription_quantity")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_subscription_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_subscription_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["charge_permission.id"], name=op.f("fk_subscription_permission_id")
        ),
        sa.ForeignKeyConstraint(["price_id"], ["price.id"], name=op.f("fk_subscription_price_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint(
            "merchant_id", "external_id", name=op.f("uq_subscription_merchant_id_external_id")
        ),
    )
    op.create_index(
        op.f("ix_subscription_permission_id"), "subscription", ["permission_id"], unique=False
    )
    op.create_index(
        "subscription_due",
        "subscription",
        ["merchant_id", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "invoice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("number", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("total_yen", sa.Integer(), nullable=False),
        sa.Column("paid_yen", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'paid', 'void', 'uncollectible')", name=op.f("invoice_state")
        ),
        sa.CheckConstraint("paid_yen BETWEEN 0 AND total_yen", name=op.f("invoice_paid_yen")),
        sa.CheckConstraint("total_yen BETWEEN 0 AND 1000000000", name=op.f("invoice_total_yen")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_invoice_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name=op.f("fk_invoice_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("uq_invoice_merchant_id_number")),
        sa.UniqueConstraint(
            "subscription_id", "cycle", name=op.f("uq_invoice_subscription_id_cycle")
        ),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("dedup_key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("written_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("next_try_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("delivered_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_notice_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name=op.f("fk_notice_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint(
            "merchant_id", "dedup_key", name=op.f("uq_notice_merchant_id_dedup_key")
        ),
    )
    op.create_index(
        "notice_waiting",
        "notice",
        ["merchant_id", "id"],
        unique=False,
        sqlite_where=sa.text("delivered_at IS NULL"),
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "subscription_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state_before", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state_after", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_subscription_event_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_subscription_event_subscription_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_event")),
    )
    op.create_index(
        op.f("ix_subscription_event_subscription_id"),
        "subscription_event",
        ["subscription_id"],
        unique=False,
    )
    op.create_table(
        "invoice_line",
        sa.Column("invoice_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("description_ja", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("description_en", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_yen", sa.Integer(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=False),
        sa.Column("tax_category", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_line_invoice_id")
        ),
        sa.PrimaryKeyConstraint("invoice_id", "position", name=op.f("pk_invoice_line")),
    )
    op.create_table(
        "invoice_tax",
        sa.Column("invoice_id", sa.Integer(), nullable=False),
        sa.Column("tax_category", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("rate_percent", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("gross_yen", sa.Integer(), nullable=False),
        sa.Column("tax_yen", sa.Integer(), nullable=False),
        sa.Column("net_yen", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_tax_invoice_id")
        ),
        sa.PrimaryKeyConstraint("invoice_id", "tax_category", name=op.f("pk_invoice_tax")),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reference", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("invoice_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_journal_invoice_id")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_journal_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sa.UniqueConstraint(
            "merchant_id", "reference", name=op.f("uq_journal_merchant_id_reference")
        ),
    )
    op.create_index(op.f("ix_journal_invoice_id"), "journal", ["invoice_id"], unique=False)
    op.create_table(
        "slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("invoice_id", sa.Integer(), nullable=False),
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("purpose", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("reference", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("first_due_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("due_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("declines", sa.Integer(), nullable=False),
        sa.Column("declined_on", sa.Date(), nullable=True),
        sa.Column("cap_moves", sa.Integer(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("settled_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('due', 'open', 'waiting_buyer', 'paid', 'refused', 'quarantined', 'uncollectible')",
            name=op.f("slot_state"),
        ),
        sa.CheckConstraint("amount_yen BETWEEN 1 AND 1000000000", name=op.f("slot_amount_yen")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_slot_invoice_id")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"], name=op.f("fk_slot_merchant_id")),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["charge_permission.id"], name=op.f("fk_slot_permission_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name=op.f("fk_slot_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot")),
        sa.UniqueConstraint("merchant_id", "reference", name=op.f("uq_slot_merchant_id_reference")),
        sa.UniqueConstraint(
            "subscription_id",
            "cycle",
            "purpose",
            name=op.f("uq_slot_subscription_id_cycle_purpose"),
        ),
    )
    op.create_index(op.f("ix_slot_invoice_id"), "slot", ["invoice_id"], unique=False)
    op.create_index(op.f("ix_slot_permission_id"), "slot", ["permission_id"], unique=False)
    op.create_index(
        "slot_due",
        "slot",
        ["merchant_id", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'due'"),
        postgresql_where=sa.text("state = 'due'"),
    )
    op.create_index(
        "slot_waiting_buyer",
        "slot",
        ["merchant_id", "permission_id"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting_buyer'"),
        postgresql_where=sa.text("state = 'waiting_buyer'"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=False),
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("worker_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("intended_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("look_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("answered_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("charge_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("reason_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("request_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("detail", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint(
            "state IN ('intended', 'in_doubt', 'pending', 'captured', 'declined', 'refused')",
            name=op.f("attempt_state"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_attempt_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["charge_permission.id"], name=op.f("fk_attempt_permission_id")
        ),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name=op.f("fk_attempt_slot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint(
            "merchant_id", "charge_id", name=op.f("uq_attempt_merchant_id_charge_id")
        ),
        sa.UniqueConstraint(
            "merchant_id", "idempotency_key", name=op.f("uq_attempt_merchant_id_idempotency_key")
        ),
        sa.UniqueConstraint("slot_id", "number", name=op.f("uq_attempt_slot_id_number")),
    )
    op.create_index(
        "attempt_by_time", "attempt", ["merchant_id", "intended_at", "id"], unique=False
    )
    op.create_index(
        "attempt_one_open_or_successful",
        "attempt",
        ["slot_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('intended', 'in_doubt', 'pending', 'captured')"),
        postgresql_where=sa.text("state IN ('intended', 'in_doubt', 'pending', 'captured')"),
    )
    op.create_index(
        "attempt_unsettled",
        "attempt",
        ["merchant_id", "look_at", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('intended', 'in_doubt', 'pending')"),
        postgresql_where=sa.text("state IN ('intended', 'in_doubt', 'pending')"),
    )
    op.create_index(
        "attempt_unsettled_permission",
        "attempt",
        ["permission_id"],
        unique=False,
        sqlite_where=sa.text("state IN ('intended', 'in_doubt', 'pending')"),
        postgresql_where=sa.text("state IN ('intended', 'in_doubt', 'pending')"),
    )
    op.create_table(
        "posting",
        sa.Column("journal_id", sa.Integer(), nullable=False),
        sa.Column("account", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_yen <> 0", name=op.f("posting_amount_yen")),
        sa.ForeignKeyConstraint(["journal_id"], ["journal.id"], name=op.f("fk_posting_journal_id")),
        sa.PrimaryKeyConstraint("journal_id", "account", name=op.f("pk_posting")),
    )
    op.create_table(
        "cap_hold",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("month", sqlmodel.sql.sqltypes.AutoString(length=7), nullable=False),
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint("state IN ('held', 'used', 'released')", name=op.f("cap_hold_state")),
        sa.CheckConstraint("amount_yen > 0", name=op.f("cap_hold_amount_yen")),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_cap_hold_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["charge_permission.id"], name=op.f("fk_cap_hold_permission_id")
        ),
        sa.PrimaryKeyConstraint("attempt_id", "month", name=op.f("pk_cap_hold")),
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
