#include "vault/bundle.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "util/bytes.hpp"
#include "util/file.hpp"
#include "vault/wire.hpp"

namespace giro::vault {

namespace {
using Json = nlohmann::ordered_json;

Json json_of(const MultisigKeys& keys) {
    Json list = Json::array();
    for (const auto& key : keys.keys) list.push_back(to_hex(key));
    return {{"keys", list},
            {"witness_script", to_hex(keys.witness_script)},
            {"script", to_hex(keys.script)},
            {"address", keys.address}};
}

// Thrown and caught in this file alone, like the library's own.
struct NotHex : std::runtime_error {
    NotHex() : std::runtime_error("a value is not hexadecimal of the right size") {}
};

template <std::size_t N>
ByteArray<N> array_of(const Json& json) {
    const auto bytes = array_from_hex<N>(json.get<std::string>());
    if (!bytes) throw NotHex();
    return *bytes;
}

Buffer buffer_of(const Json& json) {
    auto bytes = from_hex(json.get<std::string>());
    if (!bytes) throw NotHex();
    return std::move(*bytes);
}

MultisigKeys multisig_of(const Json& json) {
    MultisigKeys out;
    for (std::size_t i = 0; i < out.keys.size(); ++i) out.keys[i] = array_of<33>(json.at("keys").at(i));
    out.witness_script = buffer_of(json.at("witness_script"));
    out.script = buffer_of(json.at("script"));
    out.address = json.at("address").get<std::string>();
    return out;
}
}  // namespace

std::string to_json(const Bundle& bundle) {
    Json participants = Json::array();
    for (const auto& p : bundle.participants)
        participants.push_back({{"id", p.id}, {"name", p.name}, {"settlement", json_of(p.settlement)}});
    const Json json = {{"format", kBundleFormat},
                       {"block", json_of(bundle.block)},
                       {"issuer", json_of(bundle.issuer)},
                       {"participants", participants},
                       {"checkpoint_key", to_hex(bundle.checkpoint_key)},
                       {"server_key", to_hex(bundle.server_key)},
                       {"ca_certificate", bundle.ca_certificate},
                       {"server_certificate", bundle.server_certificate}};
    return json.dump(2) + "\n";
}

Result<Bundle> parse_bundle(std::string_view text) try {
    const Json json = Json::parse(text);
    if (json.at("format").get<int>() != kBundleFormat)
        return fail(Failure::Kind::integrity,
                    "the public key bundle has another format; provision anew with this version");
    Bundle out;
    out.block = multisig_of(json.at("block"));
    out.issuer = multisig_of(json.at("issuer"));
    for (const Json& p : json.at("participants"))
        out.participants.push_back(
            {p.at("id").get<std::uint32_t>(), p.at("name").get<std::string>(), multisig_of(p.at("settlement"))});
    out.checkpoint_key = array_of<65>(json.at("checkpoint_key"));
    out.server_key = array_of<65>(json.at("server_key"));
    out.ca_certificate = json.at("ca_certificate").get<std::string>();
    out.server_certificate = json.at("server_certificate").get<std::string>();
    return out;
} catch (const std::exception& e) {
    return fail(Failure::Kind::integrity, fmt::format("the public key bundle does not parse: {}", e.what()));
}

Result<Bundle> load_bundle(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file))
        return fail(Failure::Kind::not_provisioned, fmt::format("{} does not exist; run: giro init", file.string()));
    const auto text = read_file(file, kPublicKeysBytesMax);
    if (!text) return tl::unexpected(text.error());
    return parse_bundle(as_text(*text));
}

}  // namespace giro::vault
