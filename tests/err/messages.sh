#!/bin/sh
# Every message about a model: tests/err/NAME.lua must be refused with exactly
# the text of NAME.err, and every message of the front end has such a test.
# A first line `-- options: ...` gives options.
# `messages.sh -u` writes the texts anew; read the difference before committing.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

for model in tests/err/*.lua; do
    name=$(basename "$model" .lua)
    options=$(sed -n '1s/^-- options: //p' "$model" 2>/dev/null)
    # shellcheck disable=SC2086
    timeout 20 "$SOHOC" "$model" -t null -d front $options >/dev/null \
        2>"$tmp/err"
    status=$?
    echo "exit $status" >>"$tmp/err"
    if [ "$1" = -u ]; then
        cp "$tmp/err" "tests/err/$name.err"
    elif [ "$status" -ne 2 ] && [ "$status" -ne 3 ] && [ "$status" -ne 6 ]; then
        echo "not ok $name: status $status"
    elif ! diff "tests/err/$name.err" "$tmp/err" >"$tmp/diff" 2>&1; then
        echo "not ok $name: $(sed -n 2p "$tmp/diff")"
    else
        echo "ok $name"
    fi
done

# The longest part of each message that is the same every time.
for file in compiler/lua_*.c compiler/names.c; do
    tr '\n' ' ' <"$file" | sed 's/"  *"//g' |
        grep -oE '(lua_fail|complain)\([^";]*"([^"\\]|\\.)*"' |
        sed 's/^[^"]*"//; s/"$//; s/\\"/"/g' |
        awk -v file="$file" '{
            n = split($0, part, "%%|%[-+ #0-9.*]*(ll)?[a-z]")
            best = ""
            for (i = 1; i <= n; i++)
                if (length(part[i]) > length(best)) best = part[i]
            if (length(best) > 3) print file "\t" best
        }'
done >"$tmp/messages"
missing=0
while IFS='	' read -r file text; do
    grep -qF -- "$text" tests/err/*.err && continue
    echo "not ok message of $file: no test has \"$text\""
    missing=1
done <"$tmp/messages"
[ "$missing" = 0 ] && echo "ok $(wc -l <"$tmp/messages") messages have a test"
