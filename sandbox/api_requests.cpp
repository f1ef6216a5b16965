// One function that reads like the list of what happens to a request.
#include "sandbox/api_requests.hpp"

#include <thread>

#include "platform/crypto/crypto.hpp"
#include "platform/log/log.hpp"

namespace sandbox {

namespace {
db::Query const try_key_lock{"sandbox.key_lock",
                             "SELECT pg_try_advisory_lock(hashtextextended($1, 12111))"};
db::Query const release_key_lock{"sandbox.key_unlock",
                                 "SELECT pg_advisory_unlock(hashtextextended($1, 12111))"};
db::Query const select_key{"sandbox.key", R"sql(
    SELECT fingerprint, status, body, request_id FROM stripe_sandbox.idempotency_keys
     WHERE key = $1 AND created_at > $2::timestamptz - interval '24 hours')sql"};
db::Query const insert_key{"sandbox.insert_key", R"sql(
    INSERT INTO stripe_sandbox.idempotency_keys
           (key, fingerprint, status, body, request_id, created_at)
    VALUES ($1, $2, $3::integer, $4, $5, $6::timestamptz)
        ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint,
           status = excluded.status, body = excluded.body, request_id = excluded.request_id,
           created_at = excluded.created_at)sql"};

struct SavedAnswer {
  std::string fingerprint;
  int status = 0;
  std::string body, request_id;
};

/// Held while a request with this idempotency key is worked off; given up when the process dies.
class KeyLock {
 public:
  KeyLock(db::Connection& connection, std::string key)
      : connection_{connection}, key_{std::move(key)} {
    db::Tx tx{connection_, db::Mode::autocommit};
    held_ = tx.one<bool>(try_key_lock, key_);
  }
  ~KeyLock() {
    if (!held_) return;
    try {
      db::Tx tx{connection_, db::Mode::autocommit};
      tx.one<bool>(release_key_lock, key_);
    } catch (std::exception const& error) {
      logging::warning("sandbox", "an idempotency lock went with its connection: {}", error.what());
    }
  }
  KeyLock(KeyLock const&) = delete;
  KeyLock& operator=(KeyLock const&) = delete;
  bool held() const { return held_; }

 private:
  db::Connection& connection_;
  std::string key_;
  bool held_ = false;
};

std::optional<std::string> decoded_base64(std::string_view text) {
  static constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned buffer = 0;
  int bits = 0;
  for (char const c : text) {
    if (c == '=') break;
    auto const value = letters.find(c);
    if (value == std::string_view::npos) return {};
    buffer = buffer << 6 | unsigned(value);
    if ((bits += 6) >= 8) out += char(buffer >> (bits -= 8) & 0xff);
  }
  return out;
}

void wait_unless_stopping(Engine const& engine, std::chrono::milliseconds time) {
  auto const until = std::chrono::steady_clock::now() + time;
  while (!engine.stopping && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::min(time, std::chrono::milliseconds{20}));
}

ApiError error_of(Fault const& fault) {
  if (fault.status == 429)
    return {429, "invalid_request_error", "Request rate limit exceeded.", "rate_limit"};
  if (fault.status < 500)
    return {fault.status, "invalid_request_error", "A simulated refusal by the sandbox."};
  return {fault.status, "api_error", "A simulated failure of the sandbox."};
}

Object parameters_of(Endpoint const& endpoint, http::Request const& request) {
  auto parameters = parse_parameters(request.query);
  if (!request.body.empty())
    for (auto& [key, value] : parse_parameters(request.body))
      parameters.insert_or_assign(key, std::move(value));
  auto table = endpoint.parameters;
  table.push_back({"expand[]"});
  if (endpoint.shape == Shape::list) {
    table.push_back({"limit", Kind::integer});
    table.push_back({"starting_after"});
    table.push_back({"ending_before"});
    table.push_back({"created", Kind::range});
  }
  check_parameters(parameters, table);
  return parameters;
}

/// Carries out the work and, in the same transaction, notes the answer under its key.
http::Response work(Engine& engine, db::Connection& connection, Endpoint const& endpoint,
                    http::Request const& request, Object const& parameters, std::string const& key,
                    std::string const& fingerprint, std::string const& request_id) {
  bool const reads = endpoint.method == "GET";
  bool emitted = false;
  http::Response response;
  {
    db::Tx tx{connection, reads ? db::Mode::autocommit : db::Mode::read_write};
    Store store{tx, engine.settings, {request_id, key}};
    if (!reads) store.lock();
    bool keep = true;
    try {
      Call call{store, parameters, request};
      Value answer(endpoint.handle(call));
      for (auto const& path : items(parameters, "expand"))
        expand(store, answer, std::string_view{path.as_string()});
      shorten_lists(answer.as_object());
      response = json_answer(200, pretty(answer), request_id);
    } catch (ApiError const& error) {
      response = error_answer(error, request_id);
      keep = error.keep_changes;
    }
    if (!reads && keep) {
      emitted = store.has_emitted();
      if (!key.empty())
        tx.exec(insert_key, key, fingerprint, response.status, response.body, request_id,
                clock_source::now());
      tx.commit();
    }
  }
  if (!response.headers.empty() && !reads && !key.empty() && response.status != 200 && !emitted) {
    // The refusal undid its own transaction; its answer is kept all the same.
    db::Tx tx{connection};
    tx.exec(insert_key, key, fingerprint, response.status, response.body, request_id,
            clock_source::now());
    tx.commit();
  }
  if (emitted) engine.deliveries.ring();
  if (!reads) engine.due.ring();
  return response;
}

http::Response answer(Engine& engine, db::Connection& connection, Endpoint const& endpoint,
                      http::Request const& request, std::string const& request_id) {
  check_key(engine.settings, request);
  auto const fault = engine.faults.take(request.path);
  if (fault) {
    wait_unless_stopping(engine, fault->delay);
    if (fault->status && !fault->after) throw error_of(*fault);
  }
  auto const parameters = parameters_of(endpoint, request);

  std::string key;
  if (endpoint.method == "POST") key = request.header("idempotency-key");
  if (key.size() > 255)
    throw ApiError{400, "idempotency_error",
                   "Keys for idempotent requests are at most 255 characters."};
  std::string fingerprint;
  std::optional<KeyLock> lock;
  if (!key.empty()) {
    fingerprint =
        crypto::hex(crypto::sha256(request.path + "\n" + boost::json::serialize(parameters)));
    lock.emplace(connection, key);
    if (!lock->held())
      throw ApiError{409, "idempotency_error",
                     "There is currently another in-progress request using this Idempotent Key "
                     "(that probably means you submitted twice, and the other request is still "
                     "going through): " +
                         key + ". Please try again later.",
                     "idempotency_key_in_use"};
    db::Tx tx{connection, db::Mode::autocommit};
    if (auto const saved = tx.maybe<SavedAnswer>(select_key, key, clock_source::now())) {
      if (saved->fingerprint != fingerprint)
        throw ApiError{400, "idempotency_error",
                       "Keys for idempotent requests can only be used with the same parameters "
                       "they were first used with. Try using a key other than '" +
                           key + "' if you meant to execute a different request."};
      auto response = json_answer(saved->status, saved->body, request_id);
      response.headers.push_back({"Idempotent-Replayed", "true"});
      response.headers.push_back({"Original-Request", saved->request_id});
      return response;
    }
  }
  auto response =
      work(engine, connection, endpoint, request, parameters, key, fingerprint, request_id);
  if (!key.empty()) response.headers.push_back({"Original-Request", request_id});
  if (fault && fault->status) throw error_of(*fault);
  return response;
}
}  // namespace

void check_key(Settings const& settings, http::Request const& request) {
  auto const header = request.header("authorization");
  std::string key;
  if (header.starts_with("Bearer ")) key = header.substr(7);
  if (header.starts_with("Basic ")) {
    key = decoded_base64(header.substr(6)).value_or("");
    key = key.substr(0, key.find(':'));
  }
  if (key.empty())
    throw ApiError{401, "invalid_request_error",
                   "You did not provide an API key. You need to provide your API key in the "
                   "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                   "YOUR_SECRET_KEY')."};
  if (!crypto::equal_in_constant_time(key, settings.secret_key)) {
    auto const shown = key.size() > 12 ? key.substr(0, 8) + std::string(key.size() - 12, '*') +
                                             key.substr(key.size() - 4)
                                       : std::string(key.size(), '*');
    throw ApiError{401, "invalid_request_error", "Invalid API Key provided: " + shown};
  }
}

http::Response json_answer(int status, std::string body, std::string_view request_id) {
  http::Response response{.status = status, .body = std::move(body)};
  response.headers = {{"Request-Id", std::string{request_id}},
                      {"Stripe-Version", std::string{api_version}},
                      {"Cache-Control", "no-cache, no-store"}};
  return response;
}

http::Response error_answer(ApiError const& error, std::string_view request_id) {
  return json_answer(error.status, pretty(Object{{"error", error.body}}), request_id);
}

http::Response answer_api_request(Engine& engine, db::Connection& connection,
                                  Endpoint const& endpoint, http::Request const& request) {
  auto const request_id = new_id("req_", 14);
  http::Response response;
  try {
    response = answer(engine, connection, endpoint, request, request_id);
  } catch (ApiError const& error) {
    response = error_answer(error, request_id);
  } catch (db::Unavailable const& error) {
    logging::warning("sandbox", "{}", error.what());
    bool const is_full =
        std::string_view{error.what()}.find("No space left") != std::string_view::npos;
    response = error_answer(
        {503, "api_error",
         is_full ? "The sandbox's disk is full." : "The sandbox's database cannot be reached."},
        request_id);
  } catch (std::exception const& error) {
    logging::error("sandbox", "{} {}: {}", request.method, request.route, error.what());
    response = error_answer({500, "api_error", "The sandbox failed at this request."}, request_id);
  }
  if (auto const key = request.header("idempotency-key"); !key.empty() && endpoint.method == "POST")
    response.headers.push_back({"Idempotency-Key", std::string{key}});
  return response;
}

}  // namespace sandbox
