// Commands of the runtime interface about certificates (HAProxy 2.2 and later).
#include "platform/haproxy/certificates.hpp"

#include <sstream>

#include "platform/files/files.hpp"
#include "platform/haproxy/front_door.hpp"

namespace haproxy {

namespace {
constexpr std::string_view aside = ".aside";
constexpr std::chrono::days kept_aside{30};

bool contains(std::string const& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// As HAProxy names it.
std::string name_of(std::string const& domain) {
  return std::string{Places::certificates_name} + '/' + checked_host(domain) + ".pem";
}
}  // namespace

std::filesystem::path Certificates::file_of(std::string const& domain) const {
  return places_.certificates / (checked_host(domain) + ".pem");
}

void Certificates::load() {
  shared_.make_directory(places_.certificates);
  std::lock_guard const lock{mutex_};
  domains_.clear();
  for (auto const& entry : std::filesystem::directory_iterator{places_.certificates})
    if (entry.path().extension() == ".pem") domains_.insert(entry.path().stem().string());
  write_list();
}

void Certificates::write_list() const {
  std::string text;
  for (auto const& domain : domains_) text += name_of(domain) + ' ' + domain + '\n';
  shared_.write(places_.certificate_list, text);
}

void Certificates::set(std::string const& domain, std::string const& pem) {
  auto const file = file_of(domain);
  std::lock_guard const lock{mutex_};
  auto const before = files::read(file);
  // The file first: should HAProxy die in between, it starts with the new certificate.
  shared_.write(file, pem);
  domains_.insert(domain);
  write_list();
  try {
    set_running(domain, pem);
  } catch (...) {
    if (before) {
      shared_.write(file, *before);
    } else {
      domains_.erase(domain);
      write_list();
      std::filesystem::remove(file);
    }
    throw;
  }
}

void Certificates::remove(std::string const& domain) {
  auto const file = file_of(domain);
  std::lock_guard const lock{mutex_};
  domains_.erase(domain);
  write_list();
  remove_running(domain);
  std::filesystem::remove(file);
}

void Certificates::write_all(ByDomain const& pem_by_domain) {
  std::lock_guard const lock{mutex_};
  namespace fs = std::filesystem;
  // The rows may be an older state of what they were: what they do not know is put aside.
  for (auto const& domain : domains_)
    if (!pem_by_domain.contains(domain)) {
      std::error_code gone;
      auto const there = file_of(domain).string() + std::string{aside};
      fs::rename(file_of(domain), there, gone);
      if (!gone) fs::last_write_time(there, fs::file_time_type::clock::now(), gone);
    }
  for (auto const& entry : fs::directory_iterator{places_.certificates}) {
    std::error_code gone;
    if (entry.path().extension() == aside &&
        entry.last_write_time(gone) < fs::file_time_type::clock::now() - kept_aside && !gone)
      fs::remove(entry.path(), gone);
  }
  domains_.clear();
  for (auto const& [domain, pem] : pem_by_domain) {
    shared_.write(file_of(domain), pem);
    domains_.insert(domain);
  }
  write_list();
}

bool Certificates::set_aside() {
  std::lock_guard const lock{mutex_};
  if (domains_.empty()) return false;
  domains_.clear();
  write_list();
  return true;
}

std::optional<std::string> Certificates::fingerprint(std::filesystem::path const& file) const {
  auto const shown = runtime_.command("show ssl cert " + file.string());
  constexpr std::string_view word = "SHA1 FingerPrint: ";
  auto const at = shown ? shown->find(word) : std::string::npos;
  if (at == std::string::npos) return {};
  auto const begin = at + word.size();
  return shown->substr(begin, shown->find('\n', begin) - begin);
}

std::optional<Certificates::ByDomain> Certificates::running() const {
  std::lock_guard const lock{mutex_};
  auto const list =
      runtime_.command(fmt::format("show ssl crt-list {}", Places::certificate_list_name));
  if (!list) return {};
  ByDomain out;
  std::istringstream lines{*list};
  for (std::string line; std::getline(lines, line);) {
    std::filesystem::path const file{line.substr(0, line.find(' '))};
    if (file.extension() == ".pem") out[file.stem().string()] = fingerprint(file).value_or("");
  }
  return out;
}

void Certificates::set_running(std::string const& domain, std::string const& pem) const {
  auto const file = name_of(domain);
  std::string const list = Places::certificate_list_name;
  auto const known = runtime_.command("show ssl cert " + file);
  if (!known) return;  // it does not run: it reads the file when it starts
  auto must = [&](std::string const& command, std::string_view success) {
    auto const answer = runtime_.command(command);
    if (!answer || contains(*answer, success)) return;
    static_cast<void>(runtime_.command("abort ssl cert " + file));
    auto reason = *answer;
    while (reason.ends_with('\n')) reason.pop_back();
    throw CertificateRefused{"HAProxy refuses the certificate of " + domain + ": " + reason};
  };
  if (!contains(*known, "Filename: ")) must("new ssl cert " + file, "New empty");
  must("set ssl cert " + file + " <<\n" + pem, "Transaction ");
  must("commit ssl cert " + file, "Success");
  auto const listed = runtime_.command("show ssl crt-list " + list);
  if (listed && !contains('\n' + *listed, '\n' + file + ' '))
    must("add ssl crt-list " + list + " <<\n" + file + ' ' + domain + '\n', "Success");
}

void Certificates::remove_running(std::string const& domain) const {
  auto const file = name_of(domain);
  // Both are refused when it is not there, and then nothing is left to do.
  static_cast<void>(
      runtime_.command(fmt::format("del ssl crt-list {} {}", Places::certificate_list_name, file)));
  static_cast<void>(runtime_.command("del ssl cert " + file));
}

}  // namespace haproxy
