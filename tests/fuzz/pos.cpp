// The other ends of the lines: a terminal that reads the box's answers, an issuer's host that reads its requests, and
// the host's own state file.
#include <algorithm>
#include <memory>
#include <optional>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/host_issuer.hpp"
#include "appliance/giro/terminal.hpp"
#include "payment/pin_device.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/gate/sample.hpp"
#include "tests/pos/fixture.hpp"

namespace giro::fuzz {

namespace {
constexpr std::uint64_t kSecond = 1'000'000'000;

// The other end of the wire: what the terminal sent last.
class Box final : public pos::Wire, public pos::Observer {
  public:
    void send(Bytes frame) override { last = owned(frame.subspan(2)); }
    void ready(pos::Terminal&) override {}
    void done(pos::Terminal&, const pos::Outcome&) override {}
    void failed(pos::Terminal&, const std::string&) override {}
    void odd(pos::Terminal&, Oddity) override {}
    Buffer last;
};

const vault::Nonce kNonce{std::byte{1}};

// What a terminal does whenever it may: in a shop sales, repeats, reversals and echoes under session keys; in a hotel
// authorisations, raises, completions, offline sales and the end of a day under a new key for each message.
enum class Place { shop, hotel };

// Counts KSNs; the keys are the same two for each, for what they are is not the terminal's matter.
class CountedKeys final : public pos::MessageKeys {
  public:
    pos::MacKey next() override {
        return {payment::Ksn::parse(Buffer(payment::kAesKsnBytes, std::byte{1}))->with_counter(++m_counter), test::tmk(), theirs()};
    }
    Buffer pin_block(std::string_view, const Pan&, Random&) override { return Buffer(16, std::byte{5}); }
    static Secret theirs() { return test::tmk(0x50); }

  private:
    std::uint32_t m_counter = 0;
};

// The box's honest answer to what a terminal sent, under the key of tests/pos.
Buffer answer_to(Place place, Bytes request, std::string_view code = "00") {
    iso8583::Message asked;
    ASSERT(iso8583::unpack(test::dialect(), request, asked).has_value());
    std::string mti(asked.mti());
    ++mti[2];
    mti[3] = '0';
    std::vector<test::Field> fields;
    for (const unsigned n : {4U, 7U, 11U, 37U, 41U, 70U})
        if (asked.has(n)) fields.push_back({n, std::string(asked.field(n))});
    fields.push_back({39, std::string(code)});
    if (mti == "0210" || mti == "0110") fields.push_back({38, "A12345"});
    if (place == Place::hotel) {
        const Secret key = CountedKeys::theirs();
        return test::answer(mti, fields, &key, asked.has(70) ? 128 : 64);
    }
    const Secret key = test::tmk();
    const Secret session = vault::derive_session_key(key, kNonce), base = vault::derive_session_key(key, {});
    if (asked.field(70) == "161") fields.push_back({48, to_hex(kNonce) + to_hex(vault::kcv(session))});
    const bool network = mti == "0810";
    return test::answer(mti, fields, network ? &base : &session, asked.has(70) ? 128 : 64);
}

const Pan& card() {
    static const Pan pan = *Pan::parse("9700010000000018");
    return pan;
}
void work_in_shop(pos::Terminal& terminal, unsigned n, bool sold, pos::Now now) {
    if (n % 5 == 3)
        terminal.echo(now.monotonic_ns, now);
    else if (n % 5 == 2 && sold)
        terminal.reverse(terminal.last_sale(), now);
    else if (n % 5 == 0 && sold)
        terminal.repeat_sale(now);
    else
        terminal.sell(card(), {}, 500, false, now.monotonic_ns, now);
}
void work_in_hotel(pos::Terminal& terminal, unsigned n, bool sold, pos::Now now) {
    Claim claim;
    claim.say(Total::net, 550);
    if (n % 8 == 1 && sold)
        terminal.raise(terminal.last_sale(), 100, now);
    else if (n % 8 == 2 && sold)
        terminal.complete(terminal.last_sale(), 550, now);
    else if (n % 8 == 3)
        terminal.sell_offline(card(), 300, false, now.monotonic_ns, now);
    else if (n % 8 == 4 && sold)
        terminal.repeat_sale(now, true);
    else if (n % 8 == 5 && sold)
        terminal.reverse(terminal.last_sale(), now, {.stands = 200, .advice = true});
    else if (n % 8 == 6)
        terminal.reconcile(claim, now);
    else if (n % 8 == 7)
        terminal.notify(pos::NetworkCode::cut_over, now);
    else
        terminal.authorise(card(), 500, now, "1234");
}

// A terminal that hears what `next` says, as long as it says something; between two messages time passes, and the
// terminal does what is done in its place whenever it may.
template <typename Next>
void play(Place place, Next next) {
    test::CountingRandom random;
    pos::Shared shared(test::dialect(), random);
    Box box;
    pos::Keys keys = place == Place::shop ? pos::Keys(test::tmk()) : pos::Keys(std::make_unique<CountedKeys>());
    pos::Terminal terminal(test::kWho, std::move(keys), 5 * kSecond, shared, box, box);
    pos::Now now{kSecond, 1'795'000'000 * kSecond};
    terminal.connected(now);
    for (unsigned n = 0; const std::optional<Buffer> message = next(box.last); ++n) {
        terminal.received(*message, now);
        now.monotonic_ns += kSecond;
        terminal.tick(now);
        if (!terminal.ready()) continue;
        const bool sold = terminal.last_sale().stan != 0;
        (place == Place::shop ? work_in_shop : work_in_hotel)(terminal, n, sold, now);
    }
    for (int i = 0; i < 2; ++i) {  // a sale that nobody answers is reversed, a reversal sent again
        now.monotonic_ns += 60 * kSecond;
        terminal.tick(now);
    }
}

// `count` answers as an honest box gives them; the one numbered `at` is what `make` says instead.
template <typename Make>
Buffer day(Place place, std::size_t count, std::size_t at, Make make) {
    std::vector<Buffer> said;
    play(place, [&](Bytes asked) -> std::optional<Buffer> {
        if (said.size() == count) return std::nullopt;
        said.push_back(said.size() == at ? make(asked) : answer_to(place, asked));
        return said.back();
    });
    Buffer out;
    for (const Buffer& message : said) Writer(out).var16(message);
    return out;
}
Buffer refused_on(Place place, std::size_t at, std::string_view code) {
    return day(place, 10, at, [&](Bytes asked) { return answer_to(place, asked, code); });
}
void hear(Place place, Bytes input) {
    Reader in(input);
    play(place, [&](Bytes) -> std::optional<Buffer> {
        if (in.left() == 0) return std::nullopt;
        return owned(in.var16());
    });
}
}  // namespace

// Answers in a row, each `size:u16 bytes`.
void run_pos_terminal(Bytes input) {
    hear(Place::shop, input);
}
Seeds seeds_pos_terminal() {
    const auto unproven = [](Bytes) { return test::answer("0210", {{39, "30"}}, nullptr); };
    const auto another_key = [](Bytes) {
        const Secret base = vault::derive_session_key(test::tmk(), {});
        return test::answer("0810",
                            {{11, "000002"}, {39, "00"}, {41, "T0000001"}, {48, std::string(38, '0')}, {70, "161"}},
                            &base, 128);
    };
    constexpr auto kShop = Place::shop;
    Seeds seeds{day(kShop, 9, 9, unproven), day(kShop, 4, 2, unproven), day(kShop, 4, 1, another_key), day(kShop, 3, 4, unproven)};
    for (const std::size_t at : {0U, 1U, 2U})
        for (const char* code : {"96", "05", "68", "79"}) seeds.push_back(refused_on(kShop, at, code));
    return seeds;
}

void run_pos_hotel(Bytes input) {
    hear(Place::hotel, input);
}
Seeds seeds_pos_hotel() {
    Seeds seeds;
    for (const std::size_t at : {0U, 1U, 2U, 3U, 4U, 9U}) seeds.push_back(refused_on(Place::hotel, at, "05"));
    for (const std::size_t count : {2U, 3U, 4U, 5U, 6U, 7U}) seeds.push_back(day(Place::hotel, count, count, [](Bytes) { return Buffer(); }));
    return seeds;
}

namespace {
// The key that PINs come under at the host: of AES, 16 bytes.
Secret zone_key() {
    Secret key(16);
    std::ranges::copy(test::tmk(0x70).reveal().first(key.size()), key.writable().begin());
    return key;
}
}  // namespace

// The box tells the session key of `nonce`, with this check value; `at` is DE7.
Buffer exchange(std::string_view stan, std::string_view at, unsigned nonce, std::string_view kcv = {}) {
    const vault::Nonce fresh{static_cast<std::byte>(nonce)};
    const Secret base = vault::derive_session_key(test::tmk(), {}), session = vault::derive_session_key(test::tmk(), fresh);
    const std::string told = to_hex(fresh) + (kcv.empty() ? to_hex(vault::kcv(session)) : std::string(kcv));
    return test::answer("0800", {{7, std::string(at)}, {11, std::string(stan)}, {48, told}, {70, "161"}}, &base, 128);
}
constexpr std::string_view kExchangedAt = "1122153000";

// The same link under session keys: three have been told.
void hear_under_session_keys(Bytes input) {
    host::Issuer issuer(test::dialect(), pos::MacKey(test::tmk(), {}), {.tmk = test::tmk()});
    for (unsigned n = 1; n <= 3; ++n) {
        const auto told = issuer.handle(exchange("00000" + std::to_string(n), kExchangedAt, n));
        ASSERT(!told.frame.empty());
    }
    for (int again = 0; again < 2; ++again) {
        const auto answered = issuer.handle(input);
        ASSERT(answered.understood || (!answered.seen && answered.frame.empty()));
    }
}

// What a link carries to the issuer's host.
void run_pos_issuer(Bytes input) {
    hear_under_session_keys(input);
    host::Issuer issuer(test::dialect(), pos::MacKey(test::tmk(), {}), {.zone_key = zone_key()});
    for (int again = 0; again < 2; ++again) {
        const auto answered = issuer.handle(input);
        if (!answered.seen) continue;
        ASSERT(host::from_json(host::to_json(*answered.seen)).has_value());
        host::Issuer restarted(test::dialect(), pos::MacKey(test::tmk(), {}), {});
        restarted.remember(*answered.seen);
    }
}
Seeds seeds_pos_issuer() {
    Seeds seeds;
    const Secret base = vault::derive_session_key(test::tmk(), {});
    const std::string original = "020000471111221530000000097000200000000000";
    for (const char* amount : {"000000000500", "000000000505", "000000000551", "000000000591"})
        seeds.push_back(test::answer("0200",
                                     {{2, "9700030000000018"},
                                      {3, "000000"},
                                      {4, amount},
                                      {7, "1122153000"},
                                      {11, "004711"},
                                      {12, "163000"},
                                      {13, "1122"},
                                      {32, "970002"},
                                      {37, "632616004711"},
                                      {41, "T0000001"},
                                      {49, "963"}},
                                     &base));
    seeds.push_back(test::answer(
        "0400",
        {{4, "000000000500"}, {11, "004712"}, {32, "970002"}, {37, "632616004711"}, {41, "T0000001"}, {90, original}},
        &base, 128));
    seeds.push_back(test::answer("0800", {{11, "000001"}, {70, "301"}}, nullptr));
    for (const char* code : {"001", "002", "201", "999"}) seeds.push_back(test::answer("0800", {{11, "000001"}, {70, code}}, &base, 128));
    for (const char* mti : {"0220", "0221", "0120", "0420"}) seeds.push_back(test::answer(mti, {{4, "000000000500"}, {11, "000001"}}, &base));
    seeds.push_back(test::answer("0500", {{11, "000001"}}, &base));
    seeds.push_back(test::answer("0210", {{11, "000001"}}, &base));
    seeds.push_back(test::answer("0200", {{11, "000001"}}, nullptr));
    // With a PIN: the card's own, another, under another key.
    test::CountingRandom random;
    const auto with_pin = [&](const Secret& key, std::string_view digits) {
        const Buffer block = payment::seal_pin_iso4(key, digits, *Pan::parse("9700030000000018"), random);
        seeds.push_back(test::answer("0200",
                                     {{2, "9700030000000018"},
                                      {4, "000000000500"},
                                      {11, "004711"},
                                      {41, "T0000001"},
                                      {49, "963"},
                                      {61, to_hex(block)}},
                                     &base));
    };
    with_pin(zone_key(), demo::pin("970003", 1));
    with_pin(zone_key(), "9999");
    with_pin(test::tmk(), "1234");
    // Keys exchanged: later, in the same second, before it, a year on; with another check value; with no key in it.
    for (const char* at : {"1122153001", "1122153000", "1122152959", "0101000000"}) seeds.push_back(exchange("000004", at, 4));
    seeds.push_back(exchange("000003", kExchangedAt, 4));
    seeds.push_back(exchange("000004", "1122153001", 4, "000000"));
    seeds.push_back(exchange("000004", "1122153001", 4, "0"));
    const Secret session = vault::derive_session_key(test::tmk(), vault::Nonce{std::byte{2}});
    seeds.push_back(test::answer("0200", {{4, "000000000500"}, {11, "004711"}, {41, "T0000001"}}, &session));
    return seeds;
}

void run_pos_issuer_state(Bytes input) {
    const auto seen = host::from_json(as_text(input));
    if (!seen) return;
    const auto again = host::from_json(host::to_json(*seen));
    ASSERT(again && host::to_json(*again) == host::to_json(*seen));
    host::Issuer issuer(test::dialect(), pos::MacKey(test::tmk(), {}), {});
    issuer.remember(*seen);
}
Seeds seeds_pos_issuer_state() {
    host::Seen seen;
    seen.mti = "0400";
    seen.terminal = TerminalId("T0000001");
    seen.known = true;
    Seeds seeds{owned(host::to_json(seen))};
    seen.mti = "0200";
    seeds.push_back(owned(host::to_json(seen)));
    seen.mti = "0100";
    seeds.push_back(owned(host::to_json(seen)));
    seeds.push_back(owned("{\"mti\":1}"));
    return seeds;
}

}  // namespace giro::fuzz
