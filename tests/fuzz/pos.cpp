// The other ends of the lines: a terminal that reads the box's answers, an issuer's host that reads its requests, and
// the host's own state file.
#include "appliance/giro/host_issuer.hpp"
#include "appliance/giro/terminal.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/gate/sample.hpp"
#include "tests/pos/fixture.hpp"

namespace giro::fuzz {

namespace {
constexpr std::uint64_t kSecond = 1'000'000'000;

class Silent final : public pos::Wire, public pos::Observer {
  public:
    void send(Bytes) override {}
    void ready(pos::Terminal&) override {}
    void done(pos::Terminal&, const pos::Outcome&) override {}
    void failed(pos::Terminal&, const std::string&) override {}
    void odd(pos::Terminal&, Oddity) override {}
};

// The box's honest answers to a terminal's first messages, under the key of tests/pos.
Buffer network_answer(std::string_view stan, std::string_view code, bool with_key, std::string_view rc = "00") {
    const Secret key = test::tmk();
    const Secret base = vault::derive_session_key(key, {});
    std::vector<test::Field> fields = {
        {7, "1122153000"}, {11, std::string(stan)}, {39, std::string(rc)}, {41, "T0000001"}, {70, std::string(code)}};
    const vault::Nonce nonce{std::byte{1}};
    if (with_key) fields.push_back({48, to_hex(nonce) + to_hex(vault::kcv(vault::derive_session_key(key, nonce)))});
    return test::answer("0810", fields, &base, 128);
}
Buffer sale_answer(std::string_view stan) {
    const Secret session = vault::derive_session_key(test::tmk(), {std::byte{1}});
    return test::answer("0210",
                        {{4, "000000000500"},
                         {11, std::string(stan)},
                         {37, "000000000000"},
                         {38, "A12345"},
                         {39, "00"},
                         {41, "T0000001"}},
                        &session);
}
Buffer messages(std::initializer_list<Buffer> parts) {
    Buffer out;
    Writer w(out);
    for (const Buffer& part : parts) w.var16(part);
    return out;
}
}  // namespace

// Answers in a row, each `size:u16 bytes`; between them time passes and the terminal sells whenever it may.
void run_pos_terminal(Bytes input) {
    test::CountingRandom random;
    pos::Shared shared(test::dialect(), random);
    Silent silent;
    pos::Terminal terminal(test::kWho, test::tmk(), 5 * kSecond, shared, silent, silent);
    pos::Now now{kSecond, 1'795'000'000 * kSecond};
    terminal.connected(now);
    Reader in(input);
    for (unsigned n = 0; in.left() > 0; ++n) {
        const Bytes message = in.var16();
        terminal.received(message, now);
        now.monotonic_ns += kSecond;
        terminal.tick(now);
        if (!terminal.ready()) continue;
        if (n % 4 == 3)
            terminal.echo(now.monotonic_ns, now);
        else if (n % 4 == 2 && terminal.last_sale().stan != 0)
            terminal.reverse(terminal.last_sale(), now);
        else
            terminal.sell(*Pan::parse("9700010000000018"), {}, 500, false, now.monotonic_ns, now);
    }
    now.monotonic_ns += 60 * kSecond;
    terminal.tick(now);
}
Seeds seeds_pos_terminal() {
    const Buffer signed_on = network_answer("000001", "001", false), keyed = network_answer("000002", "161", true);
    const Buffer plain = test::answer("0210", {{11, "000003"}, {39, "30"}}, nullptr);
    return {messages({signed_on, keyed, sale_answer("000003"), sale_answer("000004"), plain}),
            messages({network_answer("000001", "001", false, "96")}),
            messages({network_answer("000001", "001", false, "05")}),
            messages({signed_on, network_answer("000002", "161", false)}), messages({signed_on, keyed, plain})};
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
