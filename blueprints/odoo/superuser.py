"""Odoo's own superuser for the moment of a script, over XML-RPC on this machine.

It is switched on with a fresh random password, and off again at the end. So no credential of ours
lies in a tenant, and whatever the owner does to users, we can still do our part.
"""
import contextlib
import fcntl
import secrets
import subprocess
import time
import xmlrpc.client

from passlib.hash import pbkdf2_sha512

SUPERUSER = 1


def sql(statement):
    # On standard input: arguments can be read by every process.
    subprocess.run(
        ["runuser", "-u", "postgres", "--", "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", "tenant"],
        input=statement, text=True, check=True, cwd="/", stdout=subprocess.DEVNULL)


def wait_until_it_answers(patience=120):
    """Right after a start, and after a restore, Odoo needs seconds."""
    common = xmlrpc.client.ServerProxy("http://127.0.0.1:8069/xmlrpc/2/common")
    end = time.monotonic() + patience
    while True:
        try:
            return common.version()
        except (OSError, xmlrpc.client.Error):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


@contextlib.contextmanager
def superuser():
    """Yields call(model, method, *arguments, **options)."""
    wait_until_it_answers()
    with open("/run/onboarding-superuser.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        password = secrets.token_urlsafe(32)
        # Few rounds, because every call is checked, and so long a password cannot be guessed anyway.
        hashed = pbkdf2_sha512.using(rounds=1000).hash(password)
        sql(f"UPDATE res_users SET active = true, password = '{hashed}' WHERE id = {SUPERUSER}")
        models = xmlrpc.client.ServerProxy(
            "http://127.0.0.1:8069/xmlrpc/2/object", allow_none=True)

        def call(model, method, *arguments, **options):
            return models.execute_kw(
                "tenant", SUPERUSER, password, model, method, list(arguments), options)

        try:
            yield call
        finally:
            sql(f"UPDATE res_users SET active = false, password = NULL WHERE id = {SUPERUSER}")


def record(call, name):
    """The id behind an XML id such as base.user_admin; None when somebody has deleted it."""
    module, name = name.split(".")
    found = call("ir.model.data", "search_read",
                 [["module", "=", module], ["name", "=", name]], ["res_id"])
    return found[0]["res_id"] if found else None
