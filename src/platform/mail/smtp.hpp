#pragma once
// One mail over SMTP: how far the conversation came, and what the server said last.
#include <functional>
#include <string>

namespace mail {

enum class Stage { connection, sender, recipient, content };

struct Handover {
  std::string url, sender, recipient;  // addresses alone
  std::string const& eml;
  /// The server is ready to take the mail, and has none of it yet. What it throws ends the
  /// conversation, and is thrown to the caller.
  std::function<void()> before_content;
};

struct Outcome {
  enum class Kind {
    taken,
    not_now,  // try this mail again later
    refused,  // trying again cannot help
    away,     // no mail can be handed over at present
    unknown   // it was sent, and no answer came
  };
  Kind kind;
  Stage stage;
  std::string answer;       // the server's last words, or what was in the way
  std::string status_code;  // "5.1.1" (RFC 3463), where it said one
};

/// Throws what `before_content` throws, and nothing else.
[[nodiscard]] Outcome hand_over(Handover const& mail);

/// "550 5.1.1 no such user" gives "5.1.1"; empty: there is none.
[[nodiscard]] std::string status_code_of(std::string_view answer);

}  // namespace mail
