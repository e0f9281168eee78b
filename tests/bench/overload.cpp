#include "tests/bench/overload.hpp"

#include <algorithm>

#include "tests/bench/medians.hpp"
#include "tests/bench/say.hpp"

namespace bench {

namespace {
using nlohmann::json;

constexpr double kOver = 3;                    // times its peak
constexpr double kSteps[] = {1.0, 1.25, 1.5};  // of the closed loop's rate: somewhere there is the peak

int run_seconds() { return quick() ? 2 : 4; }

json blast(LoadBox& box, double rate) {
    const json out = box.blast(rate, run_seconds());
    say(fmt::format("{:.0f}/s offered: {:.0f}/s decided, p99 {:.0f} ms; {} refused, p99 {:.1f} ms; {} reversals, {} refused, p99 {:.0f} ms; {} without an answer", rate,
                    out["per_second"].get<double>(), out["p99_ms"].get<double>(), out["refused"].get<std::uint64_t>(), out["refused_p99_ms"].get<double>(),
                    out["reversed"].get<std::uint64_t>(), out["reversals_refused"].get<std::uint64_t>(), out["reversed_p99_ms"].get<double>(),
                    out["unanswered"].get<std::uint64_t>()));
    need(out["reversals_refused"] == 0, "a reversal was refused");
    box.rest();
    return out;
}
}  // namespace

json measure_overload(LoadBox& box) {
    const std::vector<std::string> closed{"--terminals", "64", "--seconds", std::to_string(run_seconds())};
    std::vector<json> all;
    for (int run = 0; run < runs(); ++run) {
        box.rest();
        const double rate = box.run(closed)["per_second"].get<double>();
        double peak = 0;
        for (const double step : kSteps) peak = std::max(peak, blast(box, step * rate)["per_second"].get<double>());
        json over = blast(box, kOver * peak);
        over["peak_per_s"] = peak;
        over["of_peak"] = over["per_second"].get<double>() / peak;
        all.push_back(std::move(over));
    }
    return medians(all);
}

json measure_forwarded(LoadBox& box) {
    box.serve_issuer_host();
    const std::vector<std::string> on_us{"--terminals", "64", "--seconds", std::to_string(run_seconds())};
    std::vector<std::string> forwarded = on_us;
    forwarded.insert(forwarded.end(), {"--mix", "link=100"});
    std::vector<json> all;
    for (int run = 0; run < runs(); ++run) {
        const json own = box.run(on_us);
        json other = box.run(forwarded);
        other["on_us_per_s"] = own["per_second"];
        other["of_on_us"] = other["per_second"].get<double>() / own["per_second"].get<double>();
        say(fmt::format("forwarded {:.0f}/s, on us {:.0f}/s", other["per_second"].get<double>(), own["per_second"].get<double>()));
        all.push_back(std::move(other));
    }
    box.stop_issuer_host();
    return medians(all);
}

}  // namespace bench
