// Rendering of the sample application's page.
#include "sample/page.hpp"

#include "platform/html/html.hpp"

namespace sample {

namespace {
using html::escaped;

struct Words {
  std::string_view language, belongs_to, running, notes, none, write, placeholder, owner, visitor,
      unavailable, forbidden, link_used, home, enter_lead, enter;
};

Words const& words(i18n::Locale locale) {
  static constexpr Words english{
      "en",
      "This is the private workspace of",
      "It runs in its own process with its own database.",
      "Notes",
      "No notes yet.",
      "Save note",
      "Write something down",
      "You are the owner here.",
      "Only the owner can write. To be recognised on this device, use the button on the page of "
      "your sign-up or the link in the welcome email.",
      "The database is coming back. This page tries again in a moment.",
      "Only the owner can do this.",
      "This link was used already or is too old. Ask for a new one.",
      "To the workspace",
      "This link works once and makes you the owner on this device.",
      "Enter as the owner"};
  static constexpr Words spanish{
      "es",
      "Este es el espacio privado de",
      "Funciona en su propio proceso y con su propia base de datos.",
      "Notas",
      "Todavía no hay notas.",
      "Guardar nota",
      "Escribe algo",
      "Eres la persona propietaria.",
      "Solo puede escribir la persona propietaria. Para que te reconozca en este dispositivo, usa "
      "el botón de la página de tu alta o el enlace del correo de bienvenida.",
      "La base de datos está volviendo. Esta página lo intenta de nuevo en un momento.",
      "Solo la persona propietaria puede hacer esto.",
      "Este enlace ya se usó o ha caducado. Pide uno nuevo.",
      "Ir al espacio",
      "Este enlace sirve una sola vez y te reconoce como propietario en este dispositivo.",
      "Entrar como propietario"};
  return locale == i18n::Locale::es ? spanish : english;
}

std::string text_of(std::string_view words) { return std::string{words}; }
}  // namespace

std::string render(PageContent const& content, i18n::Locale locale) {
  auto const& w = words(locale);
  std::string page = "<!doctype html><html lang=\"" + text_of(w.language) +
                     "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                     "content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" "
                     "content=\"light dark\">";
  if (content.unavailable) page += "<meta http-equiv=\"refresh\" content=\"3\">";
  page += "<title>" + escaped(content.company.empty() ? content.title : content.company) +
          "</title><link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" "
          "href=\"/style.css\"></head><body><main>";
  page += "<p class=\"lead\">" + text_of(w.belongs_to) + "</p><h1>" + escaped(content.company) +
          "</h1>";
  auto alone = [&](std::string_view message) {
    page += "<p>" + text_of(message) + "</p><p><a href=\"/\">" + text_of(w.home) +
            "</a></p></main></body></html>";
    return page;
  };
  if (content.unavailable) return alone(w.unavailable);
  if (content.forbidden) return alone(w.forbidden);
  if (content.link_used) return alone(w.link_used);
  if (content.may_enter)  // the form goes to the page's own address, which holds the token
    return page + "<p>" + text_of(w.enter_lead) + "</p><form method=\"post\"><button>" +
           text_of(w.enter) + "</button></form></main></body></html>";

  page += "<p>" + text_of(w.running) + "</p><section><h2>" + text_of(w.notes) + " (" +
          std::to_string(content.note_count) + ")</h2><p class=\"" +
          (content.owner ? "owner" : "visitor") + "\">" +
          text_of(content.owner ? w.owner : w.visitor) + "</p>";
  if (content.owner)
    page += "<form method=\"post\" action=\"/notes\"><label for=\"text\">" +
            text_of(w.placeholder) +
            "</label><input id=\"text\" name=\"text\" maxlength=\"500\" required "
            "autocomplete=\"off\"><button>" +
            text_of(w.write) + "</button></form>";
  if (content.owner && content.notes.empty()) page += "<p>" + text_of(w.none) + "</p>";
  if (content.owner && !content.notes.empty()) {
    page += "<ul>";
    for (auto const& note : content.notes) {
      auto const time = clock_source::rfc3339(note.created_at);
      page += "<li>" + escaped(note.text) + " <time datetime=\"" + time + "\">" +
              time.substr(0, 10) + " " + time.substr(11, 5) + " UTC</time></li>";
    }
    page += "</ul>";
  }
  return page + "</section></main></body></html>";
}

std::string_view stylesheet() {
  return R"css(:root{color-scheme:light dark;--text:#1c2330;--soft:#5a6475;--back:#f7f8fb;--card:#fff;--line:#c8cfdb;--strong:#3b4bc8}
@media (prefers-color-scheme:dark){:root{--text:#e8ebf2;--soft:#a5afc0;--back:#12151c;--card:#1b202a;--line:#5b6578;--strong:#9aa6ff}}
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--text);font:1rem/1.6 system-ui,sans-serif}
main{max-width:40rem;margin:0 auto;padding:3rem 1rem}h1{margin:0 0 .5rem;font-size:2rem;line-height:1.2;overflow-wrap:anywhere}
.lead,.visitor,time{color:var(--soft)}.lead{margin:0}section{margin-top:2rem;padding:1.25rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h2{margin:0 0 .5rem;font-size:1.125rem}form{display:grid;gap:.5rem;margin:1rem 0}input{font:inherit;color:inherit;background:transparent;padding:.6rem .75rem;border:1px solid var(--soft);border-radius:.5rem;min-width:0}
button{justify-self:start;font:inherit;font-weight:600;padding:.6rem 1rem;border:0;border-radius:.5rem;background:#3b4bc8;color:#fff;cursor:pointer}
a{color:var(--strong)}:focus-visible{outline:2px solid var(--strong);outline-offset:2px}ul{padding-left:1.25rem;overflow-wrap:anywhere}time{font-size:.875rem;white-space:nowrap}
)css";
}

}  // namespace sample
