#pragma once
// From what should stand to what stands: only differences are written.
#include "ledger/ledger.hpp"

namespace ledger {

/// Raised when the same snapshots give other steps, so that "we changed" is told from "Stripe told
/// us late".
inline constexpr int code_version = 1;

enum class Reason { event, rebuild, settings, carried, demo };
constexpr auto names_of(Reason) {
  return std::array<std::string_view, 5>{"event", "rebuild", "settings", "carried", "demo"};
}

/// A time of writing. Its row is made when there is something to write.
class Run {
 public:
  Run(Reason reason, std::optional<std::string> event_id)
      : reason_{reason}, event_id_{std::move(event_id)} {}
  /// Of a row that is there.
  explicit Run(std::int64_t id) : id_{id} {}
  std::int64_t id(db::Tx& tx);

 private:
  Reason reason_ = Reason::event;
  std::optional<std::string> event_id_;
  std::optional<std::int64_t> id_;
};

/// What has changed in somebody's books.
struct Difference {
  std::int64_t customer_id;
  std::string currency;
  std::string what;  // the policy of MRR, or the document, book and kind of an entry
  std::string day;
  std::int64_t amount;
};

/// Brings a customer's steps up to all that is kept of their subscriptions, then the movements.
/// Locks the customer.
void settle(db::Tx& tx, Run& run, customers::CustomerId customer);
/// The same for several, who are locked already; returns what changed.
std::vector<Difference> settle_all(db::Tx& tx, Run& run,
                                   std::vector<std::int64_t> const& customers);
/// The same for one subscription between the neighbours of an instant.
void settle_around(db::Tx& tx, Run& run, customers::CustomerId customer,
                   std::string_view subscription_id, Time at);

/// Brings the entries of all documents of these customers up to what the mirror has of them.
std::vector<Difference> settle_documents(db::Tx& tx, Run& run,
                                         std::vector<std::int64_t> const& customers);

/// Nets the days from that of `from` to that of `until` (none: all before, all after) of these
/// customers by the days of a zone and writes how the movements differ, with the roll-ups. What
/// is brought in after `until` must not have changed.
std::vector<Difference> net(db::Tx& tx, Run& run, std::vector<std::int64_t> const& customers,
                            std::optional<Time> from, std::optional<Time> until,
                            std::string const& zone);
/// The zone that a customer's movements are netted in while another one is being taken over.
[[nodiscard]] std::string zone_of(db::Tx& tx, customers::CustomerId customer);

/// Keeps what stored events carried of a subscription; returns how many there were.
std::int64_t keep_stored(db::Tx& tx, customers::CustomerId customer,
                         std::string_view subscription_id);

}  // namespace ledger
