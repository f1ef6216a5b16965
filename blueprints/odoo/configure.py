"""Tells Odoo its address, and the first time whose it is.

Runs again after a change of name: what the owner has changed in Odoo meanwhile is left alone.
"""
import json
import os
import pathlib
import secrets
import uuid

from superuser import record, superuser

STATE = pathlib.Path("/var/lib/onboarding/configured.json")
LANGUAGES = {"es": "es_ES", "en": "en_US"}


def introduce(call, environment):
    """Owner, company, country, currency and language of a tenant that was never used."""
    # The golden image's secrets are everybody's: with them one tenant could sign for another.
    call("ir.config_parameter", "set_param", "database.secret", str(uuid.uuid4()))
    call("ir.config_parameter", "set_param", "database.uuid", str(uuid.uuid1()))
    language = LANGUAGES.get(environment["TENANT_LOCALE"], "en_US")
    owner = record(call, "base.user_admin")
    call("res.users", "write", [owner], {
        "login": environment["OWNER_EMAIL"],
        "email": environment["OWNER_EMAIL"],
        "name": environment["OWNER_NAME"] or environment["OWNER_EMAIL"],
        "lang": language,
        # Until owner_access sets theirs, nobody comes in.
        "password": secrets.token_urlsafe(32),
    })
    company = record(call, "base.main_company")
    values = {"name": environment["TENANT_COMPANY"], "email": environment["OWNER_EMAIL"]}
    country = call("res.country", "search_read",
                   [["code", "=", environment["TENANT_COUNTRY"].upper()]], ["currency_id"])
    if country:
        values["country_id"] = country[0]["id"]
        if country[0]["currency_id"]:
            currency = country[0]["currency_id"][0]
            call("res.currency", "write", [currency], {"active": True})
            values["currency_id"] = currency
    call("res.company", "write", [company], values)
    partner = call("res.company", "read", [company], ["partner_id"])[0]["partner_id"][0]
    call("res.partner", "write", [partner], {"lang": language})


def rename(call, before, now):
    if before == now:
        return
    company = record(call, "base.main_company")
    if company and call("res.company", "search_count", [["id", "=", company], ["name", "=", before]]):
        call("res.company", "write", [company], {"name": now})


def main(environment):
    before = json.loads(STATE.read_text()) if STATE.exists() else None
    with superuser() as call:
        call("ir.config_parameter", "set_param", "web.base.url", environment["TENANT_URL"])
        # Else the next log-in of an administrator would overwrite it.
        call("ir.config_parameter", "set_param", "web.base.url.freeze", "True")
        if before is None:
            introduce(call, environment)
        else:
            rename(call, before["company"], environment["TENANT_COMPANY"])
    aside = STATE.with_suffix(".part")
    aside.write_text(json.dumps({"company": environment["TENANT_COMPANY"]}))
    aside.rename(STATE)


main(os.environ)
