"""Sets the owner's password to OWNER_PASSWORD; their login is OWNER_EMAIL."""
import os
import sys

from superuser import record, superuser

email, password = os.environ["OWNER_EMAIL"], os.environ["OWNER_PASSWORD"]
with superuser() as call:
    everybody = {"context": {"active_test": False}}
    found = call("res.users", "search", [["login", "=", email]], **everybody)
    owner = found[0] if found else record(call, "base.user_admin")
    if owner is None:
        sys.exit(f"no user has the login {email}, and the first administrator was deleted")
    call("res.users", "write", [owner], {"login": email, "password": password, "active": True})
