#pragma once
// An authenticator in software, apart from the program's own code: an ES256 key, authenticator data
// and client data as WebAuthn level 2 describes them, and any of it wrong when a test wants that.
#include <boost/json.hpp>
#include <memory>
#include <string>

struct evp_pkey_st;

namespace support {

class Authenticator {
 public:
  Authenticator();

  /// What a browser would answer for the options of navigator.credentials.create() and get().
  boost::json::object create(boost::json::value const& options);
  boost::json::object get(boost::json::value const& options);

  std::string origin;
  // What an attacker or a broken device would do.
  std::string site{};       // empty: as asked
  std::string challenge{};  // empty: as asked
  bool present = true, verified = true, cross_origin = false, breaks_signature = false;
  std::uint32_t counter = 0;
  bool counts = true;
  std::string credential_id;

 private:
  std::string client_data(std::string const& type, boost::json::value const& options) const;
  std::string data_for(std::string const& site_id, unsigned char flags);

  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace support
