// Key blocks: the standards' examples and an HSM's, made and read; every changed bit refused in one way.
#include "hsm/payment/key_block.hpp"
#include "tests/hsm/payment/support.hpp"

namespace giro::test {

using namespace hsm;
using payment::KeyBlockHeader;
using payment::parse_key_block_header;

namespace {
constexpr const char* kKbpk = "88e1ab2a2e3dd38c1fa039a536500cc8a87ab9d62dc92c01058fa79f44657de6";
// TR-31:2018 A.7.4
constexpr const char* kBlock =
    "D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34";

ProtectionKey aes_kbpk(const Object& key, std::size_t bytes) {
    return {{key.handle(), Cipher::aes}, bytes};
}
std::string key_in(const TokenFixture& token, const ProtectionKey& kbpk, std::string_view block) {
    const auto out = unwrap_key_block(token.session(), kbpk, block);
    REQUIRE(out.has_value());
    return *out ? to_hex((*out)->key.reveal()) : "refused";
}
}  // namespace

TEST_CASE("key block: the header says what a key is for, and where it is wrong") {
    const auto header = parse_key_block_header("B0104B0TX12S0100KS1800604B120F9292800000BB68BE8680A400D9");
    REQUIRE(header.has_value());
    CHECK(header->version == 'B');
    CHECK(header->length == 104);
    CHECK(header->usage == "B0");
    CHECK(header->algorithm == 'T');
    CHECK(header->mode == 'X');
    CHECK(header->key_version == "12");
    CHECK(header->exportability == 'S');
    CHECK(header->optional == std::vector<payment::OptionalBlock>{{"KS", "00604B120F9292800000"}});
    CHECK(header->header_bytes == 40);
    CHECK(payment::usage_text(header->usage) == "base derivation key (DUKPT)");
    CHECK(payment::usage_text("Z9") == "?");
    CHECK(parse_key_block_header("D0112P0AE00E0").error().what.find("16 characters") != std::string::npos);
    CHECK(parse_key_block_header("X0112P0AE00E0000").error().what.find("character 1:") != std::string::npos);
    CHECK(parse_key_block_header("D01x2P0AE00E0000").error().what.find("character 2:") != std::string::npos);
    CHECK(parse_key_block_header("D0112P0AE00E0100KS").error().what.find("character 19:") != std::string::npos);
    CHECK(!parse_key_block_header(std::string(payment::kKeyBlockBytesMax + 1, '0')));
}

TEST_CASE("key block: malformed headers of another implementation are refused") {
    const auto file = vector_file("crypto/tr31_keyblocks.json");
    if (file.is_null()) return;
    for (const auto& row : file["invalid_headers"])
        for (const auto& header : row["header"]) {
            CAPTURE(header.get<std::string>());
            CHECK(!parse_key_block_header(header.get<std::string>()));
        }
}

TEST_CASE("key block: TR-31 A.7.4, X9.143 8.1, and TR-31's version B") {
    TokenFixture token;
    const Object aes = token_key(token, Cipher::aes, hex(kKbpk));
    CHECK(key_in(token, aes_kbpk(aes, 32), kBlock) == "3f419e1cb7079442aa37474c2efbf8b8");
    CHECK(key_in(token, aes_kbpk(aes, 32),
                 "D0144P0AE00E00002C77FA3F4A553BED6E88AE5C172A4166E3D4ACA8E2AC71C158A476FAC12C13C3829DE55D3AB54C48F4C4F"
                 "EF7AC75E"
                 "90FC47F1B77E7B19A73ED46E64410082557") == "3f419e1cb7079442aa37474c2efbf8b8");
    const Object tdes = tdes_key(token, hex("dd7515f2bfc17f85ce48f3ca25cb21f6"));
    CHECK(key_in(token, {{tdes.handle(), Cipher::tdes}, 16},
                 "B0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248E") ==
          "3f419e1cb7079442aa37474c2efbf8b8");
    const Object other = tdes_key(token, hex("1d22bf32387c600ad97f9b97a51311ac"));
    CHECK(key_in(token, {{other.handle(), Cipher::tdes}, 16},
                 "B0104B0TX12S0100KS1800604B120F9292800000BB68BE8680A400D9191AD4ECE45B6E6C0D21C4738A52190E248719E24B433"
                 "627") == "e8bc63e5479455e26577f715d587fe68");
}

TEST_CASE("key block: every block of the folder in versions B and D under keys we hold") {
    const auto file = vector_file("crypto/tr31_keyblocks.json");
    if (file.is_null()) return;
    TokenFixture token;
    int read = 0;
    for (const auto& row : file["key_blocks"]) {
        const std::string block = row["key_block"];
        const Buffer value = hex(row["kbpk"]);
        if (block[0] != 'D' && block[0] != 'B') continue;
        const Cipher cipher = block[0] == 'D' ? Cipher::aes : Cipher::tdes;
        if (!key_size_fits(cipher, value.size())) continue;  // single and triple-length TDES, AES-192
        const Object key = token_key(token, cipher, value);
        CAPTURE(block);
        CHECK(key_in(token, {{key.handle(), cipher}, value.size()}, block) == to_hex(hex(row["key"])));
        ++read;
    }
    CHECK(read >= 10);
}

TEST_CASE("key block: every changed bit of every character is refused, and so is every truncation") {
    TokenFixture token;
    const Object aes = token_key(token, Cipher::aes, hex(kKbpk));
    const std::string good = kBlock;
    for (std::size_t i = 0; i < good.size(); ++i)
        for (unsigned bit = 0; bit < 8; ++bit) {
            std::string bad = good;
            bad[i] = static_cast<char>(static_cast<unsigned char>(bad[i]) ^ (1U << bit));
            CAPTURE(i);
            CAPTURE(bit);
            CHECK(key_in(token, aes_kbpk(aes, 32), bad) == "refused");
        }
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK(key_in(token, aes_kbpk(aes, 32), std::string_view(good).substr(0, size)) == "refused");
    CHECK(key_in(token, aes_kbpk(aes, 32), good + "0") == "refused");
    CHECK(key_in(token, aes_kbpk(aes, 32), good + std::string(32, '0')) == "refused");
}

TEST_CASE("key block: what we wrap comes back, with its header, and hides how long the key is") {
    TokenFixture token;
    const Object aes = token_key(token, Cipher::aes, hex(kKbpk));
    std::size_t size = 0;
    for (const std::size_t bytes : {16U, 32U}) {
        KeyBlockHeader header;
        header.usage = "P0";
        header.algorithm = 'A';
        header.mode = 'E';
        header.key_version = "07";
        header.exportability = 'E';
        header.optional = {{"KS", "123456789012345600000000"}, {"IK", "X"}};
        Buffer key(bytes, std::byte{0x5c});
        const auto block = wrap_key_block(token.session(), aes_kbpk(aes, 32), header, key);
        REQUIRE(block.has_value());
        if (size != 0) CHECK(block->size() == size);
        size = block->size();
        const auto out = unwrap_key_block(token.session(), aes_kbpk(aes, 32), *block);
        REQUIRE(out.value().has_value());
        CHECK(to_hex((*out)->key.reveal()) == to_hex(key));
        CHECK((*out)->header.usage == "P0");
        CHECK((*out)->header.key_version == "07");
        CHECK((*out)->header.optional[0] == header.optional[0]);
        CHECK((*out)->header.length == block->size());
        CHECK((*out)->header.header_bytes % 16 == 0);
    }
    const auto first = wrap_key_block(token.session(), aes_kbpk(aes, 32), {}, Buffer(16)).value();
    CHECK(first != wrap_key_block(token.session(), aes_kbpk(aes, 32), {}, Buffer(16)).value());  // random padding
}

}  // namespace giro::test
