// Names by libidn2; what is refused is refused with its reason.
#include "domains/names.hpp"

#include <arpa/inet.h>
#include <idn2.h>

#include <memory>

#include "platform/config/hosts.hpp"
#include "platform/json/problem.hpp"

namespace domains {

namespace {
struct Freed {
  void operator()(char* text) const { idn2_free(text); }
};
using Text = std::unique_ptr<char, Freed>;

/// Names that are never reached from outside (RFC 6761, RFC 6762, RFC 8375, RFC 7686, ICANN).
constexpr std::string_view never_public[]{"localhost", "local",   "internal", "arpa",
                                          "onion",     "invalid", "lan",      "home"};

constexpr FieldCode wildcard{
    "wildcard", "must be one name: certificates for all names below one are not made here"};
constexpr FieldCode address{"address", "must be a name, not an IP address"};
constexpr FieldCode not_a_domain{
    "not_a_domain", "must be a domain such as shop.example.com, without https:// or a path"};
constexpr FieldCode own_domain{"own_domain", "must not be a name of this platform"};
constexpr FieldCode never_reached{"never_reached",
                                  "must be a name that can be reached from the Internet"};

template <FieldCode const& code>
[[noreturn]] void refuse() {
  throw refusal(wrong<code>("/domain"));
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

bool is_host_name(std::string_view name) {
  if (name.size() > 253 || name.find('.') == std::string_view::npos) return false;
  while (true) {
    auto const dot = name.find('.');
    auto const label = name.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos)  // no top-level domain is a number
      return label.find_first_not_of("0123456789") != std::string_view::npos;
    name.remove_prefix(dot + 1);
  }
}

bool is_at_or_below(std::string_view name, std::string_view parent) {
  return name == parent || (name.size() > parent.size() && name.ends_with(parent) &&
                            name[name.size() - parent.size() - 1] == '.');
}
}  // namespace

bool is_own(std::string const& name, config::Settings const& settings) {
  auto const console = config::host_of(settings.public_url);
  // What lies above them, too: it could set cookies for the console and for every tenant.
  return is_at_or_below(name, settings.tenant_domain) || is_at_or_below(name, console) ||
         is_at_or_below(settings.tenant_domain, name) || is_at_or_below(console, name);
}

std::string read_domain(std::string_view typed, config::Settings const& settings) {
  std::string name{typed};
  if (name.ends_with('.')) name.pop_back();
  if (name.starts_with('*')) refuse<wildcard>();
  in6_addr ignored;
  if (inet_pton(AF_INET, name.c_str(), &ignored) == 1 ||
      inet_pton(AF_INET6, name.c_str(), &ignored) == 1)
    refuse<address>();
  char* ascii = nullptr;
  int const status = idn2_to_ascii_8z(name.c_str(), &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  Text const held{ascii};
  if (status != IDN2_OK || !is_host_name(ascii)) refuse<not_a_domain>();
  name = ascii;
  if (is_own(name, settings)) refuse<own_domain>();
  for (auto const parent : never_public)
    if (is_at_or_below(name, parent)) refuse<never_reached>();
  return name;
}

std::string readable(std::string const& domain) {
  char* text = nullptr;
  if (idn2_to_unicode_8z8z(domain.c_str(), &text, 0) != IDN2_OK) return domain;
  return Text{text}.get();
}

}  // namespace domains
