#include "appliance/giro/terminal_dukpt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "payment/pin_device.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"

namespace giro::pos {

namespace {
namespace fs = std::filesystem;
constexpr std::size_t kFileBytesMax = 256;

constexpr std::pair<std::string_view, vault::MacKind> kMacs[] = {{"aes-cmac", vault::MacKind::aes_cmac},
                                                                 {"x9.19", vault::MacKind::x9_19},
                                                                 {"hmac-sha-256", vault::MacKind::hmac_sha256}};

struct Contents {
    Secret key;
    payment::Ksn ksn;
    vault::MacKind mac = vault::MacKind::aes_cmac;
};
// "<initial key> <KSN> <kind of MAC>\n"; nothing when it is something else.
std::optional<Contents> parse(std::string_view text) {
    const auto first = text.find(' '), second = text.find(' ', first + 1), end = text.find('\n');
    if (first == std::string_view::npos || second == std::string_view::npos || end == std::string_view::npos || end < second)
        return std::nullopt;
    auto key = from_hex(text.substr(0, first));
    const auto bytes = from_hex(text.substr(first + 1, second - first - 1));
    const auto ksn = bytes ? payment::Ksn::parse(*bytes) : std::nullopt;
    const auto* mac = std::ranges::find(kMacs, text.substr(second + 1, end - second - 1), &std::pair<std::string_view, vault::MacKind>::first);
    if (!key || !ksn || mac == std::end(kMacs)) return std::nullopt;
    Contents out{Secret(std::move(*key)), *ksn, mac->second};
    const bool tdes = !ksn->is_aes(), x9_19 = out.mac == vault::MacKind::x9_19;
    const bool long_enough = out.key.size() == 32 || (out.key.size() == 16 && out.mac != vault::MacKind::hmac_sha256);
    if (tdes != x9_19 || !long_enough || (tdes && out.key.size() != 16)) return std::nullopt;
    return out;
}

fs::path counter_file(const fs::path& demo, std::string_view terminal) {
    return demo / "terminals" / fmt::format("{}.counter", terminal);
}
}  // namespace

fs::path initial_key_file(const fs::path& demo, std::string_view terminal) {
    return demo / "terminals" / fmt::format("{}.ik", terminal);
}

Result<void> write_initial_key(const fs::path& demo, std::string_view terminal, const Secret& initial_key,
                               const payment::Ksn& ksn, vault::MacKind mac) {
    if (auto done = write_file_atomic(counter_file(demo, terminal), as_bytes("0\n"), 0600); !done) return done;
    const auto* word = std::ranges::find(kMacs, mac, &std::pair<std::string_view, vault::MacKind>::second);
    std::string text = fmt::format("{} {} {}\n", to_hex(initial_key.reveal()), to_hex(ksn.view()), word->first);
    auto written = write_file_atomic(initial_key_file(demo, terminal), as_bytes(text), 0600);
    wipe(std::as_writable_bytes(std::span(text)));
    return written;
}

Result<std::unique_ptr<DukptKeys>> DukptKeys::load(const fs::path& demo, std::string_view terminal) {
    const fs::path file = initial_key_file(demo, terminal);
    auto text = read_file(file, kFileBytesMax);
    if (!text)
        return fail(Failure::Kind::not_provisioned,
                    fmt::format("no DUKPT key in {}: run `giro demo provision`, or give --dir", file.string()));
    const Secret bytes(std::move(*text));
    auto contents = parse(as_text(bytes.reveal()));
    if (!contents)
        return fail(Failure::Kind::config, fmt::format("{} holds no initial key, KSN and kind of MAC that go together", file.string()));

    const fs::path counters = counter_file(demo, terminal);
    const auto counted = read_file(counters, kFileBytesMax);
    std::uint32_t counter = 0;
    const std::string_view digits = counted ? as_text(*counted) : std::string_view();
    if (std::from_chars(digits.data(), digits.data() + digits.size(), counter).ec != std::errc())
        return fail(Failure::Kind::config, fmt::format("{} holds no counter: a terminal that starts again from 0 is refused", counters.string()));
    return std::unique_ptr<DukptKeys>(new DukptKeys(std::move(contents->key), contents->ksn, contents->mac, counters, counter));
}

DukptKeys::~DukptKeys() {
    write(m_counter);
}

// A counter that cannot be written down is used all the same: at the worst the box refuses it the next time.
void DukptKeys::write(std::uint32_t counter) {
    static_cast<void>(write_file_atomic(m_counter_file, as_bytes(fmt::format("{}\n", counter)), 0600));
}

MacKey DukptKeys::next() {
    payment::Ksn ksn;
    do ksn = m_device.with_counter(++m_counter);
    while (!ksn.is_counting());
    if (m_counter > m_written) {
        m_written = m_counter + kCountersAtATime - 1;
        write(m_written);
    }
    const bool hmac = m_mac == vault::MacKind::hmac_sha256;
    auto keys = payment::dukpt_working_keys(m_initial_key, ksn,
                                            hmac ? payment::DukptMacKey::hmac_sha_256 : payment::DukptMacKey::aes_cmac);
    m_pin_key = std::move(keys.pin);
    return MacKey(ksn, keys.mac_request, keys.mac_response, m_mac);
}

Buffer DukptKeys::pin_block(std::string_view pin, const Pan& pan, Random& random) {
    return m_device.is_aes() ? payment::seal_pin_iso4(m_pin_key, pin, pan, random) : payment::seal_pin_iso0(m_pin_key, pin, pan);
}

}  // namespace giro::pos
