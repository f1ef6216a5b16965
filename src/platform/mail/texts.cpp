#include "platform/mail/texts.hpp"

#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace mail {

namespace {
std::vector<Declared const*>& declared() {
  static std::vector<Declared const*> known;
  return known;
}

constexpr auto columns = R"sql(
  SELECT version, en_subject, en_body, es_subject, es_body, changed_at, changed_by FROM mail_texts
   WHERE template = $1
)sql";
db::Query const read_texts{"mail.read_texts", columns};
db::Query const lock_texts{"mail.lock_texts", std::string{columns} + " FOR UPDATE"};
// The row is made on first use, so that two who save at once meet at its lock.
db::Query const make_texts{
    "mail.make_texts",
    "INSERT INTO mail_texts (template, version) VALUES ($1, 0) ON CONFLICT DO NOTHING"};
db::Query const write_texts{"mail.write_texts", R"sql(
  UPDATE mail_texts SET version = version + 1, en_subject = $2, en_body = $3, es_subject = $4,
         es_body = $5, changed_at = now(), changed_by = $6
   WHERE template = $1 RETURNING version
)sql"};
db::Query const changed_names{"mail.changed_names",
                              "SELECT template FROM mail_texts WHERE en_subject IS NOT NULL"};

retention::Kept const kept_texts{"mail_texts", "one row for each kind of mail"};

std::atomic<std::string (*)(db::Tx&, i18n::Locale)> known_foot{
    [](db::Tx&, i18n::Locale) { return std::string{}; }};
std::atomic<Look (*)(db::Tx&)> known_look{[](db::Tx&) { return Look{}; }};

std::optional<Text> of(Changed const& changed, i18n::Locale locale) {
  bool const spanish = locale == i18n::Locale::es;
  auto const& subject = spanish ? changed.es_subject : changed.en_subject;
  auto const& body = spanish ? changed.es_body : changed.en_body;
  if (!subject || !body) return {};
  return Text{*subject, *body};
}
}  // namespace

Declared::Declared(std::string_view name, Text en, Text es, bool declinable,
                   std::chrono::minutes useful_for)
    : Template{name, en, es, declinable, useful_for} {
  auto& all = declared();
  all.insert(std::upper_bound(all.begin(), all.end(), name,
                              [](std::string_view wanted, Declared const* known) {
                                return wanted < known->name;
                              }),
             this);
}

std::vector<Declared const*> Declared::all() { return declared(); }

void on_foot(std::string (*foot)(db::Tx&, i18n::Locale)) { known_foot = foot; }
void on_look(Look (*look)(db::Tx&)) { known_look = look; }
Look present_look(db::Tx& tx) { return known_look.load()(tx); }

Names names_in(std::string_view text) {
  Names out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '}') out.is_broken = true;
    if (text[at] != '{') continue;
    auto const end = text.find('}', at);
    auto const name = text.substr(at + 1, end == std::string_view::npos ? 0 : end - at - 1);
    bool const is_name = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") ==
                                              std::string_view::npos;
    if (!is_name) {
      out.is_broken = true;
      continue;
    }
    out.names.emplace(name);
    at = end;
  }
  return out;
}

std::set<std::string> parameters_of(Template const& text) {
  std::set<std::string> out;
  for (auto const part : {text.en.subject, text.en.body, text.es.subject, text.es.body})
    out.merge(names_in(part).names);
  return out;
}

std::set<std::string> required_of(Template const& text, i18n::Locale locale) {
  auto out = names_in(locale == i18n::Locale::es ? text.es.body : text.en.body).names;
  out.erase("name");
  out.erase("support");
  return out;
}

Text own_text(Template const& text, i18n::Locale locale) {
  auto const& words = locale == i18n::Locale::es ? text.es : text.en;
  return {std::string{words.subject}, std::string{words.body}};
}

bool fits(Template const& text, i18n::Locale locale, Text const& words) {
  auto const known = parameters_of(text);
  auto used = names_in(words.subject);
  auto const body = names_in(words.body);
  if (used.is_broken || body.is_broken) return false;
  used.names.insert(body.names.begin(), body.names.end());
  auto const is_in = [](std::set<std::string> const& all) {
    return [&all](std::string const& name) { return all.contains(name); };
  };
  auto const required = required_of(text, locale);
  return std::all_of(used.names.begin(), used.names.end(), is_in(known)) &&
         std::all_of(required.begin(), required.end(), is_in(used.names));
}

Text present_text(db::Tx& tx, Template const& text, i18n::Locale locale) {
  auto const stored = of(changed(tx, text.name), locale);
  if (!stored) return own_text(text, locale);
  if (fits(text, locale, *stored)) return *stored;
  logging::warning("mail", "the changed words of {} ({}) no longer fit: its own are used",
                   text.name, name_of(locale));
  return own_text(text, locale);
}

std::string fill(std::string_view text, std::map<std::string, std::string> const& values,
                 std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{') {
      out += text[i];
      continue;
    }
    auto const end = text.find('}', i);
    auto const key = std::string{text.substr(i + 1, end - i - 1)};
    auto const found = values.find(key);
    if (found == values.end())
      throw std::logic_error{"mail " + std::string{name} + " lacks the value " + key};
    out += found->second;
    i = end;
  }
  return out;
}

Text written(db::Tx& tx, Text const& words, Template const& text, i18n::Locale locale,
             std::map<std::string, std::string> const& values, bool has_foot) {
  Text out{fill(words.subject, values, text.name), fill(words.body, values, text.name)};
  if (!has_foot) return out;
  auto const foot = known_foot.load()(tx, locale);
  if (foot.empty()) return out;
  if (!out.body.ends_with('\n')) out.body += '\n';
  out.body += "\n" + foot + "\n";
  return out;
}

std::map<std::string, Changed> all_changed(db::Tx& tx) {
  std::map<std::string, Changed> out;
  for (auto& name : tx.all<std::string>(changed_names)) {
    auto row = changed(tx, name);
    out.emplace(std::move(name), std::move(row));
  }
  return out;
}

Changed changed(db::Tx& tx, std::string_view name) {
  return tx.maybe<Changed>(read_texts, name).value_or(Changed{});
}

Changed lock_changed(db::Tx& tx, std::string_view name) {
  tx.exec(make_texts, name);
  return tx.one<Changed>(lock_texts, name);
}

std::int64_t change(db::Tx& tx, std::string_view name, std::optional<std::pair<Text, Text>> words,
                    std::string_view by) {
  auto const text = [&](auto get) -> std::optional<std::string> {
    return words ? std::optional{get(*words)} : std::nullopt;
  };
  return tx.one<std::int64_t>(write_texts, name,
                              text([](auto const& both) { return both.first.subject; }),
                              text([](auto const& both) { return both.first.body; }),
                              text([](auto const& both) { return both.second.subject; }),
                              text([](auto const& both) { return both.second.body; }), by);
}

}  // namespace mail
