// Nonces that were found before, by the block's name: keys, times and signatures are fixed, so they stay good. A block that
// is not among them, or has changed, is ground anew and says its line (damaged.cpp).
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

namespace giro::node_test {

inline constexpr std::pair<const char*, std::uint32_t> kNonces[] = {
    {"harder bits than are due", 2932050},
    {"no later than the median", 1235500},
    {"dated in the future", 4231602},
    {"version 3", 2956657},
    {"version 0", 1064730},
    {"of no parent", 3248886},
    {"unsigned", 21371063},
    {"one signature", 3390483},
    {"three signatures", 10156778},
    {"signatures in the wrong order", 6082447},
    {"one key twice", 7516957},
    {"a byte behind the solution", 1784249},
    {"a solution cut short", 1541620},
    {"a scriptSig", 2426175},
    {"a dummy that is not null", 4198336},
    {"a signature off by a bit", 7320083},
    {"signed for another time", 6296221},
    {"signed for another version", 1401389},
    {"signed for another parent", 381254},
    {"signed for another coinbase", 2006714},
    {"no commitment", 1562091},
    {"no transactions", 6184334},
    {"another Merkle root", 5957164},
    {"the last transaction twice", 3702090},
    {"two coinbases", 2186585},
    {"a coinbase script of a byte", 6910495},
    {"a coinbase script of 101 bytes", 4594419},
    {"no outputs", 18106617},
    {"a negative output", 6271819},
    {"an output beyond all money", 8343526},
    {"outputs that together are beyond it", 5029831},
    {"too many signature operations", 3385161},
    {"a coin twice in one transaction", 5431361},
    {"an input of no coin", 5390053},
    {"a lock time not reached", 1123157},
    {"a witness nonce of 31 bytes", 6184334},
    {"two witness nonces", 6184334},
    {"another height in the coinbase", 3333263},
    {"another witness commitment", 12372283},
    {"a witness that was changed since", 1163536},
    {"a coin that never was", 5552853},
    {"a coin spent twice", 2234368},
    {"a coinbase too young", 9986206},
    {"more out than in", 19858402},
    {"a relative lock not passed", 2423139},
    {"a spend without a witness", 6259655},
    {"a spend signed for another", 3714989},
    {"a spend by a stranger's key", 14208960},
    {"a scriptSig beside the witness", 1276716},
    {"a satoshi more than is due", 2749081},
    {"fees that nobody pays", 401236},
    {"good", 2860393},
    {"rival", 6184334},
    {"after the rival", 13449269},
};

}  // namespace giro::node_test
