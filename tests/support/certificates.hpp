#pragma once
// Certificates that sign themselves, as the customers of tests have them.
#include <string>

namespace support {

struct TestCertificate {
  std::string chain, key;  // PEM
};
/// From `from_days` to `to_days` from now. `key_bits`: RSA; 0: a curve.
TestCertificate make_certificate(std::string const& name, int from_days = -1, int to_days = 90,
                                 int key_bits = 0);

}  // namespace support
