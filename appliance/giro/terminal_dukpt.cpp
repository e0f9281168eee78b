#include "appliance/giro/terminal_dukpt.hpp"

#include <fmt/format.h>

#include <charconv>

#include "payment/pin_device.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"

namespace giro::pos {

namespace {
namespace fs = std::filesystem;
constexpr std::size_t kFileBytesMax = 256;

fs::path counter_file(const fs::path& demo, std::string_view terminal) {
    return demo / "terminals" / fmt::format("{}.counter", terminal);
}
}  // namespace

fs::path initial_key_file(const fs::path& demo, std::string_view terminal) {
    return demo / "terminals" / fmt::format("{}.ik", terminal);
}

Result<void> write_initial_key(const fs::path& demo, std::string_view terminal, const Secret& initial_key,
                               const payment::Ksn& ksn) {
    if (auto done = write_file_atomic(counter_file(demo, terminal), as_bytes("0\n"), 0600); !done) return done;
    std::string text = fmt::format("{} {}\n", to_hex(initial_key.reveal()), to_hex(ksn.view()));
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
    const Secret contents(std::move(*text));
    const std::string_view words = as_text(contents.reveal());
    const auto space = words.find(' '), end = words.find('\n');
    const auto refuse = [&] { return fail(Failure::Kind::config, fmt::format("{} holds no initial key and KSN", file.string())); };
    if (space == std::string_view::npos || end == std::string_view::npos || end < space) return refuse();
    auto key = from_hex(words.substr(0, space));
    const auto ksn_bytes = from_hex(words.substr(space + 1, end - space - 1));
    const auto ksn = ksn_bytes ? payment::Ksn::parse(*ksn_bytes) : std::nullopt;
    if (!key || !ksn || !ksn->is_aes() || (key->size() != 16 && key->size() != 32)) return refuse();

    const fs::path counters = counter_file(demo, terminal);
    const auto counted = read_file(counters, kFileBytesMax);
    std::uint32_t counter = 0;
    const std::string_view digits = counted ? as_text(*counted) : std::string_view();
    if (std::from_chars(digits.data(), digits.data() + digits.size(), counter).ec != std::errc())
        return fail(Failure::Kind::config, fmt::format("{} holds no counter: a terminal that starts again from 0 is refused", counters.string()));
    return std::unique_ptr<DukptKeys>(new DukptKeys(Secret(std::move(*key)), *ksn, counters, counter));
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
    auto keys = payment::dukpt_working_keys(m_initial_key, ksn);
    m_pin_key = std::move(keys.pin);
    return MacKey(ksn, keys.mac_request, keys.mac_response);
}

Buffer DukptKeys::pin_block(std::string_view pin, const Pan& pan, Random& random) {
    return payment::seal_pin_iso4(m_pin_key, pin, pan, random);
}

}  // namespace giro::pos
