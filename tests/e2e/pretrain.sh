#!/bin/sh
# Pre-training on a model as small as it goes: trains, evaluates, goes on, from
# one data set and from two; pictures that cannot be read.
. tests/e2e/lib/mini.sh
vqa=$data

# captions SPLIT FOLDER: SPLIT_data_caps.json for the pictures of $vqa
captions() {
	grep -o '"file_name":"[^"]*"[^[]*"height":[0-9]*,"width":[0-9]*' \
		"$vqa/$1_data_vqa.json" | sort -u | awk '
		{ print (NR == 1 ? "[" : ",") "{" $0 ",\"captions\":[" \
			"\"what color is the circle\",\"is there a red square\"," \
			"\"how many shapes are there\",\"a blue triangle\"]," \
			"\"question\":[\"how many\"],\"questionAns\":[\"how many two\"," \
			"\"is there a circle no\"]}" }
		END { print "]" }' >"$2/$1_data_caps.json"
}
pre=$room/data
mkdir -p "$pre"
for split in train val; do
	captions $split "$pre"
	ln -s "$vqa/${split}2014.zip" "$pre/"
done
"$SOHOC" tests/e2e/lib/pretext.lua -o "$room/plan" --threads 1 \
	--set vocab="$data/vocab.txt" >"$room/out" 2>&1
check compiles $? "$(tail -n 3 "$room/out")"
plan=$room/plan/plan.bin data=$pre

train whole --steps 60 --log-every 2
check runs $? "$(cat "$room/said")"
grep -q '120 sentences about 30 pictures' "$room/said"
check counts $? "$(cat "$room/said")"
line=$(sed -n 1p "$room/whole/log.jsonl")
for word in loss loss_match loss_mlm acc_match acc_l lr left_out; do
	echo "$line" | grep -q "[{,]\"$word\":[0-9]" || missing=$missing$word
done
check logs "$([ -z "$missing" ]; echo $?)" "no $missing in $line"
number() { sed -n "$2" "$room/$1/log.jsonl" | sed 's/.*"loss":\([0-9.]*\).*/\1/'; }
awk "BEGIN { exit !($(number whole '/"lr"/p' | tail -n 5 |
	paste -s -d +) < 0.93 * ($(number whole '/"lr"/p' | head -n 5 |
		paste -s -d +))) }"
check loss-falls $? "$(number whole '/"lr"/p' | paste -s -d ' ')"
grep -q '"split":"val","loss":[0-9.]*,"acc_l":[0-9.]*,.*"batches":6}' \
	"$room/whole/log.jsonl"
check evaluates $? "$(grep split "$room/whole/log.jsonl" | head -n 1)"
[ -s "$room/whole/best.safetensors" ]
check best $? 'no best.safetensors'

log='--log-every 4 --eval-every 0'
# shellcheck disable=SC2086
{
	train parts --steps 61 $log
	train other --steps 33 $log --save-every 0 &&
		train other --steps 61 $log --resume
}
check resumes $? "$(cat "$room/said")"
out=$(same parts other 61 2>&1)
check resume-is-exact $? "$out"
# shellcheck disable=SC2086
train three --steps 61 $log --workers 3 &&
	out=$(same parts three 61 2>&1)
check workers $? "$out"

eval_() { "$SOHO_RT" eval "$plan" --weights "$room/whole" "$@"; }
eval_ --data "$pre" --json >"$room/eval.json" 2>"$room/said"
check eval $? "$(cat "$room/said")"
wanted=$(grep split "$room/whole/log.jsonl" | tail -n 1 |
	grep -o '"loss":.*"batches":6')
check eval-agrees-with-log "$([ "$(sed 's/": /":/g; s/, /,/g' "$room/eval.json" |
	grep -o '"loss":.*"batches":6')" = "$wanted" ]; echo $?)" \
	"log $wanted, eval $(cat "$room/eval.json")"
eval_ --data "$pre" >"$room/said" 2>&1 && grep -q '^acc_match ' "$room/said"
check eval-text $? "$(cat "$room/said")"
eval_ --data "$pre" --submit "$room/x" >"$room/said" 2>&1
check eval-no-submission "$([ $? -eq 2 ]; echo $?)" "$(cat "$room/said")"
eval_ --data "$vqa" >"$room/said" 2>&1
check eval-other-data "$([ $? -eq 6 ] && grep -q val_data_caps "$room/said"
echo $?)" "$(cat "$room/said")"

# Two folders are one data set: all pictures of both.
more=$room/more
mkdir "$more"
captions val "$more"
mv "$more/val_data_caps.json" "$more/coco_cap_train_pre.json"
train two --steps 4 --data "$more" --images "$pre/train2014.zip" \
	--images "$pre/val2014.zip"
check two-folders "$(grep -q '160 sentences about 40 pictures' "$room/said"
echo $?)" "$(cat "$room/said")"
train lost --steps 4 --data "$more"
check two-folders-no-pictures "$([ $? -eq 3 ] && grep -q -- --images "$room/said"
echo $?)" "$(cat "$room/said")"
"$SOHOC" tests/e2e/lib/pretext.lua -o "$room/qa" --threads 1 \
	--set vocab="$vqa/vocab.txt" --set use_qa=true >"$room/out" 2>&1
plan=$room/qa/plan.bin train qa --steps 2
check use-qa "$(grep -q '150 sentences about 30 pictures' "$room/said"
echo $?)" "$(cat "$room/said")"
"$SOHOC" tests/e2e/lib/pretext.lua -o "$room/ans" --threads 1 \
	--set vocab="$vqa/vocab.txt" --set use_qa=true --set use_answer=true \
	>"$room/out" 2>&1
plan=$room/ans/plan.bin train ans --steps 2
check use-answer "$(grep -q '180 sentences about 30 pictures' "$room/said"
echo $?)" "$(cat "$room/said")"

# Pictures in a folder: one of 30 may be missing, two may not.
broken=$room/broken
mkdir -p "$broken/train2014" "$broken/val2014"
cp "$pre"/*.json "$broken"
unpack() { # SPLIT: its pictures from the archive, by the library that reads it
	python3 -c "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(
sys.argv[2])" "$vqa/${1}2014.zip" "$broken" 2>/dev/null
}
member() { # SPLIT N: the N-th file name of its annotations
	grep -o 'shapes_[0-9]*.[a-z]*' "$pre/$1_data_caps.json" | sed -n "$2p"
}
if unpack train && unpack val; then
	data=$broken
	first=$(member train 7)
	second=$(member train 19)
	rm "$broken/train2014/$first"
	train gone --steps 40 --log-every 1
	check missing-is-passed-over $? "$(cat "$room/said")"
	check missing-is-named "$([ "$(grep -c "left out.*$first" \
		"$room/said")" -eq 1 ]; echo $?)" "$(cat "$room/said")"
	check missing-is-counted "$(grep lr "$room/gone/log.jsonl" | tail -n 1 |
		grep -q '"left_out":1'; echo $?)" "$(tail -n 1 \
		"$room/gone/log.jsonl")"
	train gone3 --steps 40 --log-every 1 --workers 3 &&
		out=$(same gone gone3 40 2>&1)
	check missing-is-replaced-by-rule $? "$out"
	train gone1 --steps 21 --log-every 1 --save-every 0 --eval-every 0
	train gone1 --steps 40 --log-every 1 --eval-every 0 --resume
	train gone0 --steps 40 --log-every 1 --eval-every 0
	out=$(same gone0 gone1 40 2>&1)
	check missing-is-known-after-resume $? "$out"
	printf x >"$broken/train2014/$second"
	train bad --steps 40
	check two-missing-stop "$([ $? -eq 3 ] && grep -q \
		'2 of 30 pictures cannot be read, at most 1 (0.1 %' "$room/said"
	echo $?)" "$(cat "$room/said")"
	third=$(member val 3)
	rm "$broken/val2014/$third"
	"$SOHO_RT" eval "$room/plan/plan.bin" --weights "$room/whole" \
		--data "$broken" >"$room/said" 2>&1
	check eval-missing-stops "$([ $? -eq 3 ] && grep -q "$third" \
		"$room/said"; echo $?)" "$(cat "$room/said")"
else
	echo "skip $name/missing: no python3 to unpack pictures"
fi

# The shipped pre-training, small: the dictionary learns, is picked up where a
# run was stopped, and is shown.
"$SOHOC" models/soho_tiny_pre.lua -o "$room/dictionary" --threads 1 \
	--set vocab="$vqa/vocab.txt" --set buckets=48x64,64x48 --set batch=4 \
	--set sentences=3 --set hidden=32 --set inner=64 --set layers=1 \
	--set heads=2 --set width=8,8,16,32 --set warmup=4 --set codes=7 \
	--set mask_prob=0.6 >"$room/out" 2>&1
check compiles-dictionary $? "$(tail -n 3 "$room/out")"
plan=$room/dictionary/plan.bin data=$pre
train learns --steps 12 --log-every 3
check learns $? "$(cat "$room/said")"
for word in loss_mvm acc_v codes_used codes_dead perplexity; do
	tail -n 2 "$room/learns/log.jsonl" | grep -q "\"$word\":[0-9.]*,"
	check "learns-$word" $? "$(tail -n 2 "$room/learns/log.jsonl")"
done
train learns1 --steps 12 --log-every 3 --save-steps 5 --keep-last 9
rm -rf "$room/learns1/ckpt-10" "$room/learns1/ckpt-12"
train learns1 --log-every 3 --resume
check learns-on $? "$(cat "$room/said")"
out=$(same learns learns1 12 2>&1)
check learns-same-bits $? "$out"
codes() {
	"$SOHO_RT" codes "$plan" --weights "$room/learns" --data "$data" "$@" \
		>"$room/said" 2>&1
}
codes -o "$room/codes.png" --patches 3
check codes $? "$(cat "$room/said")"
grep -q '^1[0-9] cells; [1-7] of 7 entries used, perplexity' "$room/said"
check codes-counts $? "$(cat "$room/said")"
"$SOHO_RT" data image "$room/codes.png" >"$room/out" 2>&1
check codes-picture $? "$(cat "$room/out")"
codes -o "$room/none/codes.png"
[ $? -eq 6 ] && grep -q 'none/codes.png' "$room/said"
check codes-no-folder $? "$(cat "$room/said")"
plan=$mini/plan/plan.bin data=$vqa
codes -o "$room/vqa.png"
[ $? -eq 3 ] && grep -q 'no visual dictionary' "$room/said"
check codes-of-vqa $? "$(cat "$room/said")"
