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
