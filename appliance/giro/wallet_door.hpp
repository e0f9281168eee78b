// The wallet's side of the box's HTTPS door: one signed request, one answer. Blocking, TLS 1.3 alone, against the box's
// own CA and address. The answer is hostile: bounded, and taken apart field by field.
#pragma once

#include <string>

#include "config/config.hpp"
#include "giro/result.hpp"

namespace giro::customer {

struct DoorReply {
    std::string response_code;  // DE39 value
    std::string rrn;
    std::string auth_code;
    MinorUnits balance = 0;     // in the answer to a query only
    Currency currency = 0;
    std::string why;            // one line for a person; may be empty
    [[nodiscard]] bool approved() const noexcept { return response_code == "00"; }
};

class WalletDoor {
  public:
    WalletDoor(config::Address address, std::filesystem::path ca_file)
        : m_address(std::move(address)), m_ca_file(std::move(ca_file)) {}
    // POST /v1/order and /v1/query. Failure::try_again: no connection, no answer in 10 s, 503; refused: any other status.
    [[nodiscard]] Result<DoorReply> order(Bytes signed_order) const { return post("/v1/order", "order", signed_order); }
    [[nodiscard]] Result<DoorReply> query(Bytes signed_query) const { return post("/v1/query", "query", signed_query); }

  private:
    [[nodiscard]] Result<DoorReply> post(std::string_view path, std::string_view member, Bytes body) const;
    config::Address m_address;
    std::filesystem::path m_ca_file;
};

// An HTTP/1.1 response, whole: status and body. Failure when it is malformed.
struct HttpResponse {
    int status = 0;
    std::string body;
};
[[nodiscard]] Result<HttpResponse> parse_http_response(std::string_view bytes);
[[nodiscard]] Result<DoorReply> parse_door_reply(const HttpResponse& response);

}  // namespace giro::customer
