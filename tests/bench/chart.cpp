#include "tests/bench/chart.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <vector>

namespace bench {

namespace {
using nlohmann::json;

constexpr double kPanelWidth = 470, kPanelHeight = 250, kGap = 20, kTop = 44;
constexpr double kLeft = 120, kRight = 62, kHead = 34, kFoot = 40;  // margins inside a panel

constexpr std::size_t kColours = 6;

// Own background, so that it can be read on any page; colours that the colour-blind can tell apart. Plain classes: not
// every viewer knows CSS variables, and one that knows no schemes shows the light one.
struct Scheme {
    const char *ground, *ink, *soft, *faint;
    const char* colours[kColours];
};
constexpr Scheme kLight{
    "#ffffff", "#1f2328", "#59636e", "#d0d7de", {"#1f6fb5", "#c2570c", "#23804f", "#7d4cb8", "#0f7f8c", "#a8325e"}};
constexpr Scheme kDark{
    "#0d1117", "#e6edf3", "#9198a1", "#30363d", {"#6cb0f5", "#f0975a", "#5cc78d", "#b894ee", "#4cc2ce", "#f07fa8"}};

std::string colours_of(const Scheme& s) {
    std::string out = fmt::format(".ground{{fill:{}}} text{{fill:{}}} text.soft{{fill:{}}} .grid{{stroke:{}}}",
                                  s.ground, s.ink, s.soft, s.faint);
    for (std::size_t i = 0; i < kColours; ++i)
        out += fmt::format(" .f{0}{{fill:{1}}} .s{0}{{stroke:{1}}}", i, s.colours[i]);
    return out;
}

std::string style() {
    return fmt::format(
        "<style>\ntext{{font:12px system-ui,\"Segoe UI\",\"DejaVu Sans\",sans-serif}} "
        "text.title{{font-size:14px;font-weight:600}} "
        "text.soft{{font-size:11px}} .line{{fill:none;stroke-width:2}} .grid{{stroke-width:1}}\n{}\n"
        "@media (prefers-color-scheme: dark) {{ {} }}\n</style>\n",
        colours_of(kLight), colours_of(kDark));
}

std::string show(double value) {
    if (value >= 1'000'000) return fmt::format("{:.3g} M", value / 1e6);
    if (value >= 1'000) return fmt::format("{:.3g} k", value / 1e3);
    if (value >= 100) return fmt::format("{:.0f}", value);
    return fmt::format("{:.2g}", value);
}

class Panel {
  public:
    Panel(std::size_t place, const std::string& title)
        : m_x(kGap + static_cast<double>(place % 2) * (kPanelWidth + kGap)),
          m_y(kTop + static_cast<double>(place / 2) * (kPanelHeight + kGap)) {
        text(m_x, m_y + 16, title, "title");
    }
    [[nodiscard]] const std::string& out() const { return m_out; }
    [[nodiscard]] double left() const { return m_x + kLeft; }
    [[nodiscard]] double right() const { return m_x + kPanelWidth - kRight; }
    [[nodiscard]] double top() const { return m_y + kHead; }
    [[nodiscard]] double bottom() const { return m_y + kPanelHeight - kFoot; }

    void text(double x, double y, const std::string& words, const char* style = "", const char* anchor = "start") {
        std::string escaped;
        for (const char c : words)
            escaped += c == '<' ? std::string("&lt;") : c == '&' ? std::string("&amp;") : std::string(1, c);
        m_out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\" text-anchor=\"{}\">{}</text>\n", x, y, style,
                             anchor, escaped);
    }
    void bar(double x, double y, double width, double height, std::size_t c) {
        m_out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"f{}\"/>\n", x,
                             y, std::max(width, 1.0), height, c % kColours);
    }
    void grid(double x1, double y1, double x2, double y2) {
        m_out += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"grid\"/>\n", x1, y1,
                             x2, y2);
    }
    void curve(const std::vector<std::pair<double, double>>& points, std::size_t c) {
        std::string path;
        for (const auto& [x, y] : points) path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", x, y);
        m_out += fmt::format("<path d=\"{}\" class=\"line s{}\"/>\n", path, c % kColours);
        for (const auto& [x, y] : points)
            m_out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" class=\"f{}\"/>\n", x, y, c % kColours);
    }
    // One entry of a legend at the foot; returns where the next begins.
    double legend(double x, const std::string& words, std::size_t c) {
        bar(x, bottom() + 23, 10, 10, c);
        text(x + 14, bottom() + 32, words, "soft");
        return x + 24 + 6.8 * static_cast<double>(words.size());
    }

  private:
    double m_x, m_y;
    std::string m_out;
};

struct Bar {
    std::string name;
    double value = 0;
    std::size_t colour = 0;
};

void add_bar(std::vector<Bar>& bars, const json& results, const char* pointer, std::string name, std::size_t c,
             double factor = 1) {
    const json::json_pointer at(pointer);
    if (results.contains(at) && results.at(at).is_number())
        bars.push_back({std::move(name), factor * results.at(at).get<double>(), c});
}

std::string bars(std::size_t place, const std::string& title, const std::string& unit, const std::vector<Bar>& all) {
    Panel panel(place, title);
    double most = 0;
    for (const Bar& b : all) most = std::max(most, b.value);
    const double step = (panel.bottom() + 20 - panel.top()) / static_cast<double>(all.size());
    const double height = std::min(22.0, step * 0.72);
    double y = panel.top();
    for (const Bar& b : all) {
        const double width = (panel.right() - panel.left()) * b.value / most;
        panel.text(panel.left() - 8, y + height * 0.72, b.name, "", "end");
        panel.bar(panel.left(), y, width, height, b.colour);
        panel.text(panel.left() + std::max(width, 1.0) + 6, y + height * 0.72, show(b.value) + unit, "soft");
        y += step;
    }
    return panel.out();
}

// Where a value lies between two powers of ten.
struct LogScale {
    double low, high, from, to;
    [[nodiscard]] double at(double value) const {
        const double share =
            (std::log10(std::max(value, low)) - std::log10(low)) / (std::log10(high) - std::log10(low));
        return from + share * (to - from);
    }
    static LogScale around(double least, double most, double from, double to) {
        const double low = std::pow(10, std::floor(std::log10(least))),
                     high = std::pow(10, std::ceil(std::log10(most * 1.001)));
        return {low, high, from, to};
    }
};

void log_axis(Panel& panel, const LogScale& scale, const char* unit) {
    for (double v = scale.low; v <= scale.high * 1.001; v *= 10) {
        panel.grid(panel.left() - 60, scale.at(v), panel.right() + 50, scale.at(v));
        panel.text(panel.left() - 66, scale.at(v) + 4, show(v) + unit, "soft", "end");
    }
}

struct Curve {
    std::string name;
    std::vector<double> values;
};

// Values over places that are named, on a logarithmic axis.
std::string curves(std::size_t place, const std::string& title, const char* unit,
                   const std::vector<std::string>& places, const std::vector<Curve>& all) {
    Panel panel(place, title);
    double least = all[0].values[0], most = least;
    for (const Curve& c : all)
        for (const double v : c.values) {
            least = std::min(least, v);
            most = std::max(most, v);
        }
    const LogScale scale = LogScale::around(least, most, panel.bottom(), panel.top());
    log_axis(panel, scale, unit);
    const double from = panel.left() - 30,
                 step = (panel.right() + 25 - from) / static_cast<double>(std::max<std::size_t>(places.size() - 1, 1));
    for (std::size_t i = 0; i < places.size(); ++i)
        panel.text(from + step * static_cast<double>(i), panel.bottom() + 16, places[i], "soft", "middle");
    double at = panel.left() - 60;
    for (std::size_t c = 0; c < all.size(); ++c) {
        std::vector<std::pair<double, double>> points;
        for (std::size_t i = 0; i < all[c].values.size(); ++i)
            points.emplace_back(from + step * static_cast<double>(i), scale.at(all[c].values[i]));
        panel.curve(points, c);
        at = panel.legend(at, all[c].name, c);
    }
    return panel.out();
}

// --- the panels: nothing where there is nothing to show ------------------------------------------------------------

std::string rates(std::size_t place, const json& r) {
    std::vector<Bar> all;
    add_bar(all, r, "/postgres/per_second", "pgbench -N, 64", 1);
    add_bar(all, r, "/box/closed/1/per_second", "1 terminal", 0);
    add_bar(all, r, "/box/closed/64/per_second", "64 terminals", 0);
    add_bar(all, r, "/box/closed/1000/per_second", "1,000 terminals", 0);
    add_bar(all, r, "/box/limit/64/rate", "p99 < 50 ms, 64", 2);
    add_bar(all, r, "/box/limit/1000/rate", "p99 < 50 ms, 1,000", 2);
    if (all.size() < 2) return {};
    add_bar(all, r, "/hsm/bare_cmac_per_s", "token, bare: CMACs / 2", 1, 0.5);
    return bars(place, "Durable payments a second", "", all);
}

std::string latencies(std::size_t place, const json& r) {
    const std::pair<const char*, const char*> kPlaces[] = {
        {"/box/rest/64/10", "10/s"},       {"/box/rest/64/50", "50/s"},          {"/box/rest/64/200", "200/s"},
        {"/box/after_load", "after load"}, {"/box/limit/64/half", "half limit"}, {"/box/limit/64", "limit"}};
    const std::pair<const char*, const char*> kCurves[] = {
        {"p50_ms", "p50"}, {"p99_ms", "p99"}, {"p999_ms", "p99.9"}, {"max_ms", "max"}};
    std::vector<std::string> places;
    std::vector<Curve> all;
    for (const auto& [key, name] : kCurves) all.push_back({name, {}});
    for (const auto& [pointer, name] : kPlaces) {
        const json::json_pointer at(pointer);
        if (!r.contains(at)) continue;
        places.emplace_back(name);
        for (std::size_t i = 0; i < all.size(); ++i)
            all[i].values.push_back(std::max(0.01, r.at(at)[kCurves[i].first].get<double>()));
    }
    return places.empty() ? std::string()
                          : curves(place, "Latency from the intended send time, 64 terminals", " ms", places, all);
}

std::string cpu(std::size_t place, const json& r) {
    std::vector<Bar> all;
    std::size_t c = 0;
    for (const char* name : {"gate", "switch", "vault", "auditor", "settle", "chain"})
        add_bar(all, r, fmt::format("/box/closed/64/cpu_us/{}", name).c_str(), name, c);
    add_bar(all, r, "/box/closed/64/cpu_us/terminals", "the terminals", 1);
    if (all.empty()) return {};
    add_bar(all, r, "/bare/echo_cpu_us", "a bare echo", 1);
    return bars(place, "CPU time of a payment, 64 terminals, closed loop", " µs", all);
}

std::string stages(std::size_t place, const json& r) {
    if (!r.contains("stages")) return {};
    constexpr const char* kStages[] = {"unpack", "mac_in", "decide", "journal", "pack", "mac_out"};
    constexpr const char* kWords[] = {"unpack", "MAC in", "decide", "journal", "pack", "MAC out"};
    Panel panel(place, "The stages of a purchase, each by itself: CPU time");
    double most = 0;
    for (const auto& [batch, costs] : r["stages"].items())
        if (batch != "1") most = std::max(most, costs["total_ns"].get<double>());
    double y = panel.top() + 6;
    for (const char* batch : {"8", "64", "400"}) {
        const json& costs = r["stages"][batch];
        panel.text(panel.left() - 8, y + 22, fmt::format("batch of {}", batch), "", "end");
        double x = panel.left();
        for (std::size_t s = 0; s < std::size(kStages); ++s) {
            const double width =
                (panel.right() - panel.left()) * costs[std::string(kStages[s]) + "_ns"].get<double>() / most;
            panel.bar(x, y, width, 34, s);
            x += width;
        }
        panel.text(x + 6, y + 22, fmt::format("{} µs", show(costs["total_ns"].get<double>() / 1000)), "soft");
        y += 52;
    }
    double at = panel.left() - 100;
    for (std::size_t s = 0; s < std::size(kStages); ++s) at = panel.legend(at, kWords[s], s);
    return panel.out();
}

std::string journal(std::size_t place, const json& r) {
    if (!r.contains("journal")) return {};
    const std::vector<std::string> places = {"1", "10", "100", "1000"};
    std::vector<Curve> all = {{"Giro's journal", {}}, {"bare SQLite", {}}};
    for (const auto& batch : places) {
        all[0].values.push_back(r["journal"]["entries_per_s"][batch].get<double>());
        all[1].values.push_back(r["journal"]["bare_sqlite_rows_per_s"][batch].get<double>());
    }
    return curves(place, "Durable entries a second, by batch", "", places, all);
}

std::string growth(std::size_t place, const json& r) {
    if (!r.contains("/growth/sizes/10000"_json_pointer)) return {};
    const json& sizes = r["growth"]["sizes"];
    const std::pair<const char*, const char*> kCurves[] = {{"/start_s", "start"},
                                                           {"/memory_mb/total", "memory"},
                                                           {"/at_200/p50_ms", "p50 at 200/s"},
                                                           {"/closed/per_second", "rate, 64 terminals"}};
    std::vector<std::string> places;
    std::vector<Curve> all;
    for (const auto& [pointer, name] : kCurves) all.push_back({name, {}});
    int power = 4;
    for (std::uint64_t n = 10'000; sizes.contains(std::to_string(n)); n *= 10, ++power) {
        places.push_back(fmt::format("10^{}", power));
        for (std::size_t i = 0; i < all.size(); ++i) {
            const json::json_pointer at(kCurves[i].first);
            all[i].values.push_back(sizes[std::to_string(n)].at(at).get<double>() /
                                    sizes["10000"].at(at).get<double>());
        }
    }
    return curves(place, "Growth with the journal's entries, times that of 10^4", "×", places, all);
}
}  // namespace

std::string svg(const json& results) {
    std::string panels;
    std::size_t place = 0;
    for (const auto panel : {rates, latencies, cpu, stages, journal, growth})
        if (const std::string drawn = panel(place, results); !drawn.empty()) {
            panels += drawn;
            ++place;
        }
    const double width = 2 * kPanelWidth + 3 * kGap,
                 height = kTop + static_cast<double>((place + 1) / 2) * (kPanelHeight + kGap);
    const json& m = results["machine"];
    const std::string what =
        fmt::format("Giro, commit {}; {}, {} cores, {}{}", results["versions"]["commit"].get<std::string>(),
                    m["cpu"].get<std::string>(), m["cores"].get<int>(), m["disk"].get<std::string>(),
                    results["quick"].get<bool>() ? "; QUICK: one run each" : "; medians of five");
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
        "height=\"{1:.0f}\">\n{2}"
        "<rect width=\"100%\" height=\"100%\" class=\"ground\"/>\n"
        "<text x=\"{3}\" y=\"26\" class=\"soft\">{4}</text>\n{5}</svg>\n",
        width, height, style(), kGap, what, panels);
}

}  // namespace bench
