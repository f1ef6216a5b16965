// Mails as they cross the wire, to a server that takes nothing that the standards do not: seven
// bits, short lines ended by CR LF, one header for each name.
#include <doctest/doctest.h>

#include <set>

#include "platform/mail/mail.hpp"
#include "platform/text/utf8.hpp"
#include "support/app.hpp"
#include "support/smtp_server.hpp"

using support::App;
using support::Received;
using support::StrictServer;

namespace {

std::string base64_decoded(std::string_view text) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (char const c : text) {
    if (c == '=') break;
    bits = bits << 6 | unsigned(digits.find(c));
    if ((count += 6) >= 8) out += char(bits >> (count -= 8) & 0xFF);
  }
  return out;
}

/// The headers as a reader sees them, and both bodies as they were written. Checks on the way.
struct Read {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body, html{};

  std::string header(std::string_view name) const {
    std::string out;
    int count = 0;
    for (auto const& [known, value] : headers)
      if (known == name && ++count) out = value;
    CHECK_MESSAGE(count <= 1, name << " stands there " << count << " times");
    return out;
  }
};

/// Encoded words become what they say; blanks between two of them are none.
std::string decoded(std::string_view value) {
  std::string out;
  for (bool after_word = false; !value.empty();) {
    auto const begin = value.find("=?utf-8?B?");
    auto const plain = value.substr(0, begin);
    if (!after_word || plain.find_first_not_of(' ') != std::string_view::npos) out += plain;
    if (begin == std::string_view::npos) return out;
    value.remove_prefix(begin);
    auto const end = value.find("?=", 10);
    REQUIRE(end != std::string_view::npos);
    CHECK(end + 2 <= 75);
    auto const text = base64_decoded(value.substr(10, end - 10));
    CHECK_MESSAGE(utf8::is_clean(text), "a character was cut");
    out += text;
    value.remove_prefix(end + 2);
    after_word = true;
  }
  return out;
}

using Line = std::vector<std::string>::const_iterator;

/// The headers that begin there; `line` stands behind the empty line that ends them.
std::vector<std::pair<std::string, std::string>> headers_at(Line& line, Line end) {
  std::vector<std::pair<std::string, std::string>> out;
  for (; line != end && !line->empty(); ++line) {
    CHECK_MESSAGE(line->size() <= 78, *line);
    CHECK(line->find_first_not_of(" \t") != std::string::npos);
    if (line->starts_with(' ') || line->starts_with('\t')) {
      REQUIRE(!out.empty());
      out.back().second += *line;
      continue;
    }
    auto const colon = line->find(":");
    REQUIRE(colon != std::string::npos);
    out.emplace_back(line->substr(0, colon), line->substr(std::min(colon + 2, line->size())));
  }
  REQUIRE(line != end);
  ++line;
  for (auto& [name, value] : out) {
    value = decoded(value);
    value.erase(0, value.find_first_not_of(' '));
  }
  return out;
}

/// A part up to the boundary that ends it.
Read part_at(Line& line, Line end, std::string const& boundary) {
  Read out;
  out.headers = headers_at(line, end);
  bool const quoted = out.header("Content-Transfer-Encoding") == "quoted-printable";
  CHECK((quoted || out.header("Content-Transfer-Encoding") == "7bit"));
  for (; line != end && !line->starts_with("--" + boundary); ++line) {
    CHECK(line->size() <= 78);
    CHECK_FALSE(line->ends_with(' '));
    CHECK_FALSE(line->starts_with('.'));
    bool soft = false;
    for (std::size_t i = 0; i < line->size(); ++i) {
      if (!quoted || (*line)[i] != '=') {
        out.body += (*line)[i];
      } else if (i + 1 == line->size()) {
        soft = true;
      } else {
        out.body += char(std::stoi(line->substr(i + 1, 2), nullptr, 16));
        i += 2;
      }
    }
    if (!soft) out.body += '\n';
  }
  REQUIRE(line != end);
  // The end of the line before a boundary belongs to it.
  REQUIRE(out.body.ends_with('\n'));
  out.body.pop_back();
  return out;
}

Read read(Received const& mail) {
  auto line = mail.lines.begin();
  auto const end = mail.lines.end();
  Read out;
  out.headers = headers_at(line, end);
  auto const type = out.header("Content-Type");
  REQUIRE(type.starts_with("multipart/alternative; boundary=\""));
  auto const boundary = type.substr(33, type.size() - 34);
  REQUIRE(line != end);
  CHECK(*line == "--" + boundary);
  auto const text = part_at(++line, end, boundary);
  CHECK(*line == "--" + boundary);
  auto const html = part_at(++line, end, boundary);
  CHECK(*line == "--" + boundary + "--");
  CHECK(++line == end);
  CHECK(text.header("Content-Type") == "text/plain; charset=utf-8");
  CHECK(html.header("Content-Type") == "text/html; charset=utf-8");
  out.body = text.body;
  out.html = html.body;
  return out;
}

struct World {
  StrictServer server;
  App app = App::fresh({.settings = [this](config::Settings& settings) {
    settings.smtp_url = server.url;
    settings.mail_from = "Ñu <n@example.test>";
    settings.support_email = "help@example.test";
    settings.public_url = "https://example.test";
  }});

  /// Sends one mail; none when it was not taken.
  std::optional<Read> send(std::string const& subject, std::string const& body = "Hello\n",
                           std::string const& to = "ada@example.com", bool declinable = false) {
    auto const before = server.mails().size();
    mail::Template const text{"test", {"{subject}", "{body}"}, {"{subject}", "{body}"}, declinable};
    db::Connection connection{app.database.url()};
    db::transact(connection, [&](db::Tx& tx) {
      mail::send(tx, text, i18n::Locale::en, to, {{"subject", subject}, {"body", body}});
    });
    app.work();
    auto const mails = server.mails();
    if (mails.size() == before) return {};
    CHECK(mails.back().recipient == "<" + to + ">");
    return read(mails.back());
  }
};

std::string times(int count, std::string_view text) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("a sender of any script arrives as it is set") {
  World world;
  auto const long_name = times(70, "Ñandú ") + "end";
  for (auto const& [setting, seen] :
       {std::pair<std::string, std::string>{"Ñu <n@example.test>", "Ñu <n@example.test>"},
        {"n@example.test", "n@example.test"},
        {"<n@example.test>", "n@example.test"},
        {"Acme Team <n@example.test>", "Acme Team <n@example.test>"},
        {"Acme, Ltd. <n@example.test>", R"("Acme, Ltd." <n@example.test>)"},
        {R"("Acme, Ltd." <n@example.test>)", R"("Acme, Ltd." <n@example.test>)"},
        {R"("The \"A\" \\ Team" <n@example.test>)", R"("The \"A\" \\ Team" <n@example.test>)"},
        {R"("Ñu, S. L." <n@example.test>)", "Ñu, S. L. <n@example.test>"},
        {"=?utf-8?B?eA==?= <n@example.test>", "=?utf-8?B?eA==?= <n@example.test>"},
        {long_name + " <n@example.test>", long_name + " <n@example.test>"},
        {times(30, "long name ") + "<n@example.test>",
         times(30, "long name ") + "<n@example.test>"}}) {
    CAPTURE(setting);
    world.app.settings.mail_from = setting;
    auto const mail = world.send("Hello");
    REQUIRE(mail);
    CHECK(mail->header("From") == seen);
    CHECK(world.server.mails().back().sender == "<n@example.test>");
  }
  CHECK(world.server.objections().empty());
}

TEST_CASE("ASCII stands there plain, everything else whole") {
  World world;
  auto const raw = [&] {
    std::string out;
    auto const mails = world.server.mails();
    for (auto const& line : mails.back().lines) out += line + "\n";
    return out;
  };
  REQUIRE(world.send("acme.localhost is ready"));
  CHECK(raw().find("\nSubject: acme.localhost is ready\n") != std::string::npos);
  for (auto const& subject :
       {std::string{"Ñ"}, std::string{"Tu sistema está listo: pago de 49,00 € recibido"},
        times(60, "😀"), times(200, "é"), "a" + times(99, "€"), times(60, "long words "),
        times(7, "word") + times(20, " another"), std::string{"=?utf-8?B?bm90IG1pbmU=?="},
        times(80, "x"), std::string{"  blanks  in  it"}, std::string(1500, 'x')}) {
    CAPTURE(subject);
    auto wanted = subject;
    while (wanted.ends_with(' ')) wanted.pop_back();
    wanted.erase(0, wanted.find_first_not_of(' '));
    if (subject.size() == 80) continue;  // one word cannot be parted; its line is longer than 78
    auto const mail = world.send(subject);
    REQUIRE(mail);
    CHECK(mail->header("Subject") == wanted);
  }
  CHECK(world.server.objections().empty());
}

TEST_CASE("bodies arrive as they were written") {
  World world;
  for (auto const& body :
       {std::string{"Hello\n"}, std::string{"Hola, Ñu:\n\nTu sistema está listo.\n"},
        times(300, "a long line ") + "end\n", times(400, "ñ") + "\n", times(3000, "x") + "\n",
        std::string{".\n..\n.a\nFrom me\n>From you\n"}, std::string{"blanks at the end   \n \nx\n"},
        std::string{"=3D is an =\n"}, "https://example.com/" + times(200, "abc.") + "\n",
        times(75, "y") + ".z\n", times(76, "y") + "\n", times(77, "y") + "\n",
        times(100, ". ") + ".\n", times(30, "😀 = ") + "\n", std::string{"tab\there\n"},
        times(200, "line\n.\n")}) {
    CAPTURE(body);
    auto const mail = world.send("Hello", body);
    REQUIRE(mail);
    CHECK(mail->body == body);
  }
  auto const mixed = world.send("Hello", "one\r\ntwo\rthree\nfour");
  REQUIRE(mixed);
  CHECK(mixed->body == "one\ntwo\nthree\nfour\n");
  CHECK(world.server.objections().empty());
}

TEST_CASE("nothing in a mail becomes a header, a command or another recipient") {
  World world;
  auto const mail =
      world.send("Hello\r\nBcc: evil@example.com\r\n\r\nbody\n.\r\nQUIT\x0B\u2028x\u0085");
  REQUIRE(mail);
  CHECK(mail->header("Bcc").empty());
  CHECK(mail->header("Subject").starts_with("Hello"));
  CHECK(mail->header("To") == "ada@example.com");
  for (auto const* to :
       {"a@example.com>\r\nRCPT TO:<evil@example.com", "a@example.com, evil@example.com",
        "ñandú@example.com", "a@españa.es", "a b@example.com", "<a@example.com>"}) {
    CAPTURE(to);
    CHECK_FALSE(world.send("Hello", "Hello\n", to));
    CHECK(world.app.value("SELECT state || ' ' || last_error FROM mails ORDER BY id DESC LIMIT 1")
              .starts_with("failed no mail can be sent to the address"));
  }
  CHECK(world.server.mails().size() == 1);
  CHECK(world.server.objections().empty());
}

TEST_CASE("every mail says what it is, when it was written, and has a name of its own") {
  World world;
  std::set<std::string> ids;
  for (bool const declinable : {false, true}) {
    auto const mail = world.send("Hello", "Hello\n", "owner@localhost", declinable);
    REQUIRE(mail);
    CHECK(mail->header("MIME-Version") == "1.0");
    CHECK(mail->header("Auto-Submitted") == "auto-generated");
    CHECK(mail->header("Message-ID").ends_with("@example.test>"));
    ids.insert(mail->header("Message-ID"));
    std::tm date{};
    auto const text = mail->header("Date");
    auto const* const end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S +0000", &date);
    REQUIRE(end);
    CHECK(*end == '\0');
    CHECK(std::abs(timegm(&date) - std::time(nullptr)) < 600);
    auto const ways = mail->header("List-Unsubscribe");
    CHECK(ways.starts_with(declinable ? "<https://example.test/unsubscribe/" : ""));
    CHECK(ways.ends_with(declinable ? ", <mailto:help@example.test?subject=unsubscribe%20test>"
                                    : ""));
    CHECK(ways.empty() != declinable);
    CHECK(mail->header("List-Unsubscribe-Post") ==
          (declinable ? "List-Unsubscribe=One-Click" : ""));
    auto const link = declinable ? ways.substr(1, ways.find('>') - 1) : "/unsubscribe/";
    CHECK((mail->body.find(link) != std::string::npos) == declinable);
    CHECK((mail->html.find(link) != std::string::npos) == declinable);
  }
  CHECK(ids.size() == 2);
}

TEST_CASE("the HTML says what the text says, and nothing in it is more than text") {
  World world;
  auto const mail =
      world.send("Hello",
                 "Hello <b>Ñu</b> & \"Co\",\n\nOpen it:\n\nhttps://example.com/?a=1&b=%22x\n\nor "
                 "(see https://example.com/help), javascript:alert(1).\nsecond line\n\nمرحبا "
                 "help@example.test.\n\nhttps://example.com/second\n");
  REQUIRE(mail);
  auto const has = [&](std::string_view part) {
    return mail->html.find(part) != std::string::npos;
  };
  CHECK(has("<html lang=\"en\" dir=\"ltr\">"));
  CHECK(has("Hello &lt;b&gt;Ñu&lt;/b&gt; &amp; &quot;Co&quot;,"));
  CHECK(has("<a href=\"https://example.com/?a=1&amp;b=%22x\" class=\"b\""));
  CHECK(has(">Open the page</a>"));
  CHECK(has("(see <a href=\"https://example.com/help\""));
  CHECK(has("</a>), javascript:alert(1).<br>\nsecond line"));
  CHECK(has("<a href=\"mailto:help@example.test\""));
  CHECK(has(">help@example.test</a>.</p>"));
  CHECK(has("مرحبا"));
  CHECK(has("Onboarding System"));
  CHECK(has("prefers-color-scheme: dark"));
  // One thing to do, and nothing that runs or is loaded.
  CHECK(mail->html.find("class=\"b\"") == mail->html.rfind("class=\"b\""));
  for (auto const* nothing :
       {"<script", "<img", "<link", "url(", "@import", "<b>", "\"javascript:"})
    CHECK_FALSE(has(nothing));
  CHECK(world.server.objections().empty());
}

TEST_CASE("a mail looks as the organisation has set it when it was written") {
  World world;
  world.app.run(
      "INSERT INTO settings_groups (name, version, content) VALUES ('branding', 1, "
      "'{\"name\": \"Ñandú & Co\", \"accent_colour\": \"#7a1f4b\"}')");
  auto const mail = world.send("Hello", "Look:\n\nhttps://example.com/x\n");
  REQUIRE(mail);
  CHECK(mail->html.find("Ñandú &amp; Co") != std::string::npos);
  CHECK(mail->html.find("background-color:#7a1f4b") != std::string::npos);
}

TEST_CASE("a sender that is no address is said, and the mail waits for another") {
  World world;
  world.app.settings.mail_from = "nobody";
  CHECK_FALSE(world.send("Hello"));
  CHECK(world.app.value("SELECT last_error FROM jobs WHERE kind = 'mail.deliver'")
            .find("mail_from is \"nobody\"") != std::string::npos);
  world.app.settings.mail_from = "Somebody <n@example.test>";
  world.app.hurry();
  world.app.work();
  CHECK(world.server.mails().size() == 1);
}
