// Addresses as bytes, by inet_pton.
#include "platform/http/network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace http {

namespace {
struct Address {
  std::array<unsigned char, 16> bytes{};
  bool is_v4 = false;
};

std::optional<Address> address_of(std::string_view text) {
  std::string const terminated{text};
  Address out;
  out.is_v4 = terminated.find(':') == std::string::npos;
  if (!out.is_v4)
    return inet_pton(AF_INET6, terminated.c_str(), out.bytes.data()) == 1 ? std::optional{out}
                                                                          : std::nullopt;
  out.bytes[10] = out.bytes[11] = 0xff;
  return inet_pton(AF_INET, terminated.c_str(), out.bytes.data() + 12) == 1 ? std::optional{out}
                                                                            : std::nullopt;
}

bool bit(std::array<unsigned char, 16> const& bytes, unsigned at) {
  return bytes[at / 8] >> (7 - at % 8) & 1;
}
}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  auto const slash = text.find('/');
  auto const address = address_of(text.substr(0, slash));
  if (!address) return {};
  Network out;
  out.bytes_ = address->bytes;
  if (slash != std::string_view::npos) {
    auto const digits = text.substr(slash + 1);
    unsigned bits = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc{} || end != digits.data() + digits.size()) return {};
    if (bits > (address->is_v4 ? 32u : 128u)) return {};
    out.bits_ = bits + (address->is_v4 ? 96 : 0);
  }
  for (auto at = out.bits_; at < 128; ++at)
    if (bit(out.bytes_, at)) return {};
  return out;
}

bool Network::contains(std::string_view address) const {
  auto const candidate = address_of(address);
  if (!candidate) return false;
  auto const whole = bits_ / 8;
  if (std::memcmp(bytes_.data(), candidate->bytes.data(), whole) != 0) return false;
  for (auto at = whole * 8; at < bits_; ++at)
    if (bit(bytes_, at) != bit(candidate->bytes, at)) return false;
  return true;
}

std::string network_of(std::string_view address) {
  auto parsed = address_of(address);
  if (!parsed) return std::string{address};
  char text[INET6_ADDRSTRLEN];
  auto& bytes = parsed->bytes;
  static constexpr unsigned char mapped[12]{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(std::begin(mapped), std::end(mapped), bytes.begin())) {
    if (bytes[12] == 127) return std::string{address};
    bytes[15] = 0;
    return std::string{inet_ntop(AF_INET, bytes.data() + 12, text, sizeof text)} + "/24";
  }
  std::fill(bytes.begin() + 6, bytes.end(), static_cast<unsigned char>(0));
  return std::string{inet_ntop(AF_INET6, bytes.data(), text, sizeof text)} + "/48";
}

bool Network::is_v4() const { return bits_ >= 96 && Network{bytes_, 96}.contains("0.0.0.0"); }

bool Network::is_too_wide() const {
  if (is_v4()) return bits_ < 96 + 8;
  // All of IPv4 lies in a small part of IPv6, too.
  return bits_ < 32 || contains("0.0.0.0");
}

bool Network::is_range() const { return bits_ < (is_v4() ? 128u : 64u); }

constexpr FieldCode not_a_network{"not_a_network", "must be an address or a block like 10.0.0.0/8"};

FieldCode const* network_rule(std::string_view text) {
  return Network::parse(text) ? nullptr : &not_a_network;
}

}  // namespace http
