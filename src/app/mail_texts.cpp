// The words of mails, as staff change them: both languages together, with what they may and must
// say.
#include "app/mails.hpp"
#include "identity/directory.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/i18n/words.hpp"
#include "platform/json/checks.hpp"
#include "platform/mail/letter.hpp"
#include "platform/mail/texts.hpp"

namespace app {

namespace {
constexpr ProblemType mail_text_not_found{Kind::not_found, "mail_text_not_found",
                                          "There is no such kind of mail"};
constexpr ProblemType test_mail_needs_person{
    Kind::forbidden, "test_mail_needs_person",
    "A test goes to the person who asks for it, and an API key has no mailbox"};
constexpr FieldCode unknown_parameter{"unknown_parameter", "must not contain {parameter}"};
constexpr FieldCode missing_parameter{"missing_parameter", "must contain {parameter}"};
constexpr FieldCode broken_braces{"broken_braces", "has a brace that belongs to no parameter"};

constexpr std::size_t longest_subject = 200, longest_body = 3'000;

struct Words {
  std::string en_subject, en_body, es_subject, es_body;
  static constexpr auto rules() {
    return ::rules(
        rule(&Words::en_subject,
             {.min_length = 1, .max_length = longest_subject, .check = checks::one_line}),
        rule(&Words::en_body,
             {.min_length = 1, .max_length = longest_body, .check = checks::lines_or_none}),
        rule(&Words::es_subject,
             {.min_length = 1, .max_length = longest_subject, .check = checks::one_line}),
        rule(&Words::es_body,
             {.min_length = 1, .max_length = longest_body, .check = checks::lines_or_none}));
  }
};

struct Line {
  std::string template_name;
  bool declinable, changed, fits;
  std::optional<Time> changed_at;
  std::optional<std::string> changed_by;
  static constexpr auto fields() {
    return ::fields(
        field("template", &Line::template_name),
        field("declinable", &Line::declinable, {.doc = "Its reader can decline more of its kind"}),
        field("changed", &Line::changed, {.doc = "Staff have changed its words"}),
        field("fits", &Line::fits,
              {.doc = "False: the changed words lack a parameter that the program "
                      "gives now, so its own are used"}),
        field("changed_at", &Line::changed_at), field("changed_by", &Line::changed_by));
  }
};
struct Lines {
  std::vector<Line> data;
};

struct ParameterView {
  std::string name;
  bool required_in_en, required_in_es;
  std::string example_in_en, example_in_es;
};
struct View {
  std::string template_name;
  bool declinable, changed;
  std::int64_t version;
  Words words, own_words;
  std::vector<ParameterView> parameters;
  std::optional<Time> changed_at;
  std::optional<std::string> changed_by;
  static constexpr auto fields() {
    return ::fields(
        field("template", &View::template_name),
        field("declinable", &View::declinable, {.doc = "Its reader can decline more of its kind"}),
        field("changed", &View::changed, {.doc = "Staff have changed its words"}),
        field("version", &View::version, {.doc = "As If-Match names it"}),
        field("words", &View::words, {.doc = "As they are now"}),
        field("own_words", &View::own_words, {.doc = "The program's own"}),
        field("parameters", &View::parameters,
              {.doc = "What stands in braces; a required one must stand in subject or body"}),
        field("changed_at", &View::changed_at), field("changed_by", &View::changed_by));
  }
};

constexpr Rules template_rules{
    .doc = "The kind of mail", .example = "tenant_ready", .max_length = 60};
struct Which {
  std::string mail_template;
  static constexpr auto fields() {
    return ::fields(field("template", &Which::mail_template, template_rules));
  }
};
struct NewWords : Words {
  std::string mail_template;
  static constexpr auto fields() {
    using W = Words;
    Rules subject{.min_length = 1, .max_length = longest_subject, .check = checks::one_line};
    Rules body{.min_length = 1, .max_length = longest_body, .check = checks::lines_or_none};
    return ::fields(
        field("en_subject", &W::en_subject, subject), field("en_body", &W::en_body, body),
        field("es_subject", &W::es_subject, subject), field("es_body", &W::es_body, body),
        field("template", &NewWords::mail_template, template_rules));
  }
};
struct Draft {
  std::string mail_template;
  i18n::Locale locale;
  std::string subject, body;
  static constexpr auto fields() {
    return ::fields(field("template", &Draft::mail_template, template_rules),
                    field("locale", &Draft::locale),
                    field("subject", &Draft::subject, {.max_length = longest_subject}),
                    field("body", &Draft::body, {.max_length = longest_body}));
  }
};
struct Preview {
  std::string subject, text, html;
};
struct Tested {
  Id<"mail"> mail_id;
  std::string recipient;
  bool sends_mail;
  static constexpr auto rules() {
    return ::rules(
        rule(&Tested::sends_mail, {.doc = "False where no mail server is set: it is kept here"}));
  }
};

mail::Declared const& find(std::string const& name) {
  for (auto const* one : mail::Declared::all())
    if (one->name == name) return *one;
  throw Problem{mail_text_not_found};
}

Words own_words(mail::Template const& text) {
  return {std::string{text.en.subject}, std::string{text.en.body}, std::string{text.es.subject},
          std::string{text.es.body}};
}

Words words_of(mail::Template const& text, mail::Changed const& changed) {
  if (changed.is_own()) return own_words(text);
  return {*changed.en_subject, *changed.en_body, *changed.es_subject, *changed.es_body};
}

bool is_same(Words const& one, Words const& other) {
  return one.en_subject == other.en_subject && one.en_body == other.en_body &&
         one.es_subject == other.es_subject && one.es_body == other.es_body;
}

std::pair<mail::Text, mail::Text> texts_of(Words const& words) {
  return {{words.en_subject, words.en_body}, {words.es_subject, words.es_body}};
}

std::string example_of(std::string const& parameter, i18n::Locale locale) {
  return std::string{i18n::word(locale, "mail_example." + parameter).value_or(parameter)};
}

View view_of(mail::Declared const& text, mail::Changed const& changed) {
  using i18n::Locale;
  View out{.template_name = std::string{text.name},
           .declinable = text.declinable,
           .changed = !changed.is_own(),
           .version = changed.version,
           .words = words_of(text, changed),
           .own_words = own_words(text),
           .changed_at = changed.changed_at,
           .changed_by = changed.changed_by};
  auto const in_en = mail::required_of(text, Locale::en),
             in_es = mail::required_of(text, Locale::es);
  for (auto const& name : mail::parameters_of(text))
    out.parameters.push_back({name, in_en.contains(name), in_es.contains(name),
                              example_of(name, Locale::en), example_of(name, Locale::es)});
  return out;
}

/// What is wrong with a subject and a body of one language; the fields are called `prefix` + name.
void check(mail::Template const& text, i18n::Locale locale, mail::Text const& words,
           std::string const& prefix, json::Errors& errors) {
  auto const known = mail::parameters_of(text);
  std::set<std::string> used;
  for (auto const& [field, part] : {std::pair{"subject", &words.subject}, {"body", &words.body}}) {
    auto const found = mail::names_in(*part);
    if (found.is_broken) errors.push_back(wrong<broken_braces>(prefix + field));
    for (auto const& name : found.names) {
      if (!known.contains(name))
        errors.push_back(wrong<unknown_parameter>(prefix + field, "{" + name + "}"));
      used.insert(name);
    }
  }
  for (auto const& name : mail::required_of(text, locale))
    if (!used.contains(name))
      errors.push_back(wrong<missing_parameter>(prefix + "body", "{" + name + "}"));
}

void require_fitting(mail::Template const& text, Words const& words) {
  json::Errors errors;
  auto const [en, es] = texts_of(words);
  check(text, i18n::Locale::en, en, "/en_", errors);
  check(text, i18n::Locale::es, es, "/es_", errors);
  json::refuse(std::move(errors));
}

View change(http::Context& context, std::string const& name, std::optional<Words> const& wanted) {
  auto const& text = find(name);
  auto const before = mail::lock_changed(context.tx, text.name);
  http::require_version(context.request, before.version, {json::text(view_of(text, before))});
  if (wanted) require_fitting(text, *wanted);
  context.audit_target = name;
  auto const was = words_of(text, before);
  auto const is = wanted.value_or(own_words(text));
  context.audit_before.text = json::text(was);
  context.audit_after.text = json::text(is);
  // Who saves what stands there already takes no version from others.
  if (!is_same(was, is))
    mail::change(context.tx, text.name,
                 is_same(is, own_words(text)) ? std::nullopt : std::optional{texts_of(is)},
                 context.actor.label());
  auto const after = mail::changed(context.tx, text.name);
  http::add_version(context.response, after.version);
  return view_of(text, after);
}

mail::Text written(db::Tx& tx, Draft const& draft, mail::Declared const& text) {
  mail::Text const words{draft.subject, draft.body};
  json::Errors errors;
  check(text, draft.locale, words, "/", errors);
  json::refuse(std::move(errors));
  std::map<std::string, std::string> values;
  for (auto const& name : mail::parameters_of(text)) values[name] = example_of(name, draft.locale);
  return mail::written(tx, words, text, draft.locale, values, true);
}

Preview preview(http::Context& context, Draft const& draft) {
  auto const& text = find(draft.mail_template);
  auto const out = written(context.tx, draft, text);
  mail::Letter const letter{
      out.body, draft.locale, mail::present_look(context.tx),
      text.declinable ? mail::decline_url(context.settings.public_url, "…") : std::string{}};
  return {out.subject, mail::text_of(letter), mail::html_of(letter)};
}

Tested test(http::Context& context, Draft const& draft) {
  if (context.actor.user_id == 0) throw Problem{test_mail_needs_person};
  auto const& text = find(draft.mail_template);
  auto const out = written(context.tx, draft, text);
  auto const id = mail::send_as_is(
      context.tx, text.name, draft.locale, context.actor.email,
      {i18n::filled(i18n::word(draft.locale, "mail_letter.test").value_or("{subject}"),
                    {{"subject", out.subject}}),
       out.body});
  context.audit_target = draft.mail_template;
  return {Id<"mail">{id}, context.actor.email, !context.settings.smtp_url.empty()};
}
}  // namespace

void add_mail_texts(http::Api& api) {
  api.add(http::Endpoint<http::Nothing, Lines>{
      .route = "GET /api/mail-texts",
      .summary = "List the kinds of mails and whose words they have",
      .tag = "Mails",
      .scope = "settings:read",
      .handle =
          [](http::Context& context, http::Nothing const&) {
            auto const changed = mail::all_changed(context.tx);
            Lines out;
            for (auto const* one : mail::Declared::all()) {
              auto& line = out.data.emplace_back(
                  Line{std::string{one->name}, one->declinable, false, true, {}, {}});
              auto const found = changed.find(line.template_name);
              if (found == changed.end()) continue;
              auto const [en, es] = texts_of(words_of(*one, found->second));
              line.changed = true;
              line.fits =
                  mail::fits(*one, i18n::Locale::en, en) && mail::fits(*one, i18n::Locale::es, es);
              line.changed_at = found->second.changed_at;
              line.changed_by = found->second.changed_by;
            }
            return out;
          },
  });
  api.add(http::Endpoint<Which, View>{
      .route = "GET /api/mail-texts/{template}",
      .summary = "Read the words of a kind of mail",
      .tag = "Mails",
      .scope = "settings:read",
      .problems = {mail_text_not_found},
      .handle =
          [](http::Context& context, Which const& request) {
            auto const& text = find(request.mail_template);
            auto const changed = mail::changed(context.tx, text.name);
            http::add_version(context.response, changed.version);
            return view_of(text, changed);
          },
  });
  api.add(http::Endpoint<NewWords, View>{
      .route = "PUT /api/mail-texts/{template}",
      .summary = "Change the words of a kind of mail, in both languages",
      .tag = "Mails",
      .scope = "settings:write",
      .audit = "mail_text.changed",
      .problems = {mail_text_not_found, http::version_required, http::version_outdated},
      .handle =
          [](http::Context& context, NewWords const& request) {
            return change(context, request.mail_template, Words{request});
          },
  });
  api.add(http::Endpoint<Which, View>{
      .route = "DELETE /api/mail-texts/{template}",
      .summary = "Give a kind of mail the program's own words again",
      .tag = "Mails",
      .scope = "settings:write",
      .audit = "mail_text.reset",
      .problems = {mail_text_not_found, http::version_required, http::version_outdated},
      .handle = [](http::Context& context,
                   Which const& request) { return change(context, request.mail_template, {}); },
  });
  api.add(http::Endpoint<Draft, Preview>{
      .route = "GET /api/mail-texts/{template}/preview",
      .summary = "Read a mail with these words and example values",
      .tag = "Mails",
      .scope = "settings:read",
      .problems = {mail_text_not_found},
      .handle = preview,
  });
  api.add(http::Endpoint<Draft, Tested>{
      .route = "POST /api/mail-texts/{template}/test",
      .summary = "Send a mail with these words and example values to oneself",
      .tag = "Mails",
      .scope = "settings:write",
      .audit = "mail_text.tested",
      .limit = http::per_minute(10),
      .problems = {mail_text_not_found, test_mail_needs_person},
      .handle = test,
  });
}

}  // namespace app
