#include "appliance/giro/pos_chip.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "appliance/giro/demo.hpp"
#include "iso8583/chip.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"

namespace giro::pos {

namespace {
constexpr std::size_t kKeyChars = 2 * payment::kChipKeyBytes, kCounterChars = 5;
constexpr std::size_t kLineChars = kKeyChars + 1 + kCounterChars + 1;
constexpr std::uint8_t kSequenceNumber = 1;
constexpr unsigned kAtcMax = 65'535;
constexpr std::size_t kFileBytesMax = kLineChars * 10'000;

FixedText<6> date_of(std::uint64_t wall_ns) {
    const auto seconds = static_cast<time_t>(wall_ns / 1'000'000'000U);
    tm utc{};
    gmtime_r(&seconds, &utc);
    return FixedText<6>(fmt::format("{:02}{:02}{:02}", utc.tm_year % 100, utc.tm_mon + 1, utc.tm_mday));
}

Failure unreadable(const std::string& bin) {
    return {Failure::Kind::not_provisioned, fmt::format("the demo has made no chip cards of BIN {}", bin)};
}

// The card's counter, moved by one in the file.
std::optional<std::uint16_t> next_counter(int fd, std::uint32_t index) {
    const auto at = static_cast<off_t>((index - 1) * kLineChars + kKeyChars + 1);
    std::array<char, kCounterChars> digits{};
    if (::flock(fd, LOCK_EX) != 0) return std::nullopt;
    unsigned counter = kAtcMax;
    const bool read = ::pread(fd, digits.data(), digits.size(), at) == static_cast<ssize_t>(digits.size());
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), counter);
    const bool good = read && parsed.ec == std::errc() && counter < kAtcMax;
    const std::string next = fmt::format("{:05}", counter + 1);
    const bool written = good && ::pwrite(fd, next.data(), next.size(), at) == static_cast<ssize_t>(next.size());
    ::flock(fd, LOCK_UN);
    if (!written) return std::nullopt;
    return static_cast<std::uint16_t>(counter + 1);
}
}  // namespace

std::filesystem::path chip_cards_file(const std::filesystem::path& demo, std::string_view bin) {
    return demo / "cards" / fmt::format("{}.cards", bin);
}

Result<void> write_chip_cards(const std::filesystem::path& demo, const std::string& bin, const Secret& issuer_master,
                              std::uint32_t count) {
    Secret text(count * kLineChars);
    for (std::uint32_t i = 1; i <= count; ++i) {
        const auto pan = Pan::parse(demo::pan(bin, i));
        ASSERT(pan);
        const Secret key = payment::chip_card_key(issuer_master, *pan, kSequenceNumber);
        std::string line = fmt::format("{} {:05}\n", to_hex(key.reveal()), 0);
        ASSERT(line.size() == kLineChars);
        std::ranges::copy(as_bytes(line), text.writable().begin() + static_cast<std::ptrdiff_t>((i - 1) * kLineChars));
        wipe(std::as_writable_bytes(std::span(line)));
    }
    const auto file = chip_cards_file(demo, bin);
    std::filesystem::create_directories(file.parent_path());
    return write_file_atomic(file, text.reveal(), 0600);
}

ChipCards::~ChipCards() {
    for (const auto& [name, bin] : m_bins) ::close(bin.fd);
}

Result<ChipCards::Bin*> ChipCards::open(const std::string& name) {
    if (const auto known = m_bins.find(name); known != m_bins.end()) return &known->second;
    Bin bin;
    const auto product = std::ranges::find_if(m_config.card_products, [&](const auto& p) {
        return !p.chip_key.empty() && std::ranges::find(p.bins, name) != p.bins.end();
    });
    if (product == m_config.card_products.end()) return tl::unexpected(unreadable(name));
    bin.cvn = product->cvns.front();
    const auto file = chip_cards_file(m_demo, name);
    auto text = read_file(file, kFileBytesMax);
    if (!text || text->size() % kLineChars != 0) return tl::unexpected(unreadable(name));
    for (std::size_t at = 0; at < text->size(); at += kLineChars) {
        auto key = from_hex(as_text(Bytes(*text).subspan(at, kKeyChars)));
        if (!key) return tl::unexpected(unreadable(name));
        bin.keys.emplace_back(std::move(*key));
    }
    wipe(*text);
    bin.fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    if (bin.fd < 0) return tl::unexpected(unreadable(name));
    return &m_bins.emplace(name, std::move(bin)).first->second;
}

Result<ChipUse> ChipCards::use(const std::string& bin, std::uint32_t index, payment::ChipAnswer type, MinorUnits amount,
                               Currency currency, std::uint64_t wall_ns, Random& random) {
    const auto opened = open(bin);
    if (!opened) return tl::unexpected(opened.error());
    Bin& of = **opened;
    if (index == 0 || index > of.keys.size()) return tl::unexpected(unreadable(bin));
    const auto atc = next_counter(of.fd, index);
    if (!atc)
        return fail(Failure::Kind::refused,
                    fmt::format("chip card {}-{} cannot count on: its file is gone, or it has paid {} times", bin,
                                index, kAtcMax));
    ChipUse out;
    out.purchase = {type, of.cvn, kSequenceNumber, *atc, amount, currency, date_of(wall_ns), {}};
    random.fill(out.purchase.unpredictable);
    out.field = payment::chip_field(of.keys[index - 1], out.purchase);
    return out;
}

void ChipCards::spoil(ChipUse& use) {
    const auto cryptogram = iso8583::chip_tag(use.field, 0x9F26);
    ASSERT(cryptogram && !cryptogram->empty());
    use.field[static_cast<std::size_t>(cryptogram->data() - use.field.data())] ^= std::byte{1};
}

ChipCards::Verdict ChipCards::check(const std::string& bin, std::uint32_t index, const ChipUse& use, Bytes answer,
                                    bool approved) {
    const auto tag91 = iso8583::chip_tag(answer, 0x91);
    if (!tag91) return Verdict::absent;
    const auto opened = open(bin);
    const auto cryptogram = iso8583::chip_tag(use.field, 0x9F26);
    const bool good =
        opened && cryptogram && index != 0 && index <= (*opened)->keys.size() &&
        payment::is_issuers_answer((*opened)->keys[index - 1], use.purchase, *cryptogram, *tag91, approved);
    return good ? Verdict::issuer_answers : Verdict::wrong;
}

}  // namespace giro::pos
