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

namespace giro::host {

namespace {
using iso8583::kPrimaryMac;
using iso8583::kSecondaryMac;

constexpr std::size_t kSessionsMax = 3;
constexpr Mti kNetworkRequest = 0x0800;

// DE90: original MTI 4, STAN 6, date and time 10, acquirer 11, forwarder 11.
std::uint32_t original_stan(std::string_view elements) noexcept {
    std::uint32_t stan = 0;
    if (elements.size() >= 10) std::from_chars(elements.data() + 4, elements.data() + 10, stan);
    return stan;
}
}  // namespace

bool Issuer::mac_good(Bytes message) {
    const auto input = iso8583::mac_input(m_dialect, message, m_scratch);
    if (!input) return false;
    m_used = &m_key;
    if (without_repeat(m_request.mti) == kNetworkRequest || m_sessions.empty()) return m_key.verify(input->covered, input->mac);
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
    seen.currency = r.currency;
    if (!r.pan.empty()) seen.pan = r.pan.masked();
    seen.original_stan = original_stan({r.original.chars.data(), r.original.chars.size()});
    seen.stands = r.replacement;
    seen.why = r.reason;
    if (kind_of(mti) == Kind::payment) seen.pin = look_at_pin();
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

Issuer::Answered Issuer::handle(Bytes message, std::uint64_t since_start_ns) {
    Answered out;
    if (!iso8583::unpack(m_dialect, message, m_in)) return out;
    if (!iso8583::to_request(m_dialect, message, m_in, m_request)) return out;
    const std::string mti = fmt::format("{:04x}", m_request.mti);
    out.understood = mti[2] == '0' || mti[2] == '2';
    if (!out.understood) return out;  // an answer: never answered, or two hosts would talk for ever
    out.conduct.silent = is_silent_at(m_options.scenario.silence, since_start_ns);
    out.conduct.delay_ns = delay_ns(m_options.scenario.delay, m_options.scenario.seed, m_moving);
    // Network management may come without a MAC; everything that moves money may not.
    const bool has_mac = m_in.has(kPrimaryMac) || m_in.has(kSecondaryMac);
    const bool network = without_repeat(m_request.mti) == kNetworkRequest;
    if ((has_mac || !network) && !mac_good(message)) {
        ++m_books.totals().bad_macs;
        out.frame = answer("63", {});
    } else if (network) {
        answer_network(out, has_mac);
    } else if (kind_of(mti)) {
        out.conduct = conduct_of(m_options.scenario, m_moving++, since_start_ns);
        answer_money(out, mti);
    } else {
        out.frame = answer("12", {}, has_mac);
    }
    if (out.conduct.silent || out.conduct.hang_up) out.frame.clear();
    return out;
}

void Issuer::answer_network(Answered& out, bool has_mac) {
    const Network& network = m_options.scenario.network;
    const std::optional<ResponseCode>* code = nullptr;
    switch (m_request.network_code) {
        case switching::kSignOn: code = &network.sign_on; break;
        case switching::kSignOff: code = &network.sign_off; break;
        case switching::kEcho: code = &network.echo; break;
        case switching::kCutOver: code = &network.cut_over; break;
        case switching::kKeyExchange: code = &network.key_exchange; break;
        default: return void(out.frame = answer("12", {}, has_mac));
    }
    std::string said = *code ? (*code)->str() : "silent";
    if (*code && m_request.network_code == switching::kKeyExchange && said == "00" && !out.conduct.silent)
        said = has_mac ? exchange_keys() : std::string_view("63");
    ++m_books.totals().answers["0800"][out.conduct.silent ? "silent" : said];
    if (*code) out.frame = answer(said, {}, has_mac);
}

void Issuer::answer_money(Answered& out, std::string_view mti) {
    Seen seen = read(mti);
    const bool pin_bad = !seen.pin.empty() && seen.pin != "good";
    m_books.decide(seen, m_request.pan.empty() ? std::string_view() : m_request.pan.reveal(), m_request.merchant.view(), pin_bad);
    const Conduct& conduct = out.conduct;
    if (!seen.code.empty()) out.frame = answer(seen.code.view(), seen.auth_code);
    if (conduct.wrong_mac && !out.frame.empty()) out.frame.back() ^= std::byte{1};
    seen.answered = !out.frame.empty() && !conduct.silent && !conduct.hang_up && !conduct.half && !conduct.wrong_mac;
    m_books.count(seen);
    out.seen = std::move(seen);
}

// The request's own fields back, with DE39 and, when approved, DE38.
Buffer Issuer::answer(std::string_view code, const AuthCode& auth_code, bool with_mac) {
    static constexpr unsigned kEchoed[] = {2, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 70, 95};
    std::array<char, 4> mti{};
    std::ranges::copy(m_in.mti(), mti.begin());
    ++mti[2];
    if (mti[3] == '1') mti[3] = '0';  // the answer to a repeat is no repeat
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
    m_packed.resize(iso8583::kFrameBytesMax);
    const auto size = iso8583::pack(m_dialect, m_out, m_packed);
    if (!size) return {};  // fields that came in go out again; a dialect without DE38 or DE39 cannot answer
    Buffer frame(pos::kLengthBytes + *size);
    store_be(frame.data(), static_cast<std::uint16_t>(*size));
    std::memcpy(frame.data() + pos::kLengthBytes, m_packed.data(), *size);
    if (!with_mac) return frame;
    const MutableBytes message = MutableBytes(frame).subspan(pos::kLengthBytes);
    const auto input = iso8583::mac_input(m_dialect, message, m_scratch);
    if (!input) return {};
    const vault::Mac8 mac = m_used->mac(input->covered);
    std::memcpy(message.data() + message.size() - mac.size(), mac.data(), mac.size());
    return frame;
}

}  // namespace giro::host
