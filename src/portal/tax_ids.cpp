// The VAT number that stands on the customer's invoices from now on. Stripe asks the authority.
#include "billing/tax_ids.hpp"
#include "billing/caution.hpp"
#include "billing/following.hpp"
#include "portal/doors.hpp"
#include "portal/sessions.hpp"

namespace portal {

namespace {
constexpr ProblemType nothing_is_billed{Kind::conflict, "nothing_is_billed",
                                        "Nothing was ever billed through Stripe"};
constexpr ProblemType tax_id_not_found{Kind::not_found, "tax_id_not_found",
                                       "There is no such VAT number"};
constexpr FieldCode not_a_vat_id{
    "not_a_vat_id", "must be a VAT number with its country in front, like ESB12345678"};

struct NewTaxId {
  std::string value;
  static constexpr auto rules() {
    return ::rules(rule(&NewTaxId::value, {.doc = "With its country in front; blanks, dots and "
                                                  "dashes are left out",
                                           .example = "ESB12345678",
                                           .min_length = 1,
                                           .max_length = 30}));
  }
};
struct OneTaxId {
  std::string id;
  static constexpr auto rules() {
    return ::rules(
        rule(&OneTaxId::id, {.doc = "Stripe's id of it", .min_length = 1, .max_length = 100}));
  }
};

std::string without_separators(std::string_view typed) {
  std::string out;
  for (char const c : typed)
    if (c >= 'a' && c <= 'z')
      out += char(c - 'a' + 'A');
    else if (c != ' ' && c != '.' && c != '-')
      out += c;
  return out;
}

bool is_plain(std::string_view value) {
  return value.size() >= 4 && value.size() <= 20 &&
         std::all_of(value.begin(), value.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '*';
         });
}

struct Payer {
  customers::CustomerId id;
  std::string stripe_id;
};
Payer payer(http::Context& context) {
  auto const session = session_to_change(context);
  auto const customer = customers::get(context.tx, session.customer_id);
  context.audit_target = customer.id.text();
  if (!customer.stripe_customer_id) throw Problem{nothing_is_billed};
  return {customer.id, *customer.stripe_customer_id};
}

template <class Work>
http::Nothing change(http::Context& context, Payer const& payer, Work&& work) {
  stripe::Client const client{context.settings};
  stripe::Visit const visit;
  try {
    db::SessionLock const turn{context.worker.connection, "tax-ids:" + payer.stripe_id};
    work(client, "/v1/customers/" + payer.stripe_id + "/tax_ids");
  } catch (stripe::Unavailable const& away) {
    throw Problem{billing::stripe_away, {}, away.what()}.retry_after(10);
  }
  // Done is done: what Stripe does not answer to just now is looked up by a job.
  billing::follow_up(context.worker.connection, client, {{"customer", payer.stripe_id}});
  return {};
}

http::Nothing add(http::Context& context, NewTaxId const& request) {
  auto const value = without_separators(request.value);
  auto const type = billing::tax_id_type(value);
  if (!is_plain(value) || !type) throw refusal(wrong<not_a_vat_id>("/value"));
  auto const who = payer(context);
  context.audit_after.text = json::text(NewTaxId{value});
  return change(context, who, [&](stripe::Client const& client, std::string const& path) {
    // Two tabs, or an answer that was lost: what Stripe has is not given again.
    auto const known = client.get(path, {}, stripe::Patience::visitor);
    for (auto const& one : billing::entries(known, "data"))
      if (stripe::text(one.as_object(), "value") == value) return;
    http_client::Form form;
    form.add("type", *type).add("value", value);
    try {
      client.post(path, form, stripe::key_once("tax-id"), stripe::Patience::visitor);
    } catch (stripe::Refused const&) {
      throw refusal(wrong<not_a_vat_id>("/value"));
    }
  });
}

http::Nothing remove(http::Context& context, OneTaxId const& request) {
  auto const who = payer(context);
  auto const known = billing::tax_ids_of(context.tx, who.id);
  if (std::none_of(known.begin(), known.end(),
                   [&](auto const& one) { return one.id == request.id; }))
    throw Problem{tax_id_not_found};
  context.audit_before.text = json::text(*std::find_if(
      known.begin(), known.end(), [&](auto const& one) { return one.id == request.id; }));
  return change(context, who, [&](stripe::Client const& client, std::string const& path) {
    try {
      client.cancel(path + "/" + request.id);
    } catch (stripe::Refused const& refused) {
      if (refused.status != 404) throw Problem{billing::stripe_away, {}, refused.what()};
    }
  });
}
}  // namespace

void add_tax_id_endpoints(http::Api& api) {
  std::vector<ProblemType> problems{session_over, nothing_is_billed, billing::installation_is_copy,
                                    billing::stripe_away};
  api.add(http::Endpoint<NewTaxId, http::Nothing>{
      .route = "POST /api/portal/tax-ids",
      .summary = "Give a VAT number for the invoices to come",
      .tag = "Portal",
      .audit = "portal.tax_id_given",
      .limit = http::per_minute(10),
      .problems = problems,
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = add,
  });
  problems.push_back(tax_id_not_found);
  api.add(http::Endpoint<OneTaxId, http::Nothing>{
      .route = "DELETE /api/portal/tax-ids/{id}",
      .summary = "Take a VAT number off the invoices to come",
      .tag = "Portal",
      .audit = "portal.tax_id_removed",
      .limit = http::per_minute(10),
      .problems = problems,
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = remove,
  });
}

}  // namespace portal
