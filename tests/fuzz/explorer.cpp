// The public explorer: requests to its pages and its API, texts on their way into a page, and the file of blocks it
// follows.
#include <algorithm>

#include "appliance/giro-explorer/follower.hpp"
#include "chain/address.hpp"
#include "explorer/form.hpp"
#include "explorer/gzip.hpp"
#include "explorer/html.hpp"
#include "explorer/script_text.hpp"
#include "explorer/search.hpp"
#include "explorer/site.hpp"
#include "tests/fuzz/mined.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"

namespace giro::fuzz {

namespace {
using namespace explorer;
constexpr std::size_t kBlocks = 12;

Index empty_index() {
    return Index(chain::test::testnet().params, {{0, "issuer", miner_script()}});
}
const Index& chain_of_some() {
    static const Index made = [] {
        Index index = empty_index();
        for (std::size_t i = 0; i < kBlocks; ++i) ASSERT(index.submit(mined_blocks()[i]).has_value());
        return index;
    }();
    return made;
}

void check(const Reply& reply) {
    ASSERT(reply.body != nullptr && reply.fields.ends_with("\r\n"));
    ASSERT(reply.fields.find("Content-Security-Policy: default-src 'none'") != std::string::npos);
    ASSERT(reply.fields.find("\r\n\r\n") == std::string::npos);
    ASSERT(reply.body->find("<script") == std::string::npos);
    ASSERT((reply.status == 303) == (reply.fields.find("\r\nLocation: /") != std::string::npos));
}

constexpr std::string_view kBoundary = "multipart/form-data; boundary=b";
}  // namespace

void run_explorer_site(Bytes input) {
    static Site site(chain_of_some(), "fuzz", 963);
    const std::size_t choice = take_choice(input, 5);
    const std::string_view text = as_text(input);
    Asked asked;
    asked.path = choice == 0 ? text : choice == 1 ? "/search" : choice == 4 ? "/" : "/verify";
    if (choice == 1) asked.query = text;
    if (choice == 4) asked.accept_encoding = asked.if_none_match = text;
    asked.post = choice == 2 || choice == 3;
    asked.content_type = choice == 2 ? kBoundary : text.substr(0, std::min<std::size_t>(text.size(), 50));
    asked.body = text;
    check(site.answer(asked));
}
Seeds seeds_explorer_site() {
    const Index& index = chain_of_some();
    const std::string hash = chain::hash_text(index.block(3).hash), txid = chain::hash_text(index.tx(3).txid);
    const std::string address = chain::encode_address(miner_script()).value();
    Seeds seeds;
    for (const std::string& path : {std::string("/"), std::string("/blocks/5"), "/block/" + hash, "/block/" + hash + "/from/0", "/tx/" + txid, "/address/" + address,
                                    "/address/" + address + "/before/" + txid, std::string("/windows/1"), std::string("/window/1"), std::string("/wall"),
                                    "/api/block/" + hash + "/txs/0", "/api/block/" + hash + "/txid/0", "/api/tx/" + txid + "/outspend/0",
                                    "/api/tx/" + txid + "/merkleblock-proof", "/api/address/" + address + "/txs/chain/" + txid, "/api/address/" + address + "/utxo",
                                    std::string("/api/blocks/5"), std::string("/api/block-height/05"), std::string("/api/scripthash/00/txs")})
        seeds.push_back(chosen(0, path));
    for (const std::string& query : {std::string("q=7"), "q=" + hash, "x=y&q=" + txid, "q=" + address, std::string("q=w1"), std::string("q=+Issuer%20"), std::string("q=%3cb%3E"),
                                     std::string("q=%2"), "q=" + std::string(101, '1')})
        seeds.push_back(chosen(1, query));
    const std::string file = "Content-Disposition: form-data; name=\"file\"; filename=\"r\"\r\n\r\n";
    for (const std::string& body : {"--b\r\nContent-Disposition: form-data; name=\"receipt\"\r\n\r\n{}\r\n\r\n--b\r\n" + file + "\r\n--b--\r\n", "--b\r\n" + file + "{}\r\n--b--\r\n",
                                    std::string("--b\r\n"), std::string("--b--")})
        seeds.push_back(chosen(2, body));
    for (const std::string_view type : {"application/json", "text/plain", "multipart/form-data; boundary=\"x\"", "multipart/form-data; boundary=a b"}) seeds.push_back(chosen(3, type));
    for (const std::string_view header : {"gzip", "br, gzip;q=0.5", "gzip;q=0.00", "W/\"x\"", "*"}) seeds.push_back(chosen(4, header));
    return seeds;
}

// Whatever a text holds, in a page it is text.
void run_explorer_text(Bytes input) {
    Html html;
    html.text(as_text(input));
    const std::string out = html.take();
    ASSERT(out.find_first_of("<>\"'") == std::string::npos);
    Html again;  // what came out is UTF-8: none of it is replaced a second time
    again.text(out);
    const auto replaced = [](const std::string& text) {
        std::size_t n = 0;
        for (auto at = text.find("\xef\xbf\xbd"); at != std::string::npos; at = text.find("\xef\xbf\xbd", at + 3)) ++n;
        return n;
    };
    ASSERT(replaced(out) == replaced(again.take()));
    ASSERT(!kind_of(input).empty());
    ASSERT(asm_of(input).find_first_of("&\"'") == std::string::npos);
    if (const std::string address = address_of(input); !address.empty()) ASSERT(std::ranges::equal(chain::decode_address(address).value(), input));
}
Seeds seeds_explorer_text() {
    Seeds seeds = {owned("a<b>&\"'\t\x01"), owned("\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82\xed\xa0\x80\xe0\xa0\x80\xf4\x8f\xbf\xbf\xc3"), miner_script()};
    for (const std::string_view hex : {"5120000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "76a914000102030405060708090a0b0c0d0e0f1011121388ac",
                                       "a914000102030405060708090a0b0c0d0e0f1011121387", "6a0447495200", "4c0200014d0100004e0100000000",
                                       "2102000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fac", "b1b2ff4f51"})
        seeds.push_back(from_hex(hex).value());
    return seeds;
}

void run_explorer_file(Bytes input) {
    const auto path = scratch("explorer-blocks.dat", input);
    Index index = empty_index();
    appliance::Follower follower(path, index);
    while (follower.turn().more) {
    }
    ASSERT(index.tip_height() <= input.size() / chain::kHeaderBytes);
    ASSERT(!follower.turn().changed);
    const auto again = scratch("explorer-blocks.new", input);  // in its place: nothing is new in it
    std::filesystem::rename(again, path);
    while (follower.turn().more) {
    }
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);  // no file: what is there stays
    ASSERT(!follower.turn().changed);
    std::filesystem::remove(path);
}
Seeds seeds_explorer_file() {
    const auto magic = chain::network_magic(chain::test::testnet().params);
    Buffer two;
    Writer out(two);
    out.bytes(magic);
    out.var32(chain::encode_block(chain::genesis_block()));
    for (std::size_t i = 0; i < 2; ++i) {
        out.bytes(magic);
        out.var32(mined_blocks()[i]);
    }
    Buffer large(magic.begin(), magic.end());
    Writer(large).u32(0xffffffff);
    return {two, large};
}

}  // namespace giro::fuzz
