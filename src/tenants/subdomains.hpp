#pragma once
// Which names a tenant may have, which are free, and what to suggest when one is not.
#include "platform/config/config.hpp"
#include "platform/db/db.hpp"

namespace tenants {

enum class SubdomainStatus { free, taken, reserved, invalid };
constexpr auto names_of(SubdomainStatus) {
  return std::array<std::string_view, 4>{"free", "taken", "reserved", "invalid"};
}

struct SubdomainCheck {
  std::string name;
  bool available;
  SubdomainStatus status;
  std::optional<std::string> reason;
  std::vector<std::string> suggestions;
  static constexpr auto rules() {
    return ::rules(rule(&SubdomainCheck::name, {.doc = "Lower-cased"}),
                   rule(&SubdomainCheck::reason,
                        {.doc = "too_short, too_long, bad_characters, bad_start, bad_end, "
                                "bad_hyphens, reserved, taken"}),
                   rule(&SubdomainCheck::suggestions,
                        {.doc = "Up to three free names near the one asked for"}));
  }
};

/// Why the text is no name, or none. 3 to 40 characters, a letter first, then letters, digits and
/// hyphens, no hyphen last, not two in third and fourth place: a DNS label (RFC 1123) that is also
/// a database name.
[[nodiscard]] std::optional<std::string_view> name_problem(std::string_view name);
[[nodiscard]] bool is_reserved(std::string_view name);
/// Names that the installation itself uses below tenant_domain: of the console, of mail, of every
/// other service that its settings name. A tenant there would answer for them.
using OwnNames = std::vector<std::string>;
[[nodiscard]] OwnNames own_names(config::Settings const& settings);
/// A tenant's own former names are free to it (`tenant`: its id, 0 for a new one).
[[nodiscard]] SubdomainCheck check_subdomain(db::Tx& tx, OwnNames const& ours,
                                             std::string_view name, std::int64_t tenant = 0);

/// For Rules::check.
[[nodiscard]] FieldCode const* subdomain_rule(std::string_view name);

}  // namespace tenants
