#!/bin/sh
# The dictionary's nearest entry: of entries that are equally near but for what
# rounding left, the first one, as the official code has it; and the nearest one
# where they differ.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

cp -r models/lib "$tmp/lib"
cat >"$tmp/nearest.lua" <<'EOF'
local vd = use "vd"
config {batch = 1, sentences = 1, answers = 5, buckets = {{1, 1}}}
phase("eval", function(door)
  local function rows(name, value)
    return param(name, {1, 8}, init.fill(value), {trainable = false})
  end
  local x = op.concat {rows("far", 2), rows("tie", 0.3),
                       rows("beyond", -0.3), dim = 1}
  local embed = op.concat {rows("zero", 0), rows("left", 1e-20),
                           rows("one", 1), dim = 1}
  return {code = op.float {vd.nearest(x, embed)}}
end)
EOF
if ! { "$SOHOC" "$tmp/nearest.lua" -o "$tmp" --threads 1 &&
	"$SOHO_RT" exec "$tmp/plan.bin" eval@1x1 --out "$tmp/out"; } \
	>"$tmp/log" 2>&1; then
	echo "not ok nearest/runs: $(tail -n 1 "$tmp/log")"
	exit
fi
said=$(tail -c 12 "$tmp/out" | od -An -tf4 | tr -s ' ' ' ')
if [ "$said" = ' 2 0 0' ]; then
	echo 'ok nearest/first-of-equals'
else
	echo "not ok nearest/first-of-equals: entries$said, expected 2 0 0"
fi
