#pragma once
// The way back for a tenant that stands still because of money: a mail to its owner with what to
// pay, sent when it is stopped and when somebody at its address asks for it.
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"
#include "tenants/tenants.hpp"

namespace billing {

enum class Occasion {
  asked,    // somebody at its address: once an hour at most, and nothing is charged for it
  stopped,  // it has just been stopped
  paid,     // one invoice was paid, another is open
};
constexpr auto names_of(Occasion) {
  return std::array<std::string_view, 3>{"asked", "stopped", "paid"};
}

/// Mails the tenant's owner what brings it back: invoices that are open, after drafts that are
/// overdue were finalised (and tried, when the owner has paid another one), or the page where a new
/// subscription starts. Nothing when nothing would bring it back.
struct SendPaymentLink {
  static constexpr std::string_view kind = "billing.send_payment_link";
  std::int64_t tenant_id;
  std::optional<Occasion> occasion{};
};

void enqueue_payment_link(db::Tx& tx, tenants::TenantId id, Occasion occasion);

/// POST /pay/{subdomain}.
void add_payment_link_endpoint(http::Api& api);
void add_payment_link_worker(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
