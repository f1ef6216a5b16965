#pragma once
// Which host names may be a customer's own domain, and the form in which they are kept.
#include "platform/config/config.hpp"

namespace domains {

/// As it stands in DNS: lower case, without a final dot, international names in their ASCII form
/// (IDNA 2008). Throws Problem{validation_failed} about /domain: not_a_domain, wildcard, address,
/// reserved, own_domain.
[[nodiscard]] std::string read_domain(std::string_view typed, config::Settings const& settings);

/// As people read it: bücher.example for xn--bcher-kva.example.
[[nodiscard]] std::string readable(std::string const& domain);

/// Whether the name is the platform's or below it.
[[nodiscard]] bool is_own(std::string const& name, config::Settings const& settings);

}  // namespace domains
