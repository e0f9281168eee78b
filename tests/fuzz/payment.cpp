// What the vault deciphers and what it reads back from its own folder: PIN blocks, the counters' file.
#include <algorithm>

#include "hsm/payment/counter_file.hpp"
#include "hsm/payment/pin_block.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"

namespace giro::fuzz {

namespace {
using namespace hsm;
constexpr PinFormat kFormats[] = {PinFormat::iso0, PinFormat::iso1, PinFormat::iso3, PinFormat::iso4};

unsigned nibble(Bytes block, std::size_t i) {
    const auto byte = std::to_integer<unsigned>(block[i / 2]);
    return i % 2 == 0 ? byte >> 4 : byte & 15;
}

// The random bytes from which encode_pin_block() makes the fill that `block` has behind a PIN of `size` digits.
ByteArray<kFillRandomBytes> fill_of(PinFormat format, Bytes block, const Pan& pan, std::size_t size) {
    Buffer clear = owned(block);
    if (format == PinFormat::iso3) xor_into(MutableBytes(clear).first(8), *pan_field8(pan));
    ByteArray<kFillRandomBytes> random{};
    for (std::size_t i = size; i < 14; ++i) {
        const unsigned value = nibble(clear, 2 + i);
        if (format == PinFormat::iso1) random[i / 2] |= static_cast<std::byte>(i % 2 == 0 ? value << 4 : value);
        if (format == PinFormat::iso3) random[i] = static_cast<std::byte>(value - 10);
    }
    if (format == PinFormat::iso4) std::ranges::copy(block.subspan(8), random.begin());
    return random;
}
}  // namespace

void run_pin_block(Bytes input) {
    static const Pan kPans[] = {*Pan::parse("5413330089604111"), *Pan::parse("5413330089604"), *Pan::parse("54133300")};
    const PinFormat format = kFormats[take_choice(input, std::size(kFormats))];
    const Pan& pan = kPans[take_choice(input, std::size(kPans))];
    ASSERT(nibble(pan_field16(pan), 0) == std::max<std::size_t>(pan.reveal().size(), 12) - 12);
    ClearPin pin;
    if (!decode_pin_block(format, input, pan, pin)) {
        ASSERT(pin.size() == 0);
        return;
    }
    Buffer again(input.size());
    ASSERT(encode_pin_block(format, pin, pan, fill_of(format, input, pan, pin.size()), again));
    ASSERT(std::ranges::equal(again, input));
    ASSERT(pan_field8(kPans[2]) == std::nullopt);
    ASSERT(
        !encode_pin_block(PinFormat::iso0, pin, kPans[2], ByteArray<kFillRandomBytes>{}, MutableBytes(again).first(8)));
    ASSERT(!encode_pin_block(format, pin, pan, {}, again));
}
Seeds seeds_pin_block() {
    const Pan pan = *Pan::parse("5413330089604111");
    Seeds seeds;
    for (std::size_t choice = 0; choice < std::size(kFormats); ++choice)
        for (const std::string_view digits : {"1234", "123456789012"}) {
            Buffer values;
            for (const char c : digits) values.push_back(static_cast<std::byte>(c - '0'));
            ClearPin pin;
            ASSERT(pin.assign(values));
            Buffer block(block_bytes(kFormats[choice]));
            ASSERT(encode_pin_block(kFormats[choice], pin, pan, ByteArray<kFillRandomBytes>{}, block));
            seeds.push_back(chosen(choice, chosen(0, block)));
        }
    return seeds;
}

void run_vault_counters(Bytes input) {
    const auto file = scratch("counters", input);
    auto opened = CounterFile::open(file);
    if (!opened) {
        ASSERT(opened.error().kind == Failure::Kind::integrity);
        return;
    }
    const CounterId id = counter_id("fuzz", input);
    const std::size_t before = opened->size();
    ASSERT(opened->value(id) == 0);
    opened->set(id, 7);
    ASSERT(opened->commit());
    const auto again = CounterFile::open(file);
    ASSERT(again && again->size() == before + 1 && again->value(id) == 7);
}
Seeds seeds_vault_counters() {
    const auto file = scratch("counters", {});
    std::filesystem::remove(file);
    {
        auto counters = CounterFile::open(file).value();
        for (std::uint32_t i = 1; i <= 3; ++i) {
            counters.set(counter_id("pin", as_bytes("card")), i);
            counters.set(counter_id("mac-ksn", as_bytes(std::to_string(i))), i);
            ASSERT(counters.commit());
        }
    }
    return {read_file(file).value(), {}};
}

}  // namespace giro::fuzz
