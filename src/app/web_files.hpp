#pragma once
// The built pages inside the binary, with their compressed forms, and where each is found.
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

/// A page's address, as the list of pages declares it (web/build/page-list.mjs).
struct WebRoute {
  std::string_view path;      // "/admin/tenants/{id}"
  std::string_view page;      // "tenant"
  std::string_view leads_to;  // the path of another page instead
  std::string_view list;      // which is shown there
  bool staff_only;
};

std::vector<WebRoute> const& web_routes();

}  // namespace app
