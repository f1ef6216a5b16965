// Origins are compared in the one spelling that browsers use.
#include "platform/http/origins.hpp"

#include <algorithm>

#include "platform/text/origin.hpp"

namespace http {

Origins::Origins(config::Settings const& settings) : any_host_{settings.any_host} {
  std::string_view rest{settings.allowed_origins};
  auto const add = [this](std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    if (auto origin = origin_of(text)) own_.push_back(std::move(*origin));
  };
  add(settings.public_url);
  while (!rest.empty()) {
    auto const comma = std::min(rest.find(','), rest.size());
    add(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
}

bool Origins::has(Request const& request) const {
  auto const origin = origin_of(request.header("origin"));
  if (!origin) return false;
  return std::find(own_.begin(), own_.end(), *origin) != own_.end() ||
         (any_host_ && is_from_its_host(request));
}

bool is_from_its_host(Request const& request) {
  auto const origin = origin_of(request.header("origin"));
  if (!origin) return false;
  bool const secure = origin->starts_with("https:");
  if (request.secure && !secure) return false;
  return origin ==
         origin_of((secure ? "https://" : "http://") + std::string{request.header("host")});
}

}  // namespace http
