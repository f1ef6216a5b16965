// One object at a time, each in its own transaction: a crash in between loses nothing, since what
// is due stays due.
#include "sandbox/ticker.hpp"

#include "platform/log/log.hpp"
#include "platform/process/shown_time.hpp"
#include "sandbox/checkout.hpp"
#include "sandbox/deliverer.hpp"
#include "sandbox/subscription_schedules.hpp"
#include "sandbox/subscriptions.hpp"
#include "sandbox/switches.hpp"
#include "sandbox/tax_ids.hpp"

namespace sandbox {

namespace {
struct Due {
  std::string id;
  std::int64_t due = 0;
};

db::Query const next_due{"sandbox.next_due", R"sql(
    SELECT id, due FROM stripe_sandbox.objects
     WHERE due <= $1::bigint AND clock IS NULL ORDER BY due, seq LIMIT 1)sql"};
db::Query const next_due_of_clock{"sandbox.next_due_of_clock", R"sql(
    SELECT id, due FROM stripe_sandbox.objects
     WHERE due <= $1::bigint AND clock = $2 ORDER BY due, seq LIMIT 1)sql"};
db::Query const delete_old_keys{"sandbox.delete_old_keys", R"sql(
    DELETE FROM stripe_sandbox.idempotency_keys
     WHERE created_at < $1::timestamptz - interval '24 hours')sql"};

void wake(Store& store, Object& object) {
  auto const type = text(object, "object");
  if (type == "subscription") {
    subscription_is_due(store, object);
  } else if (type == "subscription_schedule") {
    schedule_is_due(store, object);
  } else if (type == "invoice") {
    invoice_is_due(store, object);
  } else if (type == "payment_intent") {
    finish_processing(store, object);
  } else if (type == "tax_id") {
    verify_tax_id(store, object);
  } else if (type == "checkout.session") {
    expire_session(store, object);
  }
}

/// Wakes the object at `moment`. One that stays due is put off: it must not hold up the others.
void wake_at(Store& store, Due const& due, std::int64_t moment) {
  store.now = moment;
  store.time_is_given = true;
  auto object = store.find(due.id);
  if (!object || number(*object, "_due", due.due + 1) > due.due) return;
  wake(store, *object);
  auto after = store.find(due.id);
  if (after && has(*after, "_due") && number(*after, "_due") <= due.due) {
    logging::warning("sandbox", "{} stays due after it was woken: put off for an hour", due.id);
    after->insert_or_assign("_due", moment + 3'600);
    store.save(*after);
  }
}
}  // namespace

Ticker::Ticker(Engine& engine)
    : engine_{engine}, connection_{engine.settings.database_url, "sandbox-ticker"}, thread_{[this] {
        run();
      }} {}

Ticker::~Ticker() {
  stopping_ = true;
  engine_.due.ring();
  thread_.join();
}

bool Ticker::wake_one() {
  auto const now = clock_source::unix_seconds(clock_source::now());
  std::optional<Due> due;
  try {
    db::Tx tx{connection_};
    Store store{tx, engine_.settings, {}};
    store.lock();
    due = tx.maybe<Due>(next_due, now);
    if (!due) return false;
    wake_at(store, *due, now);
    tx.commit();
    if (store.has_emitted()) engine_.deliveries.ring();
  } catch (ApiError const& error) {
    logging::error("sandbox", "{} could not be woken: {}", due->id, error.message);
    db::Tx tx{connection_};
    Store store{tx, engine_.settings, {}};
    if (auto object = store.find(due->id)) {
      object->insert_or_assign("_due", now + 3'600);
      store.save(*object);
    }
    tx.commit();
  }
  return true;
}

bool Ticker::advance_one() {
  std::string clock_id;
  try {
    db::Tx tx{connection_};
    Store store{tx, engine_.settings, {}};
    store.lock();
    auto clock = store.newest("test_helpers.test_clock", {{"status", "advancing"}});
    engine_.clock_waits = false;
    if (!clock) return false;
    clock_id = text(*clock, "id");
    auto const target = number(*clock, "status_details.advancing.target_frozen_time");
    auto const due = tx.maybe<Due>(next_due_of_clock, target, clock_id);
    auto const moment = due ? std::max(due->due, number(*clock, "frozen_time")) : target;
    if (text(switches_of(store), "product_clock") == clock_id) {
      engine_.clock_waits = true;
      if (moment > number(*clock, "frozen_time") && !all_is_delivered(engine_, store)) {
        engine_.deliveries.ring();
        return false;
      }
      process::show_time(moment);
    }
    if (due) wake_at(store, *due, moment);
    (*clock)["frozen_time"] = moment;
    if (!due) {
      (*clock)["status"] = "ready";
      (*clock)["status_details"] = Object{};
      store.now = target;
      store.emit("test_helpers.test_clock.ready", *clock);
    }
    store.save(*clock);
    tx.commit();
    if (store.has_emitted()) engine_.deliveries.ring();
  } catch (ApiError const& error) {
    logging::error("sandbox", "test clock {} stopped: {}", clock_id, error.message);
    db::Tx tx{connection_};
    Store store{tx, engine_.settings, {}};
    if (auto clock = store.find(clock_id)) {
      clock->insert_or_assign("status", "internal_failure");
      store.save(*clock);
    }
    tx.commit();
  }
  return true;
}

void Ticker::forget_old_keys() {
  auto const now = clock_source::now();
  if (clock_source::unix_seconds(now) - keys_forgotten_at_ < 3'600) return;
  db::Tx tx{connection_};
  tx.exec(delete_old_keys, now);
  tx.commit();
  keys_forgotten_at_ = clock_source::unix_seconds(now);
}

void Ticker::run() {
  std::uint64_t heard = 0;
  while (!stopping_) {
    try {
      while (!stopping_ && (wake_one() || advance_one())) {
      }
      forget_old_keys();
    } catch (std::exception const& error) {
      logging::warning("sandbox", "the ticker waits a second: {}", error.what());
    }
    // A delivery that ended meanwhile rang; nobody rings for one that is due a little later.
    auto const pause = std::chrono::milliseconds{engine_.clock_waits ? 20 : 1'000};
    if (!stopping_) engine_.due.wait(heard, pause);
  }
}

}  // namespace sandbox
