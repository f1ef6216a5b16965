#pragma once
// What visitors see while something behind the front door does not answer: in Spanish and English,
// calm, and reloading by itself.
#include <string>
#include <string_view>

namespace haproxy {

struct Page {
  std::string_view file;  // name below the pages directory
  std::string html;
};

/// The console (or the public page) is starting again.
[[nodiscard]] Page program_page();
/// One tenant is starting.
[[nodiscard]] Page tenant_page();
/// The browser sends more cookies to the console than anybody set there on purpose; the answer
/// makes it forget them.
[[nodiscard]] Page cookies_page();
/// Content-Security-Policy that allows the style in these pages and nothing else.
[[nodiscard]] std::string page_policy();

}  // namespace haproxy
