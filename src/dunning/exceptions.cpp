// What staff have agreed with a customer: nothing comes while it is paused, nor before a day.
#include "dunning/cases.hpp"
#include "dunning/dunning.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/json/checks.hpp"

namespace dunning {

namespace {
constexpr ProblemType customer_not_found{Kind::not_found, "customer_not_found",
                                         "There is no such customer"};

struct OneCustomer {
  customers::CustomerId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneCustomer::id, {.doc = "Id of the customer"}));
  }
};
struct DunningException {
  bool is_paused = false;
  std::optional<Time> not_before;
  std::optional<std::string> note;
  std::int64_t version = 0;
  std::optional<Time> changed_at;
  std::optional<std::string> changed_by;
  static constexpr auto rules() {
    return ::rules(
        rule(&DunningException::is_paused, {.doc = "No step is taken, and none suspends it"}),
        rule(&DunningException::not_before,
             {.doc = "No step is taken before, and none suspends it"}),
        rule(&DunningException::note, {.doc = "For colleagues"}),
        rule(&DunningException::version, {.doc = "For If-Match; 0: nothing was ever agreed"}));
  }
};
struct Wanted {
  customers::CustomerId id;
  bool is_paused = false;
  std::optional<Time> not_before;
  std::optional<std::string> note;
  static constexpr auto rules() {
    return ::rules(
        rule(&Wanted::id, {.doc = "Id of the customer"}),
        rule(&Wanted::is_paused, {.doc = "Until this is taken back no step is taken, and what was "
                                         "suspended by one runs"}),
        rule(&Wanted::not_before, {.doc = "No step is taken before; null: no such day"}),
        rule(&Wanted::note, {.doc = "What was agreed, for colleagues",
                             .max_length = 500,
                             .check = checks::one_line}));
  }
};

db::Query const customer_exists{"dunning.customer_exists",
                                "SELECT EXISTS (SELECT 1 FROM customers WHERE id = $1)"};
constexpr auto columns = "is_paused, not_before, note, version, changed_at, changed_by";
db::Query const load_exception{"dunning.exception", std::string{"SELECT "} + columns +
                                                        " FROM dunning_exceptions WHERE "
                                                        "customer_id = $1"};
db::Query const lock_customer{"dunning.lock_customer",
                              "SELECT id FROM customers WHERE id = $1 FOR NO KEY UPDATE"};
db::Query const write_exception{"dunning.write_exception", std::string{R"sql(
  INSERT INTO dunning_exceptions AS x
         (customer_id, is_paused, not_before, note, version, changed_at, changed_by)
  VALUES ($1, $2, $3, $4, 1, $5, $6)
  ON CONFLICT (customer_id) DO UPDATE
     SET is_paused = excluded.is_paused, not_before = excluded.not_before, note = excluded.note,
         version = x.version + 1, changed_at = excluded.changed_at,
         changed_by = excluded.changed_by
  RETURNING )sql"} + columns};
db::Query const tenants_with_case{"dunning.tenants_with_case", R"sql(
  SELECT c.tenant_id FROM dunning_cases c JOIN tenants t ON t.id = c.tenant_id
   WHERE t.customer_id = $1 AND c.closed_at IS NULL ORDER BY c.tenant_id
)sql"};

DunningException read(http::Context& context, OneCustomer const& request) {
  if (!context.tx.one<bool>(customer_exists, request.id)) throw Problem{customer_not_found};
  auto found =
      context.tx.maybe<DunningException>(load_exception, request.id).value_or(DunningException{});
  http::add_version(context.response, found.version);
  return found;
}

DunningException write(http::Context& context, Wanted const& wanted) {
  auto& tx = context.tx;
  if (!tx.maybe<customers::CustomerId>(lock_customer, wanted.id)) throw Problem{customer_not_found};
  auto const before =
      tx.maybe<DunningException>(load_exception, wanted.id).value_or(DunningException{});
  http::require_version(context.request, before.version, {json::text(before)});
  auto const now = clock_source::now();
  auto after = tx.one<DunningException>(write_exception, wanted.id, wanted.is_paused,
                                        wanted.not_before, wanted.note, now, context.actor.label());
  context.audit_target = wanted.id.text();
  context.audit_before.text = json::text(before);
  context.audit_after.text = json::text(after);
  context.audit_reason = wanted.note.value_or("");
  for (auto const id : tx.all<tenants::TenantId>(tenants_with_case, wanted.id)) {
    static_cast<void>(brought_up(tx, id, now));
    // What a step has suspended runs again, or stands still again.
    jobs::enqueue(tx, RightChanged{id.value}, {.dedupe_key = std::to_string(id.value)});
  }
  http::add_version(context.response, after.version);
  return after;
}
}  // namespace

void add_exception_endpoints(http::Api& api) {
  api.add(http::Endpoint<OneCustomer, DunningException>{
      .route = "GET /api/customers/{id}/dunning",
      .summary = "Read what was agreed about a customer's unpaid invoices",
      .tag = "Billing",
      .scope = "billing:read",
      .problems = {customer_not_found},
      .handle = read,
  });
  api.add(http::Endpoint<Wanted, DunningException>{
      .route = "PUT /api/customers/{id}/dunning",
      .summary = "Pause the steps about a customer's unpaid invoices, or put them off to a day",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "dunning.exception_changed",
      .problems = {customer_not_found, http::version_required, http::version_outdated},
      .handle = write,
  });
}

}  // namespace dunning
