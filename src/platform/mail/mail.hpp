#pragma once
// The outbox: a mail is a row and a job of the caller's transaction. It goes out by SMTP when that
// is configured; otherwise it stays readable in the outbox and as an .eml file.
#include "platform/config/config.hpp"
#include "platform/db/db.hpp"
#include "platform/i18n/i18n.hpp"
#include "platform/jobs/jobs.hpp"

namespace mail {

/// "{name}" in subject and body is replaced; a missing or unknown name is an error.
struct Template {
  std::string_view name;
  struct Text {
    std::string_view subject, body;
  } en, es;
  /// Not about something that its reader has asked for: says how to be spared more of them.
  bool declinable = false;
  /// As long as the mail server is tried; what comes later serves nobody.
  std::chrono::minutes useful_for = std::chrono::days{4};
};

/// A template of the program: staff see it in a list and may change its words.
class Declared : public Template {
 public:
  Declared(std::string_view name, Text en, Text es, bool declinable = false,
           std::chrono::minutes useful_for = std::chrono::days{4});
  Declared(Declared const&) = delete;
  Declared& operator=(Declared const&) = delete;

  /// In the order of their names.
  static std::vector<Declared const*> all();
};

struct Deliver {
  static constexpr std::string_view kind = "mail.deliver";
  std::int64_t mail_id;
};

/// The customer and the tenant that a mail is about; none: staff, and people who are no customers.
struct About {
  std::optional<Id<"cus">> customer{};
  std::optional<Id<"ten">> tenant{};
};

/// What became of a mail.
struct Delivered {
  Id<"mail"> id;
  std::string template_name;
  std::optional<Id<"cus">> customer_id;
  std::optional<Id<"ten">> tenant_id;
  std::string state;
  std::optional<std::string> error{};
};
using OnDelivered = void (*)(db::Tx&, Delivered const&);

/// What stands beneath every mail to people outside: customers, and whoever can decline more of
/// them. `foot` belongs to a folder further down; empty: nothing.
void on_foot(std::string (*foot)(db::Tx&, i18n::Locale));

/// Under which name and in which colour a mail goes out as HTML; without a colour in the program's.
struct Look {
  std::string name, accent_colour;
};
void on_look(Look (*look)(db::Tx&));

/// Puts the mail into the outbox and enqueues its delivery. Returns its id.
std::int64_t send(db::Tx& tx, Template const& text, i18n::Locale locale, std::string_view recipient,
                  std::map<std::string, std::string> const& values, About const& about = {});

struct Once {
  std::int64_t id;  // of the mail; of the earlier one where it has been written before
  bool is_new;
};
/// The same for a mail that is written once, whoever asks for it again and however much later:
/// `key` is capability/entity/step, as "dunning/inv_1/first_mail".
Once send_once(db::Tx& tx, std::string_view key, Template const& text, i18n::Locale locale,
               std::string_view recipient, std::map<std::string, std::string> const& values,
               About const& about = {});

/// Whether the mail server takes our name and password: connects, greets, logs in, and sends
/// nothing. Throws std::runtime_error.
void try_server(std::string const& smtp_url);

/// Registers the worker; `on_delivered` writes in the transaction that says what became of a mail.
/// `settings` must outlive the engine.
void add_workers(jobs::Engine& engine, config::Settings const& settings, OnDelivered on_delivered);

}  // namespace mail
