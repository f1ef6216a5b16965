// GET /sandbox: what happened last, for staff and developers, with buttons to make things happen.
#include <sstream>

#include "platform/crypto/crypto.hpp"
#include "platform/text/utf8.hpp"
#include "sandbox/charging.hpp"
#include "sandbox/pages.hpp"
#include "sandbox/prices.hpp"
#include "sandbox/switches.hpp"
#include "sandbox/test_clocks.hpp"

namespace sandbox {

namespace {
using Form = std::vector<std::pair<std::string, std::string>>;

struct DeliveryRow {
  std::int64_t id = 0;
  std::string event, event_type, endpoint;
  int attempts = 0;
  std::optional<Time> next_attempt, delivered_at;
  std::optional<int> last_status;
  std::optional<std::string> last_answer;
};

db::Query const last_deliveries{"sandbox.last_deliveries", R"sql(
    SELECT id, event, event_type, endpoint, attempts, next_attempt, delivered_at, last_status,
           last_answer
      FROM stripe_sandbox.deliveries ORDER BY id DESC LIMIT 50)sql"};
db::Query const resend_delivery{"sandbox.resend", R"sql(
    UPDATE stripe_sandbox.deliveries
       SET next_attempt = $2::timestamptz, delivered_at = NULL WHERE id = $1::bigint)sql"};

std::string token_of(Settings const& settings) {
  return crypto::hex(crypto::hmac_sha256(settings.secret_key, "overview form"));
}

std::string button(Settings const& settings, std::string_view action, std::string_view label,
                   std::string_view inputs = {}) {
  return fmt::format(
      "<form method=\"post\" action=\"/sandbox/{}\" class=\"inline\"><input type=\"hidden\" "
      "name=\"form_token\" value=\"{}\">{}<button>{}</button></form>",
      escaped(action), token_of(settings), inputs, escaped(label));
}

std::string section(std::string_view id, std::string_view title, std::string_view head,
                    std::string const& rows) {
  if (rows.empty())
    return fmt::format(
        "<section aria-labelledby=\"{0}\"><h2 id=\"{0}\">{1}</h2><p class=\"quiet\">Nothing "
        "yet.</p></section>",
        id, title);
  return fmt::format(
      "<section aria-labelledby=\"{0}\"><h2 id=\"{0}\">{1}</h2><div class=\"scroll\" "
      "tabindex=\"0\" role=\"region\" aria-labelledby=\"{0}\">"
      "<table><thead><tr>{2}</tr></thead><tbody>{3}</tbody></table></div></section>",
      id, title, head, rows);
}

std::string heads(std::initializer_list<std::string_view> names) {
  std::string out;
  for (auto const name : names) out += fmt::format("<th scope=\"col\">{}</th>", name);
  return out;
}

std::string moment(std::int64_t seconds) {
  return clock_source::rfc3339(clock_source::from_unix_seconds(seconds)).substr(0, 19) + "Z";
}

std::string session_rows(Store& store) {
  std::string rows;
  for (auto const& session : store.page("checkout.session", {}, {.limit = 20}).first) {
    auto const id = text(session, "id");
    rows += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{} / {}</td><td>{}</td></tr>",
        has(session, "url")
            ? fmt::format("<a href=\"/c/pay/{0}\"><code>{1}…</code></a>", id, id.substr(0, 20))
            : fmt::format("<code>{}…</code>", id.substr(0, 20)),
        text(session, "mode"),
        has(session, "amount_total")
            ? amount_text(number(session, "amount_total"), text(session, "currency"))
            : "",
        text(session, "status"), text(session, "payment_status"),
        moment(number(session, "created")));
  }
  return rows;
}

std::string delivery_rows(Store& store, Settings const& settings) {
  std::string rows;
  for (auto const& row : store.tx.all<DeliveryRow>(last_deliveries)) {
    std::string state = row.delivered_at ? "delivered" : row.next_attempt ? "waiting" : "given up";
    if (row.last_status) state += fmt::format(", {}", *row.last_status);
    rows += fmt::format(
        "<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        escaped(row.event_type), escaped(row.event), row.attempts, state,
        escaped(std::string{utf8::first(row.last_answer.value_or(""), 80)}),
        button(settings, fmt::format("deliveries/{}/resend", row.id), "Resend"));
  }
  return rows;
}

std::string event_rows(Store& store) {
  std::string rows;
  for (auto const& event : store.page("event", {}, {.limit = 30}).first)
    rows += fmt::format(
        "<tr><td>{}</td><td><code>{}</code></td><td><code>{}</code></td><td>{}</td></tr>",
        escaped(text(event, "type")), text(event, "id"), escaped(text(event, "data.object.id")),
        moment(number(event, "created")));
  return rows;
}

std::string waiting_rows(Store& store, Settings const& settings) {
  std::string rows;
  for (auto const& intent :
       store.page("payment_intent", {{"status", "processing"}}, {.limit = 20}).first) {
    auto const id = text(intent, "id");
    rows += fmt::format("<tr><td><code>{}</code></td><td>{}</td><td>{}{}</td></tr>", id,
                        amount_text(number(intent, "amount"), text(intent, "currency")),
                        button(settings, "debits/" + id + "/succeed", "Let it arrive"),
                        button(settings, "debits/" + id + "/fail", "Let it come back"));
  }
  return rows;
}

std::string clock_rows(Store& store, Settings const& settings) {
  std::string rows;
  for (auto const& clock : store.page("test_helpers.test_clock", {}, {.limit = 20}).first) {
    auto const id = text(clock, "id");
    rows += fmt::format("<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>", id,
                        moment(number(clock, "frozen_time")), text(clock, "status"),
                        button(settings, "clocks/" + id + "/advance", "Advance",
                               "<label>days <input name=\"days\" inputmode=\"numeric\" "
                               "value=\"31\" size=\"4\"></label>"));
  }
  return rows;
}

std::string joined(Array const& numbers, std::string_view separator) {
  std::string out;
  for (auto const& entry : numbers)
    out += (out.empty() ? "" : std::string{separator}) + std::to_string(entry.as_int64());
  return out;
}

std::string choice(std::string_view value, std::string_view label, std::string const& chosen) {
  return fmt::format("<option value=\"{}\"{}>{}</option>", value,
                     value == chosen ? " selected" : "", label);
}

std::string retries_form(Object const& switches, Settings const& settings) {
  auto const after = text(switches, "after_retries");
  auto const& days = items(switches, "retry_days");
  return fmt::format("<p>Failed payments are tried again {}; then the subscription is {}.</p>",
                     days.empty() ? "never" : "on the days " + joined(days, ", "), escaped(after)) +
         button(
             settings, "switches/all/retries", "Set",
             fmt::format("<label>days <input name=\"retry_days\" value=\"{}\" "
                         "size=\"12\"></label><label>then <select "
                         "name=\"after_retries\">{}{}{}</select></label>",
                         joined(days, " "), choice("canceled", "canceled", after),
                         choice("unpaid", "unpaid", after), choice("past_due", "past due", after)));
}

std::string clock_form(Store& store, Object const& switches, Settings const& settings) {
  auto const chosen = text(switches, "test_clock");
  auto options = choice("", "the real time", chosen);
  for (auto const& clock : store.page("test_helpers.test_clock", {}, {.limit = 20}).first)
    options += choice(text(clock, "id"),
                      text(clock, "id") + ", " + moment(number(clock, "frozen_time")), chosen);
  return fmt::format("<p>New customers live by {}.</p>",
                     chosen.empty() ? "the real time" : "<code>" + escaped(chosen) + "</code>") +
         button(settings, "switches/all/clock", "Set",
                "<label>clock <select name=\"test_clock\">" + options + "</select></label>");
}

std::string webhooks_form(Object const& switches, Settings const& settings) {
  auto const& webhooks = part(switches, "webhooks");
  auto const off = number(webhooks, "off_until");
  bool const is_off = off > clock_source::unix_seconds(clock_source::now());
  auto const box = [&](std::string_view name) {
    return fmt::format("<label><input type=\"checkbox\" name=\"{0}\"{1}> {0}</label>", name,
                       truth(webhooks, name) ? " checked" : "");
  };
  return fmt::format("<p>Webhooks are {}{}{}.</p>", is_off ? "off until " + moment(off) : "sent",
                     truth(webhooks, "shuffled") ? ", shuffled" : "",
                     truth(webhooks, "doubled") ? ", doubled" : "") +
         button(settings, "switches/all/webhooks", "Set",
                "<label>off for minutes <input name=\"minutes\" value=\"0\" size=\"5\" "
                "inputmode=\"numeric\"></label>" +
                    box("shuffled") + box("doubled"));
}

std::string switches_section(Store& store, Settings const& settings) {
  auto const switches = switches_of(store);
  return "<section aria-labelledby=\"switches\"><h2 id=\"switches\">Switches</h2>" +
         retries_form(switches, settings) + clock_form(store, switches, settings) +
         webhooks_form(switches, settings) + "</section>";
}

std::string field(Form const& fields, std::string_view name) {
  for (auto const& [key, value] : fields)
    if (key == name) return value;
  return {};
}

std::int64_t number_field(Form const& fields, std::string_view name) {
  auto const given = field(fields, name);
  bool const digits = given.find_first_not_of("0123456789") == given.npos;
  return digits && !given.empty() && given.size() < 8 ? std::stoll(given) : 0;
}

/// What one of the forms of the switches asks for.
Object switches_asked(std::string const& action, Form const& fields) {
  if (action == "clock") return {{"test_clock", field(fields, "test_clock")}};
  if (action == "webhooks") {
    auto const minutes = number_field(fields, "minutes");
    auto const now = clock_source::unix_seconds(clock_source::now());
    return {{"webhooks", Object{{"doubled", !field(fields, "doubled").empty()},
                                {"off_until", minutes > 0 ? Value(now + minutes * 60) : Value("")},
                                {"shuffled", !field(fields, "shuffled").empty()}}}};
  }
  Array days;
  std::istringstream numbers{field(fields, "retry_days")};
  for (std::int64_t day = 0; numbers >> day;) days.emplace_back(day);
  auto const after = field(fields, "after_retries");
  return {{"retry_days", std::move(days)},
          {"after_retries", after == "unpaid" || after == "past_due" ? after : "canceled"}};
}

void flip_switches(Store& store, std::string const& action, Form const& fields) {
  try {
    set_switches(store, switches_asked(action, fields));
  } catch (ApiError const&) {
    // What cannot be is left as it was; the page shows how it stands.
  }
}

void act(Engine& engine, Store& store, std::string const& action, std::string const& id,
         Form const& fields) {
  auto const value = [&](std::string_view name) { return number_field(fields, name); };
  if (action == "resend") {
    if (id.size() < 18 && id.find_first_not_of("0123456789") == id.npos && !id.empty())
      store.tx.exec(resend_delivery, std::stoll(id), clock_source::now());
  } else if (action == "succeed" || action == "fail") {
    auto intent = store.load("payment_intent", id);
    finish_processing(store, intent, action == "fail");
  } else if (action == "advance") {
    auto clock = store.load("test_helpers.test_clock", id);
    auto const days = std::clamp<std::int64_t>(value("days"), 0, 3'650);
    if (days == 0 || text(clock, "status") != "ready") return;
    advance_clock(store, clock, number(clock, "frozen_time") + days * 86'400);
  } else if (action == "faults") {
    Fault fault;
    fault.remaining = int(std::clamp<std::int64_t>(value("count"), 1, 1'000));
    auto const status = value("status");
    fault.status = status >= 400 && status <= 599 ? int(status) : 0;
    fault.delay = std::chrono::milliseconds{
        std::clamp<std::int64_t>(value("delay_milliseconds"), 0, 120'000)};
    engine.faults.add(std::move(fault));
  } else if (action == "retries" || action == "clock" || action == "webhooks") {
    flip_switches(store, action, fields);
  } else if (action == "clear") {
    engine.faults.clear();
  }
}
}  // namespace

http::Response overview_page(Engine& engine, db::Connection& connection, http::Request const&) {
  db::Tx tx{connection, db::Mode::autocommit};
  Store store{tx, engine.settings, {}};
  auto const& settings = engine.settings;
  std::string body = "<main class=\"overview\"><h1>Stripe sandbox</h1>";
  body += fmt::format("<p class=\"quiet\">API version {} on {}. Nothing here is real money.</p>",
                      api_version, escaped(settings.public_url));
  std::string faults;
  for (auto const& fault : engine.faults.all())
    faults += fmt::format("<li>next {} requests to {}: {} after {} ms</li>", fault.remaining,
                          escaped(fault.path_prefix),
                          fault.status ? std::to_string(fault.status) : "the true answer",
                          fault.delay.count());
  body += fmt::format(
      "<section aria-labelledby=\"faults\"><h2 id=\"faults\">Trouble to "
      "simulate</h2><ul>{}</ul>{}{}</section>",
      faults,
      button(settings, "trouble/all/faults", "Add",
             "<label>requests <input name=\"count\" value=\"3\" size=\"4\" "
             "inputmode=\"numeric\"></label>"
             "<label>status <input name=\"status\" value=\"500\" size=\"4\" "
             "inputmode=\"numeric\"></label>"
             "<label>delay in ms <input name=\"delay_milliseconds\" value=\"0\" size=\"6\" "
             "inputmode=\"numeric\"></label>"),
      faults.empty() ? std::string{} : button(settings, "trouble/all/clear", "Clear"));
  body += switches_section(store, settings);
  body += section("sessions", "Checkout sessions",
                  heads({"Session", "Mode", "Amount", "Status", "Created"}), session_rows(store));
  if (auto const rows = waiting_rows(store, settings); !rows.empty())
    body += section("debits", "Bank debits on their way", heads({"Payment", "Amount", ""}), rows);
  if (auto const rows = clock_rows(store, settings); !rows.empty())
    body += section("clocks", "Test clocks", heads({"Clock", "Time", "Status", ""}), rows);
  body += section("deliveries", "Webhook deliveries",
                  heads({"Type", "Event", "Attempts", "State", "Last answer", ""}),
                  delivery_rows(store, settings));
  body +=
      section("events", "Events", heads({"Type", "Event", "Object", "Created"}), event_rows(store));
  body += "</main>";
  return html({.title = "Stripe sandbox", .body = std::move(body)});
}

http::Response overview_action(Engine& engine, db::Connection& connection,
                               http::Request const& request) {
  auto const fields = http::parse_form(request.body).value_or(Form{});
  if (!crypto::equal_in_constant_time(field(fields, "form_token"), token_of(engine.settings)))
    return plain_page(403, "The form was out of date. Go back and reload the page.");
  db::Tx tx{connection};
  Store store{tx, engine.settings, {}};
  store.lock();
  act(engine, store, std::string{request.path_parameter("action")},
      std::string{request.path_parameter("id")}, fields);
  tx.commit();
  engine.deliveries.ring();
  engine.due.ring();
  return see_other("/sandbox");
}

}  // namespace sandbox
