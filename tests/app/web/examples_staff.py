"""Examples of the staff's own paths."""

from sqlalchemy import select
from web_books import NOW, TABLES, WebBooks

from app.web.shell import Role
from app.web.staff import add_staff
from billing import reading, writing


def examples(books: WebBooks) -> dict[str, str]:
    """A passkey of the owner whose password is a setting."""
    passkey = books.insert(
        "passkey",
        staff_id=owner_of(books),
        credential_id=f"example-{books.merchant_id}",
        public_key=b"",
        sign_count=0,
        rp_id="localhost",
        transports="internal",
        name="Telephone",
        created_at=NOW,
    )
    return {"/account/passkeys/{passkey_id}": f"/account/passkeys/{passkey}"}


def owner_of(books: WebBooks) -> int:
    """The owner's number; who has not logged in yet is made now, as the log-in would."""
    users = TABLES["staff_user"]
    mine = users.c.merchant_id == books.merchant_id, users.c.name == "staff"
    with reading(books.database) as connection:
        found = connection.execute(select(users.c.id).where(*mine)).scalar_one_or_none()
    if found is not None:
        return int(found)
    return writing(
        books.database,
        lambda c: add_staff(
            c,
            merchant_id=books.merchant_id,
            name="staff",
            role=Role.OWNER,
            password=None,
            by="test",
            at=NOW,
        ),
    )
