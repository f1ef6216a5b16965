#pragma once
// The one source of "now". Tests move it; everything that compares with the database's own now()
// passes this time as a parameter instead.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace clock_source {

using Time = std::chrono::sys_time<std::chrono::microseconds>;

/// Present time in UTC, shifted by what `advance` added (tests only).
[[nodiscard]] Time now();
/// Moves the clock of this process forward; used by tests and by nothing else.
void advance(std::chrono::microseconds by);

/// RFC 3339 in UTC with milliseconds: 2026-11-23T12:00:00.123Z
void append_rfc3339(std::string& out, Time time);
[[nodiscard]] std::string rfc3339(Time time);
/// What RFC 3339 can write in UTC; PostgreSQL's own times go further in both directions.
inline constexpr Time earliest{std::chrono::sys_days{std::chrono::January / 1 / 1}};
inline constexpr Time latest{std::chrono::sys_days{std::chrono::January / 1 / 10'000} -
                             std::chrono::microseconds{1}};
/// Reads RFC 3339 and PostgreSQL's ISO output ("2026-11-23 12:00:00.5+00"); none when it is
/// malformed or lies outside of the years 1 to 9999.
[[nodiscard]] std::optional<Time> parse(std::string_view text);

[[nodiscard]] std::int64_t unix_seconds(Time time);
[[nodiscard]] Time from_unix_seconds(std::int64_t seconds);

}  // namespace clock_source

using clock_source::Time;
