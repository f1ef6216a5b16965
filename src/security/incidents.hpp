#pragma once
// What staff (or the command line) can do in an incident. Each verb changes rows only; whoever
// calls it tells all nodes with identity::announce_change or Directory::changed, and writes the
// audit row.
#include "identity/guards/security_events.hpp"

namespace security {

using identity::StaffId;
using BlockId = Id<"blk">;

inline constexpr ProblemType own_address{Kind::conflict, "own_address",
                                         "This would keep out whoever asks for it"};
inline constexpr ProblemType block_too_wide{Kind::conflict, "block_too_wide",
                                            "This would keep out far more than one network"};
inline constexpr ProblemType block_of_this_machine{
    Kind::conflict, "block_of_this_machine",
    "This would keep out the machine itself, and everybody who comes through a proxy on it"};
inline constexpr ProblemType block_of_everybody{Kind::conflict, "block_of_everybody",
                                                "This would keep out everybody who is signed in"};

struct Switch {
  std::optional<Time> on_since;
  std::optional<std::string> reason, changed_by;
  static constexpr auto rules() {
    return ::rules(rule(&Switch::on_since, {.doc = "null: it is off"}));
  }
};
[[nodiscard]] Switch read_only_switch(db::Tx& tx);
void set_read_only(db::Tx& tx, bool on, std::string_view reason, std::optional<StaffId> by);

struct Block {
  std::string address;  // one address, or CIDR
  std::string reason;
  Time expires_at;
  std::optional<identity::guards::SecurityEventId> event_id{};
  std::optional<StaffId> by{};
};
/// Throws a Problem when a block would shut out more than it is meant to: half of the Internet,
/// this machine, whoever asks (`askers`: addresses), or, as a range, everybody who is logged in.
void refuse_to_shut_out(db::Tx& tx, std::string_view address,
                        std::vector<std::string> const& askers);
/// E-mails of those who are logged in from there.
[[nodiscard]] std::vector<std::string> people_within(db::Tx& tx, std::string_view address);

struct BlockView {
  BlockId id;
  std::string address, reason;
  std::optional<identity::guards::SecurityEventId> event_id;
  std::optional<std::string> blocked_by;
  Time created_at, expires_at;
};
[[nodiscard]] std::vector<BlockView> blocks(db::Tx& tx);

/// Keeps an address out; one that is blocked already stays out until the later of both times.
BlockId block(db::Tx& tx, Block const& block);
bool unblock(db::Tx& tx, BlockId id);
/// The same by the address, however it is spelled; none when it is not blocked.
std::optional<std::string> unblock(db::Tx& tx, std::string_view address);
/// What is blocked for an address: of IPv6 the /64 that its owner can choose from; none when it is
/// no address.
[[nodiscard]] std::optional<std::string> block_for(db::Tx& tx, std::string_view address);

}  // namespace security
