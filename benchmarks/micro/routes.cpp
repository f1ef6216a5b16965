// How long a change of a route takes beside a thousand others: the map's file, and the running
// HAProxy.
#include <algorithm>
#include <cstdio>

#include "platform/crypto/local_ca.hpp"
#include "platform/files/temporary_directory.hpp"
#include "platform/haproxy/front_door.hpp"
#include "platform/log/log.hpp"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: bench_routes HTTPS_PORT TENANT_PORT\n", stderr);
    return 2;
  }
  using Milliseconds = std::chrono::duration<double, std::milli>;
  constexpr int tenants = 1000, changes = 200;
  logging::configure(logging::Format::text, logging::Level::warning);
  TemporaryDirectory const directory;
  auto const certificates = crypto::ensure_local_ca(directory.path() / "tls", {});
  haproxy::Settings settings;
  settings.directory = directory.path() / "front_door";
  settings.https_port = std::atoi(argv[1]);
  settings.tenant_port = std::atoi(argv[2]);
  settings.certificate = certificates.server;
  settings.program = haproxy::FrontDoor::program_socket(settings.directory).string();
  process::Supervisor supervisor;
  haproxy::FrontDoor door{settings, supervisor};
  door.start();
  haproxy::Runtime::Map routes;
  for (int i = 0; i < tenants; ++i)
    routes["tenant-" + std::to_string(i) + ".localhost"] = "127.0.0.1:20000";
  door.replace_all(routes);

  std::vector<double> taken;
  for (int i = 0; i < changes; ++i) {
    auto const before = std::chrono::steady_clock::now();
    door.route("tenant-" + std::to_string(i) + ".localhost", "127.0.0.1:20001");
    taken.push_back(Milliseconds{std::chrono::steady_clock::now() - before}.count());
  }
  std::ranges::sort(taken);
  std::printf("{\"median\": %.2f, \"p95\": %.2f}\n", taken[changes / 2], taken[changes * 95 / 100]);
}
