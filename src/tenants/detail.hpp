#pragma once
// One tenant in full, as every door that shows or changes it answers.
#include "tenants/list.hpp"

namespace tenants {

struct OneTenant {
  TenantId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneTenant::id, {.doc = "Id of the tenant", .example = "ten_1"}));
  }
};

struct FailureView {
  std::string code;
  std::optional<std::string> detail;
  std::int64_t attempt;
  std::optional<Time> retry_at;
};

struct HoldView {
  Hold reason;
  Time placed_at;
  std::string placed_by;
  std::optional<std::string> note;
  std::optional<i18n::Message> message;
  std::optional<Time> expires_at;
  static constexpr auto rules() {
    return ::rules(rule(&HoldView::note, {.doc = "Of whoever placed it"}),
                   rule(&HoldView::message, {.doc = "Why, where nobody had to say it"}),
                   rule(&HoldView::expires_at, {.doc = "null: until it is released"}));
  }
};
[[nodiscard]] std::vector<HoldView> holds_in_full(db::Tx& tx, TenantId id);

struct AliasView {
  std::string subdomain;
  Time expires_at;
  static constexpr auto rules() {
    return ::rules(rule(&AliasView::subdomain, {.doc = "A former name, which leads here"}));
  }
};

struct MaintenanceView {
  bool active;
  std::optional<Time> from, until;
  std::optional<std::string> message;
  static constexpr auto rules() {
    return ::rules(rule(&MaintenanceView::active, {.doc = "Its address shows the page now"}),
                   rule(&MaintenanceView::message, {.doc = "What visitors read"}));
  }
};
[[nodiscard]] MaintenanceView maintenance_of(Tenant const& tenant);

struct QuotaView {
  std::optional<std::int64_t> used_mib;
  std::int64_t limit_mib;
  std::optional<Time> warned_at, deadline;
  static constexpr auto rules() {
    return ::rules(rule(&QuotaView::used_mib, {.doc = "At the last look; null: not looked yet"}),
                   rule(&QuotaView::deadline, {.doc = "When it is held for being too full"}));
  }
};

enum class Warning { storage_nearly_full, storage_over_limit };
constexpr auto names_of(Warning) {
  return std::array<std::string_view, 2>{"storage_nearly_full", "storage_over_limit"};
}

struct TenantDetail : TenantView {
  MaintenanceView maintenance_window;
  std::int64_t version, plan_quantity, max_users, storage_limit_mib, memory_limit_mib,
      cpu_limit_percent, process_limit;
  bool limits_applied;
  std::optional<i18n::Message> limits_problem;
  std::string blueprint;
  std::vector<HoldView> holds_detail;
  std::vector<AliasView> aliases;
  std::optional<Time> archived_at, restorable_until, delete_requested_at;
  std::optional<std::string> application_version, member;
  std::optional<TenantId> cloned_from;
  QuotaView quota;
  std::vector<Warning> warnings;
  std::vector<Step> steps;
  std::optional<FailureView> failure;
  static constexpr auto fields() {
    using D = TenantDetail;
    return std::tuple_cat(
        TenantView::common_fields(),
        ::fields(field("maintenance", &D::maintenance_window),
                 field("version", &D::version, {.doc = "The number in the ETag"}),
                 field("plan_quantity", &D::plan_quantity,
                       {.doc = "It has its plan, and the plan's limits, so many times"}),
                 field("max_users", &D::max_users),
                 field("storage_limit_mib", &D::storage_limit_mib),
                 field("memory_limit_mib", &D::memory_limit_mib),
                 field("cpu_limit_percent", &D::cpu_limit_percent),
                 field("process_limit", &D::process_limit),
                 field("limits_applied", &D::limits_applied,
                       {.doc = "The running application has what stands here"}),
                 field("limits_problem", &D::limits_problem, {.doc = "What keeps it from that"}),
                 field("blueprint", &D::blueprint), field("holds_detail", &D::holds_detail),
                 field("aliases", &D::aliases), field("archived_at", &D::archived_at),
                 field("restorable_until", &D::restorable_until),
                 field("delete_requested_at", &D::delete_requested_at),
                 field("application_version", &D::application_version),
                 field("member", &D::member, {.doc = "The machine of the cluster it runs on"}),
                 field("cloned_from", &D::cloned_from), field("quota", &D::quota),
                 field("warnings", &D::warnings), field("steps", &D::steps),
                 field("failure", &D::failure,
                       {.doc = "Why it was not built, or does not leave its state"})));
  }
};

[[nodiscard]] TenantDetail detail(db::Tx& tx, config::Settings const& settings, TenantId id);
/// With its version as the ETag of the answer.
[[nodiscard]] TenantDetail detail_with_version(http::Context& context, TenantId id);

inline constexpr ProblemType storage_below_use{
    Kind::invalid, "storage_below_use", "More storage is in use now than the new limit leaves"};
/// Bytes on disk at the last look.
[[nodiscard]] std::optional<std::int64_t> disk_in_use(db::Tx& tx, TenantId id);

/// Dangerous things ask for the name of what they are done to; throws with every wrong field.
void require_confirmation(Tenant const& tenant, std::string_view pointer,
                          std::optional<std::string> const& given);

}  // namespace tenants
