#pragma once
// Money that should have gone back and did not: shown until it has, tried again when a person says
// so, or settled by that person in another way.
#include "customers/customers.hpp"
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"
#include "stripe/stripe.hpp"
#include "tenants/tenants.hpp"

namespace billing {

/// A refund that came back to us is made once more.
struct RefundAgain {
  static constexpr std::string_view kind = "billing.refund_again";
  std::string refund_id;
};

struct Owed {
  std::string subject;  // one finding is open for each
  std::optional<tenants::TenantId> tenant_id;
  i18n::Message message;
  std::string job_kind, job_payload;                   // what tries again
  std::optional<customers::CustomerId> customer_id{};  // needed where there is no tenant
};
void write_owed(db::Tx& tx, Owed const& owed);

template <class Args>
void write_owed(db::Tx& tx, std::string subject, std::optional<tenants::TenantId> tenant,
                i18n::Message message, Args const& args,
                std::optional<customers::CustomerId> customer = {}) {
  write_owed(tx, Owed{std::move(subject), tenant, std::move(message), std::string{Args::kind},
                      json::text(args), customer});
}

/// What a job that gave up leaves behind, in the words of what answered last.
inline constexpr i18n::Code<"gave_up", "{answer}"> gave_up;

/// It has gone back, or nothing is owed any more.
void settle_owed(db::Tx& tx, std::string_view subject);

/// How often people had it tried again. Stripe repeats its answer to a key: another try needs
/// another one.
[[nodiscard]] std::int64_t times_tried(db::Tx& tx, std::string_view subject);

/// Stripe says that a refund, which has its row, has failed: what it was to give back is owed.
void follow_refund(db::Tx& tx, stripe::Object const& refund);

void add_owed_endpoints(http::Api& api);
void add_owed_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
