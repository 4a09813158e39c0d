#!/bin/sh
# res18.sh - memory of soho_res18 as it answers at 608x1024, with random weights
# from a file.  SOHOC, SOHO_RT: the programs.  Takes a minute and 2 GB.
. tests/e2e/lib/mini.sh
. tests/e2e/lib/resident.sh

"$SOHOC" models/soho_res18.lua -o "$room" --set vocab="$data/vocab.txt" \
	>"$room/out" 2>&1
check compiles $? "$(tail -n 3 "$room/out")"
tail -n 1 "$room/out" | sed 's/^/# /'
names=$("$SOHO_RT" plan "$room/plan.bin" | awk '$1 == "buffer" &&
	($7 == "param" || $7 == "state") { print $2 }' | paste -s -d , -)
"$SOHO_RT" exec "$room/plan.bin" init --seed 1 --want "$names" \
	--out "$room/weights.safetensors" >"$room/out" 2>&1
check weights $? "$(cat "$room/out")"
resident res18 "$room/plan.bin" --weights "$room/weights.safetensors"
