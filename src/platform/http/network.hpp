#pragma once
// Blocks of addresses in CIDR notation, IPv4 and IPv6: whether an address lies in one.
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "platform/types/fields.hpp"

namespace http {

/// IPv4 is kept as IPv6 (::ffff:a.b.c.d), so that one comparison serves both.
class Network {
 public:
  /// "10.0.0.0/8", "2001:db8::/32", or a single address; none when it is neither, or when bits
  /// beyond the prefix are set.
  static std::optional<Network> parse(std::string_view text);
  [[nodiscard]] bool contains(std::string_view address) const;
  /// More than any one provider has: beyond a /8 of IPv4 or a /32 of IPv6.
  [[nodiscard]] bool is_too_wide() const;
  /// More than one visitor can choose from: of IPv6 everybody has a /64.
  [[nodiscard]] bool is_range() const;

 private:
  Network() = default;
  Network(std::array<unsigned char, 16> const& bytes, unsigned bits) : bytes_{bytes}, bits_{bits} {}
  [[nodiscard]] bool is_v4() const;

  std::array<unsigned char, 16> bytes_{};
  unsigned bits_ = 128;
};

/// The network that an address belongs to, as wide as one site gets them: IPv4 /24, IPv6 /48.
/// What is no address stands for itself, and so does each of this machine's own (127.0.0.0/8).
[[nodiscard]] std::string network_of(std::string_view address);

/// For Rules::check of a text that must be a block or an address.
[[nodiscard]] FieldCode const* network_rule(std::string_view text);

}  // namespace http
