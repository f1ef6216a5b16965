// Read by Boost.URL; what an origin cannot have is refused.
#include "platform/text/origin.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

std::optional<std::string> origin_of(std::string_view text) {
  auto const url = boost::urls::parse_uri(boost::core::string_view{text.data(), text.size()});
  if (!url || url->has_userinfo() || url->has_query() || url->has_fragment() ||
      url->encoded_host().empty() || (url->encoded_path() != "" && url->encoded_path() != "/"))
    return {};
  bool const secure = url->scheme_id() == boost::urls::scheme::https;
  if (!secure && url->scheme_id() != boost::urls::scheme::http) return {};
  // Digits by the grammar, but as many as somebody likes.
  auto const digits = std::string{url->port()};
  auto const port = digits.empty() || digits.size() > 5 ? 0 : std::stoi(digits);
  if (url->has_port() && (port < 1 || port > 65535)) return {};
  std::string out = secure ? "https://" : "http://";
  for (char const c : url->encoded_host()) out += c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  if (out.find_first_of("%,;!$&'()*+=~") != std::string::npos) return {};
  if (url->has_port() && port != (secure ? 443 : 80)) out += ':' + std::to_string(port);
  return out;
}
