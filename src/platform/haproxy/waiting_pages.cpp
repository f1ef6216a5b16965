// The two pages of the front door itself; everything prettier comes from the program.
#include "platform/haproxy/waiting_pages.hpp"

#include <openssl/evp.h>

#include <array>

#include "platform/crypto/crypto.hpp"

namespace haproxy {

namespace {
constexpr std::string_view style =
    "body{margin:0;min-height:100vh;display:grid;place-items:center;background:#f6f7f9;color:#"
    "1f2733;"
    "font:16px/1.5 system-ui,sans-serif}main{max-width:32rem;padding:2rem}h1{font-size:1.25rem;"
    "margin:0 0 .25rem}p{margin:0 0 1.75rem;color:#4a5565}"
    "@media(prefers-color-scheme:dark){body{background:#14181f;color:#e6e9ee}p{color:#a8b2c1}}";

struct Words {
  std::string_view title_es, text_es, title_en, text_en;
};

std::string page(Words const& words) {
  std::string html =
      "<!doctype html>\n<html lang=\"es\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"refresh\" content=\"5\">\n<title>";
  html += words.title_es;
  html += " · ";
  html += words.title_en;
  html += "</title>\n<style>";
  html += style;
  html += "</style>\n</head>\n<body>\n<main>\n<h1>";
  html += words.title_es;
  html += "</h1>\n<p>";
  html += words.text_es;
  html += "</p>\n<div lang=\"en\">\n<h1>";
  html += words.title_en;
  html += "</h1>\n<p>";
  html += words.text_en;
  html += "</p>\n</div>\n</main>\n</body>\n</html>\n";
  return html;
}
}  // namespace

Page program_page() {
  return {
      "program.html",
      page({"Volvemos en unos segundos",
            "El servicio se está reiniciando. Esta página se recarga sola; no se ha perdido nada.",
            "Back in a few seconds",
            "The service is restarting. This page reloads by itself; nothing has been lost."})};
}

Page tenant_page() {
  return {"tenant.html", page({"Su espacio está arrancando",
                               "Estará disponible en unos instantes. Esta página se recarga sola.",
                               "Your workspace is starting",
                               "It will be available in a moment. This page reloads by itself."})};
}

Page cookies_page() {
  return {"cookies.html",
          page({"Su navegador enviaba demasiadas cookies",
                "Otra página del mismo dominio las había dejado. Ya están borradas: esta página se "
                "recarga sola, y después hay que iniciar sesión de nuevo.",
                "Your browser sent too many cookies",
                "Another page of the same domain had left them. They are cleared: this page "
                "reloads by itself, and after that you sign in again."})};
}

std::string page_policy() {
  auto const digest = crypto::sha256(style);
  std::array<unsigned char, 64> text{};
  int const size = EVP_EncodeBlock(
      text.data(), reinterpret_cast<unsigned char const*>(digest.data()), int(digest.size()));
  return "default-src 'none'; style-src 'sha256-" +
         std::string{reinterpret_cast<char const*>(text.data()), std::size_t(size)} +
         "'; frame-ancestors 'none'";
}

}  // namespace haproxy
