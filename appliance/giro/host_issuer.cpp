#include "appliance/giro/host_issuer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "appliance/giro/demo.hpp"
#include "iso8583/canonical.hpp"
#include "iso8583/mac.hpp"
#include "iso8583/pin.hpp"
#include "iso8583/request.hpp"
#include "payment/pin_device.hpp"
#include "switching/network.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::host {

namespace {
using iso8583::kPrimaryMac;
using iso8583::kSecondaryMac;

constexpr std::size_t kSessionsMax = 3;

// DE90: original MTI 4, STAN 6, date and time 10, acquirer 11, forwarder 11.
std::uint32_t original_stan(std::string_view elements) noexcept {
    std::uint32_t stan = 0;
    if (elements.size() >= 10) std::from_chars(elements.data() + 4, elements.data() + 10, stan);
    return stan;
}

// Six digits that follow from the purchase: a host that lost its memory gives the same ones again.
AuthCode auth_code_of(const std::string& key) {
    const Hash256 hash = sha256(as_bytes(key));
    return AuthCode(fmt::format("{:06}", load_be<std::uint32_t>(hash.data()) % 1'000'000));
}
}  // namespace

std::string_view Issuer::rule(MinorUnits amount, bool approve_all) noexcept {
    if (approve_all) return "00";
    switch (amount % 100) {
        case 5: return "05";
        case 51: return "51";
        case 91: return "";
        default: return "00";
    }
}

std::string Issuer::key_of(const Seen& seen, std::uint32_t stan) {
    return fmt::format("{}/{}/{}/{}/{}/{}", seen.acquirer.view(), seen.terminal.view(), stan, seen.rrn.view(),
                       seen.local_date.view(), seen.local_time.view());
}

bool Issuer::mac_good(Bytes message) {
    const auto input = iso8583::mac_input(m_dialect, message, m_scratch);
    if (!input) return false;
    m_used = &m_key;
    if (m_request.mti == 0x0800 || m_sessions.empty()) return m_key.verify(input->covered, input->mac);
    const auto found = std::ranges::find_if(m_sessions, [&](pos::MacKey& key) { return key.verify(input->covered, input->mac); });
    if (found == m_sessions.end()) return false;
    m_sessions.erase(m_sessions.begin(), found);  // the box does not go back
    m_used = &m_sessions.front();
    return true;
}

// DE70 161: DE48 has the nonce of the next session key and its check value. DE39 of the answer.
std::string_view Issuer::exchange_keys() {
    if (m_options.tmk.empty()) return "12";
    const auto told = pos::parse_new_key(m_in.bytes(48));
    if (!told) return "30";
    pos::MacKey next(m_options.tmk, told->nonce, m_options.mac);
    if (next.kcv() != told->kcv) return "96";
    const FixedText<10>& at = m_request.transmission_time;
    if (!is_later_exchange()) return "94";
    m_exchanged_at = at;
    m_exchange_stan = m_request.stan;
    m_told_kcv = to_hex(told->kcv);
    // The front is the one in use, until a later one is used.
    if (m_sessions.size() == kSessionsMax) m_sessions.erase(m_sessions.begin() + 1);
    m_sessions.push_back(std::move(next));
    return "00";
}

// By DE7 and, within its second, the STAN. DE7 has no year: what is more than half of one ahead is behind.
bool Issuer::is_later_exchange() const {
    const FixedText<10>& at = m_request.transmission_time;
    if (m_exchanged_at.empty()) return true;
    if (at == m_exchanged_at) return m_request.stan > m_exchange_stan;
    const auto month = [](const FixedText<10>& text) { return 10 * (text.chars[0] - '0') + (text.chars[1] - '0'); };
    const bool near = std::abs(month(at) - month(m_exchanged_at)) <= 6;
    return (at > m_exchanged_at) == near;
}

Seen Issuer::read(std::string_view mti) const {
    const PaymentRequest& r = m_request;
    Seen seen;
    seen.mti = std::string(mti);
    seen.terminal = r.terminal;
    seen.acquirer = r.acquirer;
    seen.stan = r.stan;
    seen.rrn = r.rrn;
    seen.local_time = r.local_time;
    seen.local_date = r.local_date;
    seen.amount = r.amount;
    if (!r.pan.empty()) seen.pan = r.pan.masked();
    seen.original_stan = original_stan({r.original.chars.data(), r.original.chars.size()});
    seen.stands = r.replacement;
    seen.why = r.reason;
    if (mti == "0200") seen.pin = look_at_pin();
    return seen;
}

// By the demo's rule for the PINs of cards.
std::string Issuer::look_at_pin() const {
    const iso8583::PinBlock block = iso8583::pin_block_of(m_dialect, m_in);
    if (!block.present) return {};
    if (m_options.zone_key.empty() || block.size == 0 || m_request.pan.empty()) return "unreadable";
    const auto pin = payment::open_pin(m_options.zone_key, block.view(), m_request.pan);
    if (!pin) return "unreadable";
    const std::string_view digits = m_request.pan.reveal();
    std::uint32_t index = 0;
    constexpr std::size_t kBin = 6;
    std::from_chars(digits.data() + kBin, digits.data() + digits.size() - 1, index);
    return *pin == demo::pin(digits.substr(0, kBin), index) ? "good" : "wrong";
}

Issuer::Answered Issuer::handle(Bytes message) {
    Answered out;
    if (!iso8583::unpack(m_dialect, message, m_in)) return out;
    if (!iso8583::to_request(m_dialect, message, m_in, m_request)) return out;
    const std::string mti = fmt::format("{:04x}", m_request.mti);
    out.understood = mti[2] == '0' || mti[2] == '2';
    if (!out.understood) return out;  // an answer: never answered, or two hosts would talk for ever
    const bool purchase = mti == "0200";
    const bool reversal = mti == "0400";
    // Network management may come without a MAC; everything that moves money may not.
    const bool has_mac = m_in.has(kPrimaryMac) || m_in.has(kSecondaryMac);
    if ((has_mac || mti != "0800") && !mac_good(message)) {
        ++m_totals.bad_macs;
        if (!m_options.silent) out.frame = answer("63", {});
        return out;
    }
    if (mti == "0800" && m_request.network_code == switching::kKeyExchange) {
        if (!m_options.silent) out.frame = answer(has_mac ? exchange_keys() : "63", {}, has_mac);
        return out;
    }
    if (!purchase && !reversal) {
        if (!m_options.silent) out.frame = answer(mti == "0800" ? "00" : "12", {}, has_mac);
        return out;
    }
    Seen seen = read(mti);
    const Decision decision = decide(seen);
    seen.code = decision.code;
    seen.auth_code = decision.auth_code;
    seen.answered = !m_options.silent && !decision.code.empty();
    if (seen.answered) out.frame = answer(decision.code.view(), decision.auth_code);
    else ++m_totals.unanswered;
    if (seen.repeat) ++m_totals.repeats;
    out.seen = std::move(seen);
    return out;
}

Issuer::Decision Issuer::decide(Seen& seen) {
    if (seen.mti == "0400") {
        const std::string key = key_of(seen, seen.original_stan);
        seen.known = m_decisions.contains(key);
        const auto [at, first] = m_reversed.try_emplace(key, seen.stands);
        seen.repeat = !first && at->second <= seen.stands;
        at->second = std::min(at->second, seen.stands);
        if (!seen.repeat) ++m_totals.reversals;
        return {ResponseCode("00"), {}};
    }
    const std::string key = key_of(seen, seen.stan);
    if (const auto known = m_decisions.find(key); known != m_decisions.end()) {
        seen.repeat = true;
        return known->second;
    }
    Decision decision;
    const bool pin_bad = !seen.pin.empty() && seen.pin != "good";
    decision.code = ResponseCode(m_reversed.contains(key) ? "21" : pin_bad ? "55" : rule(seen.amount, m_options.approve_all));
    const bool approved = decision.code.view() == "00";
    if (approved) decision.auth_code = auth_code_of(key);
    ++m_totals.purchases;
    if (approved) ++m_totals.approved;
    else if (!decision.code.empty()) ++m_totals.declined;
    return m_decisions.emplace(key, decision).first->second;
}

void Issuer::remember(const Seen& seen) {
    if (seen.mti == "0400") {
        MinorUnits& stands = m_reversed.try_emplace(key_of(seen, seen.original_stan), seen.stands).first->second;
        stands = std::min(stands, seen.stands);
    } else {
        m_decisions.emplace(key_of(seen, seen.stan), Decision{seen.code, seen.auth_code});
    }
}

// The request's own fields back, with DE39 and, when approved, DE38.
Buffer Issuer::answer(std::string_view code, const AuthCode& auth_code, bool with_mac) {
    static constexpr unsigned kEchoed[] = {2, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 70, 95};
    std::array<char, 4> mti{};
    std::ranges::copy(m_in.mti(), mti.begin());
    ++mti[2];
    m_out.clear();
    m_out.set_mti({mti.data(), mti.size()});
    m_out.answer_header(m_in);
    for (const unsigned field : kEchoed) m_out.copy(iso8583::wire_field(m_dialect.edition, field), m_in);
    iso8583::put_response_code(m_dialect, m_out, code);
    if (!auth_code.empty()) m_out.set(38, auth_code.view());
    if (!m_told_kcv.empty()) m_out.set(48, m_told_kcv);
    m_told_kcv.clear();
    const vault::Mac8 room{};
    if (with_mac) m_out.set(m_out.has(1) ? kSecondaryMac : kPrimaryMac, room);
    Buffer frame(pos::kLengthBytes + iso8583::kFrameBytesMax);
    const MutableBytes body = MutableBytes(frame).subspan(pos::kLengthBytes);
    const auto size = iso8583::pack(m_dialect, m_out, body);
    if (!size) return {};  // fields that came in go out again; a dialect without DE38 or DE39 cannot answer
    store_be(frame.data(), static_cast<std::uint16_t>(*size));
    frame.resize(pos::kLengthBytes + *size);
    if (!with_mac) return frame;
    const MutableBytes message = MutableBytes(frame).subspan(pos::kLengthBytes);
    const auto input = iso8583::mac_input(m_dialect, message, m_scratch);
    if (!input) return {};
    const vault::Mac8 mac = m_used->mac(input->covered);
    std::memcpy(message.data() + message.size() - mac.size(), mac.data(), mac.size());
    return frame;
}

}  // namespace giro::host
