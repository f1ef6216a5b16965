// Pages of Stripe's lists against rows of the mirror. A difference is written only when a second,
// fresh answer tells the same and no event about it is under way.
#include "billing/walking.hpp"

#include "billing/following.hpp"
#include "mirror/differences.hpp"
#include "mirror/mirror.hpp"
#include "mirror/shape.hpp"
#include "platform/log/log.hpp"

namespace billing {

namespace {
db::Query const begun_at{"billing.comparison_begun_at",
                         "SELECT created_at FROM jobs WHERE id = $1"};
db::Query const is_under_way{"billing.event_is_under_way", R"sql(
  SELECT EXISTS (SELECT 1 FROM stripe_events WHERE object_id = $1 AND state = 'received')
)sql"};
struct Customer {
  std::int64_t id;
  std::string stripe_customer_id;
};
db::Query const some_customers{"billing.some_customers", R"sql(
  SELECT c.id, c.stripe_customer_id
    FROM customers c LEFT JOIN billing_profiles p ON p.customer_id = c.id
   WHERE c.id > $1 AND c.stripe_customer_id IS NOT NULL AND NOT c.is_demo AND p.deleted_at IS NULL
   ORDER BY c.id LIMIT 20
)sql"};

/// Then the job hands its place on and goes on later.
constexpr auto longest_turn = std::chrono::minutes{20};
constexpr auto stripe_is_away = std::chrono::minutes{20};

enum class Outcome { agrees, differs, strange };

bool is_absent(std::optional<Reading> const& reading) {
  return !reading || stripe::boolean(reading->object, "deleted");
}

/// One walk over a kind.
class Walking {
 public:
  Walking(jobs::Context& job, stripe::Client const& client, ObjectKind const& kind,
          mirror::Walk walk)
      : job_{job}, client_{client}, kind_{kind}, walk_{std::move(walk)} {}

  void go() {
    if (kind_.is_of_customer)
      walk_customers();
    else
      walk_list();
    look_for_missing();
    job_.transact([&](db::Tx& tx) { mirror::end_walk(tx, kind_.name, {}); });
  }
  Round const& met() const { return met_; }

 private:
  std::string list_path() const { return kind_.path.substr(0, kind_.path.size() - 1); }

  std::vector<std::pair<std::string, std::string>> query() const {
    auto out = kind_.all;
    for (std::size_t i = 0; i < kind_.expand_listed.size(); ++i)
      out.emplace_back("expand[" + std::to_string(i) + "]", kind_.expand_listed[i]);
    return out;
  }

  void walk_list() {
    auto asked = query();
    if (walk_.after) asked.emplace_back("starting_after", *walk_.after);
    try {
      read_pages(client_, list_path(), asked, [&](boost::json::array& page) {
        see_page(page, stripe::text(page.back().as_object(), "id"));
        return true;
      });
    } catch (OtherAccount const&) {
      throw;
    } catch (stripe::Refused const& refused) {
      if (!walk_.after || refused.code != "resource_missing") throw;
      // Stripe has forgotten the object that we had come to.
      job_.transact([&](db::Tx& tx) { mirror::begin_again(tx, kind_.name); });
      throw jobs::Snooze{std::chrono::seconds{1}};
    }
  }

  /// What Stripe lists for each customer only.
  void walk_customers() {
    std::int64_t after = walk_.after ? std::stoll(*walk_.after) : 0;
    for (;;) {
      auto const some = [&] {
        db::Tx tx{job_.connection, db::Mode::autocommit};
        return tx.all<Customer>(some_customers, after);
      }();
      if (some.empty()) return;
      for (auto const& customer : some) {
        boost::json::array all;
        try {
          read_pages(client_,
                     "/v1/customers/" + customer.stripe_customer_id + "/" + kind_.name + "s",
                     query(), [&](boost::json::array& page) {
                       for (auto& entry : page) all.push_back(std::move(entry));
                       return true;
                     });
        } catch (stripe::Refused const& refused) {
          if (refused.status != 404) throw;  // the walk over customers tells of those
        }
        after = customer.id;
        see_page(all, std::to_string(after));
      }
    }
  }

  void see_page(boost::json::array& page, std::string const& after) {
    mirror::Met met;
    for (auto& entry : page) {
      auto& object = entry.as_object();
      auto const outcome = compare(object);
      if (outcome == Outcome::strange) {
        ++met.not_ours;
        continue;
      }
      met.ids.push_back(stripe::text(object, "id"));
      met.differing += outcome == Outcome::differs;
    }
    job_.transact([&](db::Tx& tx) { mirror::come_to(tx, kind_.name, after, met); });
    walk_.after = after;
    count(met);
    if (std::chrono::steady_clock::now() - began_ > longest_turn)
      throw jobs::Snooze{std::chrono::seconds{1}};
  }

  void count(mirror::Met const& met) {
    met_.compared += std::int64_t(met.ids.size());
    met_.not_ours += met.not_ours;
    met_.differing += met.differing;
  }

  Outcome compare(stripe::Object& theirs) {
    read_parts(client_, kind_, theirs);
    auto const id = stripe::text(theirs, "id");
    auto const [is_ours, agrees] = [&] {
      db::Tx tx{job_.connection, db::Mode::autocommit};
      bool const ours = !kind_.is_of_somebody || owner_of(tx, theirs);
      return std::pair{ours, ours && differences_of(tx, kind_, id, Reading{theirs, {}}).empty()};
    }();
    if (!is_ours) return Outcome::strange;
    return agrees ? Outcome::agrees : look_again(id);
  }

  /// The page may have been written before the newest event came: only a fresh answer counts.
  Outcome look_again(std::string const& id) {
    db::SessionLock const turn{job_.connection, turn_of(id)};
    Asking asking{job_.connection, client_};
    if (walk_.is_first)
      asking.before["balance"] = nullptr;  // movements that cancel each other, too
    auto const reading = read(asking, kind_, id);
    if (!reading) require_known_customer(job_.connection, client_, id);
    return job_.transact([&](db::Tx& tx) {
      if (walk_.is_first) {
        fill(tx, id, reading);
        return Outcome::agrees;
      }
      auto members = differences_of(tx, kind_, id, reading);
      if (members.empty() || tx.one<bool>(is_under_way, id)) return Outcome::agrees;
      if (std::ranges::all_of(members, [&](auto const& member) {
            return std::ranges::count(kind_.untold, member.key()) > 0;
          })) {
        fill(tx, id, reading);
        return Outcome::agrees;
      }
      auto const customer =
          reading ? owner_of(tx, reading->object) : mirror::place_of(tx, id).customer;
      auto const nature = is_absent(reading) ? mirror::Nature::missing_there
                          : !mirror::find(tx, id) || mirror::is_deleted(tx, id)
                              ? mirror::Nature::missing_here
                              : mirror::Nature::different;
      mirror::write_difference(tx, {id, kind_.name, nature, customer, std::move(members)});
      return Outcome::differs;
    });
  }

  void fill(db::Tx& tx, std::string const& id, std::optional<Reading> const& reading) {
    if (reading)
      kind_.apply(tx, *reading, {});
    else
      kind_.gone(tx, {.id = id, .at = clock_source::now(), .was_deleted = true}, {});
  }

  /// What stands here and was in no list.
  void look_for_missing() {
    auto const ids = [&] {
      db::Tx tx{job_.connection, db::Mode::autocommit};
      return mirror::not_met(tx, kind_.name, walk_.began_at);
    }();
    for (auto const& id : ids) {
      mirror::Met met{.ids = {id}};
      met.differing = look_again(id) == Outcome::differs;
      job_.transact(
          [&](db::Tx& tx) { mirror::come_to(tx, kind_.name, walk_.after.value_or(""), met); });
      count(met);
    }
  }

  jobs::Context& job_;
  stripe::Client const& client_;
  ObjectKind const& kind_;
  mirror::Walk walk_;
  Round met_;
  std::chrono::steady_clock::time_point const began_ = std::chrono::steady_clock::now();
};
}  // namespace

stripe::Object differences_of(db::Tx& tx, ObjectKind const& kind, std::string const& id,
                              std::optional<Reading> const& reading) {
  auto const ours = mirror::find(tx, id);
  bool const stands_here = ours && !mirror::is_deleted(tx, id);
  bool const stands_there = !is_absent(reading);
  if (!stands_here && !stands_there) return {};
  if (!stands_here) return {{"id", boost::json::array{nullptr, id}}};
  if (!stands_there) return {{"id", boost::json::array{id, nullptr}}};
  auto members = mirror::differences(*ours, mirror::natural(reading->object));
  if (kind.also_differs) kind.also_differs(tx, reading->object, members);
  return members;
}

Round walk_everything(jobs::Context& job, stripe::Client const& client) {
  Round out;
  auto const round = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.one<Time>(begun_at, job.job.id);
  }();
  for (auto const& kind : kinds()) {
    auto walk = job.transact([&](db::Tx& tx) { return mirror::walk_of(tx, kind.name, round); });
    if (!walk) continue;
    Walking walking{job, client, kind, std::move(*walk)};
    try {
      walking.go();
    } catch (stripe::Unavailable const& away) {
      logging::info("billing", "the comparison waits: {}", away.what());
      throw jobs::Snooze{stripe_is_away};
    } catch (OtherAccount const& other) {
      throw jobs::Permanent{other.what()};
    } catch (stripe::Refused const& refused) {
      logging::warning("billing", "objects of the kind {} are not compared: {}", kind.name,
                       refused.what());
      out.refused.push_back(kind.name);
    }
    out.compared += walking.met().compared;
    out.not_ours += walking.met().not_ours;
    out.differing += walking.met().differing;
  }
  return out;
}

}  // namespace billing
