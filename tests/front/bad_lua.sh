#!/bin/sh
# Hostile models: the verdicts of their manifest.  Each is refused (or read)
# within 6 seconds, with the file and line named and no byte that a terminal
# would obey; nothing is written.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
dir=${SOHO_TESTDATA:-../shared/data}/bad/lua
if [ ! -f "$dir/MANIFEST.tsv" ]; then
    echo "skip bad/lua: no $dir"
    exit 0
fi
mark=/tmp/soho_lua_pwned
rm -f "$mark"

# base SNIPPET -> a small model with the snippet in its body
base() {
    echo '(function()'
    cat "$1"
    echo
    echo 'end)()'
    cat <<'END'
phase("infer", function(door)
  return {y = op.relu {op.input {door = "x", dtype = "f32", dims = {4}}}}
end)
END
}

# run MODEL -> status; the message lands in $tmp/err
run() {
    timeout 6 "$SOHOC" "$1" -t null -d front >"$tmp/out" 2>"$tmp/err"
    status=$?
}

# clean: the message has no control byte but its line ends
clean() {
    ! LC_ALL=C tr -d '\n -~\200-\377' <"$tmp/err" | grep -q .
}

# judge NAME EXPECT
judge() {
    if [ "$status" -ge 124 ]; then
        echo "not ok $1: status $status"
    elif ! clean; then
        echo "not ok $1: a control byte in the message"
    elif [ -e "$mark" ]; then
        echo "not ok $1: it wrote a file"
    elif [ "$2" = accept ] && [ "$status" -ne 0 ]; then
        echo "not ok $1: refused: $(cat "$tmp/err")"
    elif [ "$2" = reject ] && [ "$status" -ne 3 ]; then
        echo "not ok $1: status $status, expected 3"
    elif [ "$status" -ne 0 ] && ! grep -q "$1" "$tmp/err"; then
        echo "not ok $1: file not named: $(cat "$tmp/err")"
    else
        echo "ok $1"
    fi
}

tail -n +2 "$dir/MANIFEST.tsv" | cut -f 1,3,4 >"$tmp/rows"
while IFS='	' read -r name use expect; do
    case $use in
    whole) run "$dir/$name" ;;
    snippet)
        base "$dir/$name" >"$tmp/$name"
        run "$tmp/$name"
        ;;
    *) continue ;;
    esac
    judge "$name" "$expect"
done <"$tmp/rows"

# values: each in place of each size of a real model.  Only 768.0 and 0x300 do
# what 768 does; the others are refused, and the field is named.
mkdir "$tmp/lib"
cp models/lib/*.lua "$tmp/lib"

# with FIELD VALUE: soho_tiny with that value
with() {
    sed "s|\\([ ,]\\)$1 = [0-9]*,|\\1$1 = $2,|" models/soho_tiny.lua \
        >"$tmp/v.lua"
    run "$tmp/v.lua"
}

for field in batch sentences tokens depth hidden layers heads inner \
    positions vocab answers; do
    bad=
    with "$field" 768
    base=$status
    cp "$tmp/out" "$tmp/base"
    sed -n 's/^  \(v_[a-z0-9_]*\) = \(.*\),$/\1 \2/p' \
        "$dir/values_for_dimensions.lua" >"$tmp/values"
    while read -r name value; do
        with "$field" "$value"
        case $name in
        v_float_int | v_hex)
            [ "$status" = "$base" ] && cmp -s "$tmp/out" "$tmp/base" ||
                bad="$bad $name"
            ;;
        *)
            [ "$status" = 3 ] && grep -q "$field" "$tmp/err" ||
                bad="$bad $name($status)"
            ;;
        esac
    done <"$tmp/values"
    if [ -z "$bad" ]; then
        echo "ok values for $field"
    else
        echo "not ok values for $field:$bad"
    fi
done
