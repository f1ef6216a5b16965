// Disputes: opened by a test card, lost by closing them, won by evidence that says so.
#include "sandbox/disputes.hpp"

#include "sandbox/api.hpp"

namespace sandbox {

namespace {
void end_dispute(Store& store, Object& dispute, std::string_view status) {
  dispute["status"] = status;
  dispute["is_charge_refundable"] = false;
  store.save_and_emit(dispute, "charge.dispute.updated");
  store.emit("charge.dispute.closed", dispute);
  if (status == "won") store.emit("charge.dispute.funds_reinstated", dispute);
}

Object retrieve(Call& call) { return call.store.load("dispute", call.id()); }

Object list(Call& call) {
  Object filter;
  for (auto const name : {"charge", "payment_intent"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "dispute", filter);
}

Object update(Call& call) {
  auto dispute = call.store.load("dispute", call.id());
  merge_metadata(dispute, call.parameters);
  for (auto const& [key, value] : part(call.parameters, "evidence"))
    dispute["evidence"].as_object()[key] = value;
  auto const said = text(dispute, "evidence.uncategorized_text");
  if (said == "winning_evidence" || said == "losing_evidence") {
    end_dispute(call.store, dispute, said == "winning_evidence" ? "won" : "lost");
  } else {
    if (truth(call.parameters, "submit")) dispute["status"] = "under_review";
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

void open_dispute(Store& store, Object& charge) {
  Object const dispute{
      {"id", new_id("du_1")},
      {"object", "dispute"},
      {"amount", charge.at("amount")},
      {"balance_transactions", Array{}},
      {"charge", text(charge, "id")},
      {"created", store.now},
      {"currency", charge.at("currency")},
      {"enhanced_eligibility_types", Array{}},
      {"evidence", Object{}},
      {"evidence_details", Object{{"due_by", store.now + 7 * 86'400},
                                  {"enhanced_eligibility", Object{}},
                                  {"has_evidence", false},
                                  {"past_due", false},
                                  {"submission_count", 0}}},
      {"is_charge_refundable", false},
      {"livemode", false},
      {"metadata", Object{}},
      {"payment_intent", charge.at("payment_intent")},
      {"payment_method_details", Object{{"card", Object{{"brand", "visa"},
                                                        {"case_type", "chargeback"},
                                                        {"network_reason_code", "10"}}},
                                        {"type", "card"}}},
      {"reason", "fraudulent"},
      {"status", "needs_response"}};
  store.insert(dispute);
  charge["disputed"] = true;
  store.save_and_emit(charge, "charge.updated");
  store.emit("charge.dispute.created", dispute);
  store.emit("charge.dispute.funds_withdrawn", dispute);
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
