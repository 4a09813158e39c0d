#!/bin/sh
# --keep makes values outputs and changes no bit of anything else: values of an
# element-wise group, of a row, in a library call's epilogue, in rows that prune
# cuts, of a frozen convolution.
tools=$(dirname "$SOHOC")/tools
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

kept=backbone.layer2.1,backbone.layer1.0,backbone.layer2.0.bn1,neck.mask,head.vqa.0
kept=$kept,language.bert.embeddings.LayerNorm
kept=$kept,language.bert.encoder.layer.0.intermediate.dense
kept=$kept,language.bert.encoder.layer.1.intermediate.dense
kept=$kept,language.bert.encoder.layer.1.attention.self
kept=$kept,language.bert.encoder.layer.1.attention.self.query

# build NAME [OPTION...]
build() {
	name=$1
	shift
	"$SOHOC" models/soho_tiny.lua -o "$tmp/$name" --set image=96x128 \
		--set batch=2 --set sentences=2 --set tokens=16 --set vocab=30522 \
		"$@" >"$tmp/log" 2>&1 || echo "not ok keep/$name: $(cat "$tmp/log")"
}

# run NAME: two micro-batches and an update, evaluation
run() {
	"$SOHO_RT" exec "$tmp/$1/plan.bin" \
		train@96x128,train@96x128,update,eval@96x128 --in "$tmp/in" \
		--in "$tmp/in" --in "$tmp/in" --seed 5 --out "$tmp/$1.out" \
		--want grad.backbone.layer1.0.conv1.weight,backbone.layer2.0.conv1.weight,language.bert.encoder.layer.1.attention.self.query.weight,neck.ln.bias
}

"$tools/inputs" 5 1 13 "$tmp/in"
build plain
build kept --keep "$kept"
run plain
run kept
if said=$("$tools/same" "$tmp/plain.out" "$tmp/kept.out"); then
	echo "ok keep/bits: $said the same"
else
	echo "not ok keep/bits: $said"
fi
for name in $(echo "$kept" | tr , ' '); do
	if grep -qa "\"[^\"]*$name\":{\"dtype" "$tmp/kept.out"; then
		echo "ok keep/there: $name"
	else
		echo "not ok keep/there: $name"
	fi
done
