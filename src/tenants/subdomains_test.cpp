// The rules of names.
#include "tenants/subdomains.hpp"

#include <doctest/doctest.h>

#include "tenants/addresses.hpp"
#include "tenants/tenants.hpp"

TEST_CASE("a name is a DNS label of 3 to 40 characters that begins with a letter") {
  CHECK_FALSE(tenants::name_problem("acme"));
  CHECK_FALSE(tenants::name_problem("a-1"));
  CHECK(tenants::name_problem("ab") == "too_short");
  CHECK(tenants::name_problem(std::string(41, 'a')) == "too_long");
  CHECK(tenants::name_problem("1acme") == "bad_start");
  CHECK(tenants::name_problem("-acme") == "bad_start");
  CHECK(tenants::name_problem("acme-") == "bad_end");
  CHECK(tenants::name_problem("ac me") == "bad_characters");
  CHECK(tenants::name_problem("ácme") == "bad_characters");
  CHECK(tenants::is_reserved("www"));
  CHECK(tenants::is_reserved("admin"));
  CHECK(tenants::is_reserved("xn--caf-dma"));
  CHECK(tenants::name_problem("ab--cd") == "bad_hyphens");
  CHECK_FALSE(tenants::name_problem("abc--d"));
  CHECK_FALSE(tenants::is_reserved("acme"));
}

TEST_CASE("what the installation calls itself below the tenants' domain is its own") {
  config::Settings settings;
  settings.tenant_domain = "example.test";
  settings.public_url = "https://Onboard.example.test:8443";
  settings.mail_from = "Onboarding <no-reply@post.example.test>";
  settings.support_email = "help@desk.eu.example.test";
  settings.smtp_url = "smtps://who%40x:pass@relay.example.test:465";
  settings.stripe_api_base = "https://api.stripe.com";
  CHECK(tenants::own_names(settings) == tenants::OwnNames{"eu", "onboard", "post", "relay"});
  settings.public_url = "https://example.test";  // the domain itself is no tenant's name
  settings.tenant_domain = "apps.example.test";
  CHECK(tenants::own_names(settings).empty());
}

TEST_CASE("links that let somebody in go over TLS, but on this machine") {
  config::Settings settings;
  settings.tenant_domain = "example.test";
  settings.http_port = 443;
  settings.tenant_port = 80;
  CHECK(tenants::url_of(settings, "acme") == "http://acme.example.test");
  CHECK(tenants::private_url_of(settings, "acme") == "https://acme.example.test");
  settings.tenant_tls_port = 8443;
  CHECK(tenants::private_url_of(settings, "acme") == "https://acme.example.test:8443");
  settings.tenant_domain = "localhost";
  settings.tenant_port = 8080;
  CHECK(tenants::private_url_of(settings, "acme") == "http://acme.localhost:8080");
}

TEST_CASE("states follow their edges only, and every state that is not final has a way on") {
  using enum tenants::State;
  CHECK(tenants::may_follow(awaiting_payment, queued));
  CHECK_FALSE(tenants::may_follow(awaiting_payment, live));
  CHECK_FALSE(tenants::may_follow(purged, live));
  auto const names = tenants::names_of(reserved);
  for (std::size_t from = 0; from < names.size(); ++from) {
    if (tenants::State(from) == purged) continue;
    bool any = false;
    for (std::size_t to = 0; to < names.size(); ++to)
      any |= tenants::may_follow(tenants::State(from), tenants::State(to));
    CAPTURE(names[from]);
    CHECK(any);
  }
}
