// Beast's client, kept out of the headers that tests include.
#include "support/socket.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace support {

namespace beast = boost::beast;
using tcp = boost::asio::ip::tcp;

struct Socket::Impl {
  boost::asio::io_context context;
  beast::websocket::stream<beast::tcp_stream> stream{context};
  beast::websocket::response_type answer;
};

Socket::Socket(std::string const& host_and_port, std::string const& path,
               std::vector<std::string> const& headers)
    : impl_{std::make_unique<Impl>()} {
  auto& stream = impl_->stream;
  auto const port = std::stoi(host_and_port.substr(host_and_port.find(':') + 1));
  stream.next_layer().connect(
      tcp::endpoint{boost::asio::ip::address_v4::loopback(), std::uint16_t(port)});
  stream.set_option(
      beast::websocket::stream_base::decorator([&headers](beast::websocket::request_type& request) {
        for (auto const& header : headers) {
          auto const colon = header.find(": ");
          request.set(header.substr(0, colon), header.substr(colon + 2));
        }
      }));
  beast::error_code refused;
  stream.handshake(impl_->answer, host_and_port, path, refused);
}

Socket::~Socket() = default;

int Socket::status() const { return int(impl_->answer.result_int()); }

std::optional<std::string> Socket::next() {
  beast::flat_buffer buffer;
  beast::error_code error;
  bool done = false;
  impl_->stream.next_layer().expires_after(std::chrono::seconds{30});
  impl_->stream.async_read(buffer, [&](beast::error_code result, std::size_t) {
    error = result;
    done = true;
  });
  impl_->context.restart();
  impl_->context.run();
  if (!done || error == beast::error::timeout) return {};
  if (error) return "closed " + std::to_string(impl_->stream.reason().code);
  return beast::buffers_to_string(buffer.data());
}

}  // namespace support
