// The box's payment keys: at rest as key blocks under the token's own key, in use as objects that cannot leave.
#include "tests/hsm/payment_verbs.hpp"

namespace giro::test {

using namespace hsm;

TEST_CASE("key store: a key is there after a restart, with its header and check value, and nowhere in the clear") {
    BoxFixture box;
    add_payment_keys(box);
    const auto before = box.at().payment_keys.list();
    box.restart();
    const auto after = box.at().payment_keys.list();
    REQUIRE(after.size() == before.size());
    for (std::size_t i = 0; i < after.size(); ++i) {
        CHECK(after[i].name == before[i].name);
        CHECK(after[i].header == before[i].header);
        CHECK(after[i].kcv == before[i].kcv);
    }
    const auto* bdk = box.at().payment_keys.find("bdk.tdes");
    CHECK(to_hex(bdk->kcv) == "08d7b4");
    for (const auto& file : std::filesystem::recursive_directory_iterator(box.config().folder)) {
        if (!file.is_regular_file()) continue;
        const Buffer bytes = read_file(file.path()).value();
        const std::string_view text = as_text(bytes);
        for (const char* value : {kTdesValue, kKekValue}) {
            const Buffer clear = hex(value);
            CHECK(text.find(as_text(Bytes(clear).first(16))) == std::string_view::npos);
            std::string upper(value);
            for (char& c : upper) c = static_cast<char>(std::toupper(c));
            CHECK(text.find(upper) == std::string_view::npos);
            CHECK(text.find(value) == std::string_view::npos);
        }
    }
}

TEST_CASE("key store: another's key block, and a changed one, stop the start") {
    BoxFixture box;
    add_payment_keys(box);
    const auto file = box.config().folder / "keys" / "zone.kb";
    Buffer text = read_file(file).value();
    text[40] ^= std::byte{1};
    REQUIRE(write_file_atomic(file, text).has_value());
    box.stop();
    const auto opened = Vault::open(box.config());
    REQUIRE(!opened);
    CHECK(opened.error().kind == Failure::Kind::integrity);
    CHECK(opened.error().what.find("zone.kb") != std::string::npos);
}

TEST_CASE("key store: what a key may be for is a table; the rest is refused in words") {
    BoxFixture box;
    auto& keys = box.at().payment_keys;
    const auto refused = [&](std::string_view name, std::string_view header, std::size_t bytes) {
        const auto added = keys.add(name, header_of(header), Buffer(bytes, std::byte{3}));
        REQUIRE(!added);
        return added.error().refused;
    };
    CHECK(refused("k", "D0000D0AB00E0000", 16).find("usage D0") != std::string::npos);
    CHECK(refused("k", "D0000V2AV00E0000", 16).find("algorithm A") != std::string::npos);
    CHECK(refused("k", "D0000P0TB00E0000", 24).find("24 bytes") != std::string::npos);
    for (const char* name : {"", "../x", "A", ".x", "a/b", "abcdefghijklmnopqrs", "x.old", "a{"})
        CHECK(refused(name, "D0000P0TB00E0000", 16).find("name") != std::string::npos);
    REQUIRE(keys.add("k", header_of("D0000P0TB00E0000"), Buffer(16, std::byte{3})).has_value());
    CHECK(refused("k", "D0000P0TB00E0000", 16).find("already") != std::string::npos);
    CHECK(keys.add("a-1.z", header_of("D0000P0TB00E0000"), Buffer(16, std::byte{3})).has_value());
}

TEST_CASE("key store: what is no key file is left alone; a folder in one's place, and a kind that is not taken, stop the start") {
    BoxFixture box;
    add_payment_keys(box);
    const auto folder = box.config().folder / "keys";
    const std::size_t count = box.at().payment_keys.list().size();
    REQUIRE(write_file_atomic(folder / "readme.txt", as_bytes("not a key")).has_value());
    box.restart();
    CHECK(box.at().payment_keys.list().size() == count);
    // Under the token's own key, but for what this box has no use.
    const ProtectionKey lmk{{box.at().keys.payment_lmk, Cipher::aes}, 32};
    const auto block = wrap_key_block(box.at().session(), lmk, header_of("D0000D0AB00E0000"), Buffer(16, std::byte{3}));
    REQUIRE(block.has_value());
    box.stop();
    REQUIRE(std::filesystem::create_directory(folder / "folder.kb"));
    const auto start = [&] {
        const auto opened = Vault::open(box.config());
        REQUIRE(!opened);
        CHECK(opened.error().kind == Failure::Kind::integrity);
        return opened.error().what;
    };
    CHECK(start().find("folder.kb") != std::string::npos);
    std::filesystem::remove(folder / "folder.kb");
    REQUIRE(write_file_atomic(folder / "odd.kb", as_bytes(*block)).has_value());
    CHECK(start().find("usage D0") != std::string::npos);
}

TEST_CASE("key store: a key whose file is gone is neither rotated nor given away, and says so") {
    BoxFixture box;
    add_payment_keys(box);
    auto& keys = box.at().payment_keys;
    const auto before = keys.find("zone")->kcv;
    REQUIRE(std::filesystem::remove(box.config().folder / "keys" / "zone.kb"));
    CHECK(keys.rotate("zone", std::nullopt).error().refused.find("zone.kb does not open") != std::string::npos);
    CHECK(keys.wrap("zone", "kek").error().refused.find("zone.kb does not open") != std::string::npos);
    CHECK(keys.find("zone")->kcv == before);
    CHECK(keys.find("zone.old") == nullptr);
}

TEST_CASE("key store: what finds no room is not there: a header too long, a folder that is none, one key too many") {
    BoxFixture box;
    auto& keys = box.at().payment_keys;
    const auto folder = box.config().folder / "keys";
    auto header = header_of("D0000P0TB00E0000");
    header.optional.push_back({"TS", std::string(payment::kKeyBlockBytesMax, 'A')});
    CHECK(keys.add("long", header, hex(kTdesValue)).error().refused.find("too long") != std::string::npos);
    std::filesystem::remove_all(folder);
    REQUIRE(write_file_atomic(folder, {}).has_value());
    CHECK(!keys.add("nowhere", header_of("D0000P0TB00E0000"), hex(kTdesValue)).error().refused.empty());
    CHECK(keys.list().empty());
    std::filesystem::remove(folder);
    for (std::size_t i = 0; i < vault::kPaymentKeysMax; ++i)
        REQUIRE(keys.add(fmt::format("k{}", i), header_of("D0000P0TB00E0000"), hex(kTdesValue)).has_value());
    CHECK(keys.add("more", header_of("D0000P0TB00E0000"), hex(kTdesValue)).error().refused == "there are too many keys");
}

TEST_CASE("key store: the mode narrows a PIN key to one direction") {
    BoxFixture box;
    auto& keys = box.at().payment_keys;
    REQUIRE(keys.add("in", header_of("D0000P0TD00E0000"), hex(kTdesValue)).has_value());
    REQUIRE(keys.add("out", header_of("D0000P0TE00E0000"), hex(kTdesValue)).has_value());
    ByteArray<8> block{};
    CHECK(!encrypt_ecb(box.at().session(), keys.find("in")->ref(), ByteArray<8>{}, block));
    CHECK(decrypt_ecb(box.at().session(), keys.find("in")->ref(), ByteArray<8>{}, block));
    CHECK(!decrypt_ecb(box.at().session(), keys.find("out")->ref(), ByteArray<8>{}, block));
}

TEST_CASE("key store: rotation gives another key of the same kind and the next version, and keeps the old one") {
    BoxFixture box;
    add_payment_keys(box);
    auto& keys = box.at().payment_keys;
    const auto old = keys.find("zone")->kcv;
    const auto row = keys.rotate("zone", std::nullopt);
    REQUIRE(row.has_value());
    CHECK(row->kcv != old);
    CHECK(row->header.substr(9, 2) == "01");
    CHECK(keys.find("zone.old")->kcv == old);
    CHECK(!keys.rotate("nothing", std::nullopt));
    CHECK(!keys.rotate("zone", header_of("D0000P0TB00E0000")));
    CHECK(keys.rotate("fresh", header_of("D0000M3TC00E0000")).has_value());
    REQUIRE(keys.add("lettered", header_of("D0000P0TBA1E0000"), hex(kTdesValue)).has_value());
    CHECK(keys.rotate("lettered", std::nullopt)->header.substr(9, 2) == "01");  // no number to go on from
    box.restart();
    CHECK(box.at().payment_keys.find("zone.old")->kcv == old);
    CHECK(box.at().payment_keys.find("zone")->kcv == row->kcv);
}

TEST_CASE("key store: a key leaves under an AES key encryption key alone, and only when its header lets it") {
    BoxFixture box;
    add_payment_keys(box);
    auto& keys = box.at().payment_keys;
    const auto block = keys.wrap("zone", "kek");
    REQUIRE(block.has_value());
    const auto back = keys.unwrap("zone.back", "kek", *block);
    REQUIRE(back.has_value());
    CHECK(to_hex(back->kcv) == to_hex(keys.find("zone")->kcv));
    CHECK(!keys.wrap("zone.aes", "kek"));  // exportability N
    CHECK(!keys.wrap("zone", "zone.aes"));
    CHECK(!keys.wrap("zone", "nothing"));
    CHECK(!keys.wrap("nothing", "kek"));
    REQUIRE(keys.add("kek.tdes", header_of("D0000K0TN00N0000"), hex(kTdesValue)).has_value());
    CHECK(!keys.wrap("zone", "kek.tdes"));
    CHECK(!keys.unwrap("other", "zone", *block));
    CHECK(keys.unwrap("other", "nothing", *block).error().refused == "there is no key encryption key nothing");
    // K1 is a key encryption key too; one that is weaker than what it would protect is none for it.
    REQUIRE(keys.add("kek.k1", header_of("D0000K1AN00N0000"), hex(kKekValue)).has_value());
    REQUIRE(keys.wrap("zone", "kek.k1").has_value());
    CHECK(keys.unwrap("zone.k1", "kek.k1", *keys.wrap("zone", "kek.k1")).has_value());
    REQUIRE(keys.add("kek.weak", header_of("D0000K0AN00N0000"), hex(kAesValue)).has_value());
    REQUIRE(keys.add("strong", header_of("D0000P0AB00E0000"), hex(kKekValue)).has_value());
    CHECK(keys.wrap("strong", "kek.weak").error().refused == "strong is stronger than kek.weak");
    CHECK(keys.wrap("strong", "kek").has_value());
    CHECK(keys.unwrap("other", "kek.tdes", *block).error().refused == "the key block does not open");
}

}  // namespace giro::test
