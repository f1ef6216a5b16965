"""Stripe at the wire: objects under their addresses, as the benchmarks put them there, and the events
that tell of them. What it costs is not ours: it runs in the benchmark's own process."""

import hashlib
import hmac
import json
import re
import socketserver
import threading
import time

MONTH, DAY = 30 * 86_400, 86_400
KEY, WEBHOOK_SECRET = "sk_test_bench", "whsec_bench"
EMPTY = {"object": "list", "data": [], "has_more": False, "url": "/v1"}


class Stripe(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        self.objects, self.asked = {}, 0
        super().__init__(("127.0.0.1", 0), Answer)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def put(self, path, found):
        self.objects[path] = json.dumps(found).encode()

    def settings(self):
        return {"STRIPE_API_BASE": self.address, "STRIPE_SECRET_KEY": KEY, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET}

    def answer(self, path):
        """An object that was put there; else a list in which nothing is."""
        self.asked += 1
        path, _, query = path.partition("?")
        if intent := re.search(r"payment_intent\]=(\w+)", query):
            path += "/" + intent.group(1)
        if found := self.objects.get(path):
            return found
        last = path.rpartition("/")[2]
        return None if "_" in last and last.split("_")[0] in ("in", "sub", "ch", "cus") else json.dumps(EMPTY).encode()


class Answer(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        while line := self.rfile.readline():
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            found = self.server.answer(line.split()[1].decode())
            status = b"200 OK" if found else b"404 Not Found"
            found = found or b'{"error":{"type":"invalid_request_error","code":"resource_missing"}}'
            self.wfile.write(b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nRequest-Id: req_bench\r\n"
                             b"Content-Length: %d\r\n\r\n%b" % (status, len(found), found))


# ---- objects, with the members that Stripe gives and we read, and some that only take room ---------------

def price(amount=1900):
    return {"id": f"price_{amount}", "object": "price", "active": True, "billing_scheme": "per_unit",
            "created": 1_700_000_000, "currency": "eur", "livemode": False, "lookup_key": None, "metadata": {},
            "nickname": "Starter, monthly", "product": "prod_starter",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed", "meter": None},
            "tax_behavior": "exclusive", "tiers_mode": None, "transform_quantity": None, "type": "recurring",
            "unit_amount": amount, "unit_amount_decimal": str(amount)}


def subscription(name, customer, starts, quantity=1):
    return {"id": name, "object": "subscription", "application": None, "automatic_tax": {"enabled": False},
            "billing_cycle_anchor": starts, "cancel_at": None, "cancel_at_period_end": False, "canceled_at": None,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None},
            "collection_method": "charge_automatically", "created": starts, "currency": "eur", "customer": customer,
            "days_until_due": None, "default_payment_method": None, "default_tax_rates": [], "description": None,
            "discounts": [], "ended_at": None, "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
            "items": {"object": "list", "has_more": False, "total_count": 1, "url": "/v1/subscription_items", "data": [
                {"id": f"si_{name}", "object": "subscription_item", "created": starts, "current_period_start": starts,
                 "current_period_end": starts + MONTH, "discounts": [], "metadata": {}, "price": price(),
                 "quantity": quantity, "subscription": name, "tax_rates": []}]},
            "latest_invoice": None, "livemode": False, "metadata": {}, "next_pending_invoice_item_invoice": None,
            "pause_collection": None, "payment_settings": {"payment_method_options": None, "payment_method_types": None},
            "pending_setup_intent": None, "pending_update": None, "schedule": None, "start_date": starts,
            "status": "active", "test_clock": None, "transfer_data": None, "trial_end": None, "trial_start": None}


def line(name, of, number, amount, starts, item=None):
    parent = ({"type": "invoice_item_details", "invoice_item_details": {
                  "invoice_item": item, "proration": True, "subscription": of}} if item else
              {"type": "subscription_item_details", "subscription_item_details": {
                  "subscription": of, "subscription_item": f"si_{of}", "proration": False, "invoice_item": None}})
    return {"id": f"il_{name}_{number}", "object": "line_item", "amount": amount, "currency": "eur",
            "description": "1 × Starter (at €19.00 / month)", "discount_amounts": [], "discountable": True,
            "discounts": [], "invoice": name, "livemode": False, "metadata": {}, "parent": parent,
            "period": {"start": starts, "end": starts + MONTH}, "pretax_credit_amounts": [],
            "pricing": {"type": "price_details", "price_details": {"price": "price_1900", "product": "prod_starter"},
                        "unit_amount_decimal": str(amount)},
            "quantity": 1, "subtotal": amount, "taxes": []}


def invoice(name, customer, of, at, status="paid", item=None):
    """Of a month; with `item` there is a proration on it, too."""
    lines = [line(name, of, 1, 1900, at)] + ([line(name, of, 2, 700, at, item)] if item else [])
    total = sum(one["amount"] for one in lines)
    paid = total if status == "paid" else 0
    payments = [{"id": f"inpay_{name}", "object": "invoice_payment", "amount_paid": paid or None,
                 "amount_requested": total, "created": at, "currency": "eur", "invoice": name, "is_default": True,
                 "livemode": False, "status": "paid" if paid else "open",
                 "status_transitions": {"canceled_at": None, "paid_at": at + 2 if paid else None},
                 "payment": {"type": "payment_intent", "payment_intent": {
                     "id": f"pi_{name}", "object": "payment_intent", "amount": total, "currency": "eur",
                     "status": "succeeded" if paid else "requires_payment_method"}}}]
    return {"id": name, "object": "invoice", "account_country": "ES", "account_name": "Bench", "amount_due": total,
            "amount_overpaid": 0, "amount_paid": paid, "amount_remaining": total - paid, "amount_shipping": 0,
            "application": None, "attempt_count": int(bool(paid)), "attempted": bool(paid), "auto_advance": False,
            "automatic_tax": {"enabled": False, "status": None, "provider": None, "liability": None},
            "billing_reason": "subscription_cycle", "collection_method": "charge_automatically", "created": at,
            "currency": "eur", "custom_fields": None, "customer": customer, "customer_address": None,
            "customer_email": "person@example.com", "customer_name": "Ada Smith", "customer_tax_exempt": "none",
            "customer_tax_ids": [], "default_payment_method": None, "default_tax_rates": [], "description": None,
            "discounts": [], "due_date": None, "effective_at": at, "ending_balance": 0, "footer": None,
            "hosted_invoice_url": f"https://invoice.stripe.com/i/acct_bench/test_{name}" if status != "draft" else None,
            "invoice_pdf": None, "issuer": {"type": "self"}, "last_finalization_error": None, "latest_revision": None,
            "lines": {"object": "list", "data": lines, "has_more": False, "total_count": len(lines),
                      "url": f"/v1/invoices/{name}/lines"},
            "livemode": False, "metadata": {}, "next_payment_attempt": None,
            "number": f"B-{name}" if status != "draft" else None, "on_behalf_of": None,
            "parent": {"type": "subscription_details", "quote_details": None,
                       "subscription_details": {"subscription": of, "metadata": {}}},
            "payments": {"object": "list", "data": payments if status != "draft" else [], "has_more": False,
                         "url": "/v1/invoice_payments"},
            "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
            "period_start": at - MONTH, "period_end": at, "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0, "receipt_number": None, "starting_balance": 0,
            "statement_descriptor": None, "status": status,
            "status_transitions": {"finalized_at": at + 1 if status != "draft" else None,
                                   "marked_uncollectible_at": None, "paid_at": at + 2 if paid else None,
                                   "voided_at": None},
            "subtotal": total, "subtotal_excluding_tax": total, "test_clock": None, "total": total,
            "total_discount_amounts": [], "total_excluding_tax": total, "total_pretax_credit_amounts": [],
            "total_taxes": [], "webhooks_delivered_at": at}


def charge(of, customer, amount, at):
    return {"id": f"ch_{of}", "object": "charge", "amount": amount, "amount_captured": amount, "amount_refunded": 0,
            "balance_transaction": f"txn_{of}", "billing_details": {"address": {"country": "ES"}, "email": None},
            "captured": True, "created": at, "currency": "eur", "customer": customer, "description": "Subscription update",
            "disputed": False, "failure_code": None, "failure_message": None, "livemode": False, "metadata": {},
            "outcome": {"network_status": "approved_by_network", "reason": None, "risk_level": "normal",
                        "seller_message": "Payment complete.", "type": "authorized"},
            "paid": True, "payment_intent": f"pi_{of}", "payment_method": f"pm_{customer}",
            "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242", "exp_month": 12,
                                                                "exp_year": 2034, "funding": "credit"}},
            "receipt_url": None, "refunded": False, "status": "succeeded"}


def carried(found):
    """As events carry it: what is only there when it is asked for is left out."""
    return {name: member for name, member in found.items() if name != "payments"}


def event(name, kind, found, at, before=None):
    data = {"object": carried(found)} | ({"previous_attributes": before} if before else {})
    return {"id": name, "object": "event", "api_version": "2026-10-28.endive", "created": at, "data": data,
            "livemode": False, "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}, "type": kind}


def renewal(stripe, number, customer, of, at):
    """What Stripe tells when a month of a subscription is paid for, in its order: (event, the objects as
    they are from then on)."""
    name, total = f"in_new{number}", 1900
    drafted, opened, paid = (invoice(name, customer, of, at, status) for status in ("draft", "open", "paid"))
    renewed, paying = subscription(of, customer, at), charge(name, customer, total, at + 2)
    intent = {"id": f"pi_{name}", "object": "payment_intent", "amount": total, "currency": "eur", "customer": customer,
              "created": at + 1, "status": "succeeded"}
    there = {
        "draft": {f"/v1/subscriptions/{of}": renewed, f"/v1/invoices/{name}": drafted},
        "open": {f"/v1/invoices/{name}": opened},
        "paid": {f"/v1/invoices/{name}": paid, f"/v1/charges/ch_{name}": paying,
                 f"/v1/invoice_payments/pi_{name}": EMPTY | {"data": paid["payments"]["data"]}}}
    told = [("customer.subscription.updated", renewed, 0, "draft"), ("invoice.created", drafted, 0, "draft"),
            ("invoice.updated", opened, 1, "open"), ("invoice.finalized", opened, 1, "open"),
            ("payment_intent.created", intent, 1, "open"), ("charge.succeeded", paying, 2, "paid"),
            ("payment_intent.succeeded", intent, 2, "paid"), ("invoice.paid", paid, 2, "paid"),
            ("invoice.payment_succeeded", paid, 2, "paid"),
            ("invoice_payment.paid", paid["payments"]["data"][0], 2, "paid")]
    before = {"items": {"data": []}, "latest_invoice": None}
    return [(event(f"evt_new{number}_{place}", kind, found, at + after, before if place == 0 else None), there[state])
            for place, (kind, found, after, state) in enumerate(told)]


def signed(told, now=None):
    body = json.dumps(told, indent=2)
    now = now or int(time.time())
    signature = hmac.digest(WEBHOOK_SECRET.encode(), f"{now}.{body}".encode(), hashlib.sha256).hex()
    return body, {"Content-Type": "application/json", "Stripe-Signature": f"t={now},v1={signature}"}
