#!/bin/sh
# The command `score`: figures of small files worked out by hand, errors that
# name their place, and the official cases where they are there.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

check() { # NAME WANT GOT
	if [ "$2" = "$3" ]; then
		echo "ok score-command/$1"
	else
		echo "not ok score-command/$1: expected '$2', got '$3'"
	fi
}

# answers WORD...: a list of that many answers
answers() {
	gap=
	for word; do
		printf '%s{"answer":"%s","answer_confidence":"yes","answer_id":1}' \
			"$gap" "$word"
		gap=,
	done
}

# note ID TYPE KIND WORD...: an annotation
note() {
	printf '{"question_id":%s,"image_id":1,"question_type":"%s",' "$1" "$2"
	printf '"answer_type":"%s","multiple_choice_answer":"x","answers":[' "$3"
	shift 3
	answers "$@"
	printf ']}'
}

score() {
	"$SOHO_RT" score --questions "${Q:-q}" --annotations "${A:-a}" \
		--predictions "$@" 2>err
}

# refused NAME WORDS PREDICTIONS: exit 3 and a message with these words
refused() {
	score "$3" >out
	check "$1" '3 1 0' "$? $(grep -c "$2" err) $(wc -c <out | tr -d ' ')"
}

case $SOHO_RT in /*) ;; *) SOHO_RT=$PWD/$SOHO_RT ;; esac
cd "$tmp" || exit 1
printf '%s' '{"info":{"x":[1]},"questions":[
{"image_id":1,"question":"is it?","question_id":3},
{"question_id":18446744073709551615,"image_id":1,"question":"how many"},
{"image_id":2,"question":"what","question_id":5}],"data_subtype":"val"}' >q
{
	printf '{"annotations":['
	note 3 'is it' yes/no yes yes yes no no no no no no no
	printf ',\n'
	note 18446744073709551615 'how many' number 2 two 3 3 3 3 3 3 3 3
	printf ',\n'
	note 5 what other 'T-Shirt' 'T-Shirt' 'T-Shirt' 'T-Shirt'
	printf '],"license":{}}'
} >a
big=18446744073709551615
p() { # ANSWER...: predictions for 5, the large one, 3
	printf '[{"answer":"%s","question_id":5},\n' "$1"
	printf '{"question_id":%s,"answer":"%s","x":[]},\n' "$big" "$2"
	printf '{"question_id":3,"answer":"%s"}]' "$3"
}
p T-Shirt Two 'Yes.' >good
check json '{"questions": 3, "overall": 83.3333, "perAnswerType": {"yes/no": 90.0000, "number": 60.0000, "other": 100.0000}, "perQuestionType": {"is it": 90.0000, "how many": 60.0000, "what": 100.0000}, "perQuestion": {"3": 90.0000, "18446744073709551615": 60.0000, "5": 100.0000}}' \
	"$(score good --json --each)"
check text 'accuracy in per cent 83.33 of 3 questions' \
	"$(score good | sed -n '1s/  */ /gp')"
p 't shirt' 4 no >other
check other '33.3333' "$(score other --json | sed 's/.*overall": \([0-9.]*\).*/\1/')"

sed 's/"Yes."/null/' good >bad
refused null 'bad:3: byte [0-9]*: question_id 3: expected a string, got null' bad
sed 's/"Yes."/7/' good >bad
refused number 'question_id 3: expected a string, got 7' bad
sed 's/question_id":3/question_id":5/' good >bad
refused twice 'bad:3: byte [0-9]*: a second answer to question_id 5' bad
sed 's/question_id":3/question_id":4/' good >bad
refused missing 'bad: no answer to question_id 3; 1 of the 3 questions' bad
sed 's/]$/,{"question_id":4,"answer":""}]/' good >bad
refused unknown 'bad: byte [0-9]*: question_id 4 is not annotated in a' bad
sed 's/question_id":3/question_id":"3"/' good >bad
refused id-text 'bad:3: byte [0-9]*: expected an integer' bad
sed 's/"question_id":3,//' good >bad
refused no-id 'bad:3: byte [0-9]*: expected question_id and answer once' bad
printf '{"3":"yes"}' >bad
refused object 'bad:1: byte 0: expected an array, got {' bad
head -c 60 good >bad
refused cut 'bad:2: byte 60: expected' bad
score none
check no-file 6 $?

A=bad
sed 's/"question_id":5/"question_id":6/' a >bad
refused annotation-of-nothing 'bad:3: .*annotations\[2\]: question_id 6: q has no such' good
sed 's/"question_id":5/"question_id":3/' a >bad
refused annotated-twice 'question_id 3: a second annotation' good
sed 's/"answer_type":"other",//' a >bad
refused no-type 'question_id 5: no answer_type here' good
sed 's/"answers":.*]}\(.*\)/"answers":[]}\1/' a >bad
refused no-answers 'question_id 3: no answers' good
A=a
sed 's/{"image_id":2/{"question_id":9,"image_id":2,"question":""},&/' q >q2
Q=q2 refused question-alone '3 annotations for the 4 questions' good
"$SOHO_RT" score --questions q 2>err
check usage 2 $?

check forms '"2 dogs"
""' "$("$SOHO_RT" data answers 'Two dogs!' the)"
printf '{"id":1,"raw":"A\\u0000b"}\n{"raw":"\\"x\\" "}' >lines
check forms-file '"a\u0000b" "x"' \
	"$("$SOHO_RT" data answers --file lines | tr '\n' ' ' | sed 's/ $//')"

data=${SOHO_TESTDATA:-$OLDPWD/../shared/data}
if [ ! -d "$data/vqa_eval" ]; then
	echo "skip score-command/official: no $data/vqa_eval"
	exit
fi
d=$data/vqa_eval
check vectors "$(sed 's/.*"normalised": \(".*"\)}$/\1/' "$d/normalise.jsonl")" \
	"$("$SOHO_RT" data answers --file "$d/normalise.jsonl")"
# Both as one line a figure: accuracies of the expectation have fewer zeros.
Q=$d/raw_questions.json A=$d/raw_annotations.json
figures() {
	tr '{},' '\n' |
		sed -n 's/^ *"\([^"]*\)": \([0-9][0-9.]*\)$/\1 \2/p' |
		awk '$1 != "questions" { v = $NF; $NF = ""; printf "%s%.4f\n", $0, v }' |
		sort
}
score "$d/raw_predictions.json" --json --each | figures >got
figures <"$d/expected_accuracy.json" >want
check official '' "$(diff want got)"
check official-figures 256 "$(wc -l <got | tr -d ' ')"
b=$data/bad/vqa_json
Q=$b/ok_questions.json A=$b/ok_annotations.json
score "$b/ok_pred.json" >out
check bad-ok_pred 0 $?
refused bad-null pred_answer_null.json "$b/pred_answer_null.json"
refused bad-duplicate pred_duplicate.json "$b/pred_duplicate.json"
A=$b/ann_question_missing.json
refused bad-question ann_question_missing.json "$b/ok_pred.json"
A=$b/ann_9_answers.json
score "$b/ok_pred.json" >out
check bad-nine 0 $?
