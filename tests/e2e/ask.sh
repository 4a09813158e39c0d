#!/bin/sh
# examples/ask.c: compiled against the public header, it says what the command
# says.
. tests/e2e/lib/mini.sh

lib=$(dirname "$SOHO_RT")/libsoho.a
# shellcheck disable=SC2086
out=$(${CC:-cc} ${SAN:-} -std=c11 -Wall -Wextra -Werror -Iinclude -rdynamic -o \
	"$room/ask" examples/ask.c "$lib" -ldnnl -lpng -ljpeg -lzip -llzma -lutf8proc \
	-lcrypto -fopenmp -ldl -lpthread -lm 2>&1)
check compiles $? "$out"
train run --steps 4 --eval-every 0
question='what color is the triangle?'
"$room/ask" "$plan" "$room/run/ckpt-4" "$data/example.jpg" "$question" \
	>"$room/one" 2>&1
check answers $? "$(cat "$room/one")"
"$SOHO_RT" infer "$plan" --weights "$room/run" --image "$data/example.jpg" \
	--question "$question" --top 3 >"$room/two"
check same-as-infer "$([ "$(awk '{ print $3 }' "$room/one")" = \
	"$(awk '{ print $3 }' "$room/two")" ]; echo $?)" "$(cat "$room/one")"
"$room/ask" "$plan" "$room/run/ckpt-4" "$room/none.jpg" x >"$room/one" 2>&1
check no-picture "$([ $? -eq 6 ] && grep -q 'none.jpg' "$room/one"; echo $?)" \
	"$(cat "$room/one")"
