#!/bin/sh
# models/soho_res18_pre.lua against the oracle's golden files: on the plan that
# trains, its losses, logits, gradients, three updates with the dictionary that
# learns, and evaluation; 16 elements of each tensor.
TOOLS=$(dirname "$SOHOC")/tools WORK=$TMPDIR/parity-pretrain
mkdir -p "$WORK" || exit 1
. tests/parity/lib/pretrain.sh

# shellcheck disable=SC2046
if ! pretrain_compile gate $(sed -n 's/.* inputs //p;q' \
	$golden/pretrain-first.golden); then
	echo "not ok parity pretrain: $(tail -n 3 "$WORK/log")"
	exit
fi
for part in first steps; do
	name=pretrain-$part
	if pretrain_$part "$WORK/$name" "$(wanted $golden/$name.golden)"; then
		"$TOOLS/compare" $name $golden/$name.golden "$WORK/$name"
	else
		echo "not ok $name: soho-rt exec: exit $?"
	fi
done
