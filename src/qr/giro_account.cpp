// Giro's own template inside a merchant-presented code.
#include "qr/mpm.hpp"
#include "util/bytes.hpp"

#include <algorithm>

namespace giro::qr {

namespace {
constexpr std::uint8_t kIdentifierId = 0, kMerchantId = 1, kTerminalId = 2, kOrderId = 3;

// Goes unchanged into DE41 and DE42 (ans), where a space is padding: none at the end.
template <typename Text>
std::optional<Text> fixed_text(const std::string& value) {
    const bool printable = std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
    if (!printable || value.empty() || value.back() == ' ' || value.size() > Text().chars.size()) return std::nullopt;
    return Text(value);
}
}  // namespace

Expected<GiroAccount, QrError> giro_account(const MpmPayload& payload) {
    const auto is_ours = [](const Template& t) {
        const std::string* identifier = t.find(kIdentifierId);
        return identifier != nullptr && *identifier == kGiroIdentifier;
    };
    const auto ours = std::find_if(payload.accounts.begin(), payload.accounts.end(), is_ours);
    if (ours == payload.accounts.end()) return tl::unexpected(QrError::not_giro);
    const std::string* merchant = ours->find(kMerchantId);
    const std::string* terminal = ours->find(kTerminalId);
    const std::string* order = ours->find(kOrderId);
    if (merchant == nullptr || order == nullptr) return tl::unexpected(QrError::missing_object);
    const auto merchant_text = fixed_text<MerchantId>(*merchant);
    const auto terminal_text = terminal != nullptr ? fixed_text<TerminalId>(*terminal) : TerminalId();
    const auto order_id = array_from_hex<16>(*order);
    if (!merchant_text || !terminal_text || !order_id) return tl::unexpected(QrError::bad_value);
    return GiroAccount{*merchant_text, *terminal_text, *order_id};
}

Template giro_template(const GiroAccount& account) {
    Template out{kGiroTag, {{kIdentifierId, std::string(kGiroIdentifier)}, {kMerchantId, account.merchant.str()}}};
    if (!account.terminal.empty()) out.objects.push_back({kTerminalId, account.terminal.str()});
    out.objects.push_back({kOrderId, to_hex(account.order_id)});
    return out;
}

}  // namespace giro::qr
