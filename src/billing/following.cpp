#include "billing/following.hpp"

#include "billing/applying.hpp"
#include "mirror/mirror.hpp"
#include "platform/installation/installation.hpp"
#include "platform/log/log.hpp"

namespace billing {

bool follow_subscription(db::Connection& connection, stripe::Client const& client,
                         std::string const& id, std::optional<tenants::TenantId> tenant) {
  db::SessionLock const turn{connection, turn_of(id)};
  auto const asked_at = clock_source::now();
  auto const present = client.get("/v1/subscriptions/" + id);
  return db::transact(
      connection, [&](db::Tx& tx) { return apply_subscription(tx, present, asked_at, tenant); });
}

OtherAccount::OtherAccount(std::string const& object_id)
    : Refused{404, "invalid_request_error", "resource_missing",
              "Stripe knows neither " + object_id +
                  " nor its customer: is stripe_secret_key of another account?",
              ""} {}

void require_known_customer(db::Connection& connection, stripe::Client const& client,
                            std::string const& object_id) {
  auto const customer = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    auto const place = mirror::place_of(tx, object_id);
    return place.customer ? customers::get(tx, *place.customer).stripe_customer_id : std::nullopt;
  }();
  if (customer && !knows_customer(client, *customer)) throw OtherAccount{object_id};
}

Followed follow(db::Connection& connection, stripe::Client const& client, ObjectKind const& kind,
                std::string const& id) {
  db::SessionLock const turn{connection, turn_of(id)};
  auto const present = read({connection, client}, kind, id);
  if (!present) require_known_customer(connection, client, id);
  return db::transact(connection, [&](db::Tx& tx) {
    if (present) return kind.apply(tx, *present, {}) ? Followed::ours : Followed::strange;
    Absence const absence{.id = id, .at = clock_source::now(), .was_deleted = true};
    return kind.gone(tx, absence, {}) ? Followed::gone : Followed::strange;
  });
}

bool follow_invoice(db::Connection& connection, stripe::Client const& client,
                    std::string const& id) {
  return follow(connection, client, *kind_named("invoice"), id) != Followed::strange;
}

void follow_up(db::Connection& connection, stripe::Client const& client,
               std::vector<std::pair<std::string, std::string>> const& objects) {
  auto const later = [&](std::string const& kind, std::string const& id, char const* why) {
    logging::warning("billing", "{} is looked at later: {}", id, why);
    db::transact(connection, [&](db::Tx& tx) {
      jobs::enqueue(tx, FollowObject{kind, id}, {.dedupe_key = id});
    });
  };
  for (auto const& [kind, id] : objects) {
    try {
      follow(connection, client, *kind_named(kind), id);
    } catch (stripe::Unavailable const& away) {
      later(kind, id, away.what());
    } catch (stripe::Refused const& refused) {
      later(kind, id, refused.what());
    } catch (db::Busy const& busy) {
      later(kind, id, busy.what());
    }
  }
}

void add_following_worker(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<FollowObject>{
      .timeout = jobs::Seconds{120},
      .serialise = [](FollowObject const& args) { return "billing.follow:" + args.object_id; },
      .run =
          [&settings](jobs::Context& job, FollowObject const& args) {
            auto const* kind = kind_named(args.object_kind);
            if (!kind)
              throw jobs::Permanent{"there are no objects of the kind " + args.object_kind};
            with_stripe(job, [&] {
              follow(job.connection, stripe::Client{settings}, *kind, args.object_id);
            });
          }});
}

void wait_while_copy(jobs::Context& job) {
  db::Tx tx{job.connection, db::Mode::autocommit};
  if (installation::is_copy(tx)) throw jobs::Snooze{std::chrono::minutes{1}};
}

}  // namespace billing
