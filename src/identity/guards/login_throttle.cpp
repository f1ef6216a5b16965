// Delays that double, then a lock of 15 minutes. Times are PostgreSQL's: the nodes' clocks may
// differ.
#include "identity/guards/login_throttle.hpp"

#include <algorithm>
#include <cmath>

#include "identity/guards/login_attempts.hpp"
#include "identity/guards/security_events.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/mail/mail.hpp"
#include "platform/retention/retention.hpp"

namespace identity::guards {

namespace {
struct Rule {
  std::string bucket;
  int free;        // failures without a delay: people mistype
  int lock_after;  // failures that lock; then the count begins anew
  bool tells = false;
};

constexpr int first_delay = 2, longest_delay = 64, lock_seconds = 15 * 60,
              forgotten_after = 15 * 60;

db::Query const make_rows{"identity.make_throttle_rows", R"sql(
  INSERT INTO login_throttle (bucket) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING
)sql"};

struct Row {
  std::string bucket;
  std::int64_t failures;
  double blocked_for, quiet_for;
};
// Always in the same order: two attempts cannot wait for each other.
db::Query const lock_rows{"identity.lock_throttle_rows", R"sql(
  SELECT bucket, failures,
         extract(epoch FROM greatest(blocked_until, last_at) - clock_timestamp())::float8
           AS blocked_for,
         extract(epoch FROM clock_timestamp() - last_at)::float8 AS quiet_for
    FROM login_throttle WHERE bucket = ANY($1::text[]) ORDER BY bucket FOR UPDATE
)sql"};

// One moment for both: a second reading of the clock would be later, and the block too long.
db::Query const count_failure{"identity.count_login_failure", R"sql(
  UPDATE login_throttle SET failures = $2, last_at = moment,
         blocked_until = moment + make_interval(secs => $3::float8)
    FROM (SELECT clock_timestamp() AS moment) AS read_once
   WHERE bucket = $1
)sql"};

// An address is not forgiven by one success: its owner may own one account among many.
db::Query const forgive{"identity.forgive_login_failures", R"sql(
  WITH gone AS (DELETE FROM login_throttle
                 WHERE bucket = ANY($1::text[]) AND bucket NOT LIKE 'address %')
  UPDATE login_throttle SET failures = greatest(0, failures - 1), blocked_until = '-infinity'
   WHERE bucket = ANY($1::text[]) AND bucket LIKE 'address %'
)sql"};

db::Query const is_known_device{"identity.is_known_device", R"sql(
  SELECT EXISTS (SELECT 1 FROM staff JOIN known_devices ON staff_id = staff.id
                  WHERE email = lower($1) AND hash = $2)
)sql"};

/// Enqueued for unknown accounts as well: whether there is one must not show in anything.
struct TellOfLock {
  static constexpr std::string_view kind = "identity.tell_of_lock";
  std::string bucket, account, address;
};

struct Addressee {
  StaffId id;
  std::string email, name;
  i18n::Locale locale;
};
db::Query const find_person{"identity.find_locked_person", R"sql(
  SELECT id, email, name, coalesce(locale, 'en') AS locale FROM staff
   WHERE encode(sha256(convert_to(email, 'UTF8')), 'hex') = $1 AND disabled_at IS NULL
)sql"};
// Whoever locks an account again and again must not fill its owner's inbox.
db::Query const may_tell{"identity.may_tell_of_lock", R"sql(
  UPDATE login_throttle SET told_at = now()
   WHERE bucket = $1 AND told_at < now() - interval '6 hours'
)sql"};

mail::Declared const login_locked{
    "login_locked",
    {"Somebody is guessing your password",
     "Hello {name},\n\nthere were too many attempts to sign in to {url} with your email address "
     "and "
     "a wrong password, the last one from {address}. For the next 15 minutes nobody can sign in "
     "with "
     "your password on a device that is new to us.\n\nDevices on which you have signed in before "
     "work as always, and so does a passkey. Was it not you? Then nobody got in and you need not "
     "do anything; a second factor under Settings makes guessing pointless.\n"},
    {"Alguien intenta adivinar tu contraseña",
     "Hola, {name}:\n\nHa habido demasiados intentos de entrar en {url} con tu correo y una "
     "contraseña incorrecta, el último desde {address}. Durante los próximos 15 minutos nadie "
     "podrá "
     "entrar con tu contraseña desde un dispositivo nuevo.\n\nLos dispositivos con los que ya has "
     "entrado siguen funcionando, y también las llaves de acceso. ¿No has sido tú? Nadie ha "
     "entrado "
     "y no tienes que hacer nada; con un segundo factor en Ajustes, adivinar ya no sirve de "
     "nada.\n"}};

void tell_of_lock(db::Tx& tx, TellOfLock const& lock, config::Settings const& settings) {
  auto const person = tx.maybe<Addressee>(find_person, lock.account);
  if (!person || tx.exec(may_tell, lock.bucket) == 0) return;
  mail::send(tx, login_locked, person->locale, person->email,
             {{"name", person->name}, {"url", settings.public_url}, {"address", lock.address}});
  raise(tx, {.kind = "account_locked",
             .severity = Severity::medium,
             .staff_id = person->id,
             .address = lock.address});
}

int delay_after(int failures, int free) {
  if (failures <= free) return 0;
  return std::min(longest_delay, first_delay << std::min(10, failures - free - 1));
}

throttle::Counted count(http::Context& context, std::vector<Rule> rules,
                        std::string const& account) {
  std::sort(rules.begin(), rules.end(),
            [](Rule const& a, Rule const& b) { return a.bucket < b.bucket; });
  throttle::Counted buckets;
  for (auto const& rule : rules) buckets.push_back(rule.bucket);
  db::transact(context.worker.aside, [&](db::Tx& tx) {
    tx.exec(make_rows, buckets);
    auto const rows = tx.all<Row>(lock_rows, buckets);
    double wait = 0;
    for (auto const& row : rows) wait = std::max(wait, row.blocked_for);
    if (wait > 0) throw Problem{too_many_attempts}.retry_after(int(std::ceil(wait)));
    for (auto const& rule : rules) {
      auto const row = std::find_if(rows.begin(), rows.end(),
                                    [&](Row const& one) { return one.bucket == rule.bucket; });
      int const failures = row->quiet_for > forgotten_after ? 1 : int(row->failures) + 1;
      bool const locks = failures >= rule.lock_after;
      tx.exec(count_failure, rule.bucket, locks ? 0 : failures,
              locks ? lock_seconds : delay_after(failures, rule.free));
      if (locks && rule.tells)
        jobs::enqueue(tx, TellOfLock{rule.bucket, account, context.request.remote_address});
    }
  });
  return buckets;
}

retention::Rule const old_failures{
    {.table = "login_throttle",
     .column = "last_at",
     .keep = std::chrono::days{1},
     .least = std::chrono::days{1},
     .why = "blocks end after 15 minutes; who was told of one is told again after six hours"}};
}  // namespace

namespace throttle {

Counted by_password(http::Context& context, std::string const& email) {
  auto const& request = context.request;
  auto const account = account_hash_of(email);
  if (auto const device = request.cookie("__Host-device"); !device.empty()) {
    auto const hash = crypto::hex(crypto::sha256(device));
    db::Tx tx{context.worker.aside, db::Mode::autocommit};
    if (tx.one<bool>(is_known_device, email, hash))
      return count(context, {{"device " + account + ' ' + hash, 3, 10}}, account);
  }
  return count(context,
               {{"account " + account, 3, 10, true},
                {"address " + http::address_group(request.remote_address), 10, 50}},
               account);
}

Counted by_passkey(http::Context& context) {
  return count(context,
               {{"passkey " + http::address_group(context.request.remote_address), 10, 50}}, "");
}

Counted confirmation(http::Context& context) {
  return count(context, {{"person " + StaffId{context.actor.user_id}.text(), 3, 10}}, "");
}

void succeeded(http::Context& context, Counted const& counted) {
  db::Tx tx{context.worker.aside, db::Mode::autocommit};
  tx.exec(forgive, counted);
}

}  // namespace throttle

void add_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add<TellOfLock>({.run = [&settings](jobs::Context& job, TellOfLock const& lock) {
    job.transact([&](db::Tx& tx) { tell_of_lock(tx, lock, settings); });
  }});
}

}  // namespace identity::guards
