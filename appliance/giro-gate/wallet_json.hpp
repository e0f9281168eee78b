// The JSON of the wallets' door. Hostile: the request's body.
#pragma once

#include <string>

#include "bus/gate_messages.hpp"
#include "giro/result.hpp"

namespace giro::gate {

enum class JsonError : std::uint8_t {
    not_an_object,  // no JSON, or another value than an object
    no_member,      // the member asked for is missing or no string
    not_hex,
    wrong_size,  // not exactly the bytes of a signed order or query
};
[[nodiscard]] std::string_view to_string(JsonError error) noexcept;

// The bytes in {"order":"<hex>"} (kind order) or {"query":"<hex>"} (kind query); other members are ignored.
[[nodiscard]] Expected<Buffer, JsonError> read_wallet_request(bus::WalletRequest::Kind kind, Bytes json);
// {"response_code":"00","rrn":"...","auth_code":"...","why":""}; to a query also "balance":123,"currency":963
[[nodiscard]] std::string wallet_reply_json(const bus::WalletReply& reply);
// {"why":"..."}
[[nodiscard]] std::string wallet_refusal_json(std::string_view why);

}  // namespace giro::gate
