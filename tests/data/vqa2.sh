#!/bin/sh
# The command `data vqa2`: the answer list, scores and forms of small official
# files worked out by hand, errors, and the data sets that are there in both
# forms.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

check() { # NAME WANT GOT
	if [ "$2" = "$3" ]; then
		echo "ok vqa2/$1"
	else
		echo "not ok vqa2/$1: expected '$2', got '$3'"
	fi
}

# note ID IMAGE USUAL WORD...: an annotation
note() {
	printf '{"question_id":%s,"image_id":%s,"multiple_choice_answer":"%s",' \
		"$1" "$2" "$3"
	printf '"answers":['
	shift 3
	gap=
	for word; do
		printf '%s{"answer":"%s","answer_id":1}' "$gap" "$word"
		gap=,
	done
	printf ']}'
}

vqa2() { "$SOHO_RT" data vqa2 --questions "${Q:-q}" --out "${OUT:-out}" "$@" 2>err; }

# refused NAME CODE WORDS ARGUMENT...: a message, and no file
refused() {
	name=$1 code=$2 words=$3
	shift 3
	OUT=bad vqa2 --split val "$@" >out.txt
	check "$name" "$code 1 " "$? $(grep -c "$words" err) $(find bad -type f 2>/dev/null)"
}

# picture WORD: the fields of the picture whose file name has the word
picture() {
	tr '{' '\n' <out/val_data_vqa.json | sed -n "s/,\"vqa.*//; /$1/p"
}

case $SOHO_RT in /*) ;; *) SOHO_RT=$PWD/$SOHO_RT ;; esac
cd "$tmp" || exit 1

# Two pictures, asked about by turns; ids beyond 2^53.
printf '%s' '{"questions":[
{"question_id":9007199254740993,"image_id":7,"question":"a\u0000\"b"},
{"question_id":2,"image_id":5,"question":"two"},
{"question_id":3,"image_id":7,"question":"three"}],
"data_subtype":"val2014","info":{}}' >q
{
	printf '{"annotations":['
	note 3 7 'The Dog.' dog 'the dog' Dog dog cat cat cat zebu zebu ox
	printf ',\n'
	note 9007199254740993 7 zebu zebu cat
	printf ',\n'
	note 2 5 cat one
	printf ',\n'
	note 99 5 cat x
	printf ']}'
} >a
{
	printf '{"annotations":['
	note 100 1 dog x
	printf ','
	note 3 7 zebu x # counted already
	printf ','
	note 101 1 ox x
	printf ']}'
} >extra
lists='"ans2label":{"cat":0,"dog":1},"label2ans":["cat","dog"]'
printf '%s' '{"data":[{"file_name":"COCO_val2014_000000000007.jpg","image_id":7,"vqa":[{"question":"a\u0000\"b","question_id":9007199254740993,"labels":[0],"scores":[0.3]},{"question":"three","question_id":3,"labels":[1,0],"scores":[1,0.9]}]},{"file_name":"COCO_val2014_000000000005.jpg","image_id":5,"vqa":[{"question":"two","question_id":2,"labels":[],"scores":[]}]}],'"$lists"'}' >want
vqa2 --split val --annotations a --count extra --least 2 >out.txt
check exit 0 $?
check grouped "$(cat want)" "$(tr -d '\n' <out/val_data_vqa.json)"
check answers 'cat dog ' "$(tr '\n' ' ' <out/answers.txt)"
check report 'questions 3 about 2 pictures,answers   2,unknown   1 questions have no answer in the list,others    1 annotations of questions that are not asked' \
	"$(head -4 out.txt | paste -sd,)"
check sizeless 1 "$(grep -c '^sizes .*--sizes or --images' out.txt)"
check clean 'answers.txt val_data_vqa.json' "$(cd out && echo *)"
cp out/val_data_vqa.json first
vqa2 --split val --annotations a --count extra --count a --least 2 >out.txt
check counted-once '' "$(cmp first out/val_data_vqa.json)"
vqa2 --split val --annotations a --least 1 >out.txt
check ties 'cat dog zebu ' "$(tr '\n' ' ' <out/answers.txt)"
refused usual-nine 3 'no answer is the usual one of 9 questions' --annotations a

# A list that is there, as lines and as a SOHO file.
printf 'zebu\r\ncat\n' >lines
vqa2 --split val --annotations a --answers lines >out.txt
check lines '[0,1]1[0.3,0.3]1"label2ans":["zebu","cat"]' "$(tr -d '\n' \
	<out/val_data_vqa.json | sed 's/.*b","question_id":9007199254740993,"labels":\([^]]*]\),"scores":\([^]]*]\).*\("label2ans.*\)}/\11\21\3/')"
vqa2 --split test --answers out/val_data_vqa.json >out.txt
check flat '{"data":[{"file_name":"COCO_val2014_000000000007.jpg","image_id":7,"question":"a\u0000\"b","question_id":9007199254740993},{"file_name":"COCO_val2014_000000000007.jpg","image_id":7,"question":"three","question_id":3},{"file_name":"COCO_val2014_000000000005.jpg","image_id":5,"question":"two","question_id":2}],"ans2label":{"zebu":0,"cat":1},"label2ans":["zebu","cat"]}' \
	"$(tr -d '\n' <out/test_data_vqa.json)"
check list-kept 'cat dog zebu ' "$(tr '\n' ' ' <out/answers.txt)"
printf 'cat\ncat\n' >twice
refused list-twice 3 'twice: answer 1 is there already' --annotations a \
	--answers twice

# Sizes from JSON and from the heads of pictures, in a folder and in a zip.
printf '%s' '{"annotations":[{"x":1}],"images":[
{"id":5,"file_name":"five.jpg","height":48,"width":64},
{"id":7,"file_name":"sub/seven.png","height":0,"width":0}]}' >sizes
vqa2 --split val --annotations a --least 2 --sizes sizes >out.txt
check sizes '"file_name":"five.jpg","image_id":5,"height":48,"width":64' \
	"$(picture five)"
printf '%s' '[{"image_id":"5","url":"https://x/VG_100K/5.jpg","height":1,"width":2},
{"image_id":7,"url":"https://x/VG_100K_2/7.jpg","height":3,"width":4}]' >vg
vqa2 --split val --annotations a --least 2 --sizes vg >out.txt
check image-data '"file_name":"VG_100K_2/7.jpg","image_id":7,"height":3,"width":4' \
	"$(picture 100K_2)"
mkdir -p pics/deep
printf '\211PNG\r\n\032\n\000\000\000\rIHDR\000\000\001\002\000\000\000\003' \
	>pics/a_0005.png
# JPEG: an APP1 segment with orientation 6, then the frame header, 5 x 9
{
	printf '\377\330\377\341\000\036Exif\000\000II\052\000\010\000\000\000'
	printf '\001\000\022\001\003\000\001\000\000\000\006\000\000\000'
	printf '\377\300\000\013\010\000\005\000\011\001\001\021\000'
} >pics/deep/x7.jpg
vqa2 --split val --annotations a --least 2 --images pics >out.txt
check head-png '"file_name":"a_0005.png","image_id":5,"height":3,"width":258' \
	"$(picture png)"
check head-jpeg '"file_name":"deep/x7.jpg","image_id":7,"height":9,"width":5' \
	"$(picture jpg)"
rm pics/a_0005.png
refused no-picture 3 'image_id 5 is neither in the files' --annotations a \
	--least 2 --images pics
printf 'no picture' >pics/5.jpg
refused no-head 3 'pics: 5.jpg: no PNG or JPEG header' --annotations a \
	--least 2 --images pics
printf '{"a":1}' >bad.json
refused no-list 3 'bad.json:1: byte 0: no list of images' --annotations a \
	--least 2 --sizes bad.json

refused no-file 6 'none: cannot open' --annotations none
refused split 2 '.--split' --annotations a --split ../x
sed 's/"image_id":5/"image_id":6/' a >bad.json
refused image-id 3 'bad.json:3: .*question_id 2: image_id 6, in q it is 5' \
	--annotations bad.json
sed 's/"question_id":2/"question_id":3/' a >bad.json
refused annotated-twice 3 'bad.json:3: .*question_id 3: a second annotation' \
	--annotations bad.json
sed 's/"question_id":2/"question_id":77/' a >bad.json
refused unannotated 3 'bad.json: no annotation of question_id 2' \
	--annotations bad.json
sed 's/"multiple_choice_answer":"cat",//' a >bad.json
refused no-usual 3 'question_id 2: no multiple_choice_answer' \
	--annotations bad.json
sed 's/"question_id":3/"question_id":2/' q >q2
Q=q2 refused asked-twice 3 'q2: question_id 2 stands there twice' \
	--annotations a
sed 's/"data_subtype":"val2014",//' q >q2
Q=q2 refused no-subtype 3 'q2: no data_subtype' --annotations a --least 2
printf '{"questions":[],"data_subtype":"x"}' >q2
Q=q2 refused no-question 3 'q2: no questions' --annotations a
head -c 200 q >q2
Q=q2 refused cut 3 'q2:[45]: byte 200: ' --annotations a

data=${SOHO_TESTDATA:-$OLDPWD/../shared/data}
if [ ! -d "$data/easy_vqa_noisy" ]; then
	echo "skip vqa2/both-forms: no $data/easy_vqa_noisy"
	exit
fi
# both SET OFFICIAL SPLIT ZIP [OPTION...]: made with the labels of SET's own
# file, the two are equal byte by byte, line ends aside.
both() {
	d=$data/$1 official=$2 split=$3 zip=$4
	shift 4
	OUT=both Q=$d/questions_$official.json vqa2 --split "$split" \
		--images "$d/$zip" --answers "$d/train_data_vqa.json" "$@" >out.txt
	tr -d '\n' <"both/${split}_data_vqa.json" >made
	tr -d '\n' <"$d/${split}_data_vqa.json" >want
	check "both-forms-${d##*/}-$split" '' "$(cmp made want 2>&1)"
}
for set in easy_vqa_noisy easy_vqa easy_vqa_tiny; do
	both $set train train train2014.zip \
		--annotations "$data/$set/annotations_train.json"
done
both easy_vqa_tiny val val val2014.zip \
	--annotations "$data/easy_vqa_tiny/annotations_val.json"
both easy_vqa_tiny val test val2014.zip
# The list that is made has the same answers.
d=$data/easy_vqa_noisy
Q=$d/questions_train.json vqa2 --split train --images "$d/train2014.zip" \
	--annotations "$d/annotations_train.json" >out.txt
check same-answers "$(sed 's/.*"label2ans":\[//; s/]}//' "$d/train_data_vqa.json" |
	tr -d '"' | tr ',' '\n' | sort | paste -sd' ')" \
	"$(sort out/answers.txt | paste -sd' ')"
b=$data/bad/vqa_json
Q=$b/ok_questions.json vqa2 --split train --least 1 \
	--annotations "$b/ok_annotations.json" >out.txt
check bad-ok 0 $?
for file in ann_9_answers ann_question_missing; do
	Q=$b/ok_questions.json vqa2 --split train --least 1 \
		--annotations "$b/$file.json" >out.txt
	code=$?
	[ $code = 3 ] && grep -q "$file" err && code=0
	check "bad-$file" 0 $code
done
