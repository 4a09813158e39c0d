#!/bin/sh
# Memory of a process that answers: its arenas and little else; with weights
# from a file it opens less than with starting values, which phase init writes.
. tests/e2e/lib/mini.sh
. tests/e2e/lib/resident.sh
[ -z "$SAN" ] || {
	echo "skip $name: a sanitizer keeps memory of its own"
	exit 0
}

resident seed "$plan" --seed 1
all=$arenas
train run --steps 2 --eval-every 0
resident weights "$plan" --weights "$room/run"
check weights-open-less "$([ "$arenas" -lt "$all" ]; echo $?)" \
	"$arenas bytes of arenas, with init $all"
"$SOHO_RT" infer "$plan" --image "$data/example.jpg" --seed 1 --top 1 \
	--question one --question two --memory >"$room/out" 2>"$room/said" &&
	[ "$(sed -n '1p;3p' "$room/out" | tr '\n' ,)" = one,two, ] &&
	grep -q '^memory: param [1-9].*, in all [1-9][0-9]* bytes' "$room/said"
check as-text $? "$(cat "$room/out" "$room/said")"
