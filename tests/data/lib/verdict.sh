# verdict.sh - compares what soho-rt makes of hostile files with the verdicts
# of a MANIFEST.tsv; sourced by the tests of this room.
#
# judge CLASS reads rows `file TAB expect TAB checksum` ("-": none) from stdin
# and calls `show FILE` for each, which prints the checksum of what was read on
# stdout and messages on stderr.  One line per verdict comes out.
#   accept         exit 0, the checksum agrees
#   reject         exit 3, stderr names the file
#   reject-member  as reject, and the checksum of what is good agrees
#   either         exit 0, or as reject
# Rows that a library is known to get wrong stand in $known, `FILE: why` one a
# line; each is skipped aloud, and must leave the list when it holds.

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
known=
tab=$(printf '\t')

# Address space of at most 2.5 GB; a sanitizer needs more than that.
grep -q __asan_init "$SOHO_RT" || ulimit -v 2621440

# Prints why a row does not hold, or nothing.
fault() {
    expect=$1 rc=$2 got=$3 want=$4 name=$5
    refused=no
    if [ "$rc" = 3 ] && [ -s "$tmp/err" ] && grep -qF "$name" "$tmp/err"; then
        refused=yes
    fi
    same=no
    if [ "$want" = - ] || [ "$got" = "$want" ]; then same=yes; fi
    case $expect,$rc,$refused,$same in
    accept,0,*,yes | reject,*,yes,* | reject-member,*,yes,yes) ;;
    either,0,*,* | either,*,yes,*) ;;
    accept,0,*,no) echo "other checksum" ;;
    *) echo "exit $rc" ;;
    esac
}

judge() {
    class=$1
    : >"$tmp/count"
    while IFS=$tab read -r file expect want; do
        got=$(show "$file" 2>"$tmp/err")
        rc=$?
        why=$(fault "$expect" "$rc" "$got" "$want" "$file")
        reason=$(printf '%s\n' "$known" | sed -n "s/^$file: //p")
        if [ -n "$reason" ] && [ -n "$why" ]; then
            echo "skip $class $expect $file: $why, $reason"
            continue
        fi
        [ -z "$reason" ] || why="holds now, take it off the list"
        printf '%s\t%s\t%s\n' "$expect" "$file" "$why" >>"$tmp/count"
    done
    awk -F'\t' -v class="$class" '
        { rows[$1]++ }
        $3 != "" { bad[$1]++; names[$1] = names[$1] " " $2 " (" $3 ")" }
        END {
            for (v in rows)
                if (bad[v])
                    printf "not ok %s %s: %d of %d rows:%s\n", class, v,
                        bad[v], rows[v], names[v]
                else
                    printf "ok %s %s, %d rows\n", class, v, rows[v]
        }' "$tmp/count" | sort
}
