// Forms of values, judged without asking anybody outside.
#include "platform/config/forms.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "platform/json/checks.hpp"

namespace config::forms {

namespace {
/// Told to whoever starts the program and never on a page, so one code is enough.
template <FixedString Sentence>
constexpr FieldCode form{"invalid", Sentence.view()};

bool is_port(std::string_view text) {
  int port = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port > 0 && port < 65536;
}

bool is_address(std::string_view text) {
  std::string const copy{text};
  unsigned char bytes[16];
  return inet_pton(AF_INET, copy.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, copy.c_str(), bytes) == 1;
}

bool is_domain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    auto const label = text.substr(0, text.find('.'));
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    for (char const c : label)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
        return false;
    if (label.size() == text.size()) return true;
    text.remove_prefix(label.size() + 1);
  }
}

/// host, host:port, [v6] or [v6]:port.
bool is_authority(std::string_view text) {
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    auto const end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = text.substr(1, end - 1);
    if (host.find(':') == std::string_view::npos || !is_address(host)) return false;
    if (end + 1 == text.size()) return true;
    return text[end + 1] == ':' && is_port(text.substr(end + 2));
  }
  if (auto const colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (!is_port(port)) return false;
  }
  return is_domain(host);
}

/// What follows "scheme://", or nothing when it begins with none of them.
std::string_view after_scheme(std::string_view text, std::initializer_list<std::string_view> all) {
  for (auto const scheme : all)
    if (text.starts_with(scheme) && text.substr(scheme.size()).starts_with("://"))
      return text.substr(scheme.size() + 3);
  return {};
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c > 0x20 && c != 0x7f; });
}

bool is_url(std::string_view text, std::initializer_list<std::string_view> schemes) {
  auto const rest = after_scheme(text, schemes);
  return !rest.empty() && is_plain(text) && is_authority(rest.substr(0, rest.find_first_of("/?#")));
}

template <class Check>
bool all_of_list(std::string_view text, Check const& check) {
  while (true) {
    auto part = text.substr(0, text.find(','));
    auto const length = part.size();
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!check(part)) return false;
    if (length == text.size()) return true;
    text.remove_prefix(length + 1);
  }
}
}  // namespace

FieldCode const* origin(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  auto const rest = after_scheme(text, {"https", "http"});
  return !rest.empty() && is_authority(rest)
             ? nullptr
             : &form<"must be an address such as https://console.example.com">;
}

FieldCode const* https_url(std::string_view text) {
  return is_url(text, {"https"}) ? nullptr : &form<"must be an address that begins with https://">;
}

FieldCode const* stripe_url(std::string_view text) {
  if (is_url(text, {"https"})) return nullptr;
  auto const rest = after_scheme(text, {"http"});
  auto const host = rest.substr(0, rest.starts_with('[') ? rest.find(']') + 1 : rest.find(':'));
  bool const is_here = host == "127.0.0.1" || host == "[::1]" || host == "localhost";
  return is_here && is_url(text, {"http"})
             ? nullptr
             : &form<"must begin with https://: https://api.stripe.com">;
}

FieldCode const* bucket_url(std::string_view text) {
  auto const rest = after_scheme(text, {"https", "http"});
  auto const slash = rest.find('/');
  return is_url(text, {"https", "http"}) && slash != std::string_view::npos &&
                 slash + 1 < rest.size() && rest[slash + 1] != '/'
             ? nullptr
             : &form<"must be an address with a bucket: https://host/bucket/prefix">;
}

FieldCode const* smtp_url(std::string_view text) {
  auto const rest = after_scheme(text, {"smtps", "smtp"});
  auto authority = rest.substr(0, rest.find('/'));
  if (auto const at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  return !rest.empty() && is_plain(text) && is_authority(authority)
             ? nullptr
             : &form<
                   "must be an address such as smtps://user:password@mail.example.com; what is no "
                   "letter or digit in user and password is written as %40">;
}

FieldCode const* database_url(std::string_view text) {
  return !after_scheme(text, {"postgresql", "postgres"}).empty() ||
                 (text.find('=') != std::string_view::npos && text.find("://") == text.npos)
             ? nullptr
             : &form<"must be an address such as postgresql://user:password@host/database">;
}

FieldCode const* incus_url(std::string_view text) {
  return text.starts_with('/') || text.starts_with("unix:") || is_url(text, {"https"})
             ? nullptr
             : &form<"must be the path of a socket, or an address such as https://host:8443">;
}

FieldCode const* domain(std::string_view text) {
  return is_domain(text) ? nullptr : &form<"must be a domain such as example.com">;
}

FieldCode const* mailbox(std::string_view text) {
  auto const open = text.find('<');
  auto address = text;
  if (open != std::string_view::npos) {
    if (!text.ends_with('>')) return &form<"must be an email address, or Name <address>">;
    address = text.substr(open + 1, text.size() - open - 2);
  }
  bool const is_one_line =
      std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return is_one_line && !checks::account_email(address)
             ? nullptr
             : &form<"must be an email address, or Name <address>">;
}

FieldCode const* stripe_key(std::string_view text) {
  if (text.starts_with("pk_"))
    return &form<"must be the secret key (sk_… or rk_…): this is the publishable one (pk_…)">;
  bool const has_form = (text.starts_with("sk_") || text.starts_with("rk_")) && text.size() > 8;
  return has_form && is_plain(text) ? nullptr
                                    : &form<"must be a secret key of Stripe's (sk_… or rk_…)">;
}

FieldCode const* webhook_secrets(std::string_view text) {
  return is_plain(text) && all_of_list(text,
                                       [](std::string_view part) {
                                         return part.starts_with("whsec_") && part.size() > 6;
                                       })
             ? nullptr
             : &form<
                   "must be a signing secret of the webhook endpoint (whsec_…), or several with "
                   "commas "
                   "between them">;
}

FieldCode const* address(std::string_view text) {
  return text == "*" || is_address(text) ? nullptr
                                         : &form<
                                               "must be a numeric address of this machine: "
                                               "127.0.0.1, 0.0.0.0 for all of IPv4, :: "
                                               "for all of IPv6">;
}

FieldCode const* addresses(std::string_view text) {
  return all_of_list(text, is_address)
             ? nullptr
             : &form<
                   "must be numeric addresses with commas between them: 203.0.113.9, 2001:db8::9">;
}

FieldCode const* address_and_port(std::string_view text) {
  auto const colon = text.find(':');
  return is_address(text.substr(0, colon)) &&
                 (colon == std::string_view::npos || is_port(text.substr(colon + 1)))
             ? nullptr
             : &form<"must be an IPv4 address, with a port where it is not 53: 127.0.0.1:53">;
}

FieldCode const* socket(std::string_view text) {
  auto const colon = text.rfind(':');
  if (text.starts_with('/')) return nullptr;
  return colon != std::string_view::npos && is_authority(text)
             ? nullptr
             : &form<
                   "must be the path of a socket, or "
                   "127.0.0.1:port">;
}

FieldCode const* word(std::string_view text) {
  bool const fits = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
  return fits && !text.starts_with('.') && !text.starts_with('-')
             ? nullptr
             : &form<"must be a word of letters, digits, '-', '_' and '.'">;
}

}  // namespace config::forms
