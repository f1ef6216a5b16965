"""Tryton's own objects on the tenant's database, as its root user, without going through the server.

No credential of ours lies in a tenant, and whatever the owner does to users, we can do our part.
"""
import contextlib
import os
import pwd


@contextlib.contextmanager
def tenant(**context):
    """Yields the pool; what was done is kept when the block ends without an error."""
    # PostgreSQL lets the system's user tryton in as its role of that name.
    account = pwd.getpwnam("tryton")
    os.setegid(account.pw_gid)
    os.seteuid(account.pw_uid)
    try:
        from trytond.config import config
        config.update_etc("/etc/tryton/trytond.conf")
        from trytond.pool import Pool
        from trytond.transaction import Transaction
        Pool.start()
        pool = Pool("tenant")
        with Transaction().start("tenant", 0):
            pool.init()
        with Transaction().start("tenant", 0, context=context) as transaction:
            yield pool
            transaction.commit()
    finally:
        os.seteuid(0)
        os.setegid(0)


def administrator(pool):
    """The user that the installation made, whatever it is called by now; None once it is deleted."""
    data = pool.get("ir.model.data").search(
        [("module", "=", "res"), ("fs_id", "=", "user_admin")], limit=1)
    users = pool.get("res.user").search([("id", "=", data[0].db_id)]) if data else []
    return users[0] if users else None
