#!/bin/sh
# The command line of soho-rt: every wrong word is named, with the nearest right
# one and exit code 2; help comes from the tables.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# says NAME CODE TEXT ARG...: exit code, and a part of what is printed
says() {
    name=$1 code=$2 text=$3
    shift 3
    "$SOHO_RT" "$@" >"$tmp/out" 2>&1
    got=$?
    if [ $got -ne "$code" ]; then
        echo "not ok $name: exit code $got, expected $code"
    elif ! grep -qF -- "$text" "$tmp/out"; then
        echo "not ok $name: no '$text' in: $(head -n 2 "$tmp/out")"
    else
        echo "ok $name"
    fi
}

says "no command" 2 "usage: soho-rt COMMAND"
says "help" 0 "calibrate" --help
says "unknown command" 2 "unknown command 'trian', did you mean train?" trian
says "unknown far command" 2 "unknown command 'xyzzy'" xyzzy
for command in train eval infer exec convert bench plan; do
    says "$command --help" 0 "usage: soho-rt $command" $command --help
done
says "unknown option" 2 "unknown option '--sede', did you mean --seed?" \
    exec --sede 3
says "no value" 2 "a value has to follow '--seed'" exec --seed
says "no number" 2 "expected a whole number, got '-1'" exec --seed -1
says "number too large" 2 "expected a whole number, got '99999999999999999999'" \
    exec --seed=99999999999999999999
for list in 0 '1,' '1,,2' ',1' '1,2x' -1 99999999999999999999 ''; do
    says "no list of numbers '$list'" 2 \
        "expected numbers from 1, as 1,5,20, got '$list'" \
        train --eval-at-steps "$list"
done
says "list too long" 2 "too many numbers" train \
    --eval-at-epochs "$(seq -s, 65)"
says "value of a flag" 2 "no value follows '--check'" plan --check=1 x
says "missing operand" 2 "missing 'PLAN'" plan
says "missing option" 2 "missing '--out'" exec plan.bin train
says "one word more" 2 "one word too many: 'b'" plan a b
says "operand after --" 6 "--check: cannot open" plan -- --check
says "escape sequences are shown" 2 "unknown option '--\\x1b[31m'" \
    plan "--$(printf '\033')[31m"
says "no plan" 6 "nowhere/plan.bin: cannot open" plan nowhere/plan.bin
says "a folder is no plan" 6 "not a regular file" plan "$tmp"
echo "no plan" >"$tmp/plan.bin"
says "short plan" 3 "truncated at 8, need 80" plan "$tmp/plan.bin"
head -c 200 /dev/zero >"$tmp/plan.bin"
says "other file" 3 "not a plan" bench "$tmp/plan.bin"
says "data words" 2 "unknown word 'imgae'" data imgae
says "convert without OUT" 2 "missing 'OUT'" convert "$tmp/x.pth"
says "convert to what" 2 "OUT has to end in .safetensors, .pth, .pt or .bin" \
    convert "$tmp/x.pth" "$tmp/x.bin.gz"
says "convert nothing" 6 "nowhere.pth: cannot open" \
    convert nowhere.pth "$tmp/x.safetensors"
printf 'cos\nsystem\n(S"touch %s/owned"\ntR.' "$tmp" >"$tmp/x.pth"
says "convert a trap" 3 "pickle: forbidden global os.system at byte 0" \
    convert "$tmp/x.pth" "$tmp/x.safetensors"
[ ! -e "$tmp/owned" ] && [ ! -e "$tmp/x.safetensors" ] &&
    echo "ok convert leaves nothing" ||
    echo "not ok convert leaves nothing: $(ls "$tmp")"
"$SOHOC" tests/plan/models/small.lua -o "$tmp/null" -t null >/dev/null
says "a plan without code" 5 "which has no code: compile it with sohoc -t cpu" \
    bench "$tmp/null/plan.bin"
"$SOHOC" tests/plan/models/small.lua -o "$tmp/many" --threads 1024 >/dev/null
says "a plan for another machine" 5 \
    "compile it for this machine: sohoc small.lua -o DIR" \
    bench "$tmp/many/plan.bin"
if [ -e /dev/full ]; then
    "$SOHO_RT" --help >/dev/full 2>"$tmp/out"
    [ $? -eq 6 ] && grep -q "cannot write standard output" "$tmp/out" &&
        echo "ok full output" || echo "not ok full output: $(cat "$tmp/out")"
fi
