#pragma once
// The way back for a tenant that stands still because of money: a mail to its owner with the open
// invoices, sent when it is stopped and when somebody at its address asks for it.
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"
#include "tenants/tenants.hpp"

namespace billing {

/// Mails the tenant's owner the addresses where its open invoices are paid; nothing when there are
/// none, or when that was done within the hour.
struct SendPaymentLink {
  static constexpr std::string_view kind = "billing.send_payment_link";
  std::int64_t tenant_id;
  static constexpr auto fields() {
    return ::fields(field("tenant_id", &SendPaymentLink::tenant_id));
  }
};

void enqueue_payment_link(db::Tx& tx, tenants::TenantId id);

/// POST /pay/{subdomain}.
void add_payment_link_endpoint(http::Api& api);
void add_payment_link_worker(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
