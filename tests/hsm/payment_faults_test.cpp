// The payment verbs and the key store while the token fails under them, call by call: said so, nothing burnt, nothing
// half there. On the simulated token, with requests that are fine in every way.
#include "hsm/payment/pin_translate.hpp"
#include "tests/hsm/payment_verbs.hpp"
#include "tests/hsm/sim_token.hpp"

namespace giro::test {

using namespace hsm;
using bus::Status;
using vault::KeyName;

namespace {
constexpr std::uint64_t kCallsMax = 1'000;  // no request needs as many of the token

// Asks until the token has failed at each of its calls. Some only clear away after what was asked: then it is answered
// well, and that is the end where it can be done once.
template <typename V, typename IsGood>
void fail_at_every_call(BoxFixture& box, const GiroTestToken& token, const typename V::Request& request, IsGood is_good,
                        bool once = false) {
    std::uint64_t refusals = 0;
    for (std::uint64_t k = 1;; ++k) {
        REQUIRE(k < kCallsMax);
        const std::uint64_t before = token.faults();
        token.fail(CKR_FUNCTION_FAILED, k, 0);
        const Answer answer = box.ask<V>(request, Caller::giro_switch);
        const bool failed = token.faults() != before;
        token.fail(0, 0, 0);
        CHECK_FALSE(answer.close_peer);
        while (box.vault().present() == nullptr) REQUIRE(box.vault().tick());
        if (answer.status != Status::ok) {
            REQUIRE(failed);
            ++refusals;
            continue;
        }
        const auto reply = vault::decode<typename V::Reply>(answer.body);
        REQUIRE(reply.has_value());
        CHECK(is_good(*reply));
        if (once || !failed) break;
    }
    CHECK(refusals > 1);
}
}  // namespace

TEST_CASE(
    "payment verbs: a token that fails while a PIN or a cryptogram is worked on is said so, and burns no KSN and no "
    "attempt") {
    const GiroTestToken& token = sim_token(9);
    BoxFixture box(test_token_module());
    add_payment_keys(box);
    using enum vault::PinFormat;
    const auto translate = [&](const vault::EncryptedPin& pin, const Pan& pan, const char* to_key, vault::PinFormat to) {
        CAPTURE(pin.key.view());
        CAPTURE(to_key);
        fail_at_every_call<vault::PinTranslate>(
            box, token, {{{pin, pan, KeyName(to_key), to}}},
            [](const auto& reply) { return !reply.blocks.at(0).empty(); }, !pin.ksn.empty());
    };
    const Pan pan = *Pan::parse("4444333322221111");
    const Buffer block = session_block(box, "1234", pan), aes_block = session_block(box, "1234", pan, PinFormat::iso4);
    translate(of_session(iso0, block), pan, "zone", iso3);
    translate(of_session(iso0, block), pan, "zone.aes", iso4);
    translate(of_session(iso4, aes_block), pan, "zone", iso0);
    const Buffer ksn = hex("123456789012345600000001"), dukpt_block = hex("a912150391ab65a67e52883d81ce2d15");  // X9.24-3
    translate({KeyName("bdk.aes"), ksn, iso4, dukpt_block}, *Pan::parse("4111111111111111"), "zone", iso0);
    const Buffer tdes_ksn = hex("ffff9876543210e00001"), tdes_block = hex("1b9c1845eb993a7a");
    translate({KeyName("bdk.tdes"), tdes_ksn, iso0, tdes_block}, *Pan::parse("4012345678909"), "zone", iso0);

    const auto verify = [&](const vault::PinVerify::Item& item, vault::PinVerdict verdict = vault::PinVerdict::good) {
        const bool wrong = verdict == vault::PinVerdict::wrong;
        const auto as_meant = [&](const vault::PinVerify::Reply& reply) {
            return reply.results.at(0).verdict == verdict &&
                   reply.results.at(0).attempts_left == vault::kPinAttemptsMax - (wrong ? 1 : 0);
        };
        fail_at_every_call<vault::PinVerify>(box, token, {{item}}, as_meant, wrong);
    };
    verify({of_session(iso0, block), pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7211")});
    verify({of_session(iso0, block), pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7212")},
           vault::PinVerdict::wrong);
    const Pan other = *Pan::parse("1122334455667788");
    const Buffer ibm_block = session_block(box, "1234", other);
    vault::PinVerify::Item ibm{
        of_session(iso0, ibm_block), other, vault::PinMethod::ibm_3624, KeyName("ibm"), digits("7710")};
    std::ranges::copy(digits("1234567890123456"), ibm.table.begin());
    verify(ibm);

    const vault::CvvVerify::Item value{KeyName("cvk"), *Pan::parse("4123456789012345"), FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>("561")};
    fail_at_every_call<vault::CvvVerify>(box, token, {{value}}, [](const auto& reply) { return reply.good.at(0); });

    fail_at_every_call<vault::NewSessionKey>(box, token, {kPinTerminal, vault::MacKind::x9_19, true}, [](const auto& reply) {
        return reply.pin_aes != vault::Kcv{} && reply.pin_tdes != vault::Kcv{};
    });

    const Buffer data = hex("0000000040000000000000000124800004800001241911050152bf45851800001c06011203a0b800");
    vault::ArqcVerify::Item arqc{KeyName("imk"), *Pan::parse("1234567890123456"), 0, true, 18, data,
                                 hex_array<8>("7a788ea6b8a3e733")};
    fail_at_every_call<vault::ArqcVerify>(box, token, {{arqc}}, [](const auto& reply) {
        const auto& result = reply.results.at(0);  // a token that failed before had counted nothing
        return result.verdict == vault::ArqcVerdict::good && to_hex(result.arpc_approved) == "9af514c1";
    });
}

TEST_CASE("key store: a token that fails while a key comes in leaves none behind") {
    const GiroTestToken& token = sim_token(10);
    BoxFixture box(test_token_module());
    for (const char* header : {"D0000C0TV00N0000", "D0000B0TX00E0000", "D0000M6AC00N0000"}) {
        CAPTURE(std::string(header));
        const std::size_t before = box.at().payment_keys.list().size();
        const std::string name = fmt::format("k{}", before);
        std::uint64_t k = 1;
        for (;; ++k) {
            REQUIRE(k < kCallsMax);
            token.fail(CKR_FUNCTION_FAILED, k, 0);
            const auto added = box.at().payment_keys.add(name, header_of(header), hex(kTdesValue));
            token.fail(0, 0, 0);
            if (added) break;
            CHECK(added.error().refused.empty());
            CHECK(added.error().token.code == CKR_FUNCTION_FAILED);
            CHECK(box.at().payment_keys.find(name) == nullptr);
            box.vault().note(added.error().token);  // as the verbs do: the token is opened anew
            while (box.vault().present() == nullptr) REQUIRE(box.vault().tick());
        }
        CHECK(k > 3);
        CHECK(box.at().payment_keys.list().size() == before + 1);
    }
}

TEST_CASE("key store: a token that fails while keys are loaded stops the start, and waits when it is away") {
    const GiroTestToken& token = sim_token(11);
    BoxFixture box(test_token_module());
    for (const char* header : {"D0000C0TV00N0000", "D0000P0AB00N0000"})
        REQUIRE(box.at()
                    .payment_keys.add(header[5] == 'C' ? "cvk" : "zone", header_of(header), hex(kTdesValue))
                    .has_value());
    struct Case {
        CK_RV code;
        Failure::Kind kind;
    };
    for (const auto& [code, kind] :
         {Case{CKR_DEVICE_REMOVED, Failure::Kind::try_again}, Case{CKR_MECHANISM_INVALID, Failure::Kind::integrity}}) {
        std::size_t refused = 0;
        for (std::uint64_t k = 1;; ++k) {
            REQUIRE(k < kCallsMax);
            box.restart();  // a session without what was left half done
            const ProtectionKey lmk{{box.at().keys.payment_lmk, Cipher::aes}, 32};
            const std::uint64_t before = token.faults();
            token.fail(code, k, 0);
            const auto opened = KeyStore::open(box.at().session(), lmk, box.config().folder / "keys");
            const bool failed = token.faults() != before;
            token.fail(0, 0, 0);
            if (!failed) {
                REQUIRE(opened.has_value());
                CHECK(opened->list().size() == 2);
                break;
            }
            if (opened) continue;  // only the clearing away after it failed
            ++refused;
            CHECK(opened.error().kind == kind);
        }
        CHECK(refused > 2);
    }
}

TEST_CASE("key verbs: the list of keys is not told while the token is away") {
    const GiroTestToken& token = sim_token(12);
    BoxFixture box(test_token_module());
    add_payment_keys(box);
    token.set_present(0);
    REQUIRE(box.vault().tick().has_value());
    CHECK(box.ask<vault::KeyList>({}, Caller::admin).status == Status::token_absent);
    token.set_present(1);
    REQUIRE(box.vault().tick().has_value());
    CHECK(box.get<vault::KeyList>({}, Caller::admin).keys.size() == box.at().payment_keys.list().size());
}

}  // namespace giro::test
