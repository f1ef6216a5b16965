"""Tells Tryton whose it is: owner, company, currency and language.

Runs again after a change of name: what the owner has changed in Tryton meanwhile is left alone.
"""
import json
import os
import pathlib

from tenant import administrator, tenant

STATE = pathlib.Path("/var/lib/onboarding/configured.json")

EURO = "AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC MT NL PT SI SK SM VA".split()
CURRENCIES = {
    "AR": ("ARS", "032"), "BO": ("BOB", "068"), "BR": ("BRL", "986"), "CA": ("CAD", "124"),
    "CH": ("CHF", "756"), "CL": ("CLP", "152"), "CO": ("COP", "170"), "CR": ("CRC", "188"),
    "CZ": ("CZK", "203"), "DK": ("DKK", "208"), "DO": ("DOP", "214"), "EC": ("USD", "840"),
    "GB": ("GBP", "826"), "GT": ("GTQ", "320"), "HN": ("HNL", "340"), "HU": ("HUF", "348"),
    "MX": ("MXN", "484"), "NI": ("NIO", "558"), "NO": ("NOK", "578"), "PA": ("PAB", "590"),
    "PE": ("PEN", "604"), "PL": ("PLN", "985"), "PY": ("PYG", "600"), "RO": ("RON", "946"),
    "SE": ("SEK", "752"), "SV": ("USD", "840"), "US": ("USD", "840"), "UY": ("UYU", "858"),
    **{code: ("EUR", "978") for code in EURO},
}


def currency_of(pool, country):
    """The country's own, else the euro; the owner can choose another before the first booking."""
    code, numeric = CURRENCIES.get(country.upper(), ("EUR", "978"))
    Currency = pool.get("currency.currency")
    found = Currency.search([("code", "=", code)], limit=1)
    return found[0] if found else Currency.create(
        [{"name": code, "code": code, "numeric_code": numeric, "symbol": code}])[0]


def introduce(pool, environment):
    language = environment["TENANT_LOCALE"] if environment["TENANT_LOCALE"] in ("en", "es") else "en"
    Lang = pool.get("ir.lang")
    language = Lang.search([("code", "=", language)], limit=1)[0]
    Company = pool.get("company.company")
    party = pool.get("party.party").create([{
        "name": environment["TENANT_COMPANY"], "lang": language.id,
        "contact_mechanisms": [("create", [{"type": "email", "value": environment["OWNER_EMAIL"]}])],
    }])[0]
    company = Company.create([{
        "party": party.id, "currency": currency_of(pool, environment["TENANT_COUNTRY"]).id}])[0]
    pool.get("res.user").write([administrator(pool)], {
        "login": environment["OWNER_EMAIL"],
        "email": environment["OWNER_EMAIL"],
        "name": environment["OWNER_NAME"] or environment["OWNER_EMAIL"],
        "language": language.id,
        "companies": [("add", [company.id])],
        "company": company.id,
    })


def rename(pool, before, now):
    """Only where the company is still called as we called it."""
    Party = pool.get("party.party")
    companies = pool.get("company.company").search([("party.name", "=", before)], limit=1)
    if before != now and companies:
        Party.write([companies[0].party], {"name": now})


def main(environment):
    before = json.loads(STATE.read_text()) if STATE.exists() else None
    with tenant() as pool:
        if not pool.get("company.company").search([], limit=1):
            introduce(pool, environment)
        elif before is not None:
            rename(pool, before["company"], environment["TENANT_COMPANY"])
    aside = STATE.with_suffix(".part")
    aside.write_text(json.dumps({"company": environment["TENANT_COMPANY"]}))
    aside.rename(STATE)


main(os.environ)
