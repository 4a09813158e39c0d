#!/bin/sh
# Hostile and odd files of weights, PyTorch's and safetensors: the verdicts of
# their manifests, through `soho-rt convert`.  What is refused leaves no file
# behind; nothing that a file asks for is executed or connected to.
. tests/data/lib/verdict.sh
data=${SOHO_TESTDATA:-../shared/data}
OMP_WAIT_POLICY=passive # or soho-rt starts itself once more
export OMP_WAIT_POLICY

# digest: one checksum of lines `NAME SHA256`, from stdin
digest() {
    LC_ALL=C sort | sha256sum | cut -d' ' -f1
}

# expected FILE: that of expected.json, of a checkpoint's state_dict alone
expected() {
    awk -v file="\"$1\": {" '
        $0 == file { inside = 1; next }
        inside && /\.(pth|safetensors)": [{]/ { exit }
        inside && /": [{]$/ { name = $0; gsub(/^"|": [{]$/, "", name) }
        inside && /"sha256"/ {
            split($0, part, "\"")
            if (name !~ /^optimizer\//) {
                sub(/^state_dict\/module\./, "", name)
                print name, part[4]
            }
        }' "$dir/expected.json" | digest
}

# What a row's file becomes, read again.
show() {
    rm -f "$tmp/out.safetensors"
    timeout 10 "$SOHO_RT" convert "$dir/$1" "$tmp/out.safetensors" \
        >"$tmp/said"
    rc=$?
    if [ $rc -ne 0 ]; then
        [ ! -e "$tmp/out.safetensors" ] && [ ! -e "$tmp/out.safetensors.tmp" ] ||
            return 99
        return $rc
    fi
    "$SOHO_RT" data tensors "$tmp/out.safetensors" |
        sed 's/ [A-Z0-9]* \[.*sha256:/ /' | digest
}

# rows: FILE, verdict, checksum
rows() {
    sed 1d "$dir/MANIFEST.tsv" | cut -f 1,3 |
        while IFS=$tab read -r file verdict; do
            want=-
            [ "$verdict" = accept ] && want=$(expected "$file")
            printf '%s\t%s\t%s\n' "$file" "$verdict" "$want"
        done
}

# deeds: of the system calls of a trace, those that reading a file and writing
# another have no need of: a second program, any connection, a change to a file
# that is not the one to write
deeds() {
    awk '
        { sub(/^[0-9]+ +/, "") }
        /^execve\(/ && !programs++ { next }
        /^(execve|execveat|fork|vfork|kill|tkill|tgkill|ptrace)\(/
        /^(socket|socketpair|connect|bind|listen|accept|send|recv)/
        /O_WRONLY|O_RDWR|O_CREAT|^(un)?link|^rename|^mkdir|^sym|^chmod|^mknod/ {
            if (!/out\.safetensors/)
                print
        }' "$tmp/trace" | cut -c 1-80
}

# quiet: no file makes soho-rt do any such thing
quiet() {
    if ! strace -o "$tmp/trace" true 2>"$tmp/err" ||
        grep -q __asan_init "$SOHO_RT"; then
        echo "skip $1 quiet: no strace, or a sanitizer"
        return
    fi
    strace -f -o "$tmp/trace" -e trace=%process,%network,%file,%signal \
        sh -c ": >'$tmp/owned'; exec /bin/true"
    if [ "$(deeds | grep -c 'execve(.*true\|owned')" -ne 2 ]; then
        echo "not ok $1 quiet: would not see a program or a file: $(deeds)"
        return
    fi
    files=0 bad=
    for file in "$dir"/*.*; do
        strace -f -o "$tmp/trace" -e trace=%process,%network,%file,%signal \
            "$SOHO_RT" convert "$file" "$tmp/out.safetensors" \
            >"$tmp/said" 2>"$tmp/err"
        files=$((files + 1))
        deed=$(deeds | sed 1q)
        [ -z "$deed" ] || bad="$bad $(basename "$file"): $deed"
        grep -q '^[0-9]* *execve(' "$tmp/trace" || bad="$bad $file: no trace"
    done
    if [ -z "$bad" ]; then
        echo "ok $1 quiet, $files files: one program, no connection, no file" \
            'but the one to write'
    else
        echo "not ok $1 quiet:$bad"
    fi
}

# Its row expects malice; torch.load reads the same 38 tensors from it.
known="picklescan__pytorch_model.bin: a whole DistilBERT of torch.save, nothing forbidden in it"
for class in pickle safetensors; do
    dir=$data/bad/$class
    if [ ! -f "$dir/MANIFEST.tsv" ]; then
        echo "skip bad/$class: no $dir"
        continue
    fi
    rows | judge "bad/$class"
    quiet "bad/$class"
done
