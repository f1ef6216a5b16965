#pragma once
// The built pages inside the binary, with their compressed forms.
#include <string_view>
#include <vector>

namespace app {

struct WebFile {
  std::string_view name;  // "assets/landing-1a2b3c.js", "pages/landing.es.html"
  std::string_view type;
  bool immutable;
  std::string_view policy;  // Content-Security-Policy of its own, or empty
  std::string_view plain, gzip, brotli;
};

/// Sorted by name.
std::vector<WebFile> const& web_files();

}  // namespace app
