#pragma once
// The pages that people see: checkout, authentication, invoices, and the staff's overview.
#include <latch>

#include "platform/http/route.hpp"
#include "sandbox/engine.hpp"
#include "sandbox/html.hpp"

namespace sandbox {

/// Adds all pages and their stylesheet and script. `ready` opens when the address is known.
void add_pages(http::Router& router, Engine& engine, std::latch const& ready);
/// A page with one sentence.
[[nodiscard]] http::Response plain_page(int status, std::string_view sentence);

/// The simulated 3-D Secure question: approve or fail.
struct Question {
  Locale locale;
  std::string merchant, amount, action, token, form_target;
};
[[nodiscard]] http::Response authentication_page(Question const& question);
/// The same question for a payment or setup intent made through the API or an invoice.
[[nodiscard]] http::Response intent_authentication(Engine& engine, db::Connection& connection,
                                                   http::Request const& request);

/// A finalized invoice: shown, and paid when it is open.
[[nodiscard]] http::Response invoice_page(Engine& engine, db::Connection& connection,
                                          http::Request const& request);
[[nodiscard]] http::Response invoice_pdf(Engine& engine, db::Connection& connection,
                                         http::Request const& request);
[[nodiscard]] http::Response receipt_page(Engine& engine, db::Connection& connection,
                                          http::Request const& request);

/// GET /sandbox and the buttons on it.
[[nodiscard]] http::Response overview_page(Engine& engine, db::Connection& connection,
                                           http::Request const& request);
[[nodiscard]] http::Response overview_action(Engine& engine, db::Connection& connection,
                                             http::Request const& request);

}  // namespace sandbox
