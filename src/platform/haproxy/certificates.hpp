#pragma once
// The certificates of customers' domains: files for HAProxy's next start, and the running HAProxy,
// which takes them over at once and without a reload.
#include <mutex>
#include <set>
#include <stdexcept>

#include "platform/haproxy/runtime.hpp"
#include "platform/haproxy/settings.hpp"
#include "platform/haproxy/shared.hpp"

namespace haproxy {

/// In HAProxy's words.
struct CertificateRefused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Certificates {
 public:
  Certificates(Places const& places, Runtime const& runtime, Shared const& shared)
      : places_{places}, runtime_{runtime}, shared_{shared} {}

  /// domain → text
  using ByDomain = std::map<std::string, std::string>;

  /// Makes the directory and reads which files are there.
  void load();
  /// `pem`: chain and key without empty lines. Served for this domain only, whatever other names it
  /// holds. Throws std::runtime_error with HAProxy's words when it is refused; nothing is kept
  /// then.
  void set(std::string const& domain, std::string const& pem);
  void remove(std::string const& domain);
  /// The files, for HAProxy's next start.
  void write_all(ByDomain const& pem_by_domain);
  /// SHA-1 of each certificate (hexadecimal, upper case) that the running HAProxy serves; none when
  /// it does not run.
  [[nodiscard]] std::optional<ByDomain> running() const;
  /// HAProxy's next start is without them; the files stay. False when there are none.
  bool set_aside();

 private:
  [[nodiscard]] std::filesystem::path file_of(std::string const& domain) const;
  void write_list() const;
  void set_running(std::string const& domain, std::string const& pem) const;
  void remove_running(std::string const& domain) const;
  [[nodiscard]] std::optional<std::string> fingerprint(std::filesystem::path const& file) const;

  Places const& places_;
  Runtime const& runtime_;
  Shared const& shared_;
  mutable std::mutex mutex_;  // HAProxy has one change of certificates under way at a time
  std::set<std::string> domains_;
};

}  // namespace haproxy
