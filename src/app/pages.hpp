#pragma once
// The addresses of pages and files, in the visitor's language and best encoding.
#include "platform/http/endpoint.hpp"
#include "platform/i18n/i18n.hpp"

namespace app {

/// Adds all pages, /assets, and the error pages for browsers.
void add_pages(http::Api& api);
/// What the front door shows instead of a tenant (tenant_pages.cpp).
void add_tenant_page(http::Api& api, std::string_view name, int status);

/// The visitor's choice, else what the browser prefers.
[[nodiscard]] i18n::Locale language_of(http::Request const& request);
/// A page in the visitor's language with `text`, which is HTML, at each `place`.
[[nodiscard]] http::Response filled_page(std::string_view name, http::Request const& request,
                                         std::string_view place, std::string_view text);

}  // namespace app
