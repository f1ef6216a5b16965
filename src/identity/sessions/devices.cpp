// The rows of known devices.
#include "identity/sessions/devices.hpp"

#include "identity/mails.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/retention/retention.hpp"

namespace identity::sessions {

namespace {
constexpr std::chrono::days cookie_life{400};  // browsers keep none for longer
constexpr std::chrono::days similar_within{30};

db::Query const see_device{"identity.see_device", R"sql(
  UPDATE known_devices SET last_seen_at = $3, trusted_until = coalesce($4, trusted_until)
   WHERE staff_id = $1 AND hash = $2
)sql"};
db::Query const insert_device{"identity.insert_device", R"sql(
  INSERT INTO known_devices (staff_id, hash, first_seen_at, last_seen_at, trusted_until)
  VALUES ($1, $2, $3, $3, $4)
)sql"};
db::Query const is_trusted{"identity.is_trusted_device", R"sql(
  SELECT EXISTS (SELECT 1 FROM known_devices
                  WHERE staff_id = $1 AND hash = $2 AND trusted_until > $3)
)sql"};
db::Query const distrust{"identity.distrust_devices", R"sql(
  UPDATE known_devices SET trusted_until = NULL WHERE staff_id = $1
)sql"};

// Somebody's very first log-in is no news, and neither is one from where they were lately with the
// same browser: scripts and private windows keep no cookies.
db::Query const is_news{"identity.is_new_device", R"sql(
  SELECT EXISTS (SELECT 1 FROM sessions WHERE staff_id = $1)
     AND NOT EXISTS (SELECT 1 FROM sessions
                      WHERE staff_id = $1 AND address = $2 AND user_agent = $3 AND created_at > $4)
)sql"};

std::string hash_of(std::string_view token) { return crypto::hex(crypto::sha256(token)); }

std::string words_of(Device const& device, std::string_view user_agent) {
  if (device.browser.empty() && device.system.empty())
    return user_agent.empty() ? "?" : std::string{user_agent};
  if (device.browser.empty() || device.system.empty()) return device.browser + device.system;
  return device.browser + ", " + device.system;
}

void tell_of(http::Context& context, StaffId staff) {
  auto const agent = context.request.user_agent();
  write_to(
      context.tx, context.settings, staff, new_device,
      {{"device", words_of(device_of(agent), agent)}, {"address", context.request.remote_address}});
}

retention::Rule const old_devices{{.table = "known_devices",
                                   .column = "last_seen_at",
                                   .keep = std::chrono::days{400},
                                   .least = std::chrono::days{30},
                                   .why = "browsers keep the cookie for no longer"}};
}  // namespace

std::optional<http::Header> note_device(http::Context& context, StaffId staff, bool trust) {
  auto const& request = context.request;
  auto const now = clock_source::now();
  auto const trusted_until = trust ? std::optional<Time>{now + device_trust} : std::nullopt;
  auto const shown = request.cookie(device_cookie);
  if (!shown.empty() && context.tx.exec(see_device, staff, hash_of(shown), now, trusted_until) == 1)
    return {};
  if (context.tx.one<bool>(is_news, staff, request.remote_address, request.user_agent(),
                           now - similar_within))
    tell_of(context, staff);
  // Never a token that came from outside: whoever planted it would share the trust in it.
  auto const token = crypto::random_token(24);
  context.tx.exec(insert_device, staff, hash_of(token), now, trusted_until);
  return http::Header{"Set-Cookie", std::string{device_cookie} + "=" + token +
                                        "; Path=/; Max-Age=" +
                                        std::to_string(std::chrono::seconds{cookie_life}.count()) +
                                        "; HttpOnly; Secure; SameSite=Strict"};
}

bool is_trusted_device(db::Tx& tx, http::Request const& request, StaffId staff) {
  auto const shown = request.cookie(device_cookie);
  return !shown.empty() && tx.one<bool>(is_trusted, staff, hash_of(shown), clock_source::now());
}

void distrust_devices(db::Tx& tx, StaffId staff) { tx.exec(distrust, staff); }

Device device_of(std::string_view user_agent) {
  // The more special names first: Edge and Opera call themselves Chrome, Chrome calls itself
  // Safari.
  using Known = std::pair<std::string_view, std::string_view>;
  constexpr Known browsers[]{{"Edg", "Edge"},       {"OPR/", "Opera"},     {"Firefox/", "Firefox"},
                             {"FxiOS/", "Firefox"}, {"Chrome/", "Chrome"}, {"CriOS/", "Chrome"},
                             {"Safari/", "Safari"}, {"curl/", "curl"}};
  constexpr Known systems[]{{"iPhone", "iPhone"}, {"iPad", "iPad"},       {"Android", "Android"},
                            {"CrOS", "ChromeOS"}, {"Windows", "Windows"}, {"Mac OS", "macOS"},
                            {"Linux", "Linux"}};
  auto const find = [&](auto const& list) {
    for (auto const& [mark, name] : list)
      if (user_agent.find(mark) != std::string_view::npos) return std::string{name};
    return std::string{};
  };
  return {find(browsers), find(systems)};
}

}  // namespace identity::sessions
