// Without a full parser of addresses: what follows scheme and person, up to port or path.
#include "platform/config/hosts.hpp"

namespace config {

std::string host_of(std::string_view address) {
  if (auto const scheme = address.find("://"); scheme != std::string_view::npos)
    address = address.substr(scheme + 3).substr(0, address.substr(scheme + 3).find_first_of("/?#"));
  if (auto const at = address.rfind('@'); at != std::string_view::npos)
    address.remove_prefix(at + 1);
  address = address.starts_with('[') ? address.substr(0, address.find(']') + 1)
                                     : address.substr(0, address.find_first_of(":/?#> "));
  if (address.ends_with('.')) address.remove_suffix(1);
  std::string host{address};
  for (char& c : host)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return host;
}

}  // namespace config
