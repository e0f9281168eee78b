#include "wallet_json.hpp"

#include <nlohmann/json.hpp>

#include "util/bytes.hpp"
#include "wallet/order.hpp"

namespace giro::gate {

namespace {
// Whatever the switch put into `why`, the answer is valid JSON: bytes that are no UTF-8 become U+FFFD.
std::string text_of(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
}  // namespace

std::string_view to_string(JsonError error) noexcept {
    switch (error) {
        case JsonError::not_an_object:
            return "the body is not a JSON object";
        case JsonError::no_member:
            return "the body has no text member of the expected name";
        case JsonError::not_hex:
            return "the text is not hexadecimal";
        case JsonError::wrong_size:
            return "the signed message has the wrong size";
    }
    return "?";
}

Expected<Buffer, JsonError> read_wallet_request(bus::WalletRequest::Kind kind, Bytes json) {
    const bool is_order = kind == bus::WalletRequest::Kind::order;
    const std::string_view text = as_text(json);
    const auto parsed = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (!parsed.is_object()) return tl::unexpected(JsonError::not_an_object);
    const auto member = parsed.find(is_order ? "order" : "query");
    if (member == parsed.end() || !member->is_string()) return tl::unexpected(JsonError::no_member);
    auto bytes = from_hex(member->get_ref<const std::string&>());
    if (!bytes) return tl::unexpected(JsonError::not_hex);
    if (bytes->size() != (is_order ? wallet::kSignedOrderBytes : wallet::kSignedQueryBytes))
        return tl::unexpected(JsonError::wrong_size);
    return std::move(*bytes);
}

std::string wallet_reply_json(const bus::WalletReply& reply) {
    nlohmann::json out{{"response_code", reply.response_code.view()},
             {"rrn", reply.rrn.view()},
             {"auth_code", reply.auth_code.view()},
             {"why", as_text(reply.why)}};
    if (reply.balance.currency != 0) {
        out["balance"] = reply.balance.minor;
        out["currency"] = reply.balance.currency;
    }
    return text_of(out);
}

std::string wallet_refusal_json(std::string_view why) {
    return text_of({{"why", why}});
}

}  // namespace giro::gate
