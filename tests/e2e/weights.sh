#!/bin/sh
# Trained weights to .pth and back: the same bytes, the same answers; training
# begins with several files, and says what it took of each.
. tests/e2e/lib/mini.sh

train run --steps 2 --eval-every 0
check trains $? "$(cat "$room/said")"
weights=$room/run/ckpt-2/weights.safetensors

# convert IN OUT: what it says into $room/said
convert() { "$SOHO_RT" convert "$@" >"$room/said" 2>&1; }

convert "$room/run" "$room/a.pth" &&
	grep -q 'counters num_batches_tracked added' "$room/said" &&
	grep -q 'left out: .*compat = fixed' "$room/said"
check to-pth $? "$(cat "$room/said")"
convert "$room/a.pth" "$room/b.safetensors" &&
	convert "$room/b.safetensors" "$room/c.pth" &&
	cmp "$room/a.pth" "$room/c.pth"
check there-and-back $? "$(cat "$room/said")"
convert "$room/a.pth" "$room/d.pth" && cmp "$room/a.pth" "$room/d.pth"
check pth-to-pth $? "$(cat "$room/said")"
convert "$room/d.pth" "$room/d.pth" && cmp "$room/a.pth" "$room/d.pth"
check onto-itself $? "$(cat "$room/said")"
"$SOHO_RT" data tensors "$weights" | sort >"$room/before"
"$SOHO_RT" data tensors "$room/b.safetensors" | grep -v num_batches_tracked |
	sort | cmp - "$room/before"
check same-bytes $? "$(cat "$room/said")"
[ "$(stat -c %s "$room/b.safetensors")" -gt 0 ] &&
	convert "$weights" "$room/e.safetensors" &&
	grep -q '"compat":"fixed"' "$room/e.safetensors"
check keeps-metadata $? "$(cat "$room/said")"

question='what color is the triangle?'
for file in "$weights" "$room/a.pth"; do
	"$SOHO_RT" infer "$plan" --weights "$file" --json --question "$question" \
		--image "$data/example.jpg" 2>&1
done >"$room/answers"
check same-answers "$([ "$(grep -c probability "$room/answers")" = 2 ] &&
	[ "$(sort -u "$room/answers" | grep -c probability)" = 1 ]; echo $?)" \
	"$(cat "$room/answers")"

n=$(wc -l <"$room/before")
train again --steps 1 --eval-every 0 --weights "$room/a.pth" --weights "$weights"
check begins $? "$(cat "$room/said")"
[ "$(grep -c "^weights from .*: $n of $n$" "$room/said")" = 2 ]
check says-what-it-took $? "$(cat "$room/said")"
grep -q 'keep their starting values' "$room/said"
check nothing-left "$([ $? -eq 1 ]; echo $?)" "$(cat "$room/said")"

# A file of few tensors: some are renamed, the others keep their values.
head=$(printf '{"fc.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
"bn1.bias":{"dtype":"F32","shape":[8],"data_offsets":[4,36]}}')
{
	printf "\\$(printf %03o $((${#head} % 256)))\\$(printf %03o \
		$((${#head} / 256)))\0\0\0\0\0\0%s" "$head"
	head -c 36 /dev/zero
} >"$room/few.safetensors"
train few --steps 1 --eval-every 0 --weights "$room/few.safetensors"
grep -q "weights from .*: 1 of $n; 1 under other names (bn1.bias is" \
	"$room/said" && grep -q 'left out (fc.bias)' "$room/said" &&
	grep -q "^$((n - 1)) tensors keep their starting values" "$room/said"
check begins-with-few $? "$(cat "$room/said")"
convert --official "$room/few.safetensors" "$room/few.pth" &&
	"$SOHO_RT" data tensors "$room/few.pth" | grep -q '^backbone.bn1.bias ' &&
	! "$SOHO_RT" data tensors "$room/few.pth" | grep -q '^fc'
check official-names $? "$(cat "$room/said")"
"$SOHO_RT" infer "$plan" --weights "$room/few.pth" --question "$question" \
	--image "$data/example.jpg" >"$room/said" 2>&1
check few-do-not-answer "$([ $? -eq 3 ] && grep -q 'are missing' "$room/said"
echo $?)" "$(cat "$room/said")"
