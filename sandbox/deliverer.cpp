// Deliveries are rows, so a restart continues where it was. A row is taken by pushing its next
// attempt a minute away: should this process die, somebody takes it again then. What is new goes
// before what failed already, so that a dead endpoint holds up nobody.
#include "sandbox/deliverer.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/http_client/http_client.hpp"
#include "platform/log/log.hpp"
#include "platform/text/utf8.hpp"
#include "sandbox/switches.hpp"

namespace sandbox {

namespace {
constexpr int parallel_deliveries = 4;
constexpr std::int64_t give_up_after_seconds = 3 * 86'400;

struct Delivery {
  std::int64_t id = 0;
  std::string event, endpoint;
  int attempts = 0;
  Time created_at{};
};

db::Query const claim{"sandbox.claim_delivery", R"sql(
    UPDATE stripe_sandbox.deliveries
       SET attempts = attempts + 1, next_attempt = $1::timestamptz + interval '60 seconds'
     WHERE id = (SELECT id FROM stripe_sandbox.deliveries WHERE next_attempt <= $1::timestamptz
                  ORDER BY attempts > 0, CASE WHEN $2::boolean THEN random() END, next_attempt, id
                  LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, event, endpoint, attempts, created_at)sql"};
db::Query const next_time{
    "sandbox.next_delivery",
    "SELECT min(next_attempt) FROM stripe_sandbox.deliveries WHERE next_attempt IS NOT NULL"};
db::Query const any_due{"sandbox.any_due_delivery",
                        "SELECT EXISTS (SELECT 1 FROM stripe_sandbox.deliveries WHERE next_attempt "
                        "<= $1::timestamptz)"};
db::Query const finish{"sandbox.finish_delivery", R"sql(
    UPDATE stripe_sandbox.deliveries
       SET delivered_at = $2::timestamptz, next_attempt = $3::timestamptz,
           last_status = $4::integer, last_answer = $5
     WHERE id = $1::bigint)sql"};

struct Attempt {
  int status = 0;
  std::string answer;
  bool final = false;  // nobody is there to be asked again
};

Attempt send(Engine& engine, Store& store, Delivery const& delivery) {
  auto const event = store.find(delivery.event);
  auto const endpoint = store.find(delivery.endpoint);
  if (!event || !endpoint || text(*endpoint, "status") != "enabled")
    return {0, "The endpoint is gone or disabled.", true};
  auto const body = pretty(*event);
  auto const time = clock_source::unix_seconds(clock_source::now());
  std::vector<std::string> secrets{text(*endpoint, "_secret")};
  if (number(*endpoint, "_old_secret_until") > time)
    secrets.push_back(text(*endpoint, "_old_secret"));
  try {
    auto const response = http_client::send(
        {.method = "POST",
         .url = text(*endpoint, "url"),
         .headers = {"Content-Type: application/json; charset=utf-8",
                     "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)",
                     "Cache-Control: no-cache",
                     "Stripe-Signature: " + signature_header(body, time, secrets)},
         .body = body,
         .ca_file = engine.settings.webhook_ca_file,
         .connect_timeout = std::chrono::seconds{5},
         .timeout = std::chrono::seconds{10},
         .answer_limit = 64 * 1024});
    return {response.status, utf8::cleaned(utf8::first(response.body, 500))};
  } catch (http_client::Failure const& failure) {
    return {0, failure.what()};
  }
}

std::string readable(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = ' ';
  return text;
}

/// A delivery is in hand from before its row is taken until its end is written.
class InHand {
 public:
  explicit InHand(Engine& engine) : engine_{engine} { ++engine_.delivering; }
  ~InHand() {
    --engine_.delivering;
    if (engine_.clock_waits) engine_.due.ring();
  }
  InHand(InHand const&) = delete;
  InHand& operator=(InHand const&) = delete;

 private:
  Engine& engine_;
};

bool deliver_one(Engine& engine, db::Connection& connection) {
  InHand const in_hand{engine};
  auto const now = clock_source::now();
  db::Tx tx{connection, db::Mode::autocommit};
  Store store{tx, engine.settings, {}};
  auto const webhooks = part(switches_of(store), "webhooks");
  if (number(webhooks, "off_until") > clock_source::unix_seconds(now)) return false;
  auto const delivery = tx.maybe<Delivery>(claim, now, truth(webhooks, "shuffled"));
  if (!delivery) return false;
  auto const attempt = send(engine, store, *delivery);
  auto const done = clock_source::now();
  std::optional<Time> delivered, next;
  if (attempt.status >= 200 && attempt.status < 300) {
    delivered = done;
  } else if (!attempt.final &&
             done - delivery->created_at < std::chrono::seconds{give_up_after_seconds}) {
    next = done + std::chrono::seconds{pause_after(delivery->attempts)};
  }
  std::optional<int> const status = attempt.status ? std::optional{attempt.status} : std::nullopt;
  tx.exec(finish, delivery->id, delivered, next, status, readable(attempt.answer));
  return true;
}
}  // namespace

std::string signature_header(std::string_view body, std::int64_t time,
                             std::vector<std::string> const& secrets) {
  auto const signed_text = std::to_string(time) + "." + std::string{body};
  auto header = "t=" + std::to_string(time);
  for (auto const& secret : secrets)
    header += ",v1=" + crypto::hex(crypto::hmac_sha256(secret, signed_text));
  return header;
}

bool all_is_delivered(Engine& engine, Store& store) {
  if (!engine.delivers) return true;
  auto const now = clock_source::now();
  auto const webhooks = part(switches_of(store), "webhooks");
  if (number(webhooks, "off_until") > clock_source::unix_seconds(now)) return true;
  // The rows first: what was taken before is in hand still, or ended.
  return !store.tx.one<bool>(any_due, now) && engine.delivering == 0;
}

std::int64_t pause_after(int attempts) {
  static constexpr std::int64_t pauses[]{1, 2, 5, 10, 30, 60, 300, 3'600};
  return attempts <= int(std::size(pauses)) ? pauses[std::max(1, attempts) - 1] : 6 * 3'600;
}

Deliverer::Deliverer(Engine& engine) : engine_{engine} {
  engine_.delivers = true;
  for (int i = 0; i < parallel_deliveries; ++i) threads_.emplace_back([this] { run(); });
}

Deliverer::~Deliverer() {
  stopping_ = true;
  engine_.deliveries.ring();
  for (auto& thread : threads_) thread.join();
  engine_.delivers = false;
}

void Deliverer::run() {
  db::Connection connection{engine_.settings.database_url, "sandbox-webhooks"};
  std::uint64_t heard = 0;
  while (!stopping_) {
    auto pause = std::chrono::milliseconds{1'000};
    try {
      while (!stopping_ && deliver_one(engine_, connection)) {
      }
      db::Tx tx{connection, db::Mode::autocommit};
      if (auto const next = tx.one<std::optional<Time>>(next_time);
          next && *next > clock_source::now())
        pause =
            std::clamp(std::chrono::ceil<std::chrono::milliseconds>(*next - clock_source::now()),
                       std::chrono::milliseconds{1}, pause);
    } catch (std::exception const& error) {
      logging::warning("sandbox", "webhook delivery waits a second: {}", error.what());
    }
    if (!stopping_) engine_.deliveries.wait(heard, pause);
  }
}

}  // namespace sandbox
