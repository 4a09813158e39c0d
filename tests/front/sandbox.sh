#!/bin/sh
# The walls around a model, its libraries and its limits; the same model gives
# the same program whatever the folder, locale and time.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/lib"

# try NAME STATUS TEXT: the model on stdin ends so, its message has TEXT
try() {
    cat >"$tmp/m.lua"
    timeout 30 "$SOHOC" "$tmp/m.lua" -t null -d front >"$tmp/out" 2>"$tmp/err"
    status=$?
    if [ "$status" -ne "$2" ]; then
        echo "not ok $1: status $status, $(sed 1q "$tmp/err")"
    elif ! grep -qF -- "$3" "$tmp/err"; then
        echo "not ok $1: $(sed 1q "$tmp/err")"
    else
        echo "ok $1"
    fi
}
body='return {y = op.relu {op.input {door = "x", dtype = "f32", dims = {4}}}}'
phase="phase('infer', function(door) $body end)"

for name in io os debug package require load loadstring dofile loadfile pcall \
    xpcall coroutine setmetatable getmetatable rawset rawget next \
    collectgarbage _G _ENV_ utf9; do
    echo "local x = $name" | try "no $name" 3 "'$name' is not known"
done
for call in 'string.find("a", "a")' '("a"):gsub("a", "b")' 'string.dump(print)' \
    'math.random()' 'table.move({}, 1, 2, 3)' 'table.sort({})' \
    'string.pack("i", 1)'; do
    echo "local x = $call" | try "no $call" 3 'attempt to call a nil value'
done
try "print says file and line" 0 'm.lua:2: two 2 table' <<END
$phase
print("two", 2, {})
END
try "time of the processor" 3 '5 seconds' <<END
local t = {}
for i = 1, 2e6 do t[i] = "x" end
while true do local s = table.concat(t) end
END
try "pairs in order" 0 '1 2 a b' <<END
local s = ""
for k in pairs({b = 1, a = 2, [2] = 3, [1] = 4}) do s = s .. k .. " " end
print(s)
$phase
END
ln -s /etc/passwd "$tmp/lib/link.lua"
echo "$phase" | try "a library that is a link" 6 'lib/link.lua'
rm "$tmp/lib/link.lua"
mkfifo "$tmp/lib/pipe.lua"
echo "$phase" | try "a library that is a pipe" 3 'lib/pipe.lua'
rm "$tmp/lib/pipe.lua"
i=0
while [ $i -lt 65 ]; do
    echo 'return 1' >"$tmp/lib/l$i.lua"
    i=$((i + 1))
done
echo "$phase" | try "65 libraries" 3 'at most 64 files'
rm "$tmp"/lib/*
head -c 1100000 /dev/zero | tr '\0' ' ' >"$tmp/lib/large.lua"
echo "$phase" | try "a library of over 1 MiB" 3 'lib/large.lua'
rm "$tmp"/lib/*
head -c 1100000 /dev/zero | tr '\0' ' ' |
    try "a model of over 1 MiB" 3 'm.lua'

mkdir -p "$tmp/a/lib" "$tmp/b b/lib"
for to in "$tmp/a" "$tmp/b b"; do
    cp models/soho_tiny.lua "$to"
    cp models/lib/*.lua "$to/lib"
done
"$SOHOC" "$tmp/a/soho_tiny.lua" -t null -d front >"$tmp/1"
(cd "$tmp/b b" && LC_ALL=tr_TR.UTF-8 TZ=Asia/Tokyo \
    "$SOHOC" soho_tiny.lua -t null -d front >"$tmp/2")
cmp -s "$tmp/1" "$tmp/2" && echo "ok the same program in another folder" ||
    echo "not ok the same program in another folder"
