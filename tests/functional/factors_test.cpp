// Second factors: what gets in beside the password, what does not, and who must have one.
#include <doctest/doctest.h>
#include <openssl/hmac.h>

#include "identity/factors/second_factors.hpp"
#include "platform/crypto/crypto.hpp"
#include "support/authenticator.hpp"
#include "support/browser.hpp"

using support::App;
using support::Authenticator;
using support::Browser;
using support::Caller;
using support::cookie_of;
using support::Json;
using support::Later;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;
using namespace std::chrono_literals;

namespace {
Reply log_in(App const& app, Role role, support::Headers headers = {}) {
  return app.visitor().post("/api/admin/login",
                            {{"email", App::email_of(role)}, {"password", App::password}},
                            std::move(headers));
}

Reply remove(Caller const& caller, std::string const& path) {
  return caller.send("DELETE", path, "", {});
}

Reply patch(Caller const& caller, std::string const& path, Json const& body,
            support::Headers headers = {}) {
  headers.push_back("Content-Type: application/json");
  return caller.send("PATCH", path, boost::json::serialize(body), std::move(headers));
}

/// RFC 6238 apart from the program's own way to compute it: HMAC-SHA-1, dynamic truncation.
class App2fa {
 public:
  explicit App2fa(std::string const& key) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned bits = 0, value = 0;
    for (char c : key) {
      if (c == ' ') continue;
      value = value << 5 | unsigned(letters.find(c));
      if ((bits += 5) >= 8) seed_ += char(value >> (bits -= 8));
    }
  }
  std::string code(std::chrono::seconds away = 0s) const {
    auto const step = std::uint64_t(clock_source::unix_seconds(clock_source::now() + away)) / 30;
    unsigned char message[8], digest[20];
    for (int i = 0; i < 8; ++i) message[i] = static_cast<unsigned char>(step >> (56 - 8 * i));
    HMAC(EVP_sha1(), seed_.data(), int(seed_.size()), message, sizeof message, digest, nullptr);
    auto const at = digest[19] & 15;
    unsigned number = 0;
    for (int i = 0; i < 4; ++i) number = number << 8 | digest[at + i];
    auto const text = std::to_string((number & 0x7fffffff) % 1'000'000);
    return std::string(6 - text.size(), '0') + text;
  }
  /// A code that is right for no step nearby.
  std::string wrong_code() const {
    for (int number = 0;; ++number) {
      auto text = std::to_string(number);
      text.insert(0, 6 - text.size(), '0');
      bool right = false;
      for (int step = -3; step <= 3; ++step) right |= text == code(std::chrono::seconds{30 * step});
      if (!right) return text;
    }
  }
  std::string const& seed() const { return seed_; }

 private:
  std::string seed_;
};

struct Enrolled {
  App2fa app;
  std::vector<std::string> recovery_codes;
};

/// Adds an authenticator app, as the profile page does.
Enrolled enrol(Caller const& caller, Later& later) {
  auto const begun = caller.post("/api/settings/2fa/totp", nullptr);
  if (begun.status != 200) throw std::runtime_error{"not begun: " + begun.body};
  App2fa const app{begun["key"]};
  auto const confirmed = caller.post("/api/settings/2fa/totp/confirm", {{"code", app.code()}});
  if (confirmed.status != 200) throw std::runtime_error{"not confirmed: " + confirmed.body};
  Enrolled out{app, {}};
  for (auto const& code : confirmed.json.at("recovery_codes").as_array())
    out.recovery_codes.emplace_back(code.as_string());
  later(30s);  // the first code is used up
  return out;
}

Reply show(App const& app, Reply const& asked, Json const& what, support::Headers headers = {}) {
  boost::json::object body{{"challenge", asked["second_factor.challenge"]}};
  for (auto const& [name, value] : what.as_object()) body[name] = value;
  return app.visitor().post("/api/admin/login/2fa", body, std::move(headers));
}
Reply show_code(App const& app, Reply const& asked, std::string const& code) {
  return show(app, asked, {{"method", "totp"}, {"code", code}});
}
Reply show_recovery_code(App const& app, Reply const& asked, std::string const& code) {
  return show(app, asked, {{"method", "recovery_code"}, {"code", code}});
}

std::string flipped(std::string text, std::size_t at) {
  text.at(at) = text.at(at) == 'A' ? 'B' : 'A';
  return text;
}

Authenticator authenticator(App const& app) {
  Authenticator out;
  out.origin = app.url();
  return out;
}

/// Adds a passkey, as the profile page does.
Reply add_passkey(Caller const& caller, Authenticator& device, std::string const& name = "Laptop") {
  auto const options = caller.post("/api/settings/passkeys/options", nullptr);
  if (options.status != 200) throw std::runtime_error{"no options: " + options.body};
  return caller.post("/api/settings/passkeys",
                     {{"challenge", options["challenge"]},
                      {"name", name},
                      {"credential", device.create(options.json.at("public_key"))}});
}

Reply log_in_by_passkey(App const& app, Authenticator& device) {
  auto const options = app.visitor().get("/api/admin/login/passkey");
  return app.visitor().post("/api/admin/login/passkey",
                            {{"challenge", options["challenge"]},
                             {"assertion", device.get(options.json.at("public_key"))}});
}

std::string mails_to(App const& app, Role role) {
  std::string out;
  for (auto const& name : app.rows("SELECT template FROM mails WHERE recipient = '" +
                                   App::email_of(role) + "' ORDER BY id"))
    out += (out.empty() ? "" : " ") + name;
  return out;
}
}  // namespace

TEST_CASE("an authenticator app counts from its first code on and is then asked for") {
  auto app = App::fresh();
  Later later;
  auto const admin = app.as(Role::admin);
  auto const begun = admin.post("/api/settings/2fa/totp", nullptr);
  REQUIRE(begun.status == 200);
  App2fa const phone{begun["key"]};
  CHECK(phone.seed().size() == 20);
  CHECK(begun["uri"].starts_with("otpauth://totp/Onboarding%20System:admin%40example.com?secret="));
  CHECK(begun["qr_image"].starts_with("data:image/svg+xml;base64,"));
  // Not before: a scan that went wrong locks nobody out.
  CHECK(log_in(app, Role::admin)["second_factor"] == "null");
  CHECK(admin.post("/api/settings/2fa/totp/confirm", {{"code", phone.wrong_code()}})["code"] ==
        "wrong_second_factor");
  auto typed = phone.code();
  typed.insert(3, " ");
  auto const confirmed = admin.post("/api/settings/2fa/totp/confirm", {{"code", typed}});
  REQUIRE(confirmed.status == 200);
  CHECK(confirmed.json.at("recovery_codes").as_array().size() == 10);
  CHECK(admin.post("/api/settings/2fa/totp/confirm", {{"code", phone.code()}})["code"] ==
        "totp_not_begun");

  auto const asked = log_in(app, Role::admin);
  CHECK(asked.status == 200);
  CHECK(asked["access_token"] == "null");
  CHECK(asked.header("set-cookie").empty());
  CHECK(asked["second_factor.methods"] == R"(["totp","recovery_code"])");
  CHECK(asked["second_factor.expires_in"] == "300");
  later(30s);
  auto const entered = show_code(app, asked, phone.code());
  REQUIRE(entered.status == 200);
  CHECK(Browser{entered}.caller(app).get("/api/admin/me")["email"] == "admin@example.com");
  CHECK(app.value("SELECT second_factor FROM sessions WHERE second_factor IS NOT NULL") == "totp");
  CHECK(app.rows("SELECT action FROM audit_logs WHERE action LIKE '%totp%' OR action LIKE "
                 "'session.second%' ORDER BY id") ==
        Rows{"staff.totp_begun", "staff.totp_added", "session.second_factor_asked"});
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'session.started'") == "3");
  CHECK(mails_to(app, Role::admin) == "account_changed");

  // A dump shows neither seed nor codes.
  auto const dump = app.value("SELECT string_agg(t::text, '') FROM totp_factors t") +
                    app.value("SELECT string_agg(r::text, '') FROM recovery_codes r") +
                    app.value("SELECT string_agg(a::text, '') FROM audit_logs a");
  auto const key = begun["key"];
  CHECK(dump.find(phone.seed()) == std::string::npos);
  CHECK(dump.find(crypto::hex(phone.seed())) == std::string::npos);
  CHECK(dump.find(key.substr(0, 9)) == std::string::npos);
  CHECK(dump.find(std::string{confirmed.json.at("recovery_codes").at(0).as_string()}) ==
        std::string::npos);
}

TEST_CASE("adding or removing a factor asks again for the password") {
  auto app = App::fresh();
  Later later;
  app.add_staff(Role::admin);
  auto const admin = Browser{log_in(app, Role::admin)}.caller(app);
  later(6min);
  for (auto const* path : {"/api/settings/2fa/totp", "/api/settings/2fa/recovery-codes",
                           "/api/settings/passkeys/options"}) {
    CAPTURE(path);
    CHECK(admin.post(path, nullptr)["code"] == "step_up_required");
  }
  CHECK(remove(admin, "/api/settings/2fa/totp")["code"] == "step_up_required");
  CHECK(remove(admin, "/api/settings/passkeys/pky_1")["code"] == "step_up_required");
  CHECK(admin.post("/api/admin/confirm", {{"password", App::password}}).status == 200);
  auto const enrolled = enrol(admin, later);
  // A code confirms as well, and so does a recovery code; exactly one proof at a time.
  later(6min);
  CHECK(admin.post("/api/settings/2fa/recovery-codes", nullptr)["code"] == "step_up_required");
  CHECK(admin.get("/api/admin/confirm")["methods"] == R"(["password","totp","recovery_code"])");
  CHECK(admin.post("/api/admin/confirm", {{"code", enrolled.app.wrong_code()}})["code"] ==
        "wrong_second_factor");
  CHECK(admin.post("/api/admin/confirm", Json(boost::json::object{})).wrong_fields() ==
        "/password");
  CHECK(
      admin.post("/api/admin/confirm", {{"code", enrolled.app.code()}, {"password", App::password}})
          .wrong_fields() == "/password");
  auto const code = enrolled.app.code();
  CHECK(admin.post("/api/admin/confirm", {{"code", code}}).status == 200);
  CHECK(admin.post("/api/admin/confirm", {{"code", code}}).status == 401);
  CHECK(admin.post("/api/settings/2fa/recovery-codes", nullptr).status == 200);
}

TEST_CASE("no code is accepted twice, nor one from before it, whoever is faster") {
  auto app = App::fresh();
  Later later;
  auto const phone = enrol(app.as(Role::admin), later).app;
  auto const code = phone.code(), before = phone.code(-30s);
  std::vector<Reply> asked, replies(8);
  for (int i = 0; i < 8; ++i) asked.push_back(log_in(app, Role::admin));
  {
    std::vector<std::thread> thieves;
    for (std::size_t i = 0; i < replies.size(); ++i)
      thieves.emplace_back([&, i] { replies[i] = show_code(app, asked[i], code); });
    for (auto& thief : thieves) thief.join();
  }
  CHECK(std::count_if(replies.begin(), replies.end(),
                      [](Reply const& reply) { return reply.status == 200; }) == 1);
  CHECK(show_code(app, log_in(app, Role::admin), before)["code"] == "wrong_second_factor");
  later(30s);
  auto const next = log_in(app, Role::admin);
  CHECK(show_code(app, next, phone.code()).status == 200);
  // A challenge that was answered is worth nothing.
  later(30s);
  CHECK(show_code(app, next, phone.code())["code"] == "challenge_expired");
}

TEST_CASE("a clock may be one step off; two minutes are refused and, at the start, explained") {
  auto app = App::fresh();
  Later later;
  auto const admin = app.as(Role::admin);
  App2fa const late{admin.post("/api/settings/2fa/totp", nullptr)["key"]};
  for (auto const away : {-120s, 120s}) {
    auto const skewed = admin.post("/api/settings/2fa/totp/confirm", {{"code", late.code(away)}});
    CHECK(skewed.status == 422);
    CHECK(skewed["code"] == "totp_clock_skew");
    CHECK(skewed["minutes"] == "2");
  }
  auto const phone = enrol(admin, later).app;
  for (auto const away : {-120s, 120s, 60s, -60s}) {
    CHECK(show_code(app, log_in(app, Role::admin), phone.code(away))["code"] ==
          "wrong_second_factor");
  }
  later(30s);  // the step before is not the one that was used
  CHECK(show_code(app, log_in(app, Role::admin), phone.code(-30s)).status == 200);
  later(60s);
  CHECK(show_code(app, log_in(app, Role::admin), phone.code(30s)).status == 200);
}

TEST_CASE("guessing codes ends with the challenge, and then with the account for a while") {
  auto app = App::fresh();
  Later later;
  auto const phone = enrol(app.as(Role::admin), later).app;
  auto asked = log_in(app, Role::admin);
  for (int i = 0; i < 5; ++i)
    CHECK(show_code(app, asked, phone.wrong_code())["code"] == "wrong_second_factor");
  // The right one does not help this challenge any more.
  CHECK(show_code(app, asked, phone.code())["code"] == "challenge_expired");
  asked = log_in(app, Role::admin);
  for (int i = 0; i < 5; ++i)
    CHECK(show_code(app, asked, phone.wrong_code())["code"] == "wrong_second_factor");
  CHECK(app.rows("SELECT kind, severity FROM security_events WHERE kind LIKE 'second%'") ==
        Rows{"second_factor_guessing|high"});
  CHECK(mails_to(app, Role::admin) == "account_changed second_factor_guessed");

  auto const blocked = show_code(app, log_in(app, Role::admin), phone.code());
  CHECK(blocked.status == 429);
  CHECK(blocked["code"] == "too_many_attempts");
  CHECK(std::stoi(blocked.header("retry-after")) > 14 * 60);
  CHECK(std::stoi(blocked.header("retry-after")) <= 15 * 60);
  later(15min);
  CHECK(show_code(app, log_in(app, Role::admin), phone.code()).status == 200);
  // Success forgives: the next mistake is the first one again.
  asked = log_in(app, Role::admin);
  CHECK(show_code(app, asked, phone.wrong_code()).status == 401);
  CHECK(app.value("SELECT failures FROM factor_failures") == "1");
}

TEST_CASE("guesses at one moment count like guesses in a row") {
  auto app = App::fresh();
  Later later;
  auto const phone = enrol(app.as(Role::admin), later).app;
  std::vector<Reply> asked, replies(20);
  for (std::size_t i = 0; i < replies.size(); ++i) asked.push_back(log_in(app, Role::admin));
  auto const wrong = phone.wrong_code();
  {
    std::vector<std::thread> guessers;
    for (std::size_t i = 0; i < replies.size(); ++i)
      guessers.emplace_back([&, i] { replies[i] = show_code(app, asked[i], wrong); });
    for (auto& guesser : guessers) guesser.join();
  }
  CHECK(std::count_if(replies.begin(), replies.end(),
                      [](Reply const& reply) { return reply.status == 401; }) == 10);
  CHECK(std::count_if(replies.begin(), replies.end(),
                      [](Reply const& reply) { return reply.status == 429; }) == 10);
}

TEST_CASE("a challenge is good for what it was given out for, as it was given out, for 5 minutes") {
  auto app = App::fresh();
  Later later;
  auto const phone = enrol(app.as(Role::admin), later).app;
  auto const asked = log_in(app, Role::admin);
  auto const token = asked["second_factor.challenge"];
  auto const with = [&](std::string const& challenge) {
    return app.visitor().post(
        "/api/admin/login/2fa",
        {{"challenge", challenge}, {"method", "totp"}, {"code", phone.code()}})["code"];
  };
  CHECK(with("") == "challenge_expired");
  CHECK(with("....") == "challenge_expired");
  CHECK(with(token + "A") == "challenge_expired");
  CHECK(with(flipped(token, token.size() - 2)) == "challenge_expired");
  auto other = token;  // somebody else's
  other.replace(other.find(".1."), 3, ".2.");
  CHECK(with(other) == "challenge_expired");
  CHECK(with(app.visitor().get("/api/admin/login/passkey")["challenge"]) == "challenge_expired");
  CHECK(with(app.as(Role::owner).get("/api/admin/confirm")["challenge"]) == "challenge_expired");
  later(5min + 1s);
  CHECK(with(token) == "challenge_expired");
  CHECK(show_code(app, log_in(app, Role::admin), phone.code()).status == 200);
}

TEST_CASE("a recovery code gets in once, and the person hears of it") {
  auto app = App::fresh();
  Later later;
  auto const admin = app.as(Role::admin);
  app.run("UPDATE staff SET locale = 'es' WHERE role = 'admin'");
  auto const codes = enrol(admin, later).recovery_codes;
  REQUIRE(codes.size() == 10);
  CHECK(std::set<std::string>(codes.begin(), codes.end()).size() == 10);
  CHECK(codes.front().size() == 19);
  std::string typed = codes.front();
  std::replace(typed.begin(), typed.end(), '-', ' ');
  std::transform(typed.begin(), typed.end(), typed.begin(), [](char c) { return std::tolower(c); });
  CHECK(show_recovery_code(app, log_in(app, Role::admin), typed).status == 200);
  CHECK(show_recovery_code(app, log_in(app, Role::admin), codes.front())["code"] ==
        "wrong_second_factor");
  CHECK(app.value("SELECT body LIKE '%restantes: 9%' FROM mails WHERE template = "
                  "'recovery_code_used'") == "t");
  CHECK(admin.get("/api/settings/2fa")["recovery_codes_left"] == "9");
  // They are codes of one person.
  auto const owner = enrol(app.as(Role::owner), later);
  CHECK(show_recovery_code(app, log_in(app, Role::owner), codes.at(1))["code"] ==
        "wrong_second_factor");

  CHECK(admin.post("/api/admin/confirm", {{"code", codes.at(2)}}).status == 200);
  auto const renewed = admin.post("/api/settings/2fa/recovery-codes", nullptr);
  REQUIRE(renewed.json.at("recovery_codes").as_array().size() == 10);
  CHECK(show_recovery_code(app, log_in(app, Role::admin), codes.at(1))["code"] ==
        "wrong_second_factor");
  CHECK(show_recovery_code(app, log_in(app, Role::admin), renewed["recovery_codes.9"]).status ==
        200);
  CHECK(app.value("SELECT count(*) FROM recovery_codes WHERE hash ~ '^[0-9a-f]{64}$'") == "20");

  // They stand in for a factor: without one they go.
  CHECK(remove(admin, "/api/settings/2fa/totp").status == 204);
  CHECK(app.value("SELECT count(*) FROM recovery_codes WHERE staff_id = 1") == "0");
  CHECK(log_in(app, Role::admin)["second_factor"] == "null");
  CHECK(admin.post("/api/settings/2fa/recovery-codes", nullptr)["code"] == "no_second_factor");
}

TEST_CASE("passkeys are made and used at each of the console's addresses") {
  auto app = App::fresh({.settings = [](auto& settings) {
    settings.public_url = "https://console.example.test";
    settings.allowed_origins = "https://eu.console.example.test:8443, https://inside.example.net";
  }});
  app.add_staff(Role::admin);
  Caller const visitor{"http://" + app.settings.http_listen, {}};
  auto const entered = visitor.post(
      "/api/admin/login", {{"email", App::email_of(Role::admin)}, {"password", App::password}});
  REQUIRE(entered.status == 200);
  auto const admin = visitor.with({"Authorization: Bearer " + entered["access_token"]});
  for (auto const& [origin, site] :
       {std::pair{"https://console.example.test", "console.example.test"},
        std::pair{"https://eu.console.example.test:8443", "console.example.test"},
        std::pair{"https://inside.example.net", "inside.example.net"}}) {
    CAPTURE(origin);
    auto const page = std::string{"Origin: "} + origin;
    Authenticator device;
    device.origin = origin;
    CHECK(admin.with({page}).post("/api/settings/passkeys/options", nullptr)["public_key.rp.id"] ==
          site);
    CHECK(add_passkey(admin.with({page}), device, origin).status == 201);
    // A browser names no origin with what it only reads.
    auto const read = std::string{"Referer: "} + origin + "/login";
    auto const options = visitor.with({read}).get("/api/admin/login/passkey");
    CHECK(options["public_key.rpId"] == site);
    auto const shown = [&](support::Headers headers) {
      return visitor.with(std::move(headers))
          .post("/api/admin/login/passkey",
                {{"challenge", options["challenge"]},
                 {"assertion", device.get(options.json.at("public_key"))}});
    };
    device.origin = "https://console.example.test.evil.example";
    CHECK(shown({"Origin: " + device.origin}).status != 200);
    device.origin = origin;
    CHECK(shown({page}).status == 200);
  }
  CHECK(app.value("SELECT count(*) FROM passkeys") == "3");
  CHECK(app.value("SELECT count(*) FROM sessions WHERE second_factor = 'passkey'") == "3");
  auto const elsewhere =
      visitor.with({"Referer: https://evil.example/"}).get("/api/admin/login/passkey");
  CHECK(elsewhere["public_key.rpId"] == "console.example.test");
}

TEST_CASE("a passkey is a second factor and a log-in of its own") {
  auto app = App::fresh();
  Later later;
  auto const admin = app.as(Role::admin);
  auto laptop = authenticator(app);
  auto const options = admin.post("/api/settings/passkeys/options", nullptr);
  CHECK(options["public_key.rp.id"] == "127.0.0.1");
  CHECK(options["public_key.attestation"] == "none");
  CHECK(options["public_key.user.id"].find("admin") == std::string::npos);
  auto const added = add_passkey(admin, laptop);
  REQUIRE(added.status == 201);
  CHECK(added["passkey.name"] == "Laptop");
  CHECK(added.json.at("recovery_codes").as_array().size() == 10);
  CHECK(mails_to(app, Role::admin) == "account_changed");

  auto const entered = log_in_by_passkey(app, laptop);
  REQUIRE(entered.status == 200);
  CHECK(Browser{entered}.caller(app).get("/api/admin/me")["email"] == "admin@example.com");

  auto const asked = log_in(app, Role::admin);
  CHECK(asked["second_factor.methods"] == R"(["passkey","recovery_code"])");
  CHECK(asked["second_factor.public_key.allowCredentials.0.id"] == laptop.credential_id);
  auto const shown =
      show(app, asked,
           {{"method", "passkey"},
            {"assertion", laptop.get(asked.json.at("second_factor").at("public_key"))}});
  CHECK(shown.status == 200);
  CHECK(app.value("SELECT count(*) FROM sessions WHERE second_factor = 'passkey'") == "2");

  // It confirms, too, but only in the session that asked.
  later(6min);
  auto const again = admin.get("/api/admin/confirm");
  auto const assertion = laptop.get(again.json.at("public_key"));
  Json const proof{{"challenge", again["challenge"]}, {"assertion", assertion}};
  CHECK(Browser{entered}.caller(app).post("/api/admin/confirm", proof)["code"] ==
        "challenge_expired");
  CHECK(admin.post("/api/admin/confirm", proof).status == 200);
  CHECK(admin.post("/api/admin/confirm", proof)["code"] == "challenge_expired");

  // One device, one passkey; names are the person's own.
  CHECK(add_passkey(admin, laptop).problem_of("/credential") == "taken");
  auto phone = authenticator(app);
  auto const second = add_passkey(admin, phone, "Phone");
  CHECK(second.status == 201);
  CHECK(second.json.at("recovery_codes").as_array().empty());
  auto const id = second["passkey.id"];
  CHECK(patch(admin, "/api/settings/passkeys/" + id, {{"name", "Móvil"}})["name"] == "Móvil");
  auto const owner = app.as(Role::owner);
  CHECK(patch(owner, "/api/settings/passkeys/" + id, {{"name", "x"}}).status == 404);
  CHECK(owner.post("/api/admin/confirm", {{"password", App::password}}).status == 200);
  CHECK(remove(owner, "/api/settings/passkeys/" + id).status == 404);
  CHECK(remove(admin, "/api/settings/passkeys/" + id).status == 204);
  CHECK(log_in_by_passkey(app, phone)["code"] == "wrong_second_factor");
  CHECK(log_in_by_passkey(app, laptop).status == 200);

  app.run("UPDATE staff SET disabled_at = now() WHERE role = 'admin'");
  app.restart();
  CHECK(log_in_by_passkey(app, laptop)["code"] == "wrong_second_factor");
}

TEST_CASE("an authenticator's answer must be exactly what was asked") {
  auto app = App::fresh();
  auto const admin = app.as(Role::admin);
  using Change = std::function<void(Authenticator&)>;
  std::vector<std::pair<std::string, Change>> const wrong{
      {"origin", [](auto& device) { device.origin = "https://console.evil.example"; }},
      {"site", [](auto& device) { device.site = "evil.example"; }},
      {"challenge", [](auto& device) { device.challenge = crypto::random_token(32); }},
      {"frame", [](auto& device) { device.cross_origin = true; }},
      {"presence", [](auto& device) { device.present = false; }}};
  for (auto const& [what, change] : wrong) {
    CAPTURE(what);
    auto device = authenticator(app);
    change(device);
    auto const refused = add_passkey(admin, device);
    CHECK(refused.status == 422);
    CHECK(refused["code"] == "passkey_refused");
  }
  CHECK(app.value("SELECT count(*) FROM passkeys") == "0");

  auto const good = authenticator(app);
  auto laptop = good;
  REQUIRE(add_passkey(admin, laptop).status == 201);
  auto in_use = wrong;
  in_use.push_back({"verification", [](auto& device) { device.verified = false; }});
  in_use.push_back({"signature", [](auto& device) { device.breaks_signature = true; }});
  in_use.push_back({"credential", [](auto& device) { device.credential_id = "AAAA"; }});
  int failures = 0;
  for (auto const& [what, change] : in_use) {
    CAPTURE(what);
    auto device = laptop;
    change(device);
    CHECK(log_in_by_passkey(app, device)["code"] == "wrong_second_factor");
    if (++failures == 6) CHECK(log_in_by_passkey(app, laptop).status == 200);  // forgives
  }
  // As a second factor, after the password, holding it is enough.
  auto unverified = laptop;
  unverified.verified = false;
  unverified.counter += 10;
  auto const asked = log_in(app, Role::admin);
  CHECK(show(app, asked,
             {{"method", "passkey"},
              {"assertion", unverified.get(asked.json.at("second_factor").at("public_key"))}})
            .status == 200);
  // Another one's passkey is no second factor of mine.
  auto others = authenticator(app);
  REQUIRE(add_passkey(app.as(Role::owner), others).status == 201);
  auto const mine = log_in(app, Role::admin);
  CHECK(show(app, mine,
             {{"method", "passkey"},
              {"assertion", others.get(mine.json.at("second_factor").at("public_key"))}})["code"] ==
        "wrong_second_factor");
  // Nonsense is a problem of the client.
  auto const options = app.visitor().get("/api/admin/login/passkey");
  auto assertion = laptop.get(options.json.at("public_key"));
  for (auto const* member : {"clientDataJSON", "authenticatorData", "signature"}) {
    auto broken = assertion;
    broken["response"].as_object()[member] = "!!";
    auto const reply = app.visitor().post(
        "/api/admin/login/passkey", {{"challenge", options["challenge"]}, {"assertion", broken}});
    CHECK(reply.status == 401);
  }
}

TEST_CASE("a counter that does not rise tells of a copy") {
  auto app = App::fresh();
  auto laptop = authenticator(app);
  REQUIRE(add_passkey(app.as(Role::admin), laptop).status == 201);
  auto copy = laptop;
  CHECK(log_in_by_passkey(app, laptop).status == 200);
  CHECK(log_in_by_passkey(app, copy)["code"] == "wrong_second_factor");
  CHECK(app.rows("SELECT kind, severity, staff_id FROM security_events") ==
        Rows{"passkey_cloned|high|1"});
  CHECK(log_in_by_passkey(app, laptop).status == 200);
  // Synced passkeys do not count at all.
  auto synced = authenticator(app);
  synced.counts = false;
  REQUIRE(add_passkey(app.as(Role::admin), synced).status == 201);
  CHECK(log_in_by_passkey(app, synced).status == 200);
  CHECK(log_in_by_passkey(app, synced).status == 200);
}

TEST_CASE("a role may ask for a second factor: first it warns, then nothing else is open") {
  auto app = App::fresh();
  Later later;
  app.add_staff(Role::admin);
  Browser const before{log_in(app, Role::admin)};
  auto const me = [&](Browser const& browser) { return browser.caller(app).get("/api/admin/me"); };
  CHECK(me(before)["second_factor"] == "false");
  CHECK(me(before)["second_factor_due_at"] == "null");
  app.run(
      "UPDATE roles SET second_factor_required = true, grace_days = 7, required_since = now() "
      "WHERE name = 'admin'");
  app.restart();
  auto const due = me(before)["second_factor_due_at"];
  CHECK(due.size() > 10);
  CHECK(before.caller(app).get("/api/tenants").status == 200);

  later(7 * 24h + 1min);
  Browser const after{log_in(app, Role::admin)};
  auto const caller = after.caller(app);
  auto const refused = caller.get("/api/tenants");
  CHECK(refused.status == 403);
  CHECK(refused["code"] == "second_factor_required");
  CHECK(refused["enrol_url"] == "/admin/settings/profile");
  CHECK(me(after)["scopes"] == R"(["self"])");
  auto const enrolled = enrol(caller, later);
  CHECK(caller.get("/api/tenants").status == 200);  // at once, in the same session
  CHECK(me(after)["second_factor"] == "true");

  // The last one stays as long as the role asks for one.
  CHECK(remove(caller, "/api/settings/2fa/totp")["code"] == "second_factor_needed");
  auto laptop = authenticator(app);
  CHECK(add_passkey(caller, laptop).status == 201);
  CHECK(remove(caller, "/api/settings/2fa/totp").status == 204);
  CHECK(caller.get("/api/tenants").status == 200);
  CHECK(app.value("SELECT count(*) FROM recovery_codes") == "10");
}

TEST_CASE("an owner resets the factors of somebody who lost them") {
  auto app = App::fresh();
  Later later;
  app.add_staff(Role::admin);
  app.add_staff(Role::owner);
  auto const admin = Browser{log_in(app, Role::admin)}.caller(app);
  (void)enrol(admin, later);
  auto laptop = authenticator(app);
  REQUIRE(add_passkey(admin, laptop).status == 201);
  auto const owner = Browser{log_in(app, Role::owner)}.caller(app);
  auto const path = "/api/settings/team/usr_1/reset-second-factors";
  CHECK(admin.post(path, nullptr)["code"] == "missing_scope");
  later(6min);
  CHECK(owner.post(path, nullptr)["code"] == "step_up_required");
  CHECK(owner.post("/api/admin/confirm", {{"password", App::password}}).status == 200);
  CHECK(owner.post("/api/settings/team/usr_99/reset-second-factors", nullptr)["code"] ==
        "person_not_found");
  CHECK(owner.post(path, nullptr).status == 204);
  CHECK(admin.get("/api/admin/me").status == 401);
  CHECK(log_in_by_passkey(app, laptop)["code"] == "wrong_second_factor");
  CHECK(log_in(app, Role::admin)["second_factor"] == "null");
  CHECK(app.rows("SELECT actor, target FROM audit_logs WHERE action = "
                 "'staff.second_factors_reset'") == Rows{"owner@example.com|usr_1"});
  CHECK(mails_to(app, Role::admin) == "account_changed account_changed account_changed");

  // From the command line, when the only owner lost theirs.
  (void)enrol(owner, later);
  db::Connection connection{app.database.url()};
  CHECK(db::transact(connection, [&](db::Tx& tx) {
    return !identity::factors::reset_second_factors(tx, app.settings,
                                                    std::string{"nobody@example.com"}) &&
           identity::factors::reset_second_factors(tx, app.settings,
                                                   std::string{"Owner@Example.com"});
  }));
  CHECK(log_in(app, Role::owner)["second_factor"] == "null");
  CHECK(support::eventually([&] { return owner.get("/api/admin/me").status == 401; }));
}

TEST_CASE("a log-in from a new device writes to the person, a known one does not") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  app.run("UPDATE staff SET locale = 'es', name = 'Lucía' WHERE role = 'admin'");
  std::string const desk = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0",
                    phone =
                        "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) "
                        "Version/18.0 Safari/604.1";
  auto const first = log_in(app, Role::admin, {desk});
  auto const cookie = "Cookie: __Host-device=" + cookie_of(first, "__Host-device");
  CHECK(cookie.size() > 40);
  CHECK(mails_to(app, Role::admin).empty());  // the very first is no news
  // Known by its cookie, whatever the browser calls itself after an update.
  CHECK(cookie_of(log_in(app, Role::admin, {cookie, "User-Agent: Firefox/141.0"}), "__Host-device")
            .empty());
  CHECK(mails_to(app, Role::admin).empty());
  CHECK(log_in(app, Role::admin, {phone}).status == 200);
  CHECK(mails_to(app, Role::admin) == "new_device");
  auto const body = app.value("SELECT body FROM mails");
  CHECK(body.find("Lucía") != std::string::npos);
  CHECK(body.find("Dispositivo: Safari, iPhone") != std::string::npos);
  CHECK(body.find("Dirección: 127.0.0.1") != std::string::npos);
  CHECK(body.find(app.url() + "/admin/settings/sessions") != std::string::npos);
  // From the same place with the same browser, its cookies thrown away: no mail each time.
  CHECK(log_in(app, Role::admin, {phone}).status == 200);
  CHECK(mails_to(app, Role::admin) == "new_device");
  // A cookie that somebody planted is not taken over.
  auto const planted = log_in(app, Role::admin, {"Cookie: __Host-device=planted", phone});
  CHECK(!cookie_of(planted, "__Host-device").empty());
  CHECK(cookie_of(planted, "__Host-device") != "planted");
  CHECK(app.value("SELECT count(*) FROM known_devices WHERE hash LIKE '%planted%'") == "0");
}

TEST_CASE("a remembered device is not asked for 30 days, unless the password changes") {
  auto app = App::fresh();
  Later later;
  auto const admin = app.as(Role::admin);
  auto const phone = enrol(admin, later).app;
  auto const entered =
      show(app, log_in(app, Role::admin),
           {{"method", "totp"}, {"code", phone.code()}, {"remember_device", true}});
  REQUIRE(entered.status == 200);
  support::Headers const device{"Cookie: __Host-device=" + cookie_of(entered, "__Host-device")};
  CHECK(log_in(app, Role::admin, device)["second_factor"] == "null");
  CHECK(log_in(app, Role::admin)["second_factor"] != "null");
  // The trust is one person's.
  (void)enrol(app.as(Role::owner), later);
  CHECK(log_in(app, Role::owner, device)["second_factor"] != "null");
  later(30 * 24h);
  CHECK(log_in(app, Role::admin, device)["second_factor"] != "null");

  auto const again =
      show(app, log_in(app, Role::admin),
           {{"method", "totp"}, {"code", phone.code()}, {"remember_device", true}}, device);
  REQUIRE(again.status == 200);
  CHECK(log_in(app, Role::admin, device)["second_factor"] == "null");
  CHECK(Browser{again}
            .caller(app)
            .post("/api/settings/password",
                  {{"current_password", App::password}, {"new_password", "another long password"}})
            .status == 204);
  auto const asked = app.visitor().post(
      "/api/admin/login", {{"email", "admin@example.com"}, {"password", "another long password"}},
      device);
  CHECK(asked.status == 200);
  CHECK(asked["second_factor"] != "null");
}

TEST_CASE("people change their own name and language, and nobody overwrites unseen") {
  auto app = App::fresh();
  auto const admin = app.as(Role::admin);
  auto const profile = admin.get("/api/settings/profile");
  CHECK(profile["name"] == "Grace Hopper");
  auto const etag = "If-Match: " + profile.header("etag");
  CHECK(patch(admin, "/api/settings/profile", {{"name", "Ada"}}).status == 428);
  auto const changed =
      patch(admin, "/api/settings/profile", {{"name", "Ada Smith"}, {"locale", "es"}}, {etag});
  CHECK(changed.status == 200);
  CHECK(changed["name"] == "Ada Smith");
  CHECK(admin.get("/api/admin/me")["name"] == "Ada Smith");
  CHECK(admin.get("/api/admin/me")["locale"] == "es");
  CHECK(patch(admin, "/api/settings/profile", {{"name", "Eve"}}, {etag})["current.name"] ==
        "Ada Smith");
  CHECK(patch(admin, "/api/settings/profile", {{"name", ""}, {"locale", "fr"}}, {etag})
            .wrong_fields() == "/locale /name");
  CHECK(app.value("SELECT (before::jsonb->>'name') || (after::jsonb->>'name') FROM audit_logs "
                  "WHERE action = "
                  "'staff.profile_changed'") == "Grace HopperAda Smith");
}
