// One dispute with all that belongs to it, from the rows of the mirror.
#include "billing/disputes.hpp"

namespace billing {

namespace {
db::Query const find_dispute{"billing.find_dispute",
                             "SELECT id FROM billing_disputes WHERE stripe_dispute_id = $1"};
db::Query const view_dispute{"billing.view_dispute", R"sql(
  SELECT d.id, d.stripe_dispute_id, d.status, d.reason,
         coalesce(o.state #>> '{payment_method_details,card,network_reason_code}',
                  o.state ->> 'network_reason_code') AS network_reason_code,
         d.amount, d.currency, fee.amount AS fee, fee.currency AS fee_currency,
         d.funds_withdrawn, d.funds_reinstated, c.id AS customer_id, c.company,
         c.name AS customer_name, c.email AS customer_email, i.id AS invoice_id,
         i.number AS invoice_number, d.stripe_invoice_id, d.stripe_charge_id, a.at AS paid_at,
         m.type AS method_type, m.brand, m.last4, d.created_at, d.evidence_due_by, d.closed_at,
         CASE WHEN d.status IN ('under_review', 'warning_under_review') THEN 'submitted'
              WHEN d.status NOT IN ('needs_response', 'warning_needs_response') THEN 'decided'
              WHEN d.evidence_due_by < $2 THEN 'overdue'
              ELSE 'none' END AS hindrance,
         coalesce((o.state #>> '{evidence_details,has_evidence}')::boolean, false) AS has_evidence,
         EXISTS (SELECT FROM billing_dispute_orders AS asked
                  WHERE asked.stripe_dispute_id = d.stripe_dispute_id AND asked.outcome IS NULL)
           AS is_being_checked,
         coalesce((o.state #>> '{evidence_details,submission_count}')::bigint, 0)
           AS submission_count,
         hashtext(d.status || coalesce(o.state ->> 'evidence', ''))::bigint + 2147483649 AS version
    FROM billing_disputes AS d JOIN customers AS c ON c.id = d.customer_id
    LEFT JOIN stripe_objects AS o ON o.id = d.stripe_dispute_id
    LEFT JOIN billing_invoices AS i ON i.stripe_invoice_id = d.stripe_invoice_id
    LEFT JOIN billing_attempts AS a ON a.stripe_charge_id = d.stripe_charge_id
    LEFT JOIN payment_methods AS m ON m.stripe_pm_id = a.stripe_pm_id
    LEFT JOIN LATERAL (
      SELECT sum((moved ->> 'fee')::bigint)::bigint AS amount, min(moved ->> 'currency') AS currency
        FROM jsonb_path_query(o.state, '$.balance_transactions[*]') AS moved
       WHERE moved ? 'fee') AS fee ON true
   WHERE d.id = $1
)sql"};
db::Query const tenants_of{"billing.tenants_of_disputed", R"sql(
  SELECT t.id, t.subdomain, t.state::text AS state
    FROM billing_disputes AS d JOIN tenants AS t ON t.customer_id = d.customer_id
   WHERE d.id = $1 AND t.live_at IS NOT NULL ORDER BY t.id
)sql"};
db::Query const texts_of{"billing.evidence_of", R"sql(
  SELECT e.product_description, e.customer_name, e.customer_email_address, e.customer_purchase_ip,
         e.billing_address, e.service_date, e.access_activity_log, e.refund_policy_disclosure,
         e.refund_refusal_explanation, e.cancellation_policy_disclosure, e.cancellation_rebuttal,
         e.duplicate_charge_id, e.duplicate_charge_explanation, e.uncategorized_text
    FROM stripe_objects AS o,
         jsonb_to_record(coalesce(nullif(o.state -> 'evidence', 'null'), '{}')) AS e (
           product_description text, customer_name text, customer_email_address text,
           customer_purchase_ip text, billing_address text, service_date text,
           access_activity_log text, refund_policy_disclosure text,
           refund_refusal_explanation text, cancellation_policy_disclosure text,
           cancellation_rebuttal text, duplicate_charge_id text,
           duplicate_charge_explanation text, uncategorized_text text)
   WHERE o.id = $1
)sql"};
db::Query const files_of{"billing.files_of_dispute", R"sql(
  SELECT given.key
    FROM stripe_objects AS o,
         jsonb_each_text(coalesce(nullif(o.state -> 'evidence', 'null'), '{}')) AS given
   WHERE o.id = $1 AND given.value <> ''
     AND given.key IN ('receipt', 'customer_communication', 'customer_signature',
                       'service_documentation', 'refund_policy', 'cancellation_policy',
                       'duplicate_charge_documentation', 'shipping_documentation',
                       'uncategorized_file')
   ORDER BY given.key
)sql"};

constexpr std::array<std::pair<std::string_view, std::optional<std::string> Evidence::*>, 14> texts{
    {{"product_description", &Evidence::product_description},
     {"customer_name", &Evidence::customer_name},
     {"customer_email_address", &Evidence::customer_email_address},
     {"customer_purchase_ip", &Evidence::customer_purchase_ip},
     {"billing_address", &Evidence::billing_address},
     {"service_date", &Evidence::service_date},
     {"access_activity_log", &Evidence::access_activity_log},
     {"refund_policy_disclosure", &Evidence::refund_policy_disclosure},
     {"refund_refusal_explanation", &Evidence::refund_refusal_explanation},
     {"cancellation_policy_disclosure", &Evidence::cancellation_policy_disclosure},
     {"cancellation_rebuttal", &Evidence::cancellation_rebuttal},
     {"duplicate_charge_id", &Evidence::duplicate_charge_id},
     {"duplicate_charge_explanation", &Evidence::duplicate_charge_explanation},
     {"uncategorized_text", &Evidence::uncategorized_text}}};

DisputeId found(db::Tx& tx, std::string_view id) {
  if (auto const ours = DisputeId::parse(id)) return *ours;
  if (auto const known = tx.maybe<DisputeId>(find_dispute, id)) return *known;
  throw Problem{dispute_not_found};
}
}  // namespace

void each_text(Evidence const& evidence,
               std::function<void(std::string_view name, std::string_view text)> const& each) {
  for (auto const& [name, member] : texts) {
    auto const& text = evidence.*member;
    each(name, text ? std::string_view{*text} : std::string_view{});
  }
}

bool says_something(Evidence const& evidence) {
  bool says = false;
  each_text(evidence, [&](std::string_view, std::string_view text) { says |= !text.empty(); });
  return says;
}

// https://docs.stripe.com/disputes/reason-codes-defense-requirements
std::vector<std::string> what_helps(std::string_view reason) {
  if (reason == "fraudulent" || reason == "unrecognized")
    return {"access_activity_log",    "customer_purchase_ip",
            "customer_name",          "customer_email_address",
            "service_date",           "product_description",
            "customer_communication", "receipt"};
  if (reason == "product_not_received")
    return {"service_date", "access_activity_log", "product_description", "service_documentation",
            "customer_communication"};
  if (reason == "product_unacceptable")
    return {"product_description",        "refund_policy_disclosure", "refund_policy",
            "refund_refusal_explanation", "access_activity_log",      "customer_communication"};
  if (reason == "credit_not_processed")
    return {"refund_refusal_explanation", "refund_policy_disclosure", "refund_policy",
            "cancellation_rebuttal",      "access_activity_log",      "customer_communication"};
  if (reason == "subscription_canceled")
    return {"cancellation_rebuttal", "access_activity_log", "cancellation_policy_disclosure",
            "cancellation_policy",   "service_date",        "customer_communication"};
  if (reason == "duplicate")
    return {"duplicate_charge_explanation", "duplicate_charge_id", "duplicate_charge_documentation",
            "service_date", "receipt"};
  return {"product_description",    "service_date",  "access_activity_log",
          "customer_communication", "customer_name", "customer_email_address",
          "uncategorized_text"};
}

Dispute dispute_in_full(db::Tx& tx, std::string_view id) {
  auto const key = found(tx, id);
  auto facts = tx.maybe<DisputeFacts>(view_dispute, key, clock_source::now());
  if (!facts) throw Problem{dispute_not_found};
  Dispute out;
  static_cast<DisputeFacts&>(out) = std::move(*facts);
  out.tenants = tx.all<DisputeTenant>(tenants_of, key);
  out.evidence = tx.maybe<Evidence>(texts_of, out.stripe_dispute_id).value_or(Evidence{});
  out.files = tx.all<std::string>(files_of, out.stripe_dispute_id);
  out.helps = what_helps(out.reason);
  return out;
}

}  // namespace billing
