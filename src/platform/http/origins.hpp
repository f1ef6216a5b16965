#pragma once
// Which pages may act for the person who looks at them: those of public_url and of allowed_origins,
// whatever the Host is that a proxy in front makes up.
#include <vector>

#include "platform/config/config.hpp"
#include "platform/http/message.hpp"

namespace http {

class Origins {
 public:
  explicit Origins(config::Settings const& settings);
  /// Whether the request's Origin header names one of them. A browser sends one with everything
  /// that a page of another site could bring about.
  [[nodiscard]] bool has(Request const& request) const;

 private:
  std::vector<std::string> own_;
  bool any_host_;
};

/// The page and what it asks for have one address, as far as the Host header tells.
[[nodiscard]] bool is_from_its_host(Request const& request);

}  // namespace http
