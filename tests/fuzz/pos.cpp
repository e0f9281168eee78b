// The other ends of the lines: a terminal that reads the box's answers, an issuer's host that reads its requests, and
// the host's own state file.
#include <optional>

#include "appliance/giro/host_issuer.hpp"
#include "appliance/giro/terminal.hpp"
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

// The box's honest answer to what a terminal sent, under the key of tests/pos.
Buffer answer_to(Bytes request, std::string_view code = "00") {
    iso8583::Message asked;
    ASSERT(iso8583::unpack(test::dialect(), request, asked).has_value());
    std::string mti(asked.mti());
    mti[2] = '1';
    std::vector<test::Field> fields;
    for (const unsigned n : {4U, 7U, 11U, 37U, 41U, 70U})
        if (asked.has(n)) fields.push_back({n, std::string(asked.field(n))});
    fields.push_back({39, std::string(code)});
    if (mti == "0210") fields.push_back({38, "A12345"});
    const Secret key = test::tmk();
    const Secret session = vault::derive_session_key(key, kNonce), base = vault::derive_session_key(key, {});
    if (asked.field(70) == "161") fields.push_back({48, to_hex(kNonce) + to_hex(vault::kcv(session))});
    const bool network = mti == "0810";
    return test::answer(mti, fields, network ? &base : &session, asked.has(70) ? 128 : 64);
}
// A terminal that hears what `next` says, as long as it says something; between two messages time passes, and the
// terminal sells, repeats, reverses and asks for an echo whenever it may.
template <typename Next>
void play(Next next) {
    test::CountingRandom random;
    pos::Shared shared(test::dialect(), random);
    Box box;
    pos::Terminal terminal(test::kWho, test::tmk(), 5 * kSecond, shared, box, box);
    pos::Now now{kSecond, 1'795'000'000 * kSecond};
    terminal.connected(now);
    for (unsigned n = 0; const std::optional<Buffer> message = next(box.last); ++n) {
        terminal.received(*message, now);
        now.monotonic_ns += kSecond;
        terminal.tick(now);
        if (!terminal.ready()) continue;
        const bool sold = terminal.last_sale().stan != 0;
        if (n % 5 == 3)
            terminal.echo(now.monotonic_ns, now);
        else if (n % 5 == 2 && sold)
            terminal.reverse(terminal.last_sale(), now);
        else if (n % 5 == 0 && sold)
            terminal.repeat_sale(now);
        else
            terminal.sell(*Pan::parse("9700010000000018"), {}, 500, false, now.monotonic_ns, now);
    }
    for (int i = 0; i < 2; ++i) {  // a sale that nobody answers is reversed, a reversal sent again
        now.monotonic_ns += 60 * kSecond;
        terminal.tick(now);
    }
}

// `count` answers as an honest box gives them; the one numbered `at` is what `make` says instead.
template <typename Make>
Buffer day(std::size_t count, std::size_t at, Make make) {
    std::vector<Buffer> said;
    play([&](Bytes asked) -> std::optional<Buffer> {
        if (said.size() == count) return std::nullopt;
        said.push_back(said.size() == at ? make(asked) : answer_to(asked));
        return said.back();
    });
    Buffer out;
    for (const Buffer& message : said) Writer(out).var16(message);
    return out;
}
}  // namespace

// Answers in a row, each `size:u16 bytes`.
void run_pos_terminal(Bytes input) {
    Reader in(input);
    play([&](Bytes) -> std::optional<Buffer> {
        if (in.left() == 0) return std::nullopt;
        return owned(in.var16());
    });
}
Seeds seeds_pos_terminal() {
    const auto refused = [](std::string_view code) { return [code](Bytes asked) { return answer_to(asked, code); }; };
    const auto unproven = [](Bytes) { return test::answer("0210", {{39, "30"}}, nullptr); };
    const auto another_key = [](Bytes) {
        const Secret base = vault::derive_session_key(test::tmk(), {});
        return test::answer("0810",
                            {{11, "000002"}, {39, "00"}, {41, "T0000001"}, {48, std::string(38, '0')}, {70, "161"}},
                            &base, 128);
    };
    Seeds seeds{day(9, 9, unproven), day(4, 2, unproven), day(4, 1, another_key), day(3, 4, unproven)};
    for (const std::size_t at : {0U, 1U, 2U})
        for (const char* code : {"96", "05", "68"}) seeds.push_back(day(6, at, refused(code)));
    return seeds;
}

// What a link carries to the issuer's host.
void run_pos_issuer(Bytes input) {
    host::Issuer issuer(test::dialect(), pos::MacKey(test::tmk(), {}), {});
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
    seeds.push_back(test::answer("0420", {{11, "000001"}}, &base));
    seeds.push_back(test::answer("0210", {{11, "000001"}}, &base));
    seeds.push_back(test::answer("0200", {{11, "000001"}}, nullptr));
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
