// Seeds, codes and their picture.
#include "identity/factors/totp.hpp"

#include <liboath/oath.h>
#include <qrencode.h>
#include <sodium.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "platform/crypto/crypto.hpp"

namespace identity::factors {

namespace {
constexpr unsigned step_seconds = OATH_TOTP_DEFAULT_TIME_STEP_SIZE;
constexpr int quiet_zone = 4;  // modules around the code, as ISO 18004 asks

void start_oath() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (oath_init() != OATH_OK) throw std::runtime_error{"liboath does not start"};
  });
}

std::string base32(std::string_view bytes) {
  start_oath();
  char* out = nullptr;
  std::size_t length = 0;
  if (oath_base32_encode(bytes.data(), bytes.size(), &out, &length) != OATH_OK)
    throw std::bad_alloc{};
  std::unique_ptr<char, decltype(&std::free)> const owned{out, std::free};
  std::string text{out, length};
  std::erase(text, '=');
  return text;
}

std::string percent_encoded(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (unsigned char c : text) {
    if (std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += char(c);
    } else {
      out += '%';
      out += digits[c >> 4];
      out += digits[c & 15];
    }
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<unsigned char const*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // the terminating NUL
  return out;
}
}  // namespace

std::string new_totp_seed() { return crypto::from_base64url(crypto::random_token(20)); }

std::string totp_key(std::string_view seed) {
  std::string out;
  for (char c : base32(seed)) {
    if (out.size() % 5 == 4) out += ' ';
    out += c;
  }
  return out;
}

std::string totp_uri(std::string_view seed, std::string_view issuer, std::string_view account) {
  return "otpauth://totp/" + percent_encoded(issuer) + ":" + percent_encoded(account) +
         "?secret=" + base32(seed) + "&issuer=" + percent_encoded(issuer) +
         "&algorithm=SHA1&digits=6&period=30";
}

std::optional<std::int64_t> totp_step_of(std::string_view seed, std::string_view code, Time now,
                                         int window) {
  start_oath();
  bool const six_digits = code.size() == 6 && std::all_of(code.begin(), code.end(), [](char c) {
                            return c >= '0' && c <= '9';
                          });
  if (!six_digits) return {};
  auto const seconds = clock_source::unix_seconds(now);
  int distance = 0;
  auto const found = oath_totp_validate2(seed.data(), seed.size(), seconds, step_seconds, 0,
                                         std::size_t(window), &distance, std::string{code}.c_str());
  if (found < 0) return {};
  return seconds / std::int64_t{step_seconds} + distance;
}

std::string qr_image(std::string const& text) {
  std::unique_ptr<QRcode, decltype(&QRcode_free)> const code{
      QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_M, QR_MODE_8, 1), QRcode_free};
  if (!code) throw std::runtime_error{"the QR code could not be made"};
  std::string path;
  for (int y = 0; y < code->width; ++y)
    for (int x = 0; x < code->width; ++x)
      if (code->data[y * code->width + x] & 1)
        path += "M" + std::to_string(x + quiet_zone) + " " + std::to_string(y + quiet_zone) +
                "h1v1h-1z";
  auto const size = std::to_string(code->width + 2 * quiet_zone);
  return "data:image/svg+xml;base64," +
         base64("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + " " + size +
                "\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h" + size + "v" +
                size + "H0z\"/><path d=\"" + path + "\"/></svg>");
}

}  // namespace identity::factors
