#pragma once
// Where the world and the rows do not agree: rows of world_findings.
#include "platform/json/problem.hpp"
#include "platform/list/list.hpp"
#include "tenants/tenants.hpp"

namespace provisioning {

using FindingId = Id<"fnd">;

enum class Resolution { adopt, heal, destroy, ignore };
constexpr auto names_of(Resolution) {
  return std::array<std::string_view, 4>{"adopt", "heal", "destroy", "ignore"};
}

enum class FindingKind { orphan, ghost, drift, stranger };
constexpr auto names_of(FindingKind) {
  return std::array<std::string_view, 4>{"orphan", "ghost", "drift", "stranger"};
}

inline constexpr ProblemType finding_not_found{Kind::not_found, "finding_not_found",
                                               "There is no such open finding"};

struct Finding {
  FindingId id;
  FindingKind kind;
  std::string subject, name;
  i18n::Message message;
  std::optional<tenants::TenantId> tenant_id;
  std::vector<Resolution> actions;
  Time first_seen, last_seen;
  std::optional<Time> resolved_at;
  std::optional<std::string> resolved_by;
  std::optional<Resolution> resolution;
  static constexpr auto fields() {
    return ::fields(
        field("id", &Finding::id), field("kind", &Finding::kind),
        field(
            "subject", &Finding::subject,
            {.doc = "instance, route, database, role, directory, state, limits, archive, archives, "
                    "backup, backup_target or predecessor"}),
        field("name", &Finding::name), field("message", &Finding::message),
        field("tenant_id", &Finding::tenant_id),
        field("actions", &Finding::actions, {.doc = "What can be done about it"}),
        field("first_seen", &Finding::first_seen), field("last_seen", &Finding::last_seen),
        field("resolved_at", &Finding::resolved_at), field("resolved_by", &Finding::resolved_by),
        field("resolution", &Finding::resolution));
  }
};

/// What one inspection saw; write() keeps what is new, refreshes what is known and closes what has
/// gone by itself.
class Findings {
 public:
  explicit Findings(std::string provisioner) : provisioner_{std::move(provisioner)} {}
  void add(std::string_view kind, std::string_view subject, std::string const& name,
           std::optional<tenants::TenantId> tenant, i18n::Message message);
  void write(db::Tx& tx) const;

 private:
  struct Seen {
    std::string kind, subject, name;
    i18n::Message message;
    std::optional<tenants::TenantId> tenant;
  };
  std::string provisioner_;
  std::vector<Seen> seen_;
};

/// Names of open findings that were first seen before then.
[[nodiscard]] std::vector<std::string> shown_since(db::Tx& tx, std::string_view provisioner,
                                                   std::string_view subject, Time since);
[[nodiscard]] list::List finding_list();
[[nodiscard]] std::optional<Finding> find_open(db::Tx& tx, FindingId id);
/// Throws Problem{finding_not_found}.
[[nodiscard]] Finding open_finding(db::Tx& tx, FindingId id);
void close_finding(db::Tx& tx, FindingId id, Resolution resolution, std::string_view by);
/// What it shows is somebody's by now.
void dismiss_finding(db::Tx& tx, FindingId id);

}  // namespace provisioning
