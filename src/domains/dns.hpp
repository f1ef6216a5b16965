#pragma once
// Where a name leads, and whether that is here.
#include <string>
#include <vector>

#include "platform/config/config.hpp"

namespace domains {

struct Lookup {
  enum class Outcome { found, no_such_name, no_address, unreachable };
  Outcome outcome = Outcome::unreachable;
  std::vector<std::string> aliases;    // the names that CNAME records lead to, in their order
  std::vector<std::string> addresses;  // of IPv4 and IPv6, as text
};
/// Asks `server` ("address:port", IPv4), or this machine's resolver when it is empty.
[[nodiscard]] Lookup look_up(std::string const& name, std::string const& server);

/// What a look at a customer's domain says.
struct Verdict {
  bool is_right = false;
  /// When it is not right: no_such_name, no_address, wrong_name, points_elsewhere, target_unknown
  /// (our own name has no address), dns_unreachable (then nothing is known).
  std::string problem;
  std::string found;  // the name or the addresses that it leads to instead
};
/// Right when a CNAME leads to a name of the platform, or all addresses are ours: those of the
/// setting domain_addresses, else of `host`, the tenant's own name.
[[nodiscard]] Verdict diagnose(std::string const& domain, std::string const& host,
                               config::Settings const& settings);

}  // namespace domains
