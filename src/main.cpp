// Development entry of the sandbox alone: onboarding sandbox --listen … --database-url …
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "sandbox/sandbox.hpp"

int main(int count, char** arguments) {
  sandbox::Settings settings;
  for (int i = 2; i + 1 < count; i += 2) {
    std::string_view const name{arguments[i]};
    if (name == "--listen")
      settings.listen = arguments[i + 1];
    else if (name == "--public-url")
      settings.public_url = arguments[i + 1];
    else if (name == "--database-url")
      settings.database_url = arguments[i + 1];
    else if (name == "--secret-key")
      settings.secret_key = arguments[i + 1];
    else if (name == "--webhook-url")
      settings.webhook_url = arguments[i + 1];
    else if (name == "--webhook-secret")
      settings.webhook_secret = arguments[i + 1];
    else if (name == "--webhook-ca-file")
      settings.webhook_ca_file = arguments[i + 1];
    else
      return std::fprintf(stderr, "unknown option %s\n", arguments[i]), 2;
  }
  return sandbox::run(settings);
}
