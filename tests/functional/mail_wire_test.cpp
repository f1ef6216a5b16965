// Mails as they cross the wire, to a server that takes nothing that the standards do not: seven
// bits, short lines ended by CR LF, one header for each name.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "platform/files/files.hpp"
#include "platform/mail/mail.hpp"
#include "platform/text/utf8.hpp"
#include "support/app.hpp"

using support::App;

namespace {

struct Received {
  std::string sender, recipient;
  std::vector<std::string> lines;  // of the message, dots taken back
};

/// One client at a time. What it objects to is answered with 5xx and kept in `objections`.
class StrictServer {
 public:
  StrictServer() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket_.get(), 4) == 0);
    REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    url = "smtp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread{[this] {
      while (!stop_) {
        pollfd waiting{socket_.get(), POLLIN, 0};
        if (::poll(&waiting, 1, 10) == 1)
          talk(files::Descriptor{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)});
      }
    }};
  }
  ~StrictServer() {
    stop_ = true;
    thread_.join();
  }

  std::string url;
  std::vector<Received> mails() {
    std::scoped_lock lock{mutex_};
    return mails_;
  }
  std::vector<std::string> objections() {
    std::scoped_lock lock{mutex_};
    return objections_;
  }

 private:
  struct Client {
    files::Descriptor const& socket;
    std::string buffer{};
    void say(std::string const& text) const {
      (void)!::send(socket.get(), (text + "\r\n").data(), text.size() + 2, MSG_NOSIGNAL);
    }
    /// A line as sent, with whatever ends it; empty when the client is gone.
    std::string line() {
      while (buffer.find('\n') == std::string::npos) {
        char bytes[4096];
        auto const got = ::recv(socket.get(), bytes, sizeof bytes, 0);
        if (got <= 0) return {};
        buffer.append(bytes, std::size_t(got));
      }
      auto out = buffer.substr(0, buffer.find('\n') + 1);
      buffer.erase(0, out.size());
      return out;
    }
  };

  /// Why a line cannot be taken; it loses its end.
  static std::string objection(std::string& line) {
    if (!line.ends_with("\r\n")) return "a bare LF";
    line.resize(line.size() - 2);
    if (line.find('\r') != std::string::npos) return "a bare CR";
    if (line.size() > 998) return "a line of " + std::to_string(line.size());
    for (char const c : line)
      if (c == '\0' || static_cast<unsigned char>(c) > 0x7E || (c < ' ' && c != '\t'))
        return "a byte that is not printable ASCII";
    return {};
  }

  void talk(files::Descriptor const& socket) {
    Client client{socket};
    Received mail;
    client.say("220 strict");
    for (std::string line; !(line = client.line()).empty();) {
      if (auto const why = objection(line); !why.empty()) {
        object(client, why);
      } else if (line.starts_with("EHLO ")) {
        client.say("250-strict");
        client.say("250 SIZE 1000000");
      } else if (line.starts_with("MAIL FROM:<")) {
        mail.sender = line.substr(10, line.find('>') - 9);
        line.ends_with('>') || line.find("> SIZE=") != std::string::npos
            ? client.say("250 fine")
            : object(client, "an extension that was not offered: " + line);
      } else if (line.starts_with("RCPT TO:<") && line.ends_with('>')) {
        mail.recipient = line.substr(8);
        client.say("250 fine");
      } else if (line == "DATA") {
        client.say("354 go on");
        if (take(client, mail)) client.say("250 taken");
        mail = {};
      } else if (line == "QUIT") {
        return client.say("221 bye");
      } else {
        object(client, "an unknown command: " + line);
      }
    }
  }

  bool take(Client& client, Received& mail) {
    std::string wrong;
    for (std::string line; !(line = client.line()).empty() && line != ".\r\n";) {
      if (auto const why = objection(line); !why.empty() && wrong.empty()) wrong = why;
      if (line.starts_with('.')) {
        if (!line.starts_with("..") && wrong.empty()) wrong = "a dot that was not doubled";
        line.erase(0, 1);
      }
      mail.lines.push_back(std::move(line));
    }
    if (!wrong.empty()) {
      object(client, wrong);
      return false;
    }
    std::scoped_lock lock{mutex_};
    mails_.push_back(mail);
    return true;
  }

  void object(Client const& client, std::string const& why) {
    client.say("554 " + why);
    std::scoped_lock lock{mutex_};
    objections_.push_back(why);
  }

  files::Descriptor socket_;
  std::thread thread_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::vector<Received> mails_;
  std::vector<std::string> objections_;
};

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

/// The headers as a reader sees them, and the body as it was written. Checks on the way.
struct Read {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

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

Read read(Received const& mail) {
  Read out;
  auto line = mail.lines.begin();
  for (; line != mail.lines.end() && !line->empty(); ++line) {
    CHECK_MESSAGE(line->size() <= 78, *line);
    CHECK(line->find_first_not_of(" \t") != std::string::npos);
    if (line->starts_with(' ') || line->starts_with('\t')) {
      REQUIRE(!out.headers.empty());
      out.headers.back().second += *line;
      continue;
    }
    auto const colon = line->find(": ");
    REQUIRE(colon != std::string::npos);
    out.headers.emplace_back(line->substr(0, colon), line->substr(colon + 2));
  }
  REQUIRE(line != mail.lines.end());
  for (auto& [name, value] : out.headers) value = decoded(value);
  bool const quoted = out.header("Content-Transfer-Encoding") == "quoted-printable";
  CHECK((quoted || out.header("Content-Transfer-Encoding") == "7bit"));
  for (++line; line != mail.lines.end(); ++line) {
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
  return out;
}

struct World {
  StrictServer server;
  App app = App::fresh({.settings = [this](config::Settings& settings) {
    settings.smtp_url = server.url;
    settings.mail_from = "Ñu <n@example.test>";
    settings.support_email = "help@example.test";
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
    CHECK(mail->header("Content-Type") == "text/plain; charset=utf-8");
    CHECK(mail->header("Auto-Submitted") == "auto-generated");
    CHECK(mail->header("Message-ID").ends_with("@example.test>"));
    ids.insert(mail->header("Message-ID"));
    std::tm date{};
    auto const text = mail->header("Date");
    auto const* const end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S +0000", &date);
    REQUIRE(end);
    CHECK(*end == '\0');
    CHECK(std::abs(timegm(&date) - std::time(nullptr)) < 600);
    CHECK(mail->header("List-Unsubscribe") ==
          (declinable ? "<mailto:help@example.test?subject=unsubscribe%20test>" : ""));
  }
  CHECK(ids.size() == 2);
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
