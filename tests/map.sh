#!/bin/sh
# map.sh - the map of the house: every room in the order of the data, and for
# each file the first sentence of its head comment.
#
# usage: tests/map.sh           prints the map
#        tests/map.sh FILE      puts it between the two markers in FILE
cd "$(dirname "$0")/.." || exit 1

# sentences FILE...: "  NAME  sentence", at most 76 characters of it: a longer
# one ends at a comma, colon or semicolon.
sentences() {
	awk '
	function tell() {
		sub(/^[a-z_A-Z0-9.]+ - /, "", text)
		if (match(text, /[.]  /))
			text = substr(text, 1, RSTART - 1)
		while (length(text) > 76 && match(text, /[,:;] [^,:;]*$/))
			text = substr(text, 1, RSTART - 1)
		sub(/[.]$/, "", text)
		printf "  %-20s  %s\n", name, text
	}
	FNR == 1 {
		if (name)
			tell()
		name = FILENAME
		sub(/^.*\//, "", name)
		text = ""
		done = 0
	}
	done || /^#!/ { next }
	!sub(/^(\/[*]|--|#| [*]) */, "") || $0 == "" { done = 1; next }
	{
		done = sub(/ *[*]\/ *$/, "")
		text = text (text ~ /[.]$/ ? "  " : text ? " " : "") $0
	}
	END { tell() }' "$@"
}

# room FOLDER JOB FILE...: these files first, then the others of the folder, but
# no headers of a file of the same name
room() {
	folder=$1
	printf '\n%-24s%s\n' "$folder/" "$2"
	shift 2
	first=$*
	set --
	for file in $first $(find "$folder" -maxdepth 1 -type f \
		! -name README.md ! -name '.*' | sed 's|.*/||' | LC_ALL=C sort); do
		file=$folder/$file
		[ "$file" = "${file%.h}.h" ] && [ -e "${file%.h}.c" ] && continue
		case " $* " in *" $file "*) continue ;; esac
		if [ ! -e "$file" ]; then
			echo "map.sh: $file is not there" >&2
			exit 1
		fi
		set -- "$@" "$file"
	done
	sentences "$@"
}

# passes: their files in running order, each with the files that help it
passes() {
	sed -n 's/^PASS(\([a-z]*\),.*/\1/p' compiler/pass.def | while read -r word; do
		echo "$word.c"
		case $word in
		grad) echo update.c ;;
		layout) echo view.c ;;
		lower) echo library.c kernel.c rows.c columns.c loops.c formula.c \
			special.c effect.c instance.c steps.c ;;
		emit) echo tmpl.c ;;
		build) echo nvrtc.c ;;
		esac
	done
}

# tests FOLDER JOB: one line for a room of tests
tests() {
	[ -d "tests/$1" ] || return
	printf '  %-20s  %s\n' "$1/" "$2"
}

map() {
	room models 'networks, described in Lua' soho_tiny.lua
	room models/lib 'their parts' image.lua resnet.lua neck.lua bert.lua \
		heads.lua nn.lua optim.lua
	# shellcheck disable=SC2046
	room compiler 'sohoc: from MODEL.lua to plan.bin' sohoc.c options.c \
		front.c sandbox.c lua_run.c lua_lib.c lua_config.c lua_phase.c \
		lua_op.c lua_tensor.c lua_update.c names.c parse.c scan.c print.c \
		graph.c ops.def ops.c pass.def $(passes)
	room compiler/ops 'families of ops: shapes, formulas, gradients'
	room compiler/target 'what plans can be made for'
	room templates 'kernels before they are specialised, for every target' \
		functions.h
	room templates/cpu 'those for the CPU' prelude.h elem.c \
		row.c column.c
	room templates/cuda 'those for NVIDIA GPUs' prelude.h emu.h elem.cu row.cu \
		column.cu column_end.cu
	printf '\n%-24s%s\n' generated/ 'what sohoc makes of soho_tiny, to read'
	printf '  %-20s  %s\n' soho_tiny.cpu/ "plan.txt and the kernels' sources"
	printf '  %-20s  %s\n' soho_tiny.cuda/ "the kernels' sources for a GPU"
	room runtime 'soho-rt and libsoho: run a plan' soho_rt.c cmd.c \
		cmd_train.c cmd_eval.c cmd_infer.c cmd_exec.c cmd_convert.c \
		cmd_bench.c cmd_plan.c cmd_data.c calibrate.c api.c answer.c \
		run.h planread.c \
		planrows.c planlib.c planverify.c planshow.c device.c run_cpu.c \
		exec.c libdnnl.c weights.c weight_names.c tensors.c safetensors.c \
		train_open.c train.c log.c \
		checkpoint.c manifest.c state.c dataset.c evaluate.c score.c
	room runtime/data 'from files to tensors' data.h vqa.c answers.c json.c \
		json_scalar.c json_file.c words.c words_split.c zip.c image.c jpeg.c png.c \
		resize.c feed.c ring.c bucket.c picture.c
	room runtime/torch "PyTorch's files, without ever running them" torch.h \
		apart.c pth_read.c state_dict.c pickle.c opcodes.c objects.c stored.c \
		pth_write.c
	room runtime/cuda 'plans on a GPU' run_cuda.c driver.c cudalib.c
	room include/soho 'what both programs and their users share' rt.h plan.h
	room examples 'to begin with' demo.sh easy_vqa.sh pretrain.sh ask.c new_op.md
	room tests 'and what checks all this'
	tests unit 'one part each, in C'
	tests front 'models, good and bad, and the walls around them'
	tests err 'models with one mistake, and the message each gets'
	tests pass 'what single passes make of small graphs'
	tests plan 'plans, dumps and generated/'
	tests op 'every op and its gradient beside doubles'
	tests emu 'the plans for a GPU on an emulated one'
	tests gpu 'what a machine with a GPU has to show'
	tests fuzz 'random graphs, compiled in several ways'
	tests templates 'every template alone, and the prelude'
	tests cli 'command lines and exit codes'
	tests data 'pictures, zips, JSON and questions from elsewhere'
	tests parity 'steps beside the oracle'
	tests oracle 'SOHO in PyTorch, and what it computed'
	tests e2e 'training from end to end, killed and resumed'
	tests bench 'beside PyTorch'
	tests house 'this map, help texts, the same bytes twice'
	tests tools 'what the tests compare with'
	tests results 'what long comparisons found: tables, curves'
}

# between FILE: the file with the map between its markers
between() {
	awk -v map="$2" '
	/^<!-- map -->$/ {
		print
		print "```"
		while ((getline line < map) > 0)
			if (line != "" || n++)
				print line
		print "```"
		skip = 1
	}
	/^<!-- end of map -->$/ { skip = 0 }
	!skip { print }' "$1"
}

if [ $# -eq 0 ]; then
	map
	exit
fi
new=$(mktemp -d) || exit 1
trap 'rm -rf "$new"' EXIT
map >"$new/map" || exit
between "$1" "$new/map" >"$new/readme" && cat "$new/readme" >"$1"
