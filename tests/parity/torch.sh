#!/bin/sh
# PyTorch's files of the oracle's weights, in every form: they give the answers
# that the same numbers give as safetensors, go through `convert` and back, and
# then load into the oracle again, from either format.  Files with torchvision's and BERT's names get
# the official ones.
python=/usr/bin/python3
if ! $python -c 'import torch' 2>/dev/null; then
	echo 'skip torch: apt install python3-torch'
	exit
fi
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# check NAME CODE WHY
check() {
	if [ "$2" -eq 0 ]; then
		echo "ok torch/$1"
	else
		echo "not ok torch/$1: $(printf %s "$3" | tr '\n' ' ')"
	fi
}

"$SOHOC" models/soho_res18.lua -o "$work/plan" --set hidden=96 \
	--set width=8,16,32,64 --set layers=1 --set heads=4 --set inner=96 \
	--set vocab=300 --set answers=13 --set image=96x128 --set batch=1 \
	--threads 1 >"$work/said" 2>&1
check compiles $? "$(tail -n 3 "$work/said")"
$python tests/parity/lib/weights.py make "$work" >"$work/names" 2>"$work/said"
check makes $? "$(tail -n 3 "$work/said")"

# logits WEIGHTS OUT
logits() {
	"$SOHO_RT" exec "$work/plan/plan.bin" infer@96x128 --weights "$1" \
		--in "$work/in.safetensors" --out "$2" >"$work/said" 2>&1
}

# tensors FILE: what it holds, as lines
tensors() { "$SOHO_RT" data tensors "$1" | LC_ALL=C sort; }

while read -r name; do
	file=$work/$name
	official=
	case $name in resnet | bert) official=--official ;; esac
	# shellcheck disable=SC2086
	"$SOHO_RT" convert $official "$file.pth" "$file.safetensors" \
		>"$work/said" 2>&1 &&
		tensors "$file.safetensors" >"$work/a" &&
		tensors "$file.want.safetensors" | cmp - "$work/a"
	check "$name-converts" $? "$(cat "$work/said")"
	[ "$official" ] && continue # parts of a plan
	"$SOHO_RT" convert "$file.safetensors" "$file.back.pth" \
		>"$work/said" 2>&1
	check "$name-goes-back" $? "$(cat "$work/said")"
	[ "$name" = pre ] && continue # the plan answers questions
	logits "$file.pth" "$file.a" && logits "$file.safetensors" "$file.b" &&
		cmp "$file.a" "$file.b"
	check "$name-answers" $? "$(cat "$work/said")"
	rm -f "$file.pth"
done <"$work/names"
"$SOHO_RT" convert "$work/ours.safetensors" "$work/ours.back.pth" \
	>"$work/said" 2>&1 && grep -q 'mask_l_fc.weight added' "$work/said"
check ours-goes-to-pth $? "$(cat "$work/said")"
cmp "$work/zip.a" "$work/stream.a" && cmp "$work/zip.a" "$work/views.a"
check same-numbers-same-answers $? "other answers"
cmp -s "$work/zip.a" "$work/bfloat.a"
check fewer-bits-other-answers "$([ $? -eq 1 ]; echo $?)" \
	"bfloat16 gives the same"
$python tests/parity/lib/weights.py check "$work" 2>"$work/said" ||
	check loads 1 "$(tail -n 3 "$work/said")"
