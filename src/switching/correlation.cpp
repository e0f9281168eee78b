#include "switching/correlation.hpp"

#include <algorithm>

namespace giro::switching {

namespace {

struct Same {
    unsigned field;
    bool (*holds)(const PaymentRequest& answer, const Outstanding& sent);
};
constexpr Same kTable[] = {
    {4, [](const PaymentRequest& a, const Outstanding& s) { return a.amount == s.payment.amount.minor; }},
    {12, [](const PaymentRequest& a, const Outstanding& s) { return a.local_time == s.payment.key.local_time; }},
    {13, [](const PaymentRequest& a, const Outstanding& s) { return a.local_date == s.payment.key.local_date; }},
    {32, [](const PaymentRequest& a, const Outstanding& s) { return a.acquirer == s.payment.key.acquirer; }},
    {37, [](const PaymentRequest& a, const Outstanding& s) { return a.rrn == s.payment.key.rrn; }},
    {41, [](const PaymentRequest& a, const Outstanding& s) { return a.terminal == s.payment.key.terminal; }},
    {42, [](const PaymentRequest& a, const Outstanding& s) { return a.merchant == s.payment.merchant; }},
    {49, [](const PaymentRequest& a, const Outstanding& s) { return a.currency == s.payment.amount.currency; }},
    {95, [](const PaymentRequest& a, const Outstanding& s) { return a.replacement == s.stands; }},
};
static_assert(std::size(kTable) == std::size(config::kCorrelationFields), "one row for each field that can be named");

}  // namespace

unsigned first_difference(const std::vector<unsigned>& fields, const PaymentRequest& answer, const Outstanding& sent) {
    for (const unsigned field : fields) {
        const auto* row = std::ranges::find(kTable, field, &Same::field);
        ASSERT(row != std::end(kTable));  // config::load() has checked it
        if (!row->holds(answer, sent)) return field;
    }
    return 0;
}

}  // namespace giro::switching
