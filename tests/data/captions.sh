#!/bin/sh
# The command `data captions`: COCO's captions and Visual Genome's regions by
# hand, errors, and the captions that are there in the form to be made.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

check() { # NAME WANT GOT
	if [ "$2" = "$3" ]; then
		echo "ok captions/$1"
	else
		echo "not ok captions/$1: expected '$2', got '$3'"
	fi
}

captions() { "$SOHO_RT" data captions --out "${OUT:-out}" --split t "$@" 2>err; }

# refused NAME CODE WORDS ARGUMENT...: a message, and no file
refused() {
	name=$1 code=$2 words=$3
	shift 3
	OUT=bad captions "$@" >out.txt
	check "$name" "$code 1 " \
		"$? $(grep -c "$words" err) $(find bad -type f 2>/dev/null)"
}

case $SOHO_RT in /*) ;; *) SOHO_RT=$PWD/$SOHO_RT ;; esac
cd "$tmp" || exit 1
printf '%s' '{"annotations":[
{"image_id":9,"id":1,"caption":"A dog.\n"},{"caption":" a \"cat\"","image_id":3},
{"image_id":9,"id":2,"caption":"two \u00e9 \u0000"},{"image_id":3,"caption":" "}],
"images":[{"id":3,"file_name":"c.jpg","height":5,"width":6,"license":1},
{"file_name":"n.jpg","height":7,"width":8,"id":9},{"file_name":"x.jpg","id":4}]}' >coco
captions --captions coco >out.txt
check coco '[{"file_name":"c.jpg","image_id":3,"height":5,"width":6,"labels":[],"captions":["a \"cat\""]},{"file_name":"n.jpg","image_id":9,"height":7,"width":8,"labels":[],"captions":["A dog.","two é \u0000"]}]' \
	"$(tr -d '\n' <out/coco_cap_t_pre.json)"
check report 'captions  3 of 2 pictures,empty     1 captions without a word, passed over,file      out/coco_cap_t_pre.json' \
	"$(paste -sd, out.txt)"
printf '%s' '[{"id":2,"regions":[{"phrase":"a hat","x":1},{"x":{},"phrase":"tree"}]},
{"regions":[{"phrase":"sky"}],"id":1},{"id":8,"regions":[]}]' >vg
printf '%s' '[{"image_id":1,"url":"http://h/VG_100K/1.jpg","height":9,"width":8},
{"image_id":2,"url":"http://h/VG_100K_2/2.jpg","height":7,"width":6}]' >data
captions --captions vg --sizes data >out.txt
check genome '[{"file_name":"VG_100K/1.jpg","image_id":1,"height":9,"width":8,"labels":[],"captions":["sky"]},{"file_name":"VG_100K_2/2.jpg","image_id":2,"height":7,"width":6,"labels":[],"captions":["a hat","tree"]}]' \
	"$(tr -d '\n' <out/vg_cap_t_pre.json)"

# Questions of VQA v2 and of Visual Genome, by hand: pictures without a caption
# and questions without an answer are passed over.
printf '%s' '{"questions":[{"question_id":90,"image_id":9,"question":" is it \"a\" dog? "},
{"question_id":91,"image_id":3,"question":"how many?"},{"image_id":9,"question":"why?","question_id":92},
{"question_id":93,"image_id":9,"question":"no answer?"},{"question_id":94,"image_id":7,"question":"no caption?"}]}' >q
printf '%s' '{"annotations":[{"question_id":92,"answers":[{"answer":"x"}],"multiple_choice_answer":"fun\n"},
{"question_id":90,"multiple_choice_answer":"yes","answers":[{"answer":"no"}]},
{"question_id":91,"multiple_choice_answer":" ","answers":[{"answer":"no"}]},
{"question_id":94,"multiple_choice_answer":"2","answers":[{"answer":"2"}]},
{"question_id":95,"multiple_choice_answer":"2","answers":[{"answer":"2"}]}]}' >a
captions --captions coco --questions q --annotations a >out.txt
check questions '[{"file_name":"c.jpg","image_id":3,"height":5,"width":6,"labels":[],"captions":["a \"cat\""]},{"file_name":"n.jpg","image_id":9,"height":7,"width":8,"labels":[],"captions":["A dog.","two é \u0000"],"question":["is it \"a\" dog?","why?"],"questionAns":["is it \"a\" dog? yes","why? fun"]}]' \
	"$(tr -d '\n' <out/coco_cap_t_pre.json)"
check questions-report 'questions 2; passed over: 2 without an answer, 1 about pictures without a caption' \
	"$(grep '^questions' out.txt)"
printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwhy\n' >vocab
for option in "" --qa --qa-ans; do
	# shellcheck disable=SC2086
	"$SOHO_RT" data json --captions --vocab vocab --test $option out/coco_cap_t_pre.json
done >out.txt 2>&1
check questions-read '3 sentences 5 sentences 5 sentences' \
	"$(grep -o '[0-9]* sentences' out.txt | tr '\n' ' ' | sed 's/ $//')"
printf '%s' '[{"id":2,"qas":[{"answer":"Blue.","question":"What?","image_id":2,"qa_id":7,"a_objects":[]},
{"qa_id":8,"image_id":1,"question":"Who?","answer":"a man"}]},{"qas":[],"id":1}]' >vgqa
captions --captions vg --sizes data --questions vgqa >out.txt
check genome-questions '"captions":["sky"],"question":["Who?"],"questionAns":["Who? a man"]}"captions":["a hat","tree"],"question":["What?"],"questionAns":["What? Blue."]}' \
	"$(grep -o '"captions.*}' out/vg_cap_t_pre.json | tr -d '\n')"
rm -r out

refused questions-alone 2 'give both' --captions coco --questions q
refused annotations-alone 2 'give both' --captions coco --annotations a
refused questions-of-others 3 'vgqa: questions about other pictures' \
	--captions coco --questions vgqa
refused questions-mixed 3 'vgqa: .*become two files' --captions coco \
	--questions q --questions vgqa --annotations a
refused question-twice 3 'question_id 90 stands there twice' --captions coco \
	--questions q --questions q --annotations a
refused answer-twice 3 'a:1: byte [0-9]*: annotations\[0\]: question_id 92: a second' \
	--captions coco --questions q --annotations a --annotations a
sed 's/"why?"/"why\\u0000"/' q >bad.json
refused question-nul 3 'bad.json:2: byte [0-9]*: .*NUL' --captions coco \
	--questions bad.json --annotations a
sed 's/"answer":"a man"/"x":1/' vgqa >bad.json
refused question-no-answer 3 'bad.json:2: byte [0-9]*: expected image_id, question and answer' \
	--captions vg --sizes data --questions bad.json
refused question-no-file 6 'none: cannot open' --captions coco --questions none \
	--annotations a

refused mixed 3 'vg: .*become two files' --captions coco --captions vg
refused no-names 2 'image_data.json' --captions vg
refused no-file 6 'none: cannot open' --captions none
sed 's/"image_id":9,"id":1,//' coco >bad.json
refused no-image 3 'bad.json:2: byte [0-9]*: expected image_id and caption' \
	--captions bad.json
sed 's/"A dog.*}, *{/7},{/' coco >bad.json
refused number 3 'bad.json:2: byte [0-9]*: expected a string, got 7' \
	--captions bad.json
sed 's/"id":9}/"id":10}/' coco >bad.json
refused no-picture 3 'image_id 9 is neither' --captions bad.json
sed 's/"id":1}/"x":1}/' vg >bad.json
refused no-id 3 'bad.json:2: byte [0-9]*: expected id and regions' \
	--captions bad.json --sizes data
printf '{"images":[]}' >bad.json
refused no-list 3 'no key annotations' --captions bad.json
printf '{"annotations":[],"images":[]}' >bad.json
refused none 3 'bad.json: no captions' --captions bad.json
head -c 150 coco >bad.json
refused cut 3 'bad.json:3: byte 150' --captions bad.json

data=${SOHO_TESTDATA:-$OLDPWD/../shared/data}/easy_vqa/coco_cap_train_pre.json
if [ ! -f "$data" ]; then
	echo "skip captions/both-forms: no $data"
	exit
fi
# From the finished form to COCO's and back, apart from the labels.
sed 's/"labels":\[[0-9,]*\]/"labels":[]/g' "$data" >want
{
	printf '{"annotations":['
	sed 's/},{/\n/g' "$data" | sed 's/.*"image_id":\([0-9]*\).*"captions":\[\(.*\)\].*/\1 \2/' |
		awk -F'"' '{ split($1, id, " ")
			for (i = 2; i < NF; i += 2)
				printf "%s{\"image_id\":%s,\"caption\":\"%s\"}",
					n++ ? ",\n" : "", id[1], $i }'
	printf '],"images":'
	cat "$data"
	printf '}'
} >made
captions --captions made >out.txt
tr -d '\n' <out/coco_cap_t_pre.json >got
tr -d '\n' <want >want.line
check both-forms '' "$(cmp got want.line 2>&1)"
