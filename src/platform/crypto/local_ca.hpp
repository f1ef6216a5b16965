#pragma once
// The certificate of the embedded front door: signed by an authority of this installation, which
// can vouch for nothing but this machine's own names, so trusting it in a browser is harmless.
#include <filesystem>
#include <string>
#include <vector>

namespace crypto {

struct LocalCertificates {
  std::filesystem::path authority;  // ca.pem: hand it out, import it into a browser
  std::filesystem::path server;     // server.pem, 0600: certificate and key, as HAProxy reads them
  bool authority_is_new = false, server_is_new = false;
};

/// Makes what is missing, what ends within 30 days and what does not fit `names` any more (host
/// names or addresses; localhost, *.localhost, 127.0.0.1 and ::1 are always in). The authority
/// lasts ten years, the server's certificate 397 days: call it at each start and once a day. Throws
/// std::runtime_error for a name that is neither and when files cannot be written.
[[nodiscard]] LocalCertificates ensure_local_ca(std::filesystem::path const& directory,
                                                std::vector<std::string> const& names);

}  // namespace crypto
