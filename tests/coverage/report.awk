# What ./dev coverage prints, from one lcov file of llvm-cov's.
#   -v mode=all      lines and branches of each module, and of the files in `whole` (100 % of branches asked for)
#   -v mode=parsers  lines of the files in `parsers` alone
# A branch does not count when it stands in an ASSERT: that it cannot be taken is what it says. (Clang counts conditions
# of the source only: the paths of exceptions that a compiler adds are not among them.)
function share(hit, all) { return all == 0 ? "     -" : sprintf("%5.1f%%", 100 * hit / all) }
function begins_assert(text) { return text ~ /(^|[^A-Za-z_])(static_assert|ASSERT)\(/ }
# Marks the lines of `path` that belong to an ASSERT.
function read_asserts(path,    text, number, open) {
    delete asserted
    open = 0
    for (number = 1; (getline text < path) > 0; ++number) {
        if (begins_assert(text)) open = 1
        if (open) asserted[number] = 1
        if (text ~ /;[ \t]*(\/\/.*)?$/) open = 0
    }
    close(path)
}
BEGIN {
    while ((getline name < list) > 0) if (name !~ /^#/ && name != "") wanted[name] = 1
    close(list)
}
/^SF:/ {
    path = substr($0, 4)
    file = path
    sub("^" root "/", "", file)
    skip = file ~ /^(\/|tests\/)/
    lines = lines_hit = branches = branches_hit = 0
    missed = missed_branches = ""
    if (!skip) read_asserts(path)
}
skip { next }
/^DA:/ {
    split(substr($0, 4), at, ",")
    ++lines
    if (at[2] > 0) ++lines_hit
    else missed = missed " " at[1]
}
/^BRDA:/ {
    split(substr($0, 6), at, ",")
    if (at[1] in asserted) next
    ++branches
    if (at[4] != "-" && at[4] > 0) ++branches_hit
    else missed_branches = missed_branches " " at[1]
}
/^end_of_record/ {
    module = file
    sub(/\/[^\/]*$/, "", module)
    if (mode == "all") {
        in_module[module] = 1
        module_lines[module] += lines; module_hit[module] += lines_hit
        module_branches[module] += branches; module_branches_hit[module] += branches_hit
        all += lines; all_hit += lines_hit; all_branches += branches; all_branches_hit += branches_hit
    }
    if (verbose != "") printf "%s  lines %s  branches %s\n", file, share(lines_hit, lines), share(branches_hit, branches) > verbose
    if (!(file in wanted)) next
    seen[file] = 1
    if (mode == "all") {
        printf "   %-44s branches %s of %3d\n", file, share(branches_hit, branches), branches
        if (missed_branches != "") { printf "      never taken, lines:%s\n", missed_branches; bad = 1 }
    } else {
        printf "   %-44s lines %s of %4d\n", file, share(lines_hit, lines), lines
        if (lines_hit < 0.95 * lines) { printf "      never reached, lines:%s\n", missed; bad = 1 }
        all += lines; all_hit += lines_hit
    }
}
END {
    for (name in wanted) if (!(name in seen)) { printf "   %-44s is nowhere in what was built\n", name; bad = 1 }
    if (mode == "all") {
        for (module in in_module)
            printf "   %-28s lines %s of %5d   branches %s of %5d\n", module, share(module_hit[module], module_lines[module]), module_lines[module],
                share(module_branches_hit[module], module_branches[module]), module_branches[module] | "sort"
        close("sort")
        if (all_hit < 0.85 * all) bad = 1
    }
    printf "   %-28s lines %s of %5d", "in all", share(all_hit, all), all
    if (mode == "all") printf "   branches %s of %5d", share(all_branches_hit, all_branches), all_branches
    print ""
    exit bad ? 1 : 0
}
