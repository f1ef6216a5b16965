#pragma once
// Beast's parser for head and body, fed by put(). Only connection.cpp includes this: Beast takes
// seconds to compile.
#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>

#include "platform/http/guard.hpp"
#include "platform/http/message.hpp"
#include "platform/text/utf8.hpp"

namespace http {

namespace beast = boost::beast;

inline constexpr std::size_t longest_chunk_extension = 256;  // bytes

inline std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// Beast's parser writing straight into our Request, without a container of fields in between.
class RequestParser final : public beast::http::basic_parser<true> {
 public:
  explicit RequestParser(Request& request) : request_{request} {
    header_limit(1u << 30);   // the guard has measured it
    body_limit(boost::none);  // each route has its own, see on_chunk_header_impl
  }
  void limit_body(std::size_t bytes) { body_limit_ = bytes; }

 private:
  using ErrorOut = beast::error_code&;
  using Field = beast::http::field;
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view, int,
                       ErrorOut) override {
    request_.method = view(method);
  }
  void on_response_impl(int, beast::string_view, int, ErrorOut) override {}
  void on_field_impl(Field, beast::string_view name, beast::string_view value,
                     ErrorOut error) override {
    if (head_is_over_) {
      // Nobody reads trailers here; the harmless ones are dropped.
      if (is_forbidden_trailer(view(name))) error = beast::http::error::bad_field;
      return;
    }
    auto& header = request_.headers.emplace_back(Header{{}, utf8::cleaned(view(value))});
    header.name.resize(name.size());
    for (std::size_t i = 0; i < name.size(); ++i)
      header.name[i] = name[i] >= 'A' && name[i] <= 'Z' ? char(name[i] + 32) : name[i];
  }
  void on_header_impl(ErrorOut) override { head_is_over_ = true; }
  void on_body_init_impl(boost::optional<std::uint64_t> const& length, ErrorOut) override {
    if (length) request_.body.reserve(std::min<std::size_t>(*length, 1024 * 1024));
  }
  std::size_t on_body_impl(beast::string_view bytes, ErrorOut) override {
    request_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t size, beast::string_view extensions,
                            ErrorOut error) override {
    if (extensions.size() > longest_chunk_extension)
      error = beast::http::error::bad_chunk_extension;
    else if (size > body_limit_ - request_.body.size())
      error = beast::http::error::body_limit;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, ErrorOut) override {
    request_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(ErrorOut) override {}

  Request& request_;
  std::size_t body_limit_ = 0;
  bool head_is_over_ = false;
};

}  // namespace http
