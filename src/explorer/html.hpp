// HTML that is right by construction: elements close themselves, names are literals of the program, every text and
// attribute value is escaped, and a link leads to this host alone. There is no way to put ready-made markup in.
//
//   Html page;
//   page.element("p", {{"class", "note"}}, [&] { page.text(hostile); });
//
// Hostile: every text and value. What is no UTF-8, and control characters, come out as U+FFFD.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "giro/result.hpp"

namespace giro::explorer {

// A literal: an element's or attribute's name.
class Name {
  public:
    template <std::size_t N>
    constexpr Name(const char (&literal)[N]) noexcept : m_text(literal, N - 1) {}
    [[nodiscard]] constexpr std::string_view text() const noexcept { return m_text; }

  private:
    std::string_view m_text;
};

struct Attribute {
    Name name;
    std::string_view value;
};
using Attributes = std::initializer_list<Attribute>;

class Html {
  public:
    Html() { m_out.reserve(8192); }
    // <!doctype html>, once, first.
    void doctype() { m_out += "<!doctype html>\n"; }
    // The element around what `inside` writes. href, src and action must begin with one '/' or with '#' (ASSERTed).
    template <typename Inside>
        requires std::invocable<Inside&>
    void element(Name name, Attributes attributes, Inside&& inside) {
        open(name, attributes);
        inside();
        close(name);
    }
    void element(Name name, Attributes attributes, std::string_view words) {
        open(name, attributes);
        text(words);
        close(name);
    }
    void element(Name name, std::string_view words) { element(name, {}, words); }
    void empty(Name name, Attributes attributes) { open(name, attributes); }  // <input>, <meta>, <link>
    void text(std::string_view words);
    [[nodiscard]] std::string take() { return std::move(m_out); }

  private:
    void open(Name name, Attributes attributes);
    void close(Name name);
    std::string m_out;
};

}  // namespace giro::explorer
