// Disputes: opened by a test card, lost by closing them, won by evidence that says so.
#include "sandbox/disputes.hpp"

#include "sandbox/api.hpp"
#include "sandbox/balance_transactions.hpp"

namespace sandbox {

namespace {
Object const dispute_mould = mould(R"({
  "id": "", "object": "dispute", "amount": 0, "balance_transactions": [], "charge": "",
  "created": 0, "currency": "", "enhanced_eligibility_types": [],
  "evidence": {"access_activity_log": null, "billing_address": null, "cancellation_policy": null,
    "cancellation_policy_disclosure": null, "cancellation_rebuttal": null,
    "customer_communication": null, "customer_email_address": null, "customer_name": null,
    "customer_purchase_ip": null, "customer_signature": null,
    "duplicate_charge_documentation": null, "duplicate_charge_explanation": null,
    "duplicate_charge_id": null, "enhanced_evidence": {}, "product_description": null,
    "receipt": null, "refund_policy": null, "refund_policy_disclosure": null,
    "refund_refusal_explanation": null, "service_date": null, "service_documentation": null,
    "shipping_address": null, "shipping_carrier": null, "shipping_date": null,
    "shipping_documentation": null, "shipping_tracking_number": null, "uncategorized_file": null,
    "uncategorized_text": null},
  "evidence_details": {"due_by": 0, "enhanced_eligibility": {}, "has_evidence": false,
    "past_due": false, "submission_count": 0, "submission_method": "manual"},
  "intended_submission_method": null, "is_charge_refundable": false, "livemode": false,
  "metadata": {}, "network_reason_code": "10", "payment_intent": null,
  "payment_method_details": {"card": {"brand": "visa", "case_type": "chargeback", "network": "visa",
    "network_reason_code": "10"}, "type": "card"},
  "reason": "fraudulent", "status": "needs_response"
})");
/// What the bank takes for the work, won or lost.
constexpr std::int64_t dispute_fee = 1'500;
/// Stripe's are from a week to three, as the network has it.
constexpr std::int64_t time_to_answer = 14 * 86'400;

void move_money(Store& store, Object& dispute, std::int64_t amount, std::int64_t fee,
                std::string_view category) {
  dispute["balance_transactions"].as_array().emplace_back(move_account_balance(
      store, {.amount = amount,
              .fee = fee,
              .currency = text(dispute, "currency"),
              .source = text(dispute, "id"),
              .type = "adjustment",
              .reporting_category = category,
              .description = Value("Chargeback of " + text(dispute, "charge"))}));
}

void end_dispute(Store& store, Object& dispute, std::string_view status) {
  auto const before = text(dispute, "status");
  if (before == "won" || before == "lost")
    throw invalid("This dispute is closed: its status is " + before + ".");
  dispute["status"] = status;
  bool const won = status == "won";
  if (won) move_money(store, dispute, number(dispute, "amount"), 0, "dispute_reversal");
  store.save_and_emit(dispute, "charge.dispute.updated");
  store.emit("charge.dispute.closed", dispute);
  if (!won) return;
  store.emit("charge.dispute.funds_reinstated", dispute);
  auto charge = store.load("charge", text(dispute, "charge"));
  charge["_disputed_amount"] = number(charge, "_disputed_amount") - number(dispute, "amount");
  store.save(charge);
}

Object retrieve(Call& call) { return call.store.load("dispute", call.id()); }

Object list(Call& call) {
  Object filter;
  for (auto const name : {"charge", "payment_intent"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "dispute", filter);
}

bool waits(Object const& dispute) {
  auto const status = text(dispute, "status");
  return status == "needs_response" || status == "warning_needs_response";
}

constexpr std::size_t most_evidence = 150'000;

/// Merges what is told; an empty text takes it back.
void keep_evidence(Object& dispute, Object const& told) {
  auto& evidence = dispute["evidence"].as_object();
  for (auto const& [key, value] : told) {
    if (!evidence.contains(key))
      throw invalid("Received unknown parameter: evidence[" + std::string{key} + "]",
                    "evidence[" + std::string{key} + "]", "parameter_unknown");
    bool const is_empty = value.is_string() && value.get_string().empty();
    evidence[key] = is_empty ? Value(nullptr) : value;
  }
  std::size_t letters = 0;
  for (auto const& [key, value] : evidence)
    if (value.is_string()) letters += value.get_string().size();
  if (letters > most_evidence)
    throw invalid("The combined character count of the evidence is more than 150,000.", "evidence");
  dispute["evidence_details"].as_object()["has_evidence"] = letters > 0;
}

Object update(Call& call) {
  auto dispute = call.store.load("dispute", call.id());
  merge_metadata(dispute, call.parameters);
  auto const& told = part(call.parameters, "evidence");
  auto const* asked = at(call.parameters, "submit");
  bool const submits = asked ? truth(call.parameters, "submit") : !told.empty();
  if (submits || !told.empty()) {
    if (!waits(dispute))
      throw invalid("This dispute takes no evidence: its status is " + text(dispute, "status") +
                    ".");
    if (number(dispute, "evidence_details.due_by") < call.store.now)
      throw invalid("The date by which evidence had to be submitted is over.");
    keep_evidence(dispute, told);
  }
  if (!submits) {
    call.store.save_and_emit(dispute, "charge.dispute.updated");
    return dispute;
  }
  auto& details = dispute["evidence_details"].as_object();
  details["submission_count"] = number(details, "submission_count") + 1;
  auto const said = text(dispute, "evidence.uncategorized_text");
  if (said == "winning_evidence" || said == "losing_evidence") {
    end_dispute(call.store, dispute, said == "winning_evidence" ? "won" : "lost");
  } else {
    bool const is_inquiry = text(dispute, "status").starts_with("warning");
    dispute["status"] = is_inquiry ? "warning_under_review" : "under_review";
    call.store.save_and_emit(dispute, "charge.dispute.updated");
  }
  return dispute;
}

Object close(Call& call) {
  auto dispute = call.store.load("dispute", call.id());
  end_dispute(call.store, dispute, "lost");
  return dispute;
}
}  // namespace

Object open_dispute(Store& store, Object& charge, std::int64_t amount, std::string const& reason) {
  auto dispute = dispute_mould;
  dispute["id"] = new_id("du_1");
  dispute["amount"] = amount;
  dispute["charge"] = text(charge, "id");
  dispute["created"] = store.now;
  dispute["currency"] = charge.at("currency");
  dispute["payment_intent"] = charge.at("payment_intent");
  dispute["evidence_details"].as_object()["due_by"] = store.now + time_to_answer;
  if (!reason.empty()) dispute["reason"] = reason;
  move_money(store, dispute, -amount, dispute_fee, "dispute");
  store.insert(dispute);
  charge["disputed"] = true;
  charge["_disputed_amount"] = number(charge, "_disputed_amount") + amount;
  store.save_and_emit(charge, "charge.updated");
  store.emit("charge.dispute.created", dispute);
  store.emit("charge.dispute.funds_withdrawn", dispute);
  return dispute;
}

std::vector<Endpoint> dispute_endpoints() {
  return {
      {"GET", "/v1/disputes", {{"charge"}, {"payment_intent"}}, list, Shape::list},
      {"GET", "/v1/disputes/{id}", {}, retrieve},
      {"POST",
       "/v1/disputes/{id}",
       {{"evidence", Kind::ignored}, {"metadata", Kind::metadata}, {"submit", Kind::boolean}},
       update},
      {"POST", "/v1/disputes/{id}/close", {}, close},
  };
}

}  // namespace sandbox
