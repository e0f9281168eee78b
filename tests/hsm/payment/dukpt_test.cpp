// DUKPT against the standards' own test data: X9.24-3:2017 (AES) and X9.24-1:2009 annex A.4 (TDES).
#include "hsm/payment/dukpt_aes.hpp"
#include "hsm/payment/dukpt_tdes.hpp"
#include "hsm/payment/mac.hpp"
#include "payment/dukpt_device.hpp"
#include "tests/hsm/payment/support.hpp"

namespace giro::test {

using namespace hsm;

namespace {
constexpr const char* kAesBdk128 = "fedcba9876543210f1f1f1f1f1f1f1f1";
constexpr const char* kAesBdk256 = "fedcba9876543210f1f1f1f1f1f1f1f1fedcba9876543210f1f1f1f1f1f1f1f1";
constexpr const char* kTdesBdk = "0123456789abcdeffedcba9876543210";

// A key of the token is known by its check value alone.
void check_is(const TokenFixture& token, const Object& key, std::string_view value) {
    CHECK(to_hex(check_value(token.session(), {key.handle(), Cipher::aes}).value()) ==
          to_hex(check_value_of_clear(Cipher::aes, hex(value))));
}

struct AesSide {
    TokenFixture token;
    Object bdk;
    AesDukpt dukpt;
    explicit AesSide(const char* bdk_hex, std::size_t keys_max = AesDukpt::kKeysMax)
        : bdk(token_key(token, Cipher::aes, hex(bdk_hex))),
          dukpt(token.session(), bdk.handle(), hex(bdk_hex).size(), keys_max) {}
    Object working(std::string_view ksn, AesDukptUsage usage, AesDukptKey kind) {
        const auto id = hex_array<12>(ksn);
        const auto transaction = dukpt.transaction_key(id).value();
        return dukpt.working_key(transaction, id, usage, kind, kEveryUse).value();
    }
};

struct TdesSide {
    TokenFixture token;
    Object bdk, masked;
    TdesSide() : bdk(tdes_key(token, hex(kTdesBdk))), masked(tdes_key(token, masked_bdk())) {}
    static Buffer masked_bdk() {
        Buffer value = hex(kTdesBdk);
        mask_bdk(value);
        return value;
    }
    void transaction_key(const TdesKsn& ksn, TdesKey& out) const {
        TdesKey initial;
        REQUIRE(tdes_initial_key(token.session(), {bdk.handle(), masked.handle()}, ksn, initial).has_value());
        tdes_transaction_key(initial, ksn, out);
    }
};
}  // namespace

TEST_CASE("AES DUKPT: X9.24-3's working keys of the first counters, 128 and 256 bit") {
    AesSide small(kAesBdk128);
    check_is(small.token, small.working("123456789012345600000001", AesDukptUsage::pin, AesDukptKey::aes128),
             "af8cb133a78f8dc2d1359f18527593fb");
    check_is(small.token, small.working("123456789012345600000001", AesDukptUsage::mac_request, AesDukptKey::aes128),
             "a2dc23de6fde0824a2bc321e08e4b8b7");
    check_is(small.token, small.working("123456789012345600000003", AesDukptUsage::pin, AesDukptKey::aes128),
             "7d69f01f3b45449f62c7816ece723268");
}

TEST_CASE("AES DUKPT: 256 bit, counter 8") {
    AesSide large(kAesBdk256);
    check_is(large.token, large.working("123456789012345600000008", AesDukptUsage::pin, AesDukptKey::aes256),
             "173a45284262a3e292d86d08fd6de9167963214450d1d48f6103bd2eb08e61b5");
    check_is(large.token, large.working("123456789012345600000008", AesDukptUsage::mac_request, AesDukptKey::aes256),
             "949a3fef12dbd273dd25bb60e29bbe313c872a9de3be03a7e29626aca0a42880");
}

TEST_CASE("AES DUKPT, the terminal's side: the same keys in software, 128 and 256 bit") {
    const auto keys = [](const char* bdk, std::string_view ksn_digits) {
        const auto ksn = payment::Ksn::parse(hex(ksn_digits)).value();
        return payment::dukpt_working_keys(payment::dukpt_initial_key(Secret(hex(bdk)), ksn.device()), ksn);
    };
    const auto first = keys(kAesBdk128, "123456789012345600000001"), third = keys(kAesBdk128, "123456789012345600000003");
    CHECK(to_hex(first.pin.reveal()) == "af8cb133a78f8dc2d1359f18527593fb");
    CHECK(to_hex(first.mac_request.reveal()) == "a2dc23de6fde0824a2bc321e08e4b8b7");
    CHECK(to_hex(third.pin.reveal()) == "7d69f01f3b45449f62c7816ece723268");
    const auto eighth = keys(kAesBdk256, "123456789012345600000008");
    CHECK(to_hex(eighth.pin.reveal()) == "173a45284262a3e292d86d08fd6de9167963214450d1d48f6103bd2eb08e61b5");
    CHECK(to_hex(eighth.mac_request.reveal()) == "949a3fef12dbd273dd25bb60e29bbe313c872a9de3be03a7e29626aca0a42880");
    // The answers' key: what the token derives.
    AesSide side(kAesBdk128);
    check_is(side.token, side.working("1234567890123456000a5001", AesDukptUsage::mac_response, AesDukptKey::aes128),
             to_hex(keys(kAesBdk128, "1234567890123456000a5001").mac_response.reveal()));
}

TEST_CASE("TDES DUKPT, the terminal's side: the standard's initial key, and the keys of its first KSN") {
    const auto ksn = payment::Ksn::parse(hex("FFFF9876543210E00001")).value();
    const Secret initial = payment::dukpt_initial_key(Secret(hex("0123456789ABCDEFFEDCBA9876543210")), ksn);
    CHECK(to_hex(initial.reveal()) == "6ac292faa1315b4d858ab3a3d7d5933a");
    const auto first = payment::dukpt_working_keys(initial, ksn);  // of 042666B49184CFA368DE9628D0397BC9
    CHECK(to_hex(first.pin.reveal()) == "042666b49184cf5c68de9628d0397b36");
    CHECK(to_hex(first.mac_request.reveal()) == "042666b4918430a368de9628d03984c9");
    CHECK(to_hex(first.mac_response.reveal()) == "042666b46e84cfa368de96282f397bc9");
}

TEST_CASE("AES DUKPT: every row of the standard's supplement") {
    const auto file = vector_file("crypto/dukpt_aes.json");
    if (file.is_null()) return;
    int keys = 0;
    for (const auto& series : file["series"]) {
        AesSide side(series["bdk"].get<std::string>().c_str());
        for (const auto& row : series["rows"]) {
            const auto ksn = hex_array<12>(row["ksn"].get<std::string>());
            CAPTURE(row["ksn"].get<std::string>());
            const auto transaction = side.dukpt.transaction_key(ksn).value();
            // A derivation key cannot make a check value: that of a key under it stands for it.
            const Object known = token_key(side.token, Cipher::aes, hex(row["txn_key"]));
            const auto under = [&](const Object& key) {
                return check_value(side.token.session(), {side.dukpt
                                                              .working_key(key, ksn, AesDukptUsage::data_request,
                                                                           AesDukptKey::aes128, kEveryUse)
                                                              .value()
                                                              .handle(),
                                                          Cipher::aes})
                    .value();
            };
            CHECK(under(transaction) == under(known));
            struct Name {
                const char* name;
                AesDukptUsage usage;
                AesDukptKey kind;
            };
            for (const Name& n : {Name{"pin_key_aes128", AesDukptUsage::pin, AesDukptKey::aes128},
                                  Name{"pin_key_aes256", AesDukptUsage::pin, AesDukptKey::aes256},
                                  Name{"cmac_aes128_key", AesDukptUsage::mac_request, AesDukptKey::aes128},
                                  Name{"cmac_aes256_key", AesDukptUsage::mac_request, AesDukptKey::aes256},
                                  Name{"data_aes128_key", AesDukptUsage::data_request, AesDukptKey::aes128},
                                  Name{"data_aes256_key", AesDukptUsage::data_request, AesDukptKey::aes256}}) {
                if (!row.contains(n.name)) continue;
                check_is(side.token, side.dukpt.working_key(transaction, ksn, n.usage, n.kind, kEveryUse).value(),
                         row[n.name].get<std::string>());
                ++keys;
            }
        }
    }
    CHECK(keys > 60);
}

TEST_CASE("AES DUKPT: the CMACs of another implementation, both directions") {
    const auto file = vector_file("crypto/dukpt_aes.json");
    if (file.is_null()) return;
    AesSide side(kAesBdk128);
    for (const auto& row : file["moov_io_dukpt"]["sequences"][0]["rows"]) {
        const auto ksn = hex_array<12>(row["Ksn"].get<std::string>());
        const auto transaction = side.dukpt.transaction_key(ksn).value();
        const auto mac_under = [&](AesDukptUsage usage) {
            const auto key = side.dukpt.working_key(transaction, ksn, usage, AesDukptKey::aes128, kEveryUse).value();
            ByteArray<32> full{};
            const auto size =
                full_mac(side.token.session(), {MacKind::aes_cmac, key.handle()}, as_bytes("4012345678909D987"), full)
                    .value();
            return to_hex(Bytes(full).first(size));
        };
        CHECK(mac_under(AesDukptUsage::mac_request) == to_hex(hex(row["CMACRequest"])));
        CHECK(mac_under(AesDukptUsage::mac_response) == to_hex(hex(row["CMACResponse"])));
    }
}

TEST_CASE("AES DUKPT: an HMAC key of 256 bits works in the token") {
    AesSide side(kAesBdk256);
    const Object key = side.working("123456789012345600000001", AesDukptUsage::mac_request, AesDukptKey::hmac256);
    ByteArray<32> full{};
    CHECK(full_mac(side.token.session(), {MacKind::hmac_sha256, key.handle()}, as_bytes("data"), full).value() == 32);
}

TEST_CASE("AES DUKPT: intermediate keys are bounded, and what was thrown away is derived again to the same keys") {
    AesSide roomy(kAesBdk128);
    AesDukpt tight(roomy.token.session(), roomy.bdk.handle(), 16, 2);
    for (const char* text : {"1234567890123456000000ff", "123456789012345600000100", "1234567890123456000000ff"}) {
        const auto kcv = [&](AesDukpt& dukpt) {
            const auto ksn = hex_array<12>(text);
            const auto transaction = dukpt.transaction_key(ksn).value();
            const Object key =
                dukpt.working_key(transaction, ksn, AesDukptUsage::pin, AesDukptKey::aes128, kEveryUse).value();
            return check_value(roomy.token.session(), {key.handle(), Cipher::aes}).value();
        };
        CHECK(kcv(roomy.dukpt) == kcv(tight));
    }
    CHECK(tight.size() == 2);
    CHECK(roomy.dukpt.size() == 8);  // the initial key and the seven intermediate keys of ...ff
    // A terminal that counts up costs two derivations a message for the tree, at most, once its way is known.
    const auto before = roomy.dukpt.derivations();
    for (std::uint32_t counter = 0x101; counter <= 0x200; ++counter) {
        auto ksn = hex_array<12>("123456789012345600000000");
        store_be(ksn.data() + 8, counter);
        REQUIRE(roomy.dukpt.transaction_key(ksn).has_value());
    }
    CHECK(roomy.dukpt.derivations() - before <= 2 * 256);
}

TEST_CASE("DUKPT: counters of too many one bits, and zero, are no counters") {
    CHECK(!is_aes_dukpt_counter(0));
    CHECK(is_aes_dukpt_counter(0xffff0000));
    CHECK(!is_aes_dukpt_counter(0xffff0001));
    CHECK(!is_tdes_dukpt_counter(0));
    CHECK(is_tdes_dukpt_counter(0x1ff800));
    CHECK(!is_tdes_dukpt_counter(0x1ffc00));
    CHECK(counter_of(hex_array<10>("ffff9876543210efffff")) == 0x0fffff);
}

TEST_CASE("TDES DUKPT: X9.24-1 A.4: initial key, transaction keys, PIN block and MACs of the first counters") {
    const TdesSide side;
    TdesKey initial;
    REQUIRE(tdes_initial_key(side.token.session(), {side.bdk.handle(), side.masked.handle()},
                             hex_array<10>("ffff9876543210e00005"), initial)
                .has_value());
    CHECK(to_hex(initial.reveal()) == "6ac292faa1315b4d858ab3a3d7d5933a");
    TdesKey key, variant;
    side.transaction_key(hex_array<10>("ffff9876543210e00001"), key);
    CHECK(to_hex(key.reveal()) == "042666b49184cfa368de9628d0397bc9");
    tdes_variant(key, TdesVariant::pin, variant);
    ByteArray<8> block{};
    tdes_encrypt(variant, hex("041274edcba9876f"), block);
    CHECK(to_hex(block) == "1b9c1845eb993a7a");
    tdes_decrypt(variant, block, block);
    CHECK(to_hex(block) == "041274edcba9876f");
    tdes_variant(key, TdesVariant::mac_request, variant);
    CHECK(to_hex(Bytes(tdes_mac(variant, as_bytes("4012345678909D987"))).first(4)) == "9ccc7817");
    tdes_variant(key, TdesVariant::mac_response, variant);
    CHECK(to_hex(Bytes(tdes_mac(variant, as_bytes("4012345678909D987"))).first(4)) == "20364223");
}

TEST_CASE("TDES DUKPT: every row of annex A.4") {
    const auto file = vector_file("crypto/dukpt_tdes.json");
    if (file.is_null()) return;
    const TdesSide side;
    int rows = 0;
    for (const auto& series : file["series"])
        for (const auto& row : series["rows"]) {
            const auto ksn = hex_array<10>(row["ksn"].get<std::string>());
            CAPTURE(row["ksn"].get<std::string>());
            TdesKey key, variant;
            if (counter_of(ksn) == 0) continue;  // a row of the standard's own before the first counter of a range
            side.transaction_key(ksn, key);
            CHECK(to_hex(key.reveal()) == row["txn_key"].get<std::string>());
            tdes_variant(key, TdesVariant::pin, variant);
            ByteArray<8> block{};
            tdes_encrypt(variant, hex(file["clear_pinblock_iso0"]), block);
            CHECK(to_hex(block) == row["encrypted_pinblock"].get<std::string>());
            const auto data = as_bytes("4012345678909D987");
            tdes_variant(key, TdesVariant::mac_request, variant);
            CHECK(to_hex(Bytes(tdes_mac(variant, data)).first(4)) == row["mac_request"].get<std::string>());
            tdes_variant(key, TdesVariant::mac_response, variant);
            CHECK(to_hex(Bytes(tdes_mac(variant, data)).first(4)) == row["mac_response"].get<std::string>());
            ++rows;
        }
    CHECK(rows >= 30);
}

TEST_CASE("TDES DUKPT: the MAC in memory is the token's X9.19 MAC") {
    TokenFixture token;
    const Buffer value = hex("0123456789abcdeffedcba9876543210");
    const Object whole = tdes_key(token, value), left = left_key(token, value);
    TdesKey memory;
    std::copy(value.begin(), value.end(), memory.writable().begin());
    for (std::size_t size = 0; size <= 33; ++size) {
        const Buffer data(size, std::byte{0x5a});
        CHECK(tdes_mac(memory, data) == retail_mac(token.session(), whole.handle(), left.handle(), data).value());
    }
}

}  // namespace giro::test
