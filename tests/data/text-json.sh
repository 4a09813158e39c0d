#!/bin/sh
# The command `data json`: counts, places of errors, and that the same
# annotations written in another way read the same.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

check() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then
        echo "ok json-command/$1"
    else
        echo "not ok json-command/$1: expected '$2', got '$3'"
    fi
}

json() { "$SOHO_RT" data json "$@" 2>"$tmp/err"; }
vqa() { json --vqa --answers 2 --vocab "$tmp/vocab" "$@"; }

cd "$tmp" || exit 1
case $SOHO_RT in /*) ;; *) SOHO_RT=$OLDPWD/$SOHO_RT ;; esac

printf '{"a":[1,2,{"b":null}],"c":"x"}\n' >good
printf '[1,\n2,\n x]' >bad
check values 'good: ok, 7 values, depth 3' "$(json good)"
json bad
check exit 3 $?
check place 1 "$(grep -c 'bad:3: byte 8: expected a value, got x' err)"
check several 'good: ok, 7 values, depth 3' "$(json bad good)"
json bad good >out
check several-exit '3 1' "$? $(grep -c '1 of 2 files' err)"
json none
check none 6 $?
json --vqa good
check usage 2 $?

printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' what >vocab
cat >one <<'EOF'
{"data":[{"file_name":"a.jpg","height":64,"width":48,"vqa":[{"question":"what?","question_id":9007199254740993,"labels":[1],"scores":[0.3]}]}],"ans2label":{"yes":0,"no":1},"label2ans":["yes","no"]}
EOF
cat >two <<'EOF'
{ "label2ans": ["yes", "n\u006f"],
  "ans2label": {"no": 1, "yes": 0},
  "licence": {"x": [1, {}]},
  "data": [
    { "vqa": [
        { "scores": [3e-1], "labels": [ 1 ], "answer_type": null,
          "question_id": 9007199254740993, "question": "wh\u0061t?" } ],
      "width": 48, "height": 64, "image_id": "7", "file_name": "\u0061.jpg" } ] }
EOF
vqa one >out
check vqa 'one: 1 pictures, 1 questions, 0 dropped, 4 tokens' \
    "$(sed 's/, [0-9]* bytes in memory.*//' out)"
check same "$(sed 's/.*checksum//' out)" "$(vqa two | sed 's/.*checksum//')"
sed 's/9007199254740993/9007199254740992/' one >three
check exact 1 "$(vqa three | grep -vc "$(sed 's/.*checksum//' out)")"
sed 's/\[1\]/[2]/' one >four
vqa four
check label '3 1' "$? $(grep -c 'four:1: .*data\[0\]: question_id 9007199254740993: label 2' err)"
