# story.sh - how the examples tell what they do: chapters, commands, figures.
# They source it from the project's root.
# shellcheck shell=sh

# part TITLE: begins a chapter
part() {
	printf '\n--- %s\n' "$1"
}

# run COMMAND...: shows it, then does it
run() {
	printf '$ %s\n' "$*"
	"$@"
}

# show FILE COMMAND...: the same, and keeps what it prints
show() {
	file=$1
	shift
	printf '$ %s\n' "$*"
	"$@" >"$file"
	cat "$file"
}

# number FILE LINE: the first percentage in the line that begins so
number() {
	sed -n "s/^$2 *\([0-9.]*\) *%.*/\1/p" "$1"
}
