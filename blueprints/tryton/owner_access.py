"""Sets the owner's password to OWNER_PASSWORD; their login is OWNER_EMAIL."""
import os
import sys

from tenant import administrator, tenant

email, password = os.environ["OWNER_EMAIL"], os.environ["OWNER_PASSWORD"]
with tenant(active_test=False) as pool:
    User = pool.get("res.user")
    found = User.search([("login", "=", email)], limit=1)
    owner = found[0] if found else administrator(pool)
    if owner is None:
        sys.exit(f"no user has the login {email}, and the first administrator was deleted")
    User.write([owner], {"login": email, "password": password, "active": True})
