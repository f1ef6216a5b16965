#pragma once
// The rows behind the ladder: what is known of a tenant's debts, and its case.
#include "dunning/ladder.hpp"
#include "dunning/settings.hpp"
#include "tenants/tenants.hpp"

namespace dunning {

/// An invoice that is open and could not be collected.
struct Debt {
  std::int64_t tenant_id, id;
  std::string number, currency;
  std::int64_t amount;
  std::optional<std::string> address;  // where it is paid
  Time first_failed_at;
  std::optional<Time> next_attempt;
  std::vector<Time> attempts;
  bool is_under_way, is_over, is_paused;
};

struct Case {
  std::int64_t tenant_id, id, invoice_id;
  Ladder ladder;
  Time began_at;
  std::optional<Time> next_at;
};

/// What a tenant stands in, with the exception that was agreed with its customer.
struct Standing {
  tenants::TenantId id;
  customers::CustomerId customer_id;
  std::string plan_id;
  tenants::State state;
  bool is_ending, is_demo, is_paid_for, is_paused;
  std::optional<Time> held_since, not_before;
};

struct Look {
  Standing standing;
  std::vector<Debt> debts;  // those that count, the oldest first
  std::optional<Case> open{};
  std::vector<Taken> taken{};

  [[nodiscard]] bool has(Step step) const;
  /// Whether the case suspends its tenant.
  [[nodiscard]] bool wants_hold(Time now) const;
  [[nodiscard]] Facts facts(Ladder const& ladder) const;
};

/// Everything that the ladder asks for, as it is at `now`; of many in one round.
[[nodiscard]] std::vector<Look> looks_at(db::Tx& tx, std::vector<tenants::TenantId> const& ids,
                                         Time now);
[[nodiscard]] Look look_at(db::Tx& tx, tenants::TenantId id, Time now);
/// The same after its case was opened, replaced or closed as the facts want it, under the tenant's
/// lock.
Look brought_up(db::Tx& tx, tenants::TenantId id, Time now);

/// Writes when there is something to do again, and how long the archive is kept.
void write_next(db::Tx& tx, Look const& look, Time now);
/// Of those whose case stands as it should and has nothing due it writes when there will be;
/// answers the others, and those whose lock somebody holds.
[[nodiscard]] std::vector<tenants::TenantId> put_off_quiet(
    db::Tx& tx, std::vector<tenants::TenantId> const& ids, Time now);
void look_again(db::Tx& tx, std::int64_t case_id, Time at);
void take(db::Tx& tx, Look& look, Taken const& taken, std::optional<std::int64_t> mail);
void close(db::Tx& tx, std::int64_t case_id, std::string_view outcome, Time now);

}  // namespace dunning
