// Finding, keeping and replacing the master key.
#include "platform/vault/master_key.hpp"

#include <cstdlib>

#include "platform/crypto/crypto.hpp"
#include "platform/files/files.hpp"
#include "platform/process/helper.hpp"

namespace vault {

namespace {
constexpr std::size_t key_bytes = 32;
constexpr auto restore =
    ": restore it from a backup (what was sealed with it cannot be read without it)";

std::string from_hex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out += char(std::stoi(std::string{text.substr(i, 2)}, nullptr, 16));
  return out;
}

bool is_key_in_base64(std::string_view text) {
  try {
    return crypto::from_base64url(text).size() == key_bytes;
  } catch (std::runtime_error const&) {
    return false;
  }
}

std::string must_read(std::filesystem::path const& file, std::string const& advice) {
  auto const content = process::read_setting(file);
  if (!content) throw std::runtime_error{"the key file " + file.string() + " is missing" + advice};
  return read_key(*content, "the key file " + file.string());
}
}  // namespace

std::string read_key(std::string_view text, std::string const& what) {
  if (text.size() == key_bytes) return std::string{text};
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() == 2 * key_bytes &&
      text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos)
    return from_hex(text);
  if (is_key_in_base64(text)) return crypto::from_base64url(text);
  throw std::runtime_error{what + " does not hold exactly 32 bytes" + restore};
}

MasterKey MasterKey::of(config::Settings const& settings) {
  MasterKey key;
  if (!settings.master_key.empty()) {
    if (!settings.master_key_file.empty())
      throw config::Mistake{"master_key and master_key_file are both set: keep one of them"};
    key.given_ = read_key(settings.master_key, "ONBOARDING_MASTER_KEY");
    key.origin_ = "the setting master_key";
    return key;
  }
  if (!settings.master_key_file.empty()) {
    key = in_file(settings.master_key_file);
    (void)must_read(key.file_, restore);
    return key;
  }
  if (auto const* directory = std::getenv("CREDENTIALS_DIRECTORY"); directory && *directory) {
    auto const credential = std::filesystem::path{directory} / "master_key";
    if (auto const content = files::read(credential)) {
      key.given_ = read_key(*content, "the credential " + credential.string());
      key.origin_ = "the systemd credential master_key";
      return key;
    }
  }
  key = in_file(std::filesystem::path{settings.data_dir} / "secrets/master_key");
  if (files::read(key.file_)) {
    (void)must_read(key.file_, restore);
  } else {
    key.given_ = crypto::random_key();
    key.is_new_ = true;
  }
  return key;
}

MasterKey MasterKey::in_file(std::filesystem::path file) {
  MasterKey key;
  key.file_ = std::move(file);
  key.origin_ = "the file " + key.file_.string();
  return key;
}

std::filesystem::path MasterKey::prepared() const { return file_.string() + ".next"; }

std::vector<std::string> MasterKey::candidates() const {
  if (!given_.empty()) return {given_};
  std::vector<std::string> found{must_read(file_, restore)};
  if (process::read_setting(prepared())) found.push_back(must_read(prepared(), restore));
  return found;
}

void MasterKey::keep() {
  if (!is_new_) return;
  files::write_atomically(file_, given_, 0600);
  given_.clear();
  is_new_ = false;
}

void MasterKey::prepare(std::string const& next) const {
  files::write_atomically(prepared(), next, 0600);
}

void MasterKey::put_in_place() const {
  auto const next = files::read(prepared());
  if (!next) return;
  files::write_atomically(file_, *next, 0600);
  std::filesystem::remove(prepared());
}

std::string MasterKey::origin() const { return origin_; }

}  // namespace vault
