// A token is "<purpose>.<staff>.<session>.<end>.<random>" and its HMAC.
#include "identity/factors/challenges.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/retention/retention.hpp"

namespace identity::factors {

namespace {
constexpr std::size_t longest_token = 400;

db::Query const count_attempt{"identity.count_challenge_attempt", R"sql(
  INSERT INTO challenges (hash, attempts, expires_at) VALUES ($1, 1, $2)
  ON CONFLICT (hash) DO UPDATE SET attempts = challenges.attempts + 1
   WHERE challenges.attempts < $3 AND challenges.used_at IS NULL
)sql"};
db::Query const mark_used{"identity.use_challenge",
                          "UPDATE challenges SET used_at = $2 WHERE hash = $1"};
std::string hash_of(Challenge const& challenge) {
  return crypto::hex(crypto::sha256(challenge.token));
}

std::string signature_of(Snapshot const& snapshot, std::string_view payload) {
  return crypto::base64url(crypto::hmac_sha256(snapshot.challenge_key, payload));
}

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    auto const dot = text.find('.');
    parts.emplace_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    text.remove_prefix(dot + 1);
  }
}

retention::Rule const old_challenges{{.table = "challenges",
                                      .column = "expires_at",
                                      .keep = std::chrono::hours{1},
                                      .why = "an expired one is refused by its own text"}};
}  // namespace

std::string Challenge::webauthn() const { return crypto::base64url(crypto::sha256(token)); }

Challenge new_challenge(Snapshot const& snapshot, Purpose purpose, StaffId staff,
                        std::string session_id) {
  auto const expires = clock_source::now() + challenge_life;
  auto const payload = std::string{name_of(purpose)} + "." + std::to_string(staff.value) + "." +
                       session_id + "." + std::to_string(clock_source::unix_seconds(expires)) +
                       "." + crypto::random_token(18);
  return {payload + "." + signature_of(snapshot, payload), purpose, staff, std::move(session_id),
          expires};
}

std::optional<Challenge> read_challenge(Snapshot const& snapshot, Purpose purpose,
                                        std::string_view token) {
  auto const end = token.rfind('.');
  if (token.size() > longest_token || end == std::string_view::npos) return {};
  auto const payload = token.substr(0, end);
  if (!crypto::equal_in_constant_time(token.substr(end + 1), signature_of(snapshot, payload)))
    return {};
  auto const parts = parts_of(payload);  // ours, so of the right form
  auto const expires = clock_source::from_unix_seconds(std::stoll(parts.at(3)));
  if (parts.at(0) != name_of(purpose) || expires <= clock_source::now()) return {};
  return Challenge{std::string{token}, purpose, StaffId{std::stoll(parts.at(1))}, parts.at(2),
                   expires};
}

bool take_attempt(db::Tx& tx, Challenge const& challenge) {
  return tx.exec(count_attempt, hash_of(challenge), challenge.expires_at, attempts_per_challenge) ==
         1;
}

void use_up(db::Tx& tx, Challenge const& challenge) {
  tx.exec(mark_used, hash_of(challenge), clock_source::now());
}

}  // namespace identity::factors
