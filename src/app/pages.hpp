#pragma once
// The addresses of pages and files, in the visitor's language and best encoding.
#include "platform/http/endpoint.hpp"
#include "platform/i18n/i18n.hpp"
#include "platform/settings/groups.hpp"

namespace app {

/// Adds all pages, /assets, and the error pages for browsers. Pages for visitors show what staff
/// have chosen for them.
void add_pages(http::Api& api, settings::Groups const& groups);
/// What the front door shows instead of a tenant (tenant_pages.cpp).
void add_tenant_page(http::Api& api, std::string_view name, int status);

/// The address of the page that shows a list; empty: none does.
[[nodiscard]] std::string_view page_of_list(std::string_view list);

/// The visitor's choice, else what the browser prefers.
[[nodiscard]] i18n::Locale language_of(http::Request const& request);
/// HTML by the name of its place: {"notice", "<p>…</p>"} goes to {{notice}}.
using Places = std::map<std::string, std::string, std::less<>>;
/// A page in the visitor's language with what stands at its places.
[[nodiscard]] http::Response filled_page(std::string_view name, http::Request const& request,
                                         Places const& places);

}  // namespace app
