"""What the role of the workers may do on PostgreSQL: everything but rewrite history.

Which tables are append-only is read from their triggers, so that a table of a later migration is
never forgotten. Nobody but the owner, who migrates, may TRUNCATE or change the schema.
"""

from sqlalchemy import Connection, text

from app.problems import Refused

__all__ = ["apply_grants", "grant_statements"]

# Rows that say what was agreed, owed and sent are never deleted, although their states change.
ROWS_STAY = frozenset(
    {
        *("agreement", "brake", "cap_hold", "cap_month", "charge_permission", "customer"),
        *("environment_account", "global_brake", "merchant", "notice", "offer", "plan", "quote"),
        *("refund", "refund_room", "subscription"),
    }
)

_TABLES = """SELECT c.relname, EXISTS (
    SELECT 1 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid = c.oid AND p.proname = 'refuse_change') AS append_only, EXISTS (
    SELECT 1 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid = c.oid AND p.proname = 'refuse_delete') AS kept
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') ORDER BY c.relname"""

_ROLE = """SELECT r.rolsuper, pg_has_role(r.oid, d.datdba, 'USAGE') OR EXISTS (
    SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND pg_has_role(r.oid, c.relowner, 'USAGE')) AS owns
FROM pg_roles r, pg_database d WHERE r.rolname = :role AND d.datname = current_database()"""


def grant_statements(connection: Connection, role: str) -> list[str]:
    """The SQL that gives `role` what workers need and nothing more; running it again is harmless.

    Raises `Refused` on SQLite, and for a role that is absent or could not be held to it.
    """
    _check_role(connection, role)
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    statements = [f"GRANT USAGE ON SCHEMA {schema} TO {quoted}"]
    for table, append_only, kept in connection.execute(text(_TABLES)):
        rights = "SELECT, INSERT"
        if not append_only:
            rights += ", UPDATE"
            if not kept and table not in ROWS_STAY:
                rights += ", DELETE"
        if table == "alembic_version":
            rights = "SELECT"
        statements.append(f'REVOKE ALL ON "{table}" FROM {quoted}')
        statements.append(f'GRANT {rights} ON "{table}" TO {quoted}')
    statements.append(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {quoted}")
    return statements


def apply_grants(connection: Connection, role: str) -> int:
    """Run the statements in the caller's transaction; returns how many there were."""
    statements = grant_statements(connection, role)
    for statement in statements:
        connection.execute(text(statement))
    return len(statements)


def _check_role(connection: Connection, role: str) -> None:
    if connection.dialect.name != "postgresql":
        raise Refused(
            "SQLite has no roles: whoever can open the file can change it. Its triggers refuse "
            "changes by the engine, and `autopay audit` finds those of others; roles need "
            "PostgreSQL in AUTOPAY_DATABASE_URL"
        )
    found = connection.execute(text(_ROLE), {"role": role}).first()
    if found is None:
        raise Refused(
            f"role {role!r} is not on this server; make it first: "
            f"CREATE ROLE {role} LOGIN PASSWORD '…'"
        )
    if found.rolsuper or found.owns:
        raise Refused(
            f"role {role!r} is a superuser or owns the tables, so no grant could hold it; make "
            "one of its own for the workers, and migrate with the owner"
        )
