#!/bin/sh
# The story of examples/finetune.sh, as short as it goes: both arms, the table
# and what it says, the same again from where it was stopped.
. tests/e2e/lib/mini.sh
source=$room/source
mkdir -p "$source" "$room/build"
cp "$data/train_data_vqa.json" "$data/train2014.zip" "$source/"
grep -o '"file_name":"[^"]*"' "$data/train_data_vqa.json" | sort -u | awk '
	{ print (NR == 1 ? "[" : ",") "{" $0 ",\"captions\":[" \
		"\"two shapes\",\"a circle and a square\"]}" }
	END { print "]" }' >"$source/train_data_caps.json"
ln -sf "$(cd "$(dirname "$SOHOC")" && pwd)/sohoc" \
	"$(cd "$(dirname "$SOHO_RT")" && pwd)/soho-rt" "$room/build/"
result=$room/build/finetune/result.txt

story() { # REACH
	FINETUNE_STEPS='2 3' FINETUNE_REACH=$1 SOHO_BUILD=$room/build \
		sh examples/finetune.sh "$source" 2 >"$room/said" 2>&1
}
story 0
check runs $? "$(tail -n 3 "$room/said")"
for line in '# steps to 0 %, from pre-training  3 3; mean 3, 3 to 3' \
	'# steps to 0 %, from scratch       3 3; mean 3, 3 to 3' \
	'# ratio of the means 1.00; the ranges overlap' \
	'# both models: image=64x64' 'columns "from pre-training" "from scratch"' \
	'# pre-training, unseen: acc_match'; do
	grep -qF -- "$line" "$result"
	check "tells ${line#\# }" $? "$(grep '^#' "$result")"
done
grep -q '^3 [0-9.]*:[0-9.]*:[0-9.]* [0-9.]*:[0-9.]*:[0-9.]*$' "$result"
check bands $? "$(grep -v '^#' "$result")"
grep -q '^4 tensors keep their starting values (head.vqa' "$room/said"
check begins-with-the-backbone $? "$(grep 'keep their' "$room/said")"

# Once more, after one of the runs was lost.
grep -v '^#' "$result" >"$room/before"
rm -r "$room/build/finetune/vqa/tuned-2"
story 101
check goes-on $? "$(tail -n 3 "$room/said")"
grep -v '^#' "$result" >"$room/after"
out=$(cmp "$room/before" "$room/after" 2>&1)
check same-figures $? "$out"
[ "$(grep -c 'goes on from' "$room/said")" -eq 4 ]
check does-nothing-twice $? "$(grep 'goes on' "$room/said")"
grep -q '^# some never got there: no ratio' "$result"
check never $? "$(grep '^#' "$result")"
