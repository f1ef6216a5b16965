#pragma once
// The addresses of pages and files, in the visitor's language and best encoding.
#include "platform/http/endpoint.hpp"

namespace app {

/// Adds all pages, /assets, and the error pages for browsers.
void add_pages(http::Api& api);

}  // namespace app
