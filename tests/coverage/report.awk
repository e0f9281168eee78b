# The table of ./dev coverage, of two files that llvm-cov writes about one run: first the JSON export, one file of the
# source per line, of which the branches are taken; then the lcov export, of which the lines are.
#   -v mode=all      lines and branches of each module, and of the files in `list` (100 % of branches asked for)
#   -v mode=parsers  lines of the files in `list` alone (95 % asked for)
#   -v root=DIR      where the sources lie;  -v verbose=FILE  each file's shares go there
# Exit 1 when a bound is missed, or a file of the list is nowhere in what was built.
#
# A branch is one way out of one condition of the source: that a template has it once per instantiation, or a header
# once per program, makes it no more. Nor is it one
# - past the last case of a switch over an enum: it names every value, -Wswitch sees to that. (llvm-cov tells of it at the
#   whole condition of a switch without a default, as its false; enumerators are known by their small letters.)
# - at an `if constexpr`: the compiler has taken it;
# - inside a macro. ASSERT is the only one of ours that decides anything, and that its condition cannot be false is what
#   it says. (llvm-cov leaves expansions out of the JSON.)
# The paths of exceptions that a compiler adds are not among llvm-cov's branches.
function share(hit, all) { return all == 0 ? "     -" : sprintf("%5.1f%%", 100 * hit / all) }
function of_ours(path) { return index(path, root "/") == 1 && path !~ /\/tests\// }
function short_of(path) { return substr(path, length(root) + 2) }
# What stands at a place in a file of the source, and what before it on its line.
function text_of(file, line,    number, text) {
    if (loaded != file) {
        delete text_at
        for (number = 1; (getline text < (root "/" file)) > 0; ++number) text_at[number] = text
        close(root "/" file)
        loaded = file
    }
    return text_at[line]
}
# Are the parentheses that `word` opened in the text `before` a place still open there?
function is_inside(before, word,    depth, i, char) {
    gsub(/\/\*([^*]|\*[^\/])*\*\//, "", before)
    if (before ~ /\/\// || !match(before, "(^|[^A-Za-z0-9_])" word " \\(")) return 0
    depth = 1
    for (i = RSTART + RLENGTH; i <= length(before) && depth > 0; ++i) {
        char = substr(before, i, 1)
        depth += (char == "(") - (char == ")")
    }
    return depth > 0
}
# Does the first case after a line name an enumerator?
function is_over_enum(file, line,    last) {
    for (last = line + 5; line <= last; ++line)
        if (match(text_of(file, line), /case [A-Za-z0-9_:]+:/))
            return substr(text_of(file, line), RSTART, RLENGTH) ~ /[ :]([a-jl-z]|k[a-z0-9_])[a-z0-9_]*:$/
    return 0
}
# Is the condition from line:column to end_line:end_column all that a switch decides by?
function is_of_switch(file, line, column, end_line, end_column,    before) {
    before = substr(text_of(file, line), 1, column - 1)
    return before ~ /(^|[^A-Za-z0-9_])switch \($/ && is_inside(before, "switch") &&
        substr(text_of(file, end_line), end_column) ~ /^\) \{/
}
# [[line,column,end line,end column,times true,times false,..],..] of one file, each condition once.
function read_branches(file, text,    conditions, count, i, at, place, went, not_taken) {
    count = split(text, conditions, /\],\[/)
    for (i = 1; i <= count; ++i) {
        gsub(/[\[\]]/, "", conditions[i])
        if (split(conditions[i], at, ",") < 6) continue
        if (is_inside(substr(text_of(file, at[1]), 1, at[2] - 1), "if constexpr")) continue
        if (is_of_switch(file, at[1], at[2], at[3], at[4])) {
            if (is_over_enum(file, at[1])) continue
            at[5] = 1  # its true is no way
        }
        place = file SUBSEP at[1] SUBSEP at[2] SUBSEP at[3] SUBSEP at[4]
        if (!(place in when_true)) { order[++places] = place; file_of[place] = file; where[place] = at[1] ":" at[2] }
        when_true[place] += at[5]
        when_false[place] += at[6]
    }
}
function add_branches(    i, place, file) {
    for (i = 1; i <= places; ++i) {
        place = order[i]
        file = file_of[place]
        branches[file] += 2
        branches_hit[file] += (when_true[place] > 0) + (when_false[place] > 0)
        if (when_true[place] == 0) missed_branches[file] = missed_branches[file] " " where[place] " true,"
        if (when_false[place] == 0) missed_branches[file] = missed_branches[file] " " where[place] " false,"
    }
}
BEGIN {
    while ((getline name < list) > 0) if (name !~ /^#/ && name != "") wanted[name] = ++wanted_count
    close(list)
}
/^{"branches":\[/ {
    path = $0
    sub(/.*"filename":"/, "", path)
    sub(/".*/, "", path)
    text = $0
    sub(/,"filename":.*/, "", text)
    sub(/^{"branches":/, "", text)
    if (of_ours(path)) read_branches(short_of(path), text)
    next
}
/^SF:/ {
    path = substr($0, 4)
    file = short_of(path)
    skip = !of_ours(path)
    if (!skip) files[++file_count] = file
    next
}
/^DA:/ && !skip {
    split(substr($0, 4), at, ",")
    ++lines[file]
    if (at[2] > 0) ++lines_hit[file]
    else missed_lines[file] = missed_lines[file] " " at[1]
}
END {
    add_branches()
    for (i = 1; i <= file_count; ++i) {
        file = files[i]
        seen[file] = 1
        module = file
        sub(/\/[^\/]*$/, "", module)
        if (mode == "all" || file in wanted) {
            modules[module] = 1
            module_lines[module] += lines[file]; module_hit[module] += lines_hit[file]
            module_branches[module] += branches[file]; module_branches_hit[module] += branches_hit[file]
            all += lines[file]; all_hit += lines_hit[file]
            all_branches += branches[file]; all_branches_hit += branches_hit[file]
        }
        if (verbose != "")
            printf "%-44s lines %s of %4d, never:%s\n%-44s branches %s of %4d, never:%s\n", file, share(lines_hit[file], lines[file]),
                lines[file], missed_lines[file], "", share(branches_hit[file], branches[file]), branches[file], missed_branches[file] > verbose
        if (!(file in wanted)) continue
        if (mode == "all") {
            printf "   %-44s branches %s of %4d\n", file, share(branches_hit[file], branches[file]), branches[file]
            if (branches_hit[file] < branches[file]) { printf "      never went, line:%s\n", missed_branches[file]; bad = 1 }
        } else {
            printf "   %-44s lines %s of %4d\n", file, share(lines_hit[file], lines[file]), lines[file]
            if (lines_hit[file] < 0.95 * lines[file]) { printf "      never reached, lines:%s\n", missed_lines[file]; bad = 1 }
        }
    }
    for (name in wanted) if (!(name in seen)) { printf "   %-44s is nowhere in what was built\n", name; bad = 1 }
    if (mode == "all") {
        for (module in modules)
            printf "   %-44s lines %s of %5d   branches %s of %5d\n", module, share(module_hit[module], module_lines[module]), module_lines[module],
                share(module_branches_hit[module], module_branches[module]), module_branches[module] | "sort"
        close("sort")
        if (all_hit < 0.85 * all) { print "   fewer than 85 % of the lines in all"; bad = 1 }
    }
    printf "   %-44s lines %s of %5d   branches %s of %5d\n", "in all", share(all_hit, all), all, share(all_branches_hit, all_branches), all_branches
    exit bad ? 1 : 0
}
