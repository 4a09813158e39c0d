#!/bin/sh
# Optimiser groups: the first pattern that matches has a parameter, multiples
# are those of the update's own numbers, `soho-rt plan` names every match, and
# what matches nothing is an error.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/m.lua" <<'END'
config {batch = 2, sentences = 1, tokens = 1, answers = 4, buckets = {{8, 8}}}
phase("train", function(door)
  local x = door.answers * param("backbone.w", {4}, init.one)
  x = x * param("backbone.norm.w", {4}, init.one)
  x = x * param("head.w", {4}, init.one)
  x = x + param("head.fixed", {4}, init.one, {trainable = false})
  return {loss = (x * x):sum(1, 3):reshape {1}}
end)
phase("update", {
  policy = "fixed", accumulate = 3, lr = 0.5, decay = 0.01, momentum = 0.9,
  groups = {
    {pattern = "*.norm.*", rule = "sgd", decay_mult = 0, momentum = 0.5},
    {pattern = "backbone.*", rule = "sgd", lr_mult = 0.25, decay_mult = 2,
     momentum_mult = 0.5, nesterov = true, dampening = 0.125},
    {pattern = "*", rule = "adamw", eps = 1e-7, correct_bias = false},
  }})
END
compile() { "$SOHOC" "$tmp/$1.lua" -t null -o "$tmp/$1" >"$tmp/out" 2>&1; }

compile m && "$SOHO_RT" plan "$tmp/m/plan.bin" >"$tmp/plan" 2>&1 &&
	"$SOHOC" "$tmp/m.lua" -t null -d grad >"$tmp/grad" 2>&1
# has NAME FILE TEXT
has() {
	grep -q -- "$3" "$2" && echo "ok $1" ||
		echo "not ok $1: no line with $3 in $(basename "$2")"
}
has group-1 "$tmp/plan" 'update.group1 \*.norm.\* sgd lr 0.5, 1 parameters'
has group-2 "$tmp/plan" 'update.group2 backbone.\* sgd lr 0.125, 1 param'
has group-3 "$tmp/plan" 'update.group3 \* adamw lr 0.5, 1 parameters'
has match-1 "$tmp/plan" 'buffer backbone.norm.w .* bytes param group 1'
has match-2 "$tmp/plan" 'buffer backbone.w .* bytes param group 2'
has match-3 "$tmp/plan" 'buffer head.w .* bytes param group 3'
has match-none "$tmp/plan" 'buffer head.fixed .* bytes param  ;'
has sgd "$tmp/grad" 'sgd  group=0 lr=0.5 momentum=0.5  '
has sgd-options "$tmp/grad" 'sgd  group=1 lr=0.125 momentum=0.45 decay=0.02 '\
'dampening=0.125 nesterov=1'
has adamw-options "$tmp/grad" 'adamw  group=2 lr=0.5 eps=1e-07 correct_bias=0'
has accumulate "$tmp/plan" 'meta update.accumulate 3'

# refuse NAME SED TEXT
refuse() {
	sed "$2" "$tmp/m.lua" >"$tmp/$1.lua"
	if compile "$1"; then
		echo "not ok $1: it compiles"
	else
		has "$1" "$tmp/out" "$3"
	fi
}
refuse no-match 's/\*\.norm/*.norms/' \
	"'\*.norms.\*' matches no parameter"
refuse no-group 's/"\*"/"head.x"/' 'no optimiser group matches head.w'
