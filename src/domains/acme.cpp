// lego takes a request and writes the answers of challenges into a folder; both are files of ours.
#include "domains/acme.hpp"

#include <unistd.h>

#include "platform/files/files.hpp"
#include "platform/log/log.hpp"
#include "platform/process/run.hpp"
#include "platform/text/utf8.hpp"

namespace domains {

namespace {
using namespace std::chrono_literals;

constexpr auto client = "/usr/bin/lego";
constexpr auto patience = 150s;
constexpr std::size_t longest_words = 500;

/// "[shop.example.com] acme: error: 403 :: urn:…:unauthorized :: words, url: …" → the words.
std::string words_of(std::string const& output) {
  std::string last, told;
  std::size_t begin = 0;
  while (begin < output.size()) {
    auto const end = std::min(output.find('\n', begin), output.size());
    auto const line = output.substr(begin, end - begin);
    if (auto const at = line.find("acme: error:"); at != std::string::npos) told = line.substr(at);
    if (!line.empty()) last = line;
    begin = end + 1;
  }
  auto words = told.empty() ? last : told;
  if (auto const urn = words.find("urn:ietf:params:acme:error:"); urn != std::string::npos)
    if (auto const colons = words.find(" :: ", urn); colons != std::string::npos)
      words = words.substr(colons + 4);
  // The time at the beginning of lego's own lines.
  constexpr std::string_view time = "2006/01/02 15:04:05 ";
  if (words.size() > time.size() && words[4] == '/' && words[7] == '/' && words[13] == ':')
    words.erase(0, time.size());
  if (auto const url = words.rfind(", url:"); url != std::string::npos) words.resize(url);
  return std::string{utf8::first(words, longest_words)};
}

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= 200 &&
         text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
             std::string_view::npos;
}
}  // namespace

std::filesystem::path Acme::directory() const {
  return std::filesystem::path{settings_.data_dir} / "acme";
}

std::string Acme::obtain(std::string const& domain, std::string const& request) const {
  if (::access(client, X_OK) != 0)
    throw AcmeFailure{"lego is not installed: run `apt install lego`", "acme_missing"};
  auto const place = directory();
  files::make_directory(place, 0700);
  files::make_directory(place / "requests", 0700);
  files::make_directory(place / "answers", 0700);
  auto const request_file = place / "requests" / (domain + ".pem");
  auto const chain_file = place / "certificates" / (domain + ".crt");
  files::write_atomically(request_file, request, 0600);
  std::filesystem::remove(chain_file);
  process::Launch launch{
      .executable = client,
      .arguments = {"--accept-tos", "--server", settings_.acme_directory_url, "--email",
                    settings_.acme_email.empty() ? settings_.support_email : settings_.acme_email,
                    "--path", place.string(), "--csr", request_file.string(), "--http",
                    "--http.webroot", (place / "answers").string(), "run"},
      .directory = place.string()};
  if (!settings_.acme_ca_file.empty())
    launch.environment["LEGO_CA_CERTIFICATES"] = settings_.acme_ca_file;
  auto const finished = [&] {
    try {
      return process::run(launch, patience);
    } catch (std::exception const& error) {
      throw AcmeFailure{error.what()};
    }
  }();
  std::filesystem::remove(request_file);
  auto chain = files::read(chain_file);
  if (!finished.ending.success() || !chain) {
    logging::warning("domains", "no certificate for {}: {}", domain, finished.output);
    throw AcmeFailure{words_of(finished.output)};
  }
  return std::move(*chain);
}

std::optional<std::string> Acme::answer(std::string_view token) const {
  if (!is_token(token)) return {};
  return files::read(directory() / "answers/.well-known/acme-challenge" / token);
}

}  // namespace domains
