// Reads settings from the TOML of a dialect file and remembers the first mistake; after it, answers are defaults nobody
// uses. For dialect.cpp and dialect_layouts.cpp alone: they are the only files that meet toml++.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <span>

#include <fmt/format.h>

#include "iso8583/dialect.hpp"
#include "util/toml.hpp"

namespace giro::iso8583 {

template <typename E>
struct Choice {
    std::string_view word;
    E value;
};
inline constexpr Choice<Masking> kMasks[] = {
    {"none", Masking::none}, {"pan", Masking::pan}, {"track", Masking::track}, {"hide", Masking::hide}};

class SettingsReader {
  public:
    [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return m_failure; }

    // `at` knows its file: toml::parse was told.
    void wrong(const toml::node& at, std::string_view what) {
        if (m_failure) return;
        const auto& source = at.source();
        m_failure = Failure{Failure::Kind::config,
                            fmt::format("{}:{}: {}", source.path ? *source.path : "?", source.begin.line, what)};
    }

    void known_keys(const toml::table& in, std::span<const std::string_view> allowed) {
        for (const auto& [key, node] : in) {
            if (std::find(allowed.begin(), allowed.end(), key.str()) != allowed.end()) continue;
            wrong(node, fmt::format("unknown setting \"{}\"; known: {}", key.str(), fmt::join(allowed, " ")));
        }
    }
    void known_keys(const toml::table& in, std::initializer_list<std::string_view> allowed) {
        known_keys(in, std::span(allowed.begin(), allowed.size()));
    }

    const toml::table* table(const toml::table& in, std::string_view key, bool needed) {
        const toml::node* node = in.get(key);
        if (node == nullptr) {
            if (needed) wrong(in, fmt::format("no [{}] table; add one", key));
            return nullptr;
        }
        if (!node->is_table()) wrong(*node, fmt::format("\"{}\" must be a table: write [{}]", key, key));
        return node->as_table();
    }

    std::string text(const toml::node& owner, std::string_view key, const toml::node* node, std::size_t bytes_max) {
        if (node == nullptr) {
            wrong(owner, fmt::format("\"{}\" is missing", key));
            return {};
        }
        const auto value = node->value_exact<std::string>();
        if (!value || value->empty() || value->size() > bytes_max) {
            wrong(*node, fmt::format("\"{}\" must be text in quotes, 1 to {} bytes", key, bytes_max));
            return {};
        }
        return *value;
    }

    std::int64_t number(const toml::node& owner, std::string_view key, const toml::node* node, std::int64_t low,
                        std::int64_t high) {
        if (node == nullptr) {
            wrong(owner, fmt::format("\"{}\" is missing; give a number from {} to {}", key, low, high));
            return low;
        }
        const auto value = node->value_exact<std::int64_t>();
        if (!value || *value < low || *value > high) {
            wrong(*node, fmt::format("\"{}\" must be a number from {} to {}", key, low, high));
            return low;
        }
        return *value;
    }

    bool flag(std::string_view key, const toml::node* node, bool fallback) {
        if (node == nullptr) return fallback;
        const auto value = node->value_exact<bool>();
        if (!value) wrong(*node, fmt::format("\"{}\" must be true or false", key));
        return value.value_or(fallback);
    }

    template <typename E, std::size_t N>
    E choice(std::string_view key, const toml::node* node, const Choice<E> (&choices)[N], E fallback) {
        if (node == nullptr) return fallback;
        const auto word = node->value_exact<std::string>();
        for (const auto& choice : choices)
            if (word && *word == choice.word) return choice.value;
        std::string words;
        for (const auto& choice : choices) words += fmt::format(" {}", choice.word);
        wrong(*node, fmt::format("\"{}\" must be one of:{}", key, words));
        return fallback;
    }

  private:
    std::optional<Failure> m_failure;
};

// Makes Dialect::layouts of every [layouts.NAME] in the files, the extending ones first: a name that was met is not
// taken again. Tags' and parts' own layouts are tied by name. dialect_layouts.cpp.
void read_layouts(SettingsReader& reader, std::span<const toml::table* const> files, Dialect& dialect);

// The layout of that name as FieldSpec::layout has it; 0, and a mistake noted at `node`, when there is none.
[[nodiscard]] std::uint8_t layout_number(SettingsReader& reader, const toml::node* node, const Dialect& dialect);

}  // namespace giro::iso8583
