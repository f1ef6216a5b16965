#pragma once
// The bouncer: judges the raw bytes of a request's head before any parser sees them. Whatever two
// programs could read differently (and so be smuggled past one of them) is refused.
#include <cstdint>
#include <optional>
#include <string_view>

namespace http {

struct Refusal {
  int status = 0;  // 0: nothing to object to
  std::string_view code, detail;
  explicit operator bool() const { return status != 0; }
};

/// Looks for the end of the head.
struct HeadScan {
  std::size_t size = 0;    // of the head with its empty line; 0 while it is incomplete
  bool malformed = false;  // a bare LF: nobody should wait for more
};
/// `from` is what an earlier scan has already seen.
[[nodiscard]] HeadScan scan_head(std::string_view bytes, std::size_t from);

/// What the head says about the bytes that follow it.
struct Framing {
  std::string_view target;  // path and query, also out of an absolute target
  std::optional<std::uint64_t> content_length = {};
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

struct Judgement {
  Refusal refusal = {};
  Framing framing = {};
};
/// `head` is complete, up to and including the empty line.
[[nodiscard]] Judgement judge_head(std::string_view head);

/// Trailers come after everything was decided: those that would decide again are refused.
[[nodiscard]] bool is_forbidden_trailer(std::string_view name);

[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);
/// Whether a comma-separated list ("keep-alive, Upgrade") holds the token, in any case.
[[nodiscard]] bool list_contains(std::string_view list, std::string_view token);

}  // namespace http
