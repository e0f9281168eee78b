// Reads settings out of a TOML file and keeps the first mistake as file:line: what is wrong. Used by config.cpp and by
// the simulators' scenario files. Brings toml++ with it: in .cpp files alone.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "util/toml.hpp"

namespace giro::config {

// Collects the first mistake; every getter gives a value of its type whatever happens, so that reading is a plain list.
class Checker {
  public:
    explicit Checker(std::filesystem::path file) : m_file(std::move(file)) {}

    void wrong(const toml::source_region& where, std::string_view what) {
        if (m_mistake.empty()) m_mistake = fmt::format("{}:{}: {}", m_file.string(), where.begin.line, what);
    }
    // file:line, as mistakes are told.
    [[nodiscard]] std::string at(const toml::source_region& where) const { return fmt::format("{}:{}", m_file.string(), where.begin.line); }
    [[nodiscard]] const std::string& mistake() const { return m_mistake; }

    const toml::table& table(const toml::table& in, std::string_view key) {
        const auto* node = in.get_as<toml::table>(key);
        if (node == nullptr) wrong(in.source(), fmt::format("[{}] is missing", key));
        return node == nullptr ? m_empty : *node;
    }

    std::string text(const toml::table& in, std::string_view key) {
        const auto* node = in.get_as<std::string>(key);
        if (node == nullptr) wrong(in.source(), fmt::format("'{}' must be given, as text in quotes", key));
        return node == nullptr ? std::string() : node->get();
    }

    template <typename T>
    T number(const toml::table& in, std::string_view key, std::int64_t low, std::int64_t high) {
        const auto* node = in.get_as<std::int64_t>(key);
        if (node == nullptr) {
            wrong(in.source(), fmt::format("'{}' must be given, as a whole number {}..{}", key, low, high));
            return T{};
        }
        if (node->get() < low || node->get() > high)
            wrong(node->source(), fmt::format("'{}' = {} is outside {}..{}", key, node->get(), low, high));
        return static_cast<T>(node->get());
    }

    std::vector<std::string> texts(const toml::table& in, std::string_view key) {
        std::vector<std::string> out;
        const auto* node = in.get_as<toml::array>(key);
        if (node == nullptr) {
            wrong(in.source(), fmt::format("'{}' must be given, as a list of texts", key));
            return out;
        }
        for (const auto& item : *node) {
            if (const auto* one = item.as_string()) out.push_back(one->get());
            else wrong(item.source(), fmt::format("'{}' holds something that is not text", key));
        }
        return out;
    }

    // Data elements out of kCorrelationFields; `out` keeps what it has when the key is not there.
    void correlation(const toml::table& in, std::string_view key, unsigned always, std::vector<unsigned>& out) {
        const auto* list = in.get_as<toml::array>(key);
        if (in.get(key) == nullptr) return;
        if (list == nullptr) return wrong(in.source(), fmt::format("'{}' must be a list of data elements", key));
        out.clear();
        for (const auto& item : *list) {
            const std::int64_t field = item.value_or(std::int64_t{0});
            if (std::find(std::begin(kCorrelationFields), std::end(kCorrelationFields), field) == std::end(kCorrelationFields))
                return wrong(item.source(), fmt::format("'{}': an answer can be matched by {}", key, fmt::join(kCorrelationFields, ", ")));
            out.push_back(static_cast<unsigned>(field));
        }
        const auto has = [&](unsigned field) { return std::find(out.begin(), out.end(), field) != out.end(); };
        if (!has(4) && !has(37)) wrong(list->source(), fmt::format("'{}' must name 4 or 37: a STAN alone is used again", key));
        if (always != 0 && !has(always)) wrong(list->source(), fmt::format("'{}' must name {}", key, always));
    }

    Address address(const toml::table& in, std::string_view key) { return one_address(in.source(), key, text(in, key)); }

    // A value that stands in the setting `key`, or in part of it.
    Address address_in(const toml::table& in, std::string_view key, const std::string& value) { return one_address(in.source(), key, value); }

    // One to `most` of them, each once.
    std::vector<Address> addresses(const toml::table& in, std::string_view key, std::size_t most) {
        std::vector<Address> out;
        for (const std::string& value : texts(in, key)) {
            const Address made = one_address(in.source(), key, value);
            const auto same = [&](const Address& other) { return other.host == made.host && other.port == made.port; };
            if (std::ranges::any_of(out, same)) wrong(in.source(), fmt::format("'{}': \"{}\" is given twice", key, value));
            out.push_back(made);
        }
        if (out.empty() || out.size() > most) wrong(in.source(), fmt::format("'{}' must be 1 to {} of address:port", key, most));
        return out;
    }

    bool flag(const toml::table& in, std::string_view key, bool otherwise) {
        const auto* node = in.get(key);
        if (node == nullptr) return otherwise;
        const auto value = node->value_exact<bool>();
        if (!value) wrong(node->source(), fmt::format("'{}' must be true or false", key));
        return value.value_or(otherwise);
    }

    // One of the words, or the first when it is not given.
    template <typename E, std::size_t N>
    E word(const toml::table& in, std::string_view key, const std::pair<std::string_view, E> (&words)[N]) {
        const auto* node = in.get(key);
        if (node == nullptr) return words[0].second;
        const auto value = node->value_exact<std::string>();
        std::string all;
        for (const auto& [word, meaning] : words) {
            if (value == word) return meaning;
            all += fmt::format(" {}", word);
        }
        wrong(node->source(), fmt::format("'{}' must be one of:{}", key, all));
        return words[0].second;
    }

    template <typename F>
    void each(const toml::table& in, std::string_view key, F&& one) {
        const auto* list = in.get_as<toml::array>(key);
        if (list == nullptr) return;
        for (const auto& item : *list) {
            if (const auto* entry = item.as_table()) one(*entry);
            else wrong(item.source(), fmt::format("[[{}]] must be a table", key));
        }
    }

    void only(const toml::table& in, std::initializer_list<std::string_view> known) { only(in, std::span(known.begin(), known.size())); }
    void only(const toml::table& in, std::span<const std::string_view> known) {
        for (const auto& [key, node] : in)
            if (std::find(known.begin(), known.end(), key.str()) == known.end())
                wrong(node.source(), fmt::format("'{}' is not a setting; is it misspelt?", key.str()));
    }

  private:
    Address one_address(const toml::source_region& where, std::string_view key, const std::string& value) {
        Address out;
        const auto colon = value.rfind(':');
        const auto port = colon == std::string::npos ? std::string_view() : std::string_view(value).substr(colon + 1);
        const auto parsed = std::from_chars(port.data(), port.data() + port.size(), out.port);
        if (port.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || colon == 0)
            wrong(where, fmt::format("'{}' = \"{}\" is not address:port", key, value));
        else out.host = value.substr(0, colon);
        return out;
    }

    std::filesystem::path m_file;
    std::string m_mistake;
    toml::table m_empty;
};

}  // namespace giro::config
