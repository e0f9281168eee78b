#include "appliance/giro/wallet_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "chain/address.hpp"
#include "chain/script.hpp"
#include "qr/cpm.hpp"
#include "util/file.hpp"

namespace giro::customer {

namespace {
constexpr std::size_t kNameCharsMax = 32;
constexpr std::size_t kCounterFileBytesMax = 64;
constexpr std::string_view kCounterHead = "{\"counter\":";

Result<std::filesystem::path> key_path(const config::Paths& paths, const std::string& name) {
    const bool good = !name.empty() && name.size() <= kNameCharsMax && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (!good) return fail(Failure::Kind::config, fmt::format("'{}' is no wallet name: 1 to 32 of a-z 0-9 -", name));
    return paths.demo() / "wallets" / (name + ".key");
}

std::filesystem::path beside(const std::filesystem::path& key_file, const char* extension) {
    return std::filesystem::path(key_file).replace_extension(extension);
}

// The highest counter ever taken; 0 when none was.
Result<std::uint64_t> read_counter(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file)) return 0;
    auto bytes = read_file(file, kCounterFileBytesMax);
    if (!bytes) return tl::unexpected(bytes.error());
    const std::string_view text = as_text(*bytes);
    std::uint64_t value = 0;
    const std::string_view digits = text.substr(std::min(kCounterHead.size(), text.size()));
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (!text.starts_with(kCounterHead) || error != std::errc{} || *end != '}')
        return fail(Failure::Kind::integrity, fmt::format("{} is damaged; remove it: the counter starts from the clock", file.string()));
    return value;
}
}  // namespace

Result<WalletFile> WalletFile::create(const config::Paths& paths, const std::string& name, Random& random) {
    const auto file = key_path(paths, name);
    if (!file) return tl::unexpected(file.error());
    std::error_code error;
    std::filesystem::create_directories(file->parent_path(), error);
    WalletFile made(wallet::WalletKey::create(random), *file);
    if (auto saved = made.m_key.save(*file); !saved) return tl::unexpected(saved.error());
    return made;
}

Result<WalletFile> WalletFile::open(const config::Paths& paths, const std::string& name) {
    const auto file = key_path(paths, name);
    if (!file) return tl::unexpected(file.error());
    if (!std::filesystem::exists(*file))
        return fail(Failure::Kind::config, fmt::format("there is no wallet '{}'; make it: giro wallet new {}", name, name));
    auto key = wallet::WalletKey::load(*file);
    if (!key) return tl::unexpected(key.error());
    return WalletFile(std::move(*key), *file);
}

std::string WalletFile::address() const {
    const auto text = chain::encode_address(chain::p2wpkh_script(wallet::pubkey_hash(m_key.pubkey())));
    ASSERT(text);
    return *text;
}

Result<std::uint64_t> WalletFile::take_counter(const Clock& clock) {
    if (m_next != m_end) return m_next++;
    const auto lock = FileLock::acquire(beside(m_key_file, ".lock"));
    if (!lock) return tl::unexpected(lock.error());
    const auto file = beside(m_key_file, ".json");
    const auto last = read_counter(file);
    if (!last) return tl::unexpected(last.error());
    const std::uint64_t first = std::max(*last + 1, clock.wall_ns() / 1'000'000);
    const std::string text = fmt::format("{}{}}}\n", kCounterHead, first + m_at_a_time - 1);
    if (auto written = write_file_atomic(file, as_bytes(text)); !written) return tl::unexpected(written.error());
    m_next = first + 1;
    m_end = first + m_at_a_time;
    return first;
}

Result<wallet::SignedOrder> WalletFile::sign(wallet::PaymentOrder order, const Clock& clock, Random& random) {
    const auto counter = take_counter(clock);
    if (!counter) return tl::unexpected(counter.error());
    order.counter = *counter;
    order.expiry_unix_s = clock.wall_ns() / 1'000'000'000U + kOrderValidS;
    if (order.order_id == ByteArray<16>{}) random.fill(order.order_id);
    return m_key.sign(order);
}

Result<std::string> WalletFile::present(const MerchantId& merchant, Amount amount, const Clock& clock, Random& random) {
    wallet::PaymentOrder order;
    order.way = wallet::Way::shown;
    order.merchant = merchant;
    order.amount = amount.minor;
    order.currency = amount.currency;
    const auto signed_order = sign(order, clock, random);
    if (!signed_order) return tl::unexpected(signed_order.error());
    const auto bytes = wallet::encode_order(*signed_order);
    const auto text = qr::encode_cpm({Buffer(bytes.begin(), bytes.end())});
    ASSERT(text);  // an order is far below the code's bound
    return *text;
}

}  // namespace giro::customer
