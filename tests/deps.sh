#!/bin/sh
# deps.sh - the rules of the house that a look at the files can check: who may
# include whom, one name one file, and that a pass calls no pass.
#
#   include -> soho           compiler -> soho, compiler
#   runtime -> soho, runtime  templates -> their prelude
#   examples -> soho/rt.h     tests -> anything
cd "$(dirname "$0")/.." || exit 1
bad=0

# offend TEXT: prints it, if there is any, and remembers
offend() {
	[ -z "$2" ] && return
	printf '%s\n%s\n' "$1" "$2"
	bad=1
}

# rule DIR REGEX: what "..." includes in DIR begin with
rule() {
	[ -d "$1" ] || return
	offend "$1 may not include:" "$(
		grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$1" \
			--include='*.[ch]' --include='*.def' --include='*.cu' |
			grep -vE "\"($2)[^\"]*\""
	)"
}
rule include 'soho/'
rule compiler 'soho/|compiler/'
rule runtime 'soho/|runtime/'
rule templates 'prelude\.|kernel\.h|functions\.h|attention\.h'
rule examples 'soho/rt\.h'

# Families of ops and templates are named after their rows and ops.
offend 'the same file name twice:' "$(
	find include compiler runtime examples -type f -name '*.[ch]' \
		! -path 'compiler/ops/*' | sed 's|.*/||' | sort | uniq -d
)"

offend 'a pass calls a pass:' "$(
	grep -nE 'pass_[a-z]+\(' compiler/*.c compiler/*/*.c |
		grep -vE '(^|/)([a-z]+)\.c:[0-9]+:pass_\2\('
)"
exit $bad
