#pragma once
// A session: begun by a log-in, refreshed with tokens that work once, ended by time, by its person,
// by staff or because a refresh token was used twice.
#include "identity/directory.hpp"

namespace identity::sessions {

inline constexpr std::string_view access_cookie = "__Host-session",
                                  refresh_cookie = "__Host-refresh";
/// The language of the pages: the profile's, or the visitor's choice.
inline constexpr std::string_view language_cookie = "lang";
constexpr std::chrono::minutes access_token_life{15};
constexpr std::chrono::hours session_life{24};
constexpr std::chrono::minutes confirmation_life{5};

inline constexpr ProblemType session_not_found{Kind::not_found, "session_not_found",
                                               "There is no such session of yours"};

/// What a log-in or a refresh answers. The refresh token travels in its cookie only.
struct SessionAnswer {
  std::string access_token, token_type = "Bearer";
  std::int64_t expires_in;
  std::string csrf_token;
  Time session_expires_at;
  static constexpr auto rules() {
    return ::rules(rule(&SessionAnswer::access_token,
                        {.doc = "JWT (HS256) for Authorization, also in the cookie"}),
                   rule(&SessionAnswer::expires_in, {.doc = "Seconds until it must be refreshed"}),
                   rule(&SessionAnswer::csrf_token,
                        {.doc = "Send as X-CSRF-Token with writes that use the cookie"}),
                   rule(&SessionAnswer::session_expires_at,
                        {.doc = "After this moment only a new log-in helps"}));
  }
};

/// Begins a session of this person, sets its cookies and notes the device. `second_factor`: how it
/// was shown.
SessionAnswer begin(http::Context& context, Snapshot const& snapshot, StaffId staff,
                    std::optional<std::string_view> second_factor = {}, bool trust_device = false);

/// Ends all sessions of a person but `except` (may be empty); all nodes hear of it with the commit.
/// Returns how many.
std::int64_t end_all_of(db::Tx& tx, StaffId staff, std::string_view except,
                        std::string_view reason);

/// Ends every session of everybody; whoever calls it tells all nodes with announce_change() or
/// Directory::changed(). Returns how many.
std::int64_t end_all(db::Tx& tx, std::string_view reason);

/// Throws Problem{step_up_required} unless the person of this session proved who they are within
/// the last five minutes. A key has no session: what it may do was decided when it was made.
void require_recent_confirmation(db::Tx& tx, http::Actor const& actor);
/// Notes that the person of this session has just proved who they are.
void note_confirmation(db::Tx& tx, std::string const& session_id);

/// The doors to refresh, log out, and one's own sessions.
void add_endpoints(http::Api& api, Directory& directory, config::Settings const& settings);

}  // namespace identity::sessions
