"""Customers who sign in: links to Amazon, links by mail, checkouts, consents, saved methods."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime
_APPEND_ONLY = "consent"


def upgrade() -> None:
    _buyer_links()
    _mail_links()
    _checkouts()
    _consents()
    _saved_methods()
    _make_append_only()


def _buyer_links() -> None:
    op.create_table(
        "buyer_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("buyer_id", _TEXT(), nullable=False),
        sa.Column("source", _TEXT(), nullable=False),
        sa.Column("linked_at", _INSTANT(), nullable=False),
        sa.Column("ended_at", _INSTANT(), nullable=True),
        sa.CheckConstraint(
            "source IN ('checkout', 'sign_in', 'permission')", name=op.f("buyer_link_source")
        ),
        *_owners("buyer_link"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buyer_link")),
    )
    rule = sa.text("ended_at IS NULL")
    for name, columns in (
        ("buyer_link_of_buyer", ["merchant_id", "buyer_id"]),
        ("buyer_link_of_customer", ["customer_id"]),
    ):
        op.create_index(
            name, "buyer_link", columns, unique=True, sqlite_where=rule, postgresql_where=rule
        )


def _mail_links() -> None:
    op.create_table(
        "mail_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("email_hash", _TEXT(length=64), nullable=False),
        sa.Column("source_hash", _TEXT(length=64), nullable=False),
        sa.Column("token_hash", _TEXT(length=64), nullable=True),
        sa.Column("asked_at", _INSTANT(), nullable=False),
        sa.Column("expires_at", _INSTANT(), nullable=False),
        sa.Column("used_at", _INSTANT(), nullable=True),
        sa.CheckConstraint(
            "(customer_id IS NULL) = (token_hash IS NULL)", name=op.f("mail_link_of_a_customer")
        ),
        *_owners("mail_link"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_link")),
        sa.UniqueConstraint(
            "merchant_id", "token_hash", name=op.f("uq_mail_link_merchant_id_token_hash")
        ),
    )
    for column in ("email_hash", "source_hash"):
        columns = ["merchant_id", column, "asked_at"]
        op.create_index(op.f(f"ix_mail_link_{column}"), "mail_link", columns)


def _checkouts() -> None:
    op.create_table(
        "checkout",
        sa.Column("id", _TEXT(length=32), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("session_id", _TEXT(length=64), nullable=False),
        sa.Column("purpose", _TEXT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("browser_hash", _TEXT(length=64), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("subscription_id", sa.Integer(), nullable=True),
        sa.Column("permission_id", sa.Integer(), nullable=True),
        sa.Column("buyer_id", _TEXT(), nullable=False),
        sa.Column("wanted", _TEXT(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=False),
        sa.Column("language", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=True),
        sa.Column("begun_at", _INSTANT(), nullable=False),
        sa.Column("agreed_at", _INSTANT(), nullable=True),
        sa.Column("completed_at", _INSTANT(), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('sign_up', 'save', 'replace')", name=op.f("checkout_purpose")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'agreed', 'completing', 'completed', 'failed')",
            name=op.f("checkout_state"),
        ),
        sa.CheckConstraint("amount_yen > 0", name=op.f("checkout_amount_yen")),
        sa.CheckConstraint(
            "state <> 'completed' OR permission_id IS NOT NULL", name=op.f("checkout_completed")
        ),
        *_owners("checkout", "subscription", permission="charge_permission"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout")),
        sa.UniqueConstraint(
            "merchant_id", "session_id", name=op.f("uq_checkout_merchant_id_session_id")
        ),
    )
    rule = sa.text("state = 'completing'")
    op.create_index(
        "checkout_completing",
        "checkout",
        ["merchant_id", "id"],
        sqlite_where=rule,
        postgresql_where=rule,
    )


def _consents() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("kind", _TEXT(), nullable=False),
        sa.Column("checkout_id", _TEXT(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("subscription_id", sa.Integer(), nullable=True),
        sa.Column("language", _TEXT(), nullable=False),
        sa.Column("wording", _TEXT(), nullable=False),
        sa.Column("html", _TEXT(), nullable=False),
        sa.Column("html_hash", _TEXT(length=64), nullable=False),
        sa.Column("offer", _TEXT(), nullable=False),
        sa.Column("source", _TEXT(), nullable=False),
        sa.Column("agent", _TEXT(), nullable=False),
        sa.Column("agreed_at", _INSTANT(), nullable=False),
        sa.CheckConstraint("language IN ('ja', 'en')", name=op.f("consent_language")),
        *_owners("consent", "subscription", "checkout"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    for column in ("checkout_id", "customer_id", "subscription_id"):
        op.create_index(op.f(f"ix_consent_{column}"), "consent", [column])


def _saved_methods() -> None:
    op.create_table(
        "saved_method",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.Column("descriptor", _TEXT(), nullable=False),
        sa.Column("saved_at", _INSTANT(), nullable=False),
        sa.Column("ended_at", _INSTANT(), nullable=True),
        *_owners("saved_method", permission="charge_permission"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_method")),
        sa.UniqueConstraint("permission_id", name=op.f("uq_saved_method_permission_id")),
    )
    op.create_index(op.f("ix_saved_method_customer_id"), "saved_method", ["customer_id"])


def _owners(table: str, *others: str, **named: str) -> list[sa.ForeignKeyConstraint]:
    """Foreign keys to merchant, customer and the tables named: column `X_id` to table X."""
    known = {"merchant": "merchant", "customer": "customer"}
    known |= {other: other for other in others} | named
    return [
        sa.ForeignKeyConstraint(
            [f"{column}_id"], [f"{owner}.id"], name=op.f(f"fk_{table}_{column}_id")
        )
        for column, owner in known.items()
    ]


def _make_append_only() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {_APPEND_ONLY}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {_APPEND_ONLY} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {_APPEND_ONLY}_no_{change.lower()} BEFORE {change} ON {_APPEND_ONLY} "
            f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY} is append-only: write a correction "
            "instead'); END"
        )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
