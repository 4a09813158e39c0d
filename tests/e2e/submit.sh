#!/bin/sh
# From official files to an official score: a split without answers is made of
# official questions, answered with --submit, and scored against official
# annotations; the score is what eval says of the same pictures with answers.
. tests/e2e/lib/mini.sh

# The unseen split as VQA v2's authors would publish it, every annotator of one
# mind.
awk -F'"question":"' -v folder="$room" '
	/"file_name"/ {
		image = $0
		sub(/.*"image_id":/, "", image)
		sub(/,.*/, "", image)
		for (i = 2; i <= NF; i++) {
			text = id = label = $i
			sub(/".*/, "", text)
			sub(/.*"question_id":/, "", id)
			sub(/,.*/, "", id)
			sub(/.*"labels":\[/, "", label)
			sub(/\].*/, "", label)
			q = q gap sprintf("{\"image_id\":%s,\"question\":\"%s\"," \
				"\"question_id\":%s}", image, text, id)
			a = a gap sprintf("{\"question_type\":\"q\",\"image_id\":%s," \
				"\"answer_type\":\"%s\",\"question_id\":%s,\"answers\":[",
				image, label < 2 ? "first" : "other", id)
			for (k = 1; k <= 10; k++)
				a = a sprintf("%s{\"answer\":\"%s\",\"answer_id\":%d}",
					k > 1 ? "," : "", name[label], k)
			a = a "]}"
			gap = ",\n"
		}
	}
	FILENAME ~ /answers.txt$/ { name[n++] = $0 }
	END {
		printf "{\"data_subtype\":\"x\",\"questions\":[%s]}", q \
			>(folder "/questions.json")
		printf "{\"annotations\":[%s]}", a >(folder "/annotations.json")
	}' "$data/answers.txt" "$data/val_data_vqa.json"

train run --steps 12
check trains $? "$(cat "$room/said")"
"$SOHO_RT" data vqa2 --questions "$room/questions.json" --split blind \
	--out "$room" --answers "$data/train_data_vqa.json" \
	--sizes "$data/val_data_vqa.json" >"$room/said" 2>&1
check blind-split $? "$(cat "$room/said")"
submit() { # DIR SPLIT OUT
	"$SOHO_RT" eval "$plan" --data "$1" --split "$2" --json --submit "$3" \
		--images "$data/val2014.zip" --weights "$room/run" 2>&1
}
submit "$room" blind "$room/blind.json" >"$room/said"
check submits $? "$(cat "$room/said")"
grep -q accuracy "$room/said"
check knows-nothing "$([ $? -eq 1 ]; echo $?)" "$(cat "$room/said")"
submit "$data" val "$room/val.json" >"$room/eval.json"
check same-answers "$(cmp "$room/blind.json" "$room/val.json"; echo $?)" \
	'another submission where the answers are known'
"$SOHO_RT" score --questions "$room/questions.json" --json \
	--annotations "$room/annotations.json" \
	--predictions "$room/blind.json" >"$room/score.json" 2>"$room/said"
check scores $? "$(cat "$room/said")"
# per cent to 4 decimals on one side, a fraction to 6 on the other
got=$(sed 's/.*"overall": \([0-9.]*\).*/\1/' "$room/score.json")
want=$(sed 's/.*"model": {"accuracy": \([0-9.]*\).*/\1/' "$room/eval.json" |
	awk '{ printf "%.4f", 100 * $1 }')
check same-accuracy "$([ -n "$got" ] && [ "$got" = "$want" ]; echo $?)" \
	"score $got, eval $want"
# Order and ids are those of the file, and nothing but the file is left.
grep -o '"question_id":[0-9]*' "$room/questions.json" | cut -d: -f2 >"$room/ids"
grep -o '"question_id": [0-9]*' "$room/blind.json" | cut -d' ' -f2 |
	cmp - "$room/ids" >"$room/said" 2>&1
check order $? "$(cat "$room/said")"
[ ! -e "$room/blind.json.tmp" ]
check no-rest $? 'blind.json.tmp is left'
mkdir "$room/folder.json"
submit "$room" blind "$room/folder.json" >"$room/said"
check refused "$([ $? -eq 6 ] && grep -q 'folder.json' "$room/said"; echo $?)" \
	"$(cat "$room/said")"
